/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/verdict.h"

#define SPIN_PCT 80 /* of one core */
/* Without queues to look at, only a long silence of the disks is a stall. */
#define STILL_S 120	  /* of a guest that does not answer either */
#define STILL_ALIVE_S 600 /* of one whose agent does; an idle guest writes more often */
#define RRD_SAID_S 120	  /* a row is a minute, and the last two may be missing */

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
	static const char *const names[] = {
	    "unasked", "none", "alive", "hung", "busy", "strange"};

	return names[state];
}

const char *
verdict_status(const struct evidence *e, const char *fallback)
{
	if (e->qemu.found == QEMU_NONE || e->qemu.found == QEMU_FOREIGN)
		return "stopped";
	if (e->qmp == QMP_ALIVE && e->status[0] != '\0')
		return e->status;
	if (e->qmp == QMP_HUNG || e->qmp == QMP_NONE || e->qmp == QMP_STRANGE)
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

/* Adds to the reason what it adds to the certainty, where there is room for all of it. */
static void __attribute__((format(printf, 2, 3)))
also(struct verdict *v, const char *fmt, ...)
{
	size_t n = strlen(v->why);
	char more[120];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(more, sizeof(more), fmt, ap);
	va_end(ap);
	if (n + strlen(more) < sizeof(v->why))
		strcpy(v->why + n, more);
}

/* What pvestatd and gdb know of a QEMU that does not work. */
static void
also_since(const struct evidence *e, struct verdict *v)
{
	/* where a main loop waits that has nothing to do: no reason */
	if (e->main_waits_in[0] != '\0' &&
	    strcmp(e->main_waits_in, "main_loop_wait") != 0)
		also(v, "; its main thread is in %s", e->main_waits_in);
	if (e->rrd_silent_s >= RRD_SAID_S)
		also(
		    v, "; pvestatd has had no answer for %lld min", e->rrd_silent_s / 60);
	else if (v->word == VERDICT_STALL && e->rrd_zero_write_s >= RRD_SAID_S)
		also(v, "; pvestatd has seen no writes for %lld min",
		    e->rrd_zero_write_s / 60);
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
	if (e->qmp != QMP_HUNG && e->qmp != QMP_NONE && e->qmp != QMP_STRANGE)
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
	else if (e->qmp == QMP_STRANGE)
		snprintf(v->why, sizeof(v->why),
		    "QEMU pid %d runs, but what answers at its QMP socket is not QMP",
		    (int)q->pid);
	else
		snprintf(v->why, sizeof(v->why),
		    "QMP silent for %lld ms and the main thread stands still", e->qmp_ms);
	also_since(e, v);
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
	if (strcmp(e->lock, "backup") == 0 || strcmp(e->lock, "snapshot") == 0)
		say(v, VERDICT_FROZEN, "none",
		    "the guest's file systems are frozen by the task that holds the config "
		    "lock: it thaws them by itself");
	else
		say(v, VERDICT_FROZEN, "start",
		    "the guest agent says its file systems are frozen; start thaws them, and "
		    "nothing is lost");
	return true;
}

static bool
disks_moved(const struct evidence *e)
{
	return e->a.rd != e->b.rd || e->a.wr != e->b.wr || e->a.flush != e->b.flush;
}

/* How long the disks have stood still, by QEMU's own clock or by pvestatd's. */
static long long
still_s(const struct evidence *e)
{
	long long s = e->b.idle_ms > 0 ? e->b.idle_ms / 1000 : 0;

	return e->rrd_zero_write_s > s ? e->rrd_zero_write_s : s;
}

/* No queue to look at (LSI, SATA, IDE): then it takes longer to be sure. */
static bool
is_stalled_unseen(const struct evidence *e, struct verdict *v)
{
	long long still = still_s(e);

	if (e->qemu.disk_wait > 0) {
		say(v, VERDICT_STALL, "cycle", "");
		snprintf(v->why, sizeof(v->why),
		    "no disk request finished in %lld ms and thread %s waits for the host's "
		    "storage",
		    e->gap_ms, e->qemu.d_thread);
		return true;
	}
	if (e->vcpu_pct >= SPIN_PCT || e->says == SCREEN_SAYS_PANIC ||
	    still < (e->agent == AGENT_ALIVE ? STILL_ALIVE_S : STILL_S))
		return false;
	say(v, VERDICT_STALL, "cycle", "");
	snprintf(v->why, sizeof(v->why),
	    "QMP answers, but no disk of the guest has done anything for %lld s (its "
	    "controller shows no queues)",
	    still);
	return true;
}

static bool
is_stalled(const struct evidence *e, struct verdict *v)
{
	if (!e->both || !e->a.blk || !e->b.blk || disks_moved(e))
		return false;
	if (!e->a.vq || !e->b.vq) {
		if (!is_stalled_unseen(e, v))
			return false;
	} else if (e->a.inuse == 0 || e->b.inuse == 0 || e->a.used != e->b.used)
		return false;
	else {
		say(v, VERDICT_STALL, "cycle", "");
		snprintf(v->why, sizeof(v->why),
		    "QEMU holds %llu disk requests of the guest and finished none in %lld ms",
		    e->b.inuse, e->gap_ms);
	}
	also_since(e, v);
	return true;
}

static bool
guest_hangs(const struct evidence *e, struct verdict *v)
{
	const char *fix = e->staged > 0 ? "cycle" : "reset";
	bool panic = e->says == SCREEN_SAYS_PANIC;

	if (!e->both || !e->b.blk || e->b.wr != e->a.wr || e->agent == AGENT_ALIVE)
		return false;
	if (panic || e->vcpu_pct >= SPIN_PCT) {
		say(v, VERDICT_GUEST_SPIN, fix, "");
		snprintf(v->why, sizeof(v->why),
		    "QEMU is healthy; %sthe guest burns %d %% of a core and wrote nothing in "
		    "%lld ms",
		    panic ? "kernel panic on the screen: " : "", e->vcpu_pct, e->gap_ms);
		if (e->says == SCREEN_SAYS_OOM)
			also(v, "; its screen tells of the OOM killer");
		return true;
	}
	if (e->agent != AGENT_SILENT)
		return false;
	say(v, VERDICT_GUEST_IDLE, fix, "");
	if (e->says == SCREEN_SAYS_EMERGENCY)
		snprintf(v->why, sizeof(v->why),
		    "QEMU is healthy; the guest's boot ended in an emergency shell (screen): it "
		    "waits at its console for a person");
	else
		snprintf(v->why, sizeof(v->why),
		    "QEMU is healthy; the guest asks for nothing and its agent does not answer");
	if (e->says == SCREEN_SAYS_OOM)
		also(v, "; its screen tells of the OOM killer");
	if (e->link == LINK_DOWN)
		also(v, "; its network link is down");
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
	else if (!e->both)
		say(v, VERDICT_HEALTHY, "none",
		    "QMP answers, but there was no time to see whether the disks move: ask "
		    "forensics again");
	else
		say(v, VERDICT_HEALTHY, "none",
		    "QMP answers and nothing the host can see is stuck");
	if (e->link == LINK_DOWN)
		also(v, "; but the host has taken its network link down");
}
