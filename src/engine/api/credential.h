/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * credential.h: what an endpoint is shown, from where it is kept.
 *
 * One of: a key file, a bearer token's file, a helper command that prints the
 * key, or Workload Identity Federation (a projected service-account token is
 * exchanged for one of an hour or less).  Files are read again when they
 * change; a rotation needs no restart.  A subscription's OAuth token is
 * refused: it belongs to claude alone.  No value stands in a log or in words.
 */
#ifndef ENGINE_CREDENTIAL_H
#define ENGINE_CREDENTIAL_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "engine/api/http.h"

#define CREDENTIAL_ANSWER_MS 10000 /* a helper or an exchange that is slower is ended */

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

/* Copies cfg (not addresses); borrows loop and http.  NULL: err says what is wrong. */
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
 * (a new exchange, the helper asked again, a file that has changed since).
 */
bool credential_refused(struct credential *c);

/* Is there one, as far as can be said without running or asking anything? */
bool credential_there(const struct credential *c, const char **why);

#endif
