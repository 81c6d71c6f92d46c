/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transcript_agent.c: what the agent asks, costs and leaves behind. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/scrub.h"
#include "model/incident.h"
#include "model/transcript_int.h"

#define LABEL(obj, key, field) incident_label(obj, key, field, sizeof(field))

static void
add_str(struct transcript *t, struct item *it, const char *text)
{
	transcript_append_clean(t, it, text, strlen(text));
}

/* The whole command stands here: the box in front of it may be too small. */
bool
transcript_ask(struct transcript *t, const struct js *fact)
{
	struct item *it = transcript_add(t, ITEM_NOTE, fact);
	char host[16], verb[16];

	LABEL(fact, "host", host);
	LABEL(fact, "verb", verb);
	LABEL(fact, "id", it->id);
	snprintf(it->head, sizeof it->head, "asks %s", it->id);
	it->tone = TONE_BUSY;
	transcript_append_member(t, it, fact, "text");
	if (js_has(fact, "command") || js_has(fact, "command_b64")) {
		add_str(t, it, "\n");
		add_str(t, it, host[0] ? host : "?");
		add_str(t, it, ": ");
		transcript_append_member(t, it, fact, "command");
		if (js_bool(fact, "stdin", false)) {
			add_str(t, it, "\nstandard input:\n");
			transcript_append_member(t, it, fact, "input");
		}
	} else if (verb[0]) {
		add_str(t, it, "\npve: ");
		add_str(t, it, verb);
	}
	return true;
}

bool
transcript_answered(struct transcript *t, const struct js *fact)
{
	struct item *it = transcript_find_id(t, ITEM_NOTE, fact);
	bool yes = js_bool(fact, "yes", false);
	char by[33], line[64];

	if (!it) {
		it = transcript_add(t, ITEM_NOTE, fact);
		LABEL(fact, "id", it->id);
		snprintf(it->head, sizeof it->head, "asks %s", it->id);
	}
	LABEL(fact, "by", by);
	it->tone = yes ? TONE_GOOD : TONE_BAD;
	snprintf(line, sizeof line, "\n→ %s, %s", yes ? "yes" : "no", by);
	add_str(t, it, line);
	if (strcmp(by, "engine") == 0 && js_str(fact, "why")) {
		add_str(t, it, ": ");
		transcript_append_member(t, it, fact, "why");
	}
	return true;
}

bool
transcript_cancelled(struct transcript *t, const struct js *fact)
{
	const struct js *runs = js_get_array(fact, "runs");
	struct item *it;
	char id[24];
	size_t len;

	if (transcript_taken_back(t, fact))
		return true;
	it = transcript_add(t, ITEM_NOTE, fact);
	snprintf(it->head, sizeof it->head, "agent stopped");
	it->tone = TONE_BUSY;
	transcript_append_member(t, it, fact, "text");
	for (size_t i = 0; i < js_len(runs) && i < 32; i++) {
		const char *run = js_at_str(runs, i, &len);

		if (!run)
			continue;
		scrub_label(run, len, id, sizeof id);
		add_str(t, it, i ? ", " : "\nwhat ran then: ");
		add_str(t, it, id);
	}
	return true;
}

static void
left_run(struct transcript *t, struct item *it, const struct js *run)
{
	char id[16], host[16], what[96], state[16], line[224];
	bool verb = js_bool(run, "verb", false) || js_str(run, "verb");

	LABEL(run, "id", id);
	LABEL(run, "host", host);
	LABEL(run, "what", what);
	LABEL(run, "state", state);
	snprintf(line, sizeof line, "\n%s %s: %s  (%s", id, host, what,
	    strcmp(state, "unknown") == 0 ? "nobody knows whether it lives" : state);
	add_str(t, it, line);
	if (verb) {
		add_str(t, it, "; the host finishes it by itself");
	} else if (strcmp(state, "ending") != 0) {
		add_str(t, it, ": /end ");
		add_str(t, it, id);
	}
	add_str(t, it, ")");
}

/* The list as it is now, in one item: the youngest one of this kind. */
bool
transcript_left(struct transcript *t, const struct js *fact)
{
	const struct js *runs = js_get_array(fact, "runs");
	struct item *it = NULL;

	for (size_t i = t->count; i-- > 0 && !it;) {
		struct item *old = transcript_at(t, i);

		if (old->kind == ITEM_NOTE && strcmp(old->head, "left") == 0)
			it = old;
	}
	if (js_len(runs) == 0) {
		if (!it || it->tone == TONE_GOOD)
			return false;
		transcript_truncate(t, it, 0);
		it->tone = TONE_GOOD;
		add_str(t, it, "nothing of what the agent ran");
		it->version++;
		return true;
	}
	if (!it || it->tone == TONE_GOOD)
		it = transcript_add(t, ITEM_NOTE, fact);
	snprintf(it->head, sizeof it->head, "left");
	it->tone = TONE_BUSY;
	transcript_truncate(t, it, 0);
	add_str(t, it, "of what the agent ran, still there:");
	for (size_t i = 0; i < js_len(runs) && i < 32; i++)
		if (js_at(runs, i))
			left_run(t, it, js_at(runs, i));
	it->version++;
	return true;
}

bool
transcript_session(struct transcript *t, const struct js *fact)
{
	struct item *it = transcript_add(t, ITEM_EVENT, fact);
	char driver[16], model[48], endpoint[48], line[176];

	LABEL(fact, "driver", driver);
	LABEL(fact, "model", model);
	LABEL(fact, "endpoint", endpoint);
	snprintf(line, sizeof line, "agent session: %s%s%s%s%s", driver,
	    endpoint[0] ? " " : "", endpoint, model[0] ? ", " : "", model);
	transcript_append(t, it, line, strlen(line));
	return true;
}
