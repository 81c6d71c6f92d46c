/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * relay-probe SOCKET [TIME=MS]...: engine/agent/relay.c alone, for test_relay.py.
 *
 * TIME is token, name, connect, idle, linger or total.  One command a line of
 * standard input:
 *
 *   allow URL [ADDRESS]...   prints "token TOKEN", or "no WHY"
 *   dns WORD                 what this process's name server does from now on: an
 *                            address, "none", "again", or "slow" until the next dns
 *   came  again  quit
 *
 * It prints "trouble WHY", and "gap MS" at the end: the longest time in which its
 * loop did not come round.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/relay.h"

static struct {
	uv_loop_t *loop;
	struct relay *relay;
	uv_poll_t in;
	uv_timer_t beat;
	int64_t beat_ms, gap_ms;
	char line[1024];
	size_t len;
	char dns[64];
	uv_mutex_t lock;
	uv_cond_t changed;
} p;

/* libuv's threads look names up with this one. */
int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **res)
{
	struct {
		struct addrinfo ai;
		struct sockaddr_in sa;
	} * r;
	char word[sizeof p.dns];

	(void)node;
	(void)service;
	(void)hints;
	uv_mutex_lock(&p.lock);
	while (strcmp(p.dns, "slow") == 0)
		uv_cond_wait(&p.changed, &p.lock);
	snprintf(word, sizeof word, "%s", p.dns);
	uv_mutex_unlock(&p.lock);
	if (strcmp(word, "none") == 0)
		return EAI_NONAME;
	if (strcmp(word, "again") == 0)
		return EAI_AGAIN;
	r = mem_alloc(sizeof *r);
	r->sa.sin_family = AF_INET;
	inet_pton(AF_INET, word, &r->sa.sin_addr);
	r->ai = (struct addrinfo){.ai_family = AF_INET,
	    .ai_socktype = SOCK_STREAM,
	    .ai_addrlen = sizeof r->sa,
	    .ai_addr = (struct sockaddr *)&r->sa};
	*res = &r->ai;
	return 0;
}

void
freeaddrinfo(struct addrinfo *res)
{
	free(res);
}

static void
set_dns(const char *word)
{
	uv_mutex_lock(&p.lock);
	snprintf(p.dns, sizeof p.dns, "%s", word);
	uv_cond_broadcast(&p.changed);
	uv_mutex_unlock(&p.lock);
}

static void
on_trouble(const char *why, void *arg)
{
	printf("trouble %s\n", why);
}

static void
allow(char *url)
{
	const char *addresses[9] = {NULL}, *token;
	struct err err;
	int n = 0;

	while (n < 8 && (addresses[n] = strtok(NULL, " ")) != NULL)
		n++;
	token = relay_allow(p.relay, url, addresses, &err);
	printf("%s %s\n", token ? "token" : "no", token ? token : err.words);
}

static void
command(char *line)
{
	char *word = strtok(line, " "), *more = strtok(NULL, " ");

	if (!word)
		return;
	if (strcmp(word, "allow") == 0 && more)
		allow(more);
	else if (strcmp(word, "dns") == 0 && more) {
		set_dns(more);
		printf("dns\n");
	} else if (strcmp(word, "came") == 0)
		printf("came %llu\n", (unsigned long long)relay_came(p.relay));
	else if (strcmp(word, "again") == 0) {
		relay_again(p.relay);
		printf("again\n");
	} else if (strcmp(word, "quit") == 0)
		uv_stop(p.loop);
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

static void
on_beat(uv_timer_t *beat)
{
	int64_t now = clock_mono_ms();

	if (now - p.beat_ms > p.gap_ms)
		p.gap_ms = now - p.beat_ms;
	p.beat_ms = now;
}

static void
set_time(struct relay_config *cfg, const char *arg)
{
	struct {
		const char *name;
		int64_t *ms;
	} times[] = {{"token=", &cfg->token_ms}, {"name=", &cfg->name_ms},
	    {"connect=", &cfg->connect_ms}, {"idle=", &cfg->idle_ms},
	    {"linger=", &cfg->linger_ms}, {"total=", &cfg->total_ms}};

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (strncmp(arg, times[i].name, strlen(times[i].name)) == 0)
			*times[i].ms = atol(arg + strlen(times[i].name));
}

int
main(int argc, char **argv)
{
	struct relay_config cfg = {.path = argv[1], .trouble = on_trouble};
	struct err err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	log_open(NULL, 2);
	uv_mutex_init(&p.lock);
	uv_cond_init(&p.changed);
	set_dns("again");
	cfg.loop = p.loop = uv_default_loop();
	for (int i = 2; i < argc; i++)
		set_time(&cfg, argv[i]);
	p.relay = relay_new(&cfg, &err);
	printf("%s\n", p.relay ? "ready" : err.words);
	if (!p.relay)
		return 1;
	uv_poll_init(p.loop, &p.in, 0);
	uv_poll_start(&p.in, UV_READABLE, on_input);
	uv_timer_init(p.loop, &p.beat);
	p.beat_ms = clock_mono_ms();
	uv_timer_start(&p.beat, on_beat, 10, 10);
	uv_run(p.loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&p.in, NULL);
	uv_close((uv_handle_t *)&p.beat, NULL);
	relay_free(p.relay);
	set_dns("again"); /* a lookup that hangs would hold the loop up */
	uv_run(p.loop, UV_RUN_DEFAULT);
	printf("gap %lld\n", (long long)p.gap_ms);
	printf("closed %d\n", uv_loop_close(p.loop));
	return 0;
}
