/* SPDX-License-Identifier: GPL-3.0-or-later */
/* complete_args.c: what may follow a command. */
#include <stdio.h>
#include <string.h>

#include "console/prompt/complete_int.h"
#include "console/draw/theme.h"
#include "wire/verbs.h"

struct wanted {
	struct complete *c;
	const struct screen *s;
	const char *typed;
	size_t len;
};

static struct complete_row *
add(const struct wanted *w, const char *word, const char *help)
{
	struct complete_row *row = complete_add(w->c, w->typed, w->len, word);

	if (row)
		snprintf(row->help, sizeof row->help, "%s", help);
	return row;
}

static void
add_runbooks(const struct wanted *w)
{
	const struct runbooks *r = &w->s->model.runbooks;

	for (int i = 0; i < r->count; i++)
		add(w, r->row[i].name,
		    r->row[i].description[0] ? r->row[i].description : r->row[i].title);
}

static bool
is_mutating(const struct tail_run *r)
{
	for (int v = 0; v < VERBS; v++)
		if (verb_rows[v].mutating && strcmp(r->verb, verb_rows[v].name) == 0)
			return true;
	return false;
}

/* The newest first; going: those alone that can be closed. */
static void
add_runs(const struct wanted *w, bool going)
{
	const struct tail *t = &w->s->model.tools;

	for (size_t i = t->count; i-- > 0;) {
		const struct tail_run *r = t->runs[i];
		struct complete_row *row;

		if (going && (r->ended || is_mutating(r)))
			continue;
		row = add(w, r->id, "");
		if (row)
			snprintf(row->help, sizeof row->help, "%s%s%.100s%s%.48s",
			    r->host, r->host[0] ? ": " : "",
			    r->verb[0] ? r->verb : r->what,
			    r->ended && r->end[0] ? ", " : "",
			    r->ended ? r->end : ", runs");
	}
}

static void
add_hosts(const struct wanted *w)
{
	for (int h = 0; h < VM_HOSTS; h++) {
		const struct vm_link *l = &w->s->model.vm.link[h];
		bool changed = strcmp(l->key, "changed") == 0;
		struct complete_row *row =
		    add(w, vm_host_names[h], changed ? l->fingerprint : "its known key");

		if (row && !changed)
			snprintf(row->why, sizeof row->why, "no new key");
	}
}

static void
add_agent(const struct wanted *w, bool first)
{
	const struct vm *vm = &w->s->model.vm;

	if (first) {
		add(w, "auto", "claude, else the API, else runbooks");
		add(w, "cli", "the claude program");
		add(w, "api", "the Messages API; an endpoint's name may follow");
		add(w, "runbook", "runbooks alone: no model is asked");
	} else if (vm->agent.endpoint[0]) {
		add(w, vm->agent.endpoint, "the one that answers now");
	}
}

/* The newest first: their ids are their times. */
static void
add_incidents(const struct wanted *w)
{
	const struct earlier *e = &w->s->earlier;

	for (int i = 0; i < e->count; i++)
		add(w, e->id[i],
		    strcmp(e->id[i], w->s->model.incident.id) == 0 ? "this one" : "");
}

static void
add_themes(const struct wanted *w)
{
	for (int t = 0; t < THEMES; t++)
		add(w, theme_names[t], theme_now() == (enum theme)t ? "now" : "");
	add(w, "auto", "as the environment says");
}

static bool
is(const char *command, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(command, word, len) == 0;
}

void
complete_args(struct complete *c, const struct screen *s, const char *command, size_t n,
    const char *before, const char *typed, size_t len)
{
	struct wanted w = {c, s, typed, len};
	bool first = strspn(before, " ") == (size_t)(typed - before);

	if (is(command, n, "agent"))
		add_agent(&w, first);
	else if (!first)
		return;
	else if (is(command, n, "runbook") || is(command, n, "offline"))
		add_runbooks(&w);
	else if (is(command, n, "end"))
		add_runs(&w, true);
	else if (is(command, n, "save") || is(command, n, "view") ||
	    is(command, n, "fold") || is(command, n, "open") || is(command, n, "copy"))
		add_runs(&w, false);
	else if (is(command, n, "accept"))
		add_hosts(&w);
	else if (is(command, n, "replay"))
		add_incidents(&w);
	else if (is(command, n, "theme"))
		add_themes(&w);
	if (first && is(command, n, "copy")) {
		add(&w, "print", "plain, on the terminal");
		add(&w, "file", "into a file beside the journal");
	}
	if (first && is(command, n, "answer")) {
		add(&w, "y", "yes");
		add(&w, "n", "no");
	}
}
