/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which driver answers: three drivers and two endpoints that do as a test says; time
 * passes on a real loop, in milliseconds.  The endpoints here take the place of
 * endpoint.c at link time.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/agent/choice.h"
#include "engine/api/endpoint.h"
#include "engine/agent/recap.h"

#define LIMIT_MS 5000

/* --- endpoints --- */

struct endpoints {
	struct endpoint at[2];
	bool answers[2]; /* what a probe finds */
	bool hangs[2];	 /* ... after its whole limit */
	bool usable[2];
	bool well[2];	    /* remembered */
	const char *why[2]; /* remembered */
	int probes[2];
	int under_way;
	bool looking; /* at the files of the credentials */
	endpoints_looked_fn *looked;
	void *looked_arg;
	uv_loop_t *loop;
};

struct probe {
	uv_timer_t timer;
	struct endpoint *ep;
	int64_t ms;
	endpoint_probe_fn *fn;
	void *arg;
};

static struct endpoints eps;

static int
index_of(const struct endpoint *ep)
{
	return (int)(ep - eps.at);
}

int
endpoints_count(const struct endpoints *e)
{
	return 2;
}

struct endpoint *
endpoints_at(struct endpoints *e, int i)
{
	return &e->at[i];
}

bool
endpoints_look(struct endpoints *e, int64_t max_age_ms)
{
	return e->looking;
}

void
endpoints_watch(struct endpoints *e, endpoints_looked_fn *fn, void *arg)
{
	e->looked = fn;
	e->looked_arg = arg;
}

void
endpoints_unwatch(struct endpoints *e, void *arg)
{
	e->looked = NULL;
}

bool
endpoint_is_usable(const struct endpoint *ep, const char **why, const char **todo)
{
	*why = "no key";
	*todo = "give it one";
	return eps.usable[index_of(ep)];
}

bool
endpoint_is_well(const struct endpoint *ep, int64_t max_age_ms)
{
	return eps.well[index_of(ep)];
}

const char *
endpoint_why(const struct endpoint *ep)
{
	return eps.why[index_of(ep)] ? eps.why[index_of(ep)] : "";
}

void
endpoint_saw(struct endpoint *ep, bool ok, const char *why)
{
	eps.well[index_of(ep)] = ok;
	eps.why[index_of(ep)] = ok ? NULL : "seen dead";
}

static void
on_probe_closed(uv_handle_t *h)
{
	free(h->data);
}

static void
on_probe_time(uv_timer_t *t)
{
	struct probe *p = t->data;
	int i = index_of(p->ep);
	bool ok = eps.answers[i] && !eps.hangs[i];

	eps.well[i] = ok;
	eps.why[i] = ok	   ? NULL
	    : eps.hangs[i] ? "no answer in time"
			   : "connection refused";
	eps.under_way--;
	p->fn(p->ep, ok, eps.why[i], p->ms, p->arg);
	uv_close((uv_handle_t *)t, on_probe_closed);
}

void
endpoint_probe(struct endpoint *ep, int64_t limit_ms, endpoint_probe_fn *fn, void *arg)
{
	struct probe *p = mem_alloc(sizeof *p);

	eps.probes[index_of(ep)]++;
	eps.under_way++;
	p->ep = ep;
	p->fn = fn;
	p->arg = arg;
	p->ms = eps.hangs[index_of(ep)] ? limit_ms : 1;
	uv_timer_init(eps.loop, &p->timer);
	p->timer.data = p;
	uv_timer_start(&p->timer, on_probe_time, (uint64_t)p->ms, 0);
}

/* --- drivers --- */

struct fake {
	struct agent base;
	int prompts, cancels, starts;
	char *context, *text, *notice;
	bool refuses, unready;
};

static void
fake_start(struct agent *a)
{
	((struct fake *)a)->starts++;
}

static int
fake_prompt(struct agent *a, const struct agent_prompt *p, struct err *err)
{
	struct fake *f = (struct fake *)a;

	if (f->refuses)
		return err_set(err, ERR_UNREACHABLE, "it is not in the mood");
	f->prompts++;
	free(f->context);
	free(f->text);
	f->context = mem_dup(p->context);
	f->text = mem_dupn(p->text, p->len);
	return 0;
}

static bool
fake_ready(const struct agent *a, const char **why, const char **todo)
{
	*why = "unready";
	*todo = "wait";
	return !((const struct fake *)a)->unready;
}

static void
fake_notice(struct agent *a, const char *text)
{
	struct fake *f = (struct fake *)a;

	free(f->notice);
	f->notice = mem_dup(text);
}

static void
fake_cancel(struct agent *a)
{
	((struct fake *)a)->cancels++;
}

static void
fake_free(struct agent *a)
{
	struct fake *f = (struct fake *)a;

	free(f->context);
	free(f->text);
	free(f->notice);
}

static const struct agent_ops fake_ops = {.start = fake_start,
    .prompt = fake_prompt,
    .ready = fake_ready,
    .notice = fake_notice,
    .cancel = fake_cancel,
    .free = fake_free};

/* --- what the turn hears --- */

static struct rig {
	uv_loop_t loop;
	uv_timer_t limit, tick; /* a loop that turns sees what a timer did */
	struct choice *choice;
	struct agent *agent;
	struct recap *recap;
	struct fake drivers[CHOICE_DRIVERS];
	struct buf troubles;
	char driver[16], why[512], back[512], stop[32], said[512];
	int dones, block;
	bool ok, cancelled;
	enum agent_state state;
} rig;

static void
on_state(enum agent_state state, const char *why, const char *todo, void *arg)
{
	rig.state = state;
}

static void
on_session(const char *session, const char *model, const char *version, void *arg)
{
}

static void
on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
}

static void
on_text(int block, const char *text, size_t len, bool thinking, bool cut, void *arg)
{
	rig.block = block;
}

static void
on_tool(const char *id, const char *name, const char *what, size_t len, void *arg)
{
}

static void
on_tool_output(const char *id, int stream, const char *data, size_t len, void *arg)
{
}

static void
on_tool_end(const char *id, const struct agent_tool_end *end, void *arg)
{
}

static void
on_usage(const struct agent_usage *u, void *arg)
{
}

static void
on_progress(const char *text, void *arg)
{
}

static void
on_route(const struct agent_route *r, void *arg)
{
	snprintf(rig.driver, sizeof rig.driver, "%s", r->driver);
	snprintf(rig.why, sizeof rig.why, "%s", r->why ? r->why : "");
	snprintf(rig.back, sizeof rig.back, "%s", r->back ? r->back : "");
}

static void
on_trouble(const char *text, const char *todo, void *arg)
{
	cr_assert_eq(buf_printf(&rig.troubles, "%s\n", text), 0);
}

static void
on_done(const struct agent_outcome *o, void *arg)
{
	rig.dones++;
	rig.ok = o->ok;
	rig.cancelled = o->cancelled;
	snprintf(rig.stop, sizeof rig.stop, "%s", o->stop ? o->stop : "");
	snprintf(rig.said, sizeof rig.said, "%s", o->why ? o->why : "");
}

static const struct agent_events heard = {on_state, on_session, on_delta, on_text,
    on_tool, on_tool_output, on_tool_end, on_usage, on_progress, on_route, on_trouble,
    on_done};

static void
on_limit(uv_timer_t *t)
{
	cr_assert_fail("nothing came within %d ms", LIMIT_MS);
}

static void
on_tick(uv_timer_t *t)
{
}

static void
begin(const char *mode, bool cli, bool api)
{
	static const char *const names[] = {"cli", "api", "runbook"};
	bool there[CHOICE_DRIVERS] = {cli, api, true};

	memset(&rig, 0, sizeof rig);
	memset(&eps, 0, sizeof eps);
	uv_loop_init(&rig.loop);
	uv_timer_init(&rig.loop, &rig.limit);
	uv_timer_start(&rig.limit, on_limit, LIMIT_MS, 0);
	uv_timer_init(&rig.loop, &rig.tick);
	uv_timer_start(&rig.tick, on_tick, 1, 1);
	buf_init(&rig.troubles, 65536);
	rig.recap = recap_new();
	eps.loop = &rig.loop;
	eps.at[0].name = "vendor";
	eps.at[1].name = "lan";
	for (int i = 0; i < 2; i++)
		eps.usable[i] = eps.answers[i] = true;
	rig.choice = choice_new(&(struct choice_config){.loop = &rig.loop,
				    .endpoints = &eps,
				    .recap = rig.recap,
				    .driver = mode,
				    .probe_ms = 50,
				    .fresh_ms = 1000,
				    .away_ms = 20},
	    &heard, NULL);
	rig.agent = choice_agent(rig.choice);
	for (int i = 0; i < CHOICE_DRIVERS; i++) {
		struct fake *f = &rig.drivers[i];

		if (!there[i]) {
			choice_lacks(rig.choice, (enum choice_driver)i, "it is not there",
			    "bring it");
			continue;
		}
		f->base.ops = &fake_ops;
		f->base.name = names[i];
		f->base.events = choice_events();
		f->base.arg = choice_arg(rig.choice, (enum choice_driver)i);
		choice_add(rig.choice, (enum choice_driver)i, &f->base, false);
	}
	rig.agent->ops->start(rig.agent);
}

static void
run_until(bool (*fn)(void))
{
	while (!fn())
		uv_run(&rig.loop, UV_RUN_ONCE);
}

/* endpoints_free drops what is under way; here it is waited for. */
static bool
no_probe_is_under_way(void)
{
	return eps.under_way == 0;
}

static void
end(void)
{
	run_until(no_probe_is_under_way);
	rig.agent->ops->free(rig.agent);
	uv_close((uv_handle_t *)&rig.limit, NULL);
	uv_close((uv_handle_t *)&rig.tick, NULL);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&rig.loop), 0);
	recap_free(rig.recap);
	buf_fini(&rig.troubles);
}

static int wanted[CHOICE_DRIVERS], dones;

static bool
given(void)
{
	for (int i = 0; i < CHOICE_DRIVERS; i++)
		if (rig.drivers[i].prompts > wanted[i])
			return true;
	return rig.dones > dones;
}

/* Who got the prompt: its name, or "nobody" when the turn ended at once. */
static const char *
prompt(const char *text)
{
	struct err err;

	for (int i = 0; i < CHOICE_DRIVERS; i++)
		wanted[i] = rig.drivers[i].prompts;
	dones = rig.dones;
	cr_assert_eq(
	    rig.agent->ops->prompt(rig.agent,
		&(struct agent_prompt){.text = text, .len = strlen(text), .by = "ana"},
		&err),
	    0);
	run_until(given);
	for (int i = 0; i < CHOICE_DRIVERS; i++)
		if (rig.drivers[i].prompts > wanted[i])
			return rig.drivers[i].base.name;
	return "nobody";
}

static void
finish(enum choice_driver which, const char *stop, bool nothing_ran)
{
	bool ok = strcmp(stop, "end") == 0;

	for (int i = 0; i < CHOICE_DRIVERS; i++)
		wanted[i] = rig.drivers[i].prompts;
	dones = rig.dones;
	choice_events()->done(&(struct agent_outcome){.ok = ok,
				  .stop = stop,
				  .why = ok ? NULL : "it gave up",
				  .nothing_ran = nothing_ran,
				  .in_tokens = 1,
				  .out_tokens = 1,
				  .cache_tokens = -1,
				  .cost_usd = -1},
	    choice_arg(rig.choice, which));
}

Test(choice, takes_claude_when_its_endpoint_answers)
{
	begin("auto", true, true);
	cr_assert_str_eq(prompt("hello"), "cli");
	finish(CHOICE_CLI, "end", false);
	cr_assert(rig.ok && rig.dones == 1);
	cr_assert_str_eq(rig.why, "");
	cr_assert_eq(eps.probes[0], 1);
	cr_assert_str_eq(prompt("again"), "cli");
	cr_assert_eq(eps.probes[0], 1, "what is known to be well is not asked again");
	end();
}

Test(choice, passes_a_dead_first_endpoint_over_and_comes_back_by_itself)
{
	begin("auto", true, true);
	eps.answers[0] = false;
	cr_assert_str_eq(prompt("hello"), "api");
	cr_assert_str_eq(rig.driver, "api");
	cr_assert(strstr(rig.why, "vendor: connection refused"), "%s", rig.why);
	cr_assert(strstr(buf_str(&rig.troubles), "the API driver takes this prompt"));
	cr_assert(rig.back[0] != '\0');
	finish(CHOICE_API, "end", false);
	eps.answers[0] = true;
	cr_assert_str_eq(prompt("again"), "cli");
	cr_assert_str_eq(rig.why, "");
	cr_assert_str_eq(rig.driver, "cli");
	end();
}

Test(choice, waits_no_longer_than_the_probe_for_one_that_hangs)
{
	uint64_t began;

	begin("auto", true, true);
	eps.hangs[0] = true;
	began = uv_hrtime();
	cr_assert_str_eq(prompt("hello"), "api");
	cr_assert_lt((uv_hrtime() - began) / 1000000, 1000);
	cr_assert(strstr(rig.why, "no answer in time"), "%s", rig.why);
	end();
}

Test(choice, gives_it_to_the_runbooks_when_all_are_dead)
{
	begin("auto", true, true);
	eps.answers[0] = eps.answers[1] = false;
	cr_assert_str_eq(prompt("hello"), "runbook");
	cr_assert(strstr(rig.why, "vendor: connection refused") &&
		strstr(rig.why, "lan: connection refused"),
	    "%s", rig.why);
	cr_assert(strstr(buf_str(&rig.troubles), "no model answers"));
	finish(CHOICE_RUNBOOK, "end", true);
	cr_assert(rig.ok);
	cr_assert_str_eq(rig.driver, "runbook", "and it stays so until the next prompt");
	end();
}

Test(choice, moves_a_prompt_on_when_nothing_ran_and_counts_blocks_on)
{
	begin("auto", true, true);
	cr_assert_str_eq(prompt("hello"), "cli");
	choice_events()->text(
	    0, "half", 4, false, true, choice_arg(rig.choice, CHOICE_CLI));
	finish(CHOICE_CLI, "api_error", true);
	run_until(given);
	cr_assert_eq(rig.drivers[CHOICE_API].prompts, 1);
	cr_assert_str_eq(rig.drivers[CHOICE_API].text, "hello");
	cr_assert_eq(rig.dones, 0);
	choice_events()->text(
	    0, "whole", 5, false, false, choice_arg(rig.choice, CHOICE_API));
	cr_assert_eq(rig.block, 1);
	finish(CHOICE_API, "unreachable", true);
	run_until(given);
	cr_assert_eq(rig.drivers[CHOICE_RUNBOOK].prompts, 1);
	finish(CHOICE_RUNBOOK, "end", true);
	cr_assert(rig.dones == 1 && rig.ok);
	end();
}

Test(choice, leaves_a_turn_where_it_is_once_a_tool_ran)
{
	begin("auto", true, true);
	cr_assert_str_eq(prompt("hello"), "cli");
	choice_events()->tool("t1", "Bash", "id", 2, choice_arg(rig.choice, CHOICE_CLI));
	finish(CHOICE_CLI, "unreachable", false);
	cr_assert(rig.dones == 1 && !rig.ok);
	cr_assert_str_eq(rig.stop, "unreachable");
	end();
}

Test(choice, does_not_move_a_refusal_or_a_cancel)
{
	begin("auto", true, true);
	cr_assert_str_eq(prompt("hello"), "cli");
	finish(CHOICE_CLI, "refusal", true);
	cr_assert_eq(rig.dones, 1);
	cr_assert_str_eq(prompt("hello"), "cli");
	rig.agent->ops->cancel(rig.agent);
	cr_assert_eq(rig.drivers[CHOICE_CLI].cancels, 1);
	finish(CHOICE_CLI, "unreachable", true);
	cr_assert_eq(rig.dones, 2);
	cr_assert_eq(rig.drivers[CHOICE_API].prompts, 0);
	end();
}

static bool
is_done(void)
{
	return rig.dones > 0;
}

Test(choice, ends_a_prompt_that_is_cancelled_while_it_looks)
{
	struct err err;

	begin("auto", true, true);
	eps.hangs[0] = eps.hangs[1] = true;
	cr_assert_eq(
	    rig.agent->ops->prompt(rig.agent,
		&(struct agent_prompt){.text = "x", .len = 1, .by = "ana"}, &err),
	    0);
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	rig.agent->ops->cancel(rig.agent);
	cr_assert_eq(rig.dones, 0, "nothing is called back from inside");
	run_until(is_done);
	cr_assert(rig.cancelled);
	cr_assert_eq(rig.drivers[CHOICE_CLI].prompts, 0);
	end();
}

Test(choice, does_not_wait_for_claudes_retries_when_the_endpoint_is_dead)
{
	begin("auto", true, true);
	cr_assert_str_eq(prompt("hello"), "cli");
	eps.answers[0] = false;
	choice_events()->state(
	    AGENT_WAITING, "retry 1", NULL, choice_arg(rig.choice, CHOICE_CLI));
	while (rig.drivers[CHOICE_CLI].cancels == 0)
		uv_run(&rig.loop, UV_RUN_ONCE);
	finish(CHOICE_CLI, "aborted_streaming", true);
	run_until(given);
	cr_assert_eq(rig.drivers[CHOICE_API].prompts, 1);
	cr_assert_eq(rig.dones, 0);
	end();
}

static bool
back_is_told(void)
{
	return strstr(rig.back, "answers again") != NULL;
}

Test(choice, says_while_it_is_away_that_the_first_choice_answers_again)
{
	begin("auto", true, true);
	eps.answers[0] = false;
	choice_consoles(rig.choice, 1);
	cr_assert_str_eq(prompt("hello"), "api");
	finish(CHOICE_API, "end", false);
	eps.answers[0] = true;
	run_until(back_is_told);
	cr_assert_str_eq(prompt("again"), "cli");
	finish(CHOICE_CLI, "end", false);
	end();
}

Test(choice, chosen_by_hand_is_one_driver_and_no_other)
{
	struct err err;

	begin("auto", true, true);
	eps.answers[0] = eps.answers[1] = false;
	cr_assert_eq(choice_by_hand(rig.choice, "cli", NULL, "ana", &err), 0);
	cr_assert_str_eq(prompt("hello"), "cli");
	cr_assert(strstr(rig.why, "ana chose cli"), "%s", rig.why);
	cr_assert_eq(eps.probes[0], 0);
	finish(CHOICE_CLI, "unreachable", true);
	cr_assert(rig.dones == 1 && !rig.ok);
	cr_assert_eq(choice_by_hand(rig.choice, "runbook", NULL, "ana", &err), 0);
	cr_assert_str_eq(rig.driver, "runbook");
	cr_assert_str_eq(prompt("hello"), "runbook");
	finish(CHOICE_RUNBOOK, "end", true);
	cr_assert_eq(choice_by_hand(rig.choice, "cli", "lan", "ana", &err), -1);
	cr_assert_eq(choice_by_hand(rig.choice, "gpt", NULL, "ana", &err), -1);
	cr_assert_eq(choice_by_hand(rig.choice, "auto", NULL, "ana", &err), 0);
	cr_assert_str_eq(rig.why, "");
	end();
}

Test(choice, refuses_by_hand_what_could_not_take_a_prompt)
{
	struct err err;

	begin("auto", false, true);
	cr_assert_eq(choice_by_hand(rig.choice, "cli", NULL, "ana", &err), -1);
	cr_assert(strstr(err.words, "it is not there"), "%s", err.words);
	cr_assert_str_eq(prompt("hello"), "api");
	end();
}

Test(choice, takes_the_next_when_a_driver_becomes_unavailable_or_refuses)
{
	begin("auto", true, true);
	rig.drivers[CHOICE_CLI].unready = true;
	choice_events()->state(AGENT_UNAVAILABLE, "claude cannot be run", "install it",
	    choice_arg(rig.choice, CHOICE_CLI));
	cr_assert_str_eq(prompt("hello"), "api");
	finish(CHOICE_API, "end", false);
	rig.drivers[CHOICE_API].refuses = true;
	cr_assert_str_eq(prompt("hello"), "runbook");
	finish(CHOICE_RUNBOOK, "end", true);
	end();
}

Test(choice, says_why_there_is_no_model_at_all)
{
	begin("auto", false, false);
	eps.usable[0] = eps.usable[1] = false;
	cr_assert_str_eq(prompt("hello"), "runbook");
	cr_assert(strstr(rig.why, "vendor: no key"), "%s", rig.why);
	finish(CHOICE_RUNBOOK, "end", true);
	end();
}

static void
see(const char *text)
{
	struct err err;
	struct js *f = js_parse(text, strlen(text), &err);

	cr_assert_not_null(f);
	recap_see(rig.recap, f);
	js_free(f);
}

Test(choice, tells_a_new_driver_what_was_said_and_the_old_one_nothing_twice)
{
	begin("auto", true, true);
	see("{\"t\":\"prompt\",\"turn\":1,\"state\":\"started\",\"by\":\"ana\","
	    "\"text\":\"what is wrong\"}");
	cr_assert_str_eq(prompt("what is wrong"), "cli");
	cr_assert_null(rig.drivers[CHOICE_CLI].context);
	see("{\"t\":\"text\",\"turn\":1,\"text\":\"the disk is full\"}");
	finish(CHOICE_CLI, "end", false);
	see("{\"t\":\"prompt\",\"turn\":2,\"state\":\"started\",\"by\":\"ana\","
	    "\"text\":\"go on\"}");
	eps.well[0] = eps.answers[0] = false;
	cr_assert_str_eq(prompt("go on"), "api");
	cr_assert_not_null(rig.drivers[CHOICE_API].context);
	cr_assert(strstr(rig.drivers[CHOICE_API].context, "ana: what is wrong"));
	cr_assert(strstr(rig.drivers[CHOICE_API].context, "agent: the disk is full"));
	cr_assert_null(strstr(rig.drivers[CHOICE_API].context, "go on"));
	finish(CHOICE_API, "end", false);
	cr_assert_str_eq(prompt("and now"), "api");
	cr_assert_null(
	    rig.drivers[CHOICE_API].context, "%s", rig.drivers[CHOICE_API].context);
	end();
}

Test(choice, passes_notices_to_who_answers)
{
	begin("auto", true, true);
	cr_assert_str_eq(prompt("hello"), "cli");
	rig.agent->ops->notice(rig.agent, "F7 was pressed");
	cr_assert_str_eq(rig.drivers[CHOICE_CLI].notice, "F7 was pressed");
	end();
}

static void
on_seen_at_last(uv_timer_t *t)
{
	eps.looking = false;
	eps.usable[0] = true;
	eps.looked(eps.looked_arg);
	uv_close((uv_handle_t *)t, NULL);
}

Test(choice, waits_until_the_files_of_the_credentials_have_been_looked_at)
{
	uv_timer_t timer;

	begin("auto", false, true);
	eps.usable[0] = eps.usable[1] = false;
	eps.looking = true;
	uv_timer_init(&rig.loop, &timer);
	uv_timer_start(&timer, on_seen_at_last, 20, 0);
	cr_assert_str_eq(prompt("hello"), "api");
	cr_assert_not(eps.looking);
	finish(CHOICE_API, "end", false);
	end();
}
