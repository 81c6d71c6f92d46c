/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * source.h: where a screen's facts come from: an engine, by a link.h, or the journal
 * of an incident, by a player.h.
 *
 * The screen hardly asks which: facts come in one way, and a source that takes no
 * request says so in words.
 */
#ifndef CONSOLE_SOURCE_H
#define CONSOLE_SOURCE_H

#include "console/console.h"
#include "console/view/layout.h"
#include "console/link.h"
#include "console/replay/replay_keys.h"

struct source;

struct source_opts {
	int cols, rows;
	int tail; /* records that an attach is told */
	link_fact_fn *on_fact;
	link_state_fn *on_state;
	/* A replay only: what was told is void (all), or what is true now is unknown. */
	void (*on_clear)(void *arg, bool all);
	/* The same: it has jumped somewhere; its time has moved. */
	void (*on_jump)(void *arg, bool in_output);
	void (*on_time)(void *arg);
	void *arg;
};

/* Callbacks come from the loop only.  NULL: there is nothing to show, with words. */
struct source *source_new(uv_loop_t *loop, const struct console_opts *console,
    const struct source_opts *opts, struct err *err);

/* No callback comes after this.  NULL is fine. */
void source_free(struct source *s);

/* Takes request.  -1: it went nowhere, with words. */
int source_send(struct source *s, struct js *request, struct err *err) MUST_CHECK;

/* link_unlock; nothing in a replay. */
int source_unlock(struct source *s, const char *name, const char *password, size_t len,
    struct err *err) MUST_CHECK;

/* Another incident, from nothing. */
void source_restart(struct source *s);

/* What comes after this seq is asked for when the connection is made again. */
void source_since(struct source *s, int64_t seq);

/* In a replay: does it, with text for what is looked for.  Else nothing. */
void source_play(struct source *s, enum play play, const char *text);

/* Before a picture is made: the moment that it shows. */
void source_look(struct source *s, struct screen *screen);

struct link *source_link(struct source *s); /* lent; NULL: there is no engine */

#endif
