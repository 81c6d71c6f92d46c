/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tools of a model that the engine asks itself: Bash, Read, Grep, Glob.
 *
 *   start -> running --its end, a limit, tool_stop--> ended -> tool_end is told
 *
 * Each is a child below a warden (launcher_tree.h), so that its end is the end
 * of all that it started.  A warden that is killed, by the command itself, is
 * replaced by us: what it leaves is ours to find (host_proc.c).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/messages.h"

#define TOOLS_MAX 8 /* the engine keeps more from coming */
#define LIMIT_MAX_MS 600000
#define TOLD_FD 3      /* where the warden says how it ended */
#define OBEY_MS 120    /* the warden has so long to end everything */
#define ROUND_MS 10    /* between two looks at what is left */
#define ROUNDS_MAX 300 /* then the end is told all the same */

struct host_tool {
	struct host_tool *next;
	struct host *h;
	int64_t id;
	uv_process_t proc;
	uv_pipe_t out, err, told;
	uv_timer_t timer; /* the limit; then the rounds of its end */
	int open;	  /* handles that are not closed yet */
	int64_t began_ms, keep;
	int64_t bytes[2];
	char words[64]; /* of the warden */
	size_t words_len;
	const char *why;
	bool exited, out_end, err_end, told_end;
	bool held;   /* not read while the engine is slow */
	bool ending; /* was told to end */
	bool timed_out;
	bool forgotten; /* the engine that asked for it is gone */
	int rounds, left;
};

static void on_timer(uv_timer_t *timer);

static void
tell_end(struct host *h, int64_t id, const char *why)
{
	struct js *m = message_new(agent_out_names[AGENT_OUT_TOOL_END]);

	js_set_int(m, "tool", id);
	js_set_str(m, "why", why);
	host_send(h, m);
}

/* "exit 3 left 0" or "signal 9 left 2" */
static void
tool_set_status(struct host_tool *t, struct js *m)
{
	char kind[8] = "";
	int n = 0, left = 0;

	t->words[t->words_len] = '\0';
	if (sscanf(t->words, "%7s %d left %d", kind, &n, &left) == 3 &&
	    strcmp(kind, "exit") == 0)
		js_set_int(m, "exit", n);
	else
		js_set_int(m, "signal", strcmp(kind, "signal") == 0 ? n : SIGKILL);
	js_set_int(m, "left", left + t->left);
}

static void
on_closed(uv_handle_t *handle)
{
	struct host_tool *t = handle->data, **at = &t->h->tools;
	struct js *m;

	if (--t->open > 0)
		return;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (!t->forgotten) {
		m = message_new(agent_out_names[AGENT_OUT_TOOL_END]);
		js_set_int(m, "tool", t->id);
		tool_set_status(t, m);
		js_set_str(m, "why", t->why);
		js_set_int(m, "ms", clock_mono_ms() - t->began_ms);
		js_set_int(m, "out", t->bytes[0]);
		js_set_int(m, "err", t->bytes[1]);
		js_set_bool(m, "timed_out", t->timed_out);
		host_send(t->h, m);
	}
	free(t);
}

static void
tool_close(struct host_tool *t)
{
	if (uv_is_closing((uv_handle_t *)&t->timer))
		return;
	if (uv_handle_get_type((uv_handle_t *)&t->proc) == UV_PROCESS)
		uv_close((uv_handle_t *)&t->proc, on_closed);
	else
		t->open--; /* there were no descriptors for its pipes */
	uv_close((uv_handle_t *)&t->out, on_closed);
	uv_close((uv_handle_t *)&t->err, on_closed);
	uv_close((uv_handle_t *)&t->told, on_closed);
	uv_close((uv_handle_t *)&t->timer, on_closed);
}

static void
tool_is_over(struct host_tool *t)
{
	if (t->exited && t->out_end && t->err_end && t->told_end && t->words_len)
		tool_close(t);
}

/* The warden obeys within milliseconds, unless the command stopped or killed it. */
static void
tool_end(struct host_tool *t)
{
	if (t->ending)
		return;
	t->ending = true;
	if (!t->exited) {
		uv_process_kill(&t->proc, SIGTERM);
		uv_process_kill(&t->proc, SIGCONT);
	}
	uv_timer_start(&t->timer, on_timer, OBEY_MS, ROUND_MS);
}

/* What a warden left that was killed: marked by its environment, or nobody's. */
static int
tool_sweep(struct host_tool *t)
{
	char *mark =
	    mem_printf("%s=%s:%lld", HOST_TOOL_MARK, t->h->dir, (long long)t->id);
	int n = host_proc_kill_strays(mark);
	pid_t tools[HOST_PIDS_MAX];

	free(mark);
	if (host_child_session(t->h) || t->h->probe)
		return n; /* an orphan may be theirs */
	return n + host_proc_kill_all(tools, host_tools_pids(t->h, tools, HOST_PIDS_MAX));
}

static void
tool_round(struct host_tool *t)
{
	int n = 0;

	if (t->held)
		return; /* the engine is slow, not the tool */
	if (!t->exited)
		uv_process_kill(&t->proc, SIGKILL);
	else if (!t->words_len)
		n = tool_sweep(t);
	t->left = n > t->left ? n : t->left;
	if (++t->rounds > ROUNDS_MAX) {
		LOG("tool", "something of a tool cannot be ended");
		t->why = "something that it started cannot be ended";
		tool_close(t);
	} else if (t->exited && n == 0 && t->out_end && t->err_end)
		tool_close(t);
}

static void
on_timer(uv_timer_t *timer)
{
	struct host_tool *t = timer->data;

	if (t->ending) {
		tool_round(t);
		return;
	}
	t->timed_out = true;
	tool_end(t);
}

static void
on_tool_exit(uv_process_t *proc, int64_t status, int sig)
{
	struct host_tool *t = proc->data;

	t->exited = true;
	t->ending = true;
	/* For what is still in the pipes, and for what a killed warden left. */
	uv_timer_start(&t->timer, on_timer, ROUND_MS, ROUND_MS);
	tool_is_over(t);
}

/* ---- what it says ---- */

static void
on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	static char data[WIRE_CHUNK_MAX]; /* read and sent at once: one for all */

	*buf = uv_buf_init(data, sizeof data);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void
tool_read(struct host_tool *t, bool on)
{
	uv_stream_t *streams[] = {(uv_stream_t *)&t->out, (uv_stream_t *)&t->err};
	bool ended[] = {t->out_end, t->err_end};

	for (int i = 0; i < 2; i++) {
		if (ended[i] || uv_is_closing((uv_handle_t *)streams[i]))
			continue;
		if (on)
			uv_read_start(streams[i], on_alloc, on_output);
		else
			uv_read_stop(streams[i]);
	}
	t->held = !on;
}

void
host_tools_flow(struct host *h)
{
	for (struct host_tool *t = h->tools; t; t = t->next)
		if (t->held)
			tool_read(t, true);
}

static void
on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct host_tool *t = stream->data;
	bool is_err = stream == (uv_stream_t *)&t->err;
	struct js *m;

	if (n < 0) {
		uv_read_stop(stream);
		*(is_err ? &t->err_end : &t->out_end) = true;
		tool_is_over(t);
	}
	if (n <= 0 || t->forgotten || t->why)
		return;
	t->bytes[is_err] += n;
	m = message_new(agent_out_names[AGENT_OUT_TOOL_OUTPUT]);
	js_set_int(m, "tool", t->id);
	js_set_str(m, "stream", is_err ? "err" : "out");
	js_set_bytes(m, "data", buf->base, (size_t)n);
	host_send(t->h, m);
	if (t->bytes[0] + t->bytes[1] > t->keep) {
		t->why = "its output is longer than anybody can read";
		tool_end(t);
	}
	if (host_is_congested(t->h))
		for (t = t->h->tools; t; t = t->next)
			tool_read(t, false);
}

static void
on_words_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	struct host_tool *t = handle->data;

	*buf = uv_buf_init(
	    t->words + t->words_len, (unsigned)(sizeof t->words - 1 - t->words_len));
}

static void
on_words(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct host_tool *t = stream->data;

	if (n > 0)
		t->words_len += (size_t)n;
	if (n < 0) {
		uv_read_stop(stream);
		t->told_end = true;
		tool_is_over(t);
	}
}

/* ---- start and stop ---- */

/*
 * Pipes of our own, not libuv's: those are sockets, and a command that opens
 * /dev/stdout or /dev/stderr would fail.
 */
static int
tool_pipe(uv_pipe_t *end, uv_stdio_container_t *child)
{
	int fds[2], rc = uv_pipe(fds, UV_NONBLOCK_PIPE, 0);

	if (rc < 0)
		return rc;
	child->flags = UV_INHERIT_FD;
	child->data.fd = fds[1];
	rc = uv_pipe_open(end, fds[0]);
	if (rc < 0)
		close(fds[0]);
	return rc;
}

static int
tool_spawn(struct host_tool *t, struct args *args)
{
	uv_pipe_t *pipes[] = {&t->out, &t->err, &t->told};
	uv_stdio_container_t stdio[4] = {{.flags = UV_IGNORE}};
	uv_process_options_t o = {.exit_cb = on_tool_exit,
	    .file = args->argv[0],
	    .args = args->argv,
	    .stdio = stdio,
	    .stdio_count = 4};
	int rc = 0;

	for (int i = 0; i < 3 && rc == 0; i++)
		rc = tool_pipe(pipes[i], &stdio[i + 1]);
	if (rc == 0)
		rc = uv_spawn(&t->h->loop, &t->proc, &o);
	for (int i = 1; i < 4; i++)
		if (stdio[i].flags == UV_INHERIT_FD)
			close(stdio[i].data.fd);
	return rc;
}

static struct host_tool *
tool_new(struct host *h, const struct js *m)
{
	struct host_tool *t = mem_alloc(sizeof *t);
	uv_pipe_t *pipes[] = {&t->out, &t->err, &t->told};

	t->h = h;
	t->id = js_int(m, "tool", -1);
	t->keep = js_int(m, "keep", 0);
	t->began_ms = clock_mono_ms();
	t->open = 5;
	t->proc.data = t->timer.data = t;
	for (size_t i = 0; i < ARRAY_LEN(pipes); i++) {
		uv_pipe_init(&h->loop, pipes[i], 0);
		pipes[i]->data = t;
	}
	uv_timer_init(&h->loop, &t->timer);
	t->next = h->tools;
	h->tools = t;
	return t;
}

static int
tool_count(const struct host *h)
{
	int n = 0;

	for (const struct host_tool *t = h->tools; t; t = t->next)
		n++;
	return n;
}

/* What makes this tool_start impossible, or NULL. */
static const char *
tool_objection(struct host *h, const struct js *m, struct args *args)
{
	int64_t limit = js_int(m, "limit_ms", 0);

	if (tool_count(h) >= TOOLS_MAX)
		return "8 tools run already";
	if (limit <= 0 || limit > LIMIT_MAX_MS)
		return "its time limit is not in range";
	if (host_args_tool(h, args, m, TOLD_FD) < 0)
		return "agent-host does not know such a tool";
	return NULL;
}

void
host_tool_start(struct host *h, const struct js *m)
{
	struct args args = {0};
	const char *why = tool_objection(h, m, &args);
	struct host_tool *t;
	int rc;

	if (why) {
		tell_end(h, js_int(m, "tool", -1), why);
		args_fini(&args);
		return;
	}
	t = tool_new(h, m);
	rc = tool_spawn(t, &args);
	args_fini(&args);
	if (rc < 0) {
		LOG("tool", "launcher: %s", uv_strerror(rc));
		t->why = "the launcher cannot be started";
		t->exited = t->ending = true;
		tool_close(t);
		return;
	}
	tool_read(t, true);
	uv_read_start((uv_stream_t *)&t->told, on_words_alloc, on_words);
	uv_timer_start(
	    &t->timer, on_timer, (uint64_t)js_int(m, "limit_ms", LIMIT_MAX_MS), 0);
}

void
host_tool_stop(struct host *h, const struct js *m)
{
	for (struct host_tool *t = h->tools; t; t = t->next)
		if (t->id == js_int(m, "tool", -1))
			tool_end(t);
}

void
host_tools_forget(struct host *h)
{
	for (struct host_tool *t = h->tools; t; t = t->next) {
		t->forgotten = true;
		tool_end(t);
	}
}

size_t
host_tools_pids(const struct host *h, pid_t *pids, size_t max)
{
	size_t n = 0;

	for (const struct host_tool *t = h->tools; t && n < max; t = t->next)
		if (!t->exited && t->proc.pid > 0)
			pids[n++] = t->proc.pid;
	return n;
}
