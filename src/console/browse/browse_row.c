/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The row of browse mode, where the prompt was: what was found or is selected, and the
 * keys of the moment.  What does not fit is left out by rank, so that a narrow row has
 * the keys that cannot be guessed.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "console/browse/browse_int.h"

#define WORDS_MAX 16

struct word {
	const char *key, *text;
	int rank; /* 1 is kept longest */
	bool in;
};

struct words {
	struct word word[WORDS_MAX];
	int count;
};

static void
add(struct words *w, const char *key, const char *text, int rank)
{
	if (w->count < WORDS_MAX)
		w->word[w->count++] = (struct word){key, text, rank, false};
}

static int
word_cols(const struct word *w)
{
	return canvas_width(w->key, strlen(w->key)) + 1 +
	    canvas_width(w->text, strlen(w->text)) + 2;
}

static void
choose(struct words *w, int cols)
{
	for (int rank = 1; rank <= WORDS_MAX; rank++)
		for (int i = 0; i < w->count; i++)
			if (w->word[i].rank == rank &&
			    word_cols(&w->word[i]) - 2 <= cols) {
				w->word[i].in = true;
				cols -= word_cols(&w->word[i]);
			}
}

static void
draw_words(const struct words *w, struct canvas *c, struct rect r, int col)
{
	for (int i = 0; i < w->count; i++) {
		if (!w->word[i].in)
			continue;
		col = 1 + canvas_text(c, r, 0, col, LOOK_STRONG, w->word[i].key);
		col = 2 + canvas_text(c, r, 0, col, LOOK_QUIET, w->word[i].text);
	}
}

/* --- what there is to say --- */

/* "match 3 of 17", in few columns "3/17". */
static void
match_words(const struct screen *s, bool tight, char *out, size_t size)
{
	const struct browse_find *f = &s->browse.find;
	const char *more = f->total > BROWSE_FIND_COUNT ? "+" : "";
	int total = f->total > BROWSE_FIND_COUNT ? BROWSE_FIND_COUNT : f->total;

	out[0] = '\0';
	if (f->what.count == 0)
		return;
	if (f->state == BROWSE_FIND_NOTHING)
		snprintf(out, size, "%s",
		    tight			 ? "none"
			: s->page != PAGE_NONE	 ? "not found"
			: s->focus == FOCUS_CHAT ? "not in the chat; Tab: the tools"
						 : "not in the tools; Tab: the chat");
	else if (f->total > 0 && f->state != BROWSE_FIND_NONE)
		snprintf(out, size, tight ? "%d%s/%d%s" : "match %d%s of %d%s",
		    f->index > total ? total : f->index, f->index > total ? "+" : "",
		    total, more);
	else if (f->state == BROWSE_FIND_LOOKING || f->state == BROWSE_FIND_COUNTING)
		snprintf(out, size, "%s", tight ? "…" : "looking…");
}

static bool
is_run(const struct screen *s)
{
	return s->page == PAGE_NONE && s->focus == FOCUS_TOOLS;
}

static void
key_words(const struct screen *s, struct words *w)
{
	const struct browse_find *f = &s->browse.find;
	bool marked = s->browse.marked > 0, panes = s->page == PAGE_NONE;

	if (f->what.count > 0 && f->state != BROWSE_FIND_NOTHING) {
		add(w, "n", "older", marked ? 3 : 2);
		add(w, "N", "newer", 8);
	}
	add(w, "/", "find", 4);
	if (marked) {
		add(w, "y", "copy", 2);
		add(w, "w", "save", 6);
		add(w, "v", "pager", 7);
		add(w, "m", "drop mark", 9);
	} else {
		add(w, "m", "mark", 6);
		add(w, "y", "copy", 7);
		if (panes)
			add(w, "Enter", "open", 8);
		if (panes)
			add(w, "e", "failure", 9);
		if (is_run(s))
			add(w, "f", "fold", 10);
		add(w, "w", "save", 11);
		add(w, "v", "pager", 12);
		if (panes)
			add(w, "Tab", "other pane", 13);
	}
	add(w, "?", "keys", 5);
	add(w, "q", "back", 1);
}

static int
draw_lead(const struct screen *s, struct canvas *c, struct rect r)
{
	const struct browse_find *f = &s->browse.find;
	bool says = s->browse.marked > 0 || f->what.count > 0;
	int col = 0;
	char text[48];

	if (r.cols >= 60 || !says) /* else what there is to say names the mode, too */
		col =
		    canvas_text(c, r, 0, 0, LOOK_KEY, r.cols < 40 ? " B " : " browse ") +
		    1;

	if (s->browse.marked > 0) {
		snprintf(text, sizeof text, "%d%s line%s ", s->browse.marked,
		    s->browse.marked >= BROWSE_MARKED_MAX ? "+" : "",
		    s->browse.marked == 1 ? "" : "s");
		col = canvas_text(c, r, 0, col, LOOK_SELECTED, text) + 1;
	}
	match_words(s, r.cols < 60, text, sizeof text);
	if (text[0])
		col = 2 +
		    canvas_text(c, r, 0, col,
			f->state == BROWSE_FIND_NOTHING ? LOOK_BUSY : LOOK_STRONG, text);
	return col;
}

/* Behind what is typed: how it stands, and two keys. */
static void
draw_typing(const struct screen *s, struct canvas *c, struct rect r)
{
	const struct browse_find *f = &s->browse.find;
	struct words w = {.count = 0};
	size_t from = 0;
	char text[48];
	int col = canvas_text(c, r, 0, 0, LOOK_KEY, r.cols < 40 ? "/" : " find /");
	int room = r.cols - col - (r.cols < 40 ? 6 : 20);

	if (room < 4)
		room = 4;
	while (canvas_width(f->text + from, f->len - from) > room)
		from += text_cut(f->text + from, f->len - from) > 0 ? 1 : f->len - from;
	while (from > 0 && from < f->len && ((unsigned char)f->text[from] & 0xc0) == 0x80)
		from++;
	col = canvas_put(c, r, 0, col, LOOK_PLAIN, f->text + from, f->len - from);
	c->cursor_row = r.row;
	c->cursor_col = r.col + (col < r.cols ? col : r.cols - 1);
	col += 2;
	match_words(s, r.cols < 60, text, sizeof text);
	if (text[0])
		col = 2 +
		    canvas_text(c, r, 0, col,
			f->state == BROWSE_FIND_NOTHING ? LOOK_BUSY : LOOK_STRONG, text);
	else if (f->len == 0 && f->last[0] && r.cols >= 60)
		col = 2 +
		    canvas_printf(c, r, 0, col, LOOK_QUIET, "(Enter: %.24s)", f->last);
	add(&w, "Enter", "keeps", 2);
	add(&w, "Esc", "back", 1);
	if (f->total > 1)
		add(&w, "Up", "older", 3);
	choose(&w, r.cols - col);
	draw_words(&w, c, r, col);
}

void
browse_draw_row(const struct screen *s, struct canvas *c, struct rect r)
{
	struct words w = {.count = 0};
	int col;

	c->cursor_row = -1;
	if (s->browse.find.typing) {
		draw_typing(s, c, r);
		return;
	}
	if (s->browse.said[0]) {
		col = canvas_text(c, r, 0, 0, LOOK_KEY, r.cols < 40 ? " B " : " browse ");
		canvas_text(c, r, 0, col + 1, s->browse.said_look, s->browse.said);
		return;
	}
	col = draw_lead(s, c, r);
	key_words(s, &w);
	choose(&w, r.cols - col);
	draw_words(&w, c, r, col);
}
