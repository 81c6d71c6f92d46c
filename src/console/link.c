/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "console/starter.h"
#include "wire/frame.h"
#include "wire/messages.h"

#define HELLO_MS 5000
#define PING_MS 15000 /* a peer that is silent for 30 s is dropped */
#define SILENT_MS 20000
#define RETRY_MAX_MS 5000
#define QUEUE_MAX (1024 * 1024) /* bytes that may wait to be written */
#define BAD_LINES_MAX 10
#define READ_SIZE 16384
#define BURST_MAX \
	(64 * 1024) /* bytes read before others, keys above all, have their turn */

struct link {
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_idle_t pause; /* resumes reading in the loop's next round */
	uv_pipe_t *pipe; /* NULL: no connection */
	size_t burst;	 /* bytes read in this round */
	char *path, *name, *role, *tty;
	struct link_opts opts;
	enum link_state state;
	struct frame frame;
	struct starter *starter; /* NULL: nobody starts an engine from here */
	bool started;		 /* the next engine that answers is one of ours */
	bool foreground;	 /* somebody else looks after the last one */
	char incident[65];	 /* the one that since is of */
	char told_by[32];	 /* when the engine that told it had started */
	int64_t since;
	int64_t heard; /* when the engine last said something */
	int64_t sent_ping;
	int attempts, bad_lines;
	bool freed, held, active;
	int closing;	/* handles that are not closed yet; the last one frees */
	char why[1000]; /* the last failure */
	char buf[READ_SIZE];
};

struct link_write {
	uv_write_t req;
	char *data;
	bool wish;   /* of an operator, not the link's own */
	bool secret; /* wiped when it was written */
	size_t len;
};

static void link_enter(struct link *l, enum link_state state);
static void on_timer(uv_timer_t *timer);

static int
retry_ms(const struct link *l)
{
	int ms = 100;

	for (int i = 1; i < l->attempts && ms < RETRY_MAX_MS; i++)
		ms *= 2;
	return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

static void
say(struct link *l, const char *words)
{
	if (!l->freed && l->opts.on_state)
		l->opts.on_state(l->opts.arg, l->state, words);
}

static void
link_enter(struct link *l, enum link_state state)
{
	char words[1200];

	LOG("link", "link: %d -> %d %s", l->state, state, l->why);
	l->state = state;
	if (state == LINK_UP) {
		l->attempts = 0;
		l->why[0] = '\0';
		uv_timer_start(&l->timer, on_timer, PING_MS, 0);
		say(l, "");
	} else if (state == LINK_HELLO) {
		uv_timer_start(&l->timer, on_timer, HELLO_MS, 0);
	} else if (state == LINK_GATE) {
		uv_timer_start(&l->timer, on_timer, PING_MS, 0);
	} else if (state == LINK_OTHER || state == LINK_DENIED) {
		uv_timer_stop(&l->timer);
		say(l, l->why);
	} else {
		uv_timer_start(&l->timer, on_timer, (uint64_t)retry_ms(l), 0);
		snprintf(words, sizeof words,
		    "%s. Attempt %d failed, the next comes by itself. %s", l->why,
		    l->attempts,
		    starter_is_busy(l->starter)
			? "An engine is being started."
			: "Verbs need it: is \"breakglass engine\" running?");
		if (l->attempts > 0)
			say(l, words);
	}
}

/* --- ending a connection --- */

static void
on_pipe_closed(uv_handle_t *handle)
{
	free(handle);
}

static void
drop(struct link *l)
{
	if (!l->pipe)
		return;
	l->pipe->data = NULL;
	uv_close((uv_handle_t *)l->pipe, on_pipe_closed);
	l->pipe = NULL;
	frame_fini(&l->frame);
}

static void
fail(struct link *l, const char *why)
{
	drop(l);
	snprintf(l->why, sizeof l->why, "%s", why);
	l->attempts++;
	link_enter(l, LINK_WAITING);
}

/* The last words about an engine that speaks another version. */
static void
other_version(struct link *l, int64_t v, const char *text, const char *todo)
{
	drop(l);
	if (text && todo)
		snprintf(l->why, sizeof l->why, "%.110s. %.80s", text, todo);
	else
		snprintf(l->why, sizeof l->why,
		    "another version: the engine speaks protocol %lld, this console %d. %s",
		    (long long)v, WIRE_VERSION,
		    v > WIRE_VERSION
			? "Start the console of the same version as the engine."
			: "\"breakglass engine --replace\" puts a new one in its place.");
	link_enter(l, LINK_OTHER);
}

/* It does not let us in, or no longer: coming again would change nothing. */
static void
denied(struct link *l, const struct js *fact)
{
	const char *text = js_str(fact, "text"), *todo = js_str(fact, "todo");

	drop(l);
	snprintf(l->why, sizeof l->why, "%s%s%s", text ? text : "refused",
	    todo ? ": " : "", todo ? todo : "");
	link_enter(l, LINK_DENIED);
}

/* --- an engine that is gone --- */

static void
on_started(void *arg, const char *why)
{
	struct link *l = arg;

	l->started = !why;
	if (why)
		snprintf(l->why, sizeof l->why, "%.190s", why);
	if (l->state == LINK_WAITING && !why) {
		l->attempts = 0;
		uv_timer_start(&l->timer, on_timer, 0, 0);
	}
}

/* Said as the engine's own facts are, so that it stands among them. */
static void
tell_started(struct link *l)
{
	struct js *m = message_new("note");

	l->started = false;
	js_set_int(m, "seq", 0);
	js_set_str(m, "by", "console");
	js_set_str(m, "text",
	    "the engine was gone: this console has started another one, which goes on");
	if (l->opts.on_fact)
		l->opts.on_fact(l->opts.arg, m);
	js_free(m);
}

/* --- writing --- */

/* An operator's wish that the broken connection has eaten is not passed over. */
static void
tell_lost(struct link *l)
{
	struct js *m = message_new("error");

	js_set_int(m, "seq", 0);
	js_set_str(m, "by", "console");
	js_set_str(m, "where", "engine");
	js_set_str(m, "text", "the connection broke: what you asked last did not arrive");
	js_set_str(m, "todo", "look whether it was done, then ask again");
	if (l->opts.on_fact)
		l->opts.on_fact(l->opts.arg, m);
	js_free(m);
}

static void
on_written(uv_write_t *req, int status)
{
	struct link_write *w = (struct link_write *)req;
	struct link *l = req->handle->data;
	bool lost = status < 0 && w->wish && l;

	if (w->secret)
		explicit_bzero(w->data, w->len);
	free(w->data);
	free(w);
	if (lost)
		tell_lost(l);
}

static int
write_secret(struct link *l, struct js *m, bool wish, bool secret, struct err *err)
{
	struct link_write *w;
	struct buf line;
	uv_buf_t b;
	int rc;

	buf_init(&line, FRAME_LINE_MAX);
	if (js_print(m, &line) < 0 || buf_add(&line, "\n", 1) < 0) {
		buf_fini(&line);
		return err_set(err, ERR_LIMIT, "too long to be sent");
	}
	if (uv_stream_get_write_queue_size((uv_stream_t *)l->pipe) > QUEUE_MAX) {
		buf_fini(&line);
		return err_set(err, ERR_LIMIT, "the engine does not read; not sent");
	}
	w = mem_alloc(sizeof *w);
	w->wish = wish;
	w->secret = secret;
	w->len = line.len;
	w->data = line.data; /* its bytes live until they are written */
	b = uv_buf_init(w->data, (unsigned)line.len);
	rc = uv_write(&w->req, (uv_stream_t *)l->pipe, &b, 1, on_written);
	if (rc == 0)
		return 0;
	free(w->data);
	free(w);
	return err_set(err, ERR_UNREACHABLE, "engine: %s", uv_strerror(rc));
}

static int
write_line(struct link *l, struct js *m, bool wish, struct err *err)
{
	return write_secret(l, m, wish, false, err);
}

int
link_unlock(
    struct link *l, const char *name, const char *password, size_t len, struct err *err)
{
	struct js *m;
	const char *kept;
	size_t n = 0;
	int rc;

	if (l->state != LINK_UP && l->state != LINK_GATE)
		return err_set(
		    err, ERR_UNREACHABLE, "no connection to the engine; not sent");
	m = message_new("unlock");
	js_set_str(m, "name", name);
	if (password)
		js_set_strn(m, "password", password, len);
	rc = write_secret(l, m, true, true, err);
	kept = js_strn(m, "password", &n);
	if (kept)
		explicit_bzero((char *)(uintptr_t)kept, n);
	js_free(m);
	return rc;
}

void
link_active(struct link *l)
{
	l->active = true;
}

int
link_send(struct link *l, struct js *request, struct err *err)
{
	int rc;

	if (l->state == LINK_UP)
		rc = write_line(l, request, true, err);
	else
		rc = err_set(
		    err, ERR_UNREACHABLE, "no connection to the engine; not sent");
	js_free(request);
	return rc;
}

/* --- reading --- */

static bool
on_line(char *line, size_t len, void *arg)
{
	struct link *l = arg;
	struct err err = {0};
	struct js *fact = js_parse(line, len, &err);

	if (!fact) {
		LOG("link", "bad line: %s", err.words);
		if (++l->bad_lines >= BAD_LINES_MAX)
			fail(l, "the engine speaks something else than breakglass");
		return l->pipe != NULL;
	}
	l->bad_lines = 0;
	if (js_is(fact, "t", "error") && js_is(fact, "where", "access")) {
		denied(l, fact);
		js_free(fact);
		return false;
	}
	if (l->state == LINK_HELLO && js_is(fact, "t", "gate"))
		link_enter(l, LINK_GATE);
	if (l->state == LINK_HELLO && !js_is(fact, "t", "welcome") &&
	    !js_is(fact, "t", "error")) {
		js_free(fact); /* its welcome was lost: so is more */
		fail(l, "the connection to the engine broke");
		return false;
	}
	if (l->state == LINK_HELLO && js_int(fact, "v", WIRE_VERSION) != WIRE_VERSION) {
		other_version(
		    l, js_int(fact, "v", 0), js_str(fact, "text"), js_str(fact, "todo"));
		js_free(fact);
		return false;
	}
	if (js_is(fact, "t", "welcome") && js_str(fact, "incident"))
		snprintf(l->incident, sizeof l->incident, "%s", js_str(fact, "incident"));
	else if (js_is(fact, "t", "incident") && js_is(fact, "state", "opened") &&
	    js_str(fact, "id"))
		snprintf(l->incident, sizeof l->incident, "%s", js_str(fact, "id"));
	if (js_is(fact, "t", "welcome") && js_str(fact, "started"))
		snprintf(l->told_by, sizeof l->told_by, "%s", js_str(fact, "started"));
	if ((l->state == LINK_HELLO || l->state == LINK_GATE) &&
	    js_is(fact, "t", "welcome")) {
		l->foreground = js_bool(fact, "foreground", false);
		link_enter(l, LINK_UP);
		if (l->started && l->pipe)
			tell_started(l);
	} else if (l->state == LINK_HELLO && js_is(fact, "t", "error")) {
		snprintf(l->why, sizeof l->why, "%.90s. %.90s", js_str(fact, "text"),
		    js_str(fact, "todo") ? js_str(fact, "todo") : "");
	}
	if (!l->freed && l->opts.on_fact)
		l->opts.on_fact(l->opts.arg, fact);
	js_free(fact);
	return l->pipe != NULL; /* the callback may have restarted or freed us */
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct link *l = handle->data;

	*buf = l ? uv_buf_init(l->buf, sizeof l->buf) : uv_buf_init(NULL, 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void
on_pause(uv_idle_t *idle)
{
	struct link *l = idle->data;

	uv_idle_stop(idle);
	l->burst = 0;
	if (l->pipe && !l->held)
		uv_read_start((uv_stream_t *)l->pipe, on_alloc, on_read);
}

/* libuv alone would read half a megabyte before it looks at anything else. */
static void
count_burst(struct link *l, size_t n)
{
	l->burst += n;
	if (l->burst >= BURST_MAX)
		uv_read_stop((uv_stream_t *)l->pipe);
	uv_idle_start(&l->pause, on_pause);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct link *l = stream->data;
	char why[1000];

	if (!l || n == 0)
		return;
	if (n < 0) {
		if (l->state == LINK_HELLO && l->why[0])
			snprintf(why, sizeof why, "%s", l->why);
		else
			snprintf(why, sizeof why, "the engine closed the connection%s%s",
			    n == UV_EOF ? "" : ": ",
			    n == UV_EOF ? "" : uv_strerror((int)n));
		fail(l, why);
		return;
	}
	l->heard = clock_mono_ms();
	count_burst(l, (size_t)n);
	frame_feed(&l->frame, buf->base, (size_t)n, on_line, l);
}

/* --- connecting --- */

static void
send_hello(struct link *l)
{
	struct js *m = message_new("hello");
	struct err err = {0};
	char size[24];

	js_set_int(m, "v", WIRE_VERSION);
	js_set_str(m, "name", l->name);
	js_set_str(m, "role", l->role);
	js_set_str(m, "tty", l->tty);
	if (l->opts.cols > 0) {
		snprintf(size, sizeof size, "%dx%d", l->opts.cols, l->opts.rows);
		js_set_str(m, "size", size);
	}
	if (l->since > 0) {
		js_set_int(m, "since", l->since);
		js_set_str(m, "incident", l->incident);
		if (l->told_by[0])
			js_set_str(m, "started", l->told_by);
	} else {
		js_set_int(m, "tail", l->opts.tail);
	}
	if (l->opts.read_only)
		js_set_bool(m, "read_only", true);
	if (write_line(l, m, false, &err) < 0)
		LOG("link", "hello: %s", err.words);
	js_free(m);
}

/* Never blocks: a frozen engine with a full backlog is EAGAIN here. */
static int
open_socket(const char *path, struct err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof a.sun_path)
		return err_set(err, ERR_USAGE,
		    "socket path is over %zu bytes: set run_dir to a "
		    "shorter one",
		    sizeof a.sun_path - 1);
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "socket");
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		err_set(err, ERR_UNREACHABLE, "no engine answers at %.100s", path);
	else if (errno == EAGAIN)
		err_set(err, ERR_BUSY, "the engine takes no connection");
	else
		err_sys(err, errno, "%.100s", path);
	close(fd);
	return -1;
}

static void
connect_now(struct link *l)
{
	struct err err = {0};
	int fd = open_socket(l->path, &err), rc;

	if (fd < 0) {
		if (err.code == ERR_UNREACHABLE && l->starter && !l->foreground)
			starter_start(l->starter);
		fail(l, err.words);
		return;
	}
	l->pipe = mem_alloc(sizeof *l->pipe);
	uv_pipe_init(l->loop, l->pipe, 0);
	l->pipe->data = l;
	frame_init(&l->frame, FRAME_LINE_MAX);
	l->bad_lines = 0;
	l->why[0] = '\0';
	rc = uv_pipe_open(l->pipe, fd);
	if (rc < 0)
		close(fd);
	if (rc == 0)
		rc = uv_read_start((uv_stream_t *)l->pipe, on_alloc, on_read);
	if (rc < 0) {
		fail(l, uv_strerror(rc));
		return;
	}
	l->heard = clock_mono_ms();
	link_enter(l, LINK_HELLO);
	send_hello(l);
}

static void
on_timer(uv_timer_t *timer)
{
	struct link *l = timer->data;
	struct err err = {0};
	struct js *ping;

	if (l->state == LINK_WAITING) {
		connect_now(l);
	} else if (l->state == LINK_HELLO) {
		fail(l, "the engine does not answer");
	} else if (l->state == LINK_UP && !l->held &&
	    clock_mono_ms() - l->heard > SILENT_MS) {
		fail(l, "the engine is silent");
	} else {
		uv_timer_start(&l->timer, on_timer, PING_MS, 0);
		ping = message_new("ping");
		if (l->active)
			js_set_bool(ping, "active", true);
		l->active = false;
		if (write_line(l, ping, false, &err) < 0)
			LOG("link", "ping: %s", err.words);
		js_free(ping);
	}
}

struct link *
link_new(uv_loop_t *loop, const struct link_opts *opts)
{
	struct link *l = mem_alloc(sizeof *l);

	l->loop = loop;
	l->opts = *opts;
	l->path = mem_dup(opts->socket_path);
	l->name = mem_dup(opts->name);
	l->role = mem_dup(opts->role);
	l->tty = mem_dup(opts->tty);
	if (opts->starter)
		l->starter = starter_new(loop, opts->starter, on_started, l);
	uv_timer_init(loop, &l->timer);
	uv_idle_init(loop, &l->pause);
	l->timer.data = l->pause.data = l;
	uv_timer_start(&l->timer, on_timer, 0, 0);
	return l;
}

void
link_since(struct link *l, int64_t seq)
{
	l->since = seq;
}

void
link_hold(struct link *l, bool hold)
{
	if (l->held == hold)
		return;
	l->held = hold;
	l->heard = clock_mono_ms();
	if (hold && l->pipe)
		uv_read_stop((uv_stream_t *)l->pipe);
	else
		uv_idle_start(&l->pause, on_pause);
}

void
link_restart(struct link *l)
{
	drop(l);
	l->attempts = 0;
	l->state = LINK_WAITING;
	uv_timer_start(&l->timer, on_timer, 0, 0);
}

static void
on_freed(uv_handle_t *handle)
{
	struct link *l = handle->data;

	if (--l->closing > 0)
		return;
	free(l->path);
	free(l->name);
	free(l->role);
	free(l->tty);
	free(l);
}

void
link_free(struct link *l)
{
	static const char bye[] = "{\"t\":\"bye\"}\n";
	uv_buf_t b = {(char *)(uintptr_t)bye, sizeof bye - 1};

	if (!l)
		return;
	l->freed = true;
	if (l->pipe && l->state == LINK_UP)
		uv_try_write((uv_stream_t *)l->pipe, &b, 1);
	drop(l);
	starter_free(l->starter);
	l->closing = 2;
	uv_close((uv_handle_t *)&l->pause, on_freed);
	uv_close((uv_handle_t *)&l->timer, on_freed);
}

void
link_say_denied(const char *words)
{
	struct err err;

	err_set(&err, ERR_DENIED, "%s", words);
	fprintf(stderr, "breakglass: %s\n", err.words);
}
