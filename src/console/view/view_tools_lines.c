/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_tools_lines.c: what one unit of the tool pane looks like. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "console/view/view_tools_int.h"
#include "console/draw/words.h"

#define WIDE 56	      /* from here a head names the time */
#define COLUMNS 66    /* from here folded runs stand in columns, with their number */
#define NARROW 30     /* below it a head is the command alone */
#define HOST_COLS 6   /* of folded runs: "devvm", "local", "pve" below each other */
#define COMMAND_MIN 9 /* cells of a command that stay, whatever else is said */

static int
used(const struct lines *l)
{
	return l->open && l->count > 0 ? l->line[l->count - 1].cols : 0;
}

static void
pad(struct lines *l, int col)
{
	if (col > l->width)
		col = l->width;
	while (used(l) < col)
		lines_put(l, LOOK_PLAIN, " ", 1);
}

/* At most cols cells of text, "…" where it was cut. */
static void
put_cut(struct lines *l, uint32_t look, const char *text, int cols)
{
	int width = l->width;

	l->width = used(l) + cols < width ? used(l) + cols : width;
	lines_cut(l, look, text);
	l->width = width;
}

/* --- head --- */

static void
head_right(const struct view_tools *v, const struct tail_run *r, char *out, size_t size)
{
	char at[16];

	run_time(r, at, sizeof at);
	if (v->width < NARROW)
		out[0] = '\0';
	else if (v->width < WIDE)
		snprintf(out, size, "%s %.8s", r->id, run_who(r));
	else
		snprintf(out, size, "%4s  %-7.12s  %-8s", r->id, run_who(r), at);
}

static void
more_lines(const struct tail_run *r, char *out, size_t size)
{
	out[0] = '\0';
	if (r->has_input)
		snprintf(out, size, " +stdin");
	else if (r->more > 0)
		snprintf(out, size, " +%d line%s", r->more, r->more == 1 ? "" : "s");
}

static const char *
title(const struct tail_run *r)
{
	return r->what[0] ? r->what : r->verb;
}

/* All of the command, as it was sent. */
static void
whole_command(struct lines *l, const struct tail_run *r)
{
	const char *p = r->command ? r->command : title(r);

	snprintf(l->indent, sizeof l->indent, "    ");
	while (*p) {
		size_t n = strcspn(p, "\n");

		lines_str(l, LOOK_PLAIN, "  ");
		lines_put(l, LOOK_STRONG, p, n);
		lines_break(l);
		p += n + (p[n] == '\n');
	}
}

static void
gone_lines(struct lines *l, const struct tail_run *r)
{
	char line[120];

	if (r->front[TAIL_OUT] + r->front[TAIL_ERR] == 0)
		return;
	snprintf(l->indent, sizeof l->indent, "  ");
	snprintf(line, sizeof line,
	    "… %" PRIu64 " older line%s went for want of room; /view or /save %s …",
	    r->gone, r->gone == 1 ? "" : "s", r->id);
	lines_str(l, LOOK_QUIET, line);
	lines_break(l);
}

static void
render_head(struct view_tools *v, const struct tail_run *r)
{
	struct lines *l = &v->lines;
	char right[64], more[24];
	bool opened = view_tools_is_opened(v, r);
	int room, host = canvas_width(r->host, strlen(r->host));

	head_right(v, r, right, sizeof right);
	more_lines(r, more, sizeof more);
	room =
	    v->width - 3 - host - (right[0] ? canvas_width(right, strlen(right)) + 2 : 0);
	opened =
	    opened && (r->command || canvas_width(title(r), strlen(title(r))) > room);
	l->keep_blanks = true;
	lines_str(l, LOOK_STRONG, "$ ");
	lines_str(l, LOOK_NAME, r->host);
	lines_str(l, LOOK_PLAIN, r->host[0] ? " " : "");
	if (!opened || strncmp(r->asked, "engine", 6) == 0) {
		put_cut(l, LOOK_STRONG, title(r), room - (int)strlen(more));
		lines_str(l, LOOK_QUIET, more);
	}
	if (right[0]) {
		pad(l, v->width - canvas_width(right, strlen(right)));
		lines_str(l, LOOK_QUIET, right);
	}
	lines_break(l);
	l->keep_blanks = false;
	if (opened)
		whole_command(l, r);
	gone_lines(l, r);
}

/* --- end --- */

/* What is missing, and how to get it. */
static void
render_missing(struct lines *l, const struct tail_run *r)
{
	char size[24], line[160];
	int64_t here = r->next[TAIL_OUT] + r->next[TAIL_ERR],
		all = r->total[TAIL_OUT] + r->total[TAIL_ERR];

	if (r->cut > 0) {
		words_bytes(r->cut, size, sizeof size);
		snprintf(line, sizeof line, "; %s cut, the journal keeps 16 MiB of a run",
		    size);
		lines_str(l, LOOK_QUIET, line);
	} else if (all > here) {
		words_bytes(all - here, size, sizeof size);
		snprintf(line, sizeof line, "; its last %s are not here, /view %s", size,
		    r->id);
		lines_str(l, LOOK_QUIET, line);
	}
	if (r->stub)
		lines_str(l, LOOK_QUIET, "; it began before what is here, /older");
	if (r->wraps_others)
		lines_str(l, LOOK_QUIET, "; its commands are runs of their own");
}

static void
render_end(struct view_tools *v, const struct tail_run *r)
{
	struct lines *l = &v->lines;
	struct run_words w;
	char line[400];

	run_words(r, v->now, &w);
	snprintf(l->indent, sizeof l->indent, "    ");
	snprintf(line, sizeof line, "  %s %s", run_sign(w.tone), w.state);
	lines_str(l, run_look(w.tone), line);
	if (w.more[0] && (r->exit > 0 || w.tone == RUN_BUSY)) {
		snprintf(line, sizeof line, r->exit > 0 ? " (%s)" : ", %s", w.more);
		lines_str(l, run_look(w.tone), line);
	}
	if (w.tone != RUN_BUSY && w.time[0]) {
		snprintf(line, sizeof line, ", %s", w.time);
		lines_str(l, LOOK_QUIET, line);
	}
	snprintf(line, sizeof line, ", %s", w.output);
	lines_str(l, LOOK_QUIET, line);
	if (w.more[0] && w.tone != RUN_BUSY && r->exit <= 0) {
		snprintf(line, sizeof line, ": %s", w.more);
		lines_str(l, run_look(w.tone), line);
	}
	if (r->ended)
		render_missing(l, r);
	lines_break(l);
	lines_break(l);
}

/* --- a folded run --- */

/* "ok  1.2 s  4.2 KiB", in columns where there is room for them. */
static void
folded_right(const struct view_tools *v, const struct tail_run *r, char *out, size_t size)
{
	int room = v->width - 2 - HOST_COLS - COMMAND_MIN - 1;
	struct run_words w;

	run_words(r, v->now, &w);
	if (w.tone == RUN_BUSY)
		snprintf(w.state, sizeof w.state, "running");
	if (v->width >= COLUMNS)
		snprintf(
		    out, size, "%-11.20s %9s %9s  %4s", w.state, w.time, w.bytes, r->id);
	else
		snprintf(out, size, "%.20s %s%s%s", w.state, w.time, w.time[0] ? " " : "",
		    w.bytes);
	if (canvas_width(out, strlen(out)) > room)
		snprintf(out, size, "%.20s %s", w.state, w.time);
	if (canvas_width(out, strlen(out)) > room)
		snprintf(out, size, "%.20s", w.state);
	if (v->width < NARROW)
		out[0] = '\0';
}

static void
render_folded(struct view_tools *v, const struct tail_run *r)
{
	struct lines *l = &v->lines;
	uint32_t look = r->wraps_others ? LOOK_QUIET : LOOK_PLAIN;
	struct run_words w;
	char right[96], more[24];
	int cols;

	run_words(r, v->now, &w);
	folded_right(v, r, right, sizeof right);
	more_lines(r, more, sizeof more);
	cols = canvas_width(right, strlen(right));
	l->keep_blanks = true;
	lines_str(l, run_look(w.tone), run_sign(w.tone));
	lines_str(l, LOOK_PLAIN, " ");
	lines_str(l, LOOK_NAME, r->host);
	lines_str(l, LOOK_PLAIN, " ");
	pad(l, 2 + HOST_COLS);
	put_cut(l, look, title(r), v->width - used(l) - cols - 1 - (int)strlen(more));
	lines_str(l, LOOK_QUIET, more);
	pad(l, v->width - cols);
	cols = (int)strlen(w.tone == RUN_BUSY ? "running" : w.state);
	lines_put(l, run_look(w.tone), right,
	    (size_t)cols < strlen(right) ? (size_t)cols : strlen(right));
	if ((size_t)cols < strlen(right))
		lines_str(l, LOOK_QUIET, right + cols);
	lines_break(l);
}

/* --- a line of output --- */

/* Lines of our own words, and the guest's screen in its frame. */
static void
render_ours(struct lines *l, const struct tail_line *n)
{
	if (n->kind == TAIL_FRAME)
		lines_str(l, LOOK_QUIET, "┌─ ");
	else if (n->kind == TAIL_FRAME_END)
		lines_str(l, LOOK_QUIET, "└──");
	else if (n->kind == TAIL_SCREEN)
		lines_str(l, LOOK_QUIET, n->len > 0 ? "│ " : "│");
	if (n->kind == TAIL_SCREEN)
		snprintf(l->indent, sizeof l->indent, "│ ");
	lines_put(l,
	    n->kind == TAIL_SCREEN     ? LOOK_PLAIN
		: n->kind == TAIL_NOTE ? LOOK_BUSY
				       : LOOK_QUIET,
	    n->text ? n->text : "", n->len);
	if (n->kind == TAIL_FRAME)
		lines_str(l, LOOK_QUIET, " ─");
	l->indent[0] = '\0';
}

static void
render_gap(struct view_tools *v, const struct tail_run *r, const struct tail_line *n)
{
	char line[160];

	v->lines.keep_blanks = false;
	snprintf(v->lines.indent, sizeof v->lines.indent, "  ");
	run_gap_words(v, r, n->gap, line, sizeof line);
	lines_str(&v->lines, LOOK_QUIET, line);
	lines_break(&v->lines);
}

static void
render_line(struct view_tools *v, const struct tail_run *r, const struct tail_line *n)
{
	const char *text = n->text;

	v->lines.keep_blanks = true;
	if (n->gap) {
		render_gap(v, r, n);
		return;
	}
	if (n->stream == TAIL_ERR) {
		lines_sign(&v->lines, LOOK_BAD, "! ");
		snprintf(v->lines.indent, sizeof v->lines.indent, "  ");
	}
	if (n->kind != TAIL_TEXT) {
		render_ours(&v->lines, n);
		lines_break(&v->lines);
		return;
	}
	if (n->spans == 0)
		lines_put(&v->lines, 0, n->text ? n->text : "", n->len);
	for (int i = 0; i < n->spans; i++) {
		lines_put(&v->lines, n->span[i].style, text, n->span[i].len);
		text += n->span[i].len;
	}
	lines_break(&v->lines);
}

void
view_tools_render(struct view_tools *v, const struct tail_run *r, uint64_t part,
    const struct tail_line *line)
{
	if (part == 0 && view_tools_is_folded(v, r))
		render_folded(v, r);
	else if (part == 0)
		render_head(v, r);
	else if (part == VIEW_TOOLS_END)
		render_end(v, r);
	else if (line)
		render_line(v, r, line);
}
