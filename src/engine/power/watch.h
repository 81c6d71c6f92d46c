/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * watch.h: what is true of the VM now, asked for no more often than it must.
 *
 * No console: a status every 10 minutes; one attached: every 30 s; after a
 * mutation every 2 s until the state has settled, and the climb back of the
 * devvm is shown as the proof of recovery.  These questions of the engine's own
 * are no runs in the journal; a change they find is.
 */
#ifndef ENGINE_WATCH_H
#define ENGINE_WATCH_H

#include <uv.h>

#include "engine/remote/broker.h"
#include "engine/power/power.h"

struct watch;
struct vmfacts;
struct assess;

struct watch *watch_new(
    uv_loop_t *loop, struct incident *incident, struct broker *broker);
void watch_free(struct watch *w);

/* After each status, before it is told: its facts (lent), or that none came. */
typedef void watch_status_fn(const struct vmfacts *vm, bool answered, void *arg);
void watch_on_status(struct watch *w, watch_status_fn *fn, void *arg);

/* The command that installs our host program, for a host that has an old one.  Copies. */
void watch_set_host_todo(struct watch *w, const char *todo);

void watch_start(struct watch *w);
void watch_follow(struct watch *w, bool on); /* something runs at the host: every 2 s */
void watch_prove(struct watch *w, const char *verb); /* it has ended, out of our sight */
void watch_consoles(struct watch *w, int count);     /* how many look on */
void watch_link(struct watch *w, enum door door);    /* a link's state changed */

/* The verdict's side: assess.h has its words. */
struct assess *watch_assess(struct watch *w); /* lent */

/* From power's events. */
void watch_line(
    struct watch *w, const struct power_what *what, const char *line, size_t len);
void watch_before(struct watch *w, const struct power_what *what);
void watch_after(
    struct watch *w, const struct power_what *what, enum power_end how, int exit);

#endif
