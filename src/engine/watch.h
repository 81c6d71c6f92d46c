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

#include "engine/broker.h"
#include "engine/power.h"

struct watch;

struct watch *watch_new(
    uv_loop_t *loop, struct incident *incident, struct broker *broker);
void watch_free(struct watch *w);

void watch_start(struct watch *w);
void watch_consoles(struct watch *w, int count);  /* how many look on */
void watch_link(struct watch *w, enum door door); /* a link's state changed */

/* From power's events. */
void watch_line(struct watch *w, enum verb verb, const char *line, size_t len);
void watch_before(struct watch *w, const struct power_what *what);
void watch_after(
    struct watch *w, const struct power_what *what, enum power_end how, int exit);

#endif
