/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_tools_int.h: what the files of the tool pane share, and nobody else. */
#ifndef CONSOLE_VIEW_TOOLS_INT_H
#define CONSOLE_VIEW_TOOLS_INT_H

#include "console/view/view_tools.h"

/* Into v->lines, which is empty: a run's head (part 0), end or line.  The line may be
 * NULL: it has just gone. */
void view_tools_render(struct view_tools *v, const struct tail_run *r, uint64_t part,
    const struct tail_line *line);

/* Does the pane show that line now? */
bool view_tools_shows(const struct view_tools *v, const struct tail_line *l);

/* view_tools_words.c: texts are of a fixed small size. */
enum run_tone { RUN_OK, RUN_BAD, RUN_BUSY };

struct run_words {
	enum run_tone tone;
	char state[40]; /* "ok", "exit 3", "signal KILL", "cut off", "running 12 s" */
	char more[200]; /* what more there is to say of it, or "" */
	char time[24], bytes[24];
	char output[80]; /* "out 4.2 KiB, err 12 B, 87 lines" */
};

void run_words(const struct tail_run *r, int64_t now, struct run_words *w);
const char *run_sign(enum run_tone tone);
uint32_t run_look(enum run_tone tone);

/* Who asked: a name, or "agent", "runbook", "engine". */
const char *run_who(const struct tail_run *r);

/* "03:12:07", or "" */
void run_time(const struct tail_run *r, char *out, size_t size);

/* A gap, as the pane has it to say. */
void run_gap_words(const struct view_tools *v, const struct tail_run *r,
    const struct tail_gap *g, char *out, size_t size);

#endif
