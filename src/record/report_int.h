/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_int.h: what the files behind report.h share, and nobody else. */
#ifndef RECORD_REPORT_INT_H
#define RECORD_REPORT_INT_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "record/report.h"

#define REPORT_EVENTS_HEAD 1000 /* lines of the timeline that are kept: the first … */
#define REPORT_EVENTS_TAIL 500	/* … and the last ones */
#define REPORT_FOLD 4		/* so many of a kind in a row, then they are counted */
#define REPORT_LIST_MAX 300	/* verbs, turns, questions …: the first ones */
#define REPORT_TEXT_MAX 400	/* bytes of a line of the timeline */
#define REPORT_WORD_MAX 200	/* bytes of a command, a reason */
#define REPORT_ANSWER_MAX (8 * 1024)
#define REPORT_OPEN_MAX 64 /* runs at one time */

/* A point in the incident. */
struct report_mark {
	int64_t seq; /* 0: there is none */
	int64_t ms;  /* since the first record, by the monotonic clock */
	int64_t wall_ms;
};

struct report {
	struct js *facts;
	int64_t began_ms;
	/* The record in hand. */
	int64_t seq, mono_ms, wall_ms;
	char at[CLOCK_AT_LEN], by[64];
	int64_t ms; /* since the first record */
	/* The pass. */
	int64_t records, unread, first_seq, last_seq, missing, first_wall_ms;
	int64_t offset_ms; /* wall minus mono of the record before */
	bool any, summed;
	char boot[64];
	/* The timeline. */
	struct js *head[REPORT_EVENTS_HEAD], *tail[REPORT_EVENTS_TAIL], *last;
	size_t n_head, n_tail; /* of the tail: so many were ever added */
	char fold[96];
	int folded;
	/* Runs whose end has not come. */
	struct {
		char id[24];
		struct js *run, *event; /* counted */
	} open[REPORT_OPEN_MAX];
	/* What is being followed; lent by the facts. */
	struct js *proof, *verdict, *turn, *vm;
	char autonomy[24], link[2][24], agent[256], journal[16], unfinished[256];
	size_t left;
	struct report_mark first, sign, decided, sent, acted, healthy, closed;
};

/* ---- report_event.c: the timeline ---- */

/*
 * A line of it at the record in hand.  fold: lines of the same in a row are counted
 * after a few ("": never).  Lent, to be changed by report_event_set; NULL: counted.
 */
struct js *report_event(struct report *r, const char *fold, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void report_event_set(struct js *event, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct js *report_timeline(struct report *r); /* the array; caller owns it */
void report_event_free(struct report *r);

/* At most max bytes of s, cut at a character with "…" behind, as js text; NULL: none. */
void report_set_cut(struct js *obj, const char *key, const char *s, size_t max);
const char *report_ms(int64_t ms, char *out, size_t size); /* "1.234 s", "12 min 5 s" */

/* ---- report_pass.c ---- */

/* The list of that name in the facts; a new item in it with seq, at, ms and by.  NULL
 * when it is full: then NAME_more counts. */
struct js *report_list(struct report *r, const char *name);
struct js *report_item(struct report *r, const char *name);
struct js *report_find(
    struct report *r, const char *name, const char *key, const char *value);
void report_count(struct js *obj, const char *key, int64_t n); /* adds */
void report_unknown(struct report *r, int64_t seq, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void report_mark_here(const struct report *r, struct report_mark *m);
const char *report_str(const struct js *m, const char *key); /* "" when missing */
/* A whole number of a record, not beyond what can be added and taken away. */
int64_t report_num(const struct js *m, const char *key, int64_t def);

/* Who spoke, with a proof where the journal has one; made when it is new. */
struct js *report_person(struct report *r, const char *name);
/* A row of who did what. */
struct js *report_action(struct report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- the kinds ---- */

void report_on_verb(struct report *r, const struct js *m);	/* report_vm.c */
void report_on_verdict(struct report *r, const struct js *m);	/* report_vm.c */
void report_on_proof(struct report *r, const struct js *m);	/* report_vm.c */
void report_on_state(struct report *r, const struct js *m);	/* report_state.c */
void report_on_incident(struct report *r, const struct js *m);	/* report_people.c */
void report_on_operator(struct report *r, const struct js *m);	/* report_people.c */
void report_on_note(struct report *r, const struct js *m);	/* report_people.c */
void report_on_error(struct report *r, const struct js *m);	/* report_people.c */
void report_on_ask(struct report *r, const struct js *m);	/* report_agent.c */
void report_on_answered(struct report *r, const struct js *m);	/* report_agent.c */
void report_on_prompt(struct report *r, const struct js *m);	/* report_agent.c */
void report_on_text(struct report *r, const struct js *m);	/* report_agent.c */
void report_on_result(struct report *r, const struct js *m);	/* report_agent.c */
void report_on_cancelled(struct report *r, const struct js *m); /* report_agent.c */
void report_on_done(struct report *r, const struct js *m);	/* report_agent.c */
void report_on_session(struct report *r, const struct js *m);	/* report_agent.c */
void report_on_tool(struct report *r, const struct js *m);	/* report_runs.c */
void report_on_input(struct report *r, const struct js *m);	/* report_runs.c */
void report_on_tool_end(struct report *r, const struct js *m);	/* report_runs.c */
void report_runs_over(struct report *r);			/* report_runs.c */

/* report_sum.c: durations and what is not known, when all was read. */
void report_sum(struct report *r);

/* ---- report_md.c: paper ---- */

#define MD_COLUMNS 110

/* Text of anybody, made inert, wrapped behind a bullet ("- ") or as a paragraph. */
void md_item(FILE *to, const char *fmt, ...) PRINTF_LIKE(2, 3);
void md_para(FILE *to, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A cell of a table, at most max bytes: "| text "; an empty one is "–". */
void md_cell(FILE *to, size_t max, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A quote: what text says, unchanged, in a fence that it cannot end. */
void md_quote(FILE *to, const char *text, size_t len, const char *prefix);
/* Text that md_fence is filled with: clean, one line each, wrapped under hang columns. */
struct md_block {
	char *data;
	size_t len;
	FILE *f; /* what is written becomes the block */
};
void md_block_open(struct md_block *b);
void md_block_line(struct md_block *b, size_t hang, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void md_block_close(struct md_block *b, FILE *to, const char *prefix);

/* ---- report_print.c, report_print_more.c: sections ---- */

void report_print_vm(const struct js *facts, FILE *to);
void report_print_agent(const struct js *facts, FILE *to);
void report_print_clocks(const struct js *facts, FILE *to);
void report_print_end(const struct js *facts, FILE *to);

#endif
