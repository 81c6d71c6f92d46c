/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/runbook/runbook_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/scrub.h"

#define FOUND_SHOWN 12 /* findings that are told one by one */
#define TODO_SHOWN 10
#define EVIDENCE_SHOWN 4

static void PRINTF_LIKE(2, 3) put(struct buf *out, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_add_some(out, text, strlen(text));
}

void
markdown_text(struct buf *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (strchr("\\`*_[]<>#|~", *p))
			buf_add_some(out, "\\", 1);
		buf_add_some(out, *p == '\n' ? " " : p, 1);
	}
}

void
markdown_code(struct buf *out, const char *text)
{
	const char *ticks = strchr(text, '`') ? "``" : "`";
	bool space = ticks[1] != '\0';

	if (strstr(text, "``")) {
		markdown_text(out, text);
		return;
	}
	put(out, "%s%s", ticks, space ? " " : "");
	buf_add_some(out, text, strlen(text));
	put(out, "%s%s", space ? " " : "", ticks);
}

bool
verdict_is_bad(const struct verdict *v)
{
	return strcmp(v->word, "healthy") != 0;
}

bool
advice_may_be(enum verb verb, const struct verdict *v)
{
	if (!v || !verb_rows[verb].mutating)
		return true;
	for (size_t i = 0; i < v->not_count; i++)
		if (v->not_now[i].verb == verb)
			return false;
	return strcmp(v->advice, "none") == 0 || strcmp(v->advice, "forensics") == 0 ||
	    strcmp(v->advice, verb_rows[verb].name) == 0;
}

static int
advised(const struct verdict *v)
{
	return v ? verb_by_name(v->advice, strlen(v->advice)) : -1;
}

void
runbook_report_verdict(const struct verdict *v, struct buf *out)
{
	int verb = advised(v);

	put(out, "- verdict **%s**: ", v->word);
	markdown_text(out, v->why);
	if (verb >= 0)
		put(out, ". Advised: **F%d %s**", verb_rows[verb].fkey,
		    verb_rows[verb].name);
}

void
runbook_report_found(const struct runbook *rb, const struct found *f, struct buf *out)
{
	const struct finding *row = &rb->findings[f->finding];
	char *say = found_fill(f, row->say, false);

	put(out, "- **%s** ", severity_name(row->severity));
	buf_add_some(out, say, strlen(say));
	free(say);
}

static size_t
steps_in(const struct runbook_report *in, enum result_state state, bool devvm)
{
	size_t n = 0;

	for (size_t i = 0; i < in->rb->step_count; i++)
		n += in->results[i].state == state &&
		    (in->rb->steps[i].kind == STEP_DEVVM) == devvm;
	return n;
}

/* --- found --- */

static bool
is_healthy(const struct runbook_report *in)
{
	return in->founds->count == 0 && !in->silent &&
	    !(in->asked && verdict_is_bad(in->verdict));
}

static void
put_verdict(const struct runbook_report *in, struct buf *out)
{
	const struct verdict *v = in->verdict;

	runbook_report_verdict(v, out);
	put(out, "\n");
	for (size_t i = 0; i < v->evidence_count && i < EVIDENCE_SHOWN; i++) {
		put(out, "  - ");
		markdown_code(out, v->evidence[i]);
		put(out, "\n");
	}
}

static void
put_one(const struct runbook_report *in, const struct found *f, struct buf *out)
{
	const struct finding *row = &in->rb->findings[f->finding];

	runbook_report_found(in->rb, f, out);
	put(out, "\n");
	if (f->proof[0]) {
		put(out, "  - %s: ", in->rb->steps[row->looks[0].step].id);
		markdown_code(out, f->proof);
		put(out, "\n");
	}
}

static void
put_found(const struct runbook_report *in, struct buf *out)
{
	size_t shown = 0;

	put(out, "**Found:**");
	if (is_healthy(in)) {
		put(out, " nothing wrong that this runbook knows%s.\n",
		    steps_in(in, RESULT_FAILED, true) + steps_in(in, RESULT_FAILED, false)
			? ", in what was answered"
			: "");
		return;
	}
	put(out, "\n\n");
	if (in->asked && verdict_is_bad(in->verdict))
		put_verdict(in, out);
	else if (in->silent)
		put(out, "- **critical** the devvm does not answer\n");
	for (int s = SEVERITY_CRITICAL; s >= SEVERITY_NOTE; s--)
		for (size_t i = 0; i < in->founds->count; i++) {
			const struct found *f = &in->founds->all[i];

			if ((int)in->rb->findings[f->finding].severity != s ||
			    shown++ >= FOUND_SHOWN)
				continue;
			put_one(in, f, out);
		}
	if (shown > FOUND_SHOWN)
		put(out, "- and %zu more, in the lines above\n", shown - FOUND_SHOWN);
}

/* --- did --- */

static const char *
many(size_t n)
{
	return n == 1 ? "" : "s";
}

static void
put_did(const struct runbook_report *in, struct buf *out)
{
	size_t devvm = steps_in(in, RESULT_RAN, true) + steps_in(in, RESULT_FAILED, true);
	size_t pve = steps_in(in, RESULT_RAN, false) + steps_in(in, RESULT_FAILED, false);
	bool wrote = false;
	char age[24];

	for (size_t i = 0; i < in->rb->step_count; i++)
		wrote |= !in->rb->steps[i].reads && in->results[i].state == RESULT_RAN;
	put(out, "\n**Did:** ");
	if (devvm)
		put(out, "%zu command%s on the devvm", devvm, many(devvm));
	if (pve)
		put(out, "%s%zu question%s to the PVE host", devvm ? ", " : "", pve,
		    many(pve));
	put(out, "%s in %s; %s.\n", devvm || pve ? "" : "nothing",
	    clock_age(in->ms, age, sizeof age),
	    wrote ? "some of them write" : "nothing was changed");
	for (size_t i = 0; i < in->rb->step_count; i++) {
		const struct step_result *r = &in->results[i];

		if (r->state != RESULT_FAILED)
			continue;
		put(out, "- %s was not answered: ", in->rb->steps[i].id);
		markdown_text(out, r->failed);
		put(out, "\n");
	}
}

/* --- state --- */

/* Is it the reason of a step above? */
static bool
was_told(const struct runbook_report *in, const char *why)
{
	for (size_t i = 0; i < in->rb->step_count; i++)
		if (in->results[i].state == RESULT_FAILED &&
		    strcmp(in->results[i].failed, why) == 0)
			return true;
	return false;
}

static void
put_state(const struct runbook_report *in, struct buf *out)
{
	size_t skipped = steps_in(in, RESULT_SKIPPED, true);

	put(out, "\n**State:** ");
	if (in->silent) {
		put(out, "the devvm does not answer");
		if (!was_told(in, in->silent)) {
			put(out, " (");
			markdown_text(out, in->silent);
			put(out, ")");
		}
		if (skipped)
			put(out, "; %zu more command%s for it %s left out", skipped,
			    many(skipped), skipped == 1 ? "was" : "were");
		put(out, ". ");
	} else if (steps_in(in, RESULT_RAN, true)) {
		put(out, "the devvm answers. ");
	}
	if (in->verdict && in->asked)
		put(out, "Verdict: %s.", in->verdict->word);
	else if (in->verdict)
		put(out, "No verdict was asked for; the last was %s (F3 forensics asks).",
		    in->verdict->word);
	put(out, "\n");
}

/* --- what to do --- */

struct todos {
	struct buf *out;
	char *said[TODO_SHOWN];
	int count;
};

/* Takes text. */
static void
add_todo(struct todos *t, char *text)
{
	for (int i = 0; i < t->count; i++)
		if (strcmp(t->said[i], text) == 0) {
			free(text);
			return;
		}
	if (t->count == TODO_SHOWN) {
		free(text);
		return;
	}
	t->said[t->count++] = text;
	put(t->out, "%d. %s\n", t->count, text);
}

static void
add_verdict_todo(struct todos *t, const struct verdict *v)
{
	int verb = advised(v);
	struct buf text;

	buf_init(&text, 2048);
	if (verb >= 0)
		put(&text, "**F%d %s**%s", verb_rows[verb].fkey, verb_rows[verb].name,
		    v->todo[0] ? ". First, or instead: " : "");
	markdown_text(&text, v->todo);
	if (text.len)
		add_todo(t, mem_dup(buf_str(&text)));
	buf_fini(&text);
}

static void
add_finding_todo(struct todos *t, const struct runbook_report *in, const struct found *f)
{
	const struct finding *row = &in->rb->findings[f->finding];

	if (!row->todo[0])
		return;
	if (row->key >= 0 && !advice_may_be((enum verb)row->key, in->verdict))
		return;
	add_todo(t, found_fill(f, row->todo, false));
}

static void
put_not(const struct verdict *v, struct buf *out)
{
	for (size_t i = 0; i < v->not_count; i++) {
		enum verb verb = v->not_now[i].verb;

		put(out, "- not F%d %s: ", verb_rows[verb].fkey, verb_rows[verb].name);
		markdown_text(out, v->not_now[i].why);
		put(out, "\n");
	}
}

static void
put_todo(const struct runbook_report *in, struct buf *out)
{
	struct todos t = {.out = out};
	size_t head = out->len;
	int least = SEVERITY_NOTE;
	bool bad = in->verdict && verdict_is_bad(in->verdict) &&
	    (in->asked || advised(in->verdict) >= 0);

	put(out, "\n**Do:**\n\n");
	if (bad)
		add_verdict_todo(&t, in->verdict);
	else if (in->silent && !in->asked)
		add_todo(&t,
		    mem_dup(
			"ask the PVE host what it sees: `/triage`, or **F3 forensics**"));
	/* Beside a key that changes everything, only what cannot wait for it. */
	if (bad && advised(in->verdict) >= 0 && verb_rows[advised(in->verdict)].mutating)
		least = SEVERITY_CRITICAL;
	for (int s = SEVERITY_CRITICAL; s >= least; s--)
		for (size_t i = 0; i < in->founds->count; i++)
			if ((int)in->rb->findings[in->founds->all[i].finding].severity ==
			    s)
				add_finding_todo(&t, in, &in->founds->all[i]);
	if (bad && advised(in->verdict) >= 0)
		put_not(in->verdict, out);
	if (t.count == 0) {
		out->len = head;
		out->data[head] = '\0';
	}
	for (int i = 0; i < t.count; i++)
		free(t.said[i]);
}

void
runbook_report(const struct runbook_report *in, struct buf *out)
{
	put_found(in, out);
	put_did(in, out);
	put_state(in, out);
	put_todo(in, out);
}
