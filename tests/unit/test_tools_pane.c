/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tool pane: runs in one glance, folded, opened, filtered, failures. */
#include "base/mem.h"
#include "console/action/action_run.h"
#include "tools_pane_rig.h"

/* Who asked, where, how each ended: one of every kind. */
static void
night(void)
{
	screen_init(&s);
	tell(&s, facts_quiet);
	s.focus = FOCUS_TOOLS;
	begin("r1", "engine", "engine", "devvm",
	    ": is it alive; uptime -s; systemctl --failed", 20000);
	says("r1", "out", 0, "2026-11-27 02:58:11\\n0 failed units\\n");
	ends("r1", "\"exit\":0", 210, 35, 0, 0);
	begin("r2", "agent", "agent", "devvm",
	    "journalctl -b -p err --no-pager -u postgresql.service -u nginx.service --since -2h",
	    30000);
	says("r2", "out", 0,
	    "1 line\\n2 lines\\n3 lines\\n4 lines\\n5 lines\\n6 lines\\n7 lines\\n8 lines\\n");
	ends("r2", "\"exit\":0", 1240, 62, 0, 0);
	begin("r3", "agent", "agent", "devvm",
	    "cat > /etc/sysctl.d/90-oom.conf <<EOF\\nvm.overcommit_memory = 2\\nvm.swappiness = 10\\nEOF\\nsysctl --system",
	    40000);
	says("r3", "err", 0, "cat: /etc/sysctl.d: No space left on device\\n");
	ends("r3", "\"exit\":1", 45, 0, 44, 0);
	begin("r4", "runbook", "anna", "pve", "status", 50000);
	ends("r4", "\"failed\":\"connection lost: no answer for 15 s\"", 15000, 0, 0, 0);
	begin("r5", "operator", "anna", "devvm", "dd if=/dev/zero of=/tmp/x", 60000);
	ends("r5", "\"signal\":\"KILL\"", 65000, 0, 0, 0);
	begin("r6", "agent", "agent", "devvm", "tail -f /var/log/syslog", 88000);
	says("r6", "out", 0, "03:13:01 kernel: ata1: hard resetting link\\n");
	says("r6", "err", 0, "tail: /var/log/syslog: file truncated\\n");
}

Test(tools, show_who_asked_where_and_how_it_went, .init = init)
{
	night();
	expect_all_sizes(&s, "tools");
	screen_fini(&s);
}

Test(tools, folded_are_one_line_each_in_columns, .init = init)
{
	night();
	view_tools_fold_all(&s.tools);
	expect_all_sizes(&s, "fold");
	screen_fini(&s);
}

Test(tools, an_opened_run_shows_its_whole_command, .init = init)
{
	night();
	cr_assert(view_tools_open(&s, "r3"));
	expect_all_sizes(&s, "run");
	cr_assert_not(view_tools_open(&s, "r99"));
	screen_fini(&s);
}

Test(tools, the_title_names_the_run_whose_head_is_above, .init = init)
{
	night();
	cr_assert(view_tools_open(&s, "r2"));
	drawn(&s, 80, 24);
	view_tools_scroll(&s.tools, &s.model, 6);
	expect_picture(&s, 80, 24, "run-middle");
	screen_fini(&s);
}

/* What began before this console, what is shown elsewhere, what is missing. */
static void
odd(void)
{
	screen_init(&s);
	tell(&s, facts_quiet);
	s.focus = FOCUS_TOOLS;
	s.zoom = true;
	says("r1", "out", 70000, "the end of something older\\n");
	ends("r1", "\"exit\":0", 90000, 70027, 0, 0);
	begin("r2", "agent", "agent", "local", "ssh devvm uptime", 20000);
	begin("r3", "agent", "agent", "devvm", "uptime", 20100);
	says("r3", "out", 0, "up 3 days\\n");
	ends("r3", "\"exit\":0", 40, 10, 0, 0);
	ends("r2", "\"exit\":0", 80, 10, 0, 0);
	begin("r4", "agent", "agent", "devvm", "journalctl -k", 30000);
	says("r4", "out", 0, "kernel: first\\n");
	says("r4", "out", 18000000, "kernel: last\\n");
	ends("r4", "\"exit\":0", 3000, 18000013, 0, 2222222);
	begin("r5", "operator", "a-very-long-operator-name", "devvm", "htpo", 40000);
	says("r5", "err", 0, "bash: line 1: htpo: command not found\\n");
	ends("r5", "\"exit\":127", 12, 0, 38, 0);
	begin("r6", "agent", "agent", "devvm", "sleep 1000", 50000);
	ends("r6", "\"failed\":\"its engine is gone, and its end with it\"", 0, 0, 0, 0);
	begin("r7", "agent", "agent", "devvm", "sync", 99000);
}

Test(tools, what_is_odd_about_a_run_is_said, .init = init)
{
	odd();
	expect_all_sizes(&s, "tools-odd");
	screen_fini(&s);
}

Test(tools, failures_are_gone_to_one_by_one, .init = init)
{
	struct scroll_pos at = {UINT64_MAX, 0};
	const char *const ids[] = {"r5", "r4", "r3"};

	night();
	for (size_t i = 0; i < 3; i++) {
		cr_assert(view_tools_failure(&s.tools, &s.model, -1, &at));
		cr_assert_str_eq(tail_by_serial(&s.model.tools, at.unit)->id, ids[i]);
	}
	cr_assert_not(view_tools_failure(&s.tools, &s.model, -1, &at));
	cr_assert(view_tools_failure(&s.tools, &s.model, 1, &at));
	cr_assert_str_eq(tail_by_serial(&s.model.tools, at.unit)->id, "r4");
	screen_fini(&s);
}

Test(tools, a_failure_is_gone_to_where_its_last_words_are, .init = init)
{
	struct action_context ctx = {.screen = &s};
	char line[32];

	night();
	for (int i = 0; i < 90; i++) {
		snprintf(line, sizeof line, "%03d tries\\n", i);
		says("r3", "out", i * 10, line);
	}
	drawn(&s, 80, 24);
	for (int i = 0; i < 3; i++)
		action_run(&ctx, ACTION_FAILED, "");
	cr_assert_not_null(strstr(drawn(&s, 80, 24), "089 tries"));
	cr_assert_not_null(strstr(drawn(&s, 80, 24), "✗ exit 1"));
	cr_assert_null(strstr(drawn(&s, 80, 24), "$ pve status"));
	action_run(&ctx, ACTION_FAILED, "");
	cr_assert_not_null(strstr(drawn(&s, 80, 24), "No older failure"));
	screen_fini(&s);
}

Test(tools, a_long_run_that_went_well_folds_by_itself_and_a_failure_never, .init = init)
{
	night();
	s.zoom = true;
	cr_assert_null(strstr(drawn(&s, 80, 40), "3 lines\n"));
	cr_assert_not_null(strstr(drawn(&s, 80, 40), "No space left"));
	cr_assert_not_null(
	    strstr(drawn(&s, 80, 40), "0 failed units"), "short ones stay");
	screen_fini(&s);
}

Test(tools, nothing_folds_while_somebody_reads_above, .init = init)
{
	screen_init(&s);
	tell(&s, facts_quiet);
	s.focus = FOCUS_TOOLS;
	s.zoom = true;
	begin("r2", "agent", "agent", "devvm", "seq 8", 30000);
	says("r2", "out", 0, "1 a\\n2 a\\n3 a\\n4 a\\n5 a\\n6 a\\n7 a\\n8 a\\n");
	ends("r2", "\"exit\":0", 10, 32, 0, 0);
	cr_assert(view_tools_open(&s, "r2"));
	view_tools_fold_all(&s.tools);
	view_tools_fold_all(&s.tools);
	s.tools.fold = TOOLS_FOLD_SELF;
	for (int i = 3; i < 9; i++) {
		char id[8];

		snprintf(id, sizeof id, "r%d", i);
		begin(id, "agent", "agent", "devvm", "true", 40000);
		ends(id, "\"exit\":0", 1, 0, 0, 0);
	}
	cr_assert_not_null(strstr(drawn(&s, 80, 40), "8 a"));
	scroll_to_end(&s.tools.scroll);
	cr_assert_null(strstr(drawn(&s, 80, 40), "8 a"));
	screen_fini(&s);
}

Test(tools, one_stream_alone_is_shown_when_it_is_asked_for, .init = init)
{
	night();
	s.zoom = true;
	s.tools.show = TOOLS_ERR;
	cr_assert_null(strstr(drawn(&s, 80, 40), "hard resetting"));
	cr_assert_not_null(strstr(drawn(&s, 80, 40), "! tail: /var"));
	s.tools.show = TOOLS_OUT;
	cr_assert_not_null(strstr(drawn(&s, 80, 40), "hard resetting"));
	cr_assert_null(strstr(drawn(&s, 80, 40), "! tail: /var"));
	screen_fini(&s);
}
