/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "host/verdict.h"

#define SPIN_PCT 80 /* of one core */

static const char *const words[VERDICT_WORDS] = {
    [VERDICT_HUNG] = "hung",
    [VERDICT_STALL] = "stall",
    [VERDICT_FROZEN] = "frozen",
    [VERDICT_PAUSED] = "paused",
    [VERDICT_NOSPACE] = "nospace",
    [VERDICT_GUEST_SPIN] = "guest-spin",
    [VERDICT_GUEST_IDLE] = "guest-idle",
    [VERDICT_HEALTHY] = "healthy",
    [VERDICT_STOPPED] = "stopped",
};

const char *
verdict_to_str(enum verdict_word word)
{
	return words[word];
}

const char *
qmp_state_to_str(enum qmp_state state)
{
	static const char *const names[] = {"unasked", "none", "alive", "hung", "busy"};

	return names[state];
}

const char *
verdict_status(const struct evidence *e, const char *fallback)
{
	if (e->qemu.found == QEMU_NONE || e->qemu.found == QEMU_FOREIGN)
		return "stopped";
	if (e->qmp == QMP_ALIVE && e->status[0] != '\0')
		return e->status;
	if (e->qmp == QMP_HUNG || e->qmp == QMP_NONE)
		return "hung";
	return *fallback ? fallback : "unknown";
}

static void
say(struct verdict *v, enum verdict_word word, const char *advice, const char *why)
{
	v->word = word;
	v->advice = advice;
	snprintf(v->why, sizeof(v->why), "%s", why);
}

static bool
no_process(const struct evidence *e, struct verdict *v)
{
	if (e->qemu.found == QEMU_OURS || e->qemu.found == QEMU_UNPROVEN)
		return false;
	say(v, VERDICT_STOPPED, "start",
	    e->qemu.found == QEMU_FOREIGN
		? "no QEMU of VM 102; its pidfile names another process"
		: "no QEMU process of VM 102");
	return true;
}

static bool
main_loop_dead(const struct evidence *e, struct verdict *v)
{
	const struct qemu *q = &e->qemu;

	if (q->leader == 'Z') {
		say(v, VERDICT_HUNG, "none", "");
		snprintf(v->why, sizeof(v->why),
		    "QEMU's main thread is dead but %d threads live (%s in D): the host's "
		    "storage holds them",
		    q->threads, q->d_thread[0] ? q->d_thread : "none");
		return true;
	}
	if (q->threads > 0 && q->stopped == q->threads) {
		say(v, VERDICT_HUNG, "cycle", "");
		snprintf(v->why, sizeof(v->why),
		    "all %d threads of QEMU are stopped by a signal", q->threads);
		return true;
	}
	if (e->qmp != QMP_HUNG && e->qmp != QMP_NONE)
		return false;
	say(v, VERDICT_HUNG, "cycle", "");
	if (q->disk_wait > 0)
		snprintf(v->why, sizeof(v->why),
		    "QMP silent for %lld ms; %d threads (%s) wait for the host's storage",
		    e->qmp_ms, q->disk_wait, q->d_thread);
	else if (e->qmp == QMP_NONE)
		snprintf(v->why, sizeof(v->why),
		    "QEMU pid %d runs, but nobody answers at its QMP socket",
		    (int)q->pid);
	else
		snprintf(v->why, sizeof(v->why),
		    "QMP silent for %lld ms and the main thread stands still", e->qmp_ms);
	return true;
}

static bool
not_running(const struct evidence *e, struct verdict *v)
{
	const char *s = e->status;

	if (e->qmp != QMP_ALIVE || *s == '\0' || strcmp(s, "running") == 0)
		return false;
	if (strcmp(s, "io-error") == 0)
		say(v, VERDICT_NOSPACE, "none",
		    "QEMU stopped the guest on an I/O error: make room on the host's "
		    "storage, then start");
	else if (strcmp(s, "shutdown") == 0 || strcmp(s, "internal-error") == 0 ||
	    strcmp(s, "guest-panicked") == 0) {
		say(v, VERDICT_PAUSED, "cycle", "");
		snprintf(v->why, sizeof(v->why), "QEMU says %s; resuming cannot help", s);
	} else {
		say(v, VERDICT_PAUSED, "start", "");
		snprintf(v->why, sizeof(v->why), "QEMU says %s; start resumes it", s);
	}
	return true;
}

static bool
is_frozen(const struct evidence *e, struct verdict *v)
{
	if (strcmp(e->freeze, "frozen") != 0)
		return false;
	say(v, VERDICT_FROZEN, "reset",
	    "the guest agent says its file systems are frozen; reset and cycle thaw them "
	    "first");
	return true;
}

static bool
disks_moved(const struct evidence *e)
{
	return e->a.rd != e->b.rd || e->a.wr != e->b.wr || e->a.flush != e->b.flush;
}

static bool
is_stalled(const struct evidence *e, struct verdict *v)
{
	if (!e->both || !e->a.blk || !e->b.blk || disks_moved(e))
		return false;
	if (e->a.vq && e->b.vq) {
		if (e->a.inuse == 0 || e->b.inuse == 0 || e->a.used != e->b.used)
			return false;
		say(v, VERDICT_STALL, "cycle", "");
		snprintf(v->why, sizeof(v->why),
		    "QEMU holds %llu disk requests of the guest and finished none in %lld ms",
		    e->b.inuse, e->gap_ms);
		return true;
	}
	/* no virtio queue to ask: only a thread that waits for storage is proof */
	if (e->qemu.disk_wait == 0)
		return false;
	say(v, VERDICT_STALL, "cycle", "");
	snprintf(v->why, sizeof(v->why),
	    "no disk request finished in %lld ms and thread %s waits for the host's storage",
	    e->gap_ms, e->qemu.d_thread);
	return true;
}

static bool
guest_hangs(const struct evidence *e, struct verdict *v)
{
	const char *fix = e->staged > 0 ? "cycle" : "reset";

	if (!e->both || !e->b.blk || e->b.wr != e->a.wr || e->agent == AGENT_ALIVE)
		return false;
	if (e->vcpu_pct >= SPIN_PCT) {
		say(v, VERDICT_GUEST_SPIN, fix, "");
		snprintf(v->why, sizeof(v->why),
		    "QEMU is healthy; the guest burns %d %% of a core and wrote nothing in "
		    "%lld ms",
		    e->vcpu_pct, e->gap_ms);
		return true;
	}
	if (e->agent != AGENT_SILENT)
		return false;
	say(v, VERDICT_GUEST_IDLE, fix, "");
	snprintf(v->why, sizeof(v->why),
	    "QEMU is healthy; the guest asks for nothing and its agent does not answer");
	return true;
}

void
verdict_make(const struct evidence *e, struct verdict *v)
{
	if (no_process(e, v) || main_loop_dead(e, v) || not_running(e, v) ||
	    is_frozen(e, v) || is_stalled(e, v) || guest_hangs(e, v))
		return;
	if (e->qmp == QMP_BUSY)
		say(v, VERDICT_HEALTHY, "none",
		    "QEMU's main loop runs, but somebody else holds its monitor: little could "
		    "be measured");
	else if (e->qmp != QMP_ALIVE)
		say(v, VERDICT_HEALTHY, "none",
		    "QEMU runs; nothing more could be measured");
	else
		say(v, VERDICT_HEALTHY, "none",
		    "QMP answers and nothing the host can see is stuck");
}
