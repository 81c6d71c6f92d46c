/* SPDX-License-Identifier: GPL-3.0-or-later */
/* doctor: what is made of this machine, its engine, its agent and its practice. */
#include <errno.h>
#include <sys/timex.h>

#include "base/locked.h"
#include "base/mem.h"
#include "doctor/api.h"
#include "doctor/judge.h"
#include "doctor_rig.h"

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
