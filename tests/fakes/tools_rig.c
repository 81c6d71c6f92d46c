/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tools-rig RUN_DIR LIBEXEC_DIR: the tools of an engine without an engine: the
 * real agent_side, tools and agent-host, and a broker that answers every shim
 * with its own command and what it was told of standard input.
 *
 * One command a line: "start NAME INPUT", "stop N WHY", "called N ID",
 * "file NAME TEXT", "quiet", "free", "quit".  One JSON object a line comes
 * back: {"ev": "started" | "output" | "end", "tool": N, ...}.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/agent_side.h"
#include "engine/remote/broker.h"
#include "engine/agent/tools.h"
#include "wire/frame.h"
#include "wire/messages.h"

#define RUNS_MAX 256

static uv_loop_t loop;
static struct agent_side *side;
static struct tools *tools;
static bool quiet;

struct rig_run {
	int number;
	struct tool_run *run;
	int64_t began_ms, asked_ms;
	int64_t bytes[2];
};

static struct rig_run runs[RUNS_MAX];
static int last;

static void
say(struct js *m)
{
	struct buf text;

	buf_init(&text, 8 << 20);
	if (js_print(m, &text) == 0) {
		puts(buf_str(&text));
		fflush(stdout);
	}
	buf_fini(&text);
	js_free(m);
}

static struct js *
event(const char *what, const struct rig_run *r)
{
	struct js *m = js_new();

	js_set_str(m, "ev", what);
	js_set_int(m, "tool", r->number);
	return m;
}

/* ---- the broker ---- */

struct broker {
	int unused;
};

struct broker_run {
	const struct broker_run_events *ev;
	void *arg;
	uv_timer_t timer;
	char *text;
};

static void
on_freed(uv_handle_t *handle)
{
	struct broker_run *run = handle->data;

	free(run->text);
	free(run);
}

static void
on_answer(uv_timer_t *timer)
{
	struct broker_run *run = timer->data;

	run->ev->output(1, run->text, strlen(run->text), run->arg);
	run->ev->end(false, 3, NULL, run->arg);
	uv_close((uv_handle_t *)timer, on_freed);
}

void
broker_agent_refused(struct broker *b, const char *why, const char *what, size_t len)
{
}

struct broker_run *
broker_agent_run(struct broker *b, const struct broker_agent_ask *ask,
    const struct broker_run_events *events, void *arg)
{
	struct broker_run *run = mem_alloc(sizeof *run);

	run->ev = events;
	run->arg = arg;
	run->text = mem_printf("%.*s ran %.*s\n", (int)ask->host_len, ask->host,
	    (int)ask->len, ask->command);
	uv_timer_init(&loop, &run->timer);
	run->timer.data = run;
	if (strncmp(ask->command, "hang", 4) != 0)
		uv_timer_start(&run->timer, on_answer, 0, 0);
	return run;
}

int
broker_run_input(struct broker_run *run, const void *data, size_t len)
{
	return 0;
}

void
broker_run_input_end(struct broker_run *run)
{
}

void
broker_run_ready(struct broker_run *run)
{
}

void
broker_run_abandon(struct broker_run *run)
{
	uv_close((uv_handle_t *)&run->timer, on_freed);
}

/* ---- the tools ---- */

static void
on_output(int stream, const char *data, size_t len, void *arg)
{
	struct rig_run *r = arg;
	struct js *m;

	r->bytes[stream - 1] += (int64_t)len;
	if (quiet)
		return;
	m = event("output", r);
	js_set_int(m, "stream", stream);
	js_set_bytes(m, "data", data, len);
	say(m);
}

static void
on_end(const struct tool_done *d, void *arg)
{
	struct rig_run *r = arg;
	struct js *m = event("end", r);
	int64_t now = clock_mono_ms();

	js_set_bytes(m, "text", d->text, d->len);
	js_set_bool(m, "error", d->is_error);
	js_set_int(m, "exit", d->exit);
	js_set_str(m, "why", d->why);
	js_set_int(m, "out", r->bytes[0]);
	js_set_int(m, "err", r->bytes[1]);
	js_set_int(m, "ms", now - r->began_ms);
	if (r->asked_ms)
		js_set_int(m, "stop_ms", now - r->asked_ms);
	r->run = NULL;
	say(m);
}

static const struct tool_events tool_events = {on_output, on_end};

static void
start(char *rest, size_t len)
{
	char *input = strchr(rest, ' ');
	struct rig_run *r = &runs[last % RUNS_MAX], fresh = {.number = ++last};
	char *title;
	struct js *m;

	if (!input)
		return;
	*input++ = '\0';
	*r = fresh;
	r->began_ms = clock_mono_ms();
	len -= (size_t)(input - rest);
	title = tools_title(rest, input, len);
	m = event("started", r);
	js_set_bytes(m, "title", title, strlen(title));
	free(title);
	say(m);
	r->run = tools_start(tools, rest, input, len, &tool_events, r);
}

static struct rig_run *
run_named(char *rest, char **more)
{
	long n = strtol(rest, more, 10);

	*more += **more == ' ';
	return n > 0 && n <= last && runs[(n - 1) % RUNS_MAX].number == n
	    ? &runs[(n - 1) % RUNS_MAX]
	    : NULL;
}

static void
one_of_them(const char *word, char *rest)
{
	char *more;
	struct rig_run *r = run_named(rest, &more);

	if (!r || !r->run)
		return;
	if (strcmp(word, "stop") == 0) {
		r->asked_ms = clock_mono_ms();
		tools_stop(r->run, more);
	} else
		tools_called(r->run, more);
}

static void
file(char *rest)
{
	char *text = strchr(rest, ' ');

	if (!text)
		return;
	*text++ = '\0';
	if (agent_side_workspace(side, rest, text, strlen(text)) < 0)
		puts("{\"ev\":\"file\",\"refused\":true}");
	fflush(stdout);
}

static bool
on_command(char *line, size_t len, void *arg)
{
	char *rest = strchr(line, ' ');

	if (rest)
		*rest++ = '\0';
	if (strcmp(line, "start") == 0 && rest)
		start(rest, len - (size_t)(rest - line));
	else if ((strcmp(line, "stop") == 0 || strcmp(line, "called") == 0) && rest)
		one_of_them(line, rest);
	else if (strcmp(line, "file") == 0 && rest)
		file(rest);
	else if (strcmp(line, "quiet") == 0)
		quiet = true;
	else if (strcmp(line, "free") == 0) {
		tools_free(tools);
		tools = tools_new(side);
	} else if (strcmp(line, "quit") == 0)
		uv_stop(&loop);
	return true;
}

static void
on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	static char data[65536];

	*buf = uv_buf_init(data, sizeof data);
}

static void
on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	if (n < 0)
		uv_stop(&loop);
	else
		frame_feed(stream->data, buf->base, (size_t)n, on_command, NULL);
}

int
main(int argc, char **argv)
{
	static struct broker broker;
	static uv_pipe_t in;
	struct frame lines;
	struct err err;

	if (argc != 3)
		return 99;
	signal(SIGPIPE, SIG_IGN);
	if (getenv("RIG_LOG"))
		log_open(getenv("RIG_LOG"), 1);
	uv_loop_init(&loop);
	side = agent_side_new(&(struct agent_side_config){.loop = &loop,
				  .run_dir = argv[1],
				  .libexec_dir = argv[2],
				  .claude = "",
				  .broker = &broker},
	    &err);
	if (!side) {
		fprintf(stderr, "tools-rig: %s\n", err.words);
		return 99;
	}
	tools = tools_new(side);
	frame_init(&lines, 4 << 20);
	uv_pipe_init(&loop, &in, 0);
	in.data = &lines;
	uv_pipe_open(&in, 0);
	uv_read_start((uv_stream_t *)&in, on_alloc, on_input);
	puts("{\"ev\":\"ready\"}");
	fflush(stdout);
	uv_run(&loop, UV_RUN_DEFAULT);
	tools_free(tools);
	agent_side_free(side);
	uv_close((uv_handle_t *)&in, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	frame_fini(&lines);
	log_close();
	return 0;
}
