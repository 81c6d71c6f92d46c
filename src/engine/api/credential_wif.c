/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Workload Identity Federation: a projected service-account token is exchanged
 * for one of the API.
 *
 * The body is made of pieces around the token's own locked memory, so that no
 * second copy of it lies on the heap.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "engine/api/credential_int.h"
#include "wire/json.h"

#define ANSWER_MAX (64 * 1024) /* bytes */
#define ID_MAX 128
#define PIECES_MAX 16
#define LASTS_DEFAULT_S 300
#define LASTS_MAX_S 86400

static const char grant[] =
    "{\"grant_type\":\"urn:ietf:params:oauth:grant-type:jwt-bearer\",\"assertion\":\"";

struct wif {
	struct http_call *call;
	struct secret *token;
	credential_got_fn *fn;
	void *arg;
	uv_timer_t soon;
	char *url;
	struct http_piece pieces[PIECES_MAX];
	size_t n;
	struct buf answer;
	int status;
	char why[512];
	const char *todo;
};

static bool
only(const char *s, const char *more)
{
	for (; *s; s++) {
		if ((*s < 'a' || *s > 'z') && (*s < 'A' || *s > 'Z') &&
		    (*s < '0' || *s > '9') && !strchr(more, *s))
			return false;
	}
	return true;
}

int
wif_check(const struct credential_config *cfg, struct err *err)
{
	struct {
		const char *key, *value;
		bool must;
	} ids[] = {{"wif_rule", cfg->wif_rule, true},
	    {"wif_organization", cfg->wif_organization, true},
	    {"wif_service_account", cfg->wif_service_account, false},
	    {"wif_workspace", cfg->wif_workspace, false}};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		const char *value = ids[i].value ? ids[i].value : "";

		if (ids[i].must && !*value)
			return err_set(err, ERR_USAGE,
			    "wif_token_file needs %s beside it", ids[i].key);
		if (strlen(value) > ID_MAX || !only(value, "_-"))
			return err_set(err, ERR_USAGE, "%s is no id", ids[i].key);
	}
	/* plain only to this host: the token is worth as much as a key */
	return http_check_url(cfg->url, false, err);
}

static void
piece(struct wif *w, const char *text)
{
	w->pieces[w->n++] = (struct http_piece){text, strlen(text)};
}

static void
pieces(struct wif *w, const struct credential_config *cfg)
{
	struct {
		const char *before, *value;
	} members[] = {{"\",\"federation_rule_id\":\"", cfg->wif_rule},
	    {"\",\"organization_id\":\"", cfg->wif_organization},
	    {"\",\"service_account_id\":\"", cfg->wif_service_account},
	    {"\",\"workspace_id\":\"", cfg->wif_workspace}};

	piece(w, grant);
	piece(w, secret_text(w->token));
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		if (!members[i].value || !*members[i].value)
			continue;
		piece(w, members[i].before);
		piece(w, members[i].value);
	}
	piece(w, "\"}");
}

static void
on_soon_closed(uv_handle_t *handle)
{
	struct wif *w = handle->data;

	if (w->answer.data)
		explicit_bzero(w->answer.data, w->answer.size);
	buf_fini(&w->answer);
	if (w->token)
		log_forget(secret_text(w->token));
	secret_free(w->token);
	free(w->url);
	free(w);
}

void
wif_drop(struct wif *w)
{
	if (!w)
		return;
	w->fn = NULL;
	http_cancel(w->call);
	w->call = NULL;
	if (!uv_is_closing((uv_handle_t *)&w->soon))
		uv_close((uv_handle_t *)&w->soon, on_soon_closed);
}

static void
wif_tell(struct wif *w, struct secret *secret, int64_t lasts_ms)
{
	struct credential_got got = {
	    .secret = secret, .lasts_ms = lasts_ms, .why = w->why, .todo = w->todo};
	credential_got_fn *fn = w->fn;

	w->fn = NULL;
	w->call = NULL;
	if (fn)
		fn(&got, w->arg);
	wif_drop(w);
}

static void
on_soon(uv_timer_t *timer)
{
	wif_tell(timer->data, NULL, 0);
}

/* What the server says about its no: {"error":{"message"}} or OAuth's own form. */
static void
wif_refusal(struct wif *w)
{
	struct err err;
	struct js *m = js_parse(buf_str(&w->answer), w->answer.len, &err);
	struct js *error = m ? js_get(m, "error") : NULL;
	const char *said = error ? js_str(error, "message")
	    : m			 ? js_str(m, "error_description")
				 : NULL;
	char clean[256];

	if (!said && m && !error)
		said = js_str(m, "error");
	snprintf(clean, sizeof clean, "%.255s", said ? said : "");
	log_redact(clean, strlen(clean));
	if (w->token)
		w->todo = w->status >= 500
		    ? "try again; another endpoint may answer meanwhile"
		    : "look at the federation rule and at the service account's token";
	snprintf(w->why, sizeof w->why, "the token exchange was refused (%d)%s",
	    w->status, *clean ? ": " : "");
	scrub_label(clean, strlen(clean), w->why + strlen(w->why),
	    sizeof w->why - strlen(w->why));
	js_free(m);
}

static struct secret *
wif_answer(struct wif *w, int64_t *lasts_ms)
{
	struct err err;
	struct js *m = js_parse(buf_str(&w->answer), w->answer.len, &err);
	const char *token = m ? js_str(m, "access_token") : NULL;
	const char *type = m ? js_str(m, "token_type") : NULL;
	int64_t s = m ? js_int(m, "expires_in", LASTS_DEFAULT_S) : 0;
	struct secret *secret = NULL;

	w->todo = "is url the API's own address?";
	if (!token ||
	    (type && strcmp(type, "Bearer") != 0 && strcmp(type, "bearer") != 0))
		snprintf(w->why, sizeof w->why,
		    "the token exchange gave an answer that holds no bearer token");
	else if (s < 1 || s > LASTS_MAX_S)
		snprintf(w->why, sizeof w->why,
		    "the token exchange gave a token that is already over");
	else if ((secret = secret_of_token(
		      token, strlen(token), "the exchanged token", &err)) == NULL)
		snprintf(w->why, sizeof w->why, "%s", err.words);
	*lasts_ms = s * 1000;
	js_free(m);
	return secret;
}

static void
on_headers(int status, const struct http_headers *h, void *arg)
{
	((struct wif *)arg)->status = status;
}

static bool
on_body(const char *data, size_t len, void *arg)
{
	struct wif *w = arg;

	return buf_add(&w->answer, data, len) == 0;
}

static void
on_end(enum http_end how, const char *why, const char *todo, void *arg)
{
	struct wif *w = arg;
	struct secret *secret = NULL;
	int64_t lasts_ms = 0;

	w->call = NULL;
	if (how != HTTP_DONE) {
		snprintf(w->why, sizeof w->why, "token exchange: %.440s", why);
		w->todo = "look at url of the endpoint, and at the network";
	} else if (w->status != 200)
		wif_refusal(w);
	else
		secret = wif_answer(w, &lasts_ms);
	wif_tell(w, secret, lasts_ms);
}

struct wif *
wif_start(struct http *http, const struct credential_config *cfg, struct secret *token,
    int64_t limit_ms, credential_got_fn *fn, void *arg)
{
	static const struct http_events events = {
	    .headers = on_headers, .body = on_body, .end = on_end};
	static const char *const headers[] = {"content-type: application/json",
	    "anthropic-beta: oauth-2025-04-20,oidc-federation-2026-04-01", NULL};
	struct wif *w = mem_alloc(sizeof *w);

	w->fn = fn;
	w->arg = arg;
	w->todo = "look at wif_token_file of the endpoint";
	buf_init(&w->answer, ANSWER_MAX);
	uv_timer_init(http_loop(http), &w->soon);
	w->soon.data = w;
	w->token = token;
	if (!only(secret_text(w->token), "._-")) {
		snprintf(w->why, sizeof w->why, "%.400s holds no service account's token",
		    cfg->wif_token_file);
		uv_timer_start(&w->soon, on_soon, 0, 0);
		return w;
	}
	pieces(w, cfg);
	w->url = mem_printf("%s/v1/oauth/token", cfg->url);
	w->call = http_start(http,
	    &(struct http_request){.method = "POST",
		.url = w->url,
		.headers = headers,
		.body = w->pieces,
		.pieces = w->n,
		.connect_ms = limit_ms,
		.headers_ms = limit_ms,
		.idle_ms = limit_ms,
		.ca_file = cfg->ca_file,
		.proxy = cfg->proxy,
		.addresses = cfg->addresses,
		.body_max = ANSWER_MAX},
	    &events, w);
	return w;
}
