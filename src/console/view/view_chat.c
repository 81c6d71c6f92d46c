/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_chat.h"

#include <stdio.h>
#include <string.h>

#include "console/view/progress.h"
#include "console/view/view_chat_int.h"

#define LONG_GAP_S 600 /* without a word, before the time of the next one is said */

/* The item before, NULL: none that shows. */
static const struct item *
item_before(const struct view_chat *v, const struct item *it)
{
	size_t i = transcript_find(&v->model->chat, it->serial);

	while (i-- > 0) {
		const struct item *before = transcript_at(&v->model->chat, i);

		if (before->kind != ITEM_GONE)
			return before;
	}
	return NULL;
}

static int
two_digits(const char *s)
{
	return (s[0] - '0') * 10 + s[1] - '0';
}

/* Of the day, -1: it has no time.  Asked for each item of each picture. */
static int
seconds(const struct item *it)
{
	if (strlen(it->at) != 8)
		return -1;
	return two_digits(it->at) * 3600 + two_digits(it->at + 3) * 60 +
	    two_digits(it->at + 6);
}

/* Nothing for so long that an eye asks when this was. */
static bool
is_later(const struct item *before, const struct item *it)
{
	int from = seconds(before), to = seconds(it);

	return from >= 0 && to >= 0 && (to - from + 86400) % 86400 >= LONG_GAP_S &&
	    (to - from + 86400) % 86400 < 86400 - LONG_GAP_S; /* facts overtake a bit */
}

static bool
waits(const struct item *it)
{
	return it->kind == ITEM_PROMPT && it->tone == TONE_BUSY;
}

/* Paragraph air: a line in front of what starts something new, blank or with the time. */
static enum chat_air
air_of(const struct view_chat *v, const struct item *it)
{
	const struct item *before = it->kind == ITEM_GONE ? NULL : item_before(v, it);
	bool small = it->kind == ITEM_TOOL || it->kind == ITEM_EVENT ||
	    it->kind == ITEM_RESULT || it->kind == ITEM_LOCAL ||
	    it->kind == ITEM_THINKING || it->kind == ITEM_STILL;

	if (!before)
		return AIR_NONE;
	if (is_later(before, it))
		return AIR_TIME;
	if (it->kind == ITEM_RESULT || (waits(it) && waits(before)))
		return AIR_NONE;
	return !small || before->kind == ITEM_TEXT || before->kind == ITEM_VERB
	    ? AIR_BLANK
	    : AIR_NONE;
}

static void
put_air(struct lines *l, enum chat_air air, const struct item *it)
{
	char text[24];

	if (air == AIR_NONE)
		return;
	if (air == AIR_TIME) {
		snprintf(text, sizeof text, "── %.5s UTC", it->at);
		lines_sign(l, LOOK_QUIET, text);
	}
	lines_break(l);
}

static bool
is_kept(const struct view_chat *v, const struct view_chat_key *k, const struct item *it,
    enum chat_air air)
{
	bool sized = it->kind == ITEM_VERDICT || it->kind == ITEM_PROOF;

	return k->serial == it->serial && k->version == it->version &&
	    k->width == v->width && (!sized || k->rows == v->rows) && k->air == air &&
	    !(it->kind == ITEM_PROOF && it->tone == TONE_BUSY) && /* its seconds run */
	    !progress_is_of(v->model, it);
}

/* A text that has only grown: its finished blocks stand as they are. */
static bool
has_grown(const struct view_chat *v, const struct view_chat_kept *k,
    const struct item *it, enum chat_air air)
{
	return it->kind == ITEM_TEXT && k->key.serial == it->serial &&
	    k->key.width == v->width && k->rewritten == it->rewritten &&
	    k->key.air == air;
}

static void
render_text(struct view_chat_kept *k, const struct item *it)
{
	markdown_grow(
	    &k->markdown, &k->lines, buf_str(&it->text), it->text.len, !it->final);
}

static const struct lines *
rendered(struct view_chat *v, const struct item *it)
{
	struct view_chat_kept *k = &v->kept[it->serial % VIEW_CHAT_KEPT];
	enum chat_air air = air_of(v, it);

	if (is_kept(v, &k->key, it, air))
		return &k->lines;
	if (!has_grown(v, k, it, air)) {
		lines_fini(&k->lines);
		lines_init(&k->lines, v->width);
		put_air(&k->lines, air, it);
		markdown_start(&k->markdown, &k->lines);
	}
	if (it->kind == ITEM_TEXT)
		render_text(k, it);
	else
		view_chat_render(
		    &k->lines, it, v->rows > 1 ? v->rows - (air != AIR_NONE) : 1, v->now);
	if (progress_is_of(v->model, it))
		progress_strip(&k->lines, &v->model->vm, v->now);
	k->key = (struct view_chat_key){it->serial, it->version, v->width, v->rows, air};
	k->rewritten = it->rewritten;
	v->renders++;
	return &k->lines;
}

const struct lines *
view_chat_lines(struct view_chat *v, const struct model *m, const struct item *it)
{
	v->model = m;
	return rendered(v, it);
}

/* --- the list, as the scroller wants it: a unit is an item --- */

static bool
fix(void *arg, struct scroll_pos *pos)
{
	struct view_chat *v = arg;
	size_t i = transcript_find(&v->model->chat, pos->unit);
	const struct item *it;

	if (v->model->chat.count == 0)
		return false;
	if (i >= v->model->chat.count)
		i = v->model->chat.count - 1;
	it = transcript_at(&v->model->chat, i);
	*pos = (struct scroll_pos){it->serial, 0};
	return true;
}

static bool
step(void *arg, struct scroll_pos *pos, int dir)
{
	struct view_chat *v = arg;
	size_t i = transcript_find(&v->model->chat, pos->unit);

	if ((dir < 0 && i == 0) || (dir > 0 && i + 1 >= v->model->chat.count))
		return false;
	pos->unit = transcript_at(&v->model->chat, dir < 0 ? i - 1 : i + 1)->serial;
	return true;
}

static const struct item *
item_at(const struct view_chat *v, struct scroll_pos pos)
{
	return transcript_at(&v->model->chat, transcript_find(&v->model->chat, pos.unit));
}

static const struct lines *
at(struct view_chat *v, struct scroll_pos pos)
{
	return rendered(v, item_at(v, pos));
}

static size_t
height(void *arg, struct scroll_pos pos)
{
	struct view_chat *v = arg;
	const struct item *it = item_at(v, pos);
	struct view_chat_height *h = &v->height[it->serial % TRANSCRIPT_ITEMS_MAX];

	if (!is_kept(v, &h->key, it, air_of(v, it))) {
		h->lines = rendered(v, it)->count;
		h->key = v->kept[it->serial % VIEW_CHAT_KEPT].key;
	}
	return h->lines;
}

static void
draw(void *arg, struct scroll_pos pos, size_t line, struct canvas *c, struct rect r,
    int row)
{
	lines_draw(at(arg, pos), line, c, r, row);
}

static bool
whole(void *arg, struct scroll_pos pos)
{
	const struct view_chat *v = arg;
	const struct transcript *t = &v->model->chat;
	const struct item *it = transcript_at(t, transcript_find(t, pos.unit));

	return it && (it->kind == ITEM_VERDICT || it->kind == ITEM_PROOF);
}

static const struct lines *
source_lines(void *arg, struct scroll_pos pos)
{
	return at(arg, pos);
}

static bool
copy_range(void *arg, struct scroll_pos pos, size_t line, struct scroll_range *range)
{
	return view_chat_copy_range(arg, pos, line, range);
}

struct scroll_source
view_chat_source(struct view_chat *v, const struct model *m)
{
	v->model = m;
	return (struct scroll_source){.arg = v,
	    .fix = fix,
	    .step = step,
	    .height = height,
	    .draw = draw,
	    .whole = whole,
	    .lines = source_lines,
	    .copy_range = copy_range};
}

void
view_chat_draw(struct view_chat *v, struct canvas *c, struct rect r,
    const struct model *m, int64_t now)
{
	struct scroll_source src = view_chat_source(v, m);

	v->width = r.cols;
	v->rows = r.rows;
	v->now = now;
	if (m->chat.count > 0) /* else it is the tour's place */
		scroll_draw(&v->scroll, &src, c, r);
}

void
view_chat_scroll(struct view_chat *v, const struct model *m, int lines)
{
	struct scroll_source src = view_chat_source(v, m);

	scroll_move(&v->scroll, &src, lines);
}

void
view_chat_prepended(struct view_chat *v, const struct model *m, uint64_t serial)
{
	size_t i = transcript_find(&m->chat, serial);

	v->model = m;
	if (i > 0 && air_of(v, transcript_at(&m->chat, i)) != AIR_NONE)
		scroll_shift(&v->scroll, serial);
}

void
view_chat_fini(struct view_chat *v)
{
	for (size_t i = 0; i < VIEW_CHAT_KEPT; i++)
		lines_fini(&v->kept[i].lines);
}
