/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_tools.h: every remote run with its live output, one below the other. */
#ifndef CONSOLE_VIEW_TOOLS_H
#define CONSOLE_VIEW_TOOLS_H

#include "console/lines.h"
#include "console/scroll.h"
#include "model/model.h"

struct view_tools {
	struct scroll scroll;
	bool folded; /* of a run that has ended, head and end alone are shown */
	const struct model *model; /* during a call */
	int width;
	int64_t now;		/* the engine's clock */
	struct lines lines;	/* the unit that was asked for last */
	struct scroll_pos kept; /* which one that is; unit 0: none */
};

void view_tools_draw(struct view_tools *v, struct canvas *c, struct rect r,
    const struct model *m, int64_t now);
void view_tools_scroll(struct view_tools *v, const struct model *m, int lines);

/* Scrolls to the next older line that holds text (bytes); false: there is none. */
bool view_tools_find(struct view_tools *v, const struct model *m, const char *text);
void view_tools_fini(struct view_tools *v);

#endif
