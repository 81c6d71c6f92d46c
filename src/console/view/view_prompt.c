/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_prompt.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/text.h"
#include "console/view/layout_int.h"
#include "wire/verbs.h"

#define INDENT 2       /* cells in front of each row: "> " in front of the first */
#define SMALL 8	       /* rows of a screen that has one for the prompt */
#define TAB_CELLS 8    /* a tab is blanks */
#define SEARCH_COLS 60 /* from here readline's name for a search is shown */
#define LABEL_MAX 96   /* bytes */

/* --- where each character stands --- */

struct walk {
	const char *text;
	size_t len, at;
	int cols;	      /* of a row, without the indent */
	int row, col;	      /* behind what was walked over */
	int width;	      /* of the character that was; 0: it joins the one before */
	size_t bytes;	      /* of it */
	int was_row, was_col; /* where it stands */
};

static int
cell_width(const struct walk *w, uint32_t cp)
{
	int width;

	if (cp >= 0x20 && cp < 0x7f)
		return 1;
	if (cp == '\n')
		return 0;
	if (cp == '\t') {
		width = TAB_CELLS - w->col % TAB_CELLS;
		return width > w->cols - w->col && w->col < w->cols ? w->cols - w->col
								    : width;
	}
	width = scrub_is_plain(cp) ? wcwidth((wchar_t)cp) : 1;
	width = width < 0 ? 1 : width;
	return width > w->cols ? w->cols : width;
}

/* One character on; false: there is none. */
static bool
walk_step(struct walk *w)
{
	uint32_t cp;

	if (w->at >= w->len)
		return false;
	w->bytes = text_decode(w->text + w->at, w->len - w->at, &cp);
	w->width = cell_width(w, cp);
	if (w->width > 0 && w->col + w->width > w->cols) {
		w->row++;
		w->col = 0;
	}
	w->was_row = w->row;
	w->was_col = w->col;
	w->col += w->width;
	w->at += w->bytes;
	if (cp == '\n') {
		w->row++;
		w->col = 0;
	}
	return true;
}

/* "(failed reverse-i-search)`text': " is a long name for that on a small screen. */
static const char *
label(const struct screen *s, int cols, char out[LABEL_MAX])
{
	const char *text = s->prompt ? s->prompt : "> ", *what = strchr(text, '`');

	if (text[0] != '(' || !what || cols >= SEARCH_COLS)
		snprintf(out, LABEL_MAX, "%s", text);
	else
		snprintf(out, LABEL_MAX, "%s %s",
		    strncmp(text, "(failed", 7) == 0 ? "none" : "find", what);
	out[text_cut(out, strlen(out))] = '\0';
	return out;
}

/* A search's label is longer than the indent: the first row begins behind it. */
static struct walk
walk_begin(const struct screen *s, int cols)
{
	const char *line = s->line ? s->line : "";
	struct walk w = {.text = line, .len = strlen(line)};
	char name[LABEL_MAX];

	w.cols = cols - INDENT > 0 ? cols - INDENT : 1;
	label(s, cols, name);
	w.col = canvas_width(name, strlen(name)) - INDENT;
	if (w.col < 0)
		w.col = 0;
	if (w.col >= w.cols)
		w.col = w.cols - 1;
	return w;
}

/* Where the cursor stands: behind a full row is the next one's begin. */
static void
walk_cursor(struct walk *w, size_t cursor, int *row, int *col)
{
	while (w->at < cursor && walk_step(w))
		continue;
	*row = w->row + (w->col >= w->cols);
	*col = w->col >= w->cols ? 0 : w->col;
	while (walk_step(w))
		continue;
}

int
view_prompt_max(int screen_rows)
{
	return screen_rows < SMALL ? 1 : screen_rows / 3;
}

int
view_prompt_rows(const struct screen *s, int cols, int max)
{
	struct walk w = walk_begin(s, cols);
	int row, col, rows;

	if (max <= 1 || s->browse.on)
		return 1;
	walk_cursor(&w, s->cursor, &row, &col);
	rows = (row > w.row ? row : w.row) + 1;
	return rows > max ? max : rows;
}

/* --- one row, moved sideways --- */

/* Skips characters until what is left up to the cursor takes at most cols cells. */
static size_t
first_shown(const char *line, size_t cursor, int cols)
{
	size_t from = 0;
	int wide = canvas_width(line, cursor);

	while (wide > cols && from < cursor) {
		uint32_t cp;
		size_t n = text_decode(line + from, cursor - from, &cp);

		wide -= canvas_width(line + from, n);
		from += n;
	}
	return from;
}

static int
draw_piece(struct canvas *c, struct rect r, int col, const char *text, size_t len)
{
	while (len > 0) {
		size_t n = 0;

		while (n < len && text[n] != '\n' && text[n] != '\t')
			n++;
		col = canvas_put(c, r, 0, col, LOOK_PLAIN, text, n);
		if (n == len)
			break;
		col = canvas_text(c, r, 0, col, LOOK_BUSY, text[n] == '\n' ? "⏎" : " ");
		text += n + 1;
		len -= n + 1;
	}
	return col;
}

/* Returns the column behind the text. */
static int
draw_sideways(const struct screen *s, struct canvas *c, struct rect r)
{
	const char *line = s->line ? s->line : "";
	size_t from, len = strlen(line);
	char name[LABEL_MAX];
	int col = canvas_text(c, r, 0, 0, LOOK_NAME, label(s, r.cols, name));

	if (col > r.cols / 2)
		col = r.cols / 2; /* what is found matters more than how it is called */
	from = first_shown(line, s->cursor, r.cols - col - 2);
	if (from > 0)
		canvas_text(c, r, 0, col - 1, LOOK_QUIET, "‹");
	c->cursor_row = r.row;
	c->cursor_col = r.col + draw_piece(c, r, col, line + from, s->cursor - from);
	return draw_piece(c, r, c->cursor_col - r.col, line + s->cursor, len - s->cursor);
}

/* --- as many rows as it takes --- */

static void
draw_rows(const struct screen *s, struct canvas *c, struct rect r, int top)
{
	struct walk w = walk_begin(s, r.cols);
	struct rect in = {r.row, r.col + INDENT, r.rows, r.cols - INDENT};

	while (walk_step(&w)) {
		const char *ch = w.text + w.at - w.bytes;

		if (w.was_row < top || *ch == '\n' || *ch == '\t')
			continue;
		if (w.was_row >= top + r.rows)
			break;
		canvas_put(c, in, w.was_row - top, w.was_col, LOOK_PLAIN, ch, w.bytes);
	}
}

/* What is above and below, in the indent. */
static void
draw_margin(const struct screen *s, struct canvas *c, struct rect r, int top, int rows)
{
	char name[LABEL_MAX];

	if (top == 0)
		canvas_text(c, r, 0, 0, LOOK_NAME, label(s, r.cols, name));
	else
		canvas_text(c, r, 0, 0, LOOK_BUSY, "↑");
	if (top + r.rows < rows)
		canvas_text(c, r, r.rows - 1, 0, LOOK_BUSY, "↓");
}

/* Returns the column behind the text of the last row. */
static int
draw_wrapped(const struct screen *s, struct canvas *c, struct rect r)
{
	struct walk w = walk_begin(s, r.cols);
	int row, col, rows, top;

	walk_cursor(&w, s->cursor, &row, &col);
	rows = (row > w.row ? row : w.row) + 1;
	/* As far down as the end asks for, as far up as the cursor does. */
	top = rows > r.rows ? rows - r.rows : 0;
	if (row < top)
		top = row;
	draw_margin(s, c, r, top, rows);
	draw_rows(s, c, r, top);
	c->cursor_row = r.row + row - top;
	c->cursor_col = r.col + INDENT + col;
	return INDENT + w.col;
}

/* --- words behind it --- */

/* The same in fewer words for a smaller screen, which is a phone: no F-keys. */
struct hint {
	const char *words[3];
};

static const struct hint hint_read_only = {
    {"READ-ONLY: nothing is sent from here", "READ-ONLY"}};
static const struct hint hint_locked = {
    {"LOCKED: Enter unlocks the keys", "LOCKED: Enter"}};
static const struct hint hint_watching = {
    {"watching: /drive takes over", "/drive takes over"}};
static const struct hint hint_killed = {{"the agent is killed: /kill off lifts it",
    "agent killed: /kill off lifts it", "/kill off lifts"}};
static const struct hint hint_working = {{"the agent works; Enter queues, F8 stops it",
    "works; Enter queues, Esc 8 stops it", "Esc 8 stops it"}};
static const struct hint hint_runbook = {{"no model answers: /triage looks, the keys act",
    "no model: /triage looks, the keys act", "/triage looks"}};
static const struct hint hint_nobody = {
    {"no agent; the keys and /commands work", "no AI; keys work"}};
static const struct hint hint_plain = {
    {"say what is wrong, /triage or /help", "say what is wrong"}};

static const struct hint *
hint_now(const struct screen *s)
{
	const struct vm *vm = &s->model.vm;

	if (s->read_only)
		return &hint_read_only;
	if (s->model.lock.on)
		return &hint_locked;
	if (incident_is_watching(&s->model.incident))
		return &hint_watching;
	if (vm->kill.on)
		return &hint_killed;
	if (strcmp(vm->agent.state, "working") == 0)
		return &hint_working;
	if (strcmp(vm->agent.driver, "runbook") == 0)
		return &hint_runbook;
	if (strcmp(vm->agent.state, "unavailable") == 0)
		return &hint_nobody;
	return &hint_plain;
}

/* Where there is no bar of keys the hint names the one that the verdict advises. */
static bool
advice(const struct screen *s, char out[32])
{
	const struct verdict *v = &s->model.verdict;
	int verb = verdict_advice(v);

	if (s->read_only || s->model.lock.on ||
	    incident_is_watching(&s->model.incident) || verb < 0 ||
	    !verb_rows[verb].mutating ||
	    !verdict_is_fresh(v, model_now(&s->model, s->now)))
		return false;
	snprintf(out, 32, "Esc %d %s helps", verb_rows[verb].fkey, verb_rows[verb].name);
	return true;
}

static void
draw_hint(const struct screen *s, struct canvas *c, struct rect r, int col)
{
	const struct hint *h = hint_now(s);
	const char *words = h->words[0];
	char key[32];

	for (int i = 1; i < 3 && h->words[i]; i++)
		if (canvas_width(words, strlen(words)) > r.cols - col)
			words = h->words[i];
	if (c->rows < KEYS_ROWS && advice(s, key))
		words = key;
	canvas_text(c, r, 0, col, LOOK_HINT, words);
}

void
view_prompt_draw(const struct screen *s, struct canvas *c, struct rect r)
{
	int col = r.rows > 1 || c->rows >= SMALL ? draw_wrapped(s, c, r)
						 : draw_sideways(s, c, r);

	if (!s->line || !s->line[0])
		draw_hint(s, c, r, col + 1);
	else if (!s->palette.room && s->palette.hint[0])
		canvas_text(c, r, r.rows - 1, col + 2, LOOK_HINT, s->palette.hint);
	if (c->cursor_col >= r.col + r.cols)
		c->cursor_col = r.col + r.cols - 1;
}
