/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tool pane: runs in one glance, folded, opened, filtered, failures, gaps. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/action/action_run.h"
#include "console/action/gaps.h"
#include "console/view/layout.h"
#include "pictures.h"

static struct screen s;

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

__attribute__((format(printf, 1, 2))) static void
fact(const char *fmt, ...)
{
	char text[4096];
	const char *facts[] = {text, NULL};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	tell(&s, facts);
}

static void
begin(const char *id, const char *asked, const char *by, const char *host,
    const char *what, int64_t mono_ms)
{
	fact(
	    "{\"t\":\"tool\",\"seq\":0,\"at\":\"2026-11-27T03:12:%02d.000Z\",\"mono_ms\":%d,"
	    "\"by\":\"%s\",\"id\":\"%s\",\"asked\":\"%s\",\"host\":\"%s\",\"what\":\"%s\"}",
	    (int)(mono_ms / 1000 % 60), (int)mono_ms, by, id, asked, host, what);
}

static void
says(const char *id, const char *stream, int off, const char *data)
{
	fact(
	    "{\"t\":\"output\",\"seq\":0,\"mono_ms\":92000,\"id\":\"%s\",\"stream\":\"%s\",\"off\":%d,"
	    "\"data\":\"%s\"}",
	    id, stream, off, data);
}

static void
ends(const char *id, const char *how, int ms, int out, int err, int cut)
{
	fact(
	    "{\"t\":\"tool_end\",\"seq\":0,\"id\":\"%s\",%s,\"ms\":%d,\"out\":%d,\"err\":%d,"
	    "\"cut\":%d}",
	    id, how, ms, out, err, cut);
}

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

static const char *
drawn(int cols, int rows)
{
	static struct canvas c;
	const char *text;

	canvas_init(&c, cols, rows);
	layout_draw(&s, &c);
	text = printed(&c);
	canvas_fini(&c);
	return text;
}

static void
three_sizes(const char *name)
{
	expect_picture(&s, 40, 15, name);
	expect_picture(&s, 80, 24, name);
	expect_picture(&s, 200, 50, name);
}

Test(tools, show_who_asked_where_and_how_it_went, .init = init)
{
	night();
	three_sizes("tools");
	screen_fini(&s);
}

Test(tools, folded_are_one_line_each_in_columns, .init = init)
{
	night();
	view_tools_fold_all(&s.tools);
	three_sizes("fold");
	screen_fini(&s);
}

Test(tools, an_opened_run_shows_its_whole_command, .init = init)
{
	night();
	cr_assert(view_tools_open(&s, "r3"));
	three_sizes("run");
	cr_assert_not(view_tools_open(&s, "r99"));
	screen_fini(&s);
}

Test(tools, the_title_names_the_run_whose_head_is_above, .init = init)
{
	night();
	cr_assert(view_tools_open(&s, "r2"));
	drawn(80, 24);
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
	three_sizes("tools-odd");
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
	drawn(80, 24);
	for (int i = 0; i < 3; i++)
		action_run(&ctx, ACTION_FAILED, "");
	cr_assert_not_null(strstr(drawn(80, 24), "089 tries"));
	cr_assert_not_null(strstr(drawn(80, 24), "✗ exit 1"));
	cr_assert_null(strstr(drawn(80, 24), "$ pve status"));
	action_run(&ctx, ACTION_FAILED, "");
	cr_assert_not_null(strstr(drawn(80, 24), "No older failure"));
	screen_fini(&s);
}

Test(tools, a_long_run_that_went_well_folds_by_itself_and_a_failure_never, .init = init)
{
	night();
	s.zoom = true;
	cr_assert_null(strstr(drawn(80, 40), "3 lines\n"));
	cr_assert_not_null(strstr(drawn(80, 40), "No space left"));
	cr_assert_not_null(strstr(drawn(80, 40), "0 failed units"), "short ones stay");
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
	cr_assert_not_null(strstr(drawn(80, 40), "8 a"));
	scroll_to_end(&s.tools.scroll);
	cr_assert_null(strstr(drawn(80, 40), "8 a"));
	screen_fini(&s);
}

Test(tools, one_stream_alone_is_shown_when_it_is_asked_for, .init = init)
{
	night();
	s.zoom = true;
	s.tools.show = TOOLS_ERR;
	cr_assert_null(strstr(drawn(80, 40), "hard resetting"));
	cr_assert_not_null(strstr(drawn(80, 40), "! tail: /var"));
	s.tools.show = TOOLS_OUT;
	cr_assert_not_null(strstr(drawn(80, 40), "hard resetting"));
	cr_assert_null(strstr(drawn(80, 40), "! tail: /var"));
	screen_fini(&s);
}

/* --- gaps --- */

static struct tail_run *
run(void)
{
	return s.model.tools.runs[s.model.tools.count - 1];
}

/* Ten bytes a line: "line 00017\n" and so on. */
static char *
numbered(int from, int to)
{
	char *text = mem_alloc((size_t)(to - from) * 11 + 1);

	for (int i = from; i < to; i++)
		snprintf(text + (i - from) * 11, 12, "line %05d\n", i);
	return text;
}

static void
skipped(int lines)
{
	screen_init(&s);
	tell(&s, facts_quiet);
	s.focus = FOCUS_TOOLS;
	begin("r1", "agent", "agent", "devvm", "seq", 30000);
	says("r1", "out", 0, "line 00000\\n");
	says("r1", "out", (lines - 1) * 11, "line last!\\n");
	ends("r1", "\"exit\":0", 10, lines * 11, 0, 0);
}

static bool
fill(int64_t off, size_t len)
{
	struct tail_run *r = run();
	char *all = numbered(0, 1000);
	bool rc = false;

	for (size_t i = 0; i < r->count && !rc; i++)
		if (tail_line(r, i)->gap)
			rc = tail_fill(
			    &s.model.tools, r, tail_line(r, i)->at, off, all + off, len);
	free(all);
	return rc;
}

static void
expect_whole(int lines)
{
	const struct tail_run *r = run();

	cr_assert_eq(r->gaps, 0);
	cr_assert_eq(r->count, (size_t)lines);
	for (int i = 0; i < lines - 1; i++) {
		char want[16];
		const struct tail_line *l = tail_line(r, (size_t)i);

		snprintf(want, sizeof want, "line %05d", i);
		cr_assert_eq(l->len, 10);
		cr_assert_arr_eq(l->text, want, 10, "%.10s is no %s", l->text, want);
		cr_assert_lt(l->at, tail_line(r, (size_t)i + 1)->at);
	}
}

Test(gap, pieces_from_both_sides_make_it_whole_and_move_no_line, .init = init)
{
	uint64_t last;

	skipped(200);
	last = tail_line(run(), run()->count - 1)->at;
	cr_assert_eq(run()->gaps, 1);
	cr_assert(fill(5, 300), "its beginning, and what was here already");
	cr_assert(fill(1510, 199 * 11 - 1510), "its end, from the middle of a line");
	cr_assert_eq(run()->gaps, 1);
	cr_assert_not(fill(800, 100), "nothing of its middle alone");
	cr_assert(fill(290, 1300));
	expect_whole(200);
	cr_assert_eq(tail_line(run(), 199)->at, last);
	cr_assert_not(fill(0, 2200), "there is none any more");
	screen_fini(&s);
}

Test(gap, any_piece_sizes_lead_to_the_same_lines, .init = init)
{
	for (int size = 7; size < 300; size += 13) {
		skipped(120);
		for (int k = 0; run()->gaps > 0 && k < 1000; k++) {
			const struct tail_gap *g = NULL;
			int64_t from, n = size;

			for (size_t i = 0; !g; i++)
				g = tail_line(run(), i)->gap;
			if (n > g->to - g->from)
				n = g->to - g->from;
			from = k % 2 ? g->from : g->to - n;
			cr_assert(fill(from, (size_t)n));
		}
		if (size > 12)
			expect_whole(120);
		cr_assert_eq(run()->gaps, 0);
		screen_fini(&s);
	}
}

/* Five bytes a line: more of them than a piece has room for. */
static void
fill_short_lines(int lines, bool both_sides)
{
	size_t len = (size_t)lines * 5;
	char *all = mem_alloc(len + 1);
	struct tail_run *r;

	for (int i = 0; i < lines; i++)
		snprintf(all + i * 5, 6, "%04x\n", (unsigned)i);
	screen_init(&s);
	begin("r1", "agent", "agent", "devvm", "yes", 30000);
	says("r1", "out", 0, "0000\\n");
	says("r1", "out", (lines - 1) * 5, "last\\n");
	ends("r1", "\"exit\":0", 10, lines * 5, 0, 0);
	r = run();
	for (int k = 0; r->gaps > 0; k++) {
		const struct tail_line *l = tail_line(r, 0);
		int64_t off;

		for (size_t i = 1; !l->gap; i++)
			l = tail_line(r, i);
		cr_assert_leq(k, 8);
		off = both_sides && k % 2 == 0 ? l->gap->from + 7 : l->gap->from;
		cr_assert(tail_fill(&s.model.tools, r, l->at, off, all + off,
		    (size_t)(l->gap->to - off)));
	}
	cr_assert_eq(r->gone, 0);
	cr_assert_eq(r->count, (size_t)lines);
	for (int i = 0; i < lines - 1; i++)
		cr_assert_arr_eq(
		    tail_line(r, (size_t)i)->text, all + i * 5, 4, "line %d", i);
	screen_fini(&s);
	free(all);
}

Test(gap, of_very_short_lines_loses_none_of_them, .init = init)
{
	fill_short_lines(24000, false);
	fill_short_lines(24000, true);
}

Test(gap, says_what_is_missing_and_why, .init = init)
{
	struct tail_run *r;

	skipped(900);
	s.zoom = true;
	cr_assert_not_null(strstr(drawn(80, 24), "skipped; PgUp reads them"));
	r = run();
	tail_gap_at(r, tail_line(r, 1)->at)->cut_from = true;
	tail_gap_at(r, tail_line(r, 1)->at)->cut_to = true;
	cr_assert_not_null(strstr(drawn(80, 24), "the journal does not have them"));
	screen_fini(&s);
}

/* --- gaps on the screen, with an engine that has the lines 0 to LINES in its journal ---
 */

#define LINES 9000 /* of the flooded one */

static struct gaps gaps;
static struct js *asked;
static int hole_from, hole_to; /* bytes that it has not */

static int
on_send(void *arg, struct js *request, struct err *err)
{
	cr_assert_null(asked, "one at a time");
	asked = request;
	return 0;
}

/* Answers in records of 1000 bytes, as they stand in the journal. */
static void
answer(void)
{
	char *all = numbered(0, 19000);
	int from = (int)js_int(asked, "from", 0), to = (int)js_int(asked, "to", 0);
	struct js *f;

	cr_assert_str_eq(js_str(asked, "id"), "r1");
	cr_assert_leq(to - from, 256 * 1024);
	for (int off = from / 1000 * 1000; off < to; off += 1000) {
		if (off < hole_to && off + 1000 > hole_from)
			continue;
		f = js_new();
		js_set_str(f, "t", "output");
		js_set_int(f, "seq", 0);
		js_set_str(f, "id", "r1");
		js_set_int(f, "off", off);
		js_set_strn(f, "data", all + off, 1000);
		js_set_str(f, "req", js_str(asked, "req"));
		cr_assert(gaps_fact(&gaps, f));
		js_free(f);
	}
	f = js_new();
	js_set_str(f, "t", "fetched");
	js_set_str(f, "req", js_str(asked, "req"));
	js_free(asked);
	asked = NULL;
	cr_assert(gaps_fact(&gaps, f));
	js_free(f);
	free(all);
}

static const char *
looked(void)
{
	const char *text = drawn(40, 15);

	gaps_look(&gaps);
	return text;
}

static void
flooded(void)
{
	skipped(LINES);
	hole_from = hole_to = 0;
	asked = NULL;
	gaps_init(&gaps, &s, on_send, NULL);
	for (int i = 0; i < 30; i++) {
		char text[16];

		snprintf(text, sizeof text, "tail %05d\\n", i);
		says("r1", "out", (LINES + i) * 11, text);
	}
	looked();
}

static void
quit(void)
{
	js_free(asked);
	asked = NULL;
	gaps_fini(&gaps);
	screen_fini(&s);
}

Test(gap, is_filled_when_it_comes_into_sight_and_what_is_read_stays, .init = init)
{
	char before[2048];
	const char *at;

	flooded();
	cr_assert_null(asked, "nothing while it follows");
	for (int i = 0; i < 12 && !asked; i++) {
		view_tools_scroll(&s.tools, &s.model, -4);
		looked();
	}
	cr_assert_not_null(asked);
	at = strstr(drawn(40, 15), "line last!");
	cr_assert_not_null(at);
	snprintf(before, sizeof before, "%s", at);
	answer();
	cr_assert_not_null(strstr(looked(), before), "%s", drawn(40, 15));
	cr_assert_not_null(strstr(drawn(40, 15), "line 08998"), "%s", drawn(40, 15));
	quit();
}

Test(gap, a_whole_run_can_be_scrolled_through_from_its_head, .init = init)
{
	int answers = 0;

	flooded();
	cr_assert(view_tools_open(&s, "r1"));
	for (int i = 0; i < 2000 && (s.tools.scroll.away || asked); i++) {
		looked();
		if (asked) {
			answer();
			answers++;
		}
		view_tools_scroll(&s.tools, &s.model, 10);
	}
	cr_assert_eq(run()->gaps, 0);
	cr_assert_leq(answers, 3);
	for (int i = 0; i < LINES - 1; i++) {
		char want[16];

		snprintf(want, sizeof want, "line %05d", i);
		cr_assert_arr_eq(tail_line(run(), (size_t)i)->text, want, 10);
	}
	quit();
}

Test(gap, what_the_journal_has_not_is_said_and_not_asked_for_again, .init = init)
{
	flooded();
	hole_from = 22000;
	hole_to = 60000;
	for (int pass = 0, n = 1; n > 0; pass++) {
		cr_assert_leq(pass, 3);
		cr_assert(view_tools_open(&s, "r1"));
		n = 0;
		while (!strstr(looked(), "the journal does not") && s.tools.scroll.away) {
			for (; asked; n++) {
				answer();
				looked();
			}
			view_tools_scroll(&s.tools, &s.model, 5);
		}
	}
	cr_assert_eq(run()->gaps, 1);
	cr_assert_not_null(strstr(looked(), "… 37.1 KiB cut"), "%s", looked());
	quit();
}

static void
cannot_be_read(void)
{
	struct js *f = js_new();

	js_set_str(f, "t", "error");
	js_set_str(f, "req", js_str(asked, "req"));
	js_free(asked);
	asked = NULL;
	cr_assert(gaps_fact(&gaps, f));
	js_free(f);
}

Test(gap, that_cannot_be_read_is_not_asked_for_again, .init = init)
{
	flooded();
	cr_assert(view_tools_open(&s, "r1"));
	looked();
	cr_assert_not_null(asked);
	cannot_be_read();
	looked();
	cr_assert_null(asked, "with each picture");
	quit();
}

Test(gap, a_lost_connection_is_no_end_of_it, .init = init)
{
	flooded();
	cr_assert(view_tools_open(&s, "r1"));
	looked();
	cr_assert_not_null(asked);
	cr_assert_not_null(strstr(looked(), "being read"));
	js_free(asked);
	asked = NULL;
	s.link_up = false;
	gaps_lost(&gaps);
	looked();
	cr_assert_null(asked);
	s.link_up = true;
	looked();
	cr_assert_not_null(asked);
	answer();
	cr_assert_gt(run()->count, 1000);
	quit();
}

/* A run of so many lines that its beginning went while it ran. */
static void
grown(int lines)
{
	screen_init(&s);
	tell(&s, facts_quiet);
	s.focus = FOCUS_TOOLS;
	hole_from = hole_to = 0;
	asked = NULL;
	gaps_init(&gaps, &s, on_send, NULL);
	begin("r1", "agent", "agent", "devvm", "seq", 30000);
	for (int i = 0; i < lines; i += 200) {
		char *piece = numbered(i, i + 200);
		struct js *f = js_new();

		js_set_str(f, "t", "output");
		js_set_int(f, "seq", 0);
		js_set_str(f, "id", "r1");
		js_set_int(f, "off", i * 11);
		js_set_str(f, "data", piece);
		model_apply(&s.model, f, 0);
		js_free(f);
		free(piece);
	}
	ends("r1", "\"exit\":0", 10, lines * 11, 0, 0);
}

Test(gap, the_beginning_that_went_comes_back_when_its_head_is_looked_at, .init = init)
{
	int answers = 0;

	grown(18000);
	cr_assert_gt(run()->gone, 1000);
	cr_assert_gt(run()->front[TAIL_OUT], 1000);
	for (int i = 0; i < 3; i++)
		gaps_look(&gaps);
	cr_assert_null(asked);
	cr_assert(view_tools_open(&s, "r1"));
	drawn(40, 15);
	cr_assert(gaps_look(&gaps), "there is one to be seen now");
	for (int i = 0; i < 3000 && s.tools.scroll.away; i++) {
		for (looked(); asked; looked(), answers++)
			answer();
		view_tools_scroll(&s.tools, &s.model, 10);
	}
	cr_assert_eq(run()->gaps, 0);
	cr_assert_eq(run()->count, 18000);
	cr_assert_leq(answers, 6);
	for (int i = 0; i < 18000; i++) {
		char want[16];

		snprintf(want, sizeof want, "line %05d", i);
		cr_assert_arr_eq(tail_line(run(), (size_t)i)->text, want, 10);
	}
	quit();
}
