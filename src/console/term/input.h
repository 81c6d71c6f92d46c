/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * input.h: bytes of a terminal to keys.
 *
 * Pure, and not curses': terminfo's name for a terminal is often wrong where this
 * runs (a pod, a phone, a nested tmux), so every usual spelling of a key is known
 * at once, and so are the reports of other programs' key protocols (kitty's,
 * modifyOtherKeys), which a crashed one may have left on.  What is no key is taken
 * whole and dropped: a late answer of the terminal, a mouse report, an unknown
 * sequence, a sequence without an end (4 KiB; 64 ms at its begin, 1 s within).
 * Pasted text comes as one event and can never be a key.
 */
#ifndef CONSOLE_INPUT_H
#define CONSOLE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define INPUT_ESC_MS 64		/* after this, an ESC was the key */
#define INPUT_BEGUN_MS 1000	/* so long the rest of a sequence may be on its way */
#define INPUT_SEQUENCE_MAX 4096 /* bytes of a sequence */
#define INPUT_PASTE_MAX                                                \
	(64 * 1024) /* bytes of a paste; the rest is dropped, and told \
		     */

enum input_kind {
	INPUT_NONE,
	INPUT_CHAR, /* text: one UTF-8 character */
	INPUT_CTRL, /* n: 'A' to 'Z' and "[\\]^_@" */
	INPUT_ALT,  /* n: the ASCII character behind the ESC */
	INPUT_F,    /* n: 1 to 12 */
	INPUT_ESC,
	INPUT_ENTER,
	INPUT_TAB,
	INPUT_BACKTAB,
	INPUT_BACKSPACE,
	INPUT_DELETE,
	INPUT_INSERT,
	INPUT_UP,
	INPUT_DOWN,
	INPUT_RIGHT,
	INPUT_LEFT,
	INPUT_HOME,
	INPUT_END,
	INPUT_PGUP,
	INPUT_PGDN,
	INPUT_PASTE, /* paste, paste_len; cut: it was longer */
	INPUT_KINDS
};

struct input {
	enum input_kind kind;
	int n;
	char text[8]; /* NUL-terminated */
	const char *paste;
	size_t paste_len;
	bool cut;
};

/* in is lent. */
typedef void input_fn(const struct input *in, void *arg);

struct input_reader {
	int state;
	int64_t since; /* when the unfinished sequence got its last byte */
	char seq[64];
	size_t seq_len, taken;
	unsigned char utf8[4];
	unsigned utf8_len, utf8_need;
	struct buf paste;
	bool paste_cut;
	input_fn *fn;
	void *arg;
};

void input_init(struct input_reader *r, input_fn *fn, void *arg);
void input_fini(struct input_reader *r);

void input_feed(struct input_reader *r, const char *data, size_t len, int64_t now_ms);

/* Milliseconds until input_timeout should be called; -1: nothing waits. */
int input_wait_ms(const struct input_reader *r, int64_t now_ms);
void input_timeout(struct input_reader *r, int64_t now_ms);

/* Forgets what has come and is unfinished. */
void input_flush(struct input_reader *r);

#endif
