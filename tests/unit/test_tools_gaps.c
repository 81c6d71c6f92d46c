/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of a run was not sent: said, asked for when it is looked at, and put in its place.
 */
#include "base/mem.h"
#include "console/action/gaps.h"
#include "tools_pane_rig.h"

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
	cr_assert_not_null(strstr(drawn(&s, 80, 24), "skipped; PgUp reads them"));
	r = run();
	tail_gap_at(r, tail_line(r, 1)->at)->cut_from = true;
	tail_gap_at(r, tail_line(r, 1)->at)->cut_to = true;
	cr_assert_not_null(strstr(drawn(&s, 80, 24), "the journal does not have them"));
	screen_fini(&s);
}

/* --- on the screen, with an engine that has the lines 0 to LINES in its journal --- */

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
	const char *text = drawn(&s, 40, 15);

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
	at = strstr(drawn(&s, 40, 15), "line last!");
	cr_assert_not_null(at);
	snprintf(before, sizeof before, "%s", at);
	answer();
	cr_assert_not_null(strstr(looked(), before), "%s", drawn(&s, 40, 15));
	cr_assert_not_null(
	    strstr(drawn(&s, 40, 15), "line 08998"), "%s", drawn(&s, 40, 15));
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
	drawn(&s, 40, 15);
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
