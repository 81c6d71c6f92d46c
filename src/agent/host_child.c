/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The claude child: its files, its three pipes, its end.
 *
 *   start -> running -> exited -> swept -> child_exit is told, all is freed
 *
 * A child's end is told only when its pipes are at their end and nothing that
 * it left behind lives any more.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/messages.h"

#define CHILD_INPUT_MAX (4 * 1024 * 1024) /* bytes waiting for claude */
#define SWEEP_MS 10			  /* between two looks at what was left behind */
#define SWEEP_ROUNDS 500		  /* then the end is told all the same */

struct host_child {
	struct host *h;
	int64_t id;
	uv_process_t proc;
	uv_pipe_t in, out, err;
	uv_timer_t sweep;
	char buf[WIRE_CHUNK_MAX];
	int rounds;
	bool exited, out_end, err_end, stopped;
	int64_t status;
	int sig;
	int open; /* handles that are not closed yet */
};

struct input {
	uv_write_t req;
	char data[];
};

pid_t
host_child_session(const struct host *h)
{
	return h->child && !h->child->exited ? h->child->proc.pid : 0;
}

static void
tell_exit(struct host *h, int64_t id, const char *why)
{
	struct js *m = message_new(agent_out_names[AGENT_OUT_CHILD_EXIT]);

	js_set_int(m, "child", id);
	js_set_str(m, "why", why);
	host_send(h, m);
}

static void
on_closed(uv_handle_t *handle)
{
	struct host_child *c = handle->data;
	struct host *h = c->h;
	struct js *m;

	if (--c->open > 0)
		return;
	m = message_new(agent_out_names[AGENT_OUT_CHILD_EXIT]);
	js_set_int(m, "child", c->id);
	if (c->sig)
		js_set_int(m, "signal", c->sig);
	else
		js_set_int(m, "exit", c->status);
	h->child = NULL;
	free(c);
	host_send(h, m);
}

static void
child_close(struct host_child *c)
{
	uv_close((uv_handle_t *)&c->proc, on_closed);
	uv_close((uv_handle_t *)&c->in, on_closed);
	uv_close((uv_handle_t *)&c->out, on_closed);
	uv_close((uv_handle_t *)&c->err, on_closed);
	uv_close((uv_handle_t *)&c->sweep, on_closed);
}

/* All that is not below a tool's warden. */
static int
child_kill_all(const struct host *h)
{
	pid_t tools[HOST_PIDS_MAX];
	size_t n = host_tools_pids(h, tools, ARRAY_LEN(tools));

	return host_proc_kill_all(tools, n);
}

static void
on_sweep(uv_timer_t *timer)
{
	struct host_child *c = timer->data;
	int alive = child_kill_all(c->h);
	bool ended = c->exited && c->out_end && c->err_end;

	if ((alive == 0 && ended) || c->rounds++ >= SWEEP_ROUNDS) {
		uv_timer_stop(timer);
		if (alive)
			LOG("child", "%d processes could not be ended", alive);
		child_close(c);
	}
}

static void
on_child_exit(uv_process_t *proc, int64_t status, int sig)
{
	struct host_child *c = proc->data;

	LOG("child", "claude %ld ended: exit %ld signal %d", (long)proc->pid,
	    (long)status, sig);
	c->exited = true;
	host_relay_end(c->h);
	c->status = status;
	c->sig = sig;
	uv_timer_start(&c->sweep, on_sweep, 0, SWEEP_MS);
}

static void
on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	struct host_child *c = handle->data;

	*buf = uv_buf_init(c->buf, sizeof c->buf);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void
child_read(struct host_child *c, bool on)
{
	uv_stream_t *streams[] = {(uv_stream_t *)&c->out, (uv_stream_t *)&c->err};
	bool ended[] = {c->out_end, c->err_end};

	for (int i = 0; i < 2; i++) {
		if (ended[i] || uv_is_closing((uv_handle_t *)streams[i]))
			continue;
		if (on)
			uv_read_start(streams[i], on_alloc, on_output);
		else
			uv_read_stop(streams[i]);
	}
	c->stopped = !on;
}

static void
on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct host_child *c = stream->data;
	bool is_err = stream == (uv_stream_t *)&c->err;
	struct js *m;

	if (n == 0)
		return;
	if (n < 0) {
		uv_read_stop(stream);
		*(is_err ? &c->err_end : &c->out_end) = true;
		return;
	}
	m = message_new(agent_out_names[AGENT_OUT_CHILD_OUTPUT]);
	js_set_int(m, "child", c->id);
	js_set_str(m, "stream", is_err ? "err" : "out");
	js_set_bytes(m, "data", buf->base, (size_t)n);
	host_send(c->h, m);
	if (host_is_congested(c->h))
		child_read(c, false);
}

void
host_child_flow(struct host *h)
{
	if (h->child && h->child->stopped)
		child_read(h->child, true);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

/*
 * Empties a folder of ours.  In HOME claude's own memory of the session stays;
 * start-up files of a shell or of git must not: they would run in the next
 * claude's own session, where the key is given out, or define another ssh.
 */
static void
folder_clean(const char *dir, const char *keep_prefix)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		char *path;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (keep_prefix &&
		    strncmp(e->d_name, keep_prefix, strlen(keep_prefix)) == 0)
			continue;
		path = mem_printf("%s/%s", dir, e->d_name);
		if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
			LOG("child", "cannot remove %s", path);
		free(path);
	}
	if (d)
		closedir(d);
}

/* text NULL: there is none. */
static int
write_own(const struct host *h, const char *name, const char *text, size_t len)
{
	char *path = mem_printf("%s/%s", h->dir, name);
	int fd, rc = -1;

	unlink(path);
	if (!text) {
		free(path);
		return 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0) {
		rc = write(fd, text, len) == (ssize_t)len ? 0 : -1;
		close(fd);
	}
	free(path);
	return rc;
}

static int
child_prepare(struct host *h, const struct js *m)
{
	static const struct {
		const char *name, *keep;
	} folders[] = {{"home", ".claude"}, {"tmp", NULL}, {"work", NULL}};
	const char *text;
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		char *path = mem_printf("%s/%s", h->dir, folders[i].name);

		if (!h->tools || folders[i].keep) /* they work in the others */
			folder_clean(path, folders[i].keep);
		free(path);
	}
	host_files_write(h);
	text = js_strn(m, "ca", &len);
	if (write_own(h, HOST_CA, text, len) < 0)
		return -1;
	text = js_strn(m, "agents", &len);
	return write_own(h, "agents.json", text, len);
}

static int
child_spawn(struct host_child *c, const struct js *m)
{
	uv_stdio_container_t stdio[3] = {{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
					     .data.stream = (uv_stream_t *)&c->in},
	    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		.data.stream = (uv_stream_t *)&c->out},
	    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		.data.stream = (uv_stream_t *)&c->err}};
	uv_process_options_t o = {
	    .exit_cb = on_child_exit, .stdio = stdio, .stdio_count = 3};
	struct args args = {0};
	char *oauth = c->h->oauth && !c->h->key
	    ? mem_printf("%s=%s", HOST_OAUTH_ENV, c->h->oauth)
	    : NULL;
	char *env[] = {oauth, NULL}; /* the launcher's; it needs none */
	int rc;

	host_args_claude(c->h, &args, m);
	o.file = args.argv[0];
	o.args = args.argv;
	o.env = oauth ? env : NULL;
	rc = uv_spawn(&c->h->loop, &c->proc, &o);
	args_fini(&args);
	if (oauth)
		explicit_bzero(oauth, strlen(oauth));
	free(oauth);
	return rc;
}

static struct host_child *
child_new(struct host *h, int64_t id)
{
	struct host_child *c = mem_alloc(sizeof *c);

	c->h = h;
	c->id = id;
	c->open = 5;
	c->proc.data = c->in.data = c->out.data = c->err.data = c->sweep.data = c;
	uv_pipe_init(&h->loop, &c->in, 0);
	uv_pipe_init(&h->loop, &c->out, 0);
	uv_pipe_init(&h->loop, &c->err, 0);
	uv_timer_init(&h->loop, &c->sweep);
	return c;
}

/* What makes this child_start impossible, or NULL. */
static const char *
child_objection(const struct host *h, const struct js *m)
{
	if (h->child)
		return "another claude still runs here";
	if (!h->claude)
		return h->why;
	if (!js_str(m, "session") || !js_str(m, "agents") || !js_str(m, "agent") ||
	    !js_str(m, "tools"))
		return "child_start lacks session, agent, agents or tools";
	return NULL;
}

void
host_child_start(struct host *h, const struct js *m)
{
	int64_t id = js_int(m, "child", -1);
	const char *why = child_objection(h, m);
	struct js *started;
	int rc;

	if (!why && child_prepare(h, m) < 0)
		why = "the agent's folder cannot be written: is its disk full?";
	if (why) {
		tell_exit(h, id, why);
		return;
	}
	h->child = child_new(h, id);
	h->key_given = false;
	host_relay_set(h, js_str(m, "relay"));
	host_box_claudes(h, m);
	rc = child_spawn(h->child, m);
	if (rc < 0) {
		LOG("child", "launcher: %s", uv_strerror(rc));
		h->child->status = 127;
		child_close(h->child);
		return;
	}
	started = message_new(agent_out_names[AGENT_OUT_CHILD_STARTED]);
	js_set_int(started, "child", id);
	js_set_int(started, "pid", h->child->proc.pid);
	host_box_tell(h, started);
	host_send(h, started);
	child_read(h->child, true);
}

static void
on_written(uv_write_t *req, int status)
{
	free(req->data);
}

static struct host_child *
child_of(struct host *h, const struct js *m)
{
	return h->child && !h->child->exited && js_int(m, "child", -1) == h->child->id
	    ? h->child
	    : NULL;
}

void
host_child_input(struct host *h, const struct js *m)
{
	struct host_child *c = child_of(h, m);
	struct buf data;
	struct input *in;
	uv_buf_t piece;

	buf_init(&data, FRAME_LINE_MAX);
	if (!c || js_bytes(m, "data", &data) < 0 || data.len == 0)
		goto out;
	if (c->in.write_queue_size > CHILD_INPUT_MAX) {
		LOG("child", "claude does not read its input: it is ended");
		uv_process_kill(&c->proc, SIGKILL);
		goto out;
	}
	in = mem_alloc(sizeof *in + data.len);
	memcpy(in->data, data.data, data.len);
	in->req.data = in;
	piece = uv_buf_init(in->data, (unsigned)data.len);
	if (uv_write(&in->req, (uv_stream_t *)&c->in, &piece, 1, on_written) < 0)
		free(in);
out:
	buf_fini(&data);
}

void
host_child_signal(struct host *h, const struct js *m)
{
	struct host_child *c = child_of(h, m);

	if (js_is(m, "signal", "KILL"))
		child_kill_all(h);
	else if (c && js_is(m, "signal", "TERM"))
		uv_process_kill(&c->proc, SIGTERM);
	else if (c && js_is(m, "signal", "INT"))
		uv_process_kill(&c->proc, SIGINT);
}
