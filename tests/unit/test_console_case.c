/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is seen of a verdict, a proof, an unfinished verb and an old host program. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "console/view/view_banner.h"
#include "console/view/view_detail.h"
#include "console/view/view_proof.h"
#include "console/view/view_verdict.h"
#include "pictures.h"
#include "wire/verbs.h"

#define VERDICT_HUNG                                                                  \
	"\"word\":\"hung\",\"advice\":\"cycle\",\"id\":\"v1\",\"checked\":99000,"     \
	"\"why\":\"QEMU's main loop does not answer: nothing but a new QEMU helps\"," \
	"\"evidence\":[\"host: QMP silent for 3.0 s\","                               \
	"\"host: QEMU's main thread stands in io_schedule\","                         \
	"\"host: 41 write requests wait, none is finished\","                         \
	"\"host: guest agent silent\","                                               \
	"\"host: the guest's screen shows its login prompt\","                        \
	"\"devvm: tcp answers in 3 ms, no banner within 10 s\","                      \
	"\"pve: up, 12 ms, load 0.4\"],"                                              \
	"\"not\":[{\"verb\":\"start\",\"why\":\"it runs already\"},"                  \
	"{\"verb\":\"reset\",\"why\":\"it goes to the QEMU that hangs, and what it shows is lost\"}]"

static const char *const facts_hung[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"vm\",\"status\":\"running\",\"qmp\":\"hung\",\"checked\":99000,"
    "\"staged\":[{\"key\":\"memory\",\"from\":\"8192\",\"to\":\"16384\"},{\"key\":\"scsi0\",\"from\":\"aio=io_uring\",\"to\":\"aio=threads\"}]}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"link\",\"host\":\"devvm\",\"state\":\"silent\",\"since\":60000}",
    "{\"t\":\"verdict\",\"seq\":1,\"at\":\"2026-11-26T03:12:07.000Z\"," VERDICT_HUNG "}",
    NULL};

static const char *const facts_climbing[] = {
    "{\"t\":\"state\",\"seq\":2,\"what\":\"proof\",\"when\":\"after\",\"verb\":\"cycle\",\"mono_ms\":98000,\"ms\":30000,"
    "\"rungs\":[{\"rung\":\"tcp\",\"ok\":true,\"ms\":21200},{\"rung\":\"banner\",\"ok\":true,\"ms\":21242},"
    "{\"rung\":\"kex\",\"ok\":true,\"ms\":21400},{\"rung\":\"auth\",\"ok\":false},{\"rung\":\"exec\",\"ok\":false},"
    "{\"rung\":\"sudo\",\"ok\":false},{\"rung\":\"disk\",\"ok\":false}],\"text\":\"the devvm is coming back\"}",
    NULL};

static const char *const facts_proof[] = {
    "{\"t\":\"state\",\"seq\":3,\"what\":\"proof\",\"when\":\"after\",\"verb\":\"cycle\",\"mono_ms\":99000,\"ms\":34120,"
    "\"done\":true,\"end\":\"healthy\","
    "\"rungs\":[{\"rung\":\"tcp\",\"ok\":true,\"ms\":31200},{\"rung\":\"banner\",\"ok\":true,\"ms\":31242},"
    "{\"rung\":\"kex\",\"ok\":true,\"ms\":31400},{\"rung\":\"auth\",\"ok\":true,\"ms\":31431},"
    "{\"rung\":\"exec\",\"ok\":true,\"ms\":32600},{\"rung\":\"sudo\",\"ok\":true,\"ms\":32615},"
    "{\"rung\":\"disk\",\"ok\":true,\"ms\":32700}],"
    "\"table\":[{\"what\":\"QEMU pid\",\"before\":4711,\"after\":5022,\"ok\":true},"
    "{\"what\":\"QEMU start\",\"before\":\"2026-11-20 10:00:01 UTC\",\"after\":\"2026-11-26 03:12:31 UTC\",\"ok\":true},"
    "{\"what\":\"boot id\",\"before\":\"0f9d3c2e-4a41-4b0e-9d53-0a4c3f6e1b2d\",\"after\":\"7be1a0c4-11f2-4a9a-8a0b-5d2f9c3e7a61\",\"ok\":true},"
    "{\"what\":\"guest uptime\",\"before\":\"5 d\",\"after\":\"9 s\",\"ok\":true},"
    "{\"what\":\"staged config\",\"before\":\"2\",\"after\":\"0\",\"ok\":true},"
    "{\"what\":\"failed units\",\"before\":\"\",\"after\":\"1: nfs-mount.service\",\"ok\":false},"
    "{\"what\":\"VM status\",\"before\":\"hung\",\"after\":\"running\",\"ok\":true}],"
    "\"text\":\"the devvm is back: ssh, sudo and disk work, 34 s after the cycle\"}",
    NULL};

static const char *const facts_old_host[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"vm\",\"status\":\"running\",\"qmp\":\"none\",\"checked\":99000,\"host_program\":\"old\","
    "\"host_todo\":\"/usr/share/breakglass/contrib/bootstrap pve --to root@192.168.1.127 --apply\"}",
    NULL};

static const char *const facts_no_start[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"vm\",\"status\":\"running\",\"qmp\":\"hung\",\"checked\":99000,\"startable\":\"no\","
    "\"startable_why\":\"pool pve/data is full\",\"lock\":\"backup\",\"lock_holder\":\"vzdump, pid 811, alive\",\"ha\":\"yes\"}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"unfinished\",\"verb\":\"cycle\",\"who\":\"ben\",\"when\":\"2026-11-26T03:10:00.000Z\","
    "\"outcome\":\"running\",\"now\":\"the host is at starting since 12 s\",\"key\":\"\",\"mono_ms\":88000}",
    NULL};

static struct screen s;

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	screen_init(&s);
	tell(&s, facts_quiet);
}

static void
fini(void)
{
	screen_fini(&s);
}

static const char *
top_line(int cols)
{
	static char line[1024];
	const char *text = drawn(&s, cols, 24);

	snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
	return line;
}

static void
confirm(int verb)
{
	confirm_open_verb(&s.confirm, verb, 0);
}

TestSuite(case, .init = init, .fini = fini);

Test(case, a_verdict_is_seen_whole_where_it_arrives)
{
	static const int sizes[][2] = {{80, 24}, {40, 15}, {20, 6}, {200, 50}};

	tell(&s, facts_hung);
	for (size_t i = 0; i < 4; i++)
		expect_picture(&s, sizes[i][0], sizes[i][1], "verdict");
	for (int rows = 6; rows < 40; rows++)
		for (int cols = 24; cols < 160; cols += 7) {
			const char *text = drawn(&s, cols, rows);

			cr_assert(
			    strstr(text, "verdict: hung"), "%dx%d\n%s", cols, rows, text);
			cr_assert(
			    strstr(text, "F7 cycle"), "%dx%d\n%s", cols, rows, text);
		}
}

/* The pane jumps by a third when it is full: not with the head of a verdict. */
Test(case, a_verdict_is_seen_whole_below_a_full_pane)
{
	char note[96];

	for (int rows = 10; rows < 40; rows++) {
		screen_fini(&s);
		screen_init(&s);
		tell(&s, facts_quiet);
		for (int i = 0; i < 30; i++) {
			snprintf(note, sizeof note,
			    "{\"t\":\"note\",\"seq\":0,\"text\":\"line %d\"}", i);
			tell_one(&s, note);
			drawn(&s, 80, rows);
		}
		tell(&s, facts_hung);
		cr_assert(strstr(drawn(&s, 80, rows), "verdict: hung"), "%d rows:\n%s",
		    rows, drawn(&s, 80, rows));
		cr_assert(strstr(drawn(&s, 80, rows), "F7 cycle, or Esc 7"));
	}
}

Test(case, the_same_verdict_again_is_one_line)
{
	tell(&s, facts_hung);
	tell_one(&s,
	    "{\"t\":\"verdict\",\"seq\":2,\"at\":\"2026-11-26T03:14:07.000Z\",\"not\":[{\"verb\":\"start\"},{\"verb\":\"reset\"}],\"id\":\"v2\","
	    "\"word\":\"hung\",\"advice\":\"cycle\",\"checked\":99500}");
	cr_assert_not_null(strstr(drawn(&s, 80, 24), "\n· still hung, 03:14\n"));
	tell_one(&s,
	    "{\"t\":\"verdict\",\"seq\":3,\"at\":\"2026-11-26T03:16:07.000Z\",\"not\":[{\"verb\":\"start\"},{\"verb\":\"reset\"}],\"id\":\"v3\","
	    "\"word\":\"hung\",\"advice\":\"cycle\",\"checked\":99600}");
	cr_assert_not_null(strstr(drawn(&s, 80, 24), "still hung, 03:16"));
	cr_assert_null(strstr(drawn(&s, 80, 24), "03:14"));
	cr_assert_eq(s.model.chat.count, 2);
	/* what may not be pressed is news, though the word is the same */
	tell_one(&s,
	    "{\"t\":\"verdict\",\"seq\":4,\"word\":\"hung\",\"advice\":\"cycle\",\"checked\":99700,"
	    "\"not\":[{\"verb\":\"stop\",\"why\":\"x\"}]}");
	cr_assert_eq(s.model.chat.count, 3);
}

Test(case, the_ladder_of_the_same_capture_completes_the_block)
{
	tell_one(&s,
	    "{\"t\":\"verdict\",\"seq\":1,\"at\":\"2026-11-26T03:12:04.000Z\",\"id\":\"v1\","
	    "\"word\":\"hung\",\"advice\":\"cycle\",\"partial\":true,\"checked\":99000}");
	cr_assert_not_null(strstr(drawn(&s, 80, 24), "evidence incomplete"));
	cr_assert_not_null(strstr(top_line(80), "hung?"));
	tell_one(&s,
	    "{\"t\":\"verdict\",\"seq\":2,\"at\":\"2026-11-26T03:12:07.000Z\"," VERDICT_HUNG
	    "}");
	cr_assert_eq(s.model.chat.count, 1);
	cr_assert_null(strstr(drawn(&s, 80, 24), "evidence incomplete"));
}

Test(case, the_word_stands_on_the_top_line_with_its_age_when_it_is_old)
{
	tell(&s, facts_hung);
	cr_assert_not_null(strstr(top_line(100), "hung: F7 cycle │"));
	cr_assert_not_null(strstr(top_line(40), "│ hung"));
	s.now += 6 * 60 * 1000;
	cr_assert_not_null(strstr(top_line(140), "hung: F7 cycle (6 min ago)"));
	cr_assert_not_null(strstr(top_line(40), "hung"));
	tell_one(&s,
	    "{\"t\":\"verb\",\"seq\":9,\"id\":\"v9\",\"verb\":\"cycle\",\"state\":\"sent\"}");
	cr_assert_not_null(strstr(top_line(100), "was hung"));
}

Test(case, the_advised_key_is_always_in_the_bar)
{
	tell_one(&s,
	    "{\"t\":\"verdict\",\"seq\":1,\"word\":\"guest-spin\",\"advice\":\"reset\",\"checked\":99000}");
	cr_assert_not_null(strstr(strrchr(drawn(&s, 40, 15), '>'), "6 reset"));
	s.now += VERDICT_FRESH_MS;
	cr_assert_null(strstr(strrchr(drawn(&s, 40, 15), '>'), "6 reset"));
}

Test(case, a_healthy_verdict_is_brief)
{
	tell_one(&s,
	    "{\"t\":\"verdict\",\"seq\":1,\"word\":\"healthy\",\"advice\":\"none\",\"why\":\"all is well\","
	    "\"checked\":99000,\"evidence\":[\"host: a\",\"host: b\",\"devvm: c\"]}");
	cr_assert_not_null(strstr(drawn(&s, 80, 24), "3 lines of evidence: /verdict"));
	cr_assert_null(strstr(drawn(&s, 80, 24), "press "));
}

Test(case, the_page_behind_it_shows_all_of_it)
{
	tell(&s, facts_hung);
	tell(&s, facts_proof);
	tell(&s, facts_old_host);
	s.page = PAGE_VERDICT;
	expect_all_sizes(&s, "detail");
	expect_picture(&s, 80, 64, "detail");
}

Test(case, the_box_says_what_the_verdict_says_of_the_key)
{
	tell(&s, facts_hung);
	confirm(VERB_CYCLE);
	expect_all_sizes(&s, "advised");
	confirm(VERB_RESET);
	expect_all_sizes(&s, "against");
	expect_picture(&s, 20, 6, "against");
}

Test(case, a_verdict_that_is_too_old_speaks_for_nothing)
{
	tell(&s, facts_hung);
	s.now += 20 * 60 * 1000;
	confirm(VERB_RESET);
	cr_assert_null(strstr(drawn(&s, 80, 24), "WRONG NOW"));
	cr_assert_not_null(strstr(drawn(&s, 80, 24), "too old to go by"));
	cr_assert_not_null(strstr(drawn(&s, 80, 24), "WRONG TOOL: this QEMU hangs"));
}

Test(case, what_would_leave_the_vm_off_is_said_first)
{
	tell(&s, facts_hung);
	tell(&s, facts_no_start);
	confirm(VERB_CYCLE);
	expect_all_sizes(&s, "nostart");
}

Test(case, an_old_host_program_is_told_with_the_command_that_installs_ours)
{
	tell(&s, facts_old_host);
	expect_picture(&s, 80, 24, "oldhost");
	expect_picture(&s, 40, 15, "oldhost");
	expect_picture(&s, 200, 50, "oldhost");
	confirm(VERB_CYCLE);
	cr_assert_not_null(strstr(drawn(&s, 80, 24), "dies with its reader"));
}

Test(case, the_climb_back_is_shown_rung_by_rung)
{
	tell(&s, facts_climbing);
	expect_all_sizes(&s, "climb");
	cr_assert(layout_is_ticking(&s));
	s.now += 5000;
	cr_assert_not_null(
	    strstr(drawn(&s, 80, 24), "coming back, 37 s after the cycle"));
	tell(&s, facts_proof);
	cr_assert_eq(s.model.chat.count, 1);
	cr_assert_not(layout_is_ticking(&s));
}

Test(case, the_proof_is_a_table_of_before_and_after)
{
	tell(&s, facts_proof);
	expect_picture(&s, 80, 24, "proof");
	expect_picture(&s, 40, 15, "proof");
	expect_picture(&s, 200, 50, "proof");
	for (int rows = 8; rows < 40; rows++)
		cr_assert_not_null(strstr(drawn(&s, 50, rows), "healthy"));
}

Test(case, what_is_learnt_after_the_end_is_in_the_same_item)
{
	tell(&s, facts_proof);
	tell_one(&s,
	    "{\"t\":\"state\",\"seq\":9,\"what\":\"proof\",\"when\":\"after\",\"verb\":\"cycle\",\"ms\":40000,"
	    "\"end\":\"healthy\",\"done\":true,\"table\":[{\"what\":\"failed units\",\"after\":\"none\",\"ok\":true}]}");
	cr_assert_eq(s.model.chat.count, 1);
	/* it fell back: that is news */
	tell_one(&s,
	    "{\"t\":\"state\",\"seq\":10,\"what\":\"proof\",\"when\":\"after\",\"verb\":\"cycle\",\"ms\":50000}");
	cr_assert_eq(s.model.chat.count, 2);
	tell_one(&s,
	    "{\"t\":\"state\",\"seq\":11,\"what\":\"proof\",\"when\":\"after\",\"verb\":\"cycle\",\"ms\":60000,\"end\":\"given up\"}");
	cr_assert_eq(s.model.chat.count, 2);
	tell_one(&s,
	    "{\"t\":\"verb\",\"seq\":12,\"id\":\"v7\",\"verb\":\"stop\",\"state\":\"asked\"}");
	tell_one(&s,
	    "{\"t\":\"state\",\"seq\":13,\"what\":\"proof\",\"when\":\"after\",\"verb\":\"stop\",\"ms\":2000,\"end\":\"stopped\"}");
	cr_assert_eq(s.model.chat.count, 4);
	cr_assert_not_null(
	    strstr(drawn(&s, 80, 24), "proof: stopped, 2 s after the stop"));
}

Test(case, an_unfinished_verb_is_a_banner_until_it_is_settled)
{
	tell_one(&s,
	    "{\"t\":\"state\",\"seq\":0,\"what\":\"unfinished\",\"verb\":\"cycle\",\"who\":\"anna\","
	    "\"when\":\"2026-11-26T03:12:07.000Z\",\"outcome\":\"interrupted\","
	    "\"now\":\"VM 102 is stopped: the host's worker was lost at stopped\",\"key\":\"start\"}");
	expect_all_sizes(&s, "unfinished");
	tell_one(&s,
	    "{\"t\":\"state\",\"seq\":0,\"what\":\"unfinished\",\"verb\":\"cycle\",\"settled\":true}");
	cr_assert_null(strstr(drawn(&s, 80, 24), "UNFINISHED"));
}

Test(case, nothing_that_a_host_says_gets_through_as_a_control_sequence)
{
	tell_one(&s,
	    "{\"t\":\"verdict\",\"seq\":1,\"word\":\"hu\\u001b[2Jng\",\"advice\":\"cycle\",\"why\":\"a\\u001b]0;x\\u0007b\\u202ec\","
	    "\"todo\":\"\\u009b1m\",\"evidence\":[\"host: \\u001b[31mred\\r\\nsecond\"],"
	    "\"not\":[{\"verb\":\"reset\",\"why\":\"\\u001bc\"}],\"checked\":99000}");
	tell_one(&s,
	    "{\"t\":\"state\",\"seq\":2,\"what\":\"proof\",\"when\":\"after\",\"end\":\"he\\u001b[0malthy\","
	    "\"table\":[{\"what\":\"\\u001b[1mpid\",\"before\":\"\\u0007\",\"after\":\"\\u2066x\"}]}");
	confirm(VERB_RESET);
	for (const char *c = drawn(&s, 80, 24); *c; c++)
		cr_assert(*c == '\n' || (unsigned char)*c >= ' ');
	cr_assert_null(strstr(drawn(&s, 80, 24), "\xe2\x80\xae"));
	cr_assert_null(strstr(drawn(&s, 80, 24), "\xe2\x81\xa6"));
}

Test(case, every_size_can_be_drawn)
{
	tell(&s, facts_hung);
	tell(&s, facts_no_start);
	tell(&s, facts_old_host);
	tell(&s, facts_climbing);
	for (int round = 0; round < 3; round++) {
		s.page = round == 1 ? PAGE_VERDICT : PAGE_NONE;
		if (round == 2)
			confirm(VERB_CYCLE);
		for (int rows = 1; rows < 32; rows++)
			for (int cols = 1; cols < 130; cols += 3)
				drawn(&s, cols, rows);
	}
}

/* --- the tool pane --- */

static const char *const facts_capture[] = {
    "{\"t\":\"tool\",\"seq\":1,\"id\":\"r1\",\"asked\":\"operator\",\"host\":\"pve\",\"verb\":\"forensics\",\"what\":\"forensics\",\"by\":\"anna\"}",
    "{\"t\":\"output\",\"seq\":2,\"id\":\"r1\",\"stream\":\"out\",\"data\":"
    "\"#bg run id=x verb=forensics version=1\\n#bg phase=forensics t_ms=3\\n"
    "#bg section=qmp t_ms=4\\n  QMP: running\\n#bg end=qmp rc=0 ms=12\\n"
    "#bg section=screen t_ms=20\\n  \\n  Debian GNU/Linux 12 devvm tty1\\n  \\n  devvm login:\\n  \\n  \\n#bg end=screen rc=0 ms=310\\n"
    "#bg section=screen-png t_ms=330\\n  iVBORw0KGgoAAAANSUhEUgAAAoAAAAGQCAIAAAC\\n  AAAA\"}",
    "{\"t\":\"output\",\"seq\":3,\"id\":\"r1\",\"stream\":\"out\",\"data\":\"BBBB\\n#bg end=screen-png rc=0 ms=90\\n"
    "#bg section=storage t_ms=430\\n  data 81%\\n#bg end=storage rc=124 ms=2000\\n#bg phase=forensics-done t_ms=2450\\n\"}",
    NULL};

Test(case, a_capture_has_quiet_headings_a_framed_screen_and_no_base64)
{
	tell(&s, facts_capture);
	s.focus = FOCUS_TOOLS;
	s.zoom = true;
	expect_all_sizes(&s, "capture");
	tell_one(&s,
	    "{\"t\":\"verdict\",\"seq\":9,\"word\":\"hung\",\"advice\":\"cycle\","
	    "\"evidence\":[\"host: screen saved: /var/lib/bg/2026-11-26-a-r1.png (1 KB)\"]}");
	cr_assert_not_null(strstr(drawn(&s, 90, 24),
	    "screen as PNG, 1 KB, saved as /var/lib/bg/2026-11-26-a-r1.png\n"));
}
