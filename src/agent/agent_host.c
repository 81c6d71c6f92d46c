/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent-host --socket PATH [--dir DIR] [--claude PROGRAM] [--wait] [-v]
 *
 * Connects to the engine's agent.sock and does what it is told: see host.h.
 * It ends when the engine ends; with --wait (a container of its own) it waits
 * for the next engine instead.  Whatever happens, claude never outlives it.
 */
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/self.h"
#include "wire/messages.h"

#define OUT_MAX \
	(1024 * 1024) /* bytes waiting for the engine: claude is not read above it */
#define OUT_LOW (256 * 1024) /* ... and is read again below this */
#define RETRY_MS 1000
#define LOOK_MS 10000 /* a claude that is missing is looked for again */

struct out {
	uv_write_t req;
	struct host *h;
	struct buf text;
};

static void host_link(struct host *h);

static void
on_written(uv_write_t *req, int status)
{
	struct out *out = req->data;
	struct host *h = out->h;

	buf_fini(&out->text);
	free(out);
	if (h->linked && h->engine.write_queue_size < OUT_LOW) {
		host_child_flow(h);
		host_tools_flow(h);
	}
}

void
host_send(struct host *h, struct js *m)
{
	struct out *out = mem_alloc(sizeof *out);
	uv_buf_t text;

	buf_init(&out->text, FRAME_LINE_MAX);
	out->h = h;
	out->req.data = out;
	if (h->linked && js_print(m, &out->text) == 0 &&
	    buf_add(&out->text, "\n", 1) == 0) {
		text = uv_buf_init(out->text.data, (unsigned)out->text.len);
		if (uv_write(
			&out->req, (uv_stream_t *)&h->engine, &text, 1, on_written) == 0)
			out = NULL;
	}
	if (out) {
		buf_fini(&out->text);
		free(out);
	}
	js_free(m);
}

bool
host_is_congested(const struct host *h)
{
	return h->linked && h->engine.write_queue_size > OUT_MAX;
}

static void
tell_host(struct host *h)
{
	struct js *m;

	if (!h->welcomed)
		return;
	m = message_new(agent_out_names[AGENT_OUT_HOST]);
	js_set_str(m, "claude", h->claude);
	if (h->claude)
		js_set_str(m, "version", h->version);
	else
		js_set_str(m, "why", h->why);
	js_set_str(m, "pinned", BG_CLAUDE_VERSION);
	host_box_tell(h, m);
	js_set_int(m, "pid", getpid());
	snprintf(h->told, sizeof h->told, "%s", h->claude ? "" : h->why);
	host_send(h, m);
}

static void on_look(uv_timer_t *timer);

static void
on_found(struct host *h)
{
	if (h->ending)
		return;
	/* That it is still missing, and why, is no news. */
	if (h->claude || !h->told[0] || strcmp(h->told, h->why) != 0)
		tell_host(h);
	if (!h->claude)
		uv_timer_start(&h->look, on_look, LOOK_MS, 0);
}

static void
on_look(uv_timer_t *timer)
{
	host_find(timer->data, on_found);
}

/* More than once: what forks meanwhile is found by the next look. */
static void
host_kill_all(void)
{
	for (int i = 0; i < 100 && host_proc_kill_all(NULL, 0) > 0; i++)
		usleep(1000);
}

/* Nothing may outlive us, and nothing here needs to be kept: end at once. */
static _Noreturn void
host_end(struct host *h, int status)
{
	h->ending = true;
	host_kill_all();
	host_key_set(h, NULL, NULL);
	_exit(status);
}

static bool
on_line(char *line, size_t len, void *arg)
{
	struct host *h = arg;
	struct err err;
	struct js *m = js_parse(line, len, &err);

	switch (m ? message_agent_in(m) : -1) {
	case AGENT_IN_WELCOME:
		h->welcomed = true;
		host_find(h, on_found);
		break;
	case AGENT_IN_DENIED:
		LOG("host", "the engine refuses us: %s", js_str(m, "text"));
		break;
	case AGENT_IN_CREDENTIAL:
		host_key_set(h, js_str(m, "key"), js_str(m, "oauth"));
		explicit_bzero(line, len);
		break;
	case AGENT_IN_CHILD_START:
		host_child_start(h, m);
		break;
	case AGENT_IN_CHILD_INPUT:
		host_child_input(h, m);
		break;
	case AGENT_IN_CHILD_SIGNAL:
		host_child_signal(h, m);
		break;
	case AGENT_IN_TOOL_START:
		host_tool_start(h, m);
		break;
	case AGENT_IN_TOOL_STOP:
		host_tool_stop(h, m);
		break;
	case AGENT_IN_WORKSPACE:
		host_files_take(h, m);
		break;
	default:
		LOG("host", "a line of the engine that is not understood");
	}
	js_free(m);
	return true;
}

static void
on_retry(uv_timer_t *timer)
{
	host_link(timer->data);
}

static void
on_unlinked(uv_handle_t *handle)
{
	struct host *h = handle->data;

	uv_timer_start(&h->retry, on_retry, RETRY_MS, 0);
}

/* The engine is gone: so are claude and the tools, and what it knew. */
static void
host_unlink(struct host *h)
{
	if (!h->wait)
		host_end(h, 0);
	h->linked = h->welcomed = false;
	h->told[0] = '\0';
	host_tools_forget(h);
	host_files_forget(h);
	host_kill_all();
	host_key_set(h, NULL, NULL);
	host_relay_set(h, NULL);
	uv_timer_stop(&h->look);
	frame_fini(&h->in);
	uv_close((uv_handle_t *)&h->engine, on_unlinked);
}

static void
on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	static char data[64 * 1024];

	*buf = uv_buf_init(data, sizeof data);
}

static void
on_engine(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct host *h = stream->data;

	if (n > 0)
		frame_feed(&h->in, buf->base, (size_t)n, on_line, h);
	if (n > 0)
		explicit_bzero(buf->base, (size_t)n); /* a credential may have passed */
	if (n < 0)
		host_unlink(h);
}

static void
host_link(struct host *h)
{
	struct err err;
	struct js *hello;
	int fd = fd_connect(h->socket, &err);

	if (fd < 0 && !h->wait) {
		fprintf(stderr, "agent-host: %s\n", err.words);
		exit(1);
	}
	if (fd < 0 && strcmp(h->link_why, err.words) != 0) {
		snprintf(h->link_why, sizeof h->link_why, "%s", err.words);
		LOG("host", "%s", err.words);
	}
	if (fd < 0 || fd_nonblock(fd) < 0) {
		uv_timer_start(&h->retry, on_retry, RETRY_MS, 0);
		return;
	}
	uv_pipe_init(&h->loop, &h->engine, 0);
	h->engine.data = h;
	if (uv_pipe_open(&h->engine, fd) < 0)
		abort();
	frame_init(&h->in, FRAME_LINE_MAX);
	h->linked = true;
	uv_read_start((uv_stream_t *)&h->engine, on_alloc, on_engine);
	hello = message_new(agent_out_names[AGENT_OUT_HELLO]);
	js_set_int(hello, "v", WIRE_VERSION);
	js_set_str(hello, "role", "agent-host");
	host_send(h, hello);
}

static void
on_signal(uv_signal_t *handle, int sig)
{
	host_end(handle->data, 0);
}

/* libuv takes the ends of what it started; ours are the orphans that came to us. */
static void
on_child_signal(uv_signal_t *handle, int sig)
{
	struct host *h = handle->data;
	pid_t ours[HOST_PIDS_MAX] = {host_child_session(h), h->probe};
	size_t n = host_tools_pids(h, ours + 2, ARRAY_LEN(ours) - 2);

	host_proc_reap(ours, n + 2);
}

static int
host_folders(struct host *h, struct err *err)
{
	static const char *const names[] = {"home", "tmp", "work"};

	if (fd_own_dir(h->dir, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *path = mem_printf("%s/%s", h->dir, names[i]);
		int rc = fd_own_dir(path, err);

		free(path);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* launcher, key-helper and shim lie beside this program, built or installed. */
static char *
own_folder(void)
{
	char path[4096];

	if (self_path(path, sizeof path) < 0)
		return mem_dup(BG_PKGLIBEXECDIR);
	return mem_dup(dirname(path));
}

/*
 * A claude of an agent-host that was killed would go on in the same session
 * beside the next one, and one of the two histories would be lost.
 */
static void
host_end_strays(const struct host *h)
{
	char *entry = mem_printf(HOST_MARK "=%s", h->dir);
	int n = 0;

	for (int i = 0; i < 100 && host_proc_kill_strays(entry) > 0; i++, n++)
		usleep(10000);
	if (n)
		LOG("host", "ended what an earlier agent-host had left behind");
	free(entry);
}

static void
host_signals(struct host *h)
{
	struct {
		uv_signal_t *handle;
		int sig;
		uv_signal_cb cb;
	} on[] = {{&h->on_term, SIGTERM, on_signal}, {&h->on_int, SIGINT, on_signal},
	    {&h->on_chld, SIGCHLD, on_child_signal}};

	for (size_t i = 0; i < ARRAY_LEN(on); i++) {
		uv_signal_init(&h->loop, on[i].handle);
		on[i].handle->data = h;
		uv_signal_start(on[i].handle, on[i].cb, on[i].sig);
	}
	signal(SIGPIPE, SIG_IGN);
}

static void
host_options(struct host *h, int argc, char **argv)
{
	const char *env = getenv("BREAKGLASS_CLAUDE");

	h->configured = env && *env ? env : NULL;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--socket") == 0 && argv[i + 1])
			h->socket = argv[++i];
		else if (strcmp(argv[i], "--dir") == 0 && argv[i + 1])
			h->dir = argv[++i];
		else if (strcmp(argv[i], "--claude") == 0 && argv[i + 1])
			h->configured = argv[++i];
		else if (strcmp(argv[i], "--wait") == 0)
			h->wait = true;
		else if (strcmp(argv[i], "-v") == 0)
			log_open(NULL, 1);
		else {
			h->socket = NULL;
			break;
		}
	}
	if (!h->socket || !h->dir) {
		fprintf(stderr,
		    "usage: agent-host --socket PATH --dir DIR [--claude PROGRAM] [--wait] [-v]\n");
		exit(64);
	}
}

int
main(int argc, char **argv)
{
	static struct host h;
	struct err err;

	/* No core, and nobody of our uid reads the key out of our memory. */
	if (self_hide() < 0 || self_adopt() < 0) {
		fprintf(stderr, "agent-host: cannot be set up: %s\n", strerror(errno));
		return 1;
	}
	umask(077);
	host_options(&h, argc, argv);
	h.libexec = own_folder();
	if (uv_loop_init(&h.loop) < 0)
		abort();
	uv_timer_init(&h.loop, &h.look);
	uv_timer_init(&h.loop, &h.retry);
	h.look.data = h.retry.data = &h;
	host_signals(&h);
	if (host_folders(&h, &err) < 0 || host_key_open(&h, &err) < 0 ||
	    host_relay_open(&h, &err) < 0) {
		fprintf(stderr, "agent-host: %s\n", err.words);
		return 1;
	}
	host_end_strays(&h);
	host_box_look(&h);
	host_link(&h);
	uv_run(&h.loop, UV_RUN_DEFAULT);
	return 0;
}
