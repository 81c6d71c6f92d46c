/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verdict_int.h: what the three files behind verdict.h share, and nobody else. */
#ifndef ENGINE_VERDICT_INT_H
#define ENGINE_VERDICT_INT_H

#include <string.h>

#include "engine/power/verdict.h"

struct seen {
	const struct verdict_in *in;
	const struct vmfacts *h; /* empty where the host does not answer */
	const struct vmfacts_measured *m;
	const struct ladder_seen *l;
	const char *host; /* the host's word */
	bool captured;
};

static inline bool
is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* verdict_seen.c: questions about it. */
bool seen_whole(const struct seen *s);
bool seen_sudo_hangs(const struct seen *s);
bool seen_pve_down(const struct seen *s);
bool seen_key_changed(const struct seen *s);
bool seen_staged(const struct seen *s);
bool seen_both_silent(const struct seen *s);
bool seen_missing(const struct seen *s);
bool seen_hung(const struct seen *s);
bool seen_held(const struct seen *s);
bool seen_storage_holds_hung(const struct seen *s);
bool seen_storage_holds_stalled(const struct seen *s);
bool seen_hung_but_alive(const struct seen *s);
bool seen_answers_elsewhere(const struct seen *s);
bool seen_whole_but_full(const struct seen *s);
bool seen_whole_without_host(const struct seen *s);
bool seen_whole_but_slow(const struct seen *s);
bool seen_whole_after_trouble(const struct seen *s);
bool seen_whole_with_failed_units(const struct seen *s);
bool seen_stopped(const struct seen *s);
bool seen_panic_stopped_it(const struct seen *s);
bool seen_cannot_resume(const struct seen *s);
bool seen_paused_under_old(const struct seen *s);
bool seen_nospace_under_old(const struct seen *s);
bool seen_paused(const struct seen *s);
bool seen_nospace(const struct seen *s);
bool seen_frozen(const struct seen *s);
bool seen_frozen_by_a_backup(const struct seen *s);
bool seen_stalled(const struct seen *s);
bool seen_perhaps_stalled(const struct seen *s);
bool seen_read_only(const struct seen *s);
bool seen_disk_full(const struct seen *s);
bool seen_stalled_by_witness(const struct seen *s);
bool seen_slow_disk(const struct seen *s);
bool seen_frozen_by_witness(const struct seen *s);
bool seen_guest_kernel_hangs(const struct seen *s);
bool seen_panic_on_screen(const struct seen *s);
bool seen_boot_waits(const struct seen *s);
bool seen_login_fails(const struct seen *s);
bool seen_link_cut(const struct seen *s);
bool seen_spins(const struct seen *s);
bool seen_idles(const struct seen *s);
bool seen_thrashes(const struct seen *s);
bool seen_lives_without_net(const struct seen *s);
bool seen_lives_unreachable(const struct seen *s);
bool seen_sshd_silent(const struct seen *s);
bool seen_sshd_gone(const struct seen *s);
bool seen_command_hangs(const struct seen *s);
bool seen_sudo_or_write_fails(const struct seen *s);
bool seen_silent_guest(const struct seen *s);
bool seen_without_host(const struct seen *s);
bool seen_after_a_verb(const struct seen *s);
bool seen_old_and_late(const struct seen *s);
bool seen_old_and_write_hangs(const struct seen *s);
bool seen_old_and_silent(const struct seen *s);
bool seen_well_as_far_as_seen(const struct seen *s);
bool seen_well_but_for_ssh(const struct seen *s);
bool seen_not_captured(const struct seen *s);
bool seen_anything(const struct seen *s);

/* verdict_not.c: what keeps a verb from working now, as a todo; false: nothing. */
bool verdict_blocked(const struct seen *s, enum verb verb, char *todo, size_t size);
bool verdict_unstartable(const struct seen *s);
void verdict_decide_not(struct verdict *v, const struct seen *s);

#endif
