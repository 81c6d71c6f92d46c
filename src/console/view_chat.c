/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view_chat.h"

#include <stdio.h>
#include <string.h>

#include "console/progress.h"
#include "console/view_chat_int.h"
#include "console/view_proof.h"
#include "console/view_verdict.h"

static uint32_t
tone_look(enum item_tone tone)
{
	static const uint32_t looks[] = {LOOK_PLAIN, LOOK_GOOD, LOOK_BAD, LOOK_BUSY};

	return looks[tone];
}

static void
set_indent(struct lines *l, const char *indent)
{
	snprintf(l->indent, sizeof l->indent, "%s", indent);
}

static void
render_prompt(struct lines *l, const struct item *it)
{
	lines_str(l, LOOK_NAME, it->by[0] ? it->by : "operator");
	lines_str(l, LOOK_NAME, "> ");
	set_indent(l, "  ");
	lines_put(l, LOOK_STRONG, buf_str(&it->text), it->text.len);
	if (it->tone == TONE_BUSY)
		lines_str(l, LOOK_BUSY, "  (queued)");
}

/* A note of the model to itself: its first words are enough. */
static void
render_thinking(struct lines *l, const struct item *it)
{
	size_t len = it->text.len < 240 ? it->text.len : 240;

	lines_str(l, LOOK_QUIET, "thinks: ");
	lines_scrub(l, LOOK_QUIET | STYLE_ITALIC, buf_str(&it->text), len);
	if (len < it->text.len)
		lines_str(l, LOOK_QUIET, " …");
}

static void
render_tool(struct lines *l, const struct item *it)
{
	lines_str(l, tone_look(it->tone),
	    it->tone == TONE_BUSY	? "» "
		: it->tone == TONE_GOOD ? "✓ "
					: "✗ ");
	set_indent(l, "  ");
	lines_str(l, LOOK_CODE, it->head);
	lines_str(l, LOOK_QUIET, "  ");
	lines_put(l, tone_look(it->tone),
	    it->tone == TONE_BUSY ? "runs" : buf_str(&it->text),
	    it->tone == TONE_BUSY ? 4 : it->text.len);
}

static void
render_verb(struct lines *l, const struct item *it)
{
	lines_str(l, LOOK_STRONG, "VM 102: ");
	lines_str(l, tone_look(it->tone) | STYLE_BOLD, it->head);
	lines_str(l, LOOK_QUIET, it->by[0] ? "  asked by " : "");
	lines_str(l, LOOK_QUIET, it->by);
	if (it->text.len > 0)
		lines_break(l);
	set_indent(l, "    ");
	lines_put(l, LOOK_PLAIN, buf_str(&it->text), it->text.len);
}

static void
render_error(struct lines *l, const struct item *it)
{
	const char *text = buf_str(&it->text), *todo = strchr(text, '\n');

	lines_str(l, LOOK_BAD, "error");
	if (it->head[0]) {
		lines_str(l, LOOK_BAD, " ");
		lines_str(l, LOOK_BAD, it->head);
	}
	lines_str(l, LOOK_BAD, ": ");
	set_indent(l, "  ");
	lines_put(l, LOOK_PLAIN, text, todo ? (size_t)(todo - text) : it->text.len);
	if (todo) {
		lines_break(l);
		lines_str(l, LOOK_STRONG, "  do: ");
		lines_str(l, LOOK_PLAIN, todo + 1);
	}
}

void
view_chat_render(struct lines *l, const struct item *it, int rows, int64_t now)
{
	switch (it->kind) {
	case ITEM_PROMPT:
		render_prompt(l, it);
		break;
	case ITEM_TEXT:
		markdown_render(l, buf_str(&it->text), it->text.len);
		break;
	case ITEM_THINKING:
		render_thinking(l, it);
		break;
	case ITEM_TOOL:
		render_tool(l, it);
		break;
	case ITEM_VERB:
		render_verb(l, it);
		break;
	case ITEM_ERROR:
		render_error(l, it);
		break;
	case ITEM_VERDICT:
		view_verdict_render(l, it->verdict, rows);
		break;
	case ITEM_PROOF:
		view_proof_render(l, it->proof, rows, now);
		break;
	case ITEM_NOTE:
		lines_str(l, LOOK_BUSY, it->head);
		lines_str(l, LOOK_PLAIN, it->head[0] ? ": " : "note: ");
		lines_put(l, LOOK_PLAIN, buf_str(&it->text), it->text.len);
		break;
	case ITEM_GONE:
		return;
	default:
		lines_put(l, it->kind == ITEM_LOCAL ? tone_look(it->tone) : LOOK_QUIET,
		    buf_str(&it->text), it->text.len);
	}
	if (l->open)
		lines_break(l);
}

/* Paragraph air: a blank line in front of what starts something new. */
static bool
wants_air(const struct view_chat *v, const struct item *it)
{
	size_t i = transcript_find(&v->model->chat, it->serial);
	const struct item *before = NULL;
	bool small = it->kind == ITEM_TOOL || it->kind == ITEM_EVENT ||
	    it->kind == ITEM_RESULT || it->kind == ITEM_LOCAL ||
	    it->kind == ITEM_THINKING || it->kind == ITEM_STILL;

	while (i > 0 && (!before || before->kind == ITEM_GONE))
		before = transcript_at(&v->model->chat, --i);
	return before && before->kind != ITEM_GONE &&
	    (!small || before->kind == ITEM_TEXT || before->kind == ITEM_VERB) &&
	    !(it->kind == ITEM_RESULT);
}

static bool
is_kept(const struct view_chat *v, const struct view_chat_kept *k, const struct item *it)
{
	bool sized = it->kind == ITEM_VERDICT || it->kind == ITEM_PROOF;

	return k->serial == it->serial && k->version == it->version &&
	    k->width == v->width && (!sized || k->rows == v->rows) &&
	    !(it->kind == ITEM_PROOF && it->tone == TONE_BUSY) && /* its seconds run */
	    !progress_is_of(v->model, it);
}

/* A text that has only grown: its finished blocks stand as they are. */
static bool
has_grown(const struct view_chat *v, const struct view_chat_kept *k,
    const struct item *it, bool air)
{
	return it->kind == ITEM_TEXT && k->serial == it->serial && k->width == v->width &&
	    k->rewritten == it->rewritten && k->air == air;
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
	bool air = it->kind != ITEM_GONE && wants_air(v, it);

	if (is_kept(v, k, it) && k->air == air)
		return &k->lines;
	if (!has_grown(v, k, it, air)) {
		lines_fini(&k->lines);
		lines_init(&k->lines, v->width);
		if (air)
			lines_break(&k->lines);
		markdown_start(&k->markdown, &k->lines);
	}
	if (it->kind == ITEM_TEXT)
		render_text(k, it);
	else
		view_chat_render(&k->lines, it, v->rows > 1 ? v->rows - air : 1, v->now);
	if (progress_is_of(v->model, it))
		progress_strip(&k->lines, &v->model->vm, v->now);
	k->serial = it->serial;
	k->version = it->version;
	k->rewritten = it->rewritten;
	k->width = v->width;
	k->rows = v->rows;
	k->air = air;
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

static const struct lines *
at(struct view_chat *v, struct scroll_pos pos)
{
	return rendered(v,
	    transcript_at(&v->model->chat, transcript_find(&v->model->chat, pos.unit)));
}

static size_t
height(void *arg, struct scroll_pos pos)
{
	return at(arg, pos)->count;
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

bool
view_chat_find(struct view_chat *v, const struct model *m, const char *text)
{
	size_t i = v->scroll.away ? transcript_find(&m->chat, v->scroll.top.unit)
				  : m->chat.count;

	while (i-- > 0) {
		const struct item *it = transcript_at(&m->chat, i);

		if (!strcasestr(buf_str(&it->text), text) && !strcasestr(it->head, text))
			continue;
		v->scroll.away = true;
		v->scroll.top = (struct scroll_pos){it->serial, 0};
		v->scroll.line = 0;
		return true;
	}
	return false;
}

void
view_chat_prepended(struct view_chat *v, const struct model *m, uint64_t serial)
{
	size_t i = transcript_find(&m->chat, serial);

	v->model = m;
	if (i > 0 && wants_air(v, transcript_at(&m->chat, i)))
		scroll_shift(&v->scroll, serial);
}

void
view_chat_fini(struct view_chat *v)
{
	for (size_t i = 0; i < VIEW_CHAT_KEPT; i++)
		lines_fini(&v->kept[i].lines);
}
