/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_tools_browse.c: what a search and a copy want of the tool pane. */
#include <stdio.h>

#include "console/browse/text_find.h"
#include "console/view/view_tools_int.h"

/* A line that goes on in the next, or with the one before, is looked at in any case. */
bool
view_tools_may_hold(void *arg, struct scroll_pos pos, const struct text_find *what)
{
	const struct view_tools *v = arg;
	const struct tail_run *r = tail_by_serial(&v->model->tools, pos.unit);
	const struct tail_line *n;
	size_t end;

	if (!r || pos.part == 0 || pos.part == VIEW_TOOLS_END)
		return true;
	n = tail_line(r, tail_index(r, pos.part));
	return !n || n->wraps || n->gap ||
	    text_find_next(what, n->text, n->len, 0, &end) != SIZE_MAX;
}

void
view_tools_see_all(void *arg, bool all)
{
	struct view_tools *v = arg;

	v->see_all = all;
	v->kept.unit = 0;
}

/* A head that holds a match may hold it where it was cut: it is opened, too. */
void
view_tools_unfold(void *arg, struct scroll_pos pos)
{
	struct view_tools *v = arg;
	const struct tail_run *r = tail_by_serial(&v->model->tools, pos.unit);
	bool all = v->see_all, hidden;

	v->see_all = false;
	hidden = r && pos.part != VIEW_TOOLS_END &&
	    (pos.part == 0 ? !view_tools_is_opened(v, r) : view_tools_is_folded(v, r));
	if (hidden)
		view_tools_set_folded(v, v->model, r, false);
	v->see_all = all;
}

/* Of a run its output; of one without any, its head. */
bool
view_tools_copy_range(
    void *arg, struct scroll_pos pos, size_t line, struct scroll_range *range)
{
	const struct view_tools *v = arg;
	const struct tail_run *r = tail_by_serial(&v->model->tools, pos.unit);

	size_t i = 0, last;

	if (!r)
		return false;
	last = r->count;
	while (i < last && !view_tools_shows(v, tail_line(r, i)))
		i++;
	while (last > i && !view_tools_shows(v, tail_line(r, last - 1)))
		last--;
	if (i == last)
		return false;
	*range = (struct scroll_range){
	    .from.pos = {r->serial, tail_line(r, i)->at},
	    .to.pos = {r->serial, tail_line(r, last - 1)->at},
	    .to.line = SIZE_MAX,
	};
	snprintf(range->what, sizeof range->what, "run %s", r->id);
	return true;
}
