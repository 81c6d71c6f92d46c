/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * credential.h: what an endpoint is shown, from where it is kept.
 *
 * One of: a key file, a bearer token's file, a helper command that prints the
 * key, or Workload Identity Federation (a projected service-account token is
 * exchanged for one of an hour or less).  Files are read again when they
 * change; a rotation needs no restart.  A subscription's OAuth token is
 * refused: it belongs to claude alone.  No value stands in a log or in words.
 *
 * No disk is waited for on the loop: files are looked at in the thread pool.  One
 * that hangs costs an ask 2 s where a value is in hand (it is used), else
 * CREDENTIAL_FILE_MS, once: while it hangs the next ones are answered at once.
 */
#ifndef ENGINE_CREDENTIAL_H
#define ENGINE_CREDENTIAL_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "engine/api/http.h"

#define CREDENTIAL_ANSWER_MS 10000 /* a helper or an exchange that is slower is ended */
#define CREDENTIAL_FILE_MS 5000	   /* a file's disk that is slower is not waited for */
#define CREDENTIAL_WAIT_MS 500	   /* so long a choice waits for what is there */
#define CREDENTIAL_TODO_HUNG                                                             \
	"look at that disk (dmesg, findmnt), or name a file on another one; it is used " \
	"as soon as it can be read"

struct credential;
struct credential_ask;

/* "" or NULL: not given.  More than one kind given is ERR_USAGE. */
struct credential_config {
	const char *name; /* of the endpoint, for the words */
	const char *key_file;
	const char *token_file;
	const char
	    *key_helper; /* a program and its arguments, split at spaces: no shell */
	const char *libexec_dir; /* of the launcher; "": where it was installed */
	const char *wif_token_file;
	const char *wif_rule, *wif_organization, *wif_service_account, *wif_workspace;
	/* where and how the exchange is made */
	const char *url, *ca_file, *proxy;
	const char *const *addresses; /* borrowed for the credential's life */
	bool plain_anywhere;
	int64_t limit_ms; /* 0: CREDENTIAL_ANSWER_MS; tests take less */
	/* a look has ended, or has not within CREDENTIAL_WAIT_MS; NULL: nobody cares */
	void (*looked)(void *arg);
	void *looked_arg;
};

/* All are lent for the call. */
struct credential_value {
	bool bearer;	   /* authorization: Bearer, else x-api-key */
	const char *token; /* "": the endpoint needs none */
	const char *beta;  /* what anthropic-beta must name with it, or NULL */
};

/* v is NULL when there is none: then why says it, and todo what to do. */
typedef void credential_fn(
    const struct credential_value *v, const char *why, const char *todo, void *arg);

/*
 * Copies cfg (not addresses); borrows loop and http; begins the first look.  NULL: err
 * says what is wrong.
 */
struct credential *credential_new(uv_loop_t *loop, struct http *http,
    const struct credential_config *cfg, struct err *err) MUST_CHECK;
void credential_free(struct credential *c); /* drops what is asked; NULL is fine */

/*
 * fn comes once, from the loop, never from inside this call, within
 * CREDENTIAL_ANSWER_MS; the ask is gone when fn returns.
 */
struct credential_ask *credential_get(struct credential *c, credential_fn *fn, void *arg);
void credential_ask_drop(struct credential_ask *a); /* no fn after it; NULL is fine */

/*
 * The endpoint answered 401.  True: ask again, once; another value may come
 * (a new exchange, the helper asked again, a file that has changed since).  Where the
 * file has not, that ask ends with no value and an empty why.
 */
bool credential_refused(struct credential *c);

/*
 * Looks at the file or the helper's program, unless the last look is at most max_age_ms
 * old.  True: it is under way and worth waiting for; cfg.looked comes.
 */
bool credential_look(struct credential *c, int64_t max_age_ms);

/*
 * Is there one, as it was seen last?  What cannot be used is looked at every 5 s.  why
 * and todo ("": as for any credential) are lent until the next call.
 */
bool credential_there(const struct credential *c, const char **why, const char **todo);

struct secret;

/*
 * secret_load_token, before there is a loop: its disk is waited for as long as
 * FLIGHT_START_MS.  Undone by log_forget and secret_free.
 */
struct secret *credential_read(const char *path, struct err *err) MUST_CHECK;

#endif
