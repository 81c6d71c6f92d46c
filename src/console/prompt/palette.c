/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/prompt/palette.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/prompt/complete.h"
#include "console/action/keymap.h"
#include "console/view/layout.h"
#include "console/prompt/prompt.h"

void
palette_init(struct palette *p)
{
	memset(p, 0, sizeof *p);
	p->chosen = -1;
}

void
palette_close(struct screen *s)
{
	bool room = s->palette.room;

	palette_init(&s->palette);
	s->palette.room = room;
}

const char *
palette_line(const struct screen *s, size_t *len)
{
	if (s->palette.picks) {
		*len = strlen(s->palette.typed);
		return s->palette.typed;
	}
	*len = s->line ? s->cursor : 0;
	return s->line ? s->line : "";
}

/* Ids are read when they can be wanted. */
static void
look_back(struct screen *s)
{
	if (strncmp(prompt_text(), "/replay", 7) == 0)
		earlier_look(&s->earlier, s->now);
}

/* The screen's words are of the last picture: a key asks the line editor. */
static struct complete *
list_now(struct screen *s)
{
	struct complete *c = mem_alloc(sizeof *c);
	const char *line;
	size_t len;

	s->line = prompt_text();
	s->cursor = prompt_cursor();
	look_back(s);
	line = palette_line(s, &len);
	complete_list(c, s, line, len);
	return c;
}

/* The words that fit, for a screen without room for a list. */
static void
put_hint(struct palette *p, const struct complete *c)
{
	size_t at = 0;

	p->hint[0] = '\0';
	for (int i = 0; i < c->begin && at + 24 < sizeof p->hint; i++)
		if (strlen(c->row[i].word) < 24)
			at += (size_t)snprintf(p->hint + at, sizeof p->hint - at, "%s%s",
			    at > 0 ? " " : "", c->row[i].word);
}

/* Puts a word where the one that is typed stands. */
static void
put(struct screen *s, const struct complete *c, const char *word, bool blank)
{
	char text[80];

	snprintf(text, sizeof text, "%s%s", word, blank ? " " : "");
	prompt_replace(c->from, prompt_cursor(), text);
	s->line = prompt_text();
	s->cursor = prompt_cursor();
}

static bool
takes_more(const struct complete *c, const struct complete_row *row)
{
	return c->command && row->args[0];
}

/* --- Tab --- */

static void
pick(struct screen *s, const struct complete *c, int dir)
{
	struct palette *p = &s->palette;
	int count = p->room ? c->count : c->begin;

	if (!p->picks) {
		if (s->cursor >= sizeof p->typed)
			return;
		snprintf(p->typed, sizeof p->typed, "%.*s", (int)s->cursor, s->line);
		if (p->chosen < 0)
			p->chosen = dir > 0 ? -1 : count;
		else
			dir = 0; /* an arrow has chosen: that one */
		p->picks = true;
	}
	p->chosen = (p->chosen + dir + count) % count;
	put(s, c, c->row[p->chosen].word, false);
	put_hint(p, c);
}

/* As far as all agree; there already: the first one, the next one, ... */
static void
tab(struct screen *s, struct complete *c, int dir)
{
	struct palette *p = &s->palette;
	size_t len = s->cursor - c->from, common = complete_common(c);
	char text[64];

	if (c->count == 0 || (c->begin == 0 && !p->room))
		return;
	p->open = true;
	if (!p->picks && p->chosen < 0 && (c->begin == 1 || c->count == 1)) {
		put(s, c, c->row[0].word, takes_more(c, &c->row[0]) || c->command);
		p->hint[0] = '\0';
	} else if (!p->picks && p->chosen < 0 && common > len) {
		snprintf(text, sizeof text, "%.*s", (int)common, c->row[0].word);
		put(s, c, text, false);
		put_hint(p, c);
	} else {
		pick(s, c, dir);
	}
}

/* --- the rest --- */

static void
move(struct screen *s, const struct complete *c, int dir)
{
	struct palette *p = &s->palette;

	if (p->chosen < 0)
		p->chosen = dir > 0 ? 0 : c->count - 1;
	else
		p->chosen = (p->chosen + dir + c->count) % c->count;
	if (p->picks)
		put(s, c, c->row[p->chosen].word, false);
}

/* True: the line is not to be run yet. */
static bool
enter(struct screen *s, const struct complete *c)
{
	struct palette *p = &s->palette;
	const char *args;

	if (p->chosen >= 0 && p->chosen < c->count) {
		const struct complete_row *row = &c->row[p->chosen];
		bool more = c->command && row->more;

		put(s, c, row->word, more);
		if (more)
			palette_close(s);
		s->palette.open = more;
		return more;
	}
	if (!c->command || !p->room || c->count == 0 ||
	    keymap_slash(s->line, &args) != ACTION_NONE)
		return false;
	p->chosen = 0;
	return true;
}

static bool
list_key(struct screen *s, const struct input *in, struct complete *c)
{
	switch (in->kind) {
	case INPUT_TAB:
		tab(s, c, 1);
		return true;
	case INPUT_BACKTAB:
		tab(s, c, -1);
		return true;
	case INPUT_UP:
	case INPUT_DOWN:
		if (!s->palette.open || !s->palette.room || c->count == 0)
			return false;
		move(s, c, in->kind == INPUT_UP ? -1 : 1);
		return true;
	case INPUT_ENTER:
		return s->palette.open && enter(s, c);
	case INPUT_ESC:
		if (!s->palette.open || !s->palette.room)
			return false;
		palette_close(s);
		return true;
	default:
		return false;
	}
}

bool
palette_key(struct screen *s, const struct input *in)
{
	const char *line = prompt_text();
	struct complete *c;
	bool ours;

	if (line[0] != '/' || prompt_is_searching() ||
	    (in->kind != INPUT_TAB && in->kind != INPUT_BACKTAB && in->kind != INPUT_UP &&
		in->kind != INPUT_DOWN && in->kind != INPUT_ENTER &&
		in->kind != INPUT_ESC))
		return false;
	c = list_now(s);
	ours = list_key(s, in, c);
	free(c);
	return ours;
}

void
palette_typed(struct screen *s, const struct input *in, bool was_empty)
{
	struct palette *p = &s->palette;
	const char *line = prompt_text();
	bool open = p->open;

	if (was_empty && in->kind == INPUT_CHAR && strcmp(line, "/") == 0)
		open = true;
	if (line[0] != '/' || prompt_is_searching())
		open = false;
	palette_close(s);
	p->open = open;
	p->later = open;
	if (open)
		look_back(s);
}
