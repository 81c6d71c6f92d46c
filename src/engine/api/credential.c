/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One endpoint's credential: where it comes from, how long it is good, who waits.
 *
 * A value is kept until its file changes, it is refused, or (federation) its
 * end comes near: with less than 120 s left the next one is fetched beside the
 * work, with less than 30 s it is waited for.  What lies on a disk is looked at beside
 * the loop (flight.h), and what was seen last is what is known.
 */
#include "engine/api/credential.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/api/credential_int.h"

#define FRESH_MS 120000 /* less left: another one is fetched beside the work */
#define LEFT_MS 30000	/* less left: it is waited for */
#define PAUSE_MS 5000	/* between two tries beside the work */
#define LOOK_MS 2000	/* so long a value in hand waits for its file's disk */
#define AGAIN_MS 5000	/* how often what cannot be used is looked at */
#define PATH_MAX_SHOWN 300
#define OAUTH_BETA "oauth-2025-04-20"

struct credential_ask {
	struct credential *c;
	struct credential_ask *next;
	credential_fn *fn;
	void *arg;
	int64_t due_ms;
};

struct credential {
	uv_loop_t *loop;
	struct http *http;
	struct credential_config cfg; /* its strings are ours */
	enum credential_source source;
	uv_timer_t timer, look_timer;
	int open;		     /* timers that are not closed yet */
	struct credential_ask *asks; /* in the order in which they came */
	struct secret *value;
	char *path;		    /* what is looked at */
	struct flight *look;	    /* NULL: none is under way */
	bool late;		    /* it has been for CREDENTIAL_WAIT_MS */
	int64_t look_ms, seen_ms;   /* the look began, the last one ended (0: none has) */
	struct keyfile_stamp stamp; /* of the file that value came from */
	bool exchanges;		    /* once the look has brought the token */
	bool there;		    /* as it was seen last */
	char there_why[512];
	int64_t got_ms;	   /* when value came */
	int64_t ends_ms;   /* federation: when it ends */
	int64_t failed_ms; /* the last try did */
	int64_t begun_ms;  /* helper or exchange in flight since */
	bool refused;	   /* value was answered with 401 */
	struct helper *helper;
	struct wif *wif;
	char why[512], todo[256]; /* of the last failure */
};

static void advance(struct credential *c);

/* --- made and freed --- */

/* The setting, and what it names: of a helper the program. */
static const char *
setting_of(const struct credential *c)
{
	static const char *const names[] = {
	    "key_file", "token_file", "key_helper", "wif_token_file"};

	return names[c->source];
}

static char *
path_of(const struct credential *c)
{
	const char *paths[] = {
	    c->cfg.key_file, c->cfg.token_file, c->cfg.key_helper, c->cfg.wif_token_file};
	const char *path = paths[c->source];

	return mem_dupn(
	    path, c->source == SOURCE_HELPER ? strcspn(path, " \t") : strlen(path));
}

static bool
is_file(const struct credential *c)
{
	return c->source == SOURCE_KEY || c->source == SOURCE_TOKEN;
}

struct credential *
credential_new(uv_loop_t *loop, struct http *http, const struct credential_config *cfg,
    struct err *err)
{
	enum credential_source source = SOURCE_KEY;
	struct credential *c;

	if (credential_config_source(cfg, &source, err) < 0)
		return NULL;
	c = mem_alloc(sizeof *c);
	c->loop = loop;
	c->http = http;
	c->source = source;
	credential_config_copy(&c->cfg, cfg);
	if (c->cfg.limit_ms <= 0)
		c->cfg.limit_ms = CREDENTIAL_ANSWER_MS;
	c->path = path_of(c);
	c->open = 2;
	uv_timer_init(loop, &c->timer);
	uv_timer_init(loop, &c->look_timer);
	uv_unref((uv_handle_t *)&c->look_timer);
	c->timer.data = c->look_timer.data = c;
	credential_look(c, INT64_MAX);
	return c;
}

static void
value_drop(struct credential *c)
{
	if (c->value)
		log_forget(secret_text(c->value));
	secret_free(c->value);
	c->value = NULL;
	c->refused = false;
}

static void
flight_drop(struct credential *c)
{
	helper_drop(c->helper);
	wif_drop(c->wif);
	c->helper = NULL;
	c->wif = NULL;
	c->exchanges = false; /* the look goes on: what it sees is worth knowing */
}

static bool
in_flight(const struct credential *c)
{
	return c->helper || c->wif || c->exchanges;
}

static void
on_timer_closed(uv_handle_t *handle)
{
	struct credential *c = handle->data;

	if (--c->open == 0)
		free(c);
}

void
credential_free(struct credential *c)
{
	if (!c)
		return;
	while (c->asks)
		credential_ask_drop(c->asks);
	flight_drop(c);
	flight_leave(c->look);
	value_drop(c);
	credential_config_fini(&c->cfg);
	free(c->path);
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
	uv_close((uv_handle_t *)&c->look_timer, on_timer_closed);
}

/* --- values --- */

static void
fail(struct credential *c, const char *why, const char *todo)
{
	snprintf(c->why, sizeof c->why, "%s", why);
	snprintf(c->todo, sizeof c->todo, "%s", todo);
	LOG("credential", "%s: %s", c->cfg.name, why);
}

/*
 * A subscription's token is for claude alone; ours of an exchange look the same
 * and are never read from a file.
 */
static bool
is_subscription(const char *token)
{
	return strncmp(token, "sk-ant-oat", 10) == 0 ||
	    strncmp(token, "sk-ant-ort", 10) == 0;
}

/* Takes secret as the value, or says why not. */
static bool
value_take(struct credential *c, struct secret *secret)
{
	if (c->source != SOURCE_WIF && is_subscription(secret_text(secret))) {
		fail(c,
		    "that is the OAuth token of a subscription, which only claude may "
		    "use, not an API key",
		    "name it in oauth_token_file, and put an API key here");
		log_forget(secret_text(secret));
		secret_free(secret);
		return false;
	}
	value_drop(c);
	c->value = secret;
	c->got_ms = clock_mono_ms();
	return true;
}

static void
on_got(const struct credential_got *got, void *arg)
{
	struct credential *c = arg;

	c->helper = NULL;
	c->wif = NULL;
	c->exchanges = false;
	if (!got->secret) {
		fail(c, got->why, got->todo);
		c->failed_ms = clock_mono_ms();
		/* what is there may still be good: the endpoint decides */
		if (c->refused)
			value_drop(c);
	} else if (value_take(c, got->secret)) {
		c->ends_ms = got->lasts_ms ? c->got_ms + got->lasts_ms : INT64_MAX;
		LOG("credential", "%s: a new one, %lld s", c->cfg.name,
		    (long long)(got->lasts_ms / 1000));
	} else
		value_drop(c);
	c->begun_ms = 0;
	advance(c);
}

/* --- what is looked at --- */

static void look_start(struct credential *c);

static int64_t
look_age(const struct credential *c)
{
	return clock_mono_ms() - c->look_ms;
}

/* Its disk does not answer, as far as anybody can wait to know. */
static bool
hangs(const struct credential *c)
{
	return c->look && c->late;
}

static void
hung_words(const struct credential *c, char *out, size_t size)
{
	snprintf(out, size, "%s %.*s: its disk has not answered for %lld s",
	    setting_of(c), PATH_MAX_SHOWN, c->path,
	    (long long)(look_age(c) + 999) / 1000);
}

static void
fail_hung(struct credential *c)
{
	char why[sizeof c->why];

	hung_words(c, why, sizeof why);
	fail(c, why, CREDENTIAL_TODO_HUNG);
}

static void
tell_looked(struct credential *c)
{
	if (c->cfg.looked)
		c->cfg.looked(c->cfg.looked_arg);
}

/* Late, or time to look again. */
static void
on_look_timer(uv_timer_t *timer)
{
	struct credential *c = timer->data;

	if (!c->look) {
		look_start(c);
		return;
	}
	c->late = true;
	LOG("credential", "%s: %s: its disk does not answer", c->cfg.name, c->path);
	tell_looked(c);
}

/* Of a file: what is there now is the value, or why there is none. */
static void
see_value(struct credential *c, const struct keyfile_seen *seen)
{
	if (!seen->changed)
		return;
	c->stamp = seen->stamp;
	if (seen->secret && value_take(c, seen->secret)) {
		c->there = true;
		return;
	}
	value_drop(c);
	if (!seen->secret)
		fail(c, seen->why,
		    c->source == SOURCE_KEY ? "look at key_file of the endpoint"
					    : "look at token_file of the endpoint");
	c->there = false;
	snprintf(c->there_why, sizeof c->there_why, "%s", c->why);
}

static void
see_exchange(struct credential *c, struct secret *token, const char *why)
{
	c->exchanges = false;
	if (token)
		c->wif = wif_start(c->http, &c->cfg, token, c->cfg.limit_ms, on_got, c);
	else
		on_got(&(struct credential_got){.why = why,
			   .todo = "look at wif_token_file of the endpoint"},
		    c);
}

static void
on_seen(const struct keyfile_seen *seen, void *arg)
{
	struct credential *c = arg;
	bool exchanges = c->exchanges;

	c->look = NULL;
	c->seen_ms = clock_mono_ms();
	if (is_file(c)) {
		see_value(c, seen);
	} else {
		c->there = seen->there;
		snprintf(c->there_why, sizeof c->there_why, "%s", seen->why);
		if (!exchanges && seen->secret) {
			log_forget(secret_text(seen->secret));
			secret_free(seen->secret);
		}
	}
	if (c->there)
		uv_timer_stop(&c->look_timer);
	else
		uv_timer_start(&c->look_timer, on_look_timer, AGAIN_MS, 0);
	tell_looked(c);
	if (exchanges)
		see_exchange(c, seen->secret, c->there_why);
	else
		advance(c);
}

static void
look_start(struct credential *c)
{
	if (c->look)
		return;
	c->look_ms = clock_mono_ms();
	c->late = false;
	if (c->source == SOURCE_HELPER)
		c->look = keyfile_program(c->loop, c->path, on_seen, c);
	else
		c->look = keyfile_token(c->loop, c->path,
		    is_file(c) && c->value ? &c->stamp : NULL, on_seen, c);
	uv_timer_start(&c->look_timer, on_look_timer, CREDENTIAL_WAIT_MS, 0);
}

bool
credential_look(struct credential *c, int64_t max_age_ms)
{
	if (!c->look && (!c->seen_ms || clock_mono_ms() - c->seen_ms > max_age_ms))
		look_start(c);
	return c->look && !hangs(c);
}

static void
flight_start_of(struct credential *c)
{
	c->begun_ms = clock_mono_ms();
	if (c->source == SOURCE_HELPER) {
		c->helper = helper_start(
		    c->loop, c->cfg.libexec_dir, c->cfg.key_helper, on_got, c);
		return;
	}
	c->exchanges = true;
	look_start(c);
}

static int64_t
value_left(const struct credential *c)
{
	if (!c->value || c->refused)
		return 0;
	if (c->source != SOURCE_WIF)
		return INT64_MAX;
	return c->ends_ms - clock_mono_ms();
}

/* A token that lasts shorter than our margins has margins of its own. */
static int64_t
margin(const struct credential *c, int64_t ms, int part)
{
	int64_t whole = (c->ends_ms - c->got_ms) / part;

	return ms < whole ? ms : whole;
}

/* --- those who ask --- */

static void
on_timer(uv_timer_t *timer)
{
	advance(timer->data);
}

/* Tells the first one; a callback may drop any other, ask again or free c. */
static void
asks_answer(struct credential *c, bool ok)
{
	struct credential_value v = {
	    .bearer = c->source == SOURCE_TOKEN || c->source == SOURCE_WIF,
	    .token = ok ? secret_text(c->value) : "",
	    .beta = c->source == SOURCE_WIF ? OAUTH_BETA : NULL};
	struct credential_ask *a = c->asks;
	char why[sizeof c->why], todo[sizeof c->todo];
	credential_fn *fn = a->fn;
	void *arg = a->arg;

	snprintf(why, sizeof why, "%s", ok ? "" : c->why);
	snprintf(todo, sizeof todo, "%s", ok ? "" : c->todo);
	c->asks = a->next;
	free(a);
	if (c->asks || in_flight(c))
		uv_timer_start(&c->timer, on_timer, 0, 0);
	fn(ok ? &v : NULL, why, todo, arg);
}

/* So long a file's disk is waited for. */
static int64_t
look_limit(const struct credential *c)
{
	int64_t limit = value_left(c) > 0 ? LOOK_MS : CREDENTIAL_FILE_MS;

	return limit < c->cfg.limit_ms ? limit : c->cfg.limit_ms;
}

/* Helper and exchange: is the value good, must one be waited for, is it too late? */
static bool
flight_look(struct credential *c)
{
	int64_t left = value_left(c), now = clock_mono_ms();

	if (left > margin(c, LEFT_MS, 4)) {
		if (!in_flight(c) && left < margin(c, FRESH_MS, 2) &&
		    (!c->failed_ms || now - c->failed_ms >= PAUSE_MS))
			flight_start_of(c);
		return true;
	}
	if (c->exchanges && look_age(c) >= look_limit(c)) {
		flight_drop(c);
		fail_hung(c);
		return true;
	}
	if (in_flight(c) && now - c->begun_ms >= c->cfg.limit_ms) {
		flight_drop(c);
		fail(c,
		    c->source == SOURCE_HELPER
			? "the key helper printed no key in its time, and was ended"
			: "the token exchange took too long, and was given up",
		    c->source == SOURCE_HELPER
			? "run key_helper's command by hand, as this user"
			: "look at url of the endpoint, and at the network");
		return true;
	}
	return false;
}

/* What runs has a limit, also when nobody waits for it. */
static void
flight_watch(struct credential *c)
{
	int64_t wait = c->begun_ms + c->cfg.limit_ms - clock_mono_ms();

	if (!in_flight(c))
		return;
	if (c->exchanges && wait > look_limit(c) - look_age(c))
		wait = look_limit(c) - look_age(c);
	if (wait <= 0 && !c->asks)
		flight_drop(c);
	else
		uv_timer_start(&c->timer, on_timer, wait > 0 ? (uint64_t)wait : 0, 0);
}

/* A file: has it been looked at, or is the disk not waited for any longer? */
static bool
look_is_over(struct credential *c)
{
	int64_t left;

	if (!c->look)
		return true;
	left = look_limit(c) - look_age(c);
	if (left > 0) {
		uv_timer_start(&c->timer, on_timer, (uint64_t)left, 0);
		return false;
	}
	if (!c->value || c->refused)
		fail_hung(c);
	return true;
}

/* What was refused and is still all there is gets no second try, until the next ask. */
static bool
value_is_good(struct credential *c)
{
	bool good = c->value && !c->refused;

	if (c->refused && !c->look) {
		c->refused = false;
		c->why[0] = c->todo[0] = '\0';
	}
	return good;
}

static void
advance(struct credential *c)
{
	if (!c->asks) {
		flight_watch(c);
		return;
	}
	if (is_file(c)) {
		if (look_is_over(c))
			asks_answer(c, value_is_good(c));
		return;
	}
	if (c->why[0] == '\0' && !flight_look(c)) {
		if (!in_flight(c))
			flight_start_of(c);
		flight_watch(c);
		return;
	}
	asks_answer(c, c->value && value_left(c) > 0);
}

struct credential_ask *
credential_get(struct credential *c, credential_fn *fn, void *arg)
{
	struct credential_ask *a = mem_alloc(sizeof *a), **at = &c->asks;

	if (!c->asks)
		c->why[0] = c->todo[0] = '\0'; /* another try */
	while (*at)
		at = &(*at)->next;
	*at = a;
	a->c = c;
	a->fn = fn;
	a->arg = arg;
	if (is_file(c))
		look_start(c);
	if (a == c->asks)
		uv_timer_start(&c->timer, on_timer, 0, 0);
	return a;
}

void
credential_ask_drop(struct credential_ask *a)
{
	struct credential_ask **at;
	struct credential *c;

	if (!a)
		return;
	c = a->c;
	for (at = &c->asks; *at != a; at = &(*at)->next)
		;
	*at = a->next;
	free(a);
	/* A helper that hangs is not what the next one who asks waits for. */
	if (!c->asks && c->helper)
		flight_drop(c);
}

bool
credential_refused(struct credential *c)
{
	c->refused = c->value != NULL;
	return c->refused || !is_file(c);
}

bool
credential_there(const struct credential *c, const char **why, const char **todo)
{
	static char words[512];

	*why = *todo = "";
	if (c->value && value_left(c) > 0)
		return true;
	if (hangs(c)) {
		hung_words(c, words, sizeof words);
		*why = words;
		*todo = CREDENTIAL_TODO_HUNG;
		return false;
	}
	if (c->seen_ms) {
		*why = c->there ? "" : c->there_why;
		return c->there;
	}
	snprintf(words, sizeof words, "%s %.*s is being looked at", setting_of(c),
	    PATH_MAX_SHOWN, c->path);
	*why = words;
	*todo = "wait a moment";
	return false;
}
