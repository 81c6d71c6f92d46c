/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/record/history.h"
#include "engine/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/agent_box.h"

#define PEER_STRANGERS_MAX 8 /* of one uid that is not ours, until they are let in */
#define PEER_HELD_MAX 65536  /* bytes that one at the gate says too early */
#define PEER_BATCH 64	     /* lines in one write */
#define PEER_BATCH_MAX 32768 /* bytes; a fuller batch goes out at once */

/*
 * One is on its way at a time: what follows one that failed would else still go out,
 * and a console would take the hole for the truth.
 */
struct sending {
	uv_write_t req;
	struct sending *next;
	struct peer *peer;
	size_t bytes;
	unsigned count;
	struct line *lines[PEER_BATCH];
};

static void
sending_free(struct sending *s)
{
	s->peer->queued -= s->bytes;
	for (unsigned i = 0; i < s->count; i++)
		line_free(s->lines[i]);
	free(s);
}

void
peer_ref(struct peer *p)
{
	p->refs++;
}

bool
peer_is_here(const struct peer *p)
{
	return p->state == PEER_REPLAYING || p->state == PEER_LIVE;
}

void
peer_unref(struct peer *p)
{
	if (--p->refs == 0) {
		js_free(p->hello);
		if (p->held.data)
			explicit_bzero(p->held.data, p->held.size);
		buf_fini(&p->held);
		frame_fini(&p->frame);
		free(p);
	}
}

static void
on_peer_closed(uv_handle_t *handle)
{
	peer_unref(handle->data);
}

void
peer_close(struct peer *p)
{
	struct hub *h = p->hub;
	bool was_here = p->state == PEER_REPLAYING || p->state == PEER_LIVE;
	bool knocked = p->state != PEER_WAITING;
	struct peer **at = &h->peers;

	if (p->state == PEER_DEAD)
		return;
	p->state = PEER_DEAD;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (p->batch)
		sending_free(p->batch);
	p->batch = NULL;
	while (p->waiting) {
		struct sending *s = p->waiting;

		p->waiting = s->next;
		sending_free(s);
	}
	history_drop(p);
	uv_close((uv_handle_t *)&p->pipe, on_peer_closed);
	if (was_here)
		h->ev->detached(p, h->arg);
	if (knocked)
		h->ev->gone(p, h->arg);
}

static void
peer_send_skips(struct peer *p)
{
	size_t n = p->skip_count;

	p->skip_count = 0;
	for (size_t i = 0; i < n; i++) {
		struct js *f = incident_fact(FACT_SKIPPED, "engine");

		js_set_str(f, "id", p->skips[i].run);
		js_set_str(f, "stream", p->skips[i].stream == 2 ? "err" : "out");
		js_set_int(f, "from", (int64_t)p->skips[i].from);
		js_set_int(f, "to", (int64_t)p->skips[i].to);
		peer_tell(p, FACT_SKIPPED, f);
	}
}

static void
peer_skip(struct peer *p, const struct line *l)
{
	struct peer_skip *s = p->skips;

	for (; s < p->skips + p->skip_count; s++)
		if (strcmp(s->run, l->run) == 0 && s->stream == l->stream) {
			s->to = l->to;
			return;
		}
	if (p->skip_count == PEER_SKIPS)
		return; /* the console sees the jump in off as well */
	p->skip_count++;
	snprintf(s->run, sizeof s->run, "%s", l->run);
	s->stream = l->stream;
	s->from = l->from;
	s->to = l->to;
}

static void peer_send_next(struct peer *p);

static void
on_sent(uv_write_t *req, int status)
{
	struct sending *s = (struct sending *)req;
	struct peer *p = s->peer;

	sending_free(s);
	p->sending = false;
	if (status < 0) {
		peer_close(p);
		return;
	}
	peer_send_next(p);
	if (p->state == PEER_DEAD)
		return;
	if (p->skip_count && p->queued < HUB_QUEUE_SKIP / 4)
		peer_send_skips(p);
	if (p->hold && p->queued < HUB_QUEUE_SKIP / 4)
		attach_go_on(p);
	if (p->history && p->queued < HUB_QUEUE_SKIP / 4)
		history_go_on(p);
	if (p->state != PEER_DEAD)
		p->hub->ev->drained(p, p->hub->arg);
}

static void
peer_send_next(struct peer *p)
{
	struct sending *s = p->waiting;
	uv_buf_t bufs[PEER_BATCH];

	if (!s || p->sending || p->state == PEER_DEAD)
		return;
	p->waiting = s->next;
	p->sending = true;
	for (unsigned i = 0; i < s->count; i++)
		bufs[i] = uv_buf_init(s->lines[i]->data, (unsigned)s->lines[i]->len);
	if (uv_write(&s->req, (uv_stream_t *)&p->pipe, bufs, s->count, on_sent) < 0) {
		sending_free(s);
		peer_close(p);
	}
}

void
peer_flush(struct peer *p)
{
	struct sending *s = p->batch;

	if (!s)
		return;
	p->batch = NULL;
	if (!p->waiting)
		p->waiting_end = &p->waiting;
	*p->waiting_end = s;
	p->waiting_end = &s->next;
	peer_send_next(p);
}

void
peer_flush_all(struct peer *p)
{
	peer_flush(p);
	while (p->waiting && p->state != PEER_DEAD) {
		p->sending = false;
		peer_send_next(p);
	}
}

void
peer_send(struct peer *p, struct line *line)
{
	struct sending *s;

	if (line->kind == FACT_TOOL_END && p->skip_count)
		peer_send_skips(p); /* the end is the last word about a run */
	if (p->state == PEER_DEAD)
		return;
	if (line->kind == FACT_OUTPUT && (p->queued > HUB_QUEUE_SKIP || p->skip_count)) {
		peer_skip(p, line);
		return;
	}
	if (p->queued + line->len > HUB_QUEUE_MAX) {
		LOG("hub", "%s reads too slowly, dropped", p->name);
		peer_close(p);
		return;
	}
	if (!p->batch) {
		p->batch = mem_alloc(sizeof *p->batch);
		p->batch->peer = p;
	}
	s = p->batch;
	s->lines[s->count++] = line_ref(line);
	s->bytes += line->len;
	p->queued += line->len;
	if (s->count == PEER_BATCH || s->bytes >= PEER_BATCH_MAX)
		peer_flush(p);
}

void
peer_tell(struct peer *p, enum fact kind, struct js *f)
{
	struct line *l = line_new(kind, 0, f);

	peer_send(p, l);
	line_free(l);
	js_free(f);
}

void
peer_answer(struct peer *p, enum fact kind, struct js *f)
{
	struct line *l = line_new(kind, 0, f);

	l->kind = FACTS; /* as raw records: peer_send looks at the kind alone */
	peer_send(p, l);
	line_free(l);
	js_free(f);
}

void
peer_error(struct peer *p, const struct js *m, const char *where, const char *text,
    const char *todo)
{
	struct js *f = incident_fact(FACT_ERROR, "engine");

	js_set_str(f, "where", where);
	js_set_str(f, "text", text);
	js_set_str(f, "todo", todo);
	js_set_str(f, "req", m ? js_str(m, "req") : NULL);
	peer_tell(p, FACT_ERROR, f);
}

void
peer_no_request(struct peer *p, const struct js *m, const char *where, const char *text,
    const char *todo)
{
	peer_error(p, m, where, text, todo);
	p->hub->ev->refused(p, text, p->hub->arg);
}

struct js *
peer_welcome_fact(const struct peer *p)
{
	struct js *f = incident_fact(FACT_WELCOME, "engine");
	struct incident *i = p->hub->incident;

	js_set_int(f, "v", WIRE_VERSION);
	js_set_str(f, "version", p->hub->version);
	js_set_int(f, "pid", getpid());
	js_set_str(f, "started", p->hub->started);
	js_set_str(f, "you", p->name);
	if (p->hub->foreground)
		js_set_bool(f, "foreground", true);
	if (p->reader)
		js_set_bool(f, "read_only", true);
	if (incident_id(i)[0]) {
		js_set_str(f, "incident", incident_id(i));
		js_set_int(f, "first", 1);
		js_set_int(f, "last", (int64_t)incident_last(i));
		js_set_str(f, "path", incident_path(i));
		js_set_str(f, "head", incident_head(i));
	}
	return f;
}

void
peer_welcome(struct peer *p)
{
	peer_tell(p, FACT_WELCOME, peer_welcome_fact(p));
}

/* A password in it is nobody's any more: the text, and what was parsed of it. */
static void
peer_wipe(const struct js *m, char *line, size_t len)
{
	size_t n = 0;
	const char *password = js_strn(m, "password", &n);

	if (password)
		explicit_bzero((char *)(uintptr_t)password, n);
	explicit_bzero(line, len);
}

static void
peer_on_no_request(struct peer *p, const struct js *m)
{
	char text[128];

	snprintf(text, sizeof text, "there is no request \"%.40s\"",
	    js_str(m, "t") ? js_str(m, "t") : "");
	peer_no_request(p, m, "request", text, "see docs/protocol.md");
}

static void
peer_on_request(struct peer *p, const struct js *m, int kind)
{
	const struct hub *h = p->hub;

	if (kind == REQUEST_BYE) {
		peer_close(p);
	} else if (kind == REQUEST_PING) {
		if (js_bool(m, "active", false))
			h->ev->active(p, h->arg);
		peer_welcome(p);
	} else if (kind == REQUEST_HISTORY) {
		history_start(p, m);
	} else if (kind == REQUEST_HELLO || !h->ev->on[kind]) {
		peer_on_no_request(p, m);
	} else if (h->ev->may(p, m, kind, h->arg)) {
		h->ev->on[kind](p, m, h->arg);
	}
}

bool
peer_on_line(char *line, size_t len, void *arg)
{
	struct peer *p = arg;
	struct err err;
	struct js *m = js_parse(line, len, &err);
	int kind = m ? message_request(m) : -1;

	p->heard_ms = clock_mono_ms();
	if (!m) {
		peer_no_request(p, NULL, "request", err.words, "see docs/protocol.md");
		p->bad_lines++;
	} else if (p->state == PEER_GATE) {
		peer_on_gate_line(p, m, line, len);
	} else if (p->state != PEER_WAITING && kind < 0) {
		peer_on_no_request(p, m);
		p->bad_lines++;
	} else if (p->state != PEER_WAITING) {
		p->bad_lines = 0;
		peer_on_request(p, m, kind);
	} else if (kind == REQUEST_HELLO) {
		peer_on_hello(p, m);
	} else {
		peer_no_request(
		    p, m, "request", "say hello first", "see docs/protocol.md");
		p->bad_lines = PEER_BAD_LINES;
	}
	if (kind == REQUEST_UNLOCK)
		peer_wipe(m, line, len);
	js_free(m);
	return p->state != PEER_DEAD && !p->hung && p->bad_lines < PEER_BAD_LINES;
}

static void
on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	struct peer *p = handle->data;

	*buf = uv_buf_init(p->in, sizeof p->in);
}

static void
on_shut(uv_shutdown_t *req, int status)
{
	struct peer *p = req->data;

	free(req);
	peer_close(p);
}

void
peer_hang_up(struct peer *p)
{
	uv_shutdown_t *req;

	if (p->hung)
		return;
	p->hung = true;
	peer_flush_all(p);
	if (p->state == PEER_DEAD)
		return;
	req = mem_alloc(sizeof *req);
	uv_read_stop((uv_stream_t *)&p->pipe);
	req->data = p;
	if (uv_shutdown(req, (uv_stream_t *)&p->pipe, on_shut) < 0) {
		free(req);
		peer_close(p);
	}
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *p = stream->data;
	uint64_t dropped = p->frame.dropped;
	bool more;

	if (n < 0) {
		peer_close(p);
		return;
	}
	p->refs++;
	more = frame_feed(&p->frame, buf->base, (size_t)n, peer_on_line, p);
	if (p->asked) /* a password may have been in it */
		explicit_bzero(p->in, sizeof p->in);
	if (p->frame.dropped > dropped) {
		peer_no_request(p, NULL, "request",
		    "a line was longer than 256 KiB and was dropped",
		    "send shorter text: a prompt may have 64 KiB");
		more = more && ++p->bad_lines < PEER_BAD_LINES;
	}
	if (!more && p->state != PEER_DEAD)
		peer_hang_up(p);
	peer_unref(p);
}

/* Whom nobody knows yet takes no place from those who are known. */
static bool
peer_crowds(const struct peer *p)
{
	int n = 0;

	for (const struct peer *o = p->hub->peers; o; o = o->next)
		n += o != p && o->uid == p->uid &&
		    (o->state == PEER_WAITING || o->state == PEER_GATE);
	return p->uid != geteuid() && n >= PEER_STRANGERS_MAX;
}

void
peer_accept(struct hub *h)
{
	struct peer *p = mem_alloc(sizeof *p);
	uid_t uid = (uid_t)-1;
	uv_os_fd_t fd;
	pid_t pid = 0;

	p->hub = h;
	p->refs = 1;
	p->heard_ms = p->came_ms = clock_mono_ms();
	frame_init(&p->frame, FRAME_LINE_MAX);
	buf_init(&p->held, PEER_HELD_MAX);
	uv_pipe_init(h->loop, &p->pipe, 0);
	p->pipe.data = p;
	p->next = h->peers;
	h->peers = p;
	if (uv_accept((uv_stream_t *)h->listener, (uv_stream_t *)&p->pipe) < 0 ||
	    uv_fileno((uv_handle_t *)&p->pipe, &fd) < 0 || fd_peer(fd, &uid, &pid) < 0) {
		peer_close(p);
		return;
	}
	snprintf(p->proof, sizeof p->proof, "uid %ld pid %ld", (long)uid, (long)pid);
	p->uid = uid;
	/* where it tells nobody apart the gate still asks who is above whom */
	if (uid == geteuid() && agent_box_tells() && agent_box_holds(pid)) {
		peer_error(p, NULL, "access",
		    "this process is the agent's, not an operator's: it has the agent's mark, "
		    "the hard limits 0 of message queues and of locks",
		    "the agent reaches hosts by ssh devvm and ssh pve; an operator's shell must "
		    "not have both limits (ulimit -Hq, ulimit -Hx; msgqueue and locks in "
		    "limits.conf, LimitMSGQUEUE= and LimitLOCKS= of a unit)");
		LOG("hub", "pid %ld is the agent's: refused", (long)pid);
		peer_hang_up(p);
		return;
	}
	if (uid != geteuid() && !h->strangers) {
		peer_error(p, NULL, "access", "this engine belongs to another uid",
		    "attach as the user who started it");
		LOG("hub", "uid %ld refused", (long)uid);
		peer_hang_up(p);
		return;
	}
	/* what is left is for the hosts, the journal and the verb */
	if (fd_is_of_the_last(fd, HUB_FDS_KEPT)) {
		peer_error(p, NULL, "busy",
		    "the engine has no descriptor left for one more operator",
		    "detach one, or start the engine with more (ulimit -n, LimitNOFILE=)");
		LOG("hub", "descriptor %d: nobody is let in", fd);
		peer_flush_all(p); /* and closed now: its own is one of them */
		if (p->state != PEER_DEAD)
			peer_close(p);
		return;
	}
	if (peer_crowds(p)) {
		peer_error(p, NULL, "busy", "too many of your uid wait to be let in",
		    "end some of them");
		peer_hang_up(p);
		return;
	}
	if (hub_peers(h) > HUB_PEERS_MAX) {
		peer_error(p, NULL, "busy", "64 operators are attached already",
		    "detach one of them");
		peer_hang_up(p);
		return;
	}
	uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read);
	hub_watch_silence(h);
}

uid_t
peer_uid(const struct peer *p)
{
	return p->uid;
}

bool
peer_is_reader(const struct peer *p)
{
	return p->reader;
}

size_t
peer_queued(const struct peer *p)
{
	return p->queued;
}

const char *
peer_name(const struct peer *p)
{
	return p->name;
}

void
peer_set_name(struct peer *p, const char *name)
{
	snprintf(p->name, sizeof p->name, "%s", name);
}

void
peer_set_proof(struct peer *p, const char *proof)
{
	snprintf(p->proof, sizeof p->proof, "%s", proof);
}

int
peer_fd(const struct peer *p)
{
	uv_os_fd_t fd;

	return uv_fileno((const uv_handle_t *)&p->pipe, &fd) < 0 ? -1 : fd;
}

const char *
peer_proof(const struct peer *p)
{
	return p->proof;
}

const char *
peer_tty(const struct peer *p)
{
	return p->tty;
}

bool
peer_is_console(const struct peer *p)
{
	return p->console;
}

bool
peer_is_read_only(const struct peer *p)
{
	return p->read_only || p->reader;
}
