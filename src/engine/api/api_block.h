/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * api_block.h: one content block of an answer, while it streams and when it ended.
 *
 * It keeps the JSON it began with; what the deltas brought replaces members of it,
 * all others stay as they were written.  So a kind that nobody knows yet goes back
 * to the API unchanged.
 */
#ifndef ENGINE_API_BLOCK_H
#define ENGINE_API_BLOCK_H

#include "base/buf.h"
#include "engine/api/api_stream.h"
#include "engine/api/jraw.h"

enum block_kind {
	BLOCK_TEXT,
	BLOCK_THINKING,
	BLOCK_REDACTED,
	BLOCK_TOOL,
	BLOCK_SERVER_TOOL, /* runs over there; its result is another block */
	BLOCK_FALLBACK,
	BLOCK_COMPACTION,
	BLOCK_OTHER
};

struct api_block {
	enum block_kind kind;
	int64_t index; /* the server's */
	bool open;
	struct buf start; /* the object it began with */
	struct buf text;  /* of text and thinking: what it says, UTF-8 */
	struct buf said;  /* of thinking: the same, as it was written in JSON */
	struct buf input; /* of a tool: partial_json, put together */
	struct buf signature, content, encrypted, citations; /* JSON, when a delta came */
	unsigned high;					     /* of jraw_decode */
	bool ended_early;
	char *id, *name; /* of a tool */
	char *bad;	 /* of a tool: why its input may not be run */
	struct buf echo; /* after api_block_end: what goes back; empty: nothing */
};

/* What a delta brought. */
struct api_delta {
	const char *text; /* of a text block: new at off; lent */
	size_t off, len;
	bool thinks;	/* a thinking delta */
	int64_t tokens; /* estimated; -1 */
};

/* start is the "content_block" object; what it holds already counts. */
int api_block_begin(
    struct api_block *b, int64_t index, struct jraw start, struct err *err) MUST_CHECK;

/* A delta of an unknown type, or one that does not fit the block, changes nothing. */
int api_block_delta(struct api_block *b, struct jraw delta, struct api_delta *out,
    struct err *err) MUST_CHECK;

/* Builds echo, and says what is wrong with a tool's input.  -1: too long. */
int api_block_end(struct api_block *b, struct err *err) MUST_CHECK;

size_t api_block_bytes(const struct api_block *b); /* what it holds */
void api_block_fini(struct api_block *b);

/* The rule for turns with a fallback: may blocks[i] go back? */
bool api_block_goes_back(const struct api_block *blocks, size_t n, size_t i);

enum block_kind api_block_kind(struct jraw block);

#endif
