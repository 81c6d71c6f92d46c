/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_tools.h: every remote run with its live output, one below the other.
 *
 *   $ devvm df -h / && df -i /          r12  agent  03:12:07
 *   /dev/sda1 64G 96% /
 *   ! df: stale file handle                (standard error)
 *     ✗ exit 1, 1.2 s, 45 B, 12 B of errors
 *
 * A run that is folded is one line: sign, host, command, how it stands, time, bytes.
 * Which ones are folded is the operator's choice for each run or for all; left to
 * itself the pane folds a long run that went well once two newer ones have begun, and
 * never while somebody reads above.
 *
 * A unit of the scroller is one line of output, or a run's head (part 0) or its end
 * (part VIEW_TOOLS_END), so a run of thousands of lines costs what is visible of it.
 */
#ifndef CONSOLE_VIEW_TOOLS_H
#define CONSOLE_VIEW_TOOLS_H

#include "console/draw/lines.h"
#include "console/draw/scroll.h"
#include "model/model.h"

#define VIEW_TOOLS_END UINT64_MAX

struct screen;

enum tools_fold {
	TOOLS_FOLD_SELF, /* the pane folds what is long and went well */
	TOOLS_FOLD_ENDED,
	TOOLS_FOLD_NONE,
};

enum tools_show { TOOLS_BOTH, TOOLS_OUT, TOOLS_ERR, TOOLS_SHOWS };

/* What the operator wants of one run, whatever holds for the others. */
struct tools_choice {
	uint64_t run; /* its serial */
	bool folded;  /* else opened: with its whole command, too */
};

/* Something skipped that is on the screen, as last drawn. */
struct tools_gap {
	uint64_t front;	       /* a run whose head is on the screen and beginning gone */
	struct scroll_pos pos; /* unit 0: none is */
	bool upper;	       /* it stands in the upper half: read upwards */
	struct scroll_pos below; /* the unit behind it, unit 0: not on the screen */
	int below_row;
};

struct view_tools {
	struct scroll scroll;
	enum tools_fold fold;
	enum tools_show show;
	struct tools_choice choice[TAIL_RUNS_MAX];
	size_t choices;
	bool replay;	     /* there is no engine that could be asked for more */
	bool see_all;	     /* while it is looked through: nothing is folded */
	uint64_t fold_below; /* runs that began before that one may fold by themselves */
	struct tools_gap gap;
	bool down;		   /* the reader came to what is shown from above */
	struct scroll_pos seen;	   /* the top, as last drawn */
	const struct model *model; /* during a call */
	int width;
	int64_t now;		/* the engine's clock */
	struct lines lines;	/* the unit that was asked for last */
	struct scroll_pos kept; /* which one that is; unit 0: none */
};

void view_tools_draw(struct view_tools *v, struct canvas *c, struct rect r,
    const struct model *m, int64_t now);
void view_tools_scroll(struct view_tools *v, const struct model *m, int lines);

/* The list of units, lent until the next call of this view. */
struct scroll_source view_tools_source(struct view_tools *v, const struct model *m);

/*
 * Shows that run: gives the pane the focus, the whole screen where it is small, and the
 * run its output and its whole command; the top of the pane is the run's head.  False:
 * no such run is kept here, nothing changed.
 */
bool view_tools_open(struct screen *s, const char *run_id);

/*
 * The next older (dir -1) or newer (1) run that went wrong, from *pos: fills its end in,
 * where its last words are, and unfolds it.  False: there is none.
 */
bool view_tools_failure(
    struct view_tools *v, const struct model *m, int dir, struct scroll_pos *pos);

/* The end of a run is on the screen, with what fits of it above. */
void view_tools_to_end(struct view_tools *v, const struct model *m, uint64_t serial);

bool view_tools_is_folded(const struct view_tools *v, const struct tail_run *r);
bool view_tools_is_opened(const struct view_tools *v, const struct tail_run *r);
void view_tools_set_folded(
    struct view_tools *v, const struct model *m, const struct tail_run *r, bool folded);
void view_tools_fold_all(struct view_tools *v); /* all ended ones, and back */

/* Before it is drawn: what folds by itself does, unless somebody reads above. */
void view_tools_fold_by_itself(struct view_tools *v, const struct tail *t);

/* The end of the gap on the screen was filled in: what stands below it stays. */
void view_tools_filled(struct view_tools *v, const struct model *m);

/* What the pane shows that is not everything, for its title: "errors only", or "". */
const char *view_tools_words(const struct view_tools *v);

/* "in r12: df -h /", of the run whose head stands above what is shown, or "". */
void view_tools_above(
    const struct view_tools *v, const struct model *m, char *out, size_t size);

/* view_tools_browse.c: of its scroll_source */
bool view_tools_may_hold(void *arg, struct scroll_pos pos, const struct text_find *what);
void view_tools_see_all(void *arg, bool all);
void view_tools_unfold(void *arg, struct scroll_pos pos);
bool view_tools_copy_range(
    void *arg, struct scroll_pos pos, size_t line, struct scroll_range *range);

void view_tools_fini(struct view_tools *v);

#endif
