/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transcript_vm.c: what is done to VM 102 and what is found about it. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "model/incident.h"
#include "model/transcript_int.h"

/* --- verbs --- */

static void
verb_line(struct transcript *t, struct item *it, const char *word, const struct js *fact,
    const char *key)
{
	char at[16], said[512], line[640];

	at[0] = '\0';
	if (js_str(fact, "at") && strlen(js_str(fact, "at")) >= 19)
		scrub_label(js_str(fact, "at") + 11, 8, at, sizeof at);
	incident_label(fact, key, said, sizeof said);
	snprintf(line, sizeof line, "%s%s  %s%s%s", it->text.len ? "\n" : "", at, word,
	    said[0] ? ": " : "", said);
	transcript_append(t, it, line, strlen(line));
}

/* Stages of the same second stand in one line: ten of a verb take a few lines. */
static bool
stage_joins(struct transcript *t, struct item *it, const char *stage, const struct js *f)
{
	const char *at = js_str(f, "at"), *text = buf_str(&it->text);
	const char *lf = strrchr(text, '\n'), *last = lf ? lf + 1 : text;

	if (!at || strlen(at) < 19 || strncmp(last, at + 11, 8) != 0 || js_has(f, "text"))
		return false;
	transcript_append(t, it, " · ", strlen(" · "));
	transcript_append(t, it, stage, strlen(stage));
	return true;
}

/* docs/host-protocol.md: nothing was done, and the VM is as it was. */
static bool
is_refusal(int64_t code)
{
	return code == 2 || code == 4 || code == 5 || code == 7 || code == 8 ||
	    code == 75;
}

static void
verb_finished(struct transcript *t, struct item *it, const struct js *fact)
{
	int64_t code = js_int(fact, "exit", -1);
	char age[32], word[80];

	clock_age(js_int(fact, "ms", 0), age, sizeof age);
	if (js_has(fact, "learnt"))
		snprintf(word, sizeof word, "the host says how it ended");
	else if (code == 0)
		snprintf(word, sizeof word, "done in %s", age);
	else
		snprintf(word, sizeof word, "%s (exit %lld) after %s",
		    is_refusal(code) ? "refused by the host" : "failed", (long long)code,
		    age);
	it->tone = code == 0 ? TONE_GOOD : TONE_BAD;
	verb_line(t, it, word, fact, "result");
}

bool
transcript_verb(struct transcript *t, const struct js *fact)
{
	struct item *it = transcript_find_id(t, ITEM_VERB, fact);
	char stage[64];

	if (!it) {
		it = transcript_add(t, ITEM_VERB, fact);
		incident_label(fact, "verb", it->head, sizeof it->head);
		it->tone = TONE_BUSY;
	}
	if (js_is(fact, "state", "refused")) {
		it->tone = TONE_BAD;
		verb_line(t, it,
		    js_has(fact, "learnt") ? "it never ran" : "refused, nothing was sent",
		    fact, "why");
	} else if (js_is(fact, "state", "sent")) {
		verb_line(t, it, "sent to the PVE host", fact, "host_run");
	} else if (js_is(fact, "state", "stage")) {
		incident_label(fact, "stage", stage, sizeof stage);
		if (!stage[0] || !stage_joins(t, it, stage, fact))
			verb_line(t, it, stage[0] ? stage : "stage", fact, "text");
	} else if (js_is(fact, "state", "finished")) {
		verb_finished(t, it, fact);
	} else if (js_is(fact, "state", "waiting")) {
		verb_line(t, it, "longer than expected; the host goes on by itself", fact,
		    "why");
	} else if (js_is(fact, "state", "unknown")) {
		it->tone = TONE_BAD;
		verb_line(t, it,
		    js_has(fact, "learnt") ? "outcome unknown for good"
					   : "outcome unknown; the engine asks the host",
		    fact, "why");
	}
	it->version++;
	return true;
}

/* --- verdicts --- */

static struct item *
youngest(const struct transcript *t, enum item_kind kind)
{
	for (size_t i = t->count; i-- > 0;)
		if (transcript_at(t, i)->kind == kind)
			return transcript_at(t, i);
	return NULL;
}

static void
append_line(struct transcript *t, struct item *it, const char *before, const char *text)
{
	if (!text[0])
		return;
	if (it->text.len > 0)
		transcript_append(t, it, "\n", 1);
	transcript_append(t, it, before, strlen(before));
	transcript_append(t, it, text, strlen(text));
}

/* The words of it, for /find and for whoever knows no better picture. */
static void
write_verdict(struct transcript *t, struct item *it, const struct verdict *v)
{
	transcript_truncate(t, it, 0);
	snprintf(it->head, sizeof it->head, "%s", v->word);
	append_line(t, it, "", v->why);
	for (int i = 0; i < v->evidences; i++)
		append_line(t, it, "  ", v->evidence[i]);
	append_line(t, it, "do: ", v->todo);
	if (verdict_advice(v) >= 0)
		append_line(t, it, "advice: ", v->advice);
	*it->verdict = *v;
	it->version++;
}

static void
say_still(struct transcript *t, const struct js *fact, const struct verdict *v)
{
	struct item *it = transcript_at(t, t->count - 1);
	char line[80];

	if (!it || it->kind != ITEM_STILL)
		it = transcript_add(t, ITEM_STILL, fact);
	snprintf(it->head, sizeof it->head, "%s", v->word);
	snprintf(line, sizeof line, "still %s, %.5s%s", v->word, v->at,
	    v->climbing ? ", and looks further" : "");
	transcript_truncate(t, it, 0);
	transcript_append(t, it, line, strlen(line));
}

bool
transcript_verdict(struct transcript *t, const struct js *fact)
{
	struct item *last = youngest(t, ITEM_VERDICT), *it = NULL;
	struct verdict v;
	bool same, newest;

	verdict_read(&v, fact);
	same = last && verdict_is_same(last->verdict, &v);
	newest = last && last == transcript_at(t, t->count - 1);
	if (last && v.id[0] && strcmp(last->verdict->id, v.id) == 0 && (same || newest))
		it = last; /* more evidence for what was said of this capture */
	else if (same) {
		say_still(t, fact, &v);
		return true;
	}
	if (!it) {
		it = transcript_add(t, ITEM_VERDICT, fact);
		it->verdict = mem_alloc(sizeof *it->verdict);
		t->bytes += sizeof *it->verdict;
	}
	write_verdict(t, it, &v);
	return true;
}

/* --- proof --- */

static void
write_proof(struct transcript *t, struct item *it, const struct proof *p)
{
	char line[192];

	transcript_truncate(t, it, 0);
	snprintf(it->head, sizeof it->head, "proof of recovery");
	for (int i = 0; i < p->rungs; i++) {
		const struct proof_rung *r = &p->rung[i];

		snprintf(line, sizeof line, "%s %s", r->rung, r->ok ? "ok" : "not yet");
		append_line(t, it, "  ", line);
	}
	for (int i = 0; i < p->rows; i++) {
		const struct proof_row *r = &p->row[i];

		snprintf(line, sizeof line, "%s: %s -> %s", r->what, r->before, r->after);
		append_line(t, it, "  ", line);
	}
	append_line(t, it, "", p->text);
	it->tone = !p->done			? TONE_BUSY
	    : proof_is_healthy(p)		? TONE_GOOD
	    : strcmp(p->end, "superseded") == 0 ? TONE_PLAIN
						: TONE_BAD;
	*it->proof = *p;
	it->version++;
}

/* The one that is done, when this tells more of it; a verb since then begins another. */
static struct item *
find_done(const struct transcript *t, const struct proof *p)
{
	for (size_t i = t->count; i-- > 0;) {
		struct item *it = transcript_at(t, i);

		if (it->kind == ITEM_VERB || !p->done)
			return NULL;
		if (it->kind == ITEM_PROOF)
			return it;
	}
	return NULL;
}

/* One item for a climb: rewritten until it is done, and with what is learnt right after.
 */
bool
transcript_proof(struct transcript *t, const struct js *fact)
{
	struct item *it;
	struct proof p;

	if (!js_is(fact, "when", "after"))
		return false;
	proof_read(&p, fact);
	it = youngest(t, ITEM_PROOF);
	if (!it || it->tone != TONE_BUSY)
		it = find_done(t, &p);
	if (!it) {
		it = transcript_add(t, ITEM_PROOF, fact);
		it->proof = mem_alloc(sizeof *it->proof);
		t->bytes += sizeof *it->proof;
	}
	write_proof(t, it, &p);
	return true;
}
