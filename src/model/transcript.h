/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * transcript.h: what the chat pane shows, as a bounded list of items.
 *
 * An item is a prompt, a text block of the agent (growing by deltas, replaced by
 * its finished text), one line for a run, a verb with its stages, a note, an
 * error ...  The oldest items go when the list is full: the journal has them.
 *
 * An item's text is clean, but for ITEM_TEXT: that is Markdown as it came, and
 * whoever renders it cleans what comes out of the Markdown parser.
 *
 * A text block stands where its finished text was recorded, not where its first words
 * came: a console that saw it grow shows what one shows that comes later.
 *
 * A verdict that says the same again is one line (ITEM_STILL), a capture whose
 * evidence gets more is one block, and the climb back of one verb is one item.
 */
#ifndef MODEL_TRANSCRIPT_H
#define MODEL_TRANSCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/proof.h"
#include "model/verdict.h"
#include "wire/json.h"

#define TRANSCRIPT_ITEMS_MAX 2048
#define TRANSCRIPT_BYTES_MAX (2 * 1024 * 1024)
#define TRANSCRIPT_ITEM_MAX (256 * 1024) /* bytes of one item's text */
#define TRANSCRIPT_FIRST_SERIAL \
	((uint64_t)1 << 32) /* older ones come in front, downwards */

enum item_kind {
	ITEM_PROMPT,
	ITEM_TEXT,
	ITEM_THINKING,
	ITEM_TOOL,
	ITEM_VERB,
	ITEM_VERDICT,
	ITEM_STILL, /* the same verdict again */
	ITEM_PROOF,
	ITEM_NOTE,
	ITEM_ERROR,
	ITEM_RESULT,
	ITEM_EVENT, /* operators, incident, session */
	ITEM_GONE,  /* nothing stands here any more: its text came later, below */
	ITEM_LOCAL, /* from this console, nobody else has it */
	ITEM_KINDS
};

enum item_tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_BUSY };

struct item {
	enum item_kind kind;
	enum item_tone tone;
	uint64_t serial;    /* rises, never reused; the place of an item for a view */
	uint32_t version;   /* rises when the item changes */
	uint32_t rewritten; /* rises when its text does more than grow */
	int64_t turn, block;
	int64_t raw;   /* ITEM_TEXT: bytes of the block so far (deltas' offsets) */
	size_t told;   /* ITEM_TEXT: bytes of it that are recorded */
	bool final;    /* ITEM_TEXT: the finished text is here */
	bool stub;     /* its beginning is older than what was told (model/older.h) */
	bool lost;     /* and not all of its facts could be kept */
	bool inner;    /* a run that belongs to the agent's tool above it */
	int64_t bytes; /* of a run that ended */
	int place;     /* ITEM_PROMPT that waits (TONE_BUSY): in the queue, from 1 */
	char id[16];   /* run or verb */
	char by[33];
	char at[9];	/* "03:12:07" UTC */
	char head[160]; /* clean: the first words of the item */
	struct buf text;
	struct verdict *verdict; /* ITEM_VERDICT: owned; text says it again, for /find */
	struct proof *proof;	 /* ITEM_PROOF, the same */
};

struct transcript {
	struct item *items[TRANSCRIPT_ITEMS_MAX]; /* a ring */
	size_t first, count;
	size_t bytes;
	uint64_t next_serial;
	uint64_t dropped; /* items that went because the list was full */
	bool answering;	  /* the last text block is still growing */
	bool full;	  /* something older did not fit in front */
};

void transcript_init(struct transcript *t);
void transcript_fini(struct transcript *t);

/* i from 0 (oldest); lent. */
struct item *transcript_at(const struct transcript *t, size_t i);

/* Index of the item with that serial, or of the next younger one; count: none. */
size_t transcript_find(const struct transcript *t, uint64_t serial);

/* Folds a fact in; returns whether the chat changed. */
bool transcript_apply(struct transcript *t, const struct js *fact);

/* The item that a verb, answered, text or prompt fact belongs to, or NULL. */
struct item *transcript_of(struct transcript *t, const struct js *fact);

/* Items of older go in front of t's, as many as fit; it is empty then. */
void transcript_prepend(struct transcript *t, struct transcript *older);

/* A line of this console's own, in plain words. tone as for errors. */
void transcript_local(struct transcript *t, enum item_tone tone, const char *text);

#endif
