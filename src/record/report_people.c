/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_people.c: the incident itself, who was there, and what people said. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "record/report_int.h"

#define UNPROVEN "not in this journal"

static bool
is_nobody(const char *name)
{
	return !name[0] || strcmp(name, "engine") == 0 || strcmp(name, "agent") == 0;
}

static struct js *
person_new(struct report *r, const char *name, const char *proof)
{
	struct js *p = report_item(r, "people");

	if (!p)
		return NULL;
	js_del(p, "by");
	js_set_int(p, "n", (int64_t)js_len(report_list(r, "people")));
	js_set_str(p, "name", name);
	report_set_cut(p, "proof", proof, REPORT_WORD_MAX);
	return p;
}

/* The row that holds for a name from here on. */
static struct js *
person_is(struct report *r, struct js *now)
{
	struct js *people = report_list(r, "people");

	for (size_t i = 0; now && i < js_len(people); i++)
		if (js_is(js_at(people, i), "name", report_str(now, "name")))
			js_del(js_at(people, i), "current");
	if (now) {
		js_set_bool(now, "current", true);
		js_set_int(now, "last_seq", r->seq);
		js_set_str(now, "last_at", r->at);
	}
	return now;
}

static struct js *
person_now(struct report *r, const char *name)
{
	struct js *people = report_list(r, "people");

	for (size_t i = js_len(people); i-- > 0;)
		if (js_is(js_at(people, i), "name", name) &&
		    js_bool(js_at(people, i), "current", false))
			return js_at(people, i);
	return NULL;
}

struct js *
report_person(struct report *r, const char *name)
{
	struct js *p;

	if (is_nobody(name))
		return NULL;
	p = person_now(r, name);
	return person_is(r, p ? p : person_new(r, name, UNPROVEN));
}

/* The same name with another proof is another row; what was not known is filled in. */
static struct js *
person_proven(struct report *r, const char *name, const char *proof, bool again)
{
	struct js *people = report_list(r, "people"), *now = person_now(r, name);

	if (now && (again || js_is(now, "proof", UNPROVEN))) {
		report_set_cut(now, "proof", proof, REPORT_WORD_MAX);
		return person_is(r, now);
	}
	for (size_t i = 0; i < js_len(people); i++)
		if (js_is(js_at(people, i), "name", name) &&
		    js_is(js_at(people, i), "proof", proof))
			return person_is(r, js_at(people, i));
	return person_is(r, person_new(r, name, proof));
}

static void
operator_event(struct report *r, const struct js *m, const char *name)
{
	const char *state = report_str(m, "state"), *from = js_str(m, "from");
	bool command = js_is(m, "role", "command");
	char fold[96];

	snprintf(fold, sizeof fold, "operator %.60s", name);
	if (js_bool(m, "again", false)) {
		report_event(r, fold, "%s is here: %s", name, report_str(m, "proof"));
	} else if (strcmp(state, "driving") == 0) {
		report_event(r, from ? "" : fold, "%s drives%s%s%s%s", name,
		    from ? ", taken over from " : "", from ? from : "",
		    js_has(m, "why") ? ": " : "", report_str(m, "why"));
		if (from)
			report_action(r, "took over from %s", from);
	} else if (strcmp(state, "watching") == 0) {
		report_event(r, fold, "%s watches", name);
	} else {
		report_event(r, fold, "%s %s%s%s", name, state,
		    command ? " for one command" : "",
		    js_bool(m, "read_only", false) ? " (read only)" : "");
	}
}

void
report_on_operator(struct report *r, const struct js *m)
{
	const char *name = report_str(m, "name");
	char proof[REPORT_WORD_MAX];
	struct js *p;

	if (is_nobody(name))
		return;
	snprintf(proof, sizeof proof, "%s", report_str(m, "proof"));
	text_only_utf8(proof);
	p = proof[0] ? person_proven(r, name, proof, js_bool(m, "again", false))
		     : report_person(r, name);
	if (p && js_has(m, "tty"))
		report_set_cut(p, "tty", js_str(m, "tty"), 64);
	if (p && js_bool(m, "read_only", false))
		js_set_bool(p, "read_only", true);
	operator_event(r, m, name);
}

static void
incident_engine(struct report *r, const struct js *m, const char *how)
{
	struct js *e = report_item(r, "engines");
	static const char *const keys[] = {"version", "boot", "reason"};

	if (!e)
		return;
	js_set_str(e, "how", how);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		report_set_cut(e, keys[i], js_str(m, keys[i]), REPORT_WORD_MAX);
	if (js_has(m, "pid"))
		js_set_int(e, "pid", report_num(m, "pid", 0));
	if (report_num(m, "cut", 0) > 0) {
		js_set_int(e, "cut", report_num(m, "cut", 0));
		report_unknown(r, r->seq,
		    "the engine before was cut off in the middle of a record: its last "
		    "%lld bytes are not in this journal",
		    (long long)report_num(m, "cut", 0));
	}
}

static void
incident_continued(struct report *r, const struct js *m)
{
	const char *boot = report_str(m, "boot");

	report_event(r, "", "another engine goes on (version %s, pid %lld)%s",
	    js_has(m, "version") ? report_str(m, "version") : "unknown",
	    (long long)report_num(m, "pid", 0),
	    r->boot[0] && boot[0] && strcmp(r->boot, boot) != 0
		? "; its machine has booted in between"
		: "");
	snprintf(r->boot, sizeof r->boot, "%s", boot);
}

void
report_on_incident(struct report *r, const struct js *m)
{
	const char *state = report_str(m, "state"), *reason = report_str(m, "reason");

	js_set_str(r->facts, "state", strcmp(state, "closed") == 0 ? "closed" : "open");
	r->closed = (struct report_mark){0};
	incident_engine(r, m, state);
	if (strcmp(state, "opened") == 0) {
		report_set_cut(r->facts, "incident", report_str(m, "id"), 64);
		js_set_int(r->facts, "journal_v", report_num(m, "v", 1));
		report_set_cut(r->facts, "opened_by", r->by, 64);
		snprintf(r->boot, sizeof r->boot, "%s", report_str(m, "boot"));
		report_event(r, "", "incident opened%s%s", reason[0] ? ": " : "", reason);
	} else if (strcmp(state, "continued") == 0) {
		incident_continued(r, m);
	} else if (strcmp(state, "left") == 0) {
		report_event(r, "", "the engine left: %s", reason);
	} else if (strcmp(state, "closed") == 0) {
		report_mark_here(r, &r->closed);
		report_set_cut(r->facts, "closed_why", reason, REPORT_WORD_MAX);
		report_event(r, "", "incident closed: %s", reason);
	}
}

void
report_on_note(struct report *r, const struct js *m)
{
	struct js *item = report_item(r, "notes");

	if (item)
		report_set_cut(item, "text", report_str(m, "text"), 2000);
	report_event(r, "note", "note: %s", report_str(m, "text"));
}

void
report_on_error(struct report *r, const struct js *m)
{
	const char *where = report_str(m, "where");
	char fold[96];

	snprintf(fold, sizeof fold, "error %.60s", where);
	report_count(r->facts, "errors", 1);
	report_event(r, fold, "error (%s): %s", where, report_str(m, "text"));
}
