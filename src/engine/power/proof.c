/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/record/incident.h"
#include "engine/power/proof_table.h"

#define PROOF_PASS_MS 15000  /* one climb */
#define PROOF_SOON_MS 50     /* to the next one, while the connection paces itself */
#define PROOF_AGAIN_MS 1000  /* and when commands run */
#define PROOF_SLOWLY_MS 5000 /* and when the same refusal came PROOF_SAME times */
#define PROOF_SAME 5
#define PROOF_REFUSED_MS 30000 /* the same refusal for so long is an answer */
#define PROOF_STOPPED_MS 10000 /* a VM that is off for so long does not come back */
#define PROOF_HOST_MS 5000     /* the host's word is waited for, at the top */
#define PROOF_LOOK_MS 15000    /* after it: units that fail late */
#define QEMU_HZ 100	       /* of a process's start time in /proc */
#define QEMU_WAVER_MS 5000     /* more is another boot of the host */
#define PROOF_LOST_MS 30000    /* a link lost so soon was no recovery */

struct proof {
	struct incident *incident;
	struct broker *broker;
	struct ladder *ladder;
	struct clocks *clocks; /* NULL: nobody asks */
	uv_timer_t timer;
	/* What is known at any time. */
	struct proof_side now;
	int64_t guest_ms;     /* when the guest said its part of it; 0: never */
	int64_t host_ms;      /* the host */
	int64_t off_ms;	      /* since when its VM is stopped; 0: it is not */
	int64_t boot_wall_ms; /* the host's; 0: not known */
	bool old_host;
	/* Of one verb. */
	struct proof_case c;
	bool running; /* from before to begin */
	bool climbing;
	const char *end; /* NULL: not yet */
	int64_t sent_ms, began_ms, until_ms, pass_ms, top_ms, ended_ms;
	int64_t rung_ms[RUNGS];	 /* since the verb was sent; -1: not reached */
	struct ladder_seen seen; /* of the last pass */
	int same;		 /* passes in a row with the same refusal */
	int64_t same_ms;	 /* since when */
	char told[PROOF_TEXT_MAX + 16];
	proof_over_fn *on_over; /* NULL: nobody asks */
	void *on_over_arg;
};

/* ---- telling ---- */

static void
proof_fill(const struct proof *p, struct js *f)
{
	const struct proof_side *before = &p->c.before, *after = &p->c.after;

	if (after->pid > 0)
		js_set_int(f, "pid", after->pid);
	if (before->pid > 0)
		js_set_int(f, "before_pid", before->pid);
	if (after->boot_id[0]) {
		js_set_str(f, "boot_id", after->boot_id);
		js_set_int(f, "uptime_s", after->uptime_s);
	}
	if (before->boot_id[0])
		js_set_str(f, "before_boot_id", before->boot_id);
	if (after->failed_units >= 0)
		js_set_int(f, "failed_units", after->failed_units);
	if (p->c.old_host)
		js_set_str(f, "host_program", "old");
}

/* One that says nothing new is not told. */
static void
proof_tell(struct proof *p, const char *text)
{
	char told[sizeof p->told];
	struct js *f;
	int reached = 0;

	for (int i = 0; i < RUNGS; i++)
		reached += p->rung_ms[i] >= 0;
	snprintf(told, sizeof told, "%d %s", reached, text);
	if (!p->end && strcmp(told, p->told) == 0)
		return;
	strcpy(p->told, told);
	f = incident_fact(FACT_STATE, "engine");
	js_set_str(f, "what", "proof");
	js_set_str(f, "when", "after");
	js_set_str(f, "verb", verb_rows[p->c.verb].name);
	js_set(
	    f, "rungs", p->c.verb == VERB_STOP ? js_array() : ladder_rungs(p->rung_ms));
	js_set(f, "table", proof_table(&p->c));
	proof_fill(p, f);
	js_set_int(f, "ms", clock_mono_ms() - p->sent_ms);
	if (p->end)
		js_set_str(f, "end", p->end);
	js_set_bool(f, "done", p->end != NULL);
	js_set_str(f, "text", text);
	incident_emit(p->incident, FACT_STATE, f);
}

static void
proof_finish(struct proof *p, const char *end, const char *text)
{
	p->climbing = false;
	p->end = end;
	p->ended_ms = clock_mono_ms();
	ladder_stop(p->ladder);
	uv_timer_stop(&p->timer);
	remote_hurry(broker_remote(p->broker, DOOR_DEVVM), false);
	proof_tell(p, text);
	if (p->on_over)
		p->on_over(end, &p->seen, p->on_over_arg);
}

static const char *
host_todo(const struct proof *p)
{
	const struct js *vm = incident_state(p->incident, "vm", NULL);

	return vm ? js_str(vm, "host_todo") : NULL;
}

static void
proof_say_healthy(struct proof *p)
{
	char text[PROOF_TEXT_MAX];

	proof_words_healthy(&p->c, p->top_ms - p->sent_ms, host_todo(p), text);
	proof_finish(p, "healthy", text);
}

static void
proof_give_up(struct proof *p, const char *words)
{
	char text[PROOF_TEXT_MAX];

	proof_words_given_up(&p->c, &p->seen, words, host_todo(p), text);
	proof_finish(p, "given up", text);
}

/* ---- the climb ---- */

static void proof_pass(struct proof *p);
static void on_timer(uv_timer_t *t);

static void
proof_later(struct proof *p, int64_t ms)
{
	uv_timer_start(&p->timer, on_timer, (uint64_t)ms, 0);
}

/* The table's right side waits for a status that was asked after the verb. */
static void
proof_top(struct proof *p)
{
	int64_t now = clock_mono_ms();

	if (p->top_ms == 0)
		p->top_ms = now;
	if (p->host_ms < p->began_ms && now - p->top_ms < PROOF_HOST_MS) {
		proof_later(p, PROOF_SOON_MS);
		return;
	}
	if (p->host_ms >= p->began_ms && p->off_ms) {
		proof_give_up(p,
		    "VM 102 is off: start (F4); what answers at the devvm's address is another machine");
		return;
	}
	proof_say_healthy(p);
	proof_later(p, PROOF_LOOK_MS);
}

static bool
is_refusal(const struct ladder_seen *seen)
{
	return !seen->hung && ladder_stands_at(seen) >= RUNG_AUTH;
}

/* A refusal that does not change is an answer; what hangs may still come. */
static void
proof_count_same(struct proof *p, const struct ladder_seen *seen)
{
	bool same = is_refusal(seen) && is_refusal(&p->seen) &&
	    ladder_stands_at(seen) == ladder_stands_at(&p->seen);

	p->same = same ? p->same + 1 : 0;
	if (!same)
		p->same_ms = clock_mono_ms();
}

static bool
proof_is_off(const struct proof *p, int64_t now)
{
	bool failed = p->c.known && p->c.exit != 0;

	return p->host_ms >= p->began_ms && p->off_ms &&
	    (failed ||
		now - (p->off_ms > p->began_ms ? p->off_ms : p->began_ms) >=
		    PROOF_STOPPED_MS);
}

static void
proof_fell(struct proof *p)
{
	int64_t now = clock_mono_ms();
	char words[PROOF_TEXT_MAX];

	if (proof_is_off(p, now)) {
		proof_give_up(p, "VM 102 is off: start (F4)");
	} else if (now >= p->until_ms && p->c.known && p->c.exit != 0) {
		proof_give_up(p, proof_words_rung(&p->seen));
	} else if (now >= p->until_ms) {
		snprintf(words, sizeof words,
		    "the devvm did not come back within %d s: %s",
		    (int)((now - p->began_ms + 500) / 1000), proof_words_rung(&p->seen));
		proof_give_up(p, words);
	} else if (p->same && now - p->same_ms >= PROOF_REFUSED_MS) {
		proof_give_up(p, proof_words_rung(&p->seen));
	} else {
		snprintf(words, sizeof words, "%s%s%.150s", proof_words_rung(&p->seen),
		    is_refusal(&p->seen) ? ": " : "",
		    is_refusal(&p->seen) ? p->seen.why : "");
		proof_tell(p, words);
		proof_later(p,
		    ladder_stands_at(&p->seen) < RUNG_AUTH ? PROOF_SOON_MS
			: p->same >= PROOF_SAME		   ? PROOF_SLOWLY_MS
							   : PROOF_AGAIN_MS);
	}
}

static void
on_told(const struct ladder_seen *seen, bool over, void *arg)
{
	struct proof *p = arg;
	enum rung at = ladder_stands_at(seen);
	bool news = false;

	for (int i = 0; i < RUNGS; i++) {
		if (seen->rung_ms[i] >= 0 && p->rung_ms[i] < 0) {
			p->rung_ms[i] = p->pass_ms - p->sent_ms + seen->rung_ms[i];
			news = true;
		}
		if (over && i >= (int)at)
			p->rung_ms[i] = -1;
	}
	proof_guest(p, seen);
	if (!over) {
		if (news)
			proof_tell(p, "the devvm is coming back");
		return;
	}
	proof_count_same(p, seen);
	p->seen = *seen;
	if (at == RUNGS)
		proof_top(p);
	else
		proof_fell(p);
}

static void
proof_pass(struct proof *p)
{
	int64_t left;

	p->pass_ms = clock_mono_ms();
	left = p->until_ms - p->pass_ms;
	ladder_climb(p->ladder,
	    left > PROOF_PASS_MS ? PROOF_PASS_MS
		: left > 0	 ? left
				 : 1,
	    on_told, p);
}

/* After a stop only the host is asked, by who asks it anyway. */
static void
proof_await_stop(struct proof *p)
{
	char text[PROOF_TEXT_MAX];

	if (p->host_ms >= p->began_ms && p->off_ms) {
		proof_words_off(&p->c, clock_mono_ms() - p->sent_ms, host_todo(p), text);
		proof_finish(p, "stopped", text);
	} else if (clock_mono_ms() >= p->until_ms) {
		snprintf(text, sizeof text,
		    "the stop ended well, and the host says that VM 102 is %s",
		    p->c.after.status[0] ? p->c.after.status : "in an unknown state");
		proof_finish(p, "given up", text);
	} else {
		proof_later(p, PROOF_SOON_MS);
	}
}

/* ---- after the end ---- */

static void
on_late_look(const struct ladder_seen *seen, bool over, void *arg)
{
	struct proof *p = arg;
	int was = p->c.after.failed_units;

	proof_guest(p, seen);
	if (!over || seen->failed_units < 0 || seen->failed_units == was ||
	    strcmp(seen->boot_id, p->c.after.boot_id) != 0)
		return;
	proof_side_seen(&p->c.after, seen);
	proof_say_healthy(p);
}

static void
on_timer(uv_timer_t *t)
{
	struct proof *p = t->data;

	if (!p->climbing)
		ladder_look(p->ladder, PROOF_PASS_MS, on_late_look, p);
	else if (p->c.verb == VERB_STOP && p->c.exit == 0 && p->c.known)
		proof_await_stop(p);
	else if (p->top_ms)
		proof_top(p);
	else
		proof_pass(p);
}

static void
proof_fell_back(struct proof *p)
{
	int64_t now = clock_mono_ms();
	char text[128];

	snprintf(text, sizeof text, "the devvm was back for %s and is lost again",
	    clock_age(now - p->top_ms, (char[16]){0}, 16));
	p->end = NULL;
	p->climbing = true;
	p->top_ms = 0;
	for (int i = 0; i < RUNGS; i++)
		p->rung_ms[i] = -1;
	if (p->until_ms < now + PROOF_GIVE_UP_MS / 2)
		p->until_ms = now + PROOF_GIVE_UP_MS / 2;
	proof_tell(p, text);
	remote_hurry(broker_remote(p->broker, DOOR_DEVVM), true);
	proof_later(p, PROOF_SOON_MS);
}

/* ---- what others call ---- */

struct proof *
proof_new(uv_loop_t *loop, struct incident *incident, struct broker *broker)
{
	struct proof *p = mem_alloc(sizeof *p);

	p->incident = incident;
	p->broker = broker;
	p->ladder = ladder_new(loop, broker);
	proof_side_init(&p->now);
	proof_side_init(&p->c.before);
	proof_side_init(&p->c.after);
	ladder_seen_init(&p->seen);
	uv_timer_init(loop, &p->timer);
	p->timer.data = p;
	return p;
}

static void
on_proof_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
proof_free(struct proof *p)
{
	if (!p)
		return;
	ladder_free(p->ladder);
	uv_close((uv_handle_t *)&p->timer, on_proof_closed);
}

static void
side_staged(struct proof_side *side, const struct vmfacts *v)
{
	size_t n = 0;

	side->staged = v->marks && v->m.staged >= 0 ? (int)v->m.staged : -1;
	side->staged_keys[0] = '\0';
	for (size_t i = 0; v->marks && i < js_len(v->staged); i++) {
		const struct js *row = js_at(v->staged, i);
		const char *key = js_str(row, "key");

		if (js_has(row, "to") && key && n < sizeof side->staged_keys)
			n += (size_t)snprintf(side->staged_keys + n,
			    sizeof side->staged_keys - n, "%s%.40s", n ? ", " : "", key);
	}
}

/* Ticks after the host's boot say it of any QEMU; a status says when that was. */
static void
side_began(struct proof *p, struct proof_side *side)
{
	if (p->boot_wall_ms && side->pid > 0 && side->qemu_ticks > 0)
		side->qemu_wall_ms = p->boot_wall_ms + side->qemu_ticks * 1000 / QEMU_HZ;
}

/* Kept while it holds: uptime comes in whole seconds, so each answer wavers. */
static void
learn_boot(struct proof *p, const struct vmfacts *v)
{
	int64_t boot_ms;

	if (v->m.uptime_s < 0 || v->m.qemu_start <= 0)
		return;
	boot_ms =
	    clock_wall_ms() - v->m.uptime_s * 1000 - v->m.qemu_start * 1000 / QEMU_HZ;
	if (boot_ms < p->boot_wall_ms - QEMU_WAVER_MS ||
	    boot_ms > p->boot_wall_ms + QEMU_WAVER_MS)
		p->boot_wall_ms = boot_ms;
}

static void
side_host(struct proof *p, struct proof_side *side, const struct vmfacts *v)
{
	if (v->status[0])
		snprintf(side->status, sizeof side->status, "%s", v->status);
	side->pid = strcmp(side->status, "stopped") == 0 ? 0 : v->pid;
	side->qemu_ticks = v->m.qemu_start;
	side->qemu_wall_ms = 0;
	side_began(p, side);
	side_staged(side, v);
}

void
proof_host(struct proof *p, const struct vmfacts *v)
{
	int64_t now = clock_mono_ms();

	learn_boot(p, v);
	side_host(p, &p->now, v);
	p->old_host = !v->marks;
	p->host_ms = now;
	if (strcmp(v->status, "stopped") != 0)
		p->off_ms = 0;
	else if (!p->off_ms)
		p->off_ms = now;
	if (!p->climbing)
		return;
	p->c.old_host = p->old_host;
	side_host(p, &p->c.after, v);
	side_began(p, &p->c.before);
}

void
proof_tell_clock(struct proof *p, struct clocks *clocks)
{
	p->clocks = clocks;
}

void
proof_guest(struct proof *p, const struct ladder_seen *seen)
{
	if (p->clocks)
		clocks_devvm(p->clocks, &seen->clock);
	if (seen->rung_ms[RUNG_EXEC] < 0 || !seen->boot_id[0])
		return;
	proof_side_seen(&p->now, seen);
	p->guest_ms = clock_mono_ms();
	if (p->climbing)
		proof_side_seen(&p->c.after, seen);
}

/*
 * While a verb runs, a guest that booted before it was sent is what there was; one
 * that did not is what there is.
 */
static void
on_learnt(const struct ladder_seen *seen, bool over, void *arg)
{
	struct proof *p = arg;

	proof_guest(p, seen);
	if (p->running && seen->boot_id[0] &&
	    (int64_t)seen->uptime_s * 1000 > clock_mono_ms() - p->sent_ms)
		proof_side_seen(&p->c.before, seen);
}

static void
proof_learn(struct proof *p)
{
	ladder_look(p->ladder, PROOF_PASS_MS, on_learnt, p);
}

void
proof_before(struct proof *p, enum verb verb)
{
	if (p->climbing)
		proof_finish(
		    p, "superseded", "another verb was sent before the devvm was back");
	uv_timer_stop(&p->timer);
	p->running = true;
	p->end = NULL;
	p->sent_ms = clock_mono_ms();
	p->c =
	    (struct proof_case){.verb = verb, .before = p->now, .old_host = p->old_host};
	proof_side_init(&p->c.after);
	if (p->guest_ms)
		p->c.before.uptime_s += (long)((p->sent_ms - p->guest_ms) / 1000);
	if (remote_state(broker_remote(p->broker, DOOR_DEVVM)) == REMOTE_UP)
		proof_learn(p);
}

void
proof_before_host(struct proof *p, const struct vmfacts *v)
{
	side_host(p, &p->c.before, v);
}

/* After these the connection that stood is one to a machine that is gone. */
static bool
proof_ends_connections(const struct proof *p)
{
	return p->c.known && p->c.exit == 0 &&
	    (p->c.verb == VERB_RESET || p->c.verb == VERB_CYCLE) &&
	    remote_mark_ms(broker_remote(p->broker, DOOR_DEVVM), REMOTE_MARK_AUTH) <
	    p->sent_ms;
}

void
proof_begin(struct proof *p, bool known, int exit)
{
	bool failed = known && exit != 0;

	p->running = false;
	p->c.known = known;
	p->c.exit = exit;
	p->began_ms = clock_mono_ms();
	p->until_ms = p->began_ms + (failed ? PROOF_FAILED_MS : PROOF_GIVE_UP_MS);
	p->climbing = true;
	p->top_ms = 0;
	p->same = 0;
	p->told[0] = '\0';
	p->end = NULL;
	ladder_seen_init(&p->seen);
	for (int i = 0; i < RUNGS; i++)
		p->rung_ms[i] = -1;
	if (p->c.verb == VERB_STOP && !failed && known) {
		p->until_ms = p->began_ms + PROOF_FAILED_MS;
		proof_later(p, PROOF_SOON_MS);
		return;
	}
	proof_tell(p, "waiting for the devvm to come back");
	if (proof_ends_connections(p))
		remote_renew(broker_remote(p->broker, DOOR_DEVVM));
	remote_hurry(broker_remote(p->broker, DOOR_DEVVM), true);
	proof_later(p, 0);
}

/* Of a verb that an earlier engine sent, nobody here knows what there was before. */
void
proof_of_old(struct proof *p, enum verb verb)
{
	if (!p->running || p->c.verb != verb) {
		proof_before(p, verb);
		proof_side_init(&p->c.before);
		p->c.unseen = true;
	}
	proof_begin(p, true, 0);
}

bool
proof_is_climbing(const struct proof *p)
{
	return p->climbing;
}

void
proof_on_over(struct proof *p, proof_over_fn *fn, void *arg)
{
	p->on_over = fn;
	p->on_over_arg = arg;
}

void
proof_on_link(struct proof *p)
{
	enum remote_state state = remote_state(broker_remote(p->broker, DOOR_DEVVM));
	bool healthy = p->end && strcmp(p->end, "healthy") == 0;

	if (p->climbing)
		return;
	if (state == REMOTE_DOWN && healthy &&
	    clock_mono_ms() - p->ended_ms < PROOF_LOST_MS)
		proof_fell_back(p);
	else if (state == REMOTE_UP && !ladder_is_climbing(p->ladder))
		proof_learn(p);
}
