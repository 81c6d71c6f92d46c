/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verdict_not.c: what keeps a verb from working, and why one cannot help. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/power/verdict_int.h"

/* --- what keeps a verb from working --- */

#define V(verb) (1u << VERB_##verb)
#define MUTATING (V(START) | V(STOP) | V(RESET) | V(CYCLE))

static bool
job_runs(const struct seen *s)
{
	return s->in->under_way || s->h->host.state == HOSTJOB_RUNNING;
}

/* A suspended VM's state is on disk: a start is what takes it back. */
static bool
locked(const struct seen *s)
{
	return s->h->lock[0] && !(seen_stopped(s) && is(s->h->lock, "suspended"));
}

bool
verdict_unstartable(const struct seen *s)
{
	return is(s->m->startable, "no");
}

static void
lock_todo(const struct seen *s, char *out, size_t size)
{
	const char *holder = s->m->lock_holder;
	bool dead = strncmp(holder, "nobody", 6) == 0;

	snprintf(out, size, "VM 102's config is locked (%s)%s%.180s: %s", s->h->lock,
	    holder[0] ? ", held by " : "", holder,
	    dead ? "breakglass-pve --remove-lock on the PVE host, as root"
		 : "wait for that task or end it on the host; only when it is dead: "
		   "breakglass-pve --remove-lock there, as root");
}

static void
start_todo(const struct seen *s, char *out, size_t size)
{
	snprintf(out, size, "it could not be started: %.240s: put that right on the host",
	    s->m->startable_why[0] ? s->m->startable_why
				   : "no quorum, or no storage or config");
}

static void
silent_todo(const struct seen *s, char *out, size_t size)
{
	snprintf(out, size, "the PVE host does not answer");
}

static void
key_todo(const struct seen *s, char *out, size_t size)
{
	snprintf(
	    out, size, "the PVE host's key has changed: compare it, then /accept pve");
}

static void
job_todo(const struct seen *s, char *out, size_t size)
{
	if (s->in->under_way)
		snprintf(
		    out, size, "%s runs at the host: wait for its end", s->in->under_way);
	else
		snprintf(out, size, "%s runs at the host, phase %s: wait for its end",
		    s->h->host.verb[0] ? s->h->host.verb : "a verb", s->h->host.phase);
}

static const struct {
	unsigned verbs;
	bool (*holds)(const struct seen *s);
	void (*todo)(const struct seen *s, char *out, size_t size);
} blocks[] = {
    {MUTATING | V(FORENSICS), seen_pve_down, silent_todo},
    {MUTATING, seen_key_changed, key_todo},
    {MUTATING, job_runs, job_todo},
    {MUTATING, locked, lock_todo},
    {V(START) | V(CYCLE), verdict_unstartable, start_todo},
};

bool
verdict_blocked(const struct seen *s, enum verb verb, char *todo, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		if (!(blocks[i].verbs & 1u << verb) || !blocks[i].holds(s))
			continue;
		blocks[i].todo(s, todo, size);
		return true;
	}
	return false;
}

/* --- what must not be done --- */

static bool
sshd_is_broken(const struct seen *s)
{
	return seen_sshd_gone(s) || seen_login_fails(s);
}

static bool
still_frozen(const struct seen *s)
{
	return seen_frozen(s) && !seen_whole(s);
}

static bool
no_room(const struct seen *s)
{
	return seen_disk_full(s) || seen_whole_but_full(s);
}

static bool
any_stall(const struct seen *s)
{
	return seen_stalled(s) || seen_perhaps_stalled(s) || seen_stalled_by_witness(s) ||
	    seen_old_and_write_hangs(s);
}

static bool
any_hang(const struct seen *s)
{
	return seen_hung(s) || seen_old_and_late(s);
}

static bool
any_held(const struct seen *s)
{
	return seen_held(s) || seen_storage_holds_hung(s) ||
	    seen_storage_holds_stalled(s);
}

static bool
process_there(const struct seen *s)
{
	return s->h->status[0] && !seen_stopped(s) && !seen_paused(s) &&
	    !seen_nospace(s) && !is(s->h->status, "unknown");
}

static const struct not_row {
	unsigned verbs;
	bool (*holds)(const struct seen *s);
	const char *why;
} nots[] = {
    {MUTATING, seen_pve_down, "the PVE host does not answer: it would not be sent"},
    {MUTATING, seen_key_changed,
	"the PVE host's key has changed: refused until it is accepted"},
    {MUTATING, seen_missing, "there is no VM 102 on this host"},
    {MUTATING, job_runs, "a verb runs at the host: it refuses a second one"},
    {MUTATING, locked, "VM 102's config is locked: the host refuses"},
    {V(START) | V(CYCLE), verdict_unstartable,
	"it could not be started: the host refuses, so that the VM is not left off"},
    {V(RESET) | V(STOP), seen_stopped, "no QEMU runs"},
    {V(START) | V(CYCLE), seen_answers_elsewhere,
	"the devvm's address answers: it may run elsewhere already"},
    {V(RESET) | V(STOP) | V(CYCLE), any_held,
	"the host's storage holds threads of QEMU: it cannot be ended, and nothing may be "
	"started beside it"},
    {V(RESET), any_hang,
	"a main loop that hangs does not take it: it fails, and costs time"},
    {V(RESET), seen_paused, "a paused QEMU is left in prelaunch: it does not run again"},
    {V(RESET) | V(CYCLE), seen_nospace,
	"it boots and stops again at its next write: make room first"},
    {V(RESET), any_stall,
	"it waits for the stuck requests in QEMU's main loop: that kills QMP and destroys "
	"the evidence, and cures nothing"},
    {V(RESET) | V(CYCLE), still_frozen,
	"start thaws the file systems; this loses what was not written to them"},
    {V(RESET) | V(CYCLE), no_room, "it boots with the same full disk"},
    {V(RESET) | V(CYCLE), sshd_is_broken,
	"it boots the same files: what is broken on disk stays broken"},
    {V(RESET), seen_link_cut, "the link is cut in QEMU, and a reset keeps that QEMU"},
    {V(RESET), seen_staged, "it does not apply the staged config; cycle does"},
    {V(START), seen_paused_under_old,
	"the old host program's start refuses a VM that has a process"},
    {V(START), seen_nospace_under_old,
	"the old host program's start refuses a VM that has a process"},
    {V(START), process_there, "VM 102 runs already"},
};

void
verdict_decide_not(struct verdict *v, const struct seen *s)
{
	for (int verb = 0; verb < VERBS; verb++) {
		for (size_t i = 0; i < ARRAY_LEN(nots); i++) {
			if (!(nots[i].verbs & 1u << verb) || !nots[i].holds(s) ||
			    is(v->advice, verb_rows[verb].name))
				continue;
			v->not_now[v->not_count].verb = (enum verb)verb;
			v->not_now[v->not_count++].why = nots[i].why;
			break;
		}
	}
}
