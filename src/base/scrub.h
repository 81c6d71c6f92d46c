/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scrub.h: the one sanitiser between outside bytes and a terminal.
 *
 * Bytes of any kind go in, in pieces cut anywhere; clean text comes out of the
 * sink: valid UTF-8 without a control character, a bidi control or anything
 * invisible, and beside it the few attributes that are harmless (bold, italic,
 * underline, colours).  Nothing is deleted silently: each run of what was taken
 * out leaves one visible mark.  (One thing is: a selector 15 or 16 behind a symbol,
 * which only chooses between two looks of it.)
 *
 *   ground --ESC--> escape --[--> csi ----final byte--> ground
 *     ^               |  \--]PX^_k--> string --ST, BEL, LF, 4 KiB--> ground
 *     +---final byte--+        (CAN, SUB and a new ESC end each of them)
 *
 * Widths come from wcwidth, so LC_CTYPE must be a UTF-8 locale; a code point
 * whose width is unknown becomes U+FFFD.
 */
#ifndef BASE_SCRUB_H
#define BASE_SCRUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRUB_STRING_MAX                                                               \
	4096		     /* code points of one OSC, DCS, ... before it is given up \
			      */
#define SCRUB_PARAMS_MAX 256 /* bytes of one CSI's parameters */
#define SCRUB_ROOM 1024	     /* n bytes become 3 n + SCRUB_ROOM at most */

/* A style: foreground and background (0: default, else colour 0-255 plus 1), flags. */
#define STYLE_FG(colour) ((uint32_t)(colour) + 1)
#define STYLE_BG(colour) (((uint32_t)(colour) + 1) << 9)
#define STYLE_GET_FG(style) ((int)((style)&0x1ff) - 1) /* -1: default */
#define STYLE_GET_BG(style) ((int)((style) >> 9 & 0x1ff) - 1)
#define STYLE_COLOURS 0x3ffffu
#define STYLE_BOLD (1u << 18)
#define STYLE_UNDERLINE (1u << 19)
#define STYLE_ITALIC (1u << 20)
#define STYLE_REVERSE (1u << 21) /* ours alone: never from outside */
#define STYLE_DIM (1u << 22)	 /* ours alone */
#define STYLE_MARK (1u << 23)	 /* a mark in place of something taken out */
/* Ours alone: what a text is, instead of how it looks; see canvas.h. */
#define STYLE_ROLE(role) ((uint32_t)(role) << 24)
#define STYLE_GET_ROLE(style) ((style) >> 24)

struct scrub_sink {
	/* len bytes of clean text of one style, within one line; lent. */
	void (*text)(void *arg, const char *text, size_t len, uint32_t style);
	/* The line is over. */
	void (*newline)(void *arg);
	/* A lone CR: what follows is a new version of this line. */
	void (*restart)(void *arg);
};

enum scrub_flags {
	SCRUB_PLAIN = 1, /* no colours: SGR is taken out like all others */
};

struct scrub {
	const struct scrub_sink *sink;
	void *arg;
	unsigned flags;
	int state;
	int last;	    /* what kind of mark was written last, 0 after text */
	bool cr;	    /* a CR waits for what follows it */
	bool base;	    /* there is a character that combining ones can join */
	unsigned combining; /* how many have joined it */
	uint32_t before;    /* the code point before */
	uint32_t style;
	unsigned col;	    /* cells since the line began */
	unsigned tab_cells; /* how many of them came from tabs */
	unsigned taken;	    /* code points of the sequence that is being taken out */
	uint64_t room;	    /* bytes that may come out now: three for each that came */
	size_t params_len;
	char params[SCRUB_PARAMS_MAX];
	unsigned char held[4]; /* an unfinished UTF-8 sequence */
	unsigned held_len, held_need;
	size_t out_len;
	uint32_t out_style;
	char out[512];
};

void scrub_init(
    struct scrub *s, const struct scrub_sink *sink, void *arg, unsigned flags);

/* The sink is called from within; all that can be known is out when it returns. */
void scrub_feed(struct scrub *s, const char *data, size_t len);

/* No more will come: what is unfinished leaves its mark. */
void scrub_finish(struct scrub *s);

/*
 * One line of clean text for a label: line ends and tabs become a space, no
 * style.  Writes at most size bytes with the NUL (cut at a character, "…"
 * behind: no more than twice size is read); returns out.
 */
char *scrub_label(const char *text, size_t len, char *out, size_t size);

/* May this code point be written to a terminal as it is? (Not: a control, hidden.) */
bool scrub_is_plain(uint32_t cp);

/* The same for text of lines that leaves the screen, as text_decode gave it: n bytes. */
bool scrub_may_leave(uint32_t cp, size_t n);

#endif
