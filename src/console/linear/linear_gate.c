/* SPDX-License-Identifier: GPL-3.0-or-later */
/* linear_gate.c: name and password line by line, and locked keys. */
#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "console/linear/linear_int.h"

/* What is typed is not echoed, or again. */
static void
echo(struct linear *n, bool on)
{
	struct termios t;

	if (!n->typed || n->mute == !on || tcgetattr(n->fd, &t) < 0)
		return;
	if (on)
		t.c_lflag |= ECHO;
	else
		t.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(n->fd, TCSANOW, &t);
	n->mute = !on;
	if (on)
		putchar('\n'); /* the Enter was not echoed either */
}

static void
ask_name(struct linear *n)
{
	struct gate_box *b = &n->screen.gate;
	char text[80];

	linear_say(b->why);
	snprintf(text, sizeof text, "Password of whom? Enter: %s. /detach leaves.",
	    b->name[0] ? b->name : "(nobody yet)");
	linear_say(text);
	n->gate = LINEAR_NAME;
}

void
linear_gate(struct linear *n)
{
	struct gate_box *b = &n->screen.gate;
	struct err err;

	if (!b->open) {
		echo(n, true);
		n->gate = LINEAR_NO_GATE;
	} else if (b->what == GATE_KEY) {
		if (!b->sent && n->ctx.unlock(n, NULL, NULL, 0, &err) < 0)
			linear_say(err.words);
		gate_box_close(b);
		linear_say("The keys were locked, because nobody typed here for long.");
	} else if (n->gate == LINEAR_NO_GATE || (n->gate == LINEAR_SENT && !b->sent)) {
		ask_name(n);
	}
}

static void
take_password(struct linear *n, const char *line)
{
	struct gate_box *b = &n->screen.gate;
	size_t len = strlen(line);
	struct err err;

	echo(n, true);
	n->gate = LINEAR_SENT;
	if (n->ctx.unlock(n, b->name, line, len, &err) < 0) {
		linear_say(err.words);
		n->gate = LINEAR_NO_GATE;
		return;
	}
	gate_box_sent(b);
	linear_say("It is looked at.");
}

bool
linear_gate_line(struct linear *n, const char *line)
{
	struct gate_box *b = &n->screen.gate;

	if (!b->open || n->gate == LINEAR_NO_GATE)
		return false;
	if (n->gate == LINEAR_PASSWORD) {
		take_password(n, line);
	} else if (strcmp(line, "/detach") == 0) {
		n->ctx.quit = true;
	} else if (n->gate == LINEAR_NAME && (line[0] || b->name[0])) {
		if (line[0])
			snprintf(b->name, sizeof b->name, "%.32s", line);
		linear_say("Password? It is not shown.");
		echo(n, false);
		n->gate = LINEAR_PASSWORD;
	}
	return true;
}
