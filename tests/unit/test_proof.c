/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/power/proof_table.h"

static struct proof_case
case_of(enum verb verb, int exit)
{
	struct proof_case c = {.verb = verb, .known = true, .exit = exit};

	proof_side_init(&c.before);
	proof_side_init(&c.after);
	strcpy(c.before.status, "running");
	strcpy(c.after.status, "running");
	c.before.pid = 4242;
	c.after.pid = 4711;
	c.before.qemu_wall_ms = 1795734000000; /* 2026-11-26T23:00:00Z */
	c.after.qemu_wall_ms = c.before.qemu_wall_ms + 61000;
	strcpy(c.before.boot_id, "11111111-e638-4eaa-9095-24ba65615fab");
	strcpy(c.after.boot_id, "22222222-e638-4eaa-9095-24ba65615fab");
	c.before.uptime_s = 86400 * 3;
	c.after.uptime_s = 4;
	c.before.staged = 2;
	strcpy(c.before.staged_keys, "memory, scsihw");
	c.after.staged = 0;
	c.before.failed_units = 0;
	c.after.failed_units = 1;
	strcpy(c.after.failed, "nfs.service");
	return c;
}

/* "before > after" and " ok", " NOT ok" or nothing. */
static const char *
row(const struct proof_case *c, const char *what)
{
	static char text[200];
	struct js *table = proof_table(c);

	strcpy(text, "no such row");
	for (size_t i = 0; i < js_len(table); i++) {
		const struct js *r = js_at(table, i);

		if (js_is(r, "what", what))
			snprintf(text, sizeof text, "%s > %s%s", js_str(r, "before"),
			    js_str(r, "after"),
			    !js_has(r, "ok")		  ? ""
				: js_bool(r, "ok", false) ? " ok"
							  : " NOT ok");
	}
	js_free(table);
	return text;
}

static bool
says(const struct proof_case *c, const char *words)
{
	char text[PROOF_TEXT_MAX];

	proof_words_healthy(c, 5800, NULL, text);
	return strstr(text, words) != NULL;
}

Test(proof, a_cycle_makes_everything_new)
{
	struct proof_case c = case_of(VERB_CYCLE, 0);

	cr_assert_str_eq(row(&c, "VM status"), "running > running ok");
	cr_assert_str_eq(row(&c, "QEMU pid"), "4242 > 4711 ok");
	cr_assert_str_eq(
	    row(&c, "QEMU start"), "2026-11-26T23:00:00Z > 2026-11-26T23:01:01Z ok");
	cr_assert_str_eq(row(&c, "boot id"), "11111111 > 22222222 ok");
	cr_assert_str_eq(row(&c, "guest uptime"), "3 d > 4.0 s");
	cr_assert_str_eq(row(&c, "staged config"), "memory, scsihw > none ok");
	cr_assert_str_eq(row(&c, "failed units"), "none > 1: nfs.service NOT ok");
	cr_assert(says(
	    &c, "the devvm is back: ssh, sudo and disk work, 5.8 s after the cycle"));
	cr_assert(says(&c, "new QEMU process (pid 4711, was 4242)"));
	cr_assert(says(&c, "the guest has booted anew"));
	cr_assert(says(&c, "staged config is applied (memory, scsihw)"));
	cr_assert(says(&c, "1 failed unit: nfs.service"));
}

Test(proof, a_cycle_that_changed_nothing_is_not_ok)
{
	struct proof_case c = case_of(VERB_CYCLE, 0);

	c.after.pid = c.before.pid;
	strcpy(c.after.boot_id, c.before.boot_id);
	c.after.staged = 1;
	strcpy(c.after.staged_keys, "memory");
	cr_assert_str_eq(row(&c, "QEMU pid"), "4242 > 4242 NOT ok");
	cr_assert_str_eq(row(&c, "boot id"), "11111111 > 11111111 NOT ok");
	cr_assert_str_eq(row(&c, "staged config"), "memory, scsihw > memory NOT ok");
	cr_assert(says(&c, "NOT booted anew"));
}

Test(proof, a_reset_keeps_the_process_and_what_waits)
{
	struct proof_case c = case_of(VERB_RESET, 0);

	c.after.pid = c.before.pid;
	c.after.staged = 2;
	strcpy(c.after.staged_keys, "memory, scsihw");
	cr_assert_str_eq(row(&c, "QEMU pid"), "4242 > 4242 ok");
	cr_assert_str_eq(row(&c, "boot id"), "11111111 > 22222222 ok");
	cr_assert_str_eq(row(&c, "staged config"), "memory, scsihw > memory, scsihw");
	cr_assert(says(&c, "still waits (memory, scsihw): only cycle (F7) applies it"));
}

Test(proof, a_start_of_a_stopped_vm_makes_a_process)
{
	struct proof_case c = case_of(VERB_START, 0);

	strcpy(c.before.status, "stopped");
	c.before.pid = 0;
	c.before.qemu_wall_ms = 0;
	cr_assert_str_eq(row(&c, "QEMU pid"), "none > 4711 ok");
	cr_assert_str_eq(row(&c, "QEMU start"), "none > 2026-11-26T23:01:01Z ok");
	cr_assert_str_eq(row(&c, "VM status"), "stopped > running ok");
}

Test(proof, a_start_of_a_running_vm_judges_no_boot)
{
	struct proof_case c = case_of(VERB_START, 0);

	c.after.pid = c.before.pid;
	strcpy(c.after.boot_id, c.before.boot_id);
	cr_assert_str_eq(row(&c, "QEMU pid"), "4242 > 4242 ok");
	cr_assert_str_eq(row(&c, "boot id"), "11111111 > 11111111");
	cr_assert(says(&c, "has not booted anew"));
}

Test(proof, a_verb_that_failed_is_judged_by_what_runs_only)
{
	struct proof_case c = case_of(VERB_CYCLE, 5);

	c.after.pid = c.before.pid;
	strcpy(c.after.boot_id, c.before.boot_id);
	cr_assert_str_eq(row(&c, "QEMU pid"), "4242 > 4242");
	cr_assert_str_eq(row(&c, "boot id"), "11111111 > 11111111");
	cr_assert_str_eq(row(&c, "VM status"), "running > running ok");
	cr_assert(says(&c, "the cycle failed (exit 5); the devvm answers"));
}

Test(proof, what_is_not_known_is_not_judged)
{
	struct proof_case c = {.verb = VERB_CYCLE, .known = true, .old_host = true};

	proof_side_init(&c.before);
	proof_side_init(&c.after);
	cr_assert_str_eq(row(&c, "VM status"), "unknown > unknown");
	cr_assert_str_eq(row(&c, "QEMU pid"), "unknown > unknown");
	cr_assert_str_eq(row(&c, "boot id"), "unknown > unknown");
	cr_assert_str_eq(row(&c, "staged config"), "unknown > unknown");
	cr_assert_str_eq(row(&c, "failed units"), "unknown > unknown");
	cr_assert(says(&c, "the host program is old"));
}

Test(proof, after_a_stop_there_is_no_guest_to_tell_of)
{
	struct proof_case c = case_of(VERB_STOP, 0);

	strcpy(c.after.status, "stopped");
	c.after.pid = 0;
	c.after.qemu_wall_ms = 0;
	cr_assert_str_eq(row(&c, "VM status"), "running > stopped ok");
	cr_assert_str_eq(row(&c, "QEMU pid"), "4242 > none ok");
	cr_assert_str_eq(row(&c, "boot id"), "no such row");
}

Test(proof, long_names_stay_within_the_sentence)
{
	struct proof_case c = case_of(VERB_CYCLE, 0);
	char text[PROOF_TEXT_MAX], todo[PROOF_TEXT_MAX * 2];

	memset(todo, 't', sizeof todo - 1);
	todo[sizeof todo - 1] = '\0';
	memset(c.after.failed, 'u', sizeof c.after.failed - 1);
	memset(c.before.staged_keys, 'k', sizeof c.before.staged_keys - 1);
	c.old_host = true;
	proof_words_healthy(&c, 5800, todo, text);
	cr_assert_lt(strlen(text), sizeof text);
}

Test(proof, giving_up_names_the_rung_and_why)
{
	struct proof_case c = case_of(VERB_RESET, 0);
	struct ladder_seen seen;
	char text[PROOF_TEXT_MAX];

	ladder_seen_init(&seen);
	for (int i = RUNG_TCP; i <= RUNG_SUDO; i++)
		seen.rung_ms[i] = i;
	seen.disk_full = true;
	strcpy(seen.why, "dd: No space left on device");
	cr_assert_str_eq(proof_words_rung(&seen), "the devvm's disk is full");
	proof_words_given_up(&c, &seen, proof_words_rung(&seen), NULL, text);
	cr_assert(strstr(text, "the devvm's disk is full; dd: No space left on device"));
}
