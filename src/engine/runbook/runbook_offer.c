/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runbook_offer.c: repairs after a runbook's report: an operator's yes, the command,
 * then the check that shows whether what was found is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/runbook/agent_runbook_int.h"
#include "engine/agent/asks.h"
#include "engine/runbook/runbook_report.h"

static void
tell_repair(struct agent_runbook *a, const char *now)
{
	struct offer *o = &a->offers[a->offer];
	const struct step_result *r = &a->repair;
	struct buf text;
	char age[24];

	buf_init(&text, 4096);
	buf_add_some(&text, "**Did:** ", 9);
	markdown_code(&text, o->command);
	if (r->state == RESULT_RAN &&
	    buf_printf(&text, ", exit status %d after %s.", r->exit,
		clock_age(r->ms, age, sizeof age)) < 0)
		LOG("runbook", "a repair's text is too long");
	if (r->state != RESULT_RAN) {
		buf_add_some(&text, ", which did not end well: ", 25);
		markdown_text(&text, r->failed);
	}
	buf_add_some(&text, "\n\n**Now:** ", 11);
	buf_add_some(&text, now, strlen(now));
	rb_say(a, buf_str(&text));
	buf_fini(&text);
}

static void
on_checked(void *arg)
{
	struct agent_runbook *a = arg;
	const struct offer *o = &a->offers[a->offer];
	const struct found *still = case_still(a->c, o->found);
	struct buf text;

	buf_init(&text, 2048);
	if (!still) {
		buf_add_some(&text, "gone.", 5);
	} else {
		buf_add_some(&text, "still so: ", 10);
		markdown_code(&text, still->proof);
	}
	tell_repair(a, buf_str(&text));
	buf_fini(&text);
	a->offer++;
	rb_next_offer(a);
}

static void
on_check_ran(void *arg)
{
	struct agent_runbook *a = arg;
	const struct offer *o = &a->offers[a->offer];
	int check = case_repair(a->c, o->found)->check;

	a->running = NULL;
	if (a->c->results[check].state != RESULT_RAN) {
		tell_repair(a, "not known: its check was not answered.");
		a->offer++;
		rb_next_offer(a);
		return;
	}
	rb_enter(a, RB_CHECKING);
	case_look_again(a->c, o->found->finding, on_checked, a);
}

static void
on_repaired(void *arg)
{
	struct agent_runbook *a = arg;
	const struct repair *p = case_repair(a->c, a->offers[a->offer].found);
	const struct step *s = &a->c->rb->steps[p->check];
	struct step_result *r = &a->c->results[p->check];

	a->running = NULL;
	rb_enter(a, RB_CHECK);
	rb_progress(a, "looking whether it helped");
	step_result_fini(r);
	step_result_init(r);
	a->running = step_start(&(struct step_ask){.cfg = &a->cfg,
				    .kind = STEP_DEVVM,
				    .command = s->command,
				    .limit_s = s->limit_s,
				    .by = a->by,
				    .turn = a->turn},
	    r, on_check_ran, a);
}

static void
on_answer(bool yes, const char *why, void *arg)
{
	struct agent_runbook *a = arg;
	struct offer *o = &a->offers[a->offer];
	const struct repair *p = case_repair(a->c, o->found);
	struct buf text;

	a->ask = NULL;
	if (!yes) {
		buf_init(&text, 4096);
		buf_add_some(&text, "Not done: ", 10);
		markdown_code(&text, o->command);
		buf_add_some(&text, " (", 2);
		markdown_text(&text, why);
		buf_add_some(&text, ")", 1);
		rb_say(a, buf_str(&text));
		buf_fini(&text);
		a->offer++;
		rb_next_offer(a);
		return;
	}
	rb_enter(a, RB_REPAIR);
	rb_progress(a, p->title[0] ? p->title : p->id);
	step_result_fini(&a->repair);
	step_result_init(&a->repair);
	a->running = step_start(&(struct step_ask){.cfg = &a->cfg,
				    .kind = STEP_DEVVM,
				    .command = o->command,
				    .limit_s = p->limit_s,
				    .by = a->by,
				    .turn = a->turn},
	    &a->repair, on_repaired, a);
}

void
rb_next_offer(struct agent_runbook *a)
{
	struct offer *o = &a->offers[a->offer];
	const struct finding *f;
	const struct repair *p;
	char text[700], *why;

	if (a->offer == a->offer_count) {
		rb_finish(a, true, NULL, NULL);
		return;
	}
	f = &a->c->rb->findings[o->found->finding];
	p = case_repair(a->c, o->found);
	why = found_fill(o->found, f->say, true);
	snprintf(
	    text, sizeof text, "%.200s%s%.400s", p->title, p->title[0] ? "? " : "", why);
	free(why);
	rb_enter(a, RB_ASKING);
	rb_progress(a, "waits for an answer");
	a->ask = asks_ask(a->cfg.asks,
	    &(struct ask_what){.kind = "repair",
		.text = text,
		.asked = "runbook",
		.host = "devvm",
		.command = o->command,
		.command_len = strlen(o->command),
		.turn = a->turn},
	    on_answer, a);
}

void
rb_collect_offers(struct agent_runbook *a, const struct verdict *v)
{
	int verb = v ? verb_by_name(v->advice, strlen(v->advice)) : -1;

	if (!a->cfg.asks || a->silent[0] || (verb >= 0 && verb_rows[verb].mutating))
		return;
	for (size_t i = 0; i < a->c->founds.count && a->offer_count < OFFERS_MAX; i++) {
		const struct found *f = &a->c->founds.all[i];
		const struct repair *p = case_repair(a->c, f);
		char *command = p ? found_command(f, p->command) : NULL;
		bool twice = false;

		for (size_t k = 0; command && k < a->offer_count; k++)
			twice |= strcmp(a->offers[k].command, command) == 0;
		if (command && !twice)
			a->offers[a->offer_count++] = (struct offer){f, command};
		else
			free(command);
	}
}
