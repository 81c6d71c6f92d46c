/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two machines, one behind the other.  The first makes code points of bytes
 * (strict UTF-8, U+FFFD for each bad byte), the second is the usual escape
 * sequence parser, over code points: so the byte 0x9b inside U+26DB is text and
 * the control U+009B is not.  Whatever the second does not know to be harmless
 * is taken out.
 */
#include "base/scrub.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/scrub_int.h"
#include "base/text.h"

#define COMBINING_MAX 2	  /* marks that may join one character */
#define TAB_CELLS_MAX 256 /* cells of one line that tabs may fill */

enum { GROUND, ESCAPE, ESCAPE_MORE, CSI, CSI_IGNORE, STRING, STRING_ESCAPE };
enum { LAST_TEXT, LAST_SEQUENCE, LAST_CONTROL, LAST_HIDDEN };

struct range {
	uint32_t from, to;
};

/* Bidi controls, zero width, fillers, selectors, tags, noncharacters: keep sorted. */
static const struct range hidden[] = {
    {0x00ad, 0x00ad},
    {0x034f, 0x034f},
    {0x061c, 0x061c},
    {0x115f, 0x1160},
    {0x17b4, 0x17b5},
    {0x180b, 0x180f},
    {0x200b, 0x200f},
    {0x2028, 0x202e},
    {0x2060, 0x206f},
    {0x3164, 0x3164},
    {0xd800, 0xdfff},
    {0xfdd0, 0xfdef},
    {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff},
    {0xffa0, 0xffa0},
    {0xfff0, 0xfffb},
    {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a},
    {0xe0000, 0xe0fff},
};

static bool
is_hidden(uint32_t cp)
{
	size_t lo = 0, hi = sizeof hidden / sizeof hidden[0];

	if ((cp & 0xfffe) == 0xfffe)
		return true;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (cp > hidden[mid].to)
			lo = mid + 1;
		else if (cp < hidden[mid].from)
			hi = mid;
		else
			return true;
	}
	return false;
}

static bool
is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
}

bool
scrub_is_plain(uint32_t cp)
{
	return !is_control(cp) && !is_hidden(cp);
}

bool
scrub_may_leave(uint32_t cp, size_t n)
{
	if (cp == '\n' || cp == '\t')
		return true;
	return scrub_is_plain(cp) && (n > 1 || cp < 0x80);
}

void
scrub_init(struct scrub *s, const struct scrub_sink *sink, void *arg, unsigned flags)
{
	memset(s, 0, sizeof *s);
	s->sink = sink;
	s->arg = arg;
	s->flags = flags;
	s->room = SCRUB_ROOM;
}

static void
flush(struct scrub *s)
{
	if (s->out_len > 0)
		s->sink->text(s->arg, s->out, s->out_len, s->out_style);
	s->out_len = 0;
}

static void
put(struct scrub *s, const char *text, size_t len, uint32_t style)
{
	if (s->out_len > 0 && (style != s->out_style || s->out_len + len > sizeof s->out))
		flush(s);
	s->out_style = style;
	memcpy(s->out + s->out_len, text, len);
	s->out_len += len;
	s->room -= len; /* whoever may write more than three for one has looked */
}

static void
mark(struct scrub *s, const char *text, int kind)
{
	put(s, text, strlen(text), STYLE_MARK);
	s->col += kind == LAST_HIDDEN ? (unsigned)strlen(text) : 1;
	s->last = kind;
	s->base = false;
}

/* One mark for a run of sequences, however long it is. */
static void
mark_sequence(struct scrub *s)
{
	if (s->last != LAST_SEQUENCE)
		mark(s, "\xe2\x90\x9b", LAST_SEQUENCE); /* symbol for escape */
	s->state = GROUND;
}

static void
mark_control(struct scrub *s, uint32_t cp)
{
	char text[4] = {0};

	if (s->last == LAST_CONTROL)
		return;
	text_encode(cp == 0x7f ? 0x2421 : 0x2400 + cp, text);
	mark(s, text, LAST_CONTROL);
}

/*
 * The first of a run is named, each further one is a '+': they can be counted.  So is
 * what comes when names have used up all the room.
 */
static void
mark_hidden(struct scrub *s, uint32_t cp)
{
	char text[16];
	int n = snprintf(text, sizeof text, "<U+%04X>", (unsigned)cp);

	mark(
	    s, s->last == LAST_HIDDEN || (uint64_t)n > s->room ? "+" : text, LAST_HIDDEN);
}

/* Selectors 15 and 16 only choose a glyph: behind a symbol they say nothing. */
static bool
is_glyph_choice(const struct scrub *s, uint32_t cp)
{
	uint32_t b = s->before;

	return (cp == 0xfe0e || cp == 0xfe0f) && s->base &&
	    ((b >= 0x2000 && b < 0x3300) || b >= 0x1f000 || b == 0xa9 || b == 0xae);
}

static void
character(struct scrub *s, uint32_t cp)
{
	char text[4];
	int width = wcwidth((wchar_t)cp);

	if (is_glyph_choice(s, cp)) {
		s->before = 0;
		return;
	}
	if (is_hidden(cp) ||
	    (width == 0 && (!s->base || s->combining >= COMBINING_MAX))) {
		mark_hidden(s, cp);
		return;
	}
	if (width < 0)
		cp = TEXT_REPLACEMENT;
	put(s, text, text_encode(cp, text), width == 0 ? s->out_style : s->style);
	s->combining = width == 0 ? s->combining + 1 : 0;
	s->col += width < 0 ? 1 : (unsigned)width;
	s->base = true;
	s->before = cp;
	s->last = LAST_TEXT;
}

static void
tab(struct scrub *s)
{
	unsigned cells = 8 - s->col % 8;

	if (s->tab_cells + cells > TAB_CELLS_MAX || cells > s->room)
		cells = 1;
	put(s, "        ", cells, s->style);
	s->tab_cells += cells;
	s->col += cells;
	s->last = LAST_TEXT;
	s->base = false;
}

static void
start_line(struct scrub *s)
{
	s->col = s->tab_cells = 0;
	s->style = 0;
	s->last = LAST_TEXT;
	s->base = false;
}

static void
csi_end(struct scrub *s, uint32_t cp)
{
	if (cp != 'm' || s->state == CSI_IGNORE || (s->flags & SCRUB_PLAIN) ||
	    !scrub_sgr(s->params, s->params_len, &s->style)) {
		mark_sequence(s);
		return;
	}
	s->state = GROUND;
}

/* --- the parser --- */

static void
start_sequence(struct scrub *s, int state)
{
	s->state = state;
	s->params_len = 0;
	s->taken = 0;
}

static void
ground(struct scrub *s, uint32_t cp)
{
	if (cp == 0x1b)
		start_sequence(s, ESCAPE);
	else if (cp == 0x9b)
		start_sequence(s, CSI);
	else if (cp == 0x90 || cp == 0x98 || cp == 0x9d || cp == 0x9e || cp == 0x9f)
		start_sequence(s, STRING);
	else if (cp == '\t')
		tab(s);
	else if (cp < 0x20 || cp == 0x7f)
		mark_control(s, cp);
	else if (cp >= 0x80 && cp < 0xa0)
		mark_hidden(s, cp);
	else
		character(s, cp);
}

static void
escape(struct scrub *s, uint32_t cp)
{
	if (cp >= 0x20 && cp < 0x30 && s->taken <= SCRUB_PARAMS_MAX)
		s->state = ESCAPE_MORE;
	else if (s->state == ESCAPE && cp == '[')
		start_sequence(s, CSI);
	else if (s->state == ESCAPE && cp < 0x7f && cp && strchr("]PX^_k", (int)cp))
		start_sequence(s, STRING);
	else {
		bool final = cp >= 0x30 && cp < 0x7f;

		mark_sequence(s);
		if (!final)
			ground(s, cp);
	}
}

static void
csi(struct scrub *s, uint32_t cp)
{
	if (cp >= 0x40 && cp < 0x7f)
		csi_end(s, cp);
	else if (cp < 0x20 || cp >= 0x7f || s->taken > SCRUB_STRING_MAX) {
		mark_sequence(s);
		ground(s, cp);
	} else if (cp < 0x30 || cp > 0x3b || s->params_len == SCRUB_PARAMS_MAX)
		s->state = CSI_IGNORE;
	else if (s->state == CSI)
		s->params[s->params_len++] = (char)cp;
}

static void
string(struct scrub *s, uint32_t cp)
{
	if (cp == 0x07 || cp == 0x9c)
		mark_sequence(s);
	else if (s->taken > SCRUB_STRING_MAX) {
		mark_sequence(s);
		ground(s, cp);
	} else if (s->state == STRING_ESCAPE) {
		if (cp == '\\') {
			mark_sequence(s);
			return;
		}
		mark_sequence(s);
		start_sequence(s, ESCAPE);
		escape(s, cp);
	}
}

static void
sequence(struct scrub *s, uint32_t cp)
{
	s->taken++;
	if (cp == 0x18 || cp == 0x1a) { /* CAN, SUB */
		mark_sequence(s);
	} else if (cp == 0x1b) {
		if (s->state == STRING) {
			s->state = STRING_ESCAPE;
			return;
		}
		mark_sequence(s);
		start_sequence(s, ESCAPE);
	} else if (s->state == ESCAPE || s->state == ESCAPE_MORE)
		escape(s, cp);
	else if (s->state == CSI || s->state == CSI_IGNORE)
		csi(s, cp);
	else
		string(s, cp);
}

static void
code_point(struct scrub *s, uint32_t cp)
{
	if (cp == '\n') {
		if (s->state != GROUND)
			mark_sequence(s);
		s->cr = false;
		flush(s);
		s->sink->newline(s->arg);
		s->room--;
		start_line(s);
		return;
	}
	if (s->cr && cp != '\r') {
		s->cr = false;
		flush(s);
		start_line(s);
		s->sink->restart(s->arg);
		mark(s, "\xe2\x90\x8d", LAST_CONTROL); /* symbol for carriage return */
		s->last = LAST_TEXT;
	}
	if (s->state != GROUND)
		sequence(s, cp);
	else if (cp == '\r')
		s->cr = s->col > 0;
	else
		ground(s, cp);
}

/* --- bytes to code points --- */

static void
bad_held(struct scrub *s)
{
	for (unsigned n = s->held_len; n > 0; n--)
		code_point(s, TEXT_REPLACEMENT);
	s->held_len = 0;
}

/* Is c a possible next byte of what is held? (RFC 3629: second bytes are limited.) */
static bool
fits(const struct scrub *s, unsigned char c)
{
	unsigned char lead = s->held[0];

	if (c < 0x80 || c > 0xbf)
		return false;
	if (s->held_len > 1)
		return true;
	return !((lead == 0xe0 && c < 0xa0) || (lead == 0xed && c > 0x9f) ||
	    (lead == 0xf0 && c < 0x90) || (lead == 0xf4 && c > 0x8f));
}

static void
byte(struct scrub *s, unsigned char c)
{
	uint32_t cp;

	s->room += 3;
	if (s->held_len > 0) {
		if (!fits(s, c)) {
			bad_held(s);
		} else {
			s->held[s->held_len++] = c;
			if (s->held_len < s->held_need)
				return;
			text_decode((const char *)s->held, s->held_len, &cp);
			s->held_len = 0;
			code_point(s, cp);
			return;
		}
	}
	if (c < 0x80) {
		code_point(s, c);
	} else if (c < 0xc2 || c > 0xf4) {
		code_point(s, TEXT_REPLACEMENT);
	} else {
		s->held[0] = c;
		s->held_len = 1;
		s->held_need = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	}
}

/* Most of what comes is plain ASCII: taken a stretch at a time. */
static size_t
plain_stretch(struct scrub *s, const char *data, size_t len)
{
	size_t n = 0;

	if (s->state != GROUND || s->held_len > 0 || s->cr)
		return 0;
	while (n < len && n < sizeof s->out && data[n] >= 0x20 && data[n] < 0x7f)
		n++;
	if (n == 0)
		return 0;
	s->room += 3 * n;
	put(s, data, n, s->style);
	s->col += (unsigned)n;
	s->last = LAST_TEXT;
	s->base = true;
	s->combining = 0;
	s->before = (unsigned char)data[n - 1];
	return n;
}

void
scrub_feed(struct scrub *s, const char *data, size_t len)
{
	while (len > 0) {
		size_t n = plain_stretch(s, data, len);

		if (n == 0) {
			byte(s, (unsigned char)*data);
			n = 1;
		}
		data += n;
		len -= n;
	}
	flush(s);
}

void
scrub_finish(struct scrub *s)
{
	bad_held(s);
	if (s->state != GROUND)
		mark_sequence(s);
	flush(s);
}

/* --- labels --- */

struct label {
	char *out;
	size_t len, size;
	bool full;
};

static void
label_text(void *arg, const char *text, size_t len, uint32_t style)
{
	struct label *l = arg;
	size_t room = l->size - 1 - l->len;

	if (l->full)
		return;
	if (len > room) {
		l->full = true;
		len = text_cut(text, room);
	}
	memcpy(l->out + l->len, text, len);
	l->len += len;
}

static void
label_newline(void *arg)
{
	label_text(arg, " ", 1, 0);
}

static void
label_restart(void *arg)
{
	label_text(arg, " ", 1, 0);
}

char *
scrub_label(const char *text, size_t len, char *out, size_t size)
{
	static const struct scrub_sink sink = {label_text, label_newline, label_restart};
	struct label l = {out, 0, size, false};
	struct scrub s;

	scrub_init(&s, &sink, &l, SCRUB_PLAIN);
	scrub_feed(&s, text, len < size * 2 ? len : size * 2);
	scrub_finish(&s);
	while (l.len > 0 && out[l.len - 1] == ' ')
		l.len--;
	/* marks are short: all that was read may fit, and there is more all the same */
	if ((l.full || len > size * 2) && size > 3) {
		size_t cut = l.len < size - 3 ? l.len : size - 4;

		out[l.len] = '\0';
		while (cut > 0 && ((unsigned char)out[cut] & 0xc0) == 0x80)
			cut--;
		memcpy(out + cut, "\xe2\x80\xa6", 3);
		l.len = cut + 3;
	}
	out[l.len] = '\0';
	return out;
}
