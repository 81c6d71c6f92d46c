/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * baton.h: of the consoles that are here one drives, the others watch.
 *
 *             the first here, whoever acts, /drive, back within 60 s
 *    FREE ------------------------------------------------------> DRIVEN by NAME
 *     ^                                                             |      |
 *     +---- /watch, or the driver is gone --------------------------+      | /drive of
 *                                                                          v another
 *                                                                   DRIVEN by the other
 *
 * Pure: names, and a clock that is given.  Names are unique among those who are here.
 * Read-only consoles and one-shot commands are never asked about.  A driver who is
 * gone (a line that broke and a goodbye look alike) keeps a claim for BATON_BACK_MS;
 * whoever acts first breaks it.
 */
#ifndef ENGINE_BATON_H
#define ENGINE_BATON_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/messages.h"

#define BATON_BACK_MS 60000

/* Why somebody drives from now on. */
enum baton_why {
	BATON_FIRST, /* nobody else was here to do it */
	BATON_BACK,  /* was away for less than BATON_BACK_MS */
	BATON_ACTED, /* while nobody drove */
	BATON_TOOK,  /* from another, by /drive */
	BATON_ONLY,  /* the only one that is left */
	BATON_WHYS
};

struct baton {				/* zeroed: free */
	char driver[WIRE_NAME_MAX + 1]; /* "": nobody drives */
	char from[WIRE_NAME_MAX + 1];	/* who drove before, "": nobody */
	enum baton_why why;
	char left[WIRE_NAME_MAX + 1]; /* who may have it back, "": nobody */
	int64_t left_ms;
};

const char *baton_why_words(enum baton_why why);

bool baton_is(const struct baton *b, const char *name); /* name drives */

/* Each returns whether another drives now than before (driver, from, why). */

/* A console that may act has come; others: how many such were here before. */
bool baton_came(struct baton *b, const char *name, int others, int64_t now_ms);

/* /drive. */
bool baton_take(struct baton *b, const char *name);

/* A console wants to act: it gets the baton where that is free. */
bool baton_act(struct baton *b, const char *name);

/* Only this console is left that may act (NULL: none, or several). */
bool baton_only(struct baton *b, const char *name, int64_t now_ms);

/* Each returns whether name drove, and the baton is free now. */

bool baton_give(struct baton *b, const char *name); /* /watch */

/* It is gone; it may come back. */
bool baton_gone(struct baton *b, const char *name, int64_t now_ms);

/* When baton_only would be worth asking again: ms from now; -1: never. */
int64_t baton_wait_ms(const struct baton *b, int64_t now_ms);

#endif
