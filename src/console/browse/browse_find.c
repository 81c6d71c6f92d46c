/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/browse/browse_find.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "console/browse/browse_int.h"

#define SLICE_MS 5 /* of a search, before keys and facts have their turn */

static int
compare_pos(struct scroll_pos a, struct scroll_pos b)
{
	if (a.unit != b.unit)
		return a.unit < b.unit ? -1 : 1;
	return a.part == b.part ? 0 : a.part < b.part ? -1 : 1;
}

/* Against a place in the same unit. */
static int
compare_byte(uint32_t whole, uint32_t byte, const struct scroll_at *at)
{
	if (whole != at->whole)
		return whole < at->whole ? -1 : 1;
	return byte == at->byte ? 0 : byte < at->byte ? -1 : 1;
}

/* --- one unit --- */

/* Of a unit's matches: how many on one side of a place, and the nearest of these. */
struct pick {
	const struct scroll_at *limit; /* NULL: none, all count */
	int side;		       /* -1: before the limit; 1: behind it */
	bool here;		       /* the limit itself, too */
	int wanted;		       /* -1: the last one, 1: the first; 0: the number */
	int count;
	uint32_t whole, byte;
};

static bool
on_match(void *arg, uint32_t whole, uint32_t byte, uint32_t len)
{
	struct pick *p = arg;
	int c = p->limit ? compare_byte(whole, byte, p->limit) : p->side;

	if (c != p->side && !(c == 0 && p->here))
		return true;
	p->count++;
	p->whole = whole;
	p->byte = byte;
	return p->wanted <= 0 && p->count <= BROWSE_FIND_COUNT * 10;
}

/* --- looking --- */

static void
start(struct browse_find *f, struct scroll_at origin, int dir, bool here)
{
	f->state = BROWSE_FIND_LOOKING;
	f->origin = origin;
	f->scan = origin.pos;
	f->dir = dir;
	f->here = here;
	f->around = false;
	f->missing[0] = '\0';
}

/* The cursor's row: its begin, or the byte behind it. */
static struct scroll_at
row_edge(const struct scroll *w, const struct scroll_source *src, bool end)
{
	struct scroll_at at = w->cur;

	scroll_settle(src, &at);
	scroll_anchor(src, &at);
	if (end) {
		const struct lines *l = src->lines(src->arg, at.pos);

		if (at.line < l->count)
			at.byte += l->line[at.line].len + l->line[at.line].blanks;
		/* Rows of the same line below it are below the cursor. */
		if (at.line + 1 < l->count && l->line[at.line + 1].cont) {
			struct scroll_at next = at;

			next.line++;
			scroll_anchor(src, &next);
			at.byte = next.byte;
		}
	}
	return at;
}

static void
set_text(struct browse_find *f, const char *text, size_t len)
{
	if (len > BROWSE_FIND_MAX)
		len = text_cut(text, BROWSE_FIND_MAX);
	memmove(f->text, text, len);
	f->text[len] = '\0';
	f->len = len;
	text_find_init(&f->what, f->text, len);
	f->total = 0;
}

static void
nothing(struct screen *s)
{
	struct browse_find *f = &s->browse.find;

	f->state = BROWSE_FIND_NOTHING;
	if (!f->typing && s->replay.on && s->page == PAGE_NONE)
		browse_say(s, LOOK_BUSY,
		    "Not in this pane as it is now: q, then / looks in the whole journal.");
	else if (!f->typing && s->page == PAGE_NONE)
		memcpy(f->missing, f->text, sizeof f->missing);
	if (f->from_prompt)
		browse_leave(s);
}

/* It was found: the cursor goes there, and they are counted. */
static void
arrive(struct screen *s, struct scroll *w, const struct scroll_source *src)
{
	struct browse_find *f = &s->browse.find;

	if (src->unfold)
		src->unfold(src->arg, f->at.pos);
	if (src->see_all)
		src->see_all(src->arg, false);
	scroll_cursor_to(w, src, f->at);
	browse_moved(s, w);
	if (src->see_all)
		src->see_all(src->arg, true);
	f->state = BROWSE_FIND_COUNTING;
	f->from_prompt = false;
	f->dir = 1;
	f->newer = f->older = 0;
	f->scan = f->at.pos;
}

/* One unit more; where it is the origin's, only one side of it. */
static bool
look_at(struct browse_find *f, const struct scroll_source *src)
{
	bool origin = compare_pos(f->scan, f->origin.pos) == 0;
	struct pick p = {.limit = origin ? &f->origin : NULL,
	    .side = f->around ? -f->dir : f->dir,
	    .here = f->here || f->around,
	    .wanted = f->dir};

	browse_matches(src, f->scan, &f->what, on_match, &p);
	if (p.count == 0)
		return false;
	f->at = (struct scroll_at){.pos = f->scan, .whole = p.whole, .byte = p.byte};
	return true;
}

/* To the next unit; false: all of them were looked at. */
static bool
look_on(struct browse_find *f, const struct scroll_source *src)
{
	struct scroll_pos end = {0, 0};

	if (f->around && compare_pos(f->scan, f->origin.pos) * f->dir >= 0)
		return false;
	if (src->step(src->arg, &f->scan, f->dir))
		return !f->around || compare_pos(f->scan, f->origin.pos) * f->dir <= 0;
	if (f->around)
		return false;
	f->around = true;
	if (f->dir < 0)
		end = (struct scroll_pos){UINT64_MAX, UINT64_MAX};
	f->scan = end;
	return src->fix(src->arg, &f->scan);
}

static void
look(struct screen *s, struct scroll *w, const struct scroll_source *src)
{
	struct browse_find *f = &s->browse.find;

	if (!src->fix(src->arg, &f->scan))
		nothing(s);
	else if (look_at(f, src))
		arrive(s, w, src);
	else if (!look_on(f, src))
		nothing(s);
}

/* --- counting --- */

static void
counted(struct browse_find *f)
{
	f->state = BROWSE_FIND_FOUND;
	f->index = f->newer + 1;
	f->total = f->newer + f->older + 1;
}

static void
count(struct screen *s, const struct scroll_source *src)
{
	struct browse_find *f = &s->browse.find;
	bool here = compare_pos(f->scan, f->at.pos) == 0;
	struct pick p = {.limit = here ? &f->at : NULL, .side = f->dir};

	if (!src->fix(src->arg, &f->scan)) {
		counted(f);
		return;
	}
	browse_matches(src, f->scan, &f->what, on_match, &p);
	if (f->dir > 0)
		f->newer += p.count;
	else
		f->older += p.count;
	if (f->newer + f->older >= BROWSE_FIND_COUNT) {
		counted(f);
	} else if (!src->step(src->arg, &f->scan, f->dir)) {
		if (f->dir < 0) {
			counted(f);
			return;
		}
		f->dir = -1;
		f->scan = f->at.pos;
	}
}

bool
browse_work(struct screen *s)
{
	struct browse_find *f = &s->browse.find;
	int64_t until = clock_mono_ms() + SLICE_MS;
	struct scroll_source src;
	struct scroll *w;

	if (!s->browse.on ||
	    (f->state != BROWSE_FIND_LOOKING && f->state != BROWSE_FIND_COUNTING))
		return false;
	w = browse_held(s, &src);
	if (!w) {
		nothing(s);
		return false;
	}
	if (src.see_all)
		src.see_all(src.arg, true);
	do {
		if (f->state == BROWSE_FIND_LOOKING)
			look(s, w, &src);
		else
			count(s, &src);
	} while ((f->state == BROWSE_FIND_LOOKING || f->state == BROWSE_FIND_COUNTING) &&
	    clock_mono_ms() < until);
	if (src.see_all)
		src.see_all(src.arg, false);
	return f->state == BROWSE_FIND_LOOKING || f->state == BROWSE_FIND_COUNTING;
}

/* --- keys --- */

/* From where the typing began, whatever was found since. */
static void
look_again(struct screen *s, struct scroll *w, const struct scroll_source *src)
{
	struct browse_find *f = &s->browse.find;

	w->cur = f->began.cur;
	w->top = f->began.top;
	w->line = f->began.line;
	scroll_settle(src, &w->cur);
	browse_moved(s, w);
	if (f->what.count > 0)
		start(f, row_edge(w, src, true), -1, false);
	else
		f->state = BROWSE_FIND_NONE;
}

static void
begin(struct screen *s, struct scroll *w)
{
	struct browse_find *f = &s->browse.find;

	if (f->len > 0)
		memcpy(f->last, f->text, sizeof f->last);
	set_text(f, "", 0);
	f->state = BROWSE_FIND_NONE;
	f->typing = true;
	f->from_prompt = false;
	f->began = *w;
}

static void
give_up(struct screen *s, struct scroll *w, const struct scroll_source *src)
{
	struct browse_find *f = &s->browse.find;

	set_text(f, "", 0);
	look_again(s, w, src);
	f->typing = false;
}

static void
keep(struct screen *s, struct scroll *w, const struct scroll_source *src)
{
	struct browse_find *f = &s->browse.find;

	f->typing = false;
	if (f->len == 0 && f->last[0]) {
		set_text(f, f->last, strlen(f->last));
		start(f, row_edge(w, src, false), -1, false);
	} else if (f->state == BROWSE_FIND_NOTHING) {
		nothing(s);
	}
}

/* The next one: dir -1 is up, to what is older. */
static void
next(struct screen *s, struct scroll *w, const struct scroll_source *src, int dir)
{
	struct browse_find *f = &s->browse.find;
	struct scroll_at at = f->at;
	bool known = f->state == BROWSE_FIND_FOUND || f->state == BROWSE_FIND_COUNTING;

	if (f->what.count == 0 && f->last[0])
		set_text(f, f->last, strlen(f->last));
	if (f->what.count == 0) {
		browse_say(s, LOOK_QUIET, "Nothing was looked for yet: / begins.");
		return;
	}
	f->from_prompt = false;
	if (known && scroll_settle(src, &at) && scroll_compare(&at, &w->cur) == 0) {
		start(f, f->at, dir, false);
		f->index -= dir; /* until they are counted anew */
		if (f->index < 1 || f->index > f->total)
			f->index = dir < 0 ? 1 : f->total;
		return;
	}
	f->total = 0;
	start(f, row_edge(w, src, dir < 0), dir, dir > 0);
}

static void
add_text(struct screen *s, struct scroll *w, const struct scroll_source *src,
    const char *text, size_t len)
{
	struct browse_find *f = &s->browse.find;
	char joined[BROWSE_FIND_MAX + 8];

	if (f->len + len > BROWSE_FIND_MAX)
		len = text_cut(text, BROWSE_FIND_MAX - f->len);
	memcpy(joined, f->text, f->len);
	memcpy(joined + f->len, text, len);
	set_text(f, joined, f->len + len);
	look_again(s, w, src);
}

/* Of a paste the first line; it is text here, never a key. */
static void
add_paste(struct screen *s, struct scroll *w, const struct scroll_source *src,
    const struct input *in)
{
	char line[BROWSE_FIND_MAX + 1];
	const char *lf = memchr(in->paste, '\n', in->paste_len);

	scrub_label(
	    in->paste, lf ? (size_t)(lf - in->paste) : in->paste_len, line, sizeof line);
	add_text(s, w, src, line, strlen(line));
}

static void
take_back(struct screen *s, struct scroll *w, const struct scroll_source *src)
{
	struct browse_find *f = &s->browse.find;

	if (f->len == 0) {
		give_up(s, w, src);
		return;
	}
	set_text(f, f->text, text_cut(f->text, f->len - 1));
	look_again(s, w, src);
}

static bool
typing_key(struct screen *s, const struct input *in)
{
	struct scroll_source src;
	struct scroll *w = browse_held(s, &src);

	if (!w)
		return false;
	switch (in->kind) {
	case INPUT_CHAR:
		add_text(s, w, &src, in->text, strlen(in->text));
		return true;
	case INPUT_PASTE:
		add_paste(s, w, &src, in);
		return true;
	case INPUT_BACKSPACE:
		take_back(s, w, &src);
		return true;
	case INPUT_ENTER:
		keep(s, w, &src);
		return true;
	case INPUT_ESC:
		give_up(s, w, &src);
		return true;
	case INPUT_UP:
	case INPUT_DOWN:
		if (s->browse.find.what.count > 0)
			next(s, w, &src, in->kind == INPUT_UP ? -1 : 1);
		return true;
	case INPUT_F:
	case INPUT_ALT:
		return false;
	case INPUT_CTRL:
		if (in->n != 'U')
			return false;
		set_text(&s->browse.find, "", 0);
		look_again(s, w, &src);
		return true;
	default:
		return true;
	}
}

bool
browse_find_key(struct action_context *a, const struct input *in)
{
	struct screen *s = a->screen;
	struct scroll_source src;
	struct scroll *w;
	char key;

	if (s->browse.find.typing)
		return typing_key(s, in);
	key = in->kind == INPUT_CHAR && !in->text[1] ? in->text[0] : '\0';
	if (key != '/' && key != 'n' && key != 'N')
		return false;
	w = browse_held(s, &src);
	if (!w)
		return true;
	if (key == '/')
		begin(s, w);
	else
		next(s, w, &src, key == 'n' ? -1 : 1);
	return true;
}

void
browse_find_forget(struct screen *s)
{
	struct browse_find *f = &s->browse.find;

	if (f->len > 0)
		memcpy(f->last, f->text, sizeof f->last);
	f->typing = f->from_prompt = false;
	if (f->state != BROWSE_FIND_NOTHING)
		f->state = BROWSE_FIND_NONE;
	set_text(f, "", 0);
}

void
browse_look_for(struct screen *s, const char *text)
{
	struct browse_find *f = &s->browse.find;
	struct scroll_source src;
	bool was_on = s->browse.on;
	struct scroll *w;

	if (!was_on && !browse_enter(s))
		return;
	w = browse_held(s, &src);
	if (!w)
		return;
	if (f->len > 0)
		memcpy(f->last, f->text, sizeof f->last);
	f->typing = false;
	f->from_prompt = !was_on;
	s->browse.said[0] = '\0';
	set_text(f, text, strlen(text));
	start(f, row_edge(w, &src, true), -1, false);
}
