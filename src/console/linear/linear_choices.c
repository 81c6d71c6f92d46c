/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/linear/linear_choices.h"

#include <stdio.h>
#include <string.h>

#include "wire/verbs.h"

static void
add(struct choices *c, const char *line, const char *words)
{
	for (int i = 0; i < c->count; i++)
		if (strcmp(c->row[i].line, line) == 0)
			return;
	if (c->count == CHOICES_MAX)
		return;
	snprintf(c->row[c->count].line, sizeof c->row[0].line, "%s", line);
	snprintf(c->row[c->count].words, sizeof c->row[0].words, "%s", words);
	c->count++;
}

static void
add_verb(struct choices *c, int verb, const char *why)
{
	char line[24], words[48];

	snprintf(line, sizeof line, "/%s", verb_rows[verb].name);
	snprintf(words, sizeof words, "%s%s", verb_rows[verb].name, why);
	add(c, line, words);
}

/* The verb that acts and is the likeliest, where no verdict advises one. */
static int
likely(const struct vm *vm)
{
	return strcmp(vm->status, "stopped") == 0 || strcmp(vm->status, "paused") == 0
	    ? VERB_START
	    : VERB_CYCLE;
}

static void
add_verbs(struct choices *c, const struct screen *s)
{
	const struct verdict *v = &s->model.verdict;
	const struct vm *vm = &s->model.vm;
	bool fresh = verdict_is_fresh(v, model_now(&s->model, s->now));
	int advice = fresh ? verdict_advice(v) : -1;

	/* Whatever came of a verb that was cut off, its next key is no guess. */
	if (vm->unfinished.verb[0] &&
	    verb_by_name(vm->unfinished.key, strlen(vm->unfinished.key)) >= 0)
		add_verb(c, verb_by_name(vm->unfinished.key, strlen(vm->unfinished.key)),
		    " (next, after what was not finished)");
	if (advice >= 0)
		add_verb(c, advice, " (advised)");
	add_verb(c, VERB_FORENSICS, fresh ? "" : " (looks closer, and says what helps)");
	add_verb(c, VERB_STATUS, "");
	if (!(fresh && verdict_is_healthy(v)))
		add_verb(c, likely(vm), "");
}

void
choices_make(struct choices *c, const struct screen *s)
{
	const struct model *m = &s->model;
	bool watches = s->read_only || incident_is_watching(&m->incident);
	const struct ask *q = asks_open(&m->asks, model_now(m, s->now));

	memset(c, 0, sizeof *c);
	if (!watches && q && !ask_box_waits(&s->ask, q, s->now))
		add(c, "/answer", "answer what the agent asks");
	if (!watches)
		add_verbs(c, s);
	else
		add_verb(c, VERB_STATUS, "");
	if (watches && !s->read_only)
		add(c, "/drive", "take over");
	if (!watches)
		add(c, "/triage", "triage");
	if (m->verdict.known)
		add(c, "/verdict", "all of the verdict");
	add(c, "/state", "how it stands");
	add(c, "/help", "help");
}

void
choices_say(const struct choices *c, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (int i = 0; i < c->count && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%d %s", i ? ", " : "",
		    i + 1, c->row[i].words);
}

const char *
choices_pick(const struct choices *c, const char *typed)
{
	int i = typed[0] - '1';

	return typed[0] && !typed[1] && i >= 0 && i < c->count ? c->row[i].line : NULL;
}
