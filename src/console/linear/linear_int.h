/* SPDX-License-Identifier: GPL-3.0-or-later */
/* linear_int.h: what linear.c and linear_lines.c share, and nobody else. */
#ifndef CONSOLE_LINEAR_INT_H
#define CONSOLE_LINEAR_INT_H

#include <uv.h>

#include "console/action/action.h"
#include "console/linear/linear_choices.h"
#include "console/linear/said.h"
#include "console/term/clip.h"
#include "wire/frame.h"

enum linear_gate_stage { LINEAR_NO_GATE, LINEAR_NAME, LINEAR_PASSWORD, LINEAR_SENT };

struct linear {
	uv_loop_t loop;
	uv_poll_t poll;
	uv_timer_t still;
	uv_signal_t sigint, sigterm, sighup;
	uv_idle_t printer;
	struct link *link;
	struct screen screen;
	struct action_context ctx;
	struct frame input;
	struct said said;
	struct choices choices; /* as they were said last */
	char offered[640];	/* and in which words */
	bool offer;		/* say them, whether they are new or not */
	bool taught;		/* how to choose was said */
	bool typed;		/* a person types, on a terminal: not a pipe */
	bool begun;		/* a part of a line has come */
	bool stop;
	enum linear_gate_stage gate; /* what the next line is */
	bool secret;		     /* what was just read may be a password */
	bool mute;		     /* the terminal does not echo */
	bool denied, wants_read;
	bool told;	  /* that there is something older */
	struct clip clip; /* a run's text, while it is read for /view */
	int64_t over_ms;  /* when a question that was open here ended; 0: none did */
	int64_t oldest;	  /* seq of the first record that was told; 0: none */
	int code, fd;
};

/* linear.c */
void linear_say(const char *text);
void linear_say_older(struct linear *n);

/* linear_gate.c: after each fact and line; a line, true: it was for the gate */
void linear_gate(struct linear *n);
bool linear_gate_line(struct linear *n, const char *line);

/* linear_lines.c */

/* A line that came in.  Sets ctx.quit where it leaves. */
void linear_line(struct linear *n, const char *line);

/* Says what can be chosen, where that is new. */
void linear_offer(struct linear *n);

/* After each fact: a question whose facts have changed is asked anew, one that is over
 * is closed. */
void linear_news(struct linear *n);

/* Says a run's text that has been read, where there is one. */
void linear_say_text(struct linear *n);

#endif
