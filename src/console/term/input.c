/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/term/input.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "console/term/input_int.h"

enum { GROUND, ESC, CSI, LINUX, SS3, STRING, STRING_ESC, PASTE, MOUSE };

#define MOUSE_BYTES 3 /* behind CSI M: a button and a place, not typed by anybody */

void
input_init(struct input_reader *r, input_fn *fn, void *arg)
{
	memset(r, 0, sizeof *r);
	buf_init(&r->paste, INPUT_PASTE_MAX + 8);
	r->fn = fn;
	r->arg = arg;
}

void
input_fini(struct input_reader *r)
{
	buf_fini(&r->paste);
}

void
input_emit(struct input_reader *r, enum input_kind kind, int n)
{
	struct input in = {.kind = kind, .n = n};

	r->state = GROUND;
	r->fn(&in, r->arg);
}

void
input_emit_char(struct input_reader *r, const char *text, size_t len)
{
	struct input in = {.kind = INPUT_CHAR};

	memcpy(in.text, text, len);
	r->fn(&in, r->arg);
}

/* --- sequences --- */

struct final_key {
	char final;
	enum input_kind kind;
	int n;
};

/* Finals of CSI and SS3 alike; the F-keys of SS3 follow the VT100's keypad. */
static const struct final_key finals[] = {
    {'A', INPUT_UP, 0},
    {'B', INPUT_DOWN, 0},
    {'C', INPUT_RIGHT, 0},
    {'D', INPUT_LEFT, 0},
    {'H', INPUT_HOME, 0},
    {'F', INPUT_END, 0},
    {'P', INPUT_F, 1},
    {'Q', INPUT_F, 2},
    {'R', INPUT_F, 3},
    {'S', INPUT_F, 4},
    {'Z', INPUT_BACKTAB, 0},
};

static const struct final_key ss3_finals[] = {
    {'t', INPUT_F, 5},
    {'u', INPUT_F, 6},
    {'v', INPUT_F, 7},
    {'l', INPUT_F, 8},
    {'w', INPUT_F, 9},
    {'x', INPUT_F, 10},
    {'M', INPUT_ENTER, 0},
};

/* rxvt's arrows with Shift or Ctrl: a bare CSI or SS3. */
static const struct final_key rxvt_finals[] = {
    {'a', INPUT_UP, 0},
    {'b', INPUT_DOWN, 0},
    {'c', INPUT_RIGHT, 0},
    {'d', INPUT_LEFT, 0},
};

static bool
emit_final(struct input_reader *r, const struct final_key *keys, size_t count, char final)
{
	for (size_t i = 0; i < count; i++)
		if (keys[i].final == final) {
			input_emit(r, keys[i].kind, keys[i].n);
			return true;
		}
	return false;
}

static void
tilde(struct input_reader *r, int n)
{
	static const enum input_kind edit[] = {INPUT_NONE, INPUT_HOME, INPUT_INSERT,
	    INPUT_DELETE, INPUT_END, INPUT_PGUP, INPUT_PGDN, INPUT_HOME, INPUT_END};
	static const int fkeys[] = {1, 2, 3, 4, 5, 0, 6, 7, 8, 9, 10, 0, 11, 12};

	if (n >= 1 && n <= 8)
		input_emit(r, edit[n], 0);
	else if (n >= 11 && n <= 24 && fkeys[n - 11])
		input_emit(r, INPUT_F, fkeys[n - 11]);
	else if (n == 200) {
		r->state = PASTE;
		r->paste_cut = false;
		buf_clear(&r->paste);
	}
}

static void
csi_final(struct input_reader *r, char final)
{
	bool params = r->seq_len > 0;

	r->state = GROUND;
	r->seq[r->seq_len] = '\0';
	if (params && (r->seq[0] < '0' || r->seq[0] > '9'))
		return; /* private: an answer of the terminal */
	if (!params && final == 'M') {
		r->state = MOUSE;
		r->taken = 0;
	} else if (final == 'u' || (final == '~' && strncmp(r->seq, "27;", 3) == 0)) {
		input_protocol(r, r->seq);
	} else if (input_is_release(r->seq)) {
		return; /* the key has been told when it went down */
	} else if (final == '~' || (params && strchr("^@$", final))) {
		tilde(r, atoi(r->seq)); /* the others: rxvt's, with Ctrl, Shift or both */
	} else if (params && final == 'R') {
		return; /* a cursor report */
	} else if (!params && final >= 'a') {
		emit_final(r, rxvt_finals, ARRAY_LEN(rxvt_finals), final);
	} else {
		emit_final(r, finals, ARRAY_LEN(finals), final);
	}
}

/* rxvt ends a key with Shift in '$', which elsewhere stands before the end. */
static bool
is_rxvt_shift(const struct input_reader *r, char c)
{
	return c == '$' && r->seq_len > 0 && r->seq_len <= 2 &&
	    strspn(r->seq, "0123456789") >= r->seq_len;
}

static void
csi(struct input_reader *r, char c)
{
	if (r->taken == 1 && c == '[')
		r->state = LINUX;
	else if ((c >= 0x40 && c < 0x7f) || is_rxvt_shift(r, c))
		csi_final(r, c);
	else if ((unsigned char)c < 0x20 || (unsigned char)c >= 0x7f)
		r->state = GROUND;
	else if (r->seq_len < sizeof r->seq - 1)
		r->seq[r->seq_len++] = c;
}

static void
escape(struct input_reader *r, char c)
{
	if (c == '[' || c == 'O' || (c && strchr("]PX^_", c))) {
		r->state = c == '[' ? CSI : c == 'O' ? SS3 : STRING;
		r->seq_len = r->taken = 0;
	} else if (c == 0x1b) {
		input_emit(r, INPUT_ESC, 0);
		r->state = ESC;
	} else {
		input_emit(r, INPUT_ALT, (unsigned char)c < 0x80 ? c : 0);
	}
}

/* --- paste --- */

static void
paste_end(struct input_reader *r)
{
	struct input in = {.kind = INPUT_PASTE, .cut = r->paste_cut};
	size_t to = 0;

	/* Text, and nothing that an editor or a terminal could take for a key. */
	for (size_t i = 0; i < r->paste.len; i++) {
		unsigned char c = (unsigned char)r->paste.data[i];

		if (c == '\r')
			c = '\n';
		if (c >= 0x20 || c == '\n' || c == '\t')
			if (c != 0x7f)
				r->paste.data[to++] = (char)c;
	}
	in.paste = r->paste.data ? r->paste.data : "";
	in.paste_len = to;
	r->state = GROUND;
	r->fn(&in, r->arg);
	buf_fini(&r->paste);
}

static void
paste(struct input_reader *r, char c)
{
	static const char stop[] = "\x1b[201~";
	size_t n = sizeof stop - 1;

	if (r->paste.len >= INPUT_PASTE_MAX && c != '\x1b' && r->taken == 0) {
		r->paste_cut = true;
		return;
	}
	/* taken: how much of the stop sequence has come */
	r->taken = c == stop[r->taken] ? r->taken + 1 : c == '\x1b' ? 1 : 0;
	if (buf_add(&r->paste, &c, 1) < 0)
		r->paste_cut = true;
	if (r->taken < n)
		return;
	r->paste.len = r->paste.len >= n ? r->paste.len - n : 0;
	paste_end(r);
	r->taken = 0;
}

/* --- plain bytes --- */

static void
control(struct input_reader *r, unsigned char c)
{
	if (c == 0x1b)
		r->state = ESC;
	else if (c == '\r' || c == '\n')
		input_emit(r, INPUT_ENTER, 0);
	else if (c == '\t')
		input_emit(r, INPUT_TAB, 0);
	else if (c == 0x7f || c == 0x08)
		input_emit(r, INPUT_BACKSPACE, 0);
	else if (c > 0)
		input_emit(r, INPUT_CTRL, c + '@');
}

static void
ground(struct input_reader *r, unsigned char c)
{
	uint32_t cp;

	if (r->utf8_len > 0 && (c & 0xc0) != 0x80)
		r->utf8_len = 0; /* the rest of that character never came */
	if (c < 0x20 || c == 0x7f) {
		control(r, c);
	} else if (c < 0x80) {
		input_emit_char(r, (const char *)&c, 1);
	} else if (r->utf8_len == 0) {
		if (c < 0xc2 || c > 0xf4)
			return;
		r->utf8[r->utf8_len++] = c;
		r->utf8_need = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	} else {
		r->utf8[r->utf8_len++] = c;
		if (r->utf8_len < r->utf8_need)
			return;
		if (text_decode((const char *)r->utf8, r->utf8_len, &cp) == r->utf8_len &&
		    !(cp >= 0x80 && cp < 0xa0))
			input_emit_char(r, (const char *)r->utf8, r->utf8_len);
		r->utf8_len = 0;
	}
}

static void
one(struct input_reader *r, char c)
{
	if (r->state != GROUND && r->state != PASTE && r->state != ESC &&
	    ++r->taken > INPUT_SEQUENCE_MAX)
		r->state = GROUND;
	if (c == 0x1b && (r->state == CSI || r->state == LINUX || r->state == SS3)) {
		r->state = ESC;
		return;
	}
	switch (r->state) {
	case GROUND:
		ground(r, (unsigned char)c);
		break;
	case ESC:
		escape(r, c);
		break;
	case CSI:
		csi(r, c);
		break;
	case LINUX:
		r->state = GROUND;
		if (c >= 'A' && c <= 'E')
			input_emit(r, INPUT_F, c - 'A' + 1);
		break;
	case SS3:
		if ((c >= '0' && c <= '9') || c == ';')
			break; /* old spellings of a modifier */
		r->state = GROUND;
		if (!emit_final(r, finals, ARRAY_LEN(finals), c) &&
		    !emit_final(r, ss3_finals, ARRAY_LEN(ss3_finals), c))
			emit_final(r, rxvt_finals, ARRAY_LEN(rxvt_finals), c);
		break;
	case MOUSE:
		if (r->taken >= MOUSE_BYTES)
			r->state = GROUND;
		break;
	case STRING:
		r->state = c == 0x07 ? GROUND : c == 0x1b ? STRING_ESC : STRING;
		break;
	case STRING_ESC:
		r->state = c == '\\' ? GROUND : STRING;
		break;
	case PASTE:
		paste(r, c);
		break;
	}
	if (r->state == PASTE && r->paste.len == 0)
		r->taken = 0;
}

void
input_feed(struct input_reader *r, const char *data, size_t len, int64_t now_ms)
{
	r->since = now_ms;
	for (size_t i = 0; i < len; i++)
		one(r, data[i]);
}

/*
 * What has begun as only an answer or a key's sequence can is not cut by a line that
 * stutters: its rest would be text in the prompt.
 */
static int
limit_ms(const struct input_reader *r)
{
	if (r->state == PASTE)
		return 5000;
	if (r->state == MOUSE || (r->state == CSI && r->seq_len > 0) ||
	    ((r->state == STRING || r->state == STRING_ESC) && r->taken > 2))
		return INPUT_BEGUN_MS;
	return INPUT_ESC_MS;
}

int
input_wait_ms(const struct input_reader *r, int64_t now_ms)
{
	int64_t left = r->since + limit_ms(r) - now_ms;

	if (r->state == GROUND)
		return -1;
	return left < 0 ? 0 : (int)left;
}

void
input_timeout(struct input_reader *r, int64_t now_ms)
{
	if (r->state == GROUND || input_wait_ms(r, now_ms) > 0)
		return;
	if (r->state == ESC)
		input_emit(r, INPUT_ESC, 0);
	else if (r->state == PASTE)
		paste_end(r);
	r->state = GROUND;
}

void
input_flush(struct input_reader *r)
{
	r->state = GROUND;
	r->utf8_len = 0;
	buf_fini(&r->paste);
}
