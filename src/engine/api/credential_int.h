/* SPDX-License-Identifier: GPL-3.0-or-later */
/* credential_int.h: the ways to get a credential; all of them take time. */
#ifndef ENGINE_CREDENTIAL_INT_H
#define ENGINE_CREDENTIAL_INT_H

#include <sys/types.h>
#include <time.h>

#include "engine/api/credential.h"
#include "engine/flight.h"
#include "engine/remote/secret.h"

/* --- credential_config.c --- */

enum credential_source { SOURCE_KEY, SOURCE_TOKEN, SOURCE_HELPER, SOURCE_WIF };

/* Which one is given; -1: none, more than one, or one that cannot be. */
int credential_config_source(const struct credential_config *cfg,
    enum credential_source *source, struct err *err) MUST_CHECK;
/* Owns its strings. */
void credential_config_copy(
    struct credential_config *to, const struct credential_config *cfg);
void credential_config_fini(struct credential_config *cfg);

/* --- credential_file.c: what lies at a path of the settings --- */

/* Which file it was: a rotation changes one of these. */
struct keyfile_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct keyfile_seen {
	bool
	    changed; /* it is not the file that `before` names; else all below is empty */
	bool there;  /* and it can be used */
	struct keyfile_stamp stamp;
	struct secret *secret; /* of a token, when it is there; taken */
	const char *why;       /* "": it is */
};
typedef void keyfile_fn(const struct keyfile_seen *seen, void *arg);

/*
 * A flight that reads a token, where it is not the one that before (NULL: none) names,
 * or looks whether a program can be run.  Copies path and before.
 */
struct flight *keyfile_token(uv_loop_t *loop, const char *path,
    const struct keyfile_stamp *before, keyfile_fn *fn, void *arg);
struct flight *keyfile_program(
    uv_loop_t *loop, const char *path, keyfile_fn *fn, void *arg);

/* --- helper and exchange --- */

/* What came, or NULL and why; expires_ms is how long it lasts (WIF), else 0. */
struct credential_got {
	struct secret *secret; /* taken */
	int64_t lasts_ms;
	const char *why, *todo;
};
typedef void credential_got_fn(const struct credential_got *got, void *arg);

/*
 * credential_helper.c: runs the command through the launcher.  fn comes once,
 * from the loop, unless it is dropped; a helper that is dropped is killed with
 * all that it started.  It has no time limit of its own.
 */
struct helper;
struct helper *helper_start(uv_loop_t *loop, const char *libexec, const char *command,
    credential_got_fn *fn, void *arg);
void helper_drop(struct helper *h);

/* credential_wif.c: one exchange of token, which is taken; borrows cfg.  The same rules.
 */
struct wif;
struct wif *wif_start(struct http *http, const struct credential_config *cfg,
    struct secret *token, int64_t limit_ms, credential_got_fn *fn, void *arg);
void wif_drop(struct wif *w);

/* Are the ids what can stand in a request?  0, or -1 with words. */
int wif_check(const struct credential_config *cfg, struct err *err) MUST_CHECK;

#endif
