/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * broker_hold.c: back-pressure.  Who reads slowly stops the socket of his own
 * connection: what waits for a shim, a shell or the journal's disk is bounded.
 */
#include "base/clock.h"
#include "engine/remote/broker_int.h"

#define BROKER_PRESSURE_HIGH \
	(1024 * 1024)	     /* bytes waiting for the disk: hosts are read no more */
#define BROKER_HELD_MS 10000 /* nobody reads for so long: the run is ended */
#define BROKER_RELIEF_MS 10  /* how soon that is looked at again */

void
broker_run_let_go(struct broker_run *run)
{
	if (run->held_ms)
		remote_resume(run->broker->remotes[run->door]);
	run->held_ms = 0;
}

/* True while some run is held for its reader. */
static bool
broker_look_at_held(struct broker *b)
{
	int64_t now = clock_mono_ms();
	bool any = false;

	for (struct broker_run *run = b->runs; run; run = run->next) {
		if (run->held_ms && now - run->held_ms > BROKER_HELD_MS) {
			broker_run_let_go(run);
			broker_run_stop(run, "nobody read its output for 10 s: ended");
		}
		any |= run->held_ms != 0;
	}
	return any;
}

static void
on_relief(uv_timer_t *t)
{
	struct broker *b = t->data;
	bool held = broker_look_at_held(b);

	if (incident_journal(b->cfg.incident) == JOURNAL_OK &&
	    incident_pressure(b->cfg.incident) > BROKER_PRESSURE_HIGH / 2)
		return;
	for (int d = 0; d < DOORS; d++) {
		if (b->paused[d])
			remote_resume(b->remotes[d]);
		b->paused[d] = false;
	}
	if (!held)
		uv_timer_stop(t);
}

void
broker_run_hold(struct broker_run *run)
{
	if (run->held_ms)
		return;
	run->held_ms = clock_mono_ms();
	remote_pause(run->broker->remotes[run->door]);
	uv_timer_start(
	    &run->broker->relief, on_relief, BROKER_RELIEF_MS, BROKER_RELIEF_MS);
}

void
broker_run_ready(struct broker_run *run)
{
	broker_run_let_go(run);
}

void
broker_hold(struct broker *b, enum door door)
{
	if (b->paused[door] || incident_journal(b->cfg.incident) != JOURNAL_OK ||
	    incident_pressure(b->cfg.incident) < BROKER_PRESSURE_HIGH)
		return;
	b->paused[door] = true;
	remote_pause(b->remotes[door]);
	uv_timer_start(&b->relief, on_relief, BROKER_RELIEF_MS, BROKER_RELIEF_MS);
}
