/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tail_int.h: what the files of the tail share, and nobody else. */
#ifndef MODEL_TAIL_INT_H
#define MODEL_TAIL_INT_H

#include "model/tail.h"

#define TAIL_RUN_LINES_MAX 16384
#define TAIL_FILLED_LINES_MAX 32768 /* of an ended run, whose gaps were filled */

size_t tail_line_cost(const struct tail_line *l);
void tail_line_free(struct tail_line *l);	   /* what it owns */
void tail_resize(struct tail_run *r, size_t size); /* of the ring; its head is 0 then */
void tail_keep_bounds(struct tail *t, struct tail_run *r); /* r is the last to give */

/* Bytes that come next in that stream, which is at off. */
void tail_feed(struct tail *t, struct tail_run *r, int stream, int64_t off,
    const char *data, size_t len);
void tail_feed_end(struct tail *t, struct tail_run *r, int stream);

/* The command of a tool fact. */
void tail_command(struct tail_run *r, const char *text, size_t len);

/* The record has not all of it: so many bytes it had. */
void tail_command_is_cut(struct tail *t, struct tail_run *r, int64_t bytes);

/* An input fact: its bytes stand behind the command.  Whether something changed. */
bool tail_input(struct tail *t, struct tail_run *r, const struct js *fact);

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
