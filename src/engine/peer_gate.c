/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * peer_gate.c: from a peer's hello to its welcome.
 *
 * Whether it is let in is decided elsewhere (hub_events: knocked), at once or later; what
 * it says meanwhile is held back, so that an early request is no lost one.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/peer.h"

#define PEER_TAIL_MAX 5000

/* What an operator calls himself is shown to others: printable ASCII only. */
static void
peer_set_text(
    char *out, size_t size, const struct js *m, const char *key, const char *def)
{
	size_t len = 0, n = 0;
	const char *s = js_strn(m, key, &len);

	for (size_t i = 0; s && i < len && n + 1 < size; i++)
		if (s[i] > ' ' && s[i] < 0x7f)
			out[n++] = s[i];
	out[n] = '\0';
	if (n == 0)
		snprintf(out, size, "%s", def);
}

/* Says which of the two is older, and what to do about that one. */
static void
peer_refuse_version(struct peer *p, const struct js *m)
{
	struct js *f = incident_fact(FACT_ERROR, "engine");
	int64_t v = js_int(m, "v", 0);
	char text[160];

	snprintf(text, sizeof text,
	    "another version: the engine (%.40s) speaks protocol %d, this console %lld, so the %s is older",
	    p->hub->version, WIRE_VERSION, (long long)v,
	    v < WIRE_VERSION ? "console" : "engine");
	js_set_str(f, "where", "hello");
	js_set_str(f, "text", text);
	js_set_str(f, "todo",
	    v < WIRE_VERSION
		? "start the console of the same version as the engine"
		: "breakglass engine --replace puts the new engine in its place");
	js_set_int(f, "v", WIRE_VERSION);
	js_set_str(f, "version", p->hub->version);
	js_set_str(f, "req", js_str(m, "req"));
	peer_tell(p, FACT_ERROR, f);
	p->bad_lines = PEER_BAD_LINES;
}

void
peer_on_hello(struct peer *p, const struct js *m)
{
	struct err err;

	if (js_int(m, "v", 0) != WIRE_VERSION) {
		peer_refuse_version(p, m);
		return;
	}
	if (message_only(m, "v name tty size role since started incident tail read_only",
		&err) < 0) {
		peer_error(
		    p, m, "hello", err.words, "update the older of console and engine");
		return;
	}
	/* one that is taken for another could act */
	if (js_has(m, "read_only") && !js_is_bool(m, "read_only")) {
		peer_error(p, m, "hello", "read_only is true or false", NULL);
		p->bad_lines = PEER_BAD_LINES;
		return;
	}
	peer_set_text(p->name, sizeof p->name, m, "name", "operator");
	peer_set_text(p->tty, sizeof p->tty, m, "tty", "");
	p->console = !js_is(m, "role", "command");
	p->read_only = js_bool(m, "read_only", false);
	p->hello = js_ref((struct js *)(uintptr_t)m);
	p->state = PEER_GATE;
	p->hub->ev->knocked(p, p->hub->arg);
}

/*
 * Which record the peer has last, of those that there are; -1: its numbers say nothing
 * here.  What an engine that died had told from its memory, no disk taking it, is not
 * on record: those numbers have been given anew, and stand for something else.
 */
static int64_t
peer_since(const struct peer *p, const struct js *m)
{
	const struct incident *i = p->hub->incident;
	int64_t since = js_int(m, "since", -1), kept = (int64_t)incident_inherited(i);
	const char *by = js_str(m, "started");

	if (since < 0 || !incident_is(i, js_str(m, "incident")))
		return -1;
	if (by && strcmp(by, p->hub->started) != 0 && since > kept)
		return kept;
	return since > (int64_t)incident_last(i) ? -1 : since;
}

static void
peer_tell_forgotten(struct peer *p, int64_t kept, int64_t since)
{
	char text[160];

	snprintf(text, sizeof text,
	    "what was told as records %lld to %lld was in the memory of an engine that died: it is in no journal",
	    (long long)kept + 1, (long long)since);
	peer_error(p, NULL, "attach", text,
	    "what you saw of it did happen; note what must not be lost (/note)");
}

static void
peer_greet(struct peer *p, int64_t since, int64_t asked)
{
	struct js *f = peer_welcome_fact(p);

	if (since >= 0 && since < asked)
		js_set_int(f, "since", since);
	peer_tell(p, FACT_WELCOME, f);
	if (since >= 0 && since < asked)
		peer_tell_forgotten(p, since, asked);
}

static void
peer_start(struct peer *p, const struct js *m, int64_t since)
{
	int64_t tail = js_int(m, "tail", 0);

	if (tail < 0 || tail > PEER_TAIL_MAX || (js_has(m, "since") && since < 0))
		tail = PEER_TAIL_MAX;
	attach_start(p, since >= 0 ? (uint64_t)since : incident_last(p->hub->incident),
	    since >= 0 ? 0 : (size_t)tail);
}

/* What it said too early is heard now. */
static void
peer_hear_held(struct peer *p)
{
	struct buf held = p->held;

	buf_init(&p->held, held.max);
	for (size_t at = 0; at < held.len && p->state != PEER_DEAD;) {
		char *line = held.data + at, *end = memchr(line, '\n', held.len - at);

		*end = '\0';
		if (!peer_on_line(line, (size_t)(end - line), p)) {
			if (p->state != PEER_DEAD)
				peer_hang_up(p);
			break;
		}
		at += (size_t)(end - line) + 1;
	}
	buf_fini(&held);
}

void
peer_admit(struct peer *p, const struct peer_pass *pass)
{
	struct hub *h = p->hub;
	struct js *m = p->hello;
	int64_t since;

	if (p->state != PEER_GATE || p->hung)
		return;
	peer_ref(p);
	p->hello = NULL;
	p->asked = false;
	p->reader = pass->read_only;
	if (pass->name[0])
		snprintf(p->name, sizeof p->name, "%s", pass->name);
	p->state = PEER_REPLAYING;
	h->ev->arrived(p, h->arg);
	since = peer_since(p, m);
	peer_greet(p, since, js_int(m, "since", -1));
	h->ev->attached(p, h->arg);
	if (p->state == PEER_REPLAYING)
		peer_start(p, m, since);
	if (p->state != PEER_DEAD)
		peer_hear_held(p);
	js_free(m);
	peer_unref(p);
}

void
peer_ask_password(struct peer *p, const char *text, int64_t wait_ms)
{
	struct js *f = incident_fact(FACT_GATE, "engine");

	p->asked = true;
	js_set_str(f, "gate", "credential");
	js_set_str(f, "text", text);
	js_set_str(f, "name", p->name);
	js_set_int(f, "wait_ms", wait_ms);
	peer_tell(p, FACT_GATE, f);
}

void
peer_refuse(struct peer *p, const char *text, const char *todo)
{
	if (p->state == PEER_DEAD || p->hung)
		return;
	peer_error(p, NULL, "access", text, todo);
	if (p->state != PEER_DEAD)
		peer_hang_up(p);
}

void
peer_set_reader(struct peer *p, bool reader)
{
	p->reader = reader;
	peer_welcome(p);
}

void
peer_on_gate_line(struct peer *p, const struct js *m, const char *line, size_t len)
{
	int kind = message_request(m);

	if (kind == REQUEST_BYE) {
		peer_close(p);
	} else if (kind == REQUEST_UNLOCK && p->asked) {
		p->hub->ev->tried(p, m, p->hub->arg);
	} else if (kind != REQUEST_PING &&
	    (buf_add(&p->held, line, len) < 0 || buf_add(&p->held, "\n", 1) < 0)) {
		peer_error(p, m, "request", "you have not been let in yet",
		    "wait for the welcome");
		p->bad_lines = PEER_BAD_LINES;
	}
}
