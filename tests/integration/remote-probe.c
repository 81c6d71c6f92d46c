/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remote-probe: engine/remote/remote.c with a real sshd, one job a call, for
 * test_remote.sh.
 *
 *   remote-probe ADDRESS PORT USER KEYFILE DIR exec COMMAND      like ssh
 *   remote-probe ... many COUNT COMMAND     one after the other, times and memory
 *   remote-probe ... queue COUNT COMMAND    all at once
 *   remote-probe ... flood COMMAND PAUSE_MS counts output, stops reading now and then
 *   remote-probe ... drop COMMAND           frees it all at the first output
 *   remote-probe ... talk                   jobs from stdin, events as lines
 *
 * "talk" reads "exec COMMAND", "close", "accept", "retry", "want 0|1" and
 * "quit"; it ends with its standard input, too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/remote/hostkeys.h"
#include "engine/remote/remote.h"
#include "engine/remote/secret.h"

#define FLOOD_STEP (16 * 1024 * 1024) /* bytes between two pauses */

static struct {
	uv_loop_t *loop;
	struct remote *remote;
	const char *mode, *command;
	long count, ended, failed;
	struct remote_run *last;
	int exit_code;
	double *ms;
	uint64_t began_ns;
	uint64_t bytes, next_pause;
	long pause_ms, pauses, rss_start_kb;
	uv_timer_t resume;
	uv_poll_t in;
	bool in_open, in_waiting;
	char line[4096];
	size_t line_len;
} p;

static long
rss_kb(const char *which)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof line, f)) {
		if (strncmp(line, which, strlen(which)) == 0)
			kb = atol(line + strlen(which));
	}
	if (f)
		fclose(f);
	return kb;
}

static void
finish(int code)
{
	p.exit_code = code;
	remote_free(p.remote);
	p.remote = NULL;
	uv_stop(p.loop);
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
on_state(struct remote *r, void *arg)
{
	static const char *const keys[] = {"unknown", "pinned", "learnt", "changed"};

	if (strcmp(p.mode, "talk") != 0 && getenv("PROBE_STATES") == NULL)
		return;
	fprintf(strcmp(p.mode, "talk") == 0 ? stdout : stderr,
	    "state %s key %s %s retry %ld why %s\n", remote_state_name(remote_state(r)),
	    keys[remote_key_state(r)], remote_fingerprint(r), (long)remote_retry_ms(r),
	    remote_why(r));
	fflush(stdout);
}

static void
on_sent(struct remote_run *run, void *arg)
{
	if (strcmp(p.mode, "talk") == 0)
		printf("sent\n");
	fflush(stdout);
}

static void
on_resume(uv_timer_t *timer)
{
	remote_resume(p.remote);
}

static void
on_output(struct remote_run *run, int stream, const char *data, size_t len, void *arg)
{
	p.bytes += len;
	if (strcmp(p.mode, "drop") == 0)
		finish(0);
	if (strcmp(p.mode, "exec") == 0 || strcmp(p.mode, "talk") == 0) {
		fwrite(data, 1, len, stream == 1 ? stdout : stderr);
		fflush(stdout);
	}
	if (strcmp(p.mode, "flood") == 0 && p.bytes >= p.next_pause && p.pause_ms &&
	    !uv_is_active((uv_handle_t *)&p.resume)) {
		p.next_pause = p.bytes + FLOOD_STEP;
		p.pauses++;
		remote_pause(p.remote);
		uv_timer_start(&p.resume, on_resume, (uint64_t)p.pause_ms, 0);
	}
}

static void start_run(void);

static void
report(void)
{
	double seconds = (double)(uv_hrtime() - p.began_ns) / 1e9;
	double first = p.ms ? p.ms[0] : 0;

	if (p.ms)
		qsort(p.ms, (size_t)p.count, sizeof *p.ms, by_size);
	if (strcmp(p.mode, "many") == 0)
		printf("first_ms=%.2f median_ms=%.2f p90_ms=%.2f max_ms=%.2f ", first,
		    p.ms[p.count / 2], p.ms[p.count * 9 / 10], p.ms[p.count - 1]);
	printf("ended=%ld failed=%ld bytes=%llu mb_s=%.0f pauses=%ld rss_start_kb=%ld "
	       "rss_kb=%ld peak_kb=%ld rtt_ms=%ld\n",
	    p.ended, p.failed, (unsigned long long)p.bytes,
	    (double)p.bytes / 1e6 / seconds, p.pauses, p.rss_start_kb, rss_kb("VmRSS:"),
	    rss_kb("VmHWM:"), (long)remote_rtt_ms(p.remote));
}

static void
on_end(struct remote_run *run, enum remote_end how, int code, const char *why, void *arg)
{
	static const char *const ends[] = {"exited", "signaled", "lost", "failed"};

	p.last = NULL;
	if (strcmp(p.mode, "talk") == 0) {
		printf("end %s %d %s\n", ends[how], code, why ? why : "");
		fflush(stdout);
		return;
	}
	if (how != REMOTE_EXITED)
		fprintf(stderr, "probe: %s: %s\n", ends[how], why);
	if (p.ms)
		p.ms[p.ended] = (double)(uv_hrtime() - p.began_ns) / 1e6;
	p.failed += how != REMOTE_EXITED || code != 0;
	p.ended++;
	if (strcmp(p.mode, "exec") == 0) {
		finish(how == REMOTE_EXITED ? code : how == REMOTE_SIGNALED ? 128 : 255);
		return;
	}
	if (p.ended == 20)
		p.rss_start_kb = rss_kb("VmRSS:");
	if (strcmp(p.mode, "many") == 0 && p.ended < p.count) {
		start_run();
	} else if (p.ended == p.count) {
		report();
		finish(p.failed > 0);
	}
}

static void
on_drained(struct remote_run *run, void *arg)
{
	p.in_waiting = false;
}

static const struct remote_run_events events = {on_sent, on_output, on_drained, on_end};

static void
start_run(void)
{
	if (strcmp(p.mode, "many") == 0)
		p.began_ns = uv_hrtime();
	p.last = remote_exec(p.remote, p.command, strlen(p.command), 8000, &events, NULL);
	if (strcmp(p.mode, "exec") != 0)
		remote_run_input_end(p.last);
}

static void
do_line(char *line)
{
	struct err err;

	if (strncmp(line, "exec ", 5) == 0) {
		p.command = line + 5;
		start_run();
	} else if (strcmp(line, "close") == 0 && p.last) {
		remote_run_close(p.last);
		p.last = NULL;
	} else if (strcmp(line, "quit") == 0) {
		finish(0);
	} else if (strcmp(line, "retry") == 0) {
		remote_retry_now(p.remote);
	} else if (strncmp(line, "want ", 5) == 0) {
		remote_want(p.remote, line[5] == '1');
	} else if (strcmp(line, "accept") == 0 &&
	    remote_accept_key(p.remote, remote_fingerprint(p.remote), &err) < 0) {
		printf("error %s\n", err.words);
		fflush(stdout);
	}
}

static void
on_talk(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n' && p.line_len + 1 < sizeof p.line) {
			p.line[p.line_len++] = data[i];
			continue;
		}
		p.line[p.line_len] = '\0';
		p.line_len = 0;
		do_line(p.line);
		if (!p.remote)
			return;
	}
}

static void
on_in(uv_poll_t *poll, int status, int ready)
{
	char data[32 * 1024];
	ssize_t n;

	if (p.in_waiting)
		return;
	n = read(0, data, sizeof data);
	if (n < 0)
		return;
	if (n == 0) {
		uv_poll_stop(poll);
		if (strcmp(p.mode, "talk") == 0)
			finish(0);
		else if (p.last)
			remote_run_input_end(p.last);
	} else if (strcmp(p.mode, "talk") == 0) {
		on_talk(data, (size_t)n);
	} else if (p.last) {
		if (remote_run_input(p.last, data, (size_t)n) < 0)
			abort();
		p.in_waiting = true;
	}
}

static void
begin(char **argv)
{
	if (strcmp(p.mode, "talk") == 0)
		return;
	p.command = argv[strcmp(p.mode, "many") == 0 || strcmp(p.mode, "queue") == 0];
	p.count = p.command == argv[0] ? 1 : atol(argv[0]);
	if (strcmp(p.mode, "flood") == 0) {
		p.pause_ms = atol(argv[1]);
		p.next_pause = FLOOD_STEP;
	}
	if (strcmp(p.mode, "many") == 0)
		p.ms = mem_alloc((size_t)p.count * sizeof *p.ms);
	p.began_ns = uv_hrtime();
	for (long i = 0; i < (strcmp(p.mode, "queue") == 0 ? p.count : 1); i++)
		start_run();
}

static void
close_handle(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

int
main(int argc, char **argv)
{
	struct remote_config cfg = {.name = "devvm"};
	struct secret *key;
	struct err err = {0};

	if (argc < 7) {
		fprintf(stderr,
		    "usage: remote-probe ADDRESS PORT USER KEYFILE DIR MODE ...\n");
		return 99;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (getenv("PROBE_LOG"))
		log_open(getenv("PROBE_LOG"), 2);
	p.loop = uv_default_loop();
	p.mode = argv[6];
	key = secret_load_key(argv[4], &err);
	cfg.address = argv[1];
	cfg.port = atoi(argv[2]);
	cfg.user = argv[3];
	cfg.key = key;
	cfg.key_why = err.words;
	cfg.hostkeys = hostkeys_new(argv[5]);
	if (getenv("PROBE_PIN") &&
	    hostkeys_pin(cfg.hostkeys, cfg.name, getenv("PROBE_PIN"), &err) < 0) {
		fprintf(stderr, "probe: %s\n", err.words);
		return 99;
	}
	p.remote = remote_new(p.loop, &cfg, on_state, NULL);
	remote_want(p.remote, true);
	uv_timer_init(p.loop, &p.resume);
	begin(argv + 7);
	if (strcmp(p.mode, "talk") == 0 || strcmp(p.mode, "exec") == 0) {
		if (uv_poll_init(p.loop, &p.in, 0) == 0)
			uv_poll_start(&p.in, UV_READABLE, on_in);
		else if (p.last)
			remote_run_input_end(p.last);
	}
	uv_run(p.loop, UV_RUN_DEFAULT);
	if (p.remote)
		remote_free(p.remote);
	uv_walk(p.loop, close_handle, NULL);
	uv_run(p.loop, UV_RUN_DEFAULT);
	uv_loop_close(p.loop);
	hostkeys_free(cfg.hostkeys);
	secret_free(key);
	free(p.ms);
	fflush(stdout);
	return p.exit_code;
}
