/* SPDX-License-Identifier: GPL-3.0-or-later */
/* credential_int.h: the two ways to get a credential that take time. */
#ifndef ENGINE_CREDENTIAL_INT_H
#define ENGINE_CREDENTIAL_INT_H

#include "engine/api/credential.h"
#include "engine/remote/secret.h"

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

/* credential_wif.c: one exchange; borrows cfg.  The same rules. */
struct wif;
struct wif *wif_start(struct http *http, const struct credential_config *cfg,
    int64_t limit_ms, credential_got_fn *fn, void *arg);
void wif_drop(struct wif *w);

/* Are the ids what can stand in a request?  0, or -1 with words. */
int wif_check(const struct credential_config *cfg, struct err *err) MUST_CHECK;

#endif
