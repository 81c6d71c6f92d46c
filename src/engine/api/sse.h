/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sse.h: an event stream, cut into events (WHATWG "event stream interpretation").
 *
 * Pure, and linear whatever the pieces are: a byte is looked at once.  Line ends
 * are LF, CRLF or CR, also over two pieces; one BOM at the very begin is passed
 * over.  Nothing reconnects: "id" and "retry" are kept for who wants to see them.
 * UTF-8 is not looked at here; who reads the data does.
 */
#ifndef ENGINE_SSE_H
#define ENGINE_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define SSE_EVENT_MAX (32 * 1024 * 1024) /* bytes of one event, or of one line */
#define SSE_NAME_MAX 255		 /* bytes of a name or an id; more is cut */

/* Lent for the call. */
struct sse_event {
	const char *name; /* "" when the stream gave none */
	const char *id;	  /* the last one the stream gave, or "" */
	const char *data; /* NUL-terminated; NULs inside are fine */
	size_t len;
};

/* False: no more events, please. */
typedef bool sse_event_fn(const struct sse_event *e, void *arg);

struct sse {
	struct buf line; /* of a line that has not ended yet */
	struct buf data; /* of the event that has not ended yet */
	bool has_data;	 /* a data field came, be it empty */
	char name[SSE_NAME_MAX + 1];
	char id[SSE_NAME_MAX + 1];
	int64_t retry_ms; /* -1: never given */
	uint64_t events, comments;
	unsigned begin; /* bytes of a BOM that were seen; 3: no longer at the begin */
	bool after_cr;	/* a LF now belongs to the line end before */
	bool failed;
};

void sse_init(struct sse *s, size_t max_event);
void sse_fini(struct sse *s);

/*
 * Calls fn for each event that data completes.  0; 1 when fn said false (what
 * stands behind that event is dropped); -1 with ERR_LIMIT when an event or a line
 * passes the maximum, and then for ever.
 */
int sse_feed(struct sse *s, const char *data, size_t len, sse_event_fn *fn, void *arg,
    struct err *err) MUST_CHECK;

/* The stream is over: an event that did not end is discarded.  True: there was one. */
bool sse_end(struct sse *s);

#endif
