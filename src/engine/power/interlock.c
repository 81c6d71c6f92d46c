/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/interlock.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/power/ladder.h"

#define INTERLOCK_CLIMB_MS 10000 /* of one climb */
#define INTERLOCK_AGAIN_MS 1000	 /* between one that failed and the next */

struct interlock {
	struct incident *incident;
	struct broker *broker;
	struct ladder *ladder;
	uv_timer_t again;
	int64_t hold_ms;
	int64_t since_ms; /* when the first climb began; 0: nobody waits */
};

static void
say(struct interlock *i, const char *text)
{
	struct js *f = incident_fact(FACT_NOTE, "engine");

	js_set_str(f, "text", text);
	incident_emit(i->incident, FACT_NOTE, f);
}

static void
over(struct interlock *i, bool healthy, int64_t took_ms)
{
	i->since_ms = 0;
	broker_probed(i->broker, healthy, took_ms);
}

static void climb(struct interlock *i);

static void
on_again(uv_timer_t *timer)
{
	climb(timer->data);
}

static void
on_climb(const struct ladder_seen *seen, bool is_over, void *arg)
{
	struct interlock *i = arg;
	enum rung at = ladder_stands_at(seen);
	int64_t failed_ms = clock_mono_ms() - i->since_ms;
	char text[160];

	if (!is_over)
		return;
	if (!broker_is_probing(i->broker)) { /* whoever waited is gone: nothing goes */
		i->since_ms = 0;
		return;
	}
	if (at == RUNGS) {
		over(i, true, seen->rung_ms[RUNG_DISK]);
	} else if (failed_ms < i->hold_ms) {
		uv_timer_start(&i->again, on_again, INTERLOCK_AGAIN_MS, 0);
	} else {
		snprintf(text, sizeof text,
		    "interlock: the devvm fails our own probe at \"%s\" for %lld s: the "
		    "agent's verb goes",
		    rung_name(at), (long long)(failed_ms / 1000));
		say(i, text);
		over(i, false, 0);
	}
}

static void
climb(struct interlock *i)
{
	ladder_climb(i->ladder, INTERLOCK_CLIMB_MS, on_climb, i);
}

static void
probe(void *arg)
{
	struct interlock *i = arg;

	if (i->since_ms)
		return;
	i->since_ms = clock_mono_ms();
	say(i, "interlock: the devvm is probed before a mutating verb of the agent");
	climb(i);
}

struct interlock *
interlock_new(
    uv_loop_t *loop, struct incident *incident, struct broker *broker, int64_t hold_ms)
{
	struct interlock *i = mem_alloc(sizeof *i);

	i->incident = incident;
	i->broker = broker;
	i->hold_ms = hold_ms;
	i->ladder = ladder_new(loop, broker);
	uv_timer_init(loop, &i->again);
	i->again.data = i;
	broker_set_interlock(broker, probe, i);
	return i;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
interlock_free(struct interlock *i)
{
	if (!i)
		return;
	broker_set_interlock(i->broker, NULL, NULL);
	ladder_free(i->ladder);
	uv_close((uv_handle_t *)&i->again, on_closed);
}
