/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * typing.h: who a key is for: the box on top, the page over the panes, the twin of an
 * F-key, an action, or the line editor.
 */
#ifndef CONSOLE_TYPING_H
#define CONSOLE_TYPING_H

#include "console/action/action.h"
#include "console/term/input.h"
#include "console/view/layout.h"

struct typing {
	struct screen *screen;
	struct action_context *ctx;
	bool vi;		/* Esc belongs to the line editor while there is text */
	int64_t pasted, esc_at; /* the reader's clock */
	int64_t
	    spilt; /* the same: when a letter closed a box, or was typed on behind it */
};

void typing_key(struct typing *t, const struct input *in);

#endif
