/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/api.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "doctor/looks.h"
#include "engine/api/endpoint.h"
#include "engine/remote/secret.h"

#define CONNECT_MS 5000
#define HEADERS_MS 8000
#define LIMIT_MS 20000 /* credential and request together */
#define LATE_MS 2000   /* more, and the loop hangs; DOCTOR_MS is longer than all of it */
#define BODY_MAX (1024 * 1024)
#define FILE_MAX (1024 * 1024) /* read of a bundle of certificates */

struct asked {
	struct api *a;
	struct endpoint *ep;
	struct credential_ask *ask;
	struct http_call *call;
	int status;
	bool tried, over;
	int64_t began_ms;
	struct said said;
};

struct api {
	struct pen *pen;
	const struct options *o;
	uv_loop_t loop;
	struct http *http;
	struct endpoints *all;
	uv_timer_t limit;
	struct asked asked[OPTIONS_ENDPOINTS_MAX];
	int count, left;
	bool told;
};

/* ---- what is made of it --------------------------------------------------------------
 */

void
api_judge(const struct api_seen *s, struct said *out)
{
	bool tls = strncmp(s->url, "https:", 6) == 0;

	if (s->status == 0) {
		said_fail(out, "%s: %s", s->url, s->why);
		said_do(out, "%s", s->todo);
	} else if (s->status == 401 && !s->tried && s->subscription) {
		said_pass(out,
		    "%s: answers in %ld ms%s; the subscription's token is only claude's to try",
		    s->url, s->ms, tls ? ", TLS well" : "");
	} else if (s->status == 401 || s->status == 403) {
		said_fail(out, "%s: %s (status %d)", s->url,
		    s->tried ? "its credential is refused"
			     : "it wants a credential and has none",
		    s->status);
		said_do(out,
		    s->tried
			? "put a valid key into the file that the settings name for it; a key "
			  "of another account, or one that was deleted, is refused so"
			: "put its key into a file, mode 0600, and name that: key_file in its "
			  "section, or api_key_file");
	} else if (s->status < 300)
		said_pass(out, "%s: answers in %ld ms%s%s", s->url, s->ms,
		    tls ? ", TLS well" : "",
		    s->tried ? ", takes the credential"
			     : ", no credential was asked for");
	else if (s->status < 500 && s->portable && s->status != 429)
		said_pass(out,
		    "%s: answers in %ld ms%s; it has no list of models, so its credential was not tried",
		    s->url, s->ms, tls ? ", TLS well" : "");
	else {
		said_warn(out, "%s: answers with status %d%s", s->url, s->status,
		    s->status == 429	   ? ", too many requests"
			: s->status == 529 ? ", overloaded"
					   : "");
		said_do(out,
		    s->status < 500
			? "look whether that address is the right one: url in its section, or api_url"
			: "wait, or put another endpoint behind it: [endpoint NAME]");
	}
	js_set_int(said_values(out), "status", s->status);
	js_set_int(out->values, "ms", s->ms);
	js_set_bool(out->values, "credential", s->tried);
}

/* ---- one endpoint ---- */

static void
over(struct asked *q, const char *why, const char *todo)
{
	if (q->over)
		return;
	q->over = true;
	api_judge(&(struct api_seen){.url = q->ep->url,
		      .portable = q->ep->kind == ENDPOINT_PORTABLE,
		      .tried = q->tried,
		      .subscription = q->a->o->oauth_token_file[0] != '\0',
		      .status = q->status,
		      .ms = (long)(clock_mono_ms() - q->began_ms),
		      .why = why,
		      .todo = todo},
	    &q->said);
	q->a->left--;
}

/* In the order of the settings, so not before all of them are over. */
static void
tell_all(struct api *a)
{
	if (a->left > 0 || a->told)
		return;
	a->told = true;
	for (int i = 0; i < a->count; i++)
		pen_add(a->pen, CHECK_ENDPOINT, a->asked[i].ep->name, &a->asked[i].said);
	pen_over(a->pen, CHECK_ENDPOINT);
	uv_stop(&a->loop);
}

static void
on_headers(int status, const struct http_headers *h, void *arg)
{
	((struct asked *)arg)->status = status;
}

static void
on_end(enum http_end how, const char *why, const char *todo, void *arg)
{
	struct asked *q = arg;

	q->call = NULL;
	if (how == HTTP_REDIRECT)
		q->status = 0;
	over(q, why, todo);
	tell_all(q->a);
}

static void
ask(struct asked *q, const struct credential_value *v)
{
	static const struct http_events events = {.headers = on_headers, .end = on_end};
	const struct endpoint *ep = q->ep;
	const char *headers[5] = {NULL};
	char *url = mem_printf("%s/v1/models?limit=1", ep->url), *key[2] = {NULL};
	char *version = mem_printf("anthropic-version: %s", ep->version), *beta = NULL;
	bool both = ep->kind == ENDPOINT_PORTABLE, has = v && v->token[0];
	size_t n = 0;

	headers[n++] = version;
	if (has && (v->bearer || both))
		headers[n++] = key[0] = mem_printf("authorization: Bearer %s", v->token);
	if (has && (!v->bearer || both))
		headers[n++] = key[1] = mem_printf("x-api-key: %s", v->token);
	if (v && v->beta)
		headers[n++] = beta = mem_printf("anthropic-beta: %s", v->beta);
	q->tried = has;
	q->call = http_start(q->a->http,
	    &(struct http_request){.method = "GET",
		.url = url,
		.headers = headers,
		.connect_ms = CONNECT_MS,
		.headers_ms = HEADERS_MS,
		.idle_ms = HEADERS_MS,
		.ca_file = ep->ca_file,
		.proxy = ep->proxy,
		.addresses = ep->addresses,
		.plain_anywhere = ep->plain_anywhere,
		.body_max = BODY_MAX},
	    &events, q);
	for (int i = 0; i < 2; i++) {
		if (key[i])
			explicit_bzero(key[i], strlen(key[i]));
		free(key[i]);
	}
	free(beta);
	free(version);
	free(url);
}

static void
on_credential(
    const struct credential_value *v, const char *why, const char *todo, void *arg)
{
	struct asked *q = arg;

	q->ask = NULL;
	if (v) {
		ask(q, v);
		return;
	}
	over(q, why, todo);
	tell_all(q->a);
}

static void
on_limit(uv_timer_t *timer)
{
	struct api *a = timer->data;

	for (int i = 0; i < a->count; i++) {
		struct asked *q = &a->asked[i];

		credential_ask_drop(q->ask);
		http_cancel(q->call);
		q->ask = NULL;
		q->call = NULL;
		over(q, "no answer in time", "look at the network, a proxy, a firewall");
	}
	tell_all(a);
}

static void
begin(struct api *a, int i)
{
	struct asked *q = &a->asked[i];

	q->a = a;
	q->ep = endpoints_at(a->all, i);
	q->began_ms = clock_mono_ms();
	if (q->ep->credential)
		q->ask = credential_get(q->ep->credential, on_credential, q);
	else
		ask(q, NULL);
}

/* ---- the files first ---- */

/* As libcurl and the kernel will: a FIFO, too, keeps who opens it. */
static void
read_through(struct pen *pen, const char *path)
{
	char part[4096];
	size_t len = 0;
	ssize_t n;
	int fd;

	if (!path || !*path)
		return;
	pen_at(pen, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	while (fd >= 0 && len < FILE_MAX && (n = read(fd, part, sizeof part)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		close(fd);
}

/* What is wrong with it is said when it is asked for. */
static void
read_secret(struct pen *pen, const char *path)
{
	struct err err;

	if (!*path)
		return;
	pen_at(pen, path);
	secret_free(secret_load_token(path, &err));
}

static void
read_files(struct pen *pen, const struct options *o)
{
	bool system = o->n_endpoints == 0;

	read_secret(pen, o->api_key_file);
	for (int i = 0; i < o->n_endpoints; i++) {
		const struct option_endpoint *ep = &o->endpoints[i];
		char *helper = mem_dupn(ep->key_helper, strcspn(ep->key_helper, " \t"));

		read_secret(pen, ep->key_file);
		read_secret(pen, ep->token_file);
		read_secret(pen, ep->wif_token_file);
		read_through(pen, ep->ca_file);
		read_through(pen, helper);
		system = system || !ep->ca_file[0];
		free(helper);
	}
	if (system)
		read_through(pen, getenv("SSL_CERT_FILE"));
	pen_at(pen, "one of its files");
}

/* What is left at its end goes with the process. */
void
look_endpoints(struct pen *pen, const struct options *o)
{
	struct api a = {.pen = pen, .o = o};
	struct said said = {0};
	struct err err;
	uid_t owner;

	if (strcmp(o->agent_driver, "runbook") == 0) {
		said_skip(&said, "agent_driver is runbook: none is asked");
		pen_put(pen, CHECK_ENDPOINT, &said);
		return;
	}
	if (looks_engine_of(o, &owner)) {
		said_skip(&said,
		    "they are asked with the credentials of uid %ld's engine: sudo -u '#%ld' "
		    "breakglass doctor",
		    (long)owner, (long)owner);
		pen_put(pen, CHECK_ENDPOINT, &said);
		return;
	}
	read_files(pen, o);
	pen_limit(pen, LIMIT_MS + LATE_MS);
	uv_loop_init(&a.loop);
	a.http = http_new(&a.loop);
	a.all = endpoints_new(&a.loop, o, a.http, &err);
	if (!a.all) {
		said_err(
		    &said, RESULT_FAIL, &err, "mend that section of breakglass.conf");
		pen_put(pen, CHECK_ENDPOINT, &said);
		return;
	}
	uv_timer_init(&a.loop, &a.limit);
	a.limit.data = &a;
	uv_timer_start(&a.limit, on_limit, LIMIT_MS, 0);
	a.count = a.left = endpoints_count(a.all);
	for (int i = 0; i < a.count; i++)
		begin(&a, i);
	uv_run(&a.loop, UV_RUN_DEFAULT);
}
