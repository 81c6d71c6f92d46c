/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One endpoint's credential: where it comes from, how long it is good, who waits.
 *
 * A value is kept until its file changes, it is refused, or (federation) its
 * end comes near: with less than 120 s left the next one is fetched beside the
 * work, with less than 30 s it is waited for.
 */
#include "engine/api/credential.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/api/credential_int.h"

#define FRESH_MS 120000 /* less left: another one is fetched beside the work */
#define LEFT_MS 30000	/* less left: it is waited for */
#define PAUSE_MS 5000	/* between two tries beside the work */
#define OAUTH_BETA "oauth-2025-04-20"

enum source { SOURCE_KEY, SOURCE_TOKEN, SOURCE_HELPER, SOURCE_WIF };

/* Which file it was: a rotation changes one of these. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

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
	enum source source;
	uv_timer_t timer;
	struct credential_ask *asks; /* in the order in which they came */
	struct secret *value;
	struct stamp stamp; /* of the file that value came from */
	int64_t got_ms;	    /* when value came */
	int64_t ends_ms;    /* federation: when it ends */
	int64_t failed_ms;  /* the last try did */
	int64_t begun_ms;   /* helper or exchange in flight since */
	bool refused;	    /* value was answered with 401 */
	struct helper *helper;
	struct wif *wif;
	char why[512], todo[256]; /* of the last failure */
};

static void credential_look(struct credential *c);

/* --- made and freed --- */

static const char *
or_empty(const char *s)
{
	return s ? s : "";
}

static int
config_source(const struct credential_config *cfg, enum source *source, struct err *err)
{
	const char *given[] = {
	    cfg->key_file, cfg->token_file, cfg->key_helper, cfg->wif_token_file};
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(given); i++) {
		if (*or_empty(given[i])) {
			*source = (enum source)i;
			n++;
		}
	}
	if (n != 1)
		return err_set(err, ERR_USAGE,
		    "%s: one of key_file, token_file, key_helper and wif_token_file is "
		    "needed",
		    n ? "more than one credential" : "no credential");
	if (*source == SOURCE_HELPER && cfg->key_helper[0] != '/')
		return err_set(
		    err, ERR_USAGE, "key_helper must be a program's whole path, from /");
	return *source == SOURCE_WIF ? wif_check(cfg, err) : 0;
}

static void
config_copy(struct credential_config *to, const struct credential_config *cfg)
{
	*to = *cfg;
	to->name = mem_dup(or_empty(cfg->name));
	to->key_file = mem_dup(or_empty(cfg->key_file));
	to->token_file = mem_dup(or_empty(cfg->token_file));
	to->key_helper = mem_dup(or_empty(cfg->key_helper));
	to->libexec_dir = mem_dup(or_empty(cfg->libexec_dir));
	to->wif_token_file = mem_dup(or_empty(cfg->wif_token_file));
	to->wif_rule = mem_dup(or_empty(cfg->wif_rule));
	to->wif_organization = mem_dup(or_empty(cfg->wif_organization));
	to->wif_service_account = mem_dup(or_empty(cfg->wif_service_account));
	to->wif_workspace = mem_dup(or_empty(cfg->wif_workspace));
	to->url = mem_dup(or_empty(cfg->url));
	to->ca_file = mem_dup(or_empty(cfg->ca_file));
	to->proxy = mem_dup(cfg->proxy);
}

static void
config_fini(struct credential_config *cfg)
{
	const char *all[] = {cfg->name, cfg->key_file, cfg->token_file, cfg->key_helper,
	    cfg->libexec_dir, cfg->wif_token_file, cfg->wif_rule, cfg->wif_organization,
	    cfg->wif_service_account, cfg->wif_workspace, cfg->url, cfg->ca_file,
	    cfg->proxy};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		free((void *)(uintptr_t)all[i]);
}

struct credential *
credential_new(uv_loop_t *loop, struct http *http, const struct credential_config *cfg,
    struct err *err)
{
	enum source source = SOURCE_KEY;
	struct credential *c;

	if (config_source(cfg, &source, err) < 0)
		return NULL;
	c = mem_alloc(sizeof *c);
	c->loop = loop;
	c->http = http;
	c->source = source;
	config_copy(&c->cfg, cfg);
	if (c->cfg.limit_ms <= 0)
		c->cfg.limit_ms = CREDENTIAL_ANSWER_MS;
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
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
}

static void
on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
credential_free(struct credential *c)
{
	if (!c)
		return;
	while (c->asks)
		credential_ask_drop(c->asks);
	flight_drop(c);
	value_drop(c);
	config_fini(&c->cfg);
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
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

static bool
stamp_of(const char *path, struct stamp *s)
{
	struct stat st;

	memset(s, 0, sizeof *s);
	if (stat(path, &st) < 0)
		return false;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->size = st.st_size;
	s->mtime = st.st_mtim;
	s->ctime = st.st_ctim;
	return true;
}

static const char *
file_of(const struct credential *c)
{
	return c->source == SOURCE_KEY ? c->cfg.key_file : c->cfg.token_file;
}

static bool
file_has_changed(const struct credential *c)
{
	struct stamp now;

	stamp_of(file_of(c), &now);
	return memcmp(&now, &c->stamp, sizeof now) != 0;
}

/* Reads the file where it is new or has changed. */
static void
file_look(struct credential *c)
{
	struct secret *secret;
	struct err err;

	if (c->value && !file_has_changed(c))
		return;
	/* before the read: what changes meanwhile is seen the next time */
	stamp_of(file_of(c), &c->stamp);
	secret = secret_load_token(file_of(c), &err);
	if (secret && value_take(c, secret))
		return;
	value_drop(c);
	if (!secret)
		fail(c, err.words,
		    c->source == SOURCE_KEY ? "look at key_file of the endpoint"
					    : "look at token_file of the endpoint");
}

static void
on_got(const struct credential_got *got, void *arg)
{
	struct credential *c = arg;

	c->helper = NULL;
	c->wif = NULL;
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
	credential_look(c);
}

static void
flight_start(struct credential *c)
{
	c->begun_ms = clock_mono_ms();
	if (c->source == SOURCE_HELPER)
		c->helper = helper_start(
		    c->loop, c->cfg.libexec_dir, c->cfg.key_helper, on_got, c);
	else
		c->wif = wif_start(c->http, &c->cfg, c->cfg.limit_ms, on_got, c);
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
	credential_look(timer->data);
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
	if (c->asks || c->helper || c->wif)
		uv_timer_start(&c->timer, on_timer, 0, 0);
	fn(ok ? &v : NULL, why, todo, arg);
}

/* Helper and exchange: is the value good, must one be waited for, is it too late? */
static bool
flight_look(struct credential *c)
{
	int64_t left = value_left(c), now = clock_mono_ms();
	bool in_flight = c->helper || c->wif;

	if (left > margin(c, LEFT_MS, 4)) {
		if (!in_flight && left < margin(c, FRESH_MS, 2) &&
		    (!c->failed_ms || now - c->failed_ms >= PAUSE_MS))
			flight_start(c);
		return true;
	}
	if (in_flight && now - c->begun_ms >= c->cfg.limit_ms) {
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

	if (!c->helper && !c->wif)
		return;
	if (wait <= 0 && !c->asks)
		flight_drop(c);
	else
		uv_timer_start(&c->timer, on_timer, wait > 0 ? (uint64_t)wait : 0, 0);
}

static void
credential_look(struct credential *c)
{
	bool is_file = c->source == SOURCE_KEY || c->source == SOURCE_TOKEN;

	if (!c->asks) {
		flight_watch(c);
		return;
	}
	if (is_file)
		file_look(c);
	else if (c->why[0] == '\0' && !flight_look(c)) {
		if (!c->helper && !c->wif)
			flight_start(c);
		flight_watch(c);
		return;
	}
	asks_answer(c, c->value && (is_file || value_left(c) > 0));
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
	if (c->source == SOURCE_KEY || c->source == SOURCE_TOKEN)
		return c->value && file_has_changed(c);
	c->refused = c->value != NULL;
	return true;
}

bool
credential_there(const struct credential *c, const char **why)
{
	static char words[512];
	const char *file = c->source == SOURCE_WIF ? c->cfg.wif_token_file : file_of(c);
	size_t n = strcspn(c->cfg.key_helper, " \t");
	struct secret *secret;
	struct err err;
	char *program;
	bool there;

	*why = "";
	if (c->source == SOURCE_HELPER) {
		program = mem_dupn(c->cfg.key_helper, n);
		there = access(program, X_OK) == 0;
		snprintf(
		    words, sizeof words, "%.400s of key_helper cannot be run", program);
		free(program);
	} else if (c->value && c->source != SOURCE_WIF && !file_has_changed(c)) {
		return true;
	} else {
		secret = secret_load_token(file, &err);
		there = secret &&
		    (c->source == SOURCE_WIF || !is_subscription(secret_text(secret)));
		snprintf(words, sizeof words, "%s",
		    secret ? "that is a subscription's OAuth token, for claude alone"
			   : err.words);
		if (secret)
			log_forget(secret_text(secret));
		secret_free(secret);
	}
	if (!there)
		*why = words;
	return there;
}
