/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which claude, base/claude.h.  It is believed to work once it has told its version
 * within a time limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host.h"
#include "base/claude.h"
#include "base/log.h"
#include "base/mem.h"

#define FIND_LIMIT_MS 5000

struct probe {
	struct host *h;
	void (*done)(struct host *h);
	uv_process_t proc;
	uv_pipe_t out;
	uv_timer_t limit;
	char text[256];
	size_t len;
	int open; /* handles that are not closed yet */
	bool late, exited;
};

static char *
find_program(struct host *h)
{
	char *found = claude_find(h->configured, BG_CLAUDE_VERSION);

	if (!found && h->configured)
		snprintf(h->why, sizeof h->why, "%s is not a program that we may run",
		    h->configured);
	else if (!found)
		snprintf(h->why, sizeof h->why, "claude is not installed here");
	return found;
}

static void
on_closed(uv_handle_t *handle)
{
	struct probe *p = handle->data;
	struct host *h = p->h;
	void (*done)(struct host * h) = p->done;

	if (--p->open > 0)
		return;
	free(p);
	done(h);
}

/* "2.1.328 (Claude Code)": the version is the first word and begins with a digit. */
static void
probe_judge(struct probe *p, bool ok)
{
	struct host *h = p->h;
	size_t n = strcspn(p->text, " \r\n");

	if (ok && p->text[0] >= '0' && p->text[0] <= '9' && n < sizeof h->version) {
		snprintf(h->version, sizeof h->version, "%.*s", (int)n, p->text);
		h->why[0] = '\0';
		return;
	}
	snprintf(h->why, sizeof h->why, "%s %s", h->claude,
	    p->late ? "does not tell its version within 5 s" : "does not run here");
	free(h->claude);
	h->claude = NULL;
}

static void
probe_end(struct probe *p, bool ok)
{
	if (p->exited)
		return;
	p->exited = true;
	p->h->probe = 0;
	probe_judge(p, ok);
	uv_close((uv_handle_t *)&p->proc, on_closed);
	uv_close((uv_handle_t *)&p->out, on_closed);
	uv_close((uv_handle_t *)&p->limit, on_closed);
}

static void
on_probe_exit(uv_process_t *proc, int64_t status, int sig)
{
	struct probe *p = proc->data;
	ssize_t n;
	uv_os_fd_t fd;

	/* What it wrote may not have been read yet; the pipe holds it. */
	if (uv_fileno((uv_handle_t *)&p->out, &fd) == 0)
		while (p->len < sizeof p->text - 1 &&
		    (n = read(fd, p->text + p->len, sizeof p->text - 1 - p->len)) > 0)
			p->len += (size_t)n;
	probe_end(p, status == 0 && sig == 0);
}

static void
on_limit(uv_timer_t *timer)
{
	struct probe *p = timer->data;
	pid_t tools[HOST_PIDS_MAX];
	size_t n = host_tools_pids(p->h, tools, ARRAY_LEN(tools));

	p->late = true;
	host_proc_kill_all(tools, n); /* no claude runs while it is looked for */
}

static int
probe_spawn(struct probe *p)
{
	uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
	    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		.data.stream = (uv_stream_t *)&p->out},
	    {.flags = UV_IGNORE}};
	uv_process_options_t o = {
	    .exit_cb = on_probe_exit, .stdio = stdio, .stdio_count = 3};
	struct args args = {0};
	int rc;

	host_args_launcher(p->h, &args, "work");
	args_add(&args, "--env");
	args_add(&args, "PATH=/usr/bin:/bin");
	host_box_claude(p->h, &args, NULL);
	args_add(&args, "--");
	args_add(&args, "%s", p->h->claude);
	args_add(&args, "--version");
	o.file = args.argv[0];
	o.args = args.argv;
	rc = uv_spawn(&p->h->loop, &p->proc, &o);
	args_fini(&args);
	return rc;
}

void
host_find(struct host *h, void (*done)(struct host *h))
{
	struct probe *p = mem_alloc(sizeof *p);
	int rc;

	free(h->claude);
	h->claude = find_program(h);
	p->h = h;
	p->done = done;
	p->open = 3;
	p->proc.data = p->out.data = p->limit.data = p;
	uv_pipe_init(&h->loop, &p->out, 0);
	uv_timer_init(&h->loop, &p->limit);
	if (!h->claude) {
		p->open = 2;
		uv_close((uv_handle_t *)&p->out, on_closed);
		uv_close((uv_handle_t *)&p->limit, on_closed);
		return;
	}
	rc = probe_spawn(p);
	if (rc < 0) {
		LOG("find", "launcher: %s", uv_strerror(rc));
		probe_end(p, false);
		return;
	}
	h->probe = p->proc.pid;
	uv_timer_start(&p->limit, on_limit, FIND_LIMIT_MS, 0);
}
