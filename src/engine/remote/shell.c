/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/remote/broker.h"
#include "engine/hub.h"

#define SHELL_TERM_MAX 32 /* bytes */

struct shell {
	struct shell *next;
	struct shells *all;
	struct peer *peer; /* there as long as we are */
	struct broker_run *run;
	char *req; /* of its request: its facts carry it */
	bool held;
	bool spoke; /* the peer knows that it is there */
};

struct shells {
	struct broker *broker;
	struct incident *incident;
	struct shell *first;
};

struct shells *
shells_new(struct broker *broker, struct incident *incident)
{
	struct shells *ss = mem_alloc(sizeof *ss);

	ss->incident = incident;
	ss->broker = broker;
	return ss;
}

static void
shell_free(struct shell *s)
{
	struct shell **at = &s->all->first;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s->req);
	free(s);
}

/* Who would lose one: asked before the engine is replaced. */
static void
shells_tell(const struct shells *ss)
{
	struct js *f = incident_fact(FACT_STATE, "engine");
	char who[SHELLS_MAX * (WIRE_NAME_MAX + 2)];
	size_t n = 0;
	int open = 0;

	who[0] = '\0';
	for (const struct shell *s = ss->first; s && open < SHELLS_MAX; s = s->next)
		n += (size_t)snprintf(who + n, sizeof who - n, "%s%s", open++ ? ", " : "",
		    peer_name(s->peer));
	js_set_str(f, "what", "shells");
	js_set_int(f, "open", open);
	js_set_str(f, "who", who);
	incident_tell(ss->incident, FACT_STATE, f);
}

void
shells_free(struct shells *ss)
{
	if (!ss)
		return;
	while (ss->first)
		shell_free(ss->first);
	free(ss);
}

bool
shells_any(const struct shells *ss)
{
	return ss->first != NULL;
}

static struct shell *
shell_of(const struct shells *ss, const struct peer *p)
{
	struct shell *s = ss->first;

	while (s && s->peer != p)
		s = s->next;
	return s;
}

/* --- what the shell says --- */

static void
shell_tell(struct shell *s, const char *data, size_t len)
{
	struct js *f = incident_fact(FACT_SHELL_OUTPUT, "engine");

	js_set_str(f, "req", s->req);
	js_set_bytes(f, "data", data, len);
	s->spoke = true;
	peer_tell(s->peer, FACT_SHELL_OUTPUT, f);
}

/* Telling may find the peer dead: then the shell is gone, too (shells_gone). */
static bool
on_output(int stream, const char *data, size_t len, void *arg)
{
	struct shell *s = arg;
	struct peer *p = s->peer;
	bool here = true;

	peer_ref(p);
	while (len > 0 && here) {
		size_t n = len < WIRE_CHUNK_MAX ? len : WIRE_CHUNK_MAX;

		shell_tell(s, data, n);
		data += n;
		len -= n;
		here = peer_is_here(p);
	}
	if (here && peer_queued(p) > SHELL_QUEUE_HIGH)
		s->held = true;
	here = here && s->held;
	peer_unref(p);
	return !here;
}

static void
on_end(bool refused, int exit, const char *why, void *arg)
{
	struct shell *s = arg;
	const struct shells *ss = s->all;
	struct peer *p = s->peer;
	struct js *f = incident_fact(FACT_SHELL_END, "engine");

	js_set_str(f, "req", s->req);
	if (why)
		js_set_str(f, "why", why);
	else
		js_set_int(f, "exit", exit);
	shell_free(s); /* first: telling may find the peer dead */
	peer_tell(p, FACT_SHELL_END, f);
	shells_tell(ss);
}

/* The first words of a shell may come late or never: that it is there is told at once. */
static void
on_begun(void *arg)
{
	struct shell *s = arg;

	if (!s->spoke)
		shell_tell(s, "", 0);
}

static const struct broker_run_events shell_events = {on_output, on_end, on_begun};

/* --- what the peer asks for --- */

static int
shell_read_size(const struct js *m, struct remote_pty *pty, struct err *err)
{
	int64_t cols = js_int(m, "cols", 0), rows = js_int(m, "rows", 0);

	if (cols < 1 || cols > SHELL_SIDE_MAX || rows < 1 || rows > SHELL_SIDE_MAX)
		return err_set(err, ERR_USAGE,
		    "a shell needs cols and rows, each 1 to %d", SHELL_SIDE_MAX);
	pty->cols = (int)cols;
	pty->rows = (int)rows;
	return 0;
}

/* The name of a terminal goes to another machine: only what such a name may have. */
static int
shell_read_term(const struct js *m, struct remote_pty *pty, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._";
	size_t len = 0;
	const char *term = js_strn(m, "term", &len);

	pty->term = "xterm-256color";
	if (!js_has(m, "term"))
		return 0;
	if (!term || len == 0 || len > SHELL_TERM_MAX || strspn(term, allowed) != len)
		return err_set(err, ERR_USAGE,
		    "term is the name of a terminal, at most %d bytes", SHELL_TERM_MAX);
	pty->term = term;
	return 0;
}

int
shell_open(struct shells *ss, struct peer *p, const struct js *m, struct err *err)
{
	struct remote_pty pty;
	struct shell *s;
	int n = 0;

	if (shell_read_size(m, &pty, err) < 0 || shell_read_term(m, &pty, err) < 0)
		return -1;
	if (shell_of(ss, p))
		return err_set(err, ERR_BUSY, "you have a shell already: end it first");
	for (s = ss->first; s; s = s->next)
		n++;
	if (n >= SHELLS_MAX)
		return err_set(err, ERR_BUSY,
		    "%d shells are open already: one of them must end first", n);
	s = mem_alloc(sizeof *s);
	s->all = ss;
	s->peer = p;
	s->req = js_str(m, "req") ? mem_dup(js_str(m, "req")) : NULL;
	s->next = ss->first;
	ss->first = s;
	s->run = broker_shell(ss->broker, peer_name(p), &pty, &shell_events, s, err);
	if (s->run) {
		shells_tell(ss);
		return 0;
	}
	shell_free(s);
	return -1;
}

static struct shell *
shell_wanted(struct shells *ss, struct peer *p, struct err *err)
{
	struct shell *s = shell_of(ss, p);

	if (!s)
		err_set(err, ERR_USAGE, "you have no shell: ask for one first");
	return s;
}

int
shell_input(struct shells *ss, struct peer *p, const struct js *m, struct err *err)
{
	struct shell *s = shell_wanted(ss, p, err);
	struct buf data;
	int rc = 0;

	if (!s)
		return -1;
	buf_init(&data, WIRE_CHUNK_MAX);
	if (js_bytes(m, "data", &data) < 0)
		rc = err_set(
		    err, ERR_USAGE, "input is data or data_b64, at most 32 KiB of it");
	else if (broker_run_input(s->run, data.data, data.len) < 0)
		rc = err_set(err, ERR_LIMIT,
		    "the devvm takes no input: 1 MiB waits for it; this was dropped");
	buf_fini(&data);
	return rc;
}

int
shell_size(struct shells *ss, struct peer *p, const struct js *m, struct err *err)
{
	struct shell *s = shell_wanted(ss, p, err);
	struct remote_pty pty;

	if (!s || shell_read_size(m, &pty, err) < 0)
		return -1;
	broker_shell_resize(s->run, pty.cols, pty.rows);
	return 0;
}

static void
shell_close(struct shell *s, const char *why)
{
	struct broker_run *run = s->run;
	const struct shells *ss = s->all;

	shell_free(s);
	broker_shell_leave(run, why);
	shells_tell(ss);
}

int
shell_leave(struct shells *ss, struct peer *p, struct err *err)
{
	struct shell *s = shell_wanted(ss, p, err);

	if (!s)
		return -1;
	shell_close(s, "the operator left the shell");
	return 0;
}

void
shells_gone(struct shells *ss, struct peer *p)
{
	struct shell *s = shell_of(ss, p);

	if (s)
		shell_close(s, "the operator's console went away");
}

void
shells_drained(struct shells *ss, struct peer *p)
{
	struct shell *s = shell_of(ss, p);

	if (!s || !s->held || peer_queued(p) > SHELL_QUEUE_LOW)
		return;
	s->held = false;
	broker_run_ready(s->run);
}
