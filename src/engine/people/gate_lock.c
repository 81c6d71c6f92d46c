/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gate_lock.c: keys that act wait at a console that nobody has touched for long. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/people/gate_int.h"
#include "engine/people/people.h"

/* What a lock holds: all that a watcher may not, and to take over from another. */
static bool
is_held(const struct js *m, enum request kind, int autonomy)
{
	if (kind == REQUEST_UNLOCK)
		return false;
	if (kind == REQUEST_DRIVE)
		return !js_bool(m, "release", false);
	if (kind == REQUEST_ANSWER)
		return js_bool(m, "yes", false);
	return !people_is_free(kind, m, autonomy);
}

/* The console's own state, told to it alone. */
static void
tell(struct guest *v)
{
	struct js *f = incident_fact(FACT_STATE, "engine");
	bool password = v->gate->keeper != NULL;
	char text[160];

	js_set_str(f, "what", "lock");
	js_set_bool(f, "on", v->idle.locked);
	if (v->idle.locked) {
		snprintf(text, sizeof text, "no key was pressed here for %lld min%s",
		    (long long)((v->gate->cfg.idle_ms + 59999) / 60000),
		    password ? "; a password unlocks, or attach again" : "");
		js_set_str(f, "how", password ? "password" : "key");
		js_set_str(f, "text", text);
	}
	peer_tell(v->peer, FACT_STATE, f);
}

static bool
can_lock(const struct guest *v)
{
	return v->state == GUEST_IN && peer_is_console(v->peer) &&
	    !peer_is_read_only(v->peer) && v->gate->cfg.idle_ms > 0;
}

/* Who is told may go for that: v alone. */
static void
open_all(struct gate *g)
{
	struct guest *next;

	for (struct guest *v = g->guests; v; v = next) {
		next = v->next;
		if (v->state == GUEST_IN && idle_open(&v->idle, clock_mono_ms()))
			tell(v);
	}
}

static bool
is_busy(const struct gate *g)
{
	return g->climbing || g->cfg.busy(g->cfg.arg);
}

static int64_t
limit_of(const struct gate *g)
{
	return g->cfg.idle_ms + (g->cfg.idle_ms >= 60000 ? GATE_KEYS_LATE_MS : 0);
}

static void
on_timer(uv_timer_t *timer)
{
	struct gate *g = timer->data;
	int64_t now = clock_mono_ms();
	struct guest *next;

	if (is_busy(g))
		open_all(g);
	for (struct guest *v = g->guests; v; v = next) {
		next = v->next;
		if (can_lock(v) && idle_look(&v->idle, limit_of(g), now))
			tell(v);
	}
	gate_lock_arm(g);
}

/* For when the first one can have been idle for long enough. */
void
gate_lock_arm(struct gate *g)
{
	int64_t now = clock_mono_ms(), wait = INT64_MAX;

	for (struct guest *v = g->guests; v; v = v->next) {
		int64_t left = v->idle.since_ms + limit_of(g) - now;

		if (can_lock(v) && !v->idle.locked && left < wait)
			wait = left;
	}
	if (wait == INT64_MAX)
		uv_timer_stop(&g->lock);
	else
		uv_timer_start(&g->lock, on_timer, wait > 0 ? (uint64_t)wait + 1 : 1, 0);
}

bool
gate_may(
    struct gate *g, struct peer *p, const struct js *m, enum request kind, int autonomy)
{
	struct guest *v = gate_find(g, p);

	if (!v)
		return false;
	if (kind != REQUEST_FETCH && kind != REQUEST_HISTORY && kind != REQUEST_UNLOCK)
		idle_touch(&v->idle, clock_mono_ms());
	if (!v->idle.locked || !is_held(m, kind, autonomy))
		return true;
	if (is_busy(g)) {
		open_all(g);
		gate_lock_arm(g);
		return true;
	}
	tell(v);
	peer_error(p, m, "lock",
	    "the keys of this console are locked: nobody touched it for long",
	    g->keeper ? "/unlock asks for a password; or detach and attach again"
		      : "/unlock, then the key again");
	return false;
}

static void
unlock(struct guest *v)
{
	struct gate *g = v->gate;

	if (idle_open(&v->idle, clock_mono_ms()))
		tell(v); /* it may go for that */
	gate_lock_arm(g);
}

/* Who passes by cannot break that file, and attaching again may need it. */
static void
unlock_unasked(struct guest *v, const char *why)
{
	LOG("gate", "unlocked without a password: %s", why);
	unlock(v);
}

static void
on_unlock_late(uv_timer_t *timer)
{
	struct guest *v = timer->data;

	/* where it is us who are late its answer waits behind this timer */
	if (!v->looked_again) {
		v->looked_again = true;
		gate_timer_start(v, on_unlock_late, 1);
		return;
	}
	keeper_drop(v->trying);
	v->trying = NULL;
	gate_timer_stop(v);
	unlock_unasked(v, "the disk of the credentials hangs");
}

static void
on_tried(enum keeper_answer answer, int64_t wait_ms, const char *why, void *arg)
{
	struct guest *v = arg;
	struct gate *g = v->gate;
	struct peer *p = v->peer;
	char words[WIRE_NAME_MAX + 32], text[128];
	const char *called;

	v->trying = NULL;
	gate_timer_stop(v);
	if (answer == KEEPER_BROKEN) {
		unlock_unasked(v, why);
	} else if (answer == KEEPER_WRONG) {
		snprintf(text, sizeof text,
		    "that name and that password do not belong together; the next one is "
		    "looked at in %lld s",
		    (long long)(wait_ms / 1000));
		peer_error(p, NULL, "unlock", text, NULL);
	} else if (gate_name_reads(g, v->trying_name, &called)) {
		peer_error(
		    p, NULL, "unlock", "the list lets that name look, not act", NULL);
	} else {
		snprintf(
		    words, sizeof words, "unlocked by password of %s", v->trying_name);
		unlock(v);
		g->cfg.vouch(p, words, g->cfg.arg);
	}
}

void
gate_unlock(struct gate *g, struct peer *p, const struct js *m)
{
	struct guest *v = gate_find(g, p);
	size_t len = 0, name_len = 0;
	const char *name = js_strn(m, "name", &name_len);
	const char *password = js_strn(m, "password", &len);
	char from[32];

	if (!v || v->state != GUEST_IN)
		return;
	if (!v->idle.locked) {
		tell(v); /* it may have missed that */
	} else if (!g->keeper) {
		unlock(v);
	} else if (v->trying) {
		peer_error(
		    p, m, "unlock", "one password at a time: wait for its answer", NULL);
	} else if (!name || !password || strlen(name) != name_len) {
		peer_error(p, m, "unlock", "a name and its password unlock the keys",
		    "or detach and attach again");
	} else {
		snprintf(from, sizeof from, "%p", (void *)p);
		v->trying = keeper_ask(g->keeper,
		    &(struct keeper_ask){.name = name,
			.password = password,
			.len = len,
			.from = from,
			.attached = true},
		    on_tried, v);
		if (!v->trying) {
			peer_error(p, m, "unlock",
			    "a name has 1 to 32 letters, a password at most 256", NULL);
			return;
		}
		snprintf(v->trying_name, sizeof v->trying_name, "%s", name);
		v->looked_again = false;
		gate_timer_start(v, on_unlock_late, GATE_TRY_MS);
	}
}

void
gate_active(struct gate *g, struct peer *p)
{
	struct guest *v = gate_find(g, p);

	if (v)
		idle_touch(&v->idle, clock_mono_ms());
}

/* What is under way keeps all keys open, and idleness begins anew at its end. */
void
gate_see(struct gate *g, const struct js *fact)
{
	if (!g)
		return;
	if (js_is(fact, "t", "state") && js_is(fact, "what", "proof"))
		g->climbing = !js_bool(fact, "done", false) && !js_str(fact, "end");
	if (js_is(fact, "t", "verb") || js_is(fact, "t", "done") ||
	    (js_is(fact, "t", "prompt") && js_is(fact, "state", "started")) ||
	    (js_is(fact, "t", "state") &&
		(js_is(fact, "what", "proof") || js_is(fact, "what", "unfinished")))) {
		open_all(g);
		gate_lock_arm(g);
	}
}
