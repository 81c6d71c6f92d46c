/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http-probe: engine/api/http.c against a server of test_http.py, one request a call.
 *
 *   http-probe URL [NAME=VALUE]...
 *
 *   method body (a file, sent in pieces of odd sizes) header (again and again)
 *   connect_ms headers_ms idle_ms quiet_ms ca_file proxy addresses (a,b) max plain
 *   out=FILE         the answer's body
 *   show=NAME        prints that header
 *   abort=N          the body callback says no at N bytes
 *   cancel=WHEN      start, headers, body, quiet, or milliseconds
 *   times=N          one after the other over the same struct http
 *   spawn=1          at the headers: what descriptors does a child inherit?
 *   linger_ms=N      goes on with the loop after the last end
 *
 * Each event is one line; "late" means a callback after end or cancel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/api/http.h"

#define MANY 16

static struct {
	uv_loop_t *loop;
	struct http *http;
	struct http_call *call;
	struct http_request request;
	const char *headers[MANY + 1], *addresses[MANY + 1];
	struct http_piece *pieces;
	const char *out, *show, *cancel;
	long abort_at, times, linger_ms;
	bool spawn, over;
	FILE *file;
	size_t got;
	int64_t began_ms;
	uv_timer_t timer;
	uv_process_t child;
} p;

static void begin(void);

static char *
slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t n, size = 0;

	if (!f)
		exit(99);
	*len = 0;
	do {
		size = size ? 2 * size : 65536;
		text = mem_resize(text, size);
		n = fread(text + *len, 1, size - *len, f);
		*len += n;
	} while (*len == size);
	fclose(f);
	return text;
}

/* 1, 2, 4, … 64 KiB, 1, …: every cut is somewhere */
static void
cut(const char *path)
{
	size_t len, n = 1, at = 0, pieces = 0;
	char *text = slurp(path, &len);

	p.pieces = mem_alloc((len / 1024 + 64) * sizeof *p.pieces);
	while (at < len) {
		if (n > len - at)
			n = len - at;
		p.pieces[pieces++] = (struct http_piece){text + at, n};
		at += n;
		n = n >= 65536 ? 4096 : n * 2;
		if (pieces % 5 == 0)
			p.pieces[pieces++] = (struct http_piece){NULL, 0};
	}
	p.request.body = p.pieces;
	p.request.pieces = pieces;
}

static void
finish(void)
{
	uv_stop(p.loop);
}

static void
on_linger(uv_timer_t *timer)
{
	finish();
}

static void
one_over(void)
{
	p.over = true;
	p.call = NULL;
	if (--p.times > 0) {
		begin();
		return;
	}
	uv_timer_start(&p.timer, on_linger, (uint64_t)p.linger_ms, 0);
}

static void
cancel(void)
{
	struct http_call *c = p.call;

	int64_t now = clock_mono_ms();

	p.over = true;
	http_cancel(c);
	printf("cancelled %lld\n", (long long)(clock_mono_ms() - now));
	one_over();
}

static bool
cancel_is(const char *when)
{
	return p.cancel && strcmp(p.cancel, when) == 0;
}

static void
on_child(uv_process_t *child, int64_t status, int sig)
{
	printf("child %lld\n", (long long)status);
	uv_close((uv_handle_t *)child, NULL);
}

/* Exit status of the child: how many descriptors above 2 (but for ls's own) it has. */
static void
spawn(void)
{
	char *argv[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
	    (char *)(uintptr_t) "n=0; for f in /proc/self/fd/*; do "
				"l=$(readlink $f) || continue; "
				"case $l in *socket*|*eventfd*) [ ${f##*/} -gt 2 ] && n=$((n+1));; "
				"esac; done; exit $n",
	    NULL};
	uv_stdio_container_t io[3] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE},
	    {.flags = UV_INHERIT_FD, .data.fd = 2}};
	uv_process_options_t o = {.file = argv[0],
	    .args = argv,
	    .exit_cb = on_child,
	    .stdio = io,
	    .stdio_count = 3};

	if (uv_spawn(p.loop, &p.child, &o) < 0)
		exit(99);
}

static void
on_headers(int status, const struct http_headers *h, void *arg)
{
	const char *value = p.show ? http_header(h, p.show) : NULL;

	if (p.over)
		printf("late headers\n");
	printf("headers %d\n", status);
	if (p.show)
		printf("header %s\n", value ? value : "(none)");
	if (p.spawn)
		spawn();
	p.spawn = false;
	if (cancel_is("headers"))
		cancel();
}

static bool
on_body(const char *data, size_t len, void *arg)
{
	if (p.over)
		printf("late body\n");
	p.got += len;
	if (p.file)
		fwrite(data, 1, len, p.file);
	if (cancel_is("body")) {
		cancel();
		return true;
	}
	return p.abort_at == 0 || p.got < (size_t)p.abort_at;
}

static void
on_quiet(int64_t ms, void *arg)
{
	if (p.over)
		printf("late quiet\n");
	printf("quiet %lld\n", (long long)ms);
	if (cancel_is("quiet"))
		cancel();
}

static void
on_end(enum http_end how, const char *why, const char *todo, void *arg)
{
	if (p.over)
		printf("late end\n");
	printf("end %s\nwhy %s\ntodo %s\ngot %zu\nms %lld\n", http_end_word(how), why,
	    todo, p.got, (long long)(clock_mono_ms() - p.began_ms));
	one_over();
}

static void
on_cancel_time(uv_timer_t *timer)
{
	if (p.call)
		cancel();
}

static void
begin(void)
{
	static const struct http_events events = {on_headers, on_body, on_quiet, on_end};

	p.over = false;
	p.began_ms = clock_mono_ms();
	p.call = http_start(p.http, &p.request, &events, NULL);
	if (cancel_is("start"))
		cancel();
	else if (p.cancel && atoi(p.cancel) > 0)
		uv_timer_start(&p.timer, on_cancel_time, (uint64_t)atoi(p.cancel), 0);
}

static void
add(const char **list, char *value, const char *split)
{
	int n = 0;

	while (list[n])
		n++;
	for (char *s = split ? strtok(value, split) : value; s && n < MANY;
	     s = split ? strtok(NULL, split) : NULL)
		list[n++] = s;
}

static bool
set_number(const char *name, const char *value)
{
	struct {
		const char *name;
		int64_t *to;
	} rows[] = {{"connect_ms", &p.request.connect_ms},
	    {"headers_ms", &p.request.headers_ms}, {"idle_ms", &p.request.idle_ms},
	    {"quiet_ms", &p.request.quiet_ms}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(name, rows[i].name) == 0) {
			*rows[i].to = atoll(value);
			return true;
		}
	}
	return false;
}

static void
set(const char *name, char *value)
{
	if (set_number(name, value))
		return;
	if (strcmp(name, "method") == 0)
		p.request.method = value;
	else if (strcmp(name, "body") == 0)
		cut(value);
	else if (strcmp(name, "header") == 0)
		add(p.headers, value, NULL);
	else if (strcmp(name, "addresses") == 0)
		add(p.addresses, value, ",");
	else if (strcmp(name, "ca_file") == 0)
		p.request.ca_file = value;
	else if (strcmp(name, "proxy") == 0)
		p.request.proxy = value;
	else if (strcmp(name, "max") == 0)
		p.request.body_max = (size_t)atoll(value);
	else if (strcmp(name, "plain") == 0)
		p.request.plain_anywhere = true;
	else if (strcmp(name, "out") == 0)
		p.out = value;
	else if (strcmp(name, "show") == 0)
		p.show = value;
	else if (strcmp(name, "cancel") == 0)
		p.cancel = value;
	else if (strcmp(name, "abort") == 0)
		p.abort_at = atol(value);
	else if (strcmp(name, "times") == 0)
		p.times = atol(value);
	else if (strcmp(name, "linger_ms") == 0)
		p.linger_ms = atol(value);
	else if (strcmp(name, "spawn") == 0)
		p.spawn = true;
	else
		exit(64);
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return 64;
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_open(NULL, getenv("PROBE_LOG") ? 2 : 0);
	p.loop = uv_default_loop();
	p.times = 1;
	p.request.method = "GET";
	p.request.url = argv[1];
	for (int i = 2; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			return 64;
		*value = '\0';
		set(argv[i], value + 1);
	}
	p.request.headers = p.headers;
	if (p.addresses[0])
		p.request.addresses = p.addresses;
	if (p.out && (p.file = fopen(p.out, "we")) == NULL)
		return 99;
	uv_timer_init(p.loop, &p.timer);
	p.http = http_new(p.loop);
	begin();
	uv_run(p.loop, UV_RUN_DEFAULT);
	http_free(p.http);
	uv_close((uv_handle_t *)&p.timer, NULL);
	uv_run(p.loop, UV_RUN_DEFAULT);
	printf("closed %d\n", uv_loop_close(p.loop));
	if (p.file)
		fclose(p.file);
	return 0;
}
