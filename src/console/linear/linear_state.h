/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * linear_state.h: how it stands, in sentences: what the top line is to those who see.
 *
 * Each part is a sentence of its own, so that only what has changed is said again.
 */
#ifndef CONSOLE_LINEAR_STATE_H
#define CONSOLE_LINEAR_STATE_H

#include "console/view/layout.h"

#define STATE_MAX 400 /* bytes of a sentence */

enum state_part {
	STATE_VM,
	STATE_VERDICT,
	STATE_SLOT,
	STATE_PVE,
	STATE_DEVVM,
	STATE_AGENT,
	STATE_PEOPLE,
	STATE_REST, /* only where all is told */
	STATE_PARTS
};

/*
 * One sentence, "" where there is nothing to say.  all: with ages and numbers, which
 * change without being news.
 */
void state_say(
    enum state_part part, const struct screen *s, bool all, char *out, size_t size);

#endif
