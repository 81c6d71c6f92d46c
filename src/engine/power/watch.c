/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/power/assess.h"
#include "engine/power/clocks.h"
#include "engine/record/incident.h"
#include "engine/power/proof.h"
#include "engine/power/vmfacts.h"
#include "wire/frame.h"

#define WATCH_ALONE_MS (10 * 60 * 1000)
#define WATCH_LOOKED_ON_MS (30 * 1000)
#define WATCH_SETTLING_MS 2000
#define WATCH_ASK_MS 20000 /* an answer that takes longer is no answer */
#define WATCH_LINE_MAX (8 * 1024)

struct watch {
	uv_loop_t *loop;
	struct incident *incident;
	struct broker *broker;
	struct proof *proof;
	struct assess *assess;
	struct clocks *clocks;
	struct vmfacts vm;
	struct frame lines;
	uv_timer_t timer, limit;
	struct remote_run *asking;
	int64_t asked_ms;
	int consoles;
	int64_t settle_until_ms; /* 0: settled */
	int reading;		 /* verbs whose lines are being fed in */
	bool following;
	watch_status_fn *on_status;
	void *arg;
	char *host_todo;
};

static void watch_ask(struct watch *w);

static void
on_timer(uv_timer_t *t)
{
	watch_ask(t->data);
}

static bool
pve_is_up(struct watch *w)
{
	return remote_state(broker_remote(w->broker, DOOR_PVE)) == REMOTE_UP;
}

static void
watch_arm(struct watch *w)
{
	int64_t ms = w->consoles ? WATCH_LOOKED_ON_MS : WATCH_ALONE_MS;

	/* What is followed waits for the link, and is asked when that is back. */
	if (w->settle_until_ms || (w->following && pve_is_up(w)))
		ms = WATCH_SETTLING_MS;
	uv_timer_start(&w->timer, on_timer, (uint64_t)ms, 0);
}

/* That a job has grown older (the words behind the last comma) is no change. */
static bool
job_changed(const char *was, const char *is)
{
	const char *comma = is ? strrchr(is, ',') : NULL;

	if (!was || !is)
		return was != is;
	return strncmp(was, is, comma ? (size_t)(comma - is) : strlen(is)) != 0;
}

static bool
vm_changed(struct watch *w, const struct js *f)
{
	static const char *const keys[] = {"status", "qmp", "lock", "host_program"};
	const struct js *was = incident_state(w->incident, "vm", NULL);

	if (!was || js_int(was, "pid", 0) != js_int(f, "pid", 0) ||
	    js_len(js_get_array(was, "staged")) != js_len(js_get_array(f, "staged")))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *a = js_str(was, keys[i]), *b = js_str(f, keys[i]);

		if (strcmp(a ? a : "", b ? b : "") != 0)
			return true;
	}
	return job_changed(js_str(was, "job"), js_str(f, "job"));
}

static void
watch_tell(struct watch *w)
{
	struct js *f = incident_fact(FACT_STATE, "engine");

	vmfacts_fill(&w->vm, f);
	if (js_is(f, "host_program", "old"))
		js_set_str(f, "host_todo", w->host_todo);
	js_set_int(f, "checked", clock_mono_ms());
	if (vm_changed(w, f))
		incident_emit(w->incident, FACT_STATE, f);
	else
		incident_tell(w->incident, FACT_STATE, f);
}

static bool
on_line(char *line, size_t len, void *arg)
{
	struct watch *w = arg;

	vmfacts_line(&w->vm, line, len);
	clocks_pve_line(w->clocks, line, len);
	return true;
}

static void
on_sent(struct remote_run *run, void *arg)
{
	struct watch *w = arg;

	clocks_pve_sent(w->clocks, true);
}

static void
on_output(struct remote_run *run, int stream, const char *data, size_t len, void *arg)
{
	struct watch *w = arg;

	if (stream == 1)
		frame_feed(&w->lines, data, len, on_line, w);
}

static void
watch_answered(struct watch *w, bool ok)
{
	w->asking = NULL;
	uv_timer_stop(&w->limit);
	if (!ok) {
		snprintf(w->vm.status, sizeof w->vm.status, "unknown");
		w->vm.status_ms = 0;
	} else if (!w->vm.marks) {
		w->vm.status_ms = clock_mono_ms() - w->asked_ms;
	}
	if (w->on_status)
		w->on_status(&w->vm, ok, w->arg);
	watch_tell(w);
	clocks_pve_over(w->clocks);
	if (ok)
		proof_host(w->proof, &w->vm);
	assess_status(w->assess, &w->vm, false);
	if (ok && w->settle_until_ms && w->vm.host.state != HOSTJOB_RUNNING &&
	    clock_mono_ms() > w->settle_until_ms)
		w->settle_until_ms = 0;
	watch_arm(w);
}

static void
on_end(struct remote_run *run, enum remote_end how, int code, const char *why, void *arg)
{
	watch_answered(arg, how == REMOTE_EXITED);
}

static void
on_limit(uv_timer_t *t)
{
	struct watch *w = t->data;

	remote_run_close(w->asking);
	watch_answered(w, false);
}

static const struct remote_run_events ask_events = {
    .sent = on_sent, .output = on_output, .end = on_end};

static void
watch_ask(struct watch *w)
{
	const struct verb_row *row = &verb_rows[VERB_STATUS];

	if (w->asking || w->reading) {
		watch_arm(w);
		return;
	}
	w->asked_ms = clock_mono_ms();
	frame_fini(&w->lines);
	frame_init(&w->lines, WATCH_LINE_MAX);
	vmfacts_begin(&w->vm);
	w->asking = remote_exec(broker_remote(w->broker, DOOR_PVE), row->name, row->len,
	    WATCH_ASK_MS, &ask_events, w);
	uv_timer_start(&w->limit, on_limit, WATCH_ASK_MS, 0);
}

struct watch *
watch_new(uv_loop_t *loop, struct incident *incident, struct broker *broker)
{
	struct watch *w = mem_alloc(sizeof *w);

	w->loop = loop;
	w->incident = incident;
	w->broker = broker;
	w->proof = proof_new(loop, incident, broker);
	w->clocks = clocks_new(incident);
	proof_tell_clock(w->proof, w->clocks);
	w->assess = assess_new(loop, incident, broker, w->proof);
	frame_init(&w->lines, WATCH_LINE_MAX);
	uv_timer_init(loop, &w->timer);
	uv_timer_init(loop, &w->limit);
	w->timer.data = w->limit.data = w;
	return w;
}

static void
on_timer_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;

	frame_fini(&w->lines);
	vmfacts_fini(&w->vm);
	free(w->host_todo);
	free(w);
}

static void
on_limit_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;

	uv_close((uv_handle_t *)&w->timer, on_timer_closed);
}

void
watch_free(struct watch *w)
{
	if (!w)
		return;
	assess_free(w->assess);
	proof_free(w->proof);
	clocks_free(w->clocks);
	uv_close((uv_handle_t *)&w->limit, on_limit_closed);
}

struct assess *
watch_assess(struct watch *w)
{
	return w->assess;
}

void
watch_on_status(struct watch *w, watch_status_fn *fn, void *arg)
{
	w->on_status = fn;
	w->arg = arg;
}

void
watch_set_host_todo(struct watch *w, const char *todo)
{
	free(w->host_todo);
	w->host_todo = mem_dup(todo);
}

void
watch_start(struct watch *w)
{
	watch_ask(w);
}

void
watch_follow(struct watch *w, bool on)
{
	w->following = on;
	if (!w->asking)
		watch_arm(w);
}

void
watch_prove(struct watch *w, const char *verb)
{
	int v = verb_by_name(verb, strlen(verb));

	if (v >= 0)
		proof_of_old(w->proof, (enum verb)v);
}

void
watch_consoles(struct watch *w, int count)
{
	const struct js *was = incident_state(w->incident, "vm", NULL);
	bool first = count > 0 && w->consoles == 0;

	w->consoles = count;
	assess_consoles(w->assess, count);
	if (first &&
	    (!was || clock_mono_ms() - js_int(was, "checked", 0) > WATCH_SETTLING_MS))
		watch_ask(w);
	else
		watch_arm(w);
}

void
watch_link(struct watch *w, enum door door)
{
	if (door == DOOR_DEVVM)
		proof_on_link(w->proof);
	else if (door == DOOR_PVE && pve_is_up(w) &&
	    (!w->vm.status[0] || strcmp(w->vm.status, "unknown") == 0 || w->following))
		watch_ask(w);
	assess_link(w->assess, door);
}

void
watch_line(struct watch *w, const struct power_what *what, const char *line, size_t len)
{
	static const char captured[] = "#bg phase=forensics-done";
	static const char result[] = "#bg result ";

	if (!w->reading)
		return;
	vmfacts_line(&w->vm, line, len);
	clocks_pve_line(w->clocks, line, len);
	/* Before the verb's own end is told: who asked reads no further than that. */
	if (what->verb == VERB_STATUS && len >= sizeof result - 1 &&
	    memcmp(line, result, sizeof result - 1) == 0 && w->on_status)
		w->on_status(&w->vm, true, w->arg);
	if (verb_rows[what->verb].mutating && len >= sizeof captured - 1 &&
	    memcmp(line, captured, sizeof captured - 1) == 0)
		proof_before_host(w->proof, &w->vm);
	assess_verb_line(w->assess, &w->vm, what, line, len);
}

void
watch_before(struct watch *w, const struct power_what *what)
{
	if (verb_rows[what->verb].mutating) {
		assess_verb_began(w->assess, what);
		proof_before(w->proof, what->verb);
	}
	if (w->asking) {
		remote_run_close(w->asking);
		w->asking = NULL;
		uv_timer_stop(&w->limit);
	}
	vmfacts_begin(&w->vm);
	clocks_pve_sent(w->clocks, w->reading == 0);
	w->reading++;
}

void
watch_after(struct watch *w, const struct power_what *what, enum power_end how, int exit)
{
	enum verb verb = what->verb;

	w->reading--;
	if (how == POWER_EXITED) {
		if (verb == VERB_STATUS && !w->vm.marks && w->on_status)
			w->on_status(&w->vm, true, w->arg);
		watch_tell(w);
	}
	/* One whose end is unknown is proved when the host has said that it ended. */
	if (verb_rows[verb].mutating && how == POWER_EXITED)
		proof_begin(w->proof, true, exit);
	assess_verb_ended(w->assess, &w->vm, what, how, exit);
	clocks_pve_over(w->clocks);
	w->vm.verdict[0] = '\0';
	if (verb == VERB_FORENSICS)
		watch_ask(w); /* they do not say what stands in a verb's way */
	if (!verb_rows[verb].mutating) {
		if (!w->asking)
			watch_arm(w);
		return;
	}
	w->settle_until_ms = clock_mono_ms() + 10000;
	watch_ask(w);
}
