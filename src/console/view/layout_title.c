/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layout_title.c: what a pane's title tells at a glance, of it and of the hidden one. */
#include <stdio.h>
#include <string.h>

#include "console/view/layout_int.h"
#include "console/view/progress.h"

#include "console/action/run_text.h"

#define NEWS_MAX 999

/* A title's row: what is told from the left, and from the right; never on each other. */
struct title {
	struct canvas *c;
	struct rect r;
	int left, right; /* columns between them are free */
};

/* All of it or nothing; one blank on each side. */
static bool
put_left(struct title *t, uint32_t look, const char *text)
{
	int cols = canvas_width(text, strlen(text));

	if (!text[0] || t->left + cols + 2 > t->right)
		return false;
	canvas_text(t->c, t->r, 0, t->left, look, " ");
	t->left = canvas_text(t->c, t->r, 0, t->left + 1, look, text);
	canvas_text(t->c, t->r, 0, t->left, look, " ");
	t->left += 2; /* a piece of the line between it and the next */
	return true;
}

static bool
put_right(struct title *t, uint32_t look, const char *text)
{
	int cols = canvas_width(text, strlen(text));

	if (!text[0] || t->left + cols + 3 > t->right)
		return false;
	t->right -= cols + 2;
	canvas_text(t->c, t->r, 0, t->right, look, " ");
	canvas_text(t->c, t->r, 0, canvas_text(t->c, t->r, 0, t->right + 1, look, text),
	    look, " ");
	t->right--;
	return true;
}

/* --- news of a pane that is not on the screen --- */

/* Lines that ever came; those of what is older than the attach do not count. */
static uint64_t
lines_told(const struct tail *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->count; i++)
		if (t->runs[i]->serial >= TAIL_FIRST_SERIAL)
			n += t->runs[i]->gone + t->runs[i]->count;
	return n;
}

void
layout_seen(struct screen *s, enum focus which)
{
	if (which == FOCUS_TOOLS)
		s->seen_lines = lines_told(&s->model.tools);
	else
		s->seen_items = s->model.chat.next_serial;
}

struct counts {
	int runs, running, failed;
	const struct tail_run *last; /* the youngest that runs */
};

static struct counts
count_runs(const struct tail *t)
{
	struct counts n = {0};

	for (size_t i = 0; i < t->count; i++) {
		const struct tail_run *r = t->runs[i];

		n.runs++;
		if (!r->ended && !r->stub) {
			n.running++;
			n.last = r;
		} else if (r->ended && r->exit != 0) {
			n.failed++;
		}
	}
	return n;
}

static const char *
tools_news(const struct screen *s, char *out, size_t size)
{
	struct counts n = count_runs(&s->model.tools);
	uint64_t told = lines_told(&s->model.tools), fresh = 0;

	if (told > s->seen_lines)
		fresh = told - s->seen_lines;
	if (n.running == 1)
		snprintf(out, size, "%s runs", n.last->id);
	else if (n.running > 1)
		snprintf(out, size, "%d run", n.running);
	else if (fresh > 0)
		snprintf(out, size, "%s%d new line%s", fresh > NEWS_MAX ? "over " : "",
		    fresh > NEWS_MAX ? NEWS_MAX : (int)fresh, fresh == 1 ? "" : "s");
	else
		out[0] = '\0';
	return out;
}

static const char *
chat_news(const struct screen *s, char *out, size_t size)
{
	uint64_t next = s->model.chat.next_serial, fresh = 0;

	if (s->seen_items >= TRANSCRIPT_FIRST_SERIAL && next > s->seen_items)
		fresh = next - s->seen_items;
	if (s->model.chat.answering)
		snprintf(out, size, "it answers");
	else if (fresh > 0)
		snprintf(out, size, "%s%d new", fresh > NEWS_MAX ? "over " : "",
		    fresh > NEWS_MAX ? NEWS_MAX : (int)fresh);
	else
		out[0] = '\0';
	return out;
}

/* "Tab tools: r12 runs" */
static void
put_other(struct title *t, const struct screen *s, enum focus which)
{
	const char *other = which == FOCUS_CHAT ? "tools" : "chat";
	char news[48], text[96];

	if (which == FOCUS_CHAT)
		tools_news(s, news, sizeof news);
	else
		chat_news(s, news, sizeof news);
	snprintf(text, sizeof text, "Tab: %s%s%s", other, news[0] ? ", " : "", news);
	if (put_right(t, news[0] ? LOOK_BUSY : LOOK_QUIET, text))
		return;
	snprintf(text, sizeof text, "Tab: %s%s", other, news[0] ? " +" : "");
	put_right(t, news[0] ? LOOK_BUSY : LOOK_QUIET, text);
}

/* --- the row --- */

static void
put_number(struct title *t, const struct screen *s, const struct counts *n)
{
	char text[48];

	snprintf(text, sizeof text, "%d%s run%s", n->runs,
	    s->model.tools.full || n->runs >= TAIL_RUNS_MAX ? "+" : "",
	    n->runs == 1 ? "" : "s");
	put_left(t, LOOK_QUIET, text);
}

/* What can come and go stands last, but where there is room for that alone. */
static void
put_counts(struct title *t, const struct screen *s)
{
	struct counts n = count_runs(&s->model.tools);
	bool narrow = t->r.cols < STACKED_COLS;
	char text[48];

	if (n.runs == 0)
		return;
	if (!narrow)
		put_number(t, s, &n);
	snprintf(text, sizeof text, "%d failed", n.failed);
	if (n.failed > 0)
		put_left(t, LOOK_BAD, text);
	if (n.running == 1)
		snprintf(text, sizeof text, "%s runs", n.last->id);
	else
		snprintf(text, sizeof text, "%d run now", n.running);
	if (n.running > 0)
		put_left(t, LOOK_BUSY, text);
	if (narrow)
		put_number(t, s, &n);
}

/* What is shown of them, how many there are, and which one is being read. */
static void
put_tools(struct title *t, const struct screen *s)
{
	char above[64];

	put_left(t, LOOK_BUSY, view_tools_words(&s->tools));
	put_counts(t, s);
	view_tools_above(&s->tools, &s->model, above, sizeof above);
	if (!s->tools.scroll.away || put_left(t, LOOK_QUIET, above))
		return;
	above[strcspn(above, ":")] = '\0';
	put_left(t, LOOK_QUIET, above);
}

static void
put_place(struct title *t, const struct screen *s, enum focus which)
{
	const struct scroll *scroll =
	    which == FOCUS_CHAT ? &s->chat.scroll : &s->tools.scroll;
	char text[64];

	if (scroll->below > 0) {
		snprintf(text, sizeof text, "%3d%s below", scroll->below,
		    scroll->below >= SCROLL_BELOW_MAX ? "+" : "");
		put_right(t, LOOK_BUSY, text);
	} else if (which == FOCUS_CHAT && s->link_up && !s->model.incident.caught_up) {
		put_right(t, LOOK_BUSY, "catching up");
	}
	if (s->older[0] && s->focus == which && scroll->away)
		put_right(t, LOOK_QUIET, s->older);
}

/* What the model is waited for, as much of it as there is room for. */
static void
put_waiting(struct title *t, const struct screen *s)
{
	char text[240];

	progress_agent(&s->model.vm, model_now(&s->model, s->now), text, sizeof text);
	while (!put_left(t, LOOK_BUSY, text) && progress_shorter(text))
		;
}

/* The focus is told by a sign and by a thicker line: colours and bold may be missing. */
void
layout_draw_title(
    const struct screen *s, struct canvas *c, struct rect r, enum focus which, bool alone)
{
	bool focused = s->focus == which;
	uint32_t rule = s->replay.on ? LOOK_REPLAY_LINE : LOOK_RULE;
	struct title t = {c, r, 1, r.cols - 1};
	char name[32];

	for (int x = 0; x < (s->spare ? 1 : r.cols); x++)
		canvas_text(c, r, 0, x, rule, focused && !alone ? "━" : "─");
	snprintf(name, sizeof name, "%s%s", focused ? "▸ " : "",
	    which == FOCUS_CHAT ? "chat" : "tools");
	put_left(&t, focused ? LOOK_TITLE : LOOK_QUIET, name);
	if (s->replay.on) {
		t.left -= 2; /* one name */
		put_left(&t, LOOK_REPLAY_LINE, "REPLAY");
	}
	put_place(&t, s, which);
	if (alone)
		put_other(&t, s, which);
	if (which == FOCUS_CHAT)
		put_waiting(&t, s);

	if (focused)
		put_left(&t, LOOK_BUSY, run_text_words(s));
	if (which == FOCUS_TOOLS)
		put_tools(&t, s);
	if (s->zoom && r.cols >= STACKED_COLS)
		put_left(&t, LOOK_QUIET, "zoomed, Ctrl-O: both");
}
