/* SPDX-License-Identifier: GPL-3.0-or-later */
/* doctor: what is made of a connection to a host. */
#include "base/mem.h"
#include "doctor/judge.h"
#include "doctor_rig.h"

static struct host_facts f;

static void
good_host(void)
{
	f = (struct host_facts){.pve = true,
	    .address = "192.168.1.127",
	    .port = 22,
	    .user = "root",
	    .data_dir = "/usr/share/breakglass",
	    .version = "0.1.0",
	    .here = "10.0.0.5",
	    .key_path = "/k",
	    .tcp_ms = 1,
	    .banner_ms = 2,
	    .kex_ms = 3,
	    .auth_ms = 4,
	    .was_known = true,
	    .shown = "SHA256:new",
	    .known = "SHA256:old",
	    .from = "10.0.0.5",
	    .first = {.ran = RAN_EXITED, .ms = 100},
	    .probe = {.ran = RAN_EXITED},
	    .sudo_ms = 5,
	    .write_ms = 6,
	    .ours = true,
	    .program = "0.1.0",
	    .status = "running",
	    .word = {.ran = RAN_EXITED,
		.exit = 2,
		.said = "rejected: send exactly one of"},
	    .shell = {.ran = RAN_EXITED, .exit = 2, .said = "rejected: only status,"}};
}

TestSuite(host, .init = good_host, .fini = fini);

Test(host, a_good_one_passes_in_every_line)
{
	static void (*const all[])(const struct host_facts *, struct said *) = {
	    judge_address, judge_connection, judge_hostkey, judge_login, judge_source,
	    judge_exec, judge_sudo, judge_write, judge_program, judge_forced};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		all[i](&f, &said);
		cr_assert_eq(said.result, RESULT_PASS, "%s", said.seen);
		cr_assert_str_eq(said.mend, "");
	}
}

Test(host, what_stands_behind_a_failed_step_is_left_out)
{
	f.auth_ms = -1;
	judge_exec(&f, &said);
	cr_assert_eq(said.result, RESULT_SKIP);
	judge_forced(&f, &said);
	cr_assert_eq(said.result, RESULT_SKIP);
	f.kex_ms = f.banner_ms = f.tcp_ms = -1;
	judge_hostkey(&f, &said);
	cr_assert_eq(said.result, RESULT_SKIP);
	judge_login(&f, &said);
	cr_assert_eq(said.result, RESULT_SKIP);
	strcpy(f.why, "pve did not answer within 5 s");
	judge_connection(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	cr_assert(says("help cold"));
	f.pve = false;
	judge_connection(&f, &said);
	cr_assert(says("breakglass verdict"));
}

Test(host, a_step_that_hangs_is_told_with_those_before_it)
{
	f.kex_ms = f.banner_ms = f.auth_ms = -1;
	strcpy(f.why, "sent no greeting for 10 s");
	judge_connection(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	cr_assert(says("(tcp 1 ms)"));
	cr_assert(says("systemctl restart ssh"));
}

Test(host, a_refused_key_names_from_and_the_address)
{
	f.auth_ms = -1;
	f.refused = true;
	judge_login(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	cr_assert(says("Likely from="));
	cr_assert(says("from here 10.0.0.5"));
	cr_assert(
	    says("/usr/share/breakglass/contrib/bootstrap pve --to root@192.168.1.127 "
		 "--key /k.pub --from LIST --apply"));
	strcpy(f.no_key, "see above");
	judge_login(&f, &said);
	cr_assert_eq(said.result, RESULT_SKIP);
}

Test(host, a_nat_is_seen)
{
	strcpy(f.from, "192.168.1.1");
	judge_source(&f, &said);
	cr_assert_eq(said.result, RESULT_PASS);
	cr_assert(says("192.168.1.1: that is what from= must list"));
	cr_assert(says("here it is 10.0.0.5: a NAT"));
	f.from[0] = '\0';
	judge_source(&f, &said);
	cr_assert_eq(said.result, RESULT_SKIP);
	cr_assert(says("10.0.0.5, unless a NAT rewrites it"));
}

Test(host, a_changed_key_fails_at_the_pve_host_and_warns_at_the_devvm)
{
	f.changed = true;
	judge_hostkey(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	cr_assert(says("SHA256:old"));
	cr_assert(says("breakglass accept-key pve SHA256:new"));
	f.pinned = true;
	judge_hostkey(&f, &said);
	cr_assert(says("pve_hostkey"));
	f.pve = false;
	judge_hostkey(&f, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("breakglass accept-key devvm SHA256:new"));
	f.changed = f.was_known = f.pinned = false;
	judge_hostkey(&f, &said);
	cr_assert_eq(said.result, RESULT_PASS, "a devvm is rebuilt now and then");
	strcpy(f.trouble, "known host keys are forgotten: read /s/hostkeys: EIO");
	judge_hostkey(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL, "nobody has compared it");
	cr_assert(says("SHA256:new, not compared: known host keys are forgotten"));
	f.was_known = true;
	judge_hostkey(&f, &said);
	cr_assert_eq(said.result, RESULT_PASS, "another line of it");
	strcpy(f.no_known, "its disk");
	f.changed = true;
	judge_hostkey(&f, &said);
	cr_assert_eq(said.result, RESULT_SKIP);
	f.changed = f.was_known = false;
	f.no_known[0] = f.trouble[0] = '\0';
	f.pve = true;
	judge_hostkey(&f, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("--pin FILE --apply"));
}

Test(host, clocks_are_judged_beyond_the_error_of_the_measurement)
{
	static const struct {
		int64_t skew, error;
		enum result result;
	} cases[] = {{0, 10, RESULT_PASS}, {2000, 0, RESULT_PASS}, {2001, 0, RESULT_WARN},
	    {2400, 500, RESULT_PASS}, {-2001, 0, RESULT_WARN}, {60000, 0, RESULT_WARN},
	    {60001, 0, RESULT_FAIL}, {-3600000, 500, RESULT_FAIL}};

	f.has_clock = true;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		f.skew_ms = cases[i].skew;
		f.error_ms = cases[i].error;
		judge_clock(&f, &said);
		cr_assert_eq(said.result, cases[i].result, "%s", said.seen);
	}
	cr_assert(says("3600 s behind"));
	cr_assert(says("timedatectl set-ntp true"));
	f.has_clock = false;
	judge_clock(&f, &said);
	cr_assert_eq(said.result, RESULT_SKIP);
}

Test(host, the_program_is_ours_another_old_or_none)
{
	strcpy(f.program, "0.0.9");
	judge_program(&f, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("breakglass-pve 0.0.9, this program is 0.1.0"));
	cr_assert_str_eq(said.mend,
	    "/usr/share/breakglass/contrib/bootstrap pve --to root@192.168.1.127 --apply");
	cr_assert(said.command);
	strcpy(f.program, "0.10.0");
	judge_program(&f, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("upgrade this machine's breakglass"));
	cr_assert(!said.command, "bootstrap would put the older one there");
	strcpy(f.program, "odd");
	judge_program(&f, &said);
	cr_assert(says("which of the two is newer"));
	cr_assert(!said.command);
	f.port = 2222;
	f.ours = false;
	f.old = true;
	judge_program(&f, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("OLD"));
	cr_assert(says("--port 2222 --apply"));
	f.old = false;
	strcpy(f.first.said, "Welcome to pve");
	judge_program(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	cr_assert(says("Welcome to pve"));
}

Test(host, a_forced_command_holds_only_if_both_are_refused)
{
	f.word.exit = 0;
	f.word.said[0] = '\0';
	judge_forced(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	cr_assert(says("THE FORCED COMMAND IS MISSING: a command that is no verb"));
	good_host();
	f.shell.exit = 0;
	judge_forced(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	cr_assert(says("MISSING: a shell"));
	good_host();
	strcpy(f.word.said, "syntax error");
	judge_forced(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL, "2 alone is no refusal");
	good_host();
	f.shell = (struct run_facts){.ran = RAN_REFUSED, .said = "no process"};
	judge_forced(&f, &said);
	cr_assert_eq(said.result, RESULT_WARN, "not known is not held");
	good_host();
	f.shell = (struct run_facts){.late = true};
	judge_forced(&f, &said);
	cr_assert_eq(said.result, RESULT_WARN);
}

Test(host, a_status_tells_what_a_cycle_would_meet)
{
	strcpy(f.startable_why, "the pool is full");
	judge_exec(&f, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("the pool is full"));
	f.startable_why[0] = '\0';
	strcpy(f.status, "hung");
	judge_exec(&f, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("breakglass verdict"));
	strcpy(f.job, "cycle was cut short");
	judge_exec(&f, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	f.first.late = true;
	f.first.ran = RAN_NOT;
	f.first.ms = 12000;
	judge_exec(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	cr_assert(says("12 s"));
	f.first = (struct run_facts){.ran = RAN_LOST, .said = "gone"};
	judge_exec(&f, &said);
	cr_assert(says("broke off: gone"));
	f.first = (struct run_facts){.ran = RAN_EXITED, .exit = 127, .said = "not found"};
	f.ours = false;
	judge_exec(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
}

Test(host, the_devvms_disk_and_sudo_are_told_apart)
{
	f.pve = false;
	f.write_ms = -1;
	f.disk_full = true;
	judge_write(&f, &said);
	cr_assert(says("its disk is full"));
	f.disk_full = false;
	f.read_only = true;
	judge_write(&f, &said);
	cr_assert(says("read-only"));
	f.read_only = false;
	f.disk_hung = true;
	judge_write(&f, &said);
	cr_assert(says("a write does not come back"));
	cr_assert(says("breakglass verdict"));
	f.sudo_ms = -1;
	f.sudo_refused = true;
	strcpy(f.probe_why, "a password is required");
	judge_sudo(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	cr_assert(says("a password is required"));
	cr_assert(says("contrib/bootstrap devvm --to YOU@"));
	f.first = (struct run_facts){.ran = RAN_EXITED, .exit = 1, .said = "no shell"};
	judge_exec(&f, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	cr_assert(says("chsh"));
}
