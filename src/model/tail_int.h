/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tail_int.h: what the files of the tail share, and nobody else. */
#ifndef MODEL_TAIL_INT_H
#define MODEL_TAIL_INT_H

#include "model/tail.h"

/* Lines of a run; each call may drop its oldest ones, so no line is held over one. */
struct tail_line *tail_new_line(struct tail *t, struct tail_run *r, int stream);
struct tail_line *tail_last_line(const struct tail_run *r); /* there must be one */
void tail_add_text(struct tail *t, struct tail_run *r, struct tail_line *l,
    const char *text, size_t len, uint32_t style);
void tail_clear_line(struct tail *t, struct tail_run *r, struct tail_line *l);
void tail_drop_last(struct tail *t, struct tail_run *r);

/* The last line of a verb's output is complete: a mark becomes words or goes. */
void tail_mark_line(struct tail *t, struct tail_run *r);

/* How much of this text for the end of that line is shown; counts what is not. */
size_t tail_mark_keeps(
    struct tail_run *r, const struct tail_line *l, const char *text, size_t len);

/* With its lines; it is in no list any more. */
void tail_run_free(struct tail_run *r);

/* No more output comes. */
void tail_mark_end(struct tail *t, struct tail_run *r);

#endif
