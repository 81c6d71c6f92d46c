/* SPDX-License-Identifier: GPL-3.0-or-later */
/* browse_int.h: what the files of browse mode share, and nobody else. */
#ifndef CONSOLE_BROWSE_INT_H
#define CONSOLE_BROWSE_INT_H

#include "console/action/action_int.h"
#include "console/browse/browse.h"

#define BROWSE_MARKED_MAX 100 /* lines of a selection that are counted */

struct scroll *browse_held(struct screen *s, struct scroll_source *src);
void browse_moved(struct screen *s, const struct scroll *w);

/* browse_find.c */
bool browse_find_key(struct action_context *a, const struct input *in);
void browse_find_forget(struct screen *s);

/* browse_text.c: the whole lines that are selected; false: none are */
bool browse_selection(
    const struct scroll *w, const struct scroll_source *src, struct scroll_range *range);

/* browse_letter.c: a letter that is the key of an action; false: it is none. */
bool browse_letter(struct action_context *a, const struct input *in);

#endif
