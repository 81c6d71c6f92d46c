/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/api/endpoint.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/api/endpoint_int.h"

#define VERSION_VENDOR "2026-10-21"
#define VERSION_PORTABLE "2023-06-01"
#define IDLE_VENDOR_S 180
#define IDLE_PORTABLE_S 600
#define WATCHERS_MAX 4 /* the choice, the API driver, a test */

struct endpoints {
	uv_loop_t *loop;
	struct http *http;
	const struct options *o;
	struct option_endpoint only; /* where there is no section */
	struct endpoint_rec *recs[OPTIONS_ENDPOINTS_MAX];
	int n;
	struct watcher {
		endpoints_looked_fn *fn; /* NULL: free */
		void *arg;
	} watchers[WATCHERS_MAX];
};

/* --- out of the configuration --- */

/* "/v1" and "/v1/messages" come from us: who wrote them meant the same server. */
static char *
base_url(const char *url)
{
	static const char *const ends[] = {"/v1/messages", "/v1", "/"};
	char *s = mem_dup(*url ? url : ENDPOINT_VENDOR_URL);
	size_t len = strlen(s);

	for (size_t i = 0; i < ARRAY_LEN(ends);) {
		size_t n = strlen(ends[i]);

		if (len > n && strcmp(s + len - n, ends[i]) == 0) {
			s[len -= n] = '\0';
			i = 0;
		} else
			i++;
	}
	return s;
}

static int
read_addresses(struct endpoint_rec *r, const char *list, struct err *err)
{
	unsigned char a[sizeof(struct in6_addr)];
	int n = 0;

	r->resolve = mem_dup(list);
	for (char *s = strtok(r->resolve, ", "); s; s = strtok(NULL, ", ")) {
		if (inet_pton(AF_INET, s, a) != 1 && inet_pton(AF_INET6, s, a) != 1)
			return err_set(err, ERR_USAGE,
			    "resolve: \"%.64s\" is no literal address", s);
		if (n == ENDPOINT_ADDRESSES_MAX)
			return err_set(err, ERR_LIMIT, "resolve: more than %d addresses",
			    ENDPOINT_ADDRESSES_MAX);
		r->addresses[n++] = s;
	}
	r->pub.addresses = n ? r->addresses : NULL;
	return 0;
}

static void
on_looked(void *arg)
{
	struct endpoints *e = arg;

	for (int i = 0; i < WATCHERS_MAX; i++)
		if (e->watchers[i].fn)
			e->watchers[i].fn(e->watchers[i].arg);
}

static bool
has_credential(const struct option_endpoint *s)
{
	return s->key_file[0] || s->token_file[0] || s->key_helper[0] ||
	    s->wif_token_file[0];
}

static int
read_credential(struct endpoints *e, struct endpoint_rec *r,
    const struct option_endpoint *s, struct err *err)
{
	struct credential_config cfg = {.name = s->name,
	    .key_file = s->key_file,
	    .token_file = s->token_file,
	    .key_helper = s->key_helper,
	    .libexec_dir = e->o->libexec_dir,
	    .wif_token_file = s->wif_token_file,
	    .wif_rule = s->wif_rule,
	    .wif_organization = s->wif_organization,
	    .wif_service_account = s->wif_service_account,
	    .wif_workspace = s->wif_workspace,
	    .url = r->url,
	    .ca_file = s->ca_file,
	    .proxy = s->proxy,
	    .addresses = r->pub.addresses,
	    .looked = on_looked,
	    .looked_arg = e};

	r->pub.needs_credential = strcmp(r->url, ENDPOINT_VENDOR_URL) == 0;
	if (!has_credential(s) && r->pub.needs_credential)
		cfg.key_file = e->o->api_key_file; /* the vendor's, and for it alone */
	if (!has_credential(s) && !*cfg.key_file)
		return 0;
	r->pub.credential = credential_new(e->loop, e->http, &cfg, err);
	return r->pub.credential ? 0 : -1;
}

static int
read_section(struct endpoints *e, struct endpoint_rec *r, const struct option_endpoint *s,
    struct err *err)
{
	struct endpoint *ep = &r->pub;
	bool vendor = strcmp(s->kind, "vendor") == 0;
	long idle_s = vendor ? IDLE_VENDOR_S : IDLE_PORTABLE_S;

	r->url = base_url(s->url);
	ep->name = s->name;
	ep->url = r->url;
	ep->model = s->model;
	ep->version = s->version[0] ? s->version
	    : vendor		    ? VERSION_VENDOR
				    : VERSION_PORTABLE;
	ep->kind = vendor ? ENDPOINT_VENDOR : ENDPOINT_PORTABLE;
	ep->ca_file = s->ca_file;
	ep->proxy = s->proxy;
	ep->plain_anywhere = !vendor;
	ep->idle_ms = (s->idle_seconds ? s->idle_seconds : idle_s) * 1000;
	ep->fallbacks = vendor && s->fallbacks == 1;
	ep->thinking = s->thinking < 0 ? vendor : s->thinking == 1;
	ep->in_usd = s->in_usd;
	ep->out_usd = s->out_usd;
	ep->cache_usd = s->cache_usd;
	ep->cache_write_usd = 2 * s->in_usd;
	if (http_check_url(ep->url, ep->plain_anywhere, err) < 0)
		return err_wrap(err, "url");
	if (read_addresses(r, s->resolve, err) < 0)
		return -1;
	return read_credential(e, r, s, err);
}

/* The one endpoint of a configuration without sections. */
static const struct option_endpoint *
only_section(struct endpoints *e)
{
	const struct options *o = e->o;

	e->only = (struct option_endpoint){.name = "vendor",
	    .url = o->api_url,
	    .kind = "vendor",
	    .model = o->model,
	    .key_file = o->api_key_file,
	    .token_file = "",
	    .key_helper = "",
	    .wif_token_file = "",
	    .wif_rule = "",
	    .wif_organization = "",
	    .wif_service_account = "",
	    .wif_workspace = "",
	    .version = "",
	    .ca_file = "",
	    .proxy = "env",
	    .resolve = "",
	    .fallbacks = 0,
	    .thinking = -1};
	return &e->only;
}

static int
endpoint_add(struct endpoints *e, const struct option_endpoint *s, struct err *err)
{
	struct endpoint_rec *r = mem_alloc(sizeof *r);

	r->http = e->http;
	uv_timer_init(e->loop, &r->probe.timer);
	r->probe.timer.data = r;
	e->recs[e->n++] = r;
	if (read_section(e, r, s, err) == 0)
		return 0;
	return err_wrap(err, "[endpoint %s]", s->name);
}

struct endpoints *
endpoints_new(
    uv_loop_t *loop, const struct options *o, struct http *http, struct err *err)
{
	struct endpoints *e = mem_alloc(sizeof *e);
	int rc = 0;

	e->loop = loop;
	e->http = http;
	e->o = o;
	if (o->n_endpoints == 0)
		rc = endpoint_add(e, only_section(e), err);
	for (int i = 0; rc == 0 && i < o->n_endpoints; i++)
		rc = endpoint_add(e, &o->endpoints[i], err);
	if (rc == 0)
		return e;
	endpoints_free(e);
	return NULL;
}

static void
on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
endpoints_free(struct endpoints *e)
{
	if (!e)
		return;
	for (int i = 0; i < e->n; i++) {
		struct endpoint_rec *r = e->recs[i];

		endpoint_probe_drop(r);
		credential_free(r->pub.credential);
		free(r->url);
		free(r->resolve);
		uv_close((uv_handle_t *)&r->probe.timer, on_timer_closed);
	}
	free(e);
}

int
endpoints_count(const struct endpoints *e)
{
	return e->n;
}

struct endpoint *
endpoints_at(struct endpoints *e, int i)
{
	return i >= 0 && i < e->n ? &e->recs[i]->pub : NULL;
}

struct endpoint *
endpoints_find(struct endpoints *e, const char *name)
{
	for (int i = 0; i < e->n; i++) {
		if (strcmp(e->recs[i]->pub.name, name) == 0)
			return &e->recs[i]->pub;
	}
	return NULL;
}

bool
endpoints_look(struct endpoints *e, int64_t max_age_ms)
{
	bool wait = false;

	for (int i = 0; i < e->n; i++) {
		struct credential *c = e->recs[i]->pub.credential;

		if (c && credential_look(c, max_age_ms))
			wait = true;
	}
	return wait;
}

void
endpoints_watch(struct endpoints *e, endpoints_looked_fn *fn, void *arg)
{
	int i = 0;

	while (i < WATCHERS_MAX && e->watchers[i].fn)
		i++;
	assert(i < WATCHERS_MAX);
	e->watchers[i] = (struct watcher){fn, arg};
}

void
endpoints_unwatch(struct endpoints *e, void *arg)
{
	for (int i = 0; i < WATCHERS_MAX; i++)
		if (e->watchers[i].arg == arg)
			e->watchers[i] = (struct watcher){NULL, NULL};
}

bool
endpoint_is_usable(const struct endpoint *ep, const char **why, const char **todo)
{
	static char words[600];
	const char *said = "", *mend = "";

	*why = *todo = "";
	if (!ep->credential && !ep->needs_credential)
		return true;
	if (ep->credential && credential_there(ep->credential, &said, &mend))
		return true;
	snprintf(words, sizeof words, "%s: %s", ep->name,
	    ep->credential ? said : "there is no credential for it");
	*why = words;
	*todo = *mend ? mend
		      : "put an API key into a file, chmod 600, and name it: "
			"api_key_file, or key_file of the endpoint";
	return false;
}
