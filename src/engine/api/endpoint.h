/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * endpoint.h: who can be asked for an answer, in order of preference.
 *
 * From the [endpoint NAME] sections of breakglass.conf, or, where there is
 * none, one "vendor" made of api_url, api_key_file and model.  Each remembers
 * when it was last seen well or ill and why, from probes and from real calls.
 */
#ifndef ENGINE_ENDPOINT_H
#define ENGINE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/options.h"
#include "engine/api/credential.h"
#include "engine/api/http.h"

#define ENDPOINT_VENDOR_URL "https://api.anthropic.com"

enum endpoint_kind {
	ENDPOINT_VENDOR,   /* all that the vendor's API offers */
	ENDPOINT_PORTABLE, /* any server that speaks the Messages API: its plain part */
};

struct endpoint {
	const char *name;
	const char *url;     /* without a trailing slash: "/v1/messages" goes behind it */
	const char *model;   /* "": whatever the agent's definition or the option names */
	const char *version; /* anthropic-version */
	enum endpoint_kind kind;
	const char *ca_file, *proxy;  /* for struct http_request as they are */
	const char *const *addresses; /* for when no name server answers; or NULL */
	bool plain_anywhere;
	int64_t idle_ms;
	bool fallbacks, thinking;
	bool needs_credential;
	struct credential *credential; /* NULL: none given */
	/* per million tokens; 0: unknown */
	double in_usd, out_usd, cache_usd, cache_write_usd;
};

struct endpoint_price {
	double in_usd, out_usd, cache_usd, cache_write_usd; /* per million tokens */
};

struct endpoints;

/* Borrows o and http for its life.  NULL: err names section and key. */
struct endpoints *endpoints_new(uv_loop_t *loop, const struct options *o,
    struct http *http, struct err *err) MUST_CHECK;
void endpoints_free(struct endpoints *e); /* drops probes; NULL is fine */
int endpoints_count(const struct endpoints *e);
struct endpoint *endpoints_at(struct endpoints *e, int i);
struct endpoint *endpoints_find(struct endpoints *e, const char *name); /* or NULL */

/*
 * Looks at what the credentials are read from, where the last look is older than
 * max_age_ms.  True: not all is seen yet, and worth waiting for.  Those that watch hear
 * of each look that ends, and of one that has not within CREDENTIAL_WAIT_MS; they may
 * not free e from there.
 */
typedef void endpoints_looked_fn(void *arg);
bool endpoints_look(struct endpoints *e, int64_t max_age_ms);
void endpoints_watch(struct endpoints *e, endpoints_looked_fn *fn, void *arg);
void endpoints_unwatch(struct endpoints *e, void *arg);

/*
 * May it be asked: has it a credential, as it was seen last, or needs it none?  False:
 * why and todo say what is missing (lent until the next call).
 */
bool endpoint_is_usable(const struct endpoint *ep, const char **why, const char **todo);

/*
 * The model to ask for: the endpoint's own, else model (of the option or the
 * definition) with the vendor's aliases (sonnet, opus, haiku, fable) resolved.
 */
const char *endpoint_model(const struct endpoint *ep, const char *model);

/*
 * What a million tokens cost: the section's figures, else, for a vendor's
 * model, the built-in table.  prompt_tokens matters where a long prompt costs
 * more.  False: unknown, and out is all 0.
 */
bool endpoint_price(const struct endpoint *ep, const char *model, int64_t prompt_tokens,
    struct endpoint_price *out);

/*
 * Asks GET /v1/models, without the credential: any HTTP answer but a 5xx or a
 * redirect is well, a 401, too.  Spends no tokens, remembers what it saw, and
 * leaves a warm connection for the turn.  fn comes once, from the loop, within
 * limit_ms; never after endpoints_free.  Probes of one endpoint that overlap
 * share one request.
 */
typedef void endpoint_probe_fn(
    struct endpoint *ep, bool ok, const char *why, int64_t ms, void *arg);
void endpoint_probe(
    struct endpoint *ep, int64_t limit_ms, endpoint_probe_fn *fn, void *arg);
/* No fn with this arg any more.  Not from inside of another one's fn. */
void endpoint_probe_forget(struct endpoint *ep, void *arg);

/* Seen well at most max_age_ms ago, and not seen ill since. */
bool endpoint_is_well(const struct endpoint *ep, int64_t max_age_ms);
/* Seen ill at most max_age_ms ago, and not seen well since. */
bool endpoint_is_ill(const struct endpoint *ep, int64_t max_age_ms);
const char *endpoint_why(const struct endpoint *ep); /* of the last ill; "" never */
void endpoint_saw(struct endpoint *ep, bool ok, const char *why); /* copies why */

#endif
