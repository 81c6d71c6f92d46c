/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_chat.h: the conversation, the verbs' stages and what went wrong.
 *
 * Each item is rendered once for its version and the pane's width; what is kept
 * of that changes the speed, never the picture.
 */
#ifndef CONSOLE_VIEW_CHAT_H
#define CONSOLE_VIEW_CHAT_H

#include "console/draw/lines.h"
#include "console/draw/markdown.h"
#include "console/draw/scroll.h"
#include "model/model.h"

#define VIEW_CHAT_KEPT 128 /* rendered items */

enum chat_air { AIR_NONE, AIR_BLANK, AIR_TIME }; /* in front of an item */

/* What a rendered item was made from: it is another one when this is. */
struct view_chat_key {
	uint64_t serial;
	uint32_t version;
	int width, rows; /* of the pane */
	enum chat_air air;
};

struct view_chat_kept {
	struct view_chat_key key;
	uint32_t rewritten;
	struct markdown markdown; /* of a text that grows */
	struct lines lines;
};

/* How many lines an item had: asked of all below a window that is far up. */
struct view_chat_height {
	struct view_chat_key key;
	size_t lines;
};

struct view_chat {
	struct scroll scroll;
	const struct model *model; /* during a call */
	int width, rows;
	int64_t now; /* the engine's clock */
	struct view_chat_kept kept[VIEW_CHAT_KEPT];
	struct view_chat_height height[TRANSCRIPT_ITEMS_MAX];
	uint64_t renders; /* so far */
};

void view_chat_draw(struct view_chat *v, struct canvas *c, struct rect r,
    const struct model *m, int64_t now);
/* What it scrolls through, at the width it was last drawn with; lent until the next. */
struct scroll_source view_chat_source(struct view_chat *v, const struct model *m);
void view_chat_scroll(struct view_chat *v, const struct model *m, int lines);

/* Older items stand in front of that one now: what is on the screen stays there. */
void view_chat_prepended(struct view_chat *v, const struct model *m, uint64_t serial);

void view_chat_fini(struct view_chat *v);

/* --- what else can be done with an item; pos as the scroller's --- */

/* The run that the item is a line of, or NULL.  Lent. */
const char *view_chat_run(const struct model *m, struct scroll_pos pos);

/* The next older (dir -1) or newer (1) item that tells of a failure. */
bool view_chat_failure(const struct model *m, int dir, struct scroll_pos *pos);

/*
 * Renders one item.  rows: of the pane, which a verdict and a proof do not pass; 0:
 * no pane (linear output), everything.
 */
void view_chat_render(struct lines *l, const struct item *it, int rows, int64_t now);

#endif
