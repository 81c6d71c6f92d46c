/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_tools_words.c: how a run stands, in words: no colour says more than these. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "console/view/view_tools_int.h"
#include "console/draw/words.h"

#define QUIET_MS 5000 /* so long without output is worth a word */

static const struct {
	int exit;
	const char *means;
} known_exits[] = {
    {124, "timed out"},
    {126, "it cannot be run"},
    {127, "no such command"},
    {130, "interrupted"},
    {137, "killed"},
    {143, "ended"},
};

const char *
run_sign(enum run_tone tone)
{
	return tone == RUN_OK ? "✓" : tone == RUN_BAD ? "✗" : "▸";
}

uint32_t
run_look(enum run_tone tone)
{
	return tone == RUN_OK ? LOOK_GOOD : tone == RUN_BAD ? LOOK_BAD : LOOK_BUSY;
}

const char *
run_who(const struct tail_run *r)
{
	return strcmp(r->asked, "operator") == 0 || !r->asked[0] ? r->by : r->asked;
}

void
run_time(const struct tail_run *r, char *out, size_t size)
{
	const char *t = strchr(r->at, 'T');

	snprintf(out, size, "%.8s", t ? t + 1 : "");
}

static void
took(int64_t ms, char *out, size_t size)
{
	if (ms < 1000)
		snprintf(out, size, "%" PRId64 " ms", ms);
	else if (ms < 60000)
		clock_age(ms, out, size);
	else
		words_span(ms, out, size);
}

static void
going(const struct tail_run *r, int64_t now, struct run_words *w)
{
	int64_t quiet = now - (r->said > r->began ? r->said : r->began);
	char span[24];

	w->tone = RUN_BUSY;
	words_span(now - r->began, w->time, sizeof w->time);
	snprintf(w->state, sizeof w->state, "running %s", w->time);
	if (quiet >= QUIET_MS)
		snprintf(w->more, sizeof w->more, "no output for %s",
		    words_span(quiet, span, sizeof span));
}

/* One word for an end that is no exit status: r->end says the rest. */
static const char *
failure(const struct tail_run *r)
{
	if (strstr(r->end, "engine is gone") || strstr(r->end, "engine ended"))
		return "lost";
	return r->ms > 0 || r->next[TAIL_OUT] + r->next[TAIL_ERR] > 0 ? "cut off"
								      : "failed";
}

static void
ended(const struct tail_run *r, struct run_words *w)
{
	bool is_signal = strncmp(r->end, "signal ", 7) == 0;

	w->tone = r->exit == 0 ? RUN_OK : RUN_BAD;
	if (r->ms > 0 || r->exit >= 0)
		took(r->ms, w->time, sizeof w->time);
	if (r->exit >= 0 || is_signal) {
		snprintf(w->state, sizeof w->state, "%.32s", r->exit ? r->end : "ok");
	} else {
		snprintf(w->state, sizeof w->state, "%s", failure(r));
		snprintf(w->more, sizeof w->more, "%s", r->end);
	}
	for (size_t i = 0; i < sizeof known_exits / sizeof known_exits[0]; i++)
		if (known_exits[i].exit == r->exit)
			snprintf(w->more, sizeof w->more, "%s", known_exits[i].means);
}

static void
output_words(const struct tail_run *r, struct run_words *w)
{
	const int64_t *n = r->ended ? r->total : r->next;
	char out[24], err[24], lines[48] = "";

	words_bytes(n[TAIL_OUT] + n[TAIL_ERR], w->bytes, sizeof w->bytes);
	words_bytes(n[TAIL_OUT], out, sizeof out);
	words_bytes(n[TAIL_ERR], err, sizeof err);
	if (r->gaps == 0 && !r->stub && !r->verb[0] && r->newlines > 0)
		snprintf(lines, sizeof lines, ", %" PRIu64 " line%s", r->newlines,
		    r->newlines == 1 ? "" : "s");
	if (n[TAIL_OUT] + n[TAIL_ERR] == 0)
		snprintf(
		    w->output, sizeof w->output, "no output%s", r->ended ? "" : " yet");
	else if (n[TAIL_ERR] == 0)
		snprintf(w->output, sizeof w->output, "out %s%s", out, lines);
	else if (n[TAIL_OUT] == 0)
		snprintf(w->output, sizeof w->output, "err %s%s", err, lines);
	else
		snprintf(
		    w->output, sizeof w->output, "out %s, err %s%s", out, err, lines);
}

void
run_words(const struct tail_run *r, int64_t now, struct run_words *w)
{
	memset(w, 0, sizeof *w);
	if (r->ended)
		ended(r, w);
	else
		going(r, now, w);
	output_words(r, w);
}

void
run_gap_words(const struct view_tools *v, const struct tail_run *r,
    const struct tail_gap *g, char *out, size_t size)
{
	char bytes[24];

	words_bytes(g->to - g->from, bytes, sizeof bytes);
	if (v->replay || (g->cut_from && g->cut_to))
		snprintf(out, size, "… %s cut: the journal does not have them …", bytes);
	else if (g->asked)
		snprintf(out, size, "… %s skipped, being read …", bytes);
	else if (!tail_has_room(&v->model->tools, r))
		snprintf(out, size, "… %s skipped; no room here: /view or /save %s …",
		    bytes, r->id);
	else
		snprintf(out, size, "… %s skipped; PgUp reads them …", bytes);
}

void
view_tools_above(
    const struct view_tools *v, const struct model *m, char *out, size_t size)
{
	const struct scroll_pos top = v->scroll.top;
	const struct tail_run *r =
	    top.part == 0 ? NULL : tail_by_serial(&m->tools, top.unit);
	char what[32];

	out[0] = '\0';
	if (!r || top.part == VIEW_TOOLS_END)
		return;
	scrub_label(r->what, strlen(r->what), what, sizeof what);
	snprintf(out, size, "in %s: %s", r->id, what);
}
