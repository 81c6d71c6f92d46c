/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * said.h: what linear output has said already, and what is new.
 *
 * The state of the screen in words, each once: a sentence of the state when it changes,
 * banners when they come, items of the chat when they will not change any more, the
 * output of runs as it comes.  To standard output, through a canvas like all else.
 */
#ifndef CONSOLE_SAID_H
#define CONSOLE_SAID_H

#include "console/view/layout.h"
#include "console/draw/lines.h"
#include "console/linear/linear_state.h"
#include "console/view/view_banner.h"

#define SAID_COLS 400 /* the terminal wraps, not we */
#define SAID_MAX 256  /* items and runs that can still change */

struct seen {
	uint64_t serial;
	uint32_t version;
	size_t len; /* bytes of text that are out */
};

struct said {	      /* zeroed: nothing is said */
	bool bounded; /* somebody listens: long output is cut, /view reads it */
	struct seen chat[SAID_MAX];
	uint64_t run_line[SAID_MAX];  /* by serial: the place of the next line to print */
	uint64_t run_lines[SAID_MAX]; /* how many were, while it ran */
	uint64_t run_serial[SAID_MAX];
	bool run_ended[SAID_MAX];
	uint64_t parts[STATE_PARTS];   /* hashes of the sentences that hold */
	uint64_t banners[BANNERS_MAX]; /* hashes of those that are said */
	int climbed;		       /* rungs of the proof that are said */
	bool turned;		       /* a verdict or a proof was said */
	int64_t still;		       /* when it was last said that something goes on */
	uint64_t lines;		       /* how many had been said then */
};

void said_news(struct said *n, const struct screen *s);

/* Every few seconds: what goes on, where nothing else was said for 10 s. */
void said_progress(struct said *n, const struct screen *s);

/* All that is true now. */
void said_state(const struct screen *s);

/* Stands in front of each line from now on (a time); "" nothing. */
void said_stamp(const char *stamp);

/* Text as it is, all of it, each of its lines behind the prefix. */
void said_line(const char *prefix, const char *text, size_t len);

/*
 * Our own pages and blocks: without empty lines, rules and signs that have no word.
 * Frames are known by their look (LOOK_QUIET, LOOK_RULE): a command stays as it is.
 */
void said_lines(const struct lines *l);

/* What is said between the two is said again by said_again. */
void said_keep(bool on);
void said_again(void);

/* said_block.c */
void said_verdict(const struct verdict *v);
void said_proof(const struct proof *p);

/* said_run.c */
void said_run(struct said *n, const struct tail_run *r);

/* All of it is kept here, as far as anybody has it. */
bool said_is_here(const struct tail_run *r);
/* What is kept of it, line by line, and what is not. */
void said_whole_run(const struct tail_run *r);
/* The same as it was read from the engine (run_text.h). */
void said_text(const char *what, const char *text, size_t len);

#endif
