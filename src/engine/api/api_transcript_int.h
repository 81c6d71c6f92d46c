/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * api_transcript_int.h: the transcript's own, between api_transcript.c (what was
 * said), api_reply.c (an answer as it goes back) and api_body.c (a request).
 */
#ifndef ENGINE_API_TRANSCRIPT_INT_H
#define ENGINE_API_TRANSCRIPT_INT_H

#include "base/buf.h"
#include "engine/api/api_transcript.h"

#define FRAGMENT_MAX ((size_t)64 * 1024 * 1024) /* bytes of one message */
#define WAITING_MAX (256 * 1024)		/* bytes of notices that wait */

/* One message, or two: a user's and the notice behind it. */
struct entry {
	bool is_user;
	size_t end_piece; /* in the list that was built last: behind its pieces */
	/* a user message: blocks, joined by commas, without brackets */
	struct buf results, texts;
	struct buf notice;			 /* plain text */
	struct buf notice_inside, notice_behind; /* as a block; as a message */
	bool sealed; /* it was sent: nothing is added any more */
	/* an assistant message: blocks like above */
	struct buf whole, plain;
	char *endpoint; /* who wrote it */
	bool plain_only;
	bool unfinished; /* the endpoint goes on by itself when it is sent back */
};

struct api_transcript {
	struct entry **entries; /* each of its own: pieces point into them */
	size_t n, size;
	char **open; /* ids of the calls of the last message, as its server gave them */
	char **sent; /* ... and as they stand here: unique in the whole conversation */
	size_t n_open;
	uint64_t *ids; /* hashes of all that were ever sent */
	size_t n_ids, ids_size;
	struct buf waiting; /* notices, a line each */
	int64_t bytes;
	/* the list that was built last, and for whom: nothing else changes a message */
	struct http_piece *pieces;
	size_t n_pieces, pieces_size;
	size_t built; /* entries in it that will not change */
	char *endpoint;
	bool behind; /* notices stand in messages of their own */
	struct buf head;
};

/* Adds m's blocks to e, and the ids of the calls that are open now to t. */
void api_reply_add(
    struct api_transcript *t, struct entry *e, const struct api_message *m);

/* A text block that says that there is nothing to say. */
void api_reply_placeholder(struct buf *blocks);

#endif
