/* SPDX-License-Identifier: GPL-3.0-or-later */
/* action_agent.c: what an operator wants of the agent beside a prompt. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "console/action/action_int.h"

/* --- runbooks --- */

static void
list_runbooks(struct action_context *a)
{
	const struct runbooks *r = &a->screen->model.runbooks;
	char line[288];

	action_say(a, TONE_PLAIN,
	    r->count ? "Runbooks; /runbook NAME by the agent that answers, /offline NAME "
		       "without a model:"
		     : "The engine has named no runbook.");
	for (int i = 0; i < r->count; i++) {
		snprintf(line, sizeof line, "  %s: %s", r->row[i].name,
		    r->row[i].description[0] ? r->row[i].description : r->row[i].title);
		action_say(a, TONE_PLAIN, line);
	}
	for (int i = 0; i < r->bad_count; i++) {
		snprintf(line, sizeof line, "  refused: %s", r->bad[i]);
		action_say(a, TONE_BAD, line);
	}
}

void
action_runbook(struct action_context *a, const char *name, bool offline)
{
	struct js *m;

	if (!name[0]) {
		list_runbooks(a);
		return;
	}
	m = message_new("runbook");
	js_set_str(m, "name", name);
	if (offline)
		js_set_bool(m, "offline", true);
	layout_to_end(a->screen);
	action_send(a, m);
}

/* --- who answers --- */

/* "12 of 200", or "12" where there is no limit. */
static void
put_used(char out[48], long long used, long long max)
{
	if (max > 0)
		snprintf(out, 48, "%lld of %lld", used, max);
	else
		snprintf(out, 48, "%lld", used);
}

static void
tell_budget(struct action_context *a)
{
	const struct vm *vm = &a->screen->model.vm;
	char calls[48], tokens[48], verbs[64] = "", most[32] = "", limit[48] = "",
				    line[400];

	put_used(calls, vm->budget.turn_calls, vm->budget.turn_calls_max);
	put_used(tokens, vm->budget.turn_tokens, vm->budget.turn_tokens_max);
	if (vm->budget.turn_ms_max > 0)
		snprintf(limit, sizeof limit, ", at most %lld min",
		    (long long)(vm->budget.turn_ms_max / 60000));
	if (vm->budget.cost_max_usd > 0)
		snprintf(most, sizeof most, " of $%.2f", vm->budget.cost_max_usd);
	if (vm->budget.verbs_hour_max > 0)
		snprintf(verbs, sizeof verbs,
		    " Mutating verbs in the last hour: %lld of %lld.",
		    (long long)vm->budget.verbs_hour,
		    (long long)vm->budget.verbs_hour_max);
	snprintf(line, sizeof line,
	    "This turn: %s tool calls, %s tokens%s. The incident: $%.2f%s.%s%s%.32s",
	    calls, tokens, limit, vm->budget.cost_usd, most, verbs,
	    vm->budget.spent[0] ? " Spent: " : "", vm->budget.spent);
	action_say(a, vm->budget.spent[0] ? TONE_BAD : TONE_PLAIN, line);
}

static void
tell_agent(struct action_context *a)
{
	const struct vm *vm = &a->screen->model.vm;
	char line[1100];

	snprintf(line, sizeof line, "The agent is %s: %s%s%s%s%s.%s%s%s%s",
	    vm->agent.known ? vm->agent.state : "not known yet",
	    vm->agent.driver[0] ? vm->agent.driver : "none",
	    vm->agent.endpoint[0] ? " by " : "", vm->agent.endpoint,
	    vm->agent.model[0] ? ", " : "", vm->agent.model,
	    vm->agent.route[0] ? " Not the first choice: " : "", vm->agent.route,
	    vm->agent.back[0] ? ". " : "", vm->agent.back);
	action_say(a, TONE_PLAIN, line);
	if (vm->agent.why[0]) {
		snprintf(line, sizeof line, "%s. %s", vm->agent.why, vm->agent.todo);
		action_say(a, TONE_PLAIN, line);
	}
	tell_budget(a);
	action_say(a, TONE_PLAIN,
	    "/agent auto, cli, api or runbook changes it; a name behind api picks the endpoint.");
}

void
action_agent(struct action_context *a, const char *args)
{
	static const char *const words[] = {"auto", "cli", "api", "runbook"};
	size_t len = strcspn(args, " ");
	const char *endpoint = args + len + strspn(args + len, " ");

	if (!args[0]) {
		tell_agent(a);
		return;
	}
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		struct js *m;

		if (strlen(words[i]) != len || memcmp(words[i], args, len) != 0)
			continue;
		m = message_new("agent");
		js_set_str(m, "driver", words[i]);
		if (endpoint[0])
			js_set_str(m, "endpoint", endpoint);
		action_send(a, m);
		return;
	}
	action_say(a, TONE_BAD,
	    "Which agent? /agent auto, cli, api or runbook; api takes an endpoint.");
}

/* One key, no box: whoever presses it in error has lost a turn, nothing else. */
void
action_kill(struct action_context *a, const char *args)
{
	bool off = strcmp(args, "off") == 0;
	struct js *m;

	if (args[0] && !off) {
		action_say(
		    a, TONE_BAD, "/kill alone stops the agent; /kill off lets it.");
		return;
	}
	m = message_new("kill");
	js_set_bool(m, "on", !off);
	action_send(a, m);
}

void
action_lower(struct action_context *a)
{
	const char *now = a->screen->model.vm.autonomy;

	if (strcmp(now, "observe") == 0)
		action_say(a, TONE_PLAIN, "The agent may only look already.");
	else
		action_send_text(a, "autonomy", "level",
		    strcmp(now, "autonomous") == 0 ? "repair" : "observe");
}

/* --- questions --- */

static void
send_answer(struct action_context *a, const char *id, bool yes)
{
	struct js *m = message_new("answer");

	js_set_str(m, "id", id);
	js_set_bool(m, "yes", yes);
	snprintf(a->screen->ask.sent, sizeof a->screen->ask.sent, "%s", id);
	a->screen->ask.sent_ms = a->screen->now;
	action_send(a, m);
}

void
action_answer(struct action_context *a, const char *args)
{
	struct screen *s = a->screen;
	const struct ask *q = asks_open(&s->model.asks, model_now(&s->model, s->now));

	if (!q)
		action_say(a, TONE_PLAIN, "Nothing is asked of you now.");
	else if (s->read_only)
		action_say_reads(a, "to answer");
	else if (!args[0]) {
		s->page = PAGE_NONE;
		ask_box_open(&s->ask, q, s->now);
		a->opened = true;
	} else if (strcasecmp(args, "y") == 0 || strcasecmp(args, "n") == 0) {
		send_answer(a, q->id, args[0] == 'y' || args[0] == 'Y');
	} else {
		action_say(a, TONE_BAD, "Yes or no? /answer y, or /answer n");
	}
}

void
action_ask_key(struct action_context *a, const struct input *in)
{
	struct screen *s = a->screen;
	enum ask_answer answer = ask_box_key(&s->ask, in, s->now);

	if (answer == ASK_YES || answer == ASK_NO)
		send_answer(a, s->ask.id, answer == ASK_YES);
	else if (answer == ASK_LATER)
		action_say(a, TONE_PLAIN,
		    "The question stays open: /answer or Enter on an empty prompt opens it.");
}
