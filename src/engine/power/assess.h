/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * assess.h: when the verdict is made anew, and when it is told.
 *
 *   forensics end --> told (climbing) --> climb of the ladder --> told
 *   a mutating verb: its capture is told when it is there; then the proof of
 *   recovery speaks, and its end is told here, too
 *   a status, a link, a console: told only when word, advice or a "not" changes
 *
 * One climb at a time: none while a mutating verb or its proof is under way.  Forensics
 * that end meanwhile are told once, with what is known: each run has a last word.
 * What no longer fits (another QEMU, another status, an empty queue) is let go,
 * so that an old capture never speaks for a VM that has moved on.
 */
#ifndef ENGINE_ASSESS_H
#define ENGINE_ASSESS_H

#include <stdbool.h>
#include <uv.h>

#include "engine/remote/broker.h"
#include "engine/power/power.h"

struct assess;
struct incident;
struct proof;
struct verdict;
struct vmfacts;

/* Borrows all of them; the proof, which climbs after a verb, says when it is over. */
struct assess *assess_new(uv_loop_t *loop, struct incident *incident,
    struct broker *broker, struct proof *proof);
void assess_free(struct assess *a); /* NULL is fine */

/* A status of the engine's own or of an operator, who is told more (climb). */
void assess_status(struct assess *a, const struct vmfacts *vm, bool climb);

/* A mutating verb goes out; its lines as they come; a verb of any kind has ended. */
void assess_verb_began(struct assess *a, const struct power_what *what);
void assess_verb_line(struct assess *a, const struct vmfacts *vm,
    const struct power_what *what, const char *line, size_t len);
void assess_verb_ended(struct assess *a, const struct vmfacts *vm,
    const struct power_what *what, enum power_end how, int exit);

/*
 * After each verdict that is told (lent): id of the run that asked for it, or NULL;
 * more: another word about that run will come.  fn NULL: no longer.
 */
typedef void assess_told_fn(
    const struct verdict *v, const char *id, bool more, void *arg);
void assess_on_told(struct assess *a, assess_told_fn *fn, void *arg);

/* What it would say now; nothing is asked and nothing is told. */
void assess_now(const struct assess *a, struct verdict *out);

void assess_consoles(struct assess *a, int count);
void assess_link(struct assess *a, enum door door);

#endif
