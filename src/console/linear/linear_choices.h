/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * linear_choices.h: what makes sense now, as a numbered list.
 *
 * A number does what its line would do: a verb that mutates only opens its question.
 * Pure: of the screen's state alone.
 */
#ifndef CONSOLE_LINEAR_CHOICES_H
#define CONSOLE_LINEAR_CHOICES_H

#include "console/view/layout.h"

#define CHOICES_MAX 9 /* one digit each */

struct choice {
	char line[24]; /* what could be typed instead */
	char words[48];
};

struct choices {
	int count;
	struct choice row[CHOICES_MAX];
};

void choices_make(struct choices *c, const struct screen *s);

/* "1 cycle (advised), 2 forensics, 3 status" */
void choices_say(const struct choices *c, char *out, size_t size);

/* The line of a choice, by what was typed; NULL: no number of the list. */
const char *choices_pick(const struct choices *c, const char *typed);

#endif
