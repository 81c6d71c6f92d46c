/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verdict_seen.c: one question about the two witnesses, one function.
 *
 * Pure, and none knows a word or a verb: the tables name them.
 */
#include <string.h>

#include "base/mem.h"
#include "engine/power/verdict_int.h"

const char *
verdict_host_word(const struct verdict_in *in)
{
	static const char *const words[][2] = {
	    {"debug", "paused"},
	    {"guest-panicked", "paused"},
	    {"hung", "hung"},
	    {"inmigrate", "paused"},
	    {"internal-error", "paused"},
	    {"io-error", "nospace"},
	    {"paused", "paused"},
	    {"prelaunch", "paused"},
	    {"shutdown", "paused"},
	    {"stall", "stall"},
	    {"stopped", "stopped"},
	    {"suspended", "paused"},
	    {"unkillable", "hung"},
	    {"watchdog", "paused"},
	};

	if (!in->host)
		return "";
	if (in->captured && in->host->verdict[0])
		return in->host->verdict;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (is(in->host->status, words[i][0]))
			return words[i][1];
	return "";
}

/* --- how far ssh came --- */

bool
seen_whole(const struct seen *s)
{
	return s->l && ladder_stands_at(s->l) == RUNGS;
}

static bool
stuck(const struct seen *s, enum rung from, enum rung to, bool hung)
{
	return s->l && (s->l->hung || s->l->disk_hung) == hung &&
	    ladder_stands_at(s->l) >= from && ladder_stands_at(s->l) <= to;
}

/* The write hangs: sudo, which is asked beside it, may do so for reasons of its own. */
static bool
write_hangs(const struct seen *s)
{
	return stuck(s, RUNG_EXEC, RUNG_DISK, true) && s->l->rung_ms[RUNG_DISK] < 0;
}

bool
seen_sudo_hangs(const struct seen *s)
{
	return stuck(s, RUNG_SUDO, RUNG_SUDO, true) && s->l->rung_ms[RUNG_DISK] >= 0;
}

static bool
no_ssh(const struct seen *s)
{
	return s->l && ladder_stands_at(s->l) <= RUNG_BANNER;
}

/* --- what the host measured --- */

bool
seen_pve_down(const struct seen *s)
{
	return s->in->pve == VERDICT_LINK_DOWN;
}

bool
seen_key_changed(const struct seen *s)
{
	return s->in->pve_key_changed;
}

static bool
old_program(const struct seen *s)
{
	return s->h->plain && !s->h->marks;
}

static bool
seen_runs(const struct seen *s)
{
	return is(s->h->status, "running");
}

/* The guest does something that needs neither its network nor its sshd. */
static bool
guest_lives(const struct seen *s)
{
	return is(s->m->agent, "alive") || s->m->wr_delta > 0;
}

static bool
writes_stand_still(const struct seen *s)
{
	return s->captured && s->m->wr_delta == 0 && is(s->host, "healthy");
}

bool
seen_staged(const struct seen *s)
{
	return s->m->staged > 0;
}

bool
seen_both_silent(const struct seen *s)
{
	return seen_pve_down(s) && (s->l ? no_ssh(s) : s->in->devvm == VERDICT_LINK_DOWN);
}

bool
seen_missing(const struct seen *s)
{
	return is(s->m->vm, "missing");
}

bool
seen_hung(const struct seen *s)
{
	return is(s->host, "hung");
}

bool
seen_held(const struct seen *s)
{
	return seen_hung(s) &&
	    (is(s->h->status, "unkillable") || (s->captured && is(s->h->advice, "none")));
}

static bool
storage_holds(const struct seen *s)
{
	return s->captured && s->m->threads_disk_wait > 0;
}

bool
seen_storage_holds_hung(const struct seen *s)
{
	return seen_hung(s) && storage_holds(s);
}

bool
seen_storage_holds_stalled(const struct seen *s)
{
	return (seen_stalled(s) || seen_stalled_by_witness(s)) && storage_holds(s);
}

bool
seen_hung_but_alive(const struct seen *s)
{
	return seen_hung(s) && seen_whole(s);
}

bool
seen_answers_elsewhere(const struct seen *s)
{
	return seen_whole(s) && is(s->host, "stopped");
}

bool
seen_whole_but_full(const struct seen *s)
{
	return seen_whole(s) && s->l->root_used_pct >= VERDICT_DISK_FULL_PCT;
}

bool
seen_whole_without_host(const struct seen *s)
{
	return seen_whole(s) && seen_pve_down(s);
}

bool
seen_whole_but_slow(const struct seen *s)
{
	const struct ladder_seen *l = s->l;
	int64_t login;

	if (!seen_whole(s))
		return false;
	login = l->rung_ms[RUNG_EXEC] - l->rung_ms[RUNG_TCP];
	return login > VERDICT_LOGIN_SLOW_MS ||
	    l->rung_ms[RUNG_DISK] - l->rung_ms[RUNG_SUDO] > VERDICT_WRITE_SLOW_MS ||
	    (login > VERDICT_LOADED_LOGIN_MS && l->cpus > 0 &&
		l->load1 > VERDICT_LOAD_PER_CPU * (double)l->cpus) ||
	    (l->mem_total_kb > 0 && l->mem_avail_kb >= 0 &&
		l->mem_avail_kb * 100 < l->mem_total_kb * VERDICT_MEM_LOW_PCT);
}

bool
seen_whole_after_trouble(const struct seen *s)
{
	return seen_whole(s) && s->host[0] && !is(s->host, "healthy");
}

bool
seen_whole_with_failed_units(const struct seen *s)
{
	return seen_whole(s) && s->l->failed_units > 0;
}

bool
seen_stopped(const struct seen *s)
{
	return is(s->host, "stopped");
}

bool
seen_panic_stopped_it(const struct seen *s)
{
	return is(s->h->status, "guest-panicked");
}

bool
seen_cannot_resume(const struct seen *s)
{
	return is(s->host, "paused") &&
	    (is(s->h->status, "shutdown") || is(s->h->status, "internal-error") ||
		(s->captured && is(s->h->advice, "cycle")));
}

/* Its start is qm start, which refuses a VM that has a process. */
bool
seen_paused_under_old(const struct seen *s)
{
	return is(s->host, "paused") && old_program(s);
}

bool
seen_nospace_under_old(const struct seen *s)
{
	return is(s->host, "nospace") && old_program(s);
}

bool
seen_paused(const struct seen *s)
{
	return is(s->host, "paused");
}

bool
seen_nospace(const struct seen *s)
{
	return is(s->host, "nospace");
}

bool
seen_frozen(const struct seen *s)
{
	return is(s->host, "frozen");
}

bool
seen_frozen_by_a_backup(const struct seen *s)
{
	return seen_frozen(s) && (is(s->h->lock, "backup") || is(s->h->lock, "snapshot"));
}

bool
seen_stalled(const struct seen *s)
{
	return is(s->host, "stall");
}

bool
seen_perhaps_stalled(const struct seen *s)
{
	return !s->captured && s->m->vq_inuse > 0 &&
	    s->m->idle_ms >= VERDICT_STATUS_IDLE_MS;
}

bool
seen_read_only(const struct seen *s)
{
	return s->l && s->l->read_only;
}

bool
seen_disk_full(const struct seen *s)
{
	return s->l && s->l->disk_full;
}

/* A controller whose queue cannot be asked: the guest is the witness. */
bool
seen_stalled_by_witness(const struct seen *s)
{
	return write_hangs(s) && writes_stand_still(s) && s->m->vq_inuse < 0;
}

bool
seen_slow_disk(const struct seen *s)
{
	return write_hangs(s) && s->captured && s->m->wr_delta > 0;
}

bool
seen_frozen_by_witness(const struct seen *s)
{
	return stuck(s, RUNG_DISK, RUNG_DISK, true) && writes_stand_still(s) &&
	    s->m->vq_inuse == 0 && s->m->freeze[0] == '\0';
}

bool
seen_guest_kernel_hangs(const struct seen *s)
{
	return write_hangs(s) && writes_stand_still(s) && s->m->vq_inuse == 0;
}

static bool
screen_shows(const struct seen *s, const char *name)
{
	int row = screen_seen_now(&s->m->seen);

	return row >= 0 && is(screen_says_name(row), name);
}

bool
seen_panic_on_screen(const struct seen *s)
{
	return s->captured &&
	    (is(s->m->screen_says, "panic") || screen_shows(s, "panic")) &&
	    !is(s->m->agent, "alive") && (!s->l || ladder_stands_at(s->l) <= RUNG_AUTH);
}

/* It waits at its console: no agent, no sshd, no writes, whatever it burns meanwhile. */
bool
seen_boot_waits(const struct seen *s)
{
	return s->captured && screen_seen_waits(&s->m->seen) && seen_runs(s) &&
	    !guest_lives(s) && (!s->l || no_ssh(s));
}

/* sshd speaks, so the guest lives; it is the login that it does not grant. */
bool
seen_login_fails(const struct seen *s)
{
	return stuck(s, RUNG_KEX, RUNG_AUTH, false);
}

bool
seen_link_cut(const struct seen *s)
{
	return is(s->m->link, "down") && !seen_whole(s);
}

bool
seen_spins(const struct seen *s)
{
	return is(s->host, "guest-spin");
}

bool
seen_idles(const struct seen *s)
{
	return is(s->host, "guest-idle");
}

bool
seen_thrashes(const struct seen *s)
{
	return s->captured && no_ssh(s) && !is(s->m->agent, "alive") &&
	    s->m->vcpu_pct >= VERDICT_SPIN_PCT;
}

bool
seen_lives_without_net(const struct seen *s)
{
	return s->captured && guest_lives(s) && stuck(s, RUNG_TCP, RUNG_TCP, true);
}

bool
seen_lives_unreachable(const struct seen *s)
{
	return s->captured && guest_lives(s) && stuck(s, RUNG_TCP, RUNG_TCP, false) &&
	    !strstr(s->l->why, "refused");
}

bool
seen_sshd_silent(const struct seen *s)
{
	return s->captured && guest_lives(s) && stuck(s, RUNG_BANNER, RUNG_AUTH, true);
}

bool
seen_sshd_gone(const struct seen *s)
{
	return s->captured && guest_lives(s) && stuck(s, RUNG_TCP, RUNG_BANNER, false) &&
	    !seen_lives_unreachable(s);
}

bool
seen_command_hangs(const struct seen *s)
{
	return write_hangs(s) && s->captured && guest_lives(s);
}

bool
seen_sudo_or_write_fails(const struct seen *s)
{
	return stuck(s, RUNG_EXEC, RUNG_DISK, false);
}

bool
seen_silent_guest(const struct seen *s)
{
	return s->captured && is(s->host, "healthy") && s->l && !seen_whole(s) &&
	    !guest_lives(s) && is(s->h->qmp, "alive") && s->m->wr_delta == 0;
}

bool
seen_without_host(const struct seen *s)
{
	return seen_pve_down(s);
}

bool
seen_after_a_verb(const struct seen *s)
{
	return s->in->after_verb && !s->l && seen_runs(s);
}

bool
seen_old_and_late(const struct seen *s)
{
	return old_program(s) && seen_runs(s) && s->h->status_ms >= VERDICT_OLD_SLOW_MS &&
	    !seen_whole(s);
}

bool
seen_old_and_write_hangs(const struct seen *s)
{
	return old_program(s) && write_hangs(s);
}

bool
seen_old_and_silent(const struct seen *s)
{
	return old_program(s) && seen_runs(s) && no_ssh(s);
}

bool
seen_well_as_far_as_seen(const struct seen *s)
{
	return !s->l && s->in->devvm != VERDICT_LINK_DOWN &&
	    ((s->captured && is(s->host, "healthy")) ||
		(seen_runs(s) && s->in->devvm == VERDICT_LINK_UP));
}

bool
seen_well_but_for_ssh(const struct seen *s)
{
	return !s->l && s->captured && is(s->host, "healthy");
}

bool
seen_not_captured(const struct seen *s)
{
	return !s->captured && s->h->status[0] && !old_program(s);
}

bool
seen_anything(const struct seen *s)
{
	return true;
}
