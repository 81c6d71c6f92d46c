/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * transcript_int.h: what the files of the transcript share, and nobody else.
 *
 * An item that is held may not outlive the next transcript_add: the oldest go there.
 */
#ifndef MODEL_TRANSCRIPT_INT_H
#define MODEL_TRANSCRIPT_INT_H

#include "model/transcript.h"

struct item *transcript_add(
    struct transcript *t, enum item_kind kind, const struct js *fact);

/* Every change of an item's text goes through these two: they keep the sum of bytes. */
void transcript_append(
    struct transcript *t, struct item *it, const char *text, size_t len);
void transcript_truncate(struct transcript *t, struct item *it, size_t len);

/* Outside text of several lines, made clean. */
void transcript_append_clean(
    struct transcript *t, struct item *it, const char *text, size_t len);
void transcript_append_member(
    struct transcript *t, struct item *it, const struct js *fact, const char *key);

/* The youngest item of that kind with the fact's id; NULL. */
struct item *transcript_find_id(
    struct transcript *t, enum item_kind kind, const struct js *fact);

/* transcript_agent.c: what the agent asks, costs and leaves behind. */
bool transcript_ask(struct transcript *t, const struct js *fact);
bool transcript_answered(struct transcript *t, const struct js *fact);
bool transcript_cancelled(struct transcript *t, const struct js *fact);
bool transcript_left(struct transcript *t, const struct js *fact);
bool transcript_session(struct transcript *t, const struct js *fact);

/* transcript_turn.c: prompts and their queue, runs, and how a turn ended. */
bool transcript_prompt(struct transcript *t, const struct js *fact);
bool transcript_taken_back(struct transcript *t, const struct js *fact);
bool transcript_tool(struct transcript *t, const struct js *fact);
bool transcript_tool_end(struct transcript *t, const struct js *fact);
bool transcript_result(struct transcript *t, const struct js *fact);
struct item *transcript_find_prompt(struct transcript *t, int64_t turn);

/* transcript_vm.c: what is done to VM 102 and what is found about it. */
bool transcript_verb(struct transcript *t, const struct js *fact);
bool transcript_verdict(struct transcript *t, const struct js *fact);
bool transcript_proof(struct transcript *t, const struct js *fact);

/* transcript_older.c needs these, too. */
size_t transcript_cost(const struct item *it);
void transcript_item_free(struct item *it);

#endif
