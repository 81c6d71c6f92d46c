/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_gate.h: the box in which locked keys are opened, or a name and its password given.
 *
 *   CLOSED --the engine asks--> NAME --Enter--> PASSWORD --Enter--> sent
 *                                ^                 |                  |
 *                                +---- Tab, Up ----+   wrong: said, and NAME or PASSWORD
 *
 * Neither the letters of a password nor their number are shown; it is wiped when it was
 * sent, and when the box closes.  A lock that a key opens wants one Enter.
 */
#ifndef CONSOLE_VIEW_GATE_H
#define CONSOLE_VIEW_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/draw/canvas.h"
#include "console/draw/lines.h"
#include "console/term/input.h"

#define GATE_PASSWORD_MAX 256 /* bytes */
#define GATE_NAME_MAX 32
#define GATE_DEAF_MS 300 /* keys right after it opened were meant for what was there */

enum gate_what {
	GATE_ATTACH, /* before the engine lets us in */
	GATE_UNLOCK, /* a password opens the keys */
	GATE_KEY     /* a key does */
};

enum gate_answer {
	GATE_WAIT,
	GATE_SEND, /* name and password: send them, then gate_box_sent */
	GATE_CLOSED
};

struct gate_box {
	bool open;
	enum gate_what what;
	bool in_password; /* where the cursor is */
	bool sent;	  /* the engine looks at it */
	char name[GATE_NAME_MAX + 1];
	char password[GATE_PASSWORD_MAX + 1];
	size_t len; /* of the password */
	char why[400];
	int64_t opened_ms;
};

/* why: what the engine says.  A name that is there stays. */
void gate_box_open(struct gate_box *b, enum gate_what what, const char *name,
    const char *why, int64_t now_ms);
void gate_box_sent(struct gate_box *b);	 /* it is on its way: wiped here */
void gate_box_close(struct gate_box *b); /* wipes */

enum gate_answer gate_box_key(struct gate_box *b, const struct input *in, int64_t now_ms);

void view_gate_draw(const struct gate_box *b, struct canvas *c, struct rect r);

#endif
