/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "choice_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LIMIT_MS 5000

/* --- endpoints --- */

struct probe {
	uv_timer_t timer;
	struct endpoint *ep;
	int64_t ms;
	endpoint_probe_fn *fn;
	void *arg;
};

struct endpoints eps;

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

struct rig rig;

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

void
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

void
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

void
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

bool
given(void)
{
	for (int i = 0; i < CHOICE_DRIVERS; i++)
		if (rig.drivers[i].prompts > wanted[i])
			return true;
	return rig.dones > dones;
}

const char *
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

void
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
