/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/term/osc52.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wire/base64.h"

#define PIECE 240 /* bytes: with its frame below the 256 of the oldest screen */

static bool
begins(const char *text, const char *with)
{
	return text && strncmp(text, with, strlen(with)) == 0;
}

enum osc52_path
osc52_path(const char *term, const char *tmux, const char *sty)
{
	if (tmux && tmux[0] && sty && sty[0])
		return OSC52_EITHER; /* one was begun within the other, who knows which */
	if ((tmux && tmux[0]) || begins(term, "tmux"))
		return OSC52_TMUX;
	if (sty && sty[0])
		return OSC52_SCREEN;
	return begins(term, "screen") ? OSC52_EITHER : OSC52_PLAIN;
}

bool
osc52_is_likely(const char *term)
{
	static const char *const without[] = {
	    "linux", "vt", "dumb", "ansi", "cons", "emacs", "unknown", "rxvt", "eterm"};

	if (!term || !term[0])
		return false;
	for (size_t i = 0; i < ARRAY_LEN(without); i++)
		if (begins(term, without[i]))
			return false;
	return true;
}

/* ESC P, a piece, ESC \: what screen hands to its terminal as it is. */
static int
add_pieces(const char *sequence, size_t len, struct buf *out)
{
	int rc = 0;

	for (size_t at = 0; at < len && rc == 0; at += PIECE) {
		size_t n = len - at < PIECE ? len - at : PIECE;

		rc |= buf_add_str(out, "\x1bP");
		rc |= buf_add(out, sequence + at, n);
		rc |= buf_add_str(out, "\x1b\\");
	}
	return rc ? -1 : 0;
}

/* tmux wants its name in front and each ESC twice; ours has one. */
static int
add_passed(const char *sequence, size_t len, struct buf *out)
{
	return buf_add_str(out, "\x1bPtmux;\x1b") < 0 ||
		buf_add(out, sequence, len) < 0 || buf_add_str(out, "\x1b\\") < 0
	    ? -1
	    : 0;
}

int
osc52_frame(enum osc52_path path, const char *text, size_t len, struct buf *out)
{
	static const char head[] = "\x1b]52;c;";
	char *sequence;
	size_t n = sizeof head - 1;
	int rc = 0;

	if (len > OSC52_TEXT_MAX)
		return -1;
	sequence = mem_alloc(sizeof head + BASE64_SIZE(len));
	memcpy(sequence, head, n);
	n += base64_encode(text, len, sequence + n);
	sequence[n++] = '\a'; /* a BEL ends it everywhere; mosh knows no other end */
	if (path != OSC52_SCREEN)
		rc = buf_add(out, sequence, n);
	if (rc == 0 && path == OSC52_TMUX)
		rc = add_passed(sequence, n, out);
	else if (rc == 0 && path != OSC52_PLAIN)
		rc = add_pieces(sequence, n, out);
	free(sequence);
	return rc;
}
