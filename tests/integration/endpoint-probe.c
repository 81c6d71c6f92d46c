/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * endpoint-probe: engine/api/endpoint.c and credential.c as breakglass.conf has them,
 * for test_endpoint.py.  One command a line of standard input:
 *
 *   list  probe NAME MS  get NAME  drop NAME  refused NAME  there NAME
 *   price NAME TOKENS  well NAME MS  ping  leave  quit
 *
 * list and there look first, and answer when what they look at is seen, or late.
 * quit runs the loop to its end; leave ends as the engine does where a disk hangs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/api/endpoint.h"

static struct {
	uv_loop_t *loop;
	struct http *http;
	struct endpoints *endpoints;
	uv_poll_t in;
	char todo[8][80]; /* commands that wait for a look */
	int waiting;
	char line[1024];
	size_t len;
} p;

static void
on_probe(struct endpoint *ep, bool ok, const char *why, int64_t ms, void *arg)
{
	printf(
	    "probe %s %s %lld %s\n", ep->name, ok ? "well" : "ill", (long long)ms, why);
}

static void
on_credential(
    const struct credential_value *v, const char *why, const char *todo, void *arg)
{
	struct endpoint *ep = arg;

	if (v)
		printf("credential %s %s %s %s\n", ep->name, v->bearer ? "bearer" : "key",
		    v->token, v->beta ? v->beta : "-");
	else
		printf("none %s %s | %s\n", ep->name, why, todo);
}

static void
list(void)
{
	const char *why, *todo;

	for (int i = 0; i < endpoints_count(p.endpoints); i++) {
		struct endpoint *ep = endpoints_at(p.endpoints, i);
		bool ok = endpoint_is_usable(ep, &why, &todo);

		printf("endpoint %s %s model=%s version=%s %s idle=%lld thinking=%d "
		       "fallbacks=%d %s %s\n",
		    ep->name, ep->url, endpoint_model(ep, "sonnet"), ep->version,
		    ep->kind == ENDPOINT_VENDOR ? "vendor" : "portable",
		    (long long)ep->idle_ms, ep->thinking, ep->fallbacks,
		    ok ? "usable" : "unusable", why);
	}
}

static void
there(struct endpoint *ep)
{
	const char *why = "", *todo;
	bool is = credential_there(ep->credential, &why, &todo);

	printf("there %s %d %s\n", ep->name, is, why);
}

static void
on_looked(void *arg)
{
	if (endpoints_look(p.endpoints, INT64_MAX))
		return;
	for (int i = 0; i < p.waiting; i++) {
		if (strcmp(p.todo[i], "list") == 0)
			list();
		else
			there(endpoints_find(p.endpoints, p.todo[i]));
	}
	p.waiting = 0;
}

/* Once what is known is new; a look that hangs already is not waited for. */
static void
later(const char *what)
{
	snprintf(p.todo[p.waiting++], sizeof p.todo[0], "%s", what);
	if (!endpoints_look(p.endpoints, 0))
		on_looked(NULL);
}

static void
price(struct endpoint *ep, long tokens)
{
	struct endpoint_price pr;
	bool known = endpoint_price(ep, endpoint_model(ep, "sonnet"), tokens, &pr);

	printf("price %s %d %.2f %.2f %.2f %.2f\n", ep->name, known, pr.in_usd,
	    pr.out_usd, pr.cache_usd, pr.cache_write_usd);
}

static void
command(char *line)
{
	char *word = strtok(line, " "), *name = strtok(NULL, " "), *n = strtok(NULL, " ");
	struct endpoint *ep = name ? endpoints_find(p.endpoints, name) : NULL;

	if (!word)
		return;
	if (strcmp(word, "list") == 0) {
		later("list");
	} else if (strcmp(word, "ping") == 0) {
		printf("pong\n");
	} else if (strcmp(word, "leave") == 0) {
		endpoints_free(p.endpoints);
		http_free(p.http);
		uv_run(p.loop, UV_RUN_NOWAIT);
		printf("left %d\n", uv_loop_alive(p.loop));
		fflush(stdout);
		_exit(0);
	} else if (strcmp(word, "quit") == 0) {
		uv_poll_stop(&p.in);
		uv_stop(p.loop);
	} else if (!ep) {
		printf("no endpoint\n");
	} else if (strcmp(word, "probe") == 0) {
		endpoint_probe(ep, n ? atol(n) : 800, on_probe, NULL);
	} else if (strcmp(word, "price") == 0) {
		price(ep, n ? atol(n) : 0);
	} else if (strcmp(word, "well") == 0) {
		printf("well %s %d %d %s\n", name,
		    endpoint_is_well(ep, n ? atol(n) : 30000),
		    endpoint_is_ill(ep, n ? atol(n) : 30000), endpoint_why(ep));
	} else if (!ep->credential) {
		printf("no credential\n");
	} else if (strcmp(word, "get") == 0) {
		credential_get(ep->credential, on_credential, ep);
	} else if (strcmp(word, "drop") == 0) {
		credential_ask_drop(credential_get(ep->credential, on_credential, ep));
		printf("dropped %s\n", name);
	} else if (strcmp(word, "refused") == 0) {
		printf("refused %s %d\n", name, credential_refused(ep->credential));
	} else if (strcmp(word, "there") == 0) {
		later(name);
	}
}

static void
on_input(uv_poll_t *poll, int status, int events)
{
	ssize_t n = read(0, p.line + p.len, sizeof p.line - 1 - p.len);
	char *lf;

	if (n <= 0) {
		uv_poll_stop(poll);
		uv_stop(p.loop);
		return;
	}
	p.len += (size_t)n;
	p.line[p.len] = '\0';
	while ((lf = strchr(p.line, '\n')) != NULL) {
		char one[sizeof p.line];

		*lf = '\0';
		snprintf(one, sizeof one, "%s", p.line);
		p.len -= (size_t)(lf + 1 - p.line);
		memmove(p.line, lf + 1, p.len + 1);
		command(one);
	}
}

int
main(void)
{
	struct options o;
	struct err err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_open(NULL, 2);
	if (options_load(&o, &err) < 0) {
		printf("options %s\n", err.words);
		return 1;
	}
	p.loop = uv_default_loop();
	p.http = http_new(p.loop);
	p.endpoints = endpoints_new(p.loop, &o, p.http, &err);
	if (!p.endpoints)
		printf("endpoints %s\n", err.words);
	else {
		endpoints_watch(p.endpoints, on_looked, &p);
		printf("ready\n");
		uv_poll_init(p.loop, &p.in, 0);
		uv_poll_start(&p.in, UV_READABLE, on_input);
		uv_run(p.loop, UV_RUN_DEFAULT);
		uv_close((uv_handle_t *)&p.in, NULL);
	}
	endpoints_free(p.endpoints);
	http_free(p.http);
	uv_run(p.loop, UV_RUN_DEFAULT);
	printf("closed %d\n", uv_loop_close(p.loop));
	options_fini(&o);
	return 0;
}
