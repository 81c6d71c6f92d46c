/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layout.h: the whole picture from the whole state.
 *
 *   which moment is replayed    in a replay alone
 *   status line                 always
 *   banners                     what must not be overlooked, at most three
 *   chat | tools                side by side from 120 columns, stacked from 60x18,
 *                               one with a switch (Tab) below that
 *   prompt
 *   key bar                     from 8 rows
 *
 * Pure: no terminal, no clock.  Tests draw it on a canvas.
 */
#ifndef CONSOLE_LAYOUT_H
#define CONSOLE_LAYOUT_H

#include "console/browse/browse.h"
#include "console/draw/canvas.h"
#include "console/prompt/earlier.h"
#include "console/prompt/palette.h"
#include "console/replay/player.h"
#include "console/view/view_ask.h"
#include "console/view/view_chat.h"
#include "console/view/view_confirm.h"
#include "console/view/view_gate.h"
#include "console/view/view_help.h"
#include "console/view/view_page.h"
#include "console/view/view_tools.h"
#include "model/model.h"

#define LAYOUT_SPLIT_MIN 20 /* percent of the chat pane */
#define LAYOUT_SPLIT_MAX 80

enum focus { FOCUS_CHAT, FOCUS_TOOLS };
/* What lies over the panes. */
enum page {
	PAGE_NONE,
	PAGE_HELP,
	PAGE_VERDICT,
	PAGE_WHO,
	PAGE_SCREEN,
	PAGE_BANNERS,
	PAGE_TOUR,
};

/* An incident that is shown again, instead of one that goes on. */
struct replay {
	bool on;
	struct player_view view;
	char notice[240]; /* for the operator, until then; "" none */
	uint32_t notice_look;
	int64_t notice_until;
};

struct screen {
	struct model model;
	struct view_chat chat;
	struct view_tools tools;
	struct confirm confirm;
	struct ask_box ask;
	struct gate_box gate;
	enum focus focus;
	bool zoom;
	int split;	     /* percent of the chat pane, 0: the usual */
	bool wide, alone;    /* as last drawn: side by side; one pane only */
	uint64_t seen_lines; /* of the tools, when they were last on the screen */
	uint64_t seen_items; /* the same of the chat */
	enum page page;
	struct page_at page_at;
	struct help help; /* which page of it */
	struct browse browse;
	bool esc_armed; /* an Esc came: the next digit is an F-key */
	bool few_keys;	/* F-keys are doubtful here: show the twins */
	bool spare;	/* the first picture: words now, the lines between panes next */
	bool read_only;
	bool reader; /* that by the operator list: attaching anew changes nothing */
	bool linear; /* there is no screen: commands are named, not keys */
	struct replay replay;
	bool link_up;
	char link_words[1000];	   /* why the link is not up, and what is done about it */
	char older[48];		   /* at the top of a pane: what is older, or "" */
	struct run_text *run_text; /* all of a run, while it is being read; or NULL */
	struct palette palette;
	struct earlier earlier; /* other incidents, for /replay */
	const char *prompt;  /* "> ", or what the line editor shows while it searches */
	const char *line;    /* what is typed; lent */
	size_t cursor;	     /* bytes before the cursor */
	int prompt_rows;     /* of the picture that was drawn last; 0: none was */
	int64_t shell_asked; /* a shell on the devvm is asked for since then; 0: not */
	int64_t now;	     /* this machine's monotonic clock */
};

void screen_init(struct screen *s);
void screen_fini(struct screen *s);

/* Another incident: forgets all facts and where the panes stood. */
void screen_reset(struct screen *s);

/* Draws everything.  Same state, same picture. */
void layout_draw(struct screen *s, struct canvas *c);

/* Draws the prompt's line alone, on the picture that is there. */
void layout_draw_prompt(const struct screen *s, struct canvas *c);

/* Scrolls the pane that has the focus (or the page over it). */
void layout_scroll(struct screen *s, int lines);
/* Moves the border between the panes, in percent of the whole; bounded. */
void layout_split(struct screen *s, int points);
void layout_split_to(struct screen *s, int percent);
void layout_split_reset(struct screen *s);
int layout_split_now(const struct screen *s);

void layout_to_end(struct screen *s);
void layout_to_start(struct screen *s);
int layout_page(const struct screen *s); /* lines of one PgUp */

/* Is there something on the screen whose words change by themselves each second? */
bool layout_is_ticking(const struct screen *s);

#endif
