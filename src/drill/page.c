/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "drill/room.h"

#define PAGE_PROOF_MS 180000 /* after the host's end the engine gives the proof up */

static const char *const step_words[DRILLS_STEPS] = {
    [DRILLS_NOTICED] = "noticed",
    [DRILLS_KEY] = "first key",
    [DRILLS_SENT] = "verb sent",
    [DRILLS_GONE] = "old QEMU gone",
    [DRILLS_RUNNING] = "VM runs",
    [DRILLS_SSH] = "ssh lets in",
    [DRILLS_PROVEN] = "proven",
};

const char *
page_ms(int64_t ms, char *out, size_t size)
{
	if (ms < 0)
		snprintf(out, size, "-");
	else if (ms < 120000)
		snprintf(
		    out, size, "%" PRId64 ".%" PRId64 " s", ms / 1000, ms % 1000 / 100);
	else
		snprintf(out, size, "%" PRId64 " min %" PRId64 " s", ms / 60000,
		    ms / 1000 % 60);
	return out;
}

static const char *
verb_name(const struct page *p)
{
	int v = p->story->course.verb;

	return v >= 0 && v < VERBS && p->story->verbs ? verb_rows[v].name : "";
}

/* What a step may take, by the settings, counted from the verb; -1: no limit. */
static int64_t
limit_ms(const struct page *p, enum drills_step step)
{
	int64_t verb_ms = (int64_t)p->config->pve_verb_timeout_seconds * 1000;

	if (p->story->course.verb == VERB_CYCLE)
		verb_ms *= 2;
	return step == DRILLS_RUNNING ? verb_ms
	    : step == DRILLS_PROVEN   ? PAGE_PROOF_MS
				      : -1;
}

/* What the limit is held against: running since it was sent, proven since it ran. */
static int64_t
limited_ms(const struct page *p, enum drills_step step)
{
	const int64_t *at = p->story->step_ms;
	int64_t from = at[step == DRILLS_RUNNING ? DRILLS_SENT : DRILLS_RUNNING];

	return at[step] < 0 || from < 0 ? -1 : at[step] - from;
}

static bool
is_over_limit(const struct page *p, enum drills_step step)
{
	int64_t limit = limit_ms(p, step);

	return limit >= 0 && limited_ms(p, step) > limit;
}

/* The step before that was reached; the wedge, where none was. */
static int64_t
before(const int64_t at[DRILLS_STEPS], int step)
{
	int64_t latest = 0;

	for (int i = 0; i < step; i++)
		if (at[i] > latest && at[i] <= at[step])
			latest = at[i];
	return latest;
}

/* --- the terminal --- */

/* Fits into 40 columns. */
void
page_lines(const struct page *p, FILE *to)
{
	const int64_t *at = p->story->step_ms;
	char ms[32];

	for (int i = 0; i < DRILLS_STEPS; i++) {
		fprintf(to, "  %-14s %9s", step_words[i], page_ms(at[i], ms, sizeof ms));
		if (i == DRILLS_SENT && at[i] >= 0)
			fprintf(to, "  %s", verb_name(p));
		if (is_over_limit(p, (enum drills_step)i))
			fprintf(to, "  OVER %s",
			    page_ms(limit_ms(p, (enum drills_step)i), ms, sizeof ms));
		putc('\n', to);
	}
	if (p->n_earlier > 0) {
		fprintf(to, "  %-14s %9s", "the last drill",
		    page_ms(p->earlier[0].total_ms, ms, sizeof ms));
		fprintf(to, "  %s\n", p->earlier[0].ok ? "" : "not recovered");
	}
}

/* --- the report --- */

static void
head_steps(const struct page *p, FILE *to)
{
	const int64_t *at = p->story->step_ms;
	char ms[32], date[CLOCK_AT_LEN];

	fputs("| step | after the wedge | since the step before | limit |", to);
	for (size_t i = 0; i < p->n_earlier; i++)
		fprintf(to, " %.10s |", clock_at(p->earlier[i].at_ms, date));
	fputs("\n|---|---|---|---|", to);
	for (size_t i = 0; i < p->n_earlier; i++)
		fputs("---|", to);
	putc('\n', to);
	for (int i = 0; i < DRILLS_STEPS; i++) {
		enum drills_step step = (enum drills_step)i;
		int64_t limit = limit_ms(p, step);

		fprintf(to, "| %s%s%s", step_words[i],
		    i == DRILLS_SENT && at[i] >= 0 ? ": " : "",
		    i == DRILLS_SENT && at[i] >= 0 ? verb_name(p) : "");
		fprintf(to, " | %s", page_ms(at[i], ms, sizeof ms));
		fprintf(to, " | %s",
		    page_ms(at[i] < 0 ? -1 : at[i] - before(at, i), ms, sizeof ms));
		fprintf(to, " | %s%s |", limit < 0 ? "" : page_ms(limit, ms, sizeof ms),
		    is_over_limit(p, step) ? " **exceeded**" : "");
		for (size_t k = 0; k < p->n_earlier; k++)
			fprintf(to, " %s |",
			    page_ms(p->earlier[k].step_ms[i], ms, sizeof ms));
		putc('\n', to);
	}
	fputs(
	    "\nThe limit of \"VM runs\" is the verb's, counted from \"verb sent\"; that of \"proven\" is the engine's, counted from \"VM runs\".\n",
	    to);
	if (p->n_earlier > 0)
		fputs(
		    "The last columns are earlier drills of this wedge, the newest first.\n",
		    to);
}

/* Of the verb that helped, as the host and the climb told it. */
static void
head_stages(const struct page *p, FILE *to)
{
	const struct course *c = &p->story->course;
	char ms[32];

	if (!p->story->verbs)
		return;
	fprintf(to, "\n## Where the time of %s went\n\n| stage | took |\n|---|---|\n",
	    verb_name(p));
	for (int i = 0; i < COURSE_STAGES; i++)
		if (c->took[i] >= 0)
			fprintf(to, "| %s | %s |\n",
			    course_stage_name((enum course_stage)i),
			    page_ms(c->took[i], ms, sizeof ms));
}

static void
head_advice(const struct page *p, FILE *to)
{
	const struct story *s = p->story;
	char ms[32];

	fputs("\n## What would have helped\n\n", to);
	fprintf(to, "- The wedge %s is cured by: %s.\n", p->wedge->name,
	    p->wedge->cures[0] ? p->wedge->cures : "nothing, the guest goes on");
	if (s->word[0])
		fprintf(to, "- The verdict was %s after %s; it advised: %s.\n", s->word,
		    page_ms(s->verdict_ms, ms, sizeof ms), s->advice);
	else
		fputs("- No verdict was made before the first verb.\n", to);
	if (s->runbook_key[0])
		fprintf(to, "- The runbook named first: %s.\n", s->runbook_key);
	else
		fprintf(to, "- %s\n",
		    s->runbook
			? "The runbook named no key."
			: "No runbook was run; `/triage` asks both hosts and names the key.");
	if (s->verbs > 0)
		fprintf(to, "- Sent was: %s%s.\n", verb_name(p),
		    s->verbs > 1 ? ", after other verbs that did not help" : "");
	else
		fputs("- No mutating verb was sent.\n", to);
}

static void
head_pressed(const struct page *p, FILE *to)
{
	const struct story *s = p->story;
	char ms[32];

	fputs("\n## What was pressed\n\n", to);
	if (s->n_pressed == 0) {
		fputs("Nothing.\n", to);
		return;
	}
	fputs("| after the wedge | what |\n|---|---|\n", to);
	for (size_t i = 0; i < s->n_pressed; i++)
		fprintf(to, "| %s | %s |\n", page_ms(s->pressed[i].ms, ms, sizeof ms),
		    s->pressed[i].what);
	if (s->more_pressed)
		fprintf(to, "\nAnd %zu more.\n", s->more_pressed);
}

static void
head_settings(const struct page *p, FILE *to)
{
	const struct options *o = p->config;

	fputs("\n## Settings\n\n", to);
	fprintf(to,
	    "The operator's own: pve_verb_timeout_seconds %ld (a cycle: %ld), "
	    "turn_timeout_seconds %ld, interlock_seconds %ld, ask_seconds %ld, "
	    "agent_verbs_per_hour %ld, idle_lock %ld, autonomy %s, operator list %s%s.\n",
	    o->pve_verb_timeout_seconds, 2 * o->pve_verb_timeout_seconds,
	    o->turn_timeout_seconds, o->interlock_seconds, o->ask_seconds,
	    o->agent_verbs_per_hour, o->idle_lock,
	    strcmp(o->autonomy, "observe") == 0	     ? "observe"
		: strcmp(o->autonomy, "repair") == 0 ? "repair"
						     : "autonomous",
	    o->operators[0] ? "yes" : "none",
	    p->alone ? "; agent_driver runbook, because nobody was there" : "");
	fprintf(to, "Not the operator's: %s.\n", room_own_settings);
}

void
page_head(const struct page *p, FILE *to)
{
	char ms[32], at[CLOCK_AT_LEN];

	fprintf(to, "# Drill: %s, %s\n\n", p->wedge->name,
	    p->record.ok ? "recovered" : "not recovered");
	fputs(
	    "A rehearsal in the lab: hosts and VM are this machine's; no real host was spoken to.\n\n",
	    to);
	fprintf(to, "| | |\n|---|---|\n| Wedge | %s |\n", p->wedge->name);
	fprintf(to, "| Made | %s |\n", clock_at(p->record.at_ms, at));
	fprintf(to, "| Held after | %s |\n",
	    page_ms(p->story->holds_ms - p->story->made_ms, ms, sizeof ms));
	fprintf(to, "| Operator | %s |\n",
	    p->alone ? "none: the runbook, and the key that it advised"
		     : "at the console");
	fprintf(to, "| Result | %s%s%s |\n", p->record.ok ? "recovered" : "not recovered",
	    p->why[0] ? ": " : "", p->why);
	fprintf(to, "| From the wedge to the proof | %s |\n",
	    page_ms(p->record.total_ms, ms, sizeof ms));
	fprintf(to, "| Program | breakglass %s |\n", PACKAGE_VERSION);
	fprintf(to,
	    "| Journal | %s.jsonl, beside this file: `breakglass replay` shows it |\n\n",
	    p->shelf->name);
	fputs("## Steps\n\n", to);
	head_steps(p, to);
	head_advice(p, to);
	head_pressed(p, to);
	head_stages(p, to);
	head_settings(p, to);
}

/* --- for a program --- */

static struct js *
pressed_json(const struct story *s)
{
	struct js *list = js_array();

	for (size_t i = 0; i < s->n_pressed; i++) {
		struct js *m = js_new();

		js_set_int(m, "ms", s->pressed[i].ms);
		js_set_str(m, "what", s->pressed[i].what);
		js_add(list, m);
	}
	return list;
}

struct js *
page_json(const struct page *p)
{
	struct js *m = js_new(), *steps = js_new(), *limits = js_new();
	char at[CLOCK_AT_LEN], *path;

	js_set_str(m, "t", "drill");
	js_set_str(m, "kind", drills_kind_names[DRILLS_LAB]);
	js_set_str(m, "at", clock_at(p->record.at_ms, at));
	js_set_bool(m, "ok", p->record.ok);
	js_set_str(m, "wedge", p->wedge->name);
	js_set_str(m, "verb", verb_name(p)[0] ? verb_name(p) : NULL);
	js_set_str(m, "verdict", p->story->word[0] ? p->story->word : NULL);
	js_set_str(m, "advice", p->story->word[0] ? p->story->advice : NULL);
	js_set_str(m, "why", p->why[0] ? p->why : NULL);
	if (p->record.total_ms >= 0)
		js_set_int(m, "total_ms", p->record.total_ms);
	js_set_int(m, "made_ms", p->story->made_ms - p->story->holds_ms);
	for (int i = 0; i < DRILLS_STEPS; i++) {
		if (p->story->step_ms[i] >= 0)
			js_set_int(steps, drills_step_names[i], p->story->step_ms[i]);
		if (limit_ms(p, (enum drills_step)i) >= 0)
			js_set_int(limits, drills_step_names[i],
			    limit_ms(p, (enum drills_step)i));
	}
	js_set(m, "steps", steps);
	js_set(m, "limits", limits);
	js_set(m, "pressed", pressed_json(p->story));
	js_set_str(m, "report", path = shelf_path(p->shelf, "md"));
	free(path);
	js_set_str(m, "journal", path = shelf_path(p->shelf, "jsonl"));
	free(path);
	js_set_str(m, "version", PACKAGE_VERSION);
	return m;
}
