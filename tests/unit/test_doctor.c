/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/locked.h"
#include "base/mem.h"
#include "doctor/api.h"
#include "doctor/fingerprint.h"
#include "doctor/guard.h"
#include "doctor/judge.h"
#include "doctor/sheet.h"
#include "doctor/terminal.h"

static struct said said;

static bool
says(const char *what)
{
	if (strstr(said.seen, what) || strstr(said.mend, what))
		return true;
	fprintf(stderr, "%s / %s\n", said.seen, said.mend);
	return false;
}

static void
fini(void)
{
	said_fini(&said);
}

/* ---- what is said ---- */

Test(said, takes_the_mend_out_of_an_errors_words)
{
	struct err err;

	err_set(&err, ERR_DENIED, "/k:ey is open (mode 0644): chmod 600 /k:ey");
	said_err(&said, RESULT_FAIL, &err, "else");
	cr_assert_str_eq(said.seen, "/k:ey is open (mode 0644)");
	cr_assert_str_eq(said.mend, "chmod 600 /k:ey");
	cr_assert(said.command);
	err_set(&err, ERR_DENIED, "/k: ey is open (mode 0644): chmod 600 /k: ey");
	said_err(&said, RESULT_FAIL, &err, "else");
	cr_assert_str_eq(said.seen, "/k: ey is open (mode 0644)");
	cr_assert_str_eq(said.mend, "chmod 600 /k: ey");
	cr_assert(!said.command, "a shell takes it for two files");
	err_set(&err, ERR_DENIED, "/k is open (mode 0644): chmod 600 /k$(id)");
	said_err(&said, RESULT_FAIL, &err, "else");
	cr_assert(!said.command);
	err_set(&err, ERR_DENIED, "/r is uid 7's: sudo rm -r /r, or set run_dir");
	said_err(&said, RESULT_FAIL, &err, "else");
	cr_assert(!said.command);
	err_set(&err, ERR_USAGE, "/k is empty: put the private key there");
	said_err(&said, RESULT_WARN, &err, "else");
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert_str_eq(said.mend, "put the private key there");
	cr_assert(!said.command);
	err_set(&err, ERR_DENIED, "/k may not be read: chown 0 /k and chmod 600 /k");
	said_err(&said, RESULT_FAIL, &err, "else");
	cr_assert(!said.command, "two commands are a sentence");
	err_sys(&err, ENOENT, "read /k");
	said_err(&said, RESULT_FAIL, &err, "else");
	cr_assert_str_eq(said.mend, "else", "what the system says mends nothing");
}

Test(said, a_word_that_was_cut_makes_no_command)
{
	char out[SAID_WORD_MAX], long_one[2 * SAID_MAX];

	cr_assert_str_eq(said_word("a b", out), "'a b'");
	said_run(&said, "chmod 600 %s", said_word("a b", out));
	cr_assert(said.command);
	memset(long_one, 'x', sizeof long_one - 1);
	long_one[sizeof long_one - 1] = '\0';
	said_run(&said, "chmod 600 %s", said_word(long_one, out));
	cr_assert(!said.command);
}

Test(said, is_utf8_whatever_came)
{
	said_pass(&said, "%s", "a\xff\xc3(b\xe2\x82");
	cr_assert_str_eq(said.seen,
	    "a?"
	    "?(b?"
	    "?");
}

Test(said, a_command_that_was_cut_is_no_command)
{
	char long_one[2 * SAID_MAX];

	memset(long_one, 'x', sizeof long_one - 1);
	long_one[sizeof long_one - 1] = '\0';
	said_run(&said, "rm %s", long_one);
	cr_assert(!said.command);
}

/* ---- a host ---- */

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

/* ---- this machine ---- */

TestSuite(local, .fini = fini);

Test(local, a_disk_is_full_low_slow_or_well)
{
	struct disk_facts d = {.dir = "/var/lib/b g",
	    .there = true,
	    .free_bytes = 1LL << 40,
	    .free_inodes = 100000,
	    .fsync_ms = 3};

	judge_disk(&d, &said);
	cr_assert_eq(said.result, RESULT_PASS);
	cr_assert(says("1024 GiB free, a sync takes 3 ms"));
	d.fsync_ms = 501;
	judge_disk(&d, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	d.free_inodes = 999;
	judge_disk(&d, &said);
	cr_assert(says("999 more files"));
	d.free_inodes = -1;
	d.free_bytes = JUDGE_FREE_WARN - 1;
	judge_disk(&d, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	d.free_bytes = JUDGE_FREE_FAIL - 1;
	judge_disk(&d, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	d.write_errno = ENOSPC;
	judge_disk(&d, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	cr_assert_str_eq(said.mend,
	    "df -h '/var/lib/b g'; df -i '/var/lib/b g'; du -xsh '/var/lib/b g'/*");
	d.write_errno = EROFS;
	judge_disk(&d, &said);
	cr_assert(says("why it is read-only"));
	d.write_errno = EACCES;
	judge_disk(&d, &said);
	cr_assert(says("ls -ld '/var/lib/b g'; id"));
}

Test(local, a_terminal_is_dumb_unknown_small_or_well)
{
	struct terminal_facts t = {.term = "xterm-256color",
	    .known = true,
	    .moves = true,
	    .colours = 256,
	    .utf8 = true,
	    .locale = "UTF-8",
	    .is_tty = true,
	    .cols = 80,
	    .rows = 24};

	judge_terminal(&t, &said);
	cr_assert_eq(said.result, RESULT_PASS);
	cr_assert(says("256 colours, UTF-8, 80x24"));
	t.rows = 14;
	judge_terminal(&t, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	t.utf8 = false;
	t.locale = "ANSI_X3.4-1968";
	judge_terminal(&t, &said);
	cr_assert_str_eq(said.mend, "export LC_ALL=C.UTF-8");
	t.moves = false;
	judge_terminal(&t, &said);
	cr_assert(says("linear mode"));
	t.known = false;
	judge_terminal(&t, &said);
	cr_assert(says("terminal database"));
	t.term = "dumb";
	judge_terminal(&t, &said);
	cr_assert(says("linear mode"));
	t.term = "";
	judge_terminal(&t, &said);
	cr_assert(says("TERM is not set"));
}

Test(local, memory_and_time_are_as_the_kernel_says)
{
	judge_memory(LOCKED_SECRETMEM, 64, &said);
	cr_assert_eq(said.result, RESULT_PASS);
	judge_memory(LOCKED_MLOCK, 64, &said);
	cr_assert_eq(said.result, RESULT_PASS);
	judge_memory(LOCKED_PLAIN, 0, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("ulimit -l"));
	judge_time(TIME_OK, &said);
	cr_assert_eq(said.result, RESULT_PASS);
	judge_time(TIME_ERROR, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	judge_time(-1, &said);
	cr_assert_eq(said.result, RESULT_SKIP);
}

Test(local, an_engine_is_none_ours_another_weak_or_mute)
{
	struct engine_facts e = {0};

	judge_engine(&e, "0.1.0", &said);
	cr_assert_eq(said.result, RESULT_PASS);
	strcpy(e.why, "it listens and does not answer");
	e.hangs = true;
	judge_engine(&e, "0.1.0", &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	cr_assert_str_eq(said.mend, "breakglass engine --replace --now");
	e = (struct engine_facts){.there = true, .version = "0.0.9", .pid = 7};
	judge_engine(&e, "0.1.0", &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert_str_eq(said.mend, "breakglass engine --replace");
	strcpy(e.version, "0.2.0");
	judge_engine(&e, "0.1.0", &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(!said.command, "no older engine is put there");
	strcpy(e.version, "0.1.0");
	judge_engine(&e, "0.1.0", &said);
	cr_assert_eq(said.result, RESULT_PASS);
	strcpy(e.journal, "memory");
	judge_engine(&e, "0.1.0", &said);
	cr_assert(says("breakglass retry"));
	e.weak = true;
	judge_engine(&e, "0.1.0", &said);
	cr_assert(says("WEAK"));
	e.killed = true;
	judge_kill(&e, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert_str_eq(said.mend, "breakglass kill off");
	e = (struct engine_facts){0};
	judge_kill(&e, &said);
	cr_assert_eq(said.result, RESULT_PASS);
	e.kill_unread = true;
	judge_kill(&e, &said);
	cr_assert_eq(said.result, RESULT_SKIP, "nobody has told that it is off");
	e = (struct engine_facts){.why = "it listens and does not answer"};
	judge_kill(&e, &said);
	cr_assert_eq(said.result, RESULT_SKIP);
	e.there = true;
	judge_engine(&e, "0.1.0", &said);
	cr_assert_eq(said.result, RESULT_FAIL, "it hangs behind its first word");
}

Test(local, versions_have_an_order)
{
	static const char *const up[] = {"0.0.9", "0.1.0-rc1", "0.1.0-rc2", "0.1.0",
	    "0.1.0+git1", "0.2.0~dev", "0.2.0", "0.10.0", "1.0.0", "10.0.0"};

	for (size_t i = 0; i < ARRAY_LEN(up); i++)
		for (size_t k = 0; k < ARRAY_LEN(up); k++) {
			int o = judge_versions(up[i], up[k]);

			cr_assert_eq(
			    (o > 0) - (o < 0), (i > k) - (i < k), "%s %s", up[i], up[k]);
		}
	cr_assert_eq(judge_versions("", "0.1.0"), 0);
	cr_assert_eq(judge_versions("0.1.0", "newest"), 0);
}

Test(local, a_sandbox_is_as_strong_as_what_is_open)
{
	judge_sandbox("Landlock 7, own view of the files, seccomp, no IP", "", &said);
	cr_assert_eq(said.result, RESULT_PASS);
	judge_sandbox("Landlock 3, seccomp, no IP", "signals, abstract sockets", &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("6.12"));
	judge_sandbox(
	    "own view of the files, seccomp, no IP", "the agent's own folder", &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("no Landlock"));
	cr_assert(says("lsm="));
	judge_sandbox("Landlock 7", "UNIX sockets of this uid", &said);
	cr_assert(says("namespaces"));
	judge_sandbox("seccomp", "files of this uid, signals", &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	judge_sandbox("Landlock 7", "system calls", &said);
	cr_assert(says("seccomp"));
}

Test(local, a_claude_is_tested_another_missing_or_not_wanted)
{
	struct claude_facts c = {.driver = "auto",
	    .configured = "",
	    .path = "/usr/bin/claude",
	    .version = "2.1.328",
	    .pinned = "2.1.328",
	    .why = "",
	    .fetch = "npm install it"};

	judge_claude(&c, &said);
	cr_assert_eq(said.result, RESULT_PASS);
	c.version = "2.2.0";
	judge_claude(&c, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("tested with 2.1.328"));
	c.version = NULL;
	c.why = "claude is not installed here";
	judge_claude(&c, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("the runbooks answer"));
	cr_assert_str_eq(said.mend, "npm install it");
	c.driver = "cli";
	judge_claude(&c, &said);
	cr_assert_eq(said.result, RESULT_FAIL);
	c.driver = "api";
	judge_claude(&c, &said);
	cr_assert_eq(said.result, RESULT_SKIP);
}

Test(local, a_drill_is_never_stale_failed_or_well)
{
	const int64_t day = 24LL * 3600 * 1000;
	struct drill_facts d = {.why = "", .wedge = "iostall", .total_ms = 27000};

	judge_drill(&d, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert_str_eq(said.seen, "never");
	cr_assert_str_eq(said.mend, "breakglass drill");
	d.there = d.ok = true;
	d.age_ms = 30 * day;
	judge_drill(&d, &said);
	cr_assert_eq(said.result, RESULT_PASS);
	cr_assert(says("30 d ago (iostall, 27 s)"));
	d.age_ms = 31 * day;
	judge_drill(&d, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	d.ok = false;
	d.site = true;
	d.wedge = "";
	d.total_ms = -1;
	judge_drill(&d, &said);
	cr_assert(says("FAILED"));
	cr_assert_str_eq(said.mend, "breakglass drill --site");
	d.why = "read it: Permission denied";
	judge_drill(&d, &said);
	cr_assert(says("Permission denied"));
	judge_status(-1, false, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	judge_status(-1, true, &said);
	cr_assert_eq(said.result, RESULT_PASS);
	judge_status(JUDGE_NOT_KNOWN, false, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert(says("not known"));
	judge_status(JUDGE_NOT_KNOWN, true, &said);
	cr_assert_eq(said.result, RESULT_PASS);
	judge_status(31 * day, false, &said);
	cr_assert_eq(said.result, RESULT_WARN);
	judge_status(2 * day, false, &said);
	cr_assert_str_eq(said.seen, "2 d ago");
}

Test(local, an_endpoint_is_judged_by_its_answer)
{
	static const struct {
		int status;
		bool tried, portable;
		enum result result;
		const char *says;
	} cases[] = {{200, true, false, RESULT_PASS, "takes the credential"},
	    {200, false, true, RESULT_PASS, "no credential was asked for"},
	    {401, true, false, RESULT_FAIL, "its credential is refused"},
	    {403, false, false, RESULT_FAIL, "wants a credential"},
	    {404, true, true, RESULT_PASS, "was not tried"},
	    {404, true, false, RESULT_WARN, "the right one"},
	    {429, true, true, RESULT_WARN, "too many requests"},
	    {529, true, false, RESULT_WARN, "overloaded"},
	    {0, true, false, RESULT_FAIL, "nobody listens"}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		api_judge(&(struct api_seen){.url = "https://a.example",
			      .portable = cases[i].portable,
			      .tried = cases[i].tried,
			      .status = cases[i].status,
			      .ms = 12,
			      .why = "nobody listens",
			      .todo = "look"},
		    &said);
		cr_assert_eq(said.result, cases[i].result, "%s", said.seen);
		cr_assert(says(cases[i].says));
	}
	api_judge(
	    &(struct api_seen){
		.url = "https://a.example", .status = 401, .subscription = true},
	    &said);
	cr_assert_eq(said.result, RESULT_PASS);
	cr_assert(says("only claude's to try"));
}

/* ---- small readers ---- */

Test(fingerprint, is_as_ssh_keygen_has_it)
{
	char out[FINGERPRINT_MAX], type[FINGERPRINT_TYPE_MAX];
	fingerprint_of("", 0, out);
	cr_assert_str_eq(out, "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU");
	cr_assert(fingerprint_of_base64("YWJj", out));
	cr_assert_str_eq(out, "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0");
	cr_assert(!fingerprint_of_base64("*", out));
	cr_assert(!fingerprint_of_private(
	    "-----BEGIN RSA PRIVATE KEY-----\nYWJj\n", type, out));
	cr_assert(!fingerprint_of_private("", type, out));
	cr_assert(!fingerprint_of_private(
	    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n", type, out));
}

static void
put16(unsigned char *p, int n)
{
	p[0] = (unsigned char)n;
	p[1] = (unsigned char)(n >> 8);
}

Test(terminal, an_entry_is_read_to_the_letter_and_no_further)
{
	unsigned char e[256] = {0};
	bool moves;
	size_t len = 12 + 6 + 2 + 14 * 2 + 11 * 2;

	put16(e, 0432);
	put16(e + 2, 5); /* names, and one byte to make it even */
	put16(e + 4, 2);
	put16(e + 6, 14);
	put16(e + 8, 11);
	memset(e + 12 + 8, 0xff, 14 * 2 + 11 * 2);
	cr_assert_eq(terminal_entry(e, len, &moves), 0);
	cr_assert(!moves);
	put16(e + 12 + 8 + 2 * 13, 256);
	put16(e + 12 + 8 + 14 * 2 + 2 * 5, 0);
	put16(e + 12 + 8 + 14 * 2 + 2 * 10, 7);
	cr_assert_eq(terminal_entry(e, len, &moves), 256);
	cr_assert(moves);
	for (size_t n = 0; n < 12 + 8; n++)
		cr_assert_eq(terminal_entry(e, n, &moves), -1);
	put16(e + 6, 30000);
	cr_assert_eq(terminal_entry(e, len, &moves), -1);
	put16(e + 6, -1);
	cr_assert_eq(terminal_entry(e, len, &moves), -1);
	put16(e, 0433);
	cr_assert_eq(terminal_entry(e, len, &moves), -1);
}

/* ---- the guard ---- */

static struct guard_rules
rules_of(const char *host, int port)
{
	struct guard_rules r = {0};
	struct sockaddr_in *a = (struct sockaddr_in *)&r.hosts[0];

	a->sin_family = AF_INET;
	a->sin_port = htons((uint16_t)port);
	inet_pton(AF_INET, host, &a->sin_addr);
	strcpy(r.sockets[0], "/run/b/console.sock");
	return r;
}

static bool
may(const struct guard_rules *r, const char *host, int port, char text[GUARD_TEXT_MAX])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	inet_pton(AF_INET, host, &a.sin_addr);
	return guard_may(r, (struct sockaddr *)&a, sizeof a, text);
}

Test(guard, lets_the_hosts_and_our_sockets_and_names_the_rest)
{
	struct guard_rules r = rules_of("10.0.10.10", 22);
	struct sockaddr_un u = {.sun_family = AF_UNIX, .sun_path = "/run/b/console.sock"};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6,
	    .sin6_port = htons(53),
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	char text[GUARD_TEXT_MAX];

	cr_assert(may(&r, "10.0.10.10", 22, text));
	cr_assert_str_eq(text, "10.0.10.10 port 22");
	cr_assert(!may(&r, "10.0.10.10", 23, text));
	cr_assert(!may(&r, "10.0.10.11", 22, text));
	cr_assert(!guard_may(&r, (struct sockaddr *)&six, sizeof six, text));
	cr_assert_str_eq(text, "::1 port 53");
	cr_assert(guard_may(&r, (struct sockaddr *)&u, sizeof u, text));
	strcpy(u.sun_path, "/run/nscd/socket");
	cr_assert(!guard_may(&r, (struct sockaddr *)&u, sizeof u, text));
	cr_assert_str_eq(text, "unix:/run/nscd/socket");
	memcpy(u.sun_path, "\0bus", 4);
	cr_assert(!guard_may(&r, (struct sockaddr *)&u, sizeof(sa_family_t) + 4, text));
	cr_assert_str_eq(text, "unix:@bus");
	cr_assert(!guard_may(&r, (struct sockaddr *)&u, 1, text));
}

/* What a process meets that has it on; 0: all as it must be. */
static int
behind_the_guard(void)
{
	struct guard_rules r = rules_of("127.0.0.1", 9);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct guard_asked asked[GUARD_ASKED_MAX];
	struct addrinfo *info = NULL;
	struct err err;
	unsigned n, refused = 0;
	int fd;

	if (guard_begin(&r, &err) < 0)
		return 77;
	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return 1; /* it is let */
	if (send(fd, "x", 1, 0) != 1)
		return 2; /* and so is what goes over it */
	a.sin_port = htons(10);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 || errno != EACCES)
		return 3;
	if (sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof a) == 1 ||
	    errno != EACCES)
		return 4;
	getaddrinfo("breakglass.invalid", NULL, NULL, &info);
	if (listen(socket(AF_INET, SOCK_STREAM, 0), 1) == 0)
		return 5;
	n = guard_asked(asked);
	for (unsigned i = 0; i < n; i++)
		refused += !asked[i].let;
	if (n < 2 || !asked[0].let || strcmp(asked[0].text, "127.0.0.1 port 9") != 0)
		return 6;
	return refused >= 1 && strcmp(asked[1].text, "127.0.0.1 port 10") == 0 &&
		asked[1].times == 2
	    ? 0
	    : 7;
}

Test(guard, the_kernel_refuses_what_it_must_and_all_is_named)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(behind_the_guard());
	waitpid(pid, &status, 0);
	cr_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		cr_skip_test("no seccomp with a listener here");
	cr_assert_eq(WEXITSTATUS(status), 0, "step %d", WEXITSTATUS(status));
}

Test(guard, a_child_has_no_ip)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		guard_shut();
		_exit(socket(AF_UNIX, SOCK_STREAM, 0) < 0	? 1
			: socket(AF_INET, SOCK_DGRAM, 0) >= 0	? 2
			: socket(AF_INET6, SOCK_STREAM, 0) >= 0 ? 3
								: 0);
	}
	waitpid(pid, &status, 0);
	cr_assert_eq(status, 0);
}

/* ---- the sheet ---- */

Test(sheet, tells_in_its_own_order_and_counts)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	struct sheet *s =
	    sheet_new(&(struct sheet_opts){.to = to, .columns = 40, .version = "0.1.0"});
	struct said one = {0};

	said_fail(&one, "%s", "\033[2Jbad\r\nkey");
	said_run(
	    &one, "%s", "chmod 600 /a/very/long/path/that/is/wider/than/the/paper/is");
	sheet_put(s, CHECK_KEY, &one);
	cr_assert_eq(len, 0, "what stands in front is not over");
	said_pass(&one, "no file");
	sheet_put(s, CHECK_CONFIG, &one);
	said_fail(&one, "again");
	sheet_put(s, CHECK_CONFIG, &one); /* it keeps what it has */
	fflush(to);
	cr_assert_eq(
	    strncmp(
		text, "This machine\n  pass  settings: no file\n  FAIL  SSH key: ", 53),
	    0, "%s", text);
	cr_assert(!strpbrk(text, "\033\r"));
	cr_assert(strstr(text,
	    "        mend: chmod 600 /a/very/long/path/that/is/wider/than/the/paper/is\n"));
	for (int c = 0; c < CHECKS; c++)
		sheet_over(s, (enum check)c);
	cr_assert(sheet_all_over(s));
	cr_assert_eq(sheet_end(s, 1250), 1);
	cr_assert(strstr(text, "1 pass, 0 warn, 1 fail, 0 left out; 1.2"), "%s", text);
	sheet_free(s);
	fclose(to);
	free(text);
}

Test(sheet, every_row_of_the_table_has_its_words)
{
	for (int c = 0; c < CHECKS; c++) {
		cr_assert(check_rows[c].word && check_rows[c].title, "row %d", c);
		cr_assert_eq(
		    check_by_word(group_word(check_rows[c].group), check_rows[c].word),
		    c);
		cr_assert(c == 0 || check_rows[c].group >= check_rows[c - 1].group);
	}
}
