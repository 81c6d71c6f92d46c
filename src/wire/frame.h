/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * frame.h: cutting a byte stream into lines.
 *
 * A reader collects bytes until LF.  A line longer than the reader's maximum is
 * dropped to its end and counted, so that one bad line never costs the next.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stdint.h>

#include "base/buf.h"

#define FRAME_LINE_MAX (256 * 1024) /* bytes of one line on our sockets, LF included */

struct frame {
	struct buf line;
	bool skipping;	  /* inside a line that is too long */
	uint64_t dropped; /* lines dropped for their length */
};

/*
 * Called once for each whole line, without its LF; line is lent, and a NUL
 * stands behind it.  Return false to stop: the rest of the bytes is dropped.
 */
typedef bool frame_line_fn(char *line, size_t len, void *arg);

void frame_init(struct frame *f, size_t max_bytes);
void frame_fini(struct frame *f);

/* Returns false when a callback did. */
bool frame_feed(
    struct frame *f, const char *data, size_t len, frame_line_fn *fn, void *arg);

#endif
