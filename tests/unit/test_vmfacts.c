/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/record/mark.h"
#include "engine/power/vmfacts.h"

static struct vmfacts
feed(const char *lines)
{
	struct vmfacts v = {0};
	const char *end;

	vmfacts_begin(&v);
	for (; (end = strchr(lines, '\n')) != NULL; lines = end + 1)
		vmfacts_line(&v, lines, (size_t)(end - lines));
	return v;
}

Test(mark, reads_words_values_and_quotes)
{
	const char *line =
	    "#bg verdict word=hung advice=cycle why=\"no greeting in 3 s\" n=12";
	struct mark m;

	cr_assert(mark_parse(&m, line, strlen(line)));
	cr_assert_str_eq(m.kind, "verdict");
	cr_assert_str_eq(mark_get(&m, "why"), "no greeting in 3 s");
	cr_assert_eq(mark_int(&m, "n", -1), 12);
	cr_assert_eq(mark_int(&m, "word", -1), -1);
	cr_assert_null(mark_get(&m, "nosuch"));
}

Test(mark, a_phase_is_its_own_kind)
{
	const char *line = "#bg phase=stopping t_ms=812";
	struct mark m;

	cr_assert(mark_parse(&m, line, strlen(line)));
	cr_assert_str_eq(m.kind, "phase");
	cr_assert_str_eq(mark_get(&m, "phase"), "stopping");
}

Test(mark, a_quote_inside_a_value_does_not_end_it)
{
	const char *line =
	    "#bg fact lock_holder=\"task \\\"a b\\\" \\\\ \\x07\" startable=no";
	struct mark m;

	cr_assert(mark_parse(&m, line, strlen(line)));
	cr_assert_str_eq(mark_get(&m, "lock_holder"), "task \"a b\" \\ \\x07");
	cr_assert_str_eq(mark_get(&m, "startable"), "no");
}

Test(mark, a_value_without_its_last_quote_ends_with_the_line)
{
	const char *line = "#bg verdict word=hung why=\"no end \\";
	struct mark m;

	cr_assert(mark_parse(&m, line, strlen(line)));
	cr_assert_str_eq(mark_get(&m, "why"), "no end \\");
}

Test(mark, other_lines_are_none)
{
	static const char *const lines[] = {
	    "", "#bg", "#bg ", "status: running", " #bg fact a=1", "#bgfact a=1"};
	struct mark m;

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		cr_assert_not(mark_parse(&m, lines[i], strlen(lines[i])), "%s", lines[i]);
}

Test(mark, more_pairs_than_it_holds_are_no_mark)
{
	char line[MARK_LINE_MAX] = "#bg fact";
	struct mark m;

	for (int i = 0; i < MARK_PAIRS_MAX + 1; i++)
		strcat(line, " a=1");
	cr_assert_not(mark_parse(&m, line, strlen(line)));
}

Test(vmfacts, a_status_of_our_host_program)
{
	struct vmfacts v =
	    feed("#bg run id=x verb=status version=1\n"
		 "#bg fact status=running\n#bg fact status_ms=3\n#bg fact qmp=alive\n"
		 "#bg fact qemu_pid=4711\n#bg fact lock=backup\n"
		 "#bg section=pending t_ms=1\n  cur memory: 128\n  new memory: 256\n"
		 "  cur name: devvm\n  del net1\n#bg end=pending rc=0 ms=2\n"
		 "new memory: 999\n#bg result verb=status rc=0 state=running pid=4711\n");
	struct js *f = js_new(), *staged;

	vmfacts_fill(&v, f);
	cr_assert_str_eq(js_str(f, "status"), "running");
	cr_assert_eq(js_int(f, "pid", 0), 4711);
	cr_assert_str_eq(js_str(f, "lock"), "backup");
	cr_assert_str_eq(js_str(f, "host_program"), "ok");
	staged = js_get_array(f, "staged");
	cr_assert_eq(js_len(staged), 2, "what does not change is not staged");
	cr_assert_str_eq(js_str(js_at(staged, 0), "from"), "128");
	cr_assert_str_eq(js_str(js_at(staged, 0), "to"), "256");
	cr_assert_str_eq(js_str(js_at(staged, 1), "to"), "(removed)");
	js_free(f);
	vmfacts_fini(&v);
}

Test(vmfacts, an_old_host_program_is_read_and_named)
{
	struct vmfacts v = feed("status: stopped\n");
	struct js *f = js_new();

	vmfacts_fill(&v, f);
	cr_assert_str_eq(js_str(f, "status"), "stopped");
	cr_assert_str_eq(js_str(f, "host_program"), "old");
	js_free(f);
}

Test(vmfacts, nothing_said_is_unknown)
{
	struct vmfacts v = feed("bash: noise\n");
	struct js *f = js_new();

	vmfacts_fill(&v, f);
	cr_assert_str_eq(js_str(f, "status"), "unknown");
	cr_assert_str_eq(js_str(f, "host_program"), "unknown");
	js_free(f);
}

Test(vmfacts, what_was_measured_is_kept_and_the_rest_is_unknown)
{
	struct vmfacts v =
	    feed("#bg run id=x verb=forensics version=1\n"
		 "#bg fact status=running\n#bg fact wr_delta=0\n#bg fact vq_inuse=3\n"
		 "#bg fact agent=alive\n#bg fact idle_ms=many\n#bg fact novel=1\n"
		 "#bg verdict word=stall advice=cycle why=\"it holds 3\"\n"
		 "#bg result verb=forensics rc=0 ms=1 state=stall pid=4711\n");

	cr_assert_eq(v.m.wr_delta, 0);
	cr_assert_eq(v.m.vq_inuse, 3);
	cr_assert_str_eq(v.m.agent, "alive");
	cr_assert_eq(v.m.rd_delta, -1, "nobody said it");
	cr_assert_eq(v.m.idle_ms, -1, "no number");
	cr_assert_str_eq(v.verdict, "stall");
	cr_assert_str_eq(v.status, "running", "the result of forensics is no status");
	vmfacts_begin(&v);
	cr_assert_eq(v.m.wr_delta, -1, "another reading begins");
	cr_assert_str_eq(v.m.agent, "");
}

Test(vmfacts, of_the_screen_the_last_two_lines_that_are_not_blank_stay)
{
	struct vmfacts v =
	    feed("#bg section=screen t_ms=1\n  one\n  two\n    \n\n  three  \r\n  \n"
		 "#bg end=screen rc=0 ms=1\n  four\n");

	cr_assert_str_eq(v.m.screen_line[0], "two");
	cr_assert_str_eq(v.m.screen_line[1], "three");
}

Test(vmfacts, a_long_line_of_the_screen_is_cut)
{
	char lines[600] = "#bg section=screen t_ms=1\n  ";
	struct vmfacts v;

	memset(lines + strlen(lines), 'x', 400);
	strcat(lines, "\n");
	v = feed(lines);
	cr_assert_eq(strlen(v.m.screen_line[1]), VMFACTS_SCREEN_MAX);
}

Test(vmfacts, what_stands_in_the_way_of_a_start_is_told)
{
	struct vmfacts v = feed("#bg run id=x verb=status version=1\n"
				"#bg fact status=stopped\n#bg fact startable=no\n"
				"#bg fact startable_why=\"no quorum\"\n"
				"#bg fact vm=missing\n#bg fact ha=no\n");
	struct js *f = js_new();

	vmfacts_fill(&v, f);
	cr_assert_not(js_bool(f, "startable", true));
	cr_assert_str_eq(js_str(f, "startable_why"), "no quorum");
	cr_assert(js_bool(f, "missing", false));
	cr_assert_not(js_bool(f, "ha", true));
	js_free(f);
	vmfacts_fini(&v);
}
