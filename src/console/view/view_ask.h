/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_ask.h: the box in which the agent's question is read and answered.
 *
 * y lets it, n refuses it, Esc closes the box and leaves the question open.  No
 * other key does anything: a hasty Enter is no answer.  It opens with the keyboard
 * buffer emptied, ignores keys for 300 ms, and closes when the question is over.
 */
#ifndef CONSOLE_VIEW_ASK_H
#define CONSOLE_VIEW_ASK_H

#include "console/draw/canvas.h"
#include "console/term/input.h"
#include "console/draw/lines.h"
#include "model/model.h"

enum ask_answer { ASK_WAIT, ASK_YES, ASK_NO, ASK_LATER };

struct ask_box {
	bool open;
	char id[16]; /* the question that was shown is the one that is answered */
	int64_t opened_ms;
	char sent[16]; /* the question that was answered from here last */
	int64_t sent_ms;
};

void ask_box_open(struct ask_box *b, const struct ask *q, int64_t now_ms);

/* All but ASK_WAIT close the box. */
enum ask_answer ask_box_key(struct ask_box *b, const struct input *in, int64_t now_ms);

/* Was that one answered from here just now?  The engine has not told its end yet. */
bool ask_box_waits(const struct ask_box *b, const struct ask *q, int64_t now_ms);

/* Closes the box of a question that is over: somebody else answered, or its time has run
 * out.  True: it did. */
bool ask_box_news(struct ask_box *b, const struct asks *asks);

/* What is asked, by whom, for which host; now: the engine's clock. */
void view_ask_render(struct lines *l, const struct ask *q, int64_t now, int rows);

void view_ask_draw(const struct ask_box *b, struct canvas *c, struct rect r,
    const struct model *m, int64_t now);

#endif
