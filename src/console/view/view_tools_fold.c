/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_tools_fold.c: which runs show their output, and how one is gone to. */
#include <string.h>

#include "console/view/layout.h"
#include "console/view/view_tools.h"

#define SHORT_LINES 6 /* of a run that never folds by itself */
#define SMALL_ROWS 15 /* of the pane: one run has the whole screen below that */

/* v->choices: the operator left it to the pane. */
static size_t
choice_of(const struct view_tools *v, const struct tail_run *r)
{
	size_t i = 0;

	while (i < v->choices && v->choice[i].run != r->serial)
		i++;
	return i;
}

/* A capture holds the guest's screen, a failure its reason: they stay open. */
static bool
folds_itself(const struct view_tools *v, const struct tail_run *r)
{
	return r->serial < v->fold_below && r->exit == 0 && !r->verb[0] &&
	    r->count > SHORT_LINES;
}

bool
view_tools_is_folded(const struct view_tools *v, const struct tail_run *r)
{
	size_t choice = choice_of(v, r);

	if (v->see_all)
		return r->wraps_others; /* what it shows is shown elsewhere */
	if (choice < v->choices)
		return v->choice[choice].folded;
	if (r->wraps_others)
		return true;
	if (!r->ended || v->fold == TOOLS_FOLD_NONE)
		return false;
	return v->fold == TOOLS_FOLD_ENDED || folds_itself(v, r);
}

bool
view_tools_is_opened(const struct view_tools *v, const struct tail_run *r)
{
	size_t choice = choice_of(v, r);

	return v->see_all || (choice < v->choices && !v->choice[choice].folded);
}

/* Runs that are not kept any more need no choice: there is always room for one. */
static void
forget_gone(struct view_tools *v, const struct tail *t)
{
	size_t n = 0;

	for (size_t i = 0; i < v->choices; i++)
		if (tail_by_serial(t, v->choice[i].run))
			v->choice[n++] = v->choice[i];
	v->choices = n;
}

void
view_tools_set_folded(
    struct view_tools *v, const struct model *m, const struct tail_run *r, bool folded)
{
	size_t choice = choice_of(v, r);

	if (choice == v->choices) {
		forget_gone(v, &m->tools);
		if (v->choices == TAIL_RUNS_MAX)
			return;
		choice = v->choices++;
	}
	v->choice[choice] = (struct tools_choice){r->serial, folded};
	v->kept.unit = 0;
}

void
view_tools_fold_all(struct view_tools *v)
{
	v->fold = v->fold == TOOLS_FOLD_ENDED ? TOOLS_FOLD_NONE : TOOLS_FOLD_ENDED;
	v->choices = 0;
	v->kept.unit = 0;
}

void
view_tools_fold_by_itself(struct view_tools *v, const struct tail *t)
{
	if (!v->scroll.away)
		v->fold_below = t->count > 2 ? t->runs[t->count - 2]->serial : 0;
}

const char *
view_tools_words(const struct view_tools *v)
{
	static const char *const words[TOOLS_SHOWS] = {"", "output only", "errors only"};

	return words[v->show];
}

/* It ended, and not well. */
static bool
is_failure(const struct tail_run *r)
{
	return r->ended && r->exit != 0 && !r->wraps_others;
}

bool
view_tools_failure(
    struct view_tools *v, const struct model *m, int dir, struct scroll_pos *pos)
{
	const struct tail *t = &m->tools;

	for (size_t k = 0; k < t->count; k++) {
		const struct tail_run *r = t->runs[dir < 0 ? t->count - 1 - k : k];
		bool beyond = dir < 0 ? r->serial < pos->unit : r->serial > pos->unit;

		if (!beyond || !is_failure(r))
			continue;
		if (view_tools_is_folded(v, r))
			view_tools_set_folded(v, m, r, false);
		*pos = (struct scroll_pos){r->serial, VIEW_TOOLS_END};
		return true;
	}
	return false;
}

void
view_tools_to_end(struct view_tools *v, const struct model *m, uint64_t serial)
{
	struct scroll_source src = view_tools_source(v, m);

	v->scroll.away = true;
	v->scroll.top = (struct scroll_pos){serial, VIEW_TOOLS_END};
	v->scroll.line = 0;
	scroll_move(&v->scroll, &src, 2 - v->scroll.rows);
	if (v->scroll.top.unit != serial)
		v->scroll.top = (struct scroll_pos){serial, 0};
	v->scroll.line = 0;
	v->scroll.away = true;
}

bool
view_tools_open(struct screen *s, const char *run_id)
{
	struct view_tools *v = &s->tools;
	const struct tail_run *r = tail_by_id(&s->model.tools, run_id);

	if (!r)
		return false;
	s->page = PAGE_NONE;
	s->focus = FOCUS_TOOLS;
	if (v->scroll.rows < SMALL_ROWS)
		s->zoom = true;
	v->show = TOOLS_BOTH;
	view_tools_set_folded(v, &s->model, r, false);
	v->scroll.away = true;
	v->scroll.top = (struct scroll_pos){r->serial, 0};
	v->scroll.line = 0;
	v->scroll.cur = (struct scroll_at){.pos = v->scroll.top};
	v->scroll.marked = false;
	v->seen = v->scroll.top;
	v->down = true;
	return true;
}
