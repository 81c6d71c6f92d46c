/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/agent_proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/agent_box.h"
#include "wire/frame.h"

#define WORDS_MAX 400
#define ERR_LINE_MAX 4096
#define ARGS_MAX (AGENT_BOX_ARGS_MAX + 32)

struct agent_proc {
	uv_process_t proc;
	uv_pipe_t err;
	agent_proc_end_fn *end;
	void *arg;
	char buf[1024];
	struct frame lines;
	char words[WORDS_MAX]; /* its last complaint */
	int open;	       /* handles that are not closed yet */
	int64_t since_ms;
	bool ended;
};

static void
on_proc_closed(uv_handle_t *handle)
{
	struct agent_proc *p = handle->data;
	char why[WORDS_MAX + 64];

	if (--p->open > 0)
		return;
	snprintf(
	    why, sizeof why, "agent-host ended%s%s", p->words[0] ? ": " : "", p->words);
	p->end(p, why, p->arg);
	frame_fini(&p->lines);
	free(p);
}

static void
proc_close(struct agent_proc *p)
{
	if (p->ended)
		return;
	p->ended = true;
	uv_close((uv_handle_t *)&p->proc, on_proc_closed);
	uv_close((uv_handle_t *)&p->err, on_proc_closed);
}

static void
on_proc_exit(uv_process_t *proc, int64_t status, int sig)
{
	struct agent_proc *p = proc->data;

	LOG("agent", "agent-host %ld ended: exit %ld signal %d", (long)proc->pid,
	    (long)status, sig);
	if (!p->words[0] && sig)
		snprintf(p->words, sizeof p->words, "signal %d", sig);
	proc_close(p);
}

static bool
on_err_line(char *line, size_t len, void *arg)
{
	struct agent_proc *p = arg;

	if (strncmp(line, "agent-host: ", 12) == 0 ||
	    strncmp(line, "launcher: ", 10) == 0)
		snprintf(p->words, sizeof p->words, "%s", strchr(line, ':') + 2);
	LOG("agent-host", "%s", line);
	return true;
}

static void
on_err_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	struct agent_proc *p = handle->data;

	*buf = uv_buf_init(p->buf, sizeof p->buf);
}

static void
on_err_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct agent_proc *p = stream->data;

	if (n > 0)
		frame_feed(&p->lines, buf->base, (size_t)n, on_err_line, p);
	else if (n < 0)
		uv_read_stop(stream);
}

/* What agent-host may know of our environment: enough to find claude. */
static int
proc_env(char **argv, int n)
{
	static const char *const names[] = {"PATH", "HOME", "XDG_CACHE_HOME"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);

		if (!value)
			continue;
		argv[n++] = mem_dup("--env");
		argv[n++] = mem_printf("%s=%s", names[i], value);
	}
	return n;
}

static int
proc_spawn(struct agent_proc *p, uv_loop_t *loop, const struct agent_proc_config *cfg)
{
	uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE},
	    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		.data.stream = (uv_stream_t *)&p->err}};
	uv_process_options_t o = {
	    .exit_cb = on_proc_exit, .stdio = stdio, .stdio_count = 3};
	char *argv[ARGS_MAX] = {0};
	char *path = mem_printf("%s/agent-host", cfg->libexec);
	char *host = realpath(path, NULL); /* a build has links there */
	int n = 0, rc;

	argv[n++] = mem_printf("%s/launcher", cfg->libexec);
	argv[n++] = mem_dup("--parent");
	argv[n++] = mem_printf("%ld", (long)getpid());
	argv[n++] = mem_dup("--cwd");
	argv[n++] = mem_dup("/");
	n = proc_env(argv, n);
	n = agent_box_args(argv, n, cfg, host ? host : path);
	argv[n++] = mem_dup("--");
	argv[n++] = mem_dup(host ? host : path);
	argv[n++] = mem_dup("--socket");
	argv[n++] = mem_dup(cfg->socket);
	argv[n++] = mem_dup("--dir");
	argv[n++] = mem_dup(cfg->dir);
	argv[n++] = mem_dup("-v");
	if (*cfg->claude) {
		argv[n++] = mem_dup("--claude");
		argv[n++] = mem_dup(cfg->claude);
	}
	o.file = argv[0];
	o.args = argv;
	rc = uv_spawn(loop, &p->proc, &o);
	for (int i = 0; i < n; i++)
		free(argv[i]);
	free(host);
	free(path);
	return rc;
}

static const char *
proc_todo(int rc)
{
	switch (rc) {
	case UV_EMFILE:
		return "start the engine with more descriptors (ulimit -n, LimitNOFILE=)";
	case UV_EAGAIN:
		return "the uid has no process left: end some, or raise its limit (ulimit -u)";
	case UV_ENOMEM:
		return "the machine has no memory left: end something";
	default:
		return "install breakglass whole, or set libexec_dir";
	}
}

struct agent_proc *
agent_proc_start(uv_loop_t *loop, const struct agent_proc_config *cfg,
    agent_proc_end_fn *end, void *arg)
{
	struct agent_proc *p = mem_alloc(sizeof *p);
	int rc;

	p->end = end;
	p->arg = arg;
	p->open = 2;
	p->since_ms = clock_mono_ms();
	p->proc.data = p->err.data = p;
	frame_init(&p->lines, ERR_LINE_MAX);
	uv_pipe_init(loop, &p->err, 0);
	rc = proc_spawn(p, loop, cfg);
	if (rc < 0) {
		snprintf(p->words, sizeof p->words,
		    "%s/launcher cannot be started (%s): %s", cfg->libexec,
		    uv_strerror(rc), proc_todo(rc));
		proc_close(p);
	} else
		uv_read_start((uv_stream_t *)&p->err, on_err_alloc, on_err_read);
	return p;
}

pid_t
agent_proc_pid(const struct agent_proc *p)
{
	return p->ended ? 0 : p->proc.pid;
}

int64_t
agent_proc_age_ms(const struct agent_proc *p)
{
	return clock_mono_ms() - p->since_ms;
}

void
agent_proc_kill(struct agent_proc *p, int sig)
{
	if (!p->ended)
		uv_process_kill(&p->proc, sig);
}
