/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The block is built again and again with less detail until it fits: it is small,
 * and only built when the verdict or the pane has changed.
 */
#include "console/view/view_verdict.h"

#include <stdio.h>
#include <string.h>

#include "console/action/keymap.h"
#include "wire/verbs.h"

#define LABELS_COLS 60 /* from here the labels stand in a column of their own */
#define TINY_COLS 28   /* below this, no label in front of the key */

/* What is shown, from all to the least. */
struct detail {
	int evidence;	/* lines of it */
	bool one_line;	/* each on one line, cut */
	bool brief;	/* the reasons against a key on one line, cut */
	bool rest;	/* how many more lines there are */
	int against;	/* entries of what not to press */
	bool why, todo; /* whole, else one line */
	bool bare;	/* neither of them */
	bool all;	/* a page, not a pane: nothing is told elsewhere */
};

uint32_t
view_verdict_look(const struct verdict *v)
{
	int verb = verdict_advice(v);

	if (verb >= 0 && verb_rows[verb].mutating)
		return LOOK_BAD;
	return verdict_is_healthy(v) ? LOOK_GOOD | STYLE_BOLD : LOOK_BUSY | STYLE_BOLD;
}

static void
label(struct lines *l, const char *name, uint32_t look)
{
	bool roomy = l->width >= LABELS_COLS;
	char text[16];

	if (l->open)
		lines_break(l);
	snprintf(l->indent, sizeof l->indent, roomy ? "         " : "    ");
	snprintf(text, sizeof text, roomy ? "  %-7s" : name[0] ? "  %s " : "  %s", name);
	lines_str(l, look, text);
}

static void
put(struct lines *l, uint32_t look, const char *text, bool whole)
{
	if (whole)
		lines_str(l, look, text);
	else
		lines_cut(l, look, text);
}

static void
say_head(struct lines *l, const struct verdict *v)
{
	lines_str(l, view_verdict_look(v), "verdict: ");
	lines_str(l, view_verdict_look(v), v->word[0] ? v->word : "unknown");
	if (l->width < LABELS_COLS && verdict_is_doubtful(v))
		lines_str(l, view_verdict_look(v), "?");
	if (l->width >= TINY_COLS) {
		lines_str(l, LOOK_QUIET, v->at[0] ? "  " : "");
		lines_cut(l, LOOK_QUIET, v->at);
	}
	if (l->width < LABELS_COLS)
		return;
	if (v->climbing)
		lines_cut(l, LOOK_BUSY, "  and looks further");
	else if (verdict_is_doubtful(v))
		lines_cut(l, LOOK_BUSY, "  evidence incomplete");
}

/* Where it was seen stands back behind what was seen. */
static void
say_evidence(struct lines *l, const char *text, const char *name, bool one_line)
{
	size_t len = strcspn(text, ":");

	label(l, name, LOOK_QUIET);
	if (text[len] == ':' && len < 8)
		lines_put(l, LOOK_QUIET, text, ++len);
	else
		len = 0;
	put(l, LOOK_PLAIN, text + len, !one_line);
}

static void
say_all_evidence(struct lines *l, const struct verdict *v, const struct detail *d)
{
	bool roomy = l->width >= LABELS_COLS;
	char more[64];
	int left = v->evidences - d->evidence;

	for (int i = 0; i < d->evidence; i++)
		say_evidence(l, v->evidence[i],
		    !roomy	 ? ""
			: i == 0 ? "seen"
				 : "",
		    d->one_line);
	if (left <= 0 || !d->rest)
		return;
	label(l, roomy && d->evidence == 0 ? "seen" : "", LOOK_QUIET);
	snprintf(more, sizeof more, "%s%d %s: /verdict", d->evidence > 0 ? "+" : "", left,
	    d->evidence > 0 ? "more"
		: left == 1 ? "line of evidence"
			    : "lines of evidence");
	lines_cut(l, LOOK_QUIET, more);
}

/* "F5 stop, F6 reset: why", where the reason is the same. */
static void
say_against(struct lines *l, const struct verdict *v, const struct detail *d, bool keys)
{
	char name[64];

	for (int i = 0; i < v->againsts && i < d->against; i++) {
		const struct verdict_against *a = &v->against[i];
		bool again = i > 0 && strcmp(a->why, v->against[i - 1].why) == 0;
		bool more =
		    i + 1 < v->againsts && strcmp(a->why, v->against[i + 1].why) == 0;

		if (again)
			lines_str(l, LOOK_STRONG, ", ");
		else
			label(l, "not", LOOK_BAD);
		keymap_verb_label(
		    verb_by_name(a->verb, strlen(a->verb)), keys, name, sizeof name);
		lines_str(l, LOOK_STRONG, name[0] ? name : a->verb);
		if (more && i + 1 < d->against)
			continue;
		lines_str(l, LOOK_PLAIN, a->why[0] ? ": " : "");
		put(l, LOOK_PLAIN, a->why, !d->brief);
	}
}

/* There is nothing to be convinced of: all is well, or the next one tells more. */
static bool
is_brief(const struct verdict *v)
{
	return verdict_is_healthy(v) || (v->climbing && verdict_advice(v) < 0);
}

static void
say_advice(struct lines *l, const struct verdict *v, bool keys)
{
	int verb = verdict_advice(v);
	char name[64];

	if (verb < 0) {
		if (is_brief(v) || v->todo[0])
			return;
		label(l, "press", LOOK_STRONG);
		lines_cut(l, LOOK_PLAIN, "nothing yet");
		return;
	}
	if (l->width >= TINY_COLS)
		label(l, "press", LOOK_STRONG);
	else
		lines_break(l);
	keymap_verb_label(verb, keys, name, sizeof name);
	if (!keys) {
		lines_str(l, LOOK_STRONG, name);
		return;
	}
	lines_str(l, verb_rows[verb].mutating ? LOOK_DANGER : LOOK_STRONG, name);
	snprintf(name, sizeof name, ", or Esc %d", verb_rows[verb].fkey);
	lines_cut(l, LOOK_STRONG, name);
}

static void
build(struct lines *l, const struct verdict *v, const struct detail *d, bool keys)
{
	char todo[sizeof v->todo];

	say_head(l, v);
	if (v->why[0] && !d->bare) {
		lines_break(l);
		snprintf(l->indent, sizeof l->indent, "  ");
		lines_str(l, LOOK_PLAIN, "  ");
		put(l, LOOK_PLAIN, v->why, d->why);
	}
	say_all_evidence(l, v, d);
	if (!d->all)
		verdict_todo(v, todo, sizeof todo);
	else
		snprintf(todo, sizeof todo, "%s", v->todo);
	if (todo[0] && !(d->bare && verdict_advice(v) >= 0)) {
		label(l, "do", LOOK_STRONG);
		put(l, LOOK_PLAIN, todo, d->todo);
	}
	say_against(l, v, d, keys);
	say_advice(l, v, keys);
	lines_break(l);
	l->indent[0] = '\0';
}

/* One step less of it; false: there is no less. */
static bool
less(struct detail *d)
{
	if (!d->one_line)
		d->one_line = true;
	else if (d->evidence > 2)
		d->evidence--;
	else if (!d->brief)
		d->brief = true;
	else if (d->against > 2)
		d->against--;
	else if (d->evidence > 0)
		d->evidence--;
	else if (d->todo)
		d->todo = false;
	else if (d->why)
		d->why = false;
	else if (d->against > 0)
		d->against--;
	else if (d->rest)
		d->rest = false;
	else if (!d->bare)
		d->bare = true;
	else
		return false;
	return true;
}

void
view_verdict_render(struct lines *l, const struct verdict *v, int rows)
{
	struct detail d = {.evidence = v->evidences,
	    .all = rows == 0 || rows >= VIEW_ROWS_ALL,
	    .rest = true,
	    .against = v->againsts,
	    .why = true,
	    .todo = true};
	struct lines probe;

	if (!d.all && is_brief(v)) {
		d.evidence = d.against = 0;
		d.one_line = d.brief = true;
	}
	for (bool fits = false; !fits;) {
		lines_init(&probe, l->width);
		build(&probe, v, &d, rows > 0);
		fits = rows == 0 || (int)probe.count <= rows || !less(&d);
		lines_fini(&probe);
	}
	build(l, v, &d, rows > 0);
}
