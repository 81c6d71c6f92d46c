/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/model.h"

#include <stdio.h>
#include <string.h>

#include "wire/messages.h"
#include "wire/verbs.h"

void
model_init(struct model *m)
{
	memset(m, 0, sizeof *m);
	transcript_init(&m->chat);
	tail_init(&m->tools);
	vm_init(&m->vm);
}

void
model_fini(struct model *m)
{
	transcript_fini(&m->chat);
	tail_fini(&m->tools);
	orphans_fini(&m->orphans);
	screen_forget(&m->screen);
}

int64_t
model_now(const struct model *m, int64_t mono_ms)
{
	return mono_ms + m->skew;
}

void
model_attach(struct model *m)
{
	memset(&m->lock, 0, sizeof m->lock); /* who comes anew is not idle */
	m->incident.caught_up = m->incident.present = m->verdict_present = false;
}

void
model_forget(struct model *m)
{
	vm_init(&m->vm);
	m->asks.count = 0;
	memset(&m->left, 0, sizeof m->left);
	m->verdict.outdated = true;
}

void
model_local(struct model *m, enum item_tone tone, const char *text)
{
	transcript_local(&m->chat, tone, text);
}

/* The evidence names the file of the guest's screen; false: it names none. */
static bool
picture_path(const struct verdict *v, char *path, size_t size)
{
	for (int i = 0; i < v->evidences; i++) {
		const char *line = v->evidence[i], *end = strstr(line, ".png");
		const char *from = end;

		while (from && from > line && from[-1] != ' ')
			from--;
		if (!from || *from != '/')
			continue;
		snprintf(path, size, "%.*s", (int)(end + 4 - from), from);
		return true;
	}
	return false;
}

/* The verdict and the screen of one capture come in any order: an attach tells both. */
static void
find_picture(struct model *m)
{
	struct guest_screen *s = &m->screen;

	if (s->known && strcmp(s->id, m->verdict.id) == 0)
		picture_path(&m->verdict, s->png, sizeof s->png);
}

static void
read_screen(struct model *m, const struct js *fact)
{
	screen_read(&m->screen, fact);
	find_picture(m);
}

/*
 * At an attach the present comes first (seq 0), then the journal: its older
 * states may not undo what is true now.
 */
static unsigned
apply_state(struct model *m, const struct js *fact)
{
	if (!m->incident.caught_up) {
		if (js_int(fact, "seq", 0) == 0)
			m->incident.present = true;
		else if (m->incident.present)
			return 0;
	}
	if (js_is(fact, "what", "here"))
		incident_here(&m->incident, fact);
	else if (js_is(fact, "what", "ask"))
		asks_apply(&m->asks, fact);
	else if (js_is(fact, "what", "lock"))
		lock_read(&m->lock, fact);
	else if (js_is(fact, "what", "left"))
		left_read(&m->left, fact);
	else if (js_is(fact, "what", "screen"))
		read_screen(m, fact);
	else if (js_is(fact, "what", "runbooks"))
		runbooks_read(&m->runbooks, fact);
	else
		vm_apply(&m->vm, fact);
	return MODEL_STATUS;
}

static bool
is_mutating(const struct js *fact)
{
	const char *name = js_str(fact, "verb");
	int verb = name ? verb_by_name(name, strlen(name)) : -1;

	return verb < 0 || verb_rows[verb].mutating;
}

/*
 * A mutation that finished now is a newer truth than one whose end is unknown; one
 * that is sent makes the verdict a thing of the past.
 */
static void
apply_verb(struct model *m, const struct js *fact)
{
	if (!is_mutating(fact))
		return;
	if (js_is(fact, "state", "finished"))
		m->vm.unfinished.verb[0] = '\0';
	if (js_is(fact, "state", "sent") &&
	    (!m->verdict_present || m->incident.caught_up))
		m->verdict.outdated = true;
}

/* As for states: what is told as the present is not undone by the past. */
static unsigned
apply_verdict(struct model *m, const struct js *fact)
{
	bool present = js_int(fact, "seq", 1) == 0;
	char path[sizeof m->screen.png];

	if (!present && m->verdict_present && !m->incident.caught_up)
		return 0;
	m->verdict_present |= present && !m->incident.caught_up;
	verdict_read(&m->verdict, fact);
	find_picture(m);
	if (picture_path(&m->verdict, path, sizeof path) &&
	    tail_picture_saved(&m->tools, path)) /* the capture's own line says so */
		return MODEL_STATUS | MODEL_TOOLS;
	return MODEL_STATUS;
}

static unsigned
apply_welcome(struct model *m, const struct js *fact, int64_t mono_ms)
{
	bool was_open = m->incident.open;

	if (js_has(fact, "mono_ms"))
		m->skew = js_int(fact, "mono_ms", 0) - mono_ms;
	if (incident_welcome(&m->incident, fact))
		return MODEL_STATUS | MODEL_RESET;
	/* The answer to a ping is a welcome, too: nothing that needs a new picture. */
	return m->incident.caught_up && m->incident.open == was_open ? 0 : MODEL_STATUS;
}

unsigned
model_apply(struct model *m, const struct js *fact, int64_t mono_ms)
{
	int kind = message_fact(fact);
	unsigned dirty = 0;

	if (kind < 0)
		return 0;
	if (kind == FACT_WELCOME)
		return apply_welcome(m, fact, mono_ms);
	if (fact_journaled[kind] && !incident_take(&m->incident, fact))
		return 0;
	/* Of the record, too: what is told as the present says only where it stands. */
	if (course_apply(&m->vm.course, fact))
		dirty |= MODEL_STATUS | MODEL_CHAT;
	if (kind == FACT_STATE)
		dirty |= apply_state(m, fact);
	if (kind == FACT_INCIDENT || kind == FACT_OPERATOR)
		dirty |= MODEL_STATUS;
	if ((kind == FACT_ASK || kind == FACT_ANSWERED) && asks_apply(&m->asks, fact))
		dirty |= MODEL_STATUS;
	if (kind == FACT_INCIDENT)
		incident_apply(&m->incident, fact);
	if (kind == FACT_CAUGHT_UP) {
		m->incident.caught_up = true;
		tail_end_lost(&m->tools, m->incident.started);
		dirty |= MODEL_ALL;
	}
	if (kind == FACT_VERB)
		apply_verb(m, fact);
	if (kind == FACT_VERDICT)
		dirty |= apply_verdict(m, fact);
	if (tail_apply(&m->tools, fact))
		dirty |= MODEL_TOOLS;
	/* A verdict that is told as the present is no news: its record is. */
	if (kind == FACT_VERDICT && !m->incident.caught_up && js_int(fact, "seq", 0) == 0)
		return dirty;
	if (transcript_apply(&m->chat, fact))
		dirty |= MODEL_CHAT;
	model_keep_orphan(m, fact);
	return dirty;
}
