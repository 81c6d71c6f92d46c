/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "record/report_int.h"

static struct report *r;
static char *paper;

static void
begin(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	r = report_new(-1);
}

static void
end(void)
{
	report_free(r);
	free(paper);
	paper = NULL;
}

TestSuite(report, .init = begin, .fini = end);

/* A record of that many seconds since the first, by both clocks. */
static void
tell_at(int seq, int mono_s, int wall_s, const char *kind, const char *members)
{
	char line[2048], at[CLOCK_AT_LEN];
	int n = snprintf(line, sizeof line,
	    "{\"t\":\"%s\",\"seq\":%d,\"at\":\"%s\",\"mono_ms\":%d,\"by\":\"ann\"%s%s}",
	    kind, seq, clock_at(1769829121000 + wall_s * 1000LL, at),
	    5000 + mono_s * 1000, members[0] ? "," : "", members);

	cr_assert_lt((size_t)n, sizeof line);
	report_line(r, line, (size_t)n);
}

static void
tell(int seq, const char *kind, const char *members)
{
	tell_at(seq, seq, seq, kind, members);
}

static const char *
print(void)
{
	size_t len;
	FILE *f = open_memstream(&paper, &len);

	report_print(report_facts(r), f);
	fclose(f);
	cr_assert(text_is_utf8(paper, len));
	return paper;
}

static const struct js *
duration(const char *what)
{
	struct js *list = js_get_array(report_facts(r), "durations");

	for (size_t i = 0; i < js_len(list); i++)
		if (js_is(js_at(list, i), "what", what))
			return js_at(list, i);
	return NULL;
}

static bool
is_unknown(const char *words)
{
	struct js *list = js_get_array(report_facts(r), "unknown");

	for (size_t i = 0; i < js_len(list); i++)
		if (strstr(report_str(js_at(list, i), "text"), words))
			return true;
	return false;
}

/* ---- time ---- */

static void
a_cycle(void)
{
	tell(1, "incident", "\"state\":\"opened\",\"id\":\"I\",\"v\":2");
	tell(2, "verdict", "\"word\":\"hung\",\"advice\":\"cycle\",\"why\":\"w\"");
	tell(5, "verb",
	    "\"id\":\"v1\",\"verb\":\"cycle\",\"asked\":\"operator\",\"state\":\"asked\"");
	tell(6, "verb", "\"id\":\"v1\",\"verb\":\"cycle\",\"state\":\"confirmed\"");
	tell(7, "verb",
	    "\"id\":\"v1\",\"verb\":\"cycle\",\"state\":\"sent\",\"run\":\"r1\"");
	tell(10, "verb",
	    "\"id\":\"v1\",\"verb\":\"cycle\",\"state\":\"finished\",\"exit\":0");
	tell(14, "state",
	    "\"what\":\"proof\",\"verb\":\"cycle\",\"end\":\"healthy\",\"ms\":7000,\"text\":\"t\"");
}

Test(report, durations_rest_on_records)
{
	static const struct {
		const char *what;
		int ms, from, to;
	} want[] = {{"detect", 1000, 1, 2}, {"diagnose", 4000, 2, 6},
	    {"act", 3000, 7, 10}, {"recover", 4000, 10, 14}, {"total", 13000, 1, 14}};

	a_cycle();
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		const struct js *d = duration(want[i].what);

		cr_assert_eq(js_int(d, "ms", -1), want[i].ms, "%s", want[i].what);
		cr_assert_eq(js_int(d, "from_seq", -1), want[i].from, "%s", want[i].what);
		cr_assert_eq(js_int(d, "to_seq", -1), want[i].to, "%s", want[i].what);
	}
	cr_assert_str_eq(report_str(report_facts(r), "outcome"), "healthy");
	cr_assert(is_unknown("records 3 to 4 are not in this journal"));
}

Test(report, a_mark_that_is_missing_is_said_to_be)
{
	tell(1, "note", "\"text\":\"x\"");
	cr_assert_not(js_has(duration("act"), "ms"));
	cr_assert(strstr(print(), "| act | not in this journal |"));
	cr_assert(strstr(paper, "without a name"));
}

Test(report, a_wall_clock_that_jumps_is_named_and_moves_no_duration)
{
	tell(1, "incident", "\"state\":\"opened\",\"id\":\"I\"");
	tell_at(2, 3, 3 + 8 * 3600, "prompt",
	    "\"turn\":1,\"state\":\"started\",\"text\":\"x\"");
	cr_assert_eq(js_int(duration("detect"), "ms", -1), 2000);
	cr_assert(strstr(print(), "wall clock was set forward by 8 h 0 min 0 s"));
	cr_assert(strstr(paper, "wall clock jumped by 8 h"));
}

Test(report, a_boot_in_between_is_named_and_bridged_by_the_wall_clock)
{
	tell_at(
	    1, 5000, 0, "incident", "\"state\":\"opened\",\"id\":\"I\",\"boot\":\"a\"");
	tell_at(
	    2, 10, 90, "incident", "\"state\":\"continued\",\"boot\":\"b\",\"cut\":7");
	tell_at(3, 12, 92, "prompt", "\"turn\":1,\"state\":\"started\",\"text\":\"x\"");
	cr_assert_eq(js_int(duration("detect"), "ms", -1), 92000);
	cr_assert(strstr(print(), "machine has booted"));
	cr_assert(is_unknown("7 bytes are not in this journal"));
}

/* ---- bounds ---- */

Test(report, many_of_a_kind_are_counted_and_the_end_is_kept)
{
	const struct js *list, *e;
	char text[64];

	for (int i = 1; i <= 100; i++)
		tell(i, "note", "\"text\":\"x\"");
	tell(101, "error", "\"where\":\"w\",\"text\":\"e\"");
	list = js_get_array(report_facts(r), "timeline");
	cr_assert_eq(js_len(list), REPORT_FOLD + 1);
	e = js_at(list, REPORT_FOLD - 1);
	cr_assert_eq(js_int(e, "more", 0), 100 - REPORT_FOLD);
	cr_assert_eq(js_int(e, "more_to", 0), 100);
	report_free(r);

	begin();
	for (int i = 1; i <= 5000; i++) {
		snprintf(text, sizeof text, "\"where\":\"w%d\",\"text\":\"e\"", i);
		tell(i, "error", text);
	}
	list = js_get_array(report_facts(r), "timeline");
	cr_assert_eq(js_len(list), REPORT_EVENTS_HEAD + 1 + REPORT_EVENTS_TAIL);
	cr_assert_eq(js_int(js_at(list, REPORT_EVENTS_HEAD), "left_out", 0), 3500);
	cr_assert_eq(js_int(js_at(list, js_len(list) - 1), "seq", 0), 5000);
}

Test(report, a_cycle_after_a_thousand_statuses_is_told)
{
	char text[128];

	for (int i = 1; i <= 1000; i++) {
		snprintf(text, sizeof text,
		    "\"id\":\"v%d\",\"verb\":\"status\",\"asked\":\"agent\",\"state\":\"asked\"",
		    i);
		tell(i, "verb", text);
	}
	tell(1001, "verb",
	    "\"id\":\"v1001\",\"verb\":\"cycle\",\"asked\":\"agent\",\"state\":\"asked\"");
	tell(1002, "verb", "\"id\":\"v1001\",\"verb\":\"cycle\",\"state\":\"confirmed\"");
	cr_assert(strstr(print(), "cycle (v1001) confirmed"));
	cr_assert(strstr(paper, "| cycle (v1001), by the agent |"));
	cr_assert(is_unknown("how cycle (v1001), confirmed by ann, ended"));
	cr_assert_eq(js_int(report_facts(r), "verbs_more", 0), 850);
}

Test(report, numbers_of_any_size_are_taken)
{
	static const char *const lines[] = {
	    "{\"t\":\"note\",\"seq\":9223372036854775807,\"mono_ms\":-9223372036854775808}",
	    "{\"t\":\"note\",\"seq\":-9223372036854775808,\"mono_ms\":9223372036854775807}",
	    "{\"t\":\"output\",\"seq\":99999999999999999999,\"at\":\"2026-01-31T03:12:01.004Z\","
	    "\"mono_ms\":99999999999999999999,\"by\":\"a\"}",
	    "{\"t\":\"state\",\"what\":\"clock\",\"host\":\"pve\","
	    "\"skew_ms\":-9223372036854775808,\"error_ms\":9223372036854775807}"};

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		report_line(r, lines[i], strlen(lines[i]));
	print();
}

Test(report, what_is_no_record_is_counted)
{
	static const char *const lines[] = {"x", "{", "{\"t\":1}", "[]",
	    "{\"t\":\"new\"}",
	    "{\"t\":\"output\",\"seq\":9,\"at\":\"x\",\"mono_ms\":1,}"};

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		report_line(r, lines[i], strlen(lines[i]));
	cr_assert_eq(js_int(js_get(report_facts(r), "records"), "unread", -1), 4);
	print();
}

/* ---- people ---- */

Test(report, a_proof_that_comes_late_fills_its_row_and_another_one_is_another_row)
{
	const struct js *people;

	tell(1, "note", "\"text\":\"x\"");
	tell(
	    2, "operator", "\"name\":\"ann\",\"state\":\"attached\",\"proof\":\"uid 1\"");
	tell(3, "operator",
	    "\"name\":\"ann\",\"state\":\"attached\",\"proof\":\"sudo by ann\",\"again\":true");
	tell(4, "operator",
	    "\"name\":\"ann\",\"state\":\"attached\",\"proof\":\"kubectl exec: unproven\"");
	people = js_get_array(report_facts(r), "people");
	cr_assert_eq(js_len(people), 2);
	cr_assert_str_eq(report_str(js_at(people, 0), "proof"), "sudo by ann");
	cr_assert(is_unknown("who ann was: proof kubectl exec: unproven"));
}

/* ---- paper ---- */

static const char *
item(const char *text)
{
	size_t len;
	FILE *f;

	free(paper);
	f = open_memstream(&paper, &len);
	md_item(f, "%s", text);
	fclose(f);
	return paper;
}

Test(report, what_markdown_could_read_is_escaped_and_no_more)
{
	cr_assert_str_eq(item("a_b c.d (e) 1.5 -x"), "- a_b c.d (e) 1.5 -x\n");
	cr_assert_str_eq(
	    item("<b> & `x` *y* _z_"), "- \\<b\\> \\& \\`x\\` \\*y\\* \\_z\\_\n");
	cr_assert_str_eq(
	    item("[x](http://y) ![z](q)"), "- \\[x\\](http\\://y) \\!\\[z\\](q)\n");
	cr_assert_str_eq(item("www.x.y | $1"), "- www\\.x.y \\| \\$1\n");
	cr_assert_str_eq(item("- x"), "- \\- x\n");
	cr_assert_str_eq(item("# x"), "- \\# x\n");
	cr_assert_str_eq(item("12. x"), "- 12\\. x\n");
	cr_assert_str_eq(item("\x1b[31mred\x1b[0m\nline"),
	    "- \xe2\x90\x9b"
	    "red\xe2\x90\x9b line\n");
}

Test(report, a_fence_is_longer_than_any_row_of_backticks_in_it)
{
	static const char text[] = "a\n```\n````` b\n<x>";
	size_t len;
	FILE *f = open_memstream(&paper, &len);

	md_quote(f, text, sizeof text - 1, "> ");
	fclose(f);
	cr_assert_str_eq(
	    paper, "> ``````text\n> a\n> ```\n> ````` b\n> <x>\n> ``````\n\n");
}

Test(report, long_lines_are_wrapped_and_long_words_are_cut)
{
	char text[1200], *line, *rest;

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	for (size_t i = 300; i < sizeof text - 1; i += 7)
		text[i] = ' ';
	paper = NULL;
	{
		size_t len;
		FILE *f = open_memstream(&paper, &len);

		md_quote(f, text, strlen(text), "");
		fclose(f);
	}
	for (line = paper; (rest = strchr(line, '\n')) != NULL; line = rest + 1)
		cr_assert_leq(rest - line, MD_COLUMNS);
}

Test(report, what_came_on_standard_input_stands_with_its_command)
{
	tell(1, "incident", "\"state\":\"opened\",\"id\":\"20260131T031841Z-1f2c\"");
	tell(2, "tool",
	    "\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"sh -s\",\"stdin\":true");
	tell(3, "input", "\"id\":\"r1\",\"off\":0,\"len\":11,\"data\":\"rm -rf /srv\"");
	tell(4, "input", "\"id\":\"r1\",\"off\":11,\"len\":0,\"cut\":true");
	tell(5, "tool_end",
	    "\"id\":\"r1\",\"exit\":0,\"ms\":4,\"out\":0,\"err\":0,\"cut\":0,\"in\":500,\"in_cut\":489");
	print();
	cr_assert_not_null(
	    strstr(paper, "sh -s, with standard input, 500 B: rm -rf /srv"), "%s", paper);
	cr_assert_not_null(strstr(paper, "489 bytes of the standard input of run r1"));
}
