/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "host/jwalk.h"
#include "host/out.h"
#include "host/pending.h"
#include "host/preflight.h"
#include "host/verdict.h"

/* A QEMU that is well: running, disks moving, agent alive. */
static struct evidence
well(void)
{
	struct evidence e = {
	    .qemu = {.found = QEMU_OURS, .pid = 42, .leader = 'S', .threads = 5},
	    .qmp = QMP_ALIVE,
	    .status = "running",
	    .a = {.blk = true, .vq = true, .wr = 5, .used = 9},
	    .b = {.blk = true, .vq = true, .wr = 8, .used = 12},
	    .both = true,
	    .gap_ms = 3000,
	    .vcpu_pct = 5,
	    .agent = AGENT_ALIVE,
	    .freeze = "thawed",
	};

	return e;
}

static void
expect(const struct evidence *e, enum verdict_word word, const char *advice)
{
	struct verdict v;

	verdict_make(e, &v);
	cr_assert_eq(v.word, word, "%s: %s", verdict_to_str(v.word), v.why);
	cr_assert_str_eq(v.advice, advice);
	cr_assert_gt(strlen(v.why), 5);
}

Test(host_verdict, a_vm_that_is_well_is_healthy)
{
	struct evidence e = well();

	expect(&e, VERDICT_HEALTHY, "none");
}

Test(host_verdict, no_process_is_stopped)
{
	struct evidence e = {.qemu.found = QEMU_NONE};

	expect(&e, VERDICT_STOPPED, "start");
	e.qemu.found = QEMU_FOREIGN;
	expect(&e, VERDICT_STOPPED, "start");
}

Test(host_verdict, a_silent_main_loop_is_hung_and_a_busy_monitor_is_not)
{
	struct evidence e = well();

	e.qmp = QMP_HUNG;
	e.both = false;
	expect(&e, VERDICT_HUNG, "cycle");
	e.qmp = QMP_BUSY;
	expect(&e, VERDICT_HEALTHY, "none");
}

Test(host_verdict, disks_that_were_not_watched_are_not_called_well)
{
	struct evidence e = well();
	struct verdict v;

	e.both = false;
	verdict_make(&e, &v);
	cr_assert_eq(v.word, VERDICT_HEALTHY);
	cr_assert_not_null(strstr(v.why, "no time to see whether the disks move"));
}

Test(host_verdict, all_threads_stopped_is_hung)
{
	struct evidence e = well();

	e.qemu.stopped = e.qemu.threads;
	expect(&e, VERDICT_HUNG, "cycle");
}

Test(host_verdict, a_dead_leader_with_living_threads_is_hung_and_no_verb_helps)
{
	struct evidence e = well();

	e.qemu.leader = 'Z';
	expect(&e, VERDICT_HUNG, "none");
}

Test(host_verdict, requests_in_use_that_do_not_move_are_a_stall)
{
	struct evidence e = well();

	e.b = e.a;
	e.a.inuse = e.b.inuse = 1;
	expect(&e, VERDICT_STALL, "cycle");
}

Test(host_verdict, an_idle_guest_is_no_stall)
{
	struct evidence e = well();

	e.b = e.a;
	expect(&e, VERDICT_HEALTHY, "none");
}

Test(host_verdict, requests_that_trickle_are_no_stall)
{
	struct evidence e = well();

	e.b = e.a;
	e.a.inuse = e.b.inuse = 1;
	e.b.used++;
	expect(&e, VERDICT_HEALTHY, "none");
}

Test(host_verdict, without_virtio_a_stall_needs_a_thread_that_waits_for_storage)
{
	struct evidence e = well();

	e.a.vq = e.b.vq = false;
	e.b = e.a;
	expect(&e, VERDICT_HEALTHY, "none");
	e.qemu.disk_wait = 1;
	expect(&e, VERDICT_STALL, "cycle");
}

Test(host_verdict, a_freeze_is_seen_before_a_stall)
{
	struct evidence e = well();

	strcpy(e.freeze, "frozen");
	e.b = e.a;
	expect(&e, VERDICT_FROZEN, "start");
	strcpy(e.lock, "backup");
	expect(&e, VERDICT_FROZEN, "none");
}

Test(host_verdict, a_stopped_guest_is_paused_or_out_of_space)
{
	struct evidence e = well();

	strcpy(e.status, "paused");
	expect(&e, VERDICT_PAUSED, "start");
	strcpy(e.status, "io-error");
	expect(&e, VERDICT_NOSPACE, "none");
	strcpy(e.status, "shutdown");
	expect(&e, VERDICT_PAUSED, "cycle");
}

Test(host_verdict, a_guest_that_spins_wants_a_reset_or_with_staged_config_a_cycle)
{
	struct evidence e = well();

	e.b.wr = e.a.wr;
	e.vcpu_pct = 100;
	e.agent = AGENT_SILENT;
	expect(&e, VERDICT_GUEST_SPIN, "reset");
	e.staged = 2;
	expect(&e, VERDICT_GUEST_SPIN, "cycle");
	e.vcpu_pct = 1;
	expect(&e, VERDICT_GUEST_IDLE, "cycle");
}

struct seen {
	char text[512];
};

static void
on_scalar(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof(s->text) - n, "%s=%.*s;", path, (int)len, value);
}

Test(host_jwalk, hands_out_scalars_with_their_paths)
{
	struct seen s = {""};
	const char *text =
	    "{\"return\": [{\"a\": 1, \"b\": {\"c\": \"x\\\"y\"}}, true], \"e\": {}}";

	cr_assert_eq(jwalk(text, strlen(text), on_scalar, &s), 0);
	cr_assert_str_eq(s.text, "return.0.a=1;return.0.b.c=x\\\"y;return.1=true;");
}

Test(host_jwalk, refuses_what_is_cut_too_deep_or_followed_by_more)
{
	static const char *const bad[] = {
	    "", "{", "{\"a\"", "{\"a\":", "[1", "\"x", "{} {}", "[1,]", "{,}", "nul\x01"};
	struct seen s = {""};
	char deep[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(
		    jwalk(bad[i], strlen(bad[i]), on_scalar, &s), -1, "%s", bad[i]);
	memset(deep, '[', sizeof(deep));
	cr_assert_eq(jwalk(deep, sizeof(deep), on_scalar, &s), -1);
}

Test(host_jwalk, survives_paths_longer_than_its_buffer)
{
	char text[1024] = "";
	struct seen s = {""};

	for (int i = 0; i < 10; i++)
		strcat(text,
		    "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":");
	strcat(text, "1");
	for (int i = 0; i < 10; i++)
		strcat(text, "}");
	cr_assert_eq(jwalk(text, strlen(text), on_scalar, &s), 0);
}

Test(host_preflight, reads_the_lock_of_the_main_section_only)
{
	char lock[32];

	preflight_config_lock(
	    "name: x\nlock: backup\n[snap]\nlock: other\n", lock, sizeof(lock));
	cr_assert_str_eq(lock, "backup");
	preflight_config_lock("name: x\n[snap]\nlock: other\n", lock, sizeof(lock));
	cr_assert_str_eq(lock, "");
	preflight_config_lock("lock: suspended", lock, sizeof(lock));
	cr_assert_str_eq(lock, "suspended");
}

Test(host_pending, counts_new_and_deleted_keys)
{
	const char *text = "cur memory: 1\nnew memory: 2\ncur name: x\ndel balloon\n";
	struct out o;

	out_init(&o, -1);
	cr_assert_eq(pending_print(&o, text, strlen(text)), 2);
	cr_assert_eq(pending_print(&o, "cur a: 1\n", 9), 0);
	cr_assert_eq(pending_print(&o, "", 0), 0);
}

Test(host_verdict, a_panic_on_the_screen_is_said_also_when_the_cpu_is_quiet)
{
	struct evidence e = well();
	struct verdict v;

	e.b.wr = e.a.wr;
	e.agent = AGENT_NONE;
	e.says = SCREEN_SAYS_PANIC;
	verdict_make(&e, &v);
	cr_assert_eq(v.word, VERDICT_GUEST_SPIN);
	cr_assert_not_null(strstr(v.why, "kernel panic on the screen"));
	/* what scrolled by before a boot that went well is no panic */
	e.agent = AGENT_ALIVE;
	expect(&e, VERDICT_HEALTHY, "none");
}

Test(host_verdict, an_emergency_shell_is_said)
{
	struct evidence e = well();
	struct verdict v;

	e.b.wr = e.a.wr;
	e.agent = AGENT_SILENT;
	e.says = SCREEN_SAYS_EMERGENCY;
	verdict_make(&e, &v);
	cr_assert_eq(v.word, VERDICT_GUEST_IDLE);
	cr_assert_not_null(strstr(v.why, "emergency shell"));
}

/* LSI, SATA, IDE: nothing tells whose turn it is, so time has to. */
Test(host_verdict, without_queues_a_long_silence_of_the_disks_is_a_stall)
{
	struct evidence e = well();

	e.a.vq = e.b.vq = false;
	e.b.wr = e.a.wr;
	e.b.idle_ms = 60 * 1000;
	expect(&e, VERDICT_HEALTHY, "none");
	e.b.idle_ms = 700 * 1000;
	expect(&e, VERDICT_STALL, "cycle");
	e.b.idle_ms = 130 * 1000;
	e.agent = AGENT_SILENT;
	expect(&e, VERDICT_STALL, "cycle");
	e.b.idle_ms = 0;
	e.rrd_zero_write_s = 300;
	expect(&e, VERDICT_STALL, "cycle");
	e.vcpu_pct = 99;
	expect(&e, VERDICT_GUEST_SPIN, "reset");
	e.vcpu_pct = 5;
	e.b.wr++;
	expect(&e, VERDICT_HEALTHY, "none");
}

Test(host_verdict, with_queues_that_are_empty_no_silence_is_a_stall)
{
	struct evidence e = well();

	e.b = e.a;
	e.b.idle_ms = 7000 * 1000;
	e.rrd_zero_write_s = 7000;
	expect(&e, VERDICT_HEALTHY, "none");
}

Test(host_verdict, what_gdb_and_pvestatd_know_is_added_to_the_reason)
{
	struct evidence e = well();
	struct verdict v;

	e.qmp = QMP_HUNG;
	e.both = false;
	snprintf(e.main_waits_in, sizeof(e.main_waits_in), "bdrv_drain_all_begin");
	e.rrd_silent_s = 600;
	verdict_make(&e, &v);
	cr_assert_eq(v.word, VERDICT_HUNG);
	cr_assert_not_null(strstr(v.why, "its main thread is in bdrv_drain_all_begin"));
	cr_assert_not_null(strstr(v.why, "no answer for 10 min"));
	/* what does not fit is left out whole */
	memset(e.main_waits_in, 'x', sizeof(e.main_waits_in) - 1);
	verdict_make(&e, &v);
	cr_assert_lt(strlen(v.why), sizeof(v.why) - 1);
}

Test(host_verdict, something_that_is_not_qmp_is_a_hung_qemu)
{
	struct evidence e = well();

	e.qmp = QMP_STRANGE;
	e.both = false;
	expect(&e, VERDICT_HUNG, "cycle");
	cr_assert_str_eq(verdict_status(&e, ""), "hung");
}

Test(host_verdict, a_link_that_is_down_is_said)
{
	struct evidence e = well();
	struct verdict v;

	e.link = LINK_DOWN;
	verdict_make(&e, &v);
	cr_assert_eq(v.word, VERDICT_HEALTHY);
	cr_assert_not_null(strstr(v.why, "network link down"));
}
