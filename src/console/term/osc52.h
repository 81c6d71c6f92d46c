/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * osc52.h: text for the clipboard of the terminal that an operator sits at.
 *
 * The one string sequence that this program ever writes.  Its text is base64, so
 * nothing in it can end the sequence or be one.  Nobody answers it: whether it
 * arrived cannot be known.
 */
#ifndef CONSOLE_OSC52_H
#define CONSOLE_OSC52_H

#include <stdbool.h>

#include "base/buf.h"

#define OSC52_BASE64_MAX 74994 /* bytes: xterm and others take no more */
#define OSC52_TEXT_MAX (OSC52_BASE64_MAX / 4 * 3)
/* Bytes of one frame at most: both forms, and what screen's pieces add. */
#define OSC52_FRAME_MAX (3 * OSC52_BASE64_MAX)

/* What lies between us and that terminal. */
enum osc52_path {
	OSC52_PLAIN,
	OSC52_TMUX,   /* takes the plain form if set-clipboard is on, and passes the
			 other one on if allow-passthrough is; by default neither */
	OSC52_SCREEN, /* passes on what is wrapped, in pieces of 256 bytes */
	OSC52_EITHER, /* it is called screen: it may be either */
	OSC52_PATHS
};

/* What the environment says: TERM, TMUX and STY, each NULL or its value. */
enum osc52_path osc52_path(const char *term, const char *tmux, const char *sty);

/* Is a terminal of this name likely to take it? */
bool osc52_is_likely(const char *term);

/* Adds the sequence; -1: text has more than OSC52_TEXT_MAX bytes, or out is full. */
int osc52_frame(
    enum osc52_path path, const char *text, size_t len, struct buf *out) MUST_CHECK;

#endif
