/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/term/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/messages.h"

#define ESCAPE '\x1d' /* Ctrl-] */

static const char greeting[] =
    "\r\nA shell on the devvm: exit ends it, Ctrl-] comes back at once.\r\n"
    "What it prints goes on record, what you type does not, but for its echo.\r\n";

/* Ctrl-] where a program has switched on another way to report keys. */
static const char *const long_escapes[] = {"\x1b[93;5u", "\x1b[27;5;93~"};

static void
set_size(const struct shell *s, struct js *m)
{
	int cols, rows;

	tty_size(s->tty, &cols, &rows);
	js_set_int(m, "cols", cols);
	js_set_int(m, "rows", rows);
}

static void
tell(struct shell *s, struct js *m)
{
	struct err err = {0};

	if (link_send(s->link, m, &err) < 0)
		LOG("shell", "%s", err.words);
}

int
shell_start(struct shell *s, struct err *err)
{
	struct js *m = message_new("shell");
	const char *term = getenv("TERM");

	snprintf(s->req, sizeof s->req, "shell%d", ++s->count);
	js_set_str(m, "req", s->req);
	set_size(s, m);
	if (term && term[0] && strlen(term) <= 32)
		js_set_str(m, "term", term);
	if (link_send(s->link, m, err) < 0)
		return -1;
	s->asked_ms = clock_mono_ms();
	return 0;
}

static void
granted(struct shell *s)
{
	s->asked_ms = 0;
	s->on = true;
	tty_hand_over(s->tty);
	tty_pass(s->tty, greeting, sizeof greeting - 1);
	shell_resized(s); /* it may be another size by now */
}

static bool
over(struct shell *s, const char *why)
{
	snprintf(s->why, sizeof s->why, "%s", why);
	s->asked_ms = 0;
	if (s->on)
		tty_take_back(s->tty);
	s->on = false;
	link_hold(s->link, false);
	return true;
}

/* The bytes before our key, or all of them. */
static size_t
before_escape(const char *data, size_t len)
{
	const char *at = memchr(data, ESCAPE, len);
	size_t before = at ? (size_t)(at - data) : len;

	for (size_t i = 0; i < sizeof long_escapes / sizeof long_escapes[0]; i++) {
		at = memmem(data, before, long_escapes[i], strlen(long_escapes[i]));
		if (at)
			before = (size_t)(at - data);
	}
	return before;
}

static bool
give_up(struct shell *s, const char *why)
{
	tell(s, message_new("shell_end"));
	return over(s, why);
}

/*
 * While it is asked for nothing goes to the devvm: an Esc alone, ^C and ^] give up.
 * A slow link brings the Esc behind other keys in one piece.
 */
static bool
is_giving_up(const char *data, size_t len)
{
	return before_escape(data, len) < len || memchr(data, '\x03', len) ||
	    (len > 0 && data[len - 1] == '\x1b');
}

bool
shell_typed(struct shell *s, const char *data, size_t len)
{
	size_t before = before_escape(data, len);
	struct js *m;

	if (s->asked_ms)
		return is_giving_up(data, len) &&
		    give_up(s, "No shell: you did not wait for the devvm to start one.");
	if (before > 0) {
		m = message_new("shell_input");
		js_set_bytes(m, "data", data, before);
		tell(s, m);
	}
	if (before == len)
		return false;
	tell(s, message_new("shell_end"));
	return over(s, "You left the shell on the devvm; it was hung up.");
}

static bool
ended(struct shell *s, const struct js *fact)
{
	char why[320];

	if (s->asked_ms)
		snprintf(why, sizeof why,
		    "No shell on the devvm: %.220s. F3 says what is wrong there.",
		    js_str(fact, "why") ? js_str(fact, "why") : "it ended at once");
	else if (js_str(fact, "why"))
		snprintf(why, sizeof why, "The shell on the devvm has ended: %.250s.",
		    js_str(fact, "why"));
	else
		snprintf(why, sizeof why, "The shell on the devvm has ended, exit %d.",
		    (int)js_int(fact, "exit", -1));
	return over(s, why);
}

bool
shell_fact(struct shell *s, const struct js *fact)
{
	struct buf data;

	if ((!s->on && !s->asked_ms) || !js_is(fact, "req", s->req))
		return false;
	if (js_is(fact, "t", "error"))
		return over(s, ""); /* the error itself is shown */
	if (js_is(fact, "t", "shell_end"))
		return ended(s, fact);
	if (!js_is(fact, "t", "shell_output"))
		return false;
	if (s->asked_ms)
		granted(s);
	buf_init(&data, WIRE_CHUNK_MAX);
	if (js_bytes(fact, "data", &data) == 0)
		tty_pass(s->tty, data.data, data.len);
	buf_fini(&data);
	if (tty_waiting(s->tty) > SHELL_WAITING_HIGH)
		link_hold(s->link, true);
	return false;
}

bool
shell_lost(struct shell *s)
{
	return (s->on || s->asked_ms) &&
	    over(s, "The connection to the engine is gone, and the shell with it.");
}

bool
shell_late(struct shell *s)
{
	return s->asked_ms && clock_mono_ms() - s->asked_ms >= SHELL_ASK_MS &&
	    give_up(s,
		"No shell: the devvm started none in 15 s, so its sshd or its disk hangs. "
		"F3 says what is wrong there; the power keys need no ssh.");
}

void
shell_flushed(struct shell *s)
{
	if (s->on && tty_waiting(s->tty) < SHELL_WAITING_LOW)
		link_hold(s->link, false);
}

void
shell_resized(struct shell *s)
{
	struct js *m = message_new("shell_size");

	set_size(s, m);
	tell(s, m);
}
