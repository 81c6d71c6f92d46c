/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <locale.h>
#include <string.h>

#include "console/draw/markdown.h"
#include "markdowns.h"

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

/* The lines as text; lent until the next call. */
static const char *
markdown(int width, const char *text)
{
	static struct buf out;
	struct lines l;

	buf_fini(&out);
	buf_init(&out, 64 * 1024);
	lines_init(&l, width);
	markdown_render(&l, text, strlen(text));
	lines_told(&l, &out, false);
	lines_fini(&l);
	return buf_str(&out);
}

Test(markdown, renders_what_models_write, .init = init)
{
	cr_assert_str_eq(
	    markdown(40, "# Found\n\nThe **disk** is full.\n\n- one\n- two\n  - three\n"),
	    "Found\n\nThe disk is full.\n\n• one\n• two\n  - three\n");
	cr_assert_str_eq(markdown(40, "1. a\n2. b\n\n```\nls  -l\n\nx\n```\n"),
	    "1. a\n2. b\n\n───\nls  -l\n\nx\n───\n");
	cr_assert_str_eq(markdown(40, "a & b &amp; c &lt;tag&gt;"), "a & b & c <tag>\n");
}

Test(markdown, code_stands_at_the_edge_between_two_rules, .init = init)
{
	cr_assert_str_eq(markdown(30, "Run:\n\n```bash -x\nls\n\tx\n```\n\nThen look."),
	    "Run:\n\n─── bash\nls\n        x\n───\nThen look.\n");
	cr_assert_str_eq(markdown(20, "```\necho 0123456789012345678901\n```\n"),
	    "───\necho 012345678901234\n5678901\n───\n");
	cr_assert_str_eq(markdown(30, "- do\n  ```\n  ls\n  ```\n- done\n"),
	    "• do\n  ───\n  ls\n  ───\n• done\n");
}

Test(markdown, lists_nest_and_continue_under_their_words, .init = init)
{
	cr_assert_str_eq(markdown(20, "1. one two three four five\n2. six\n"),
	    "1. one two three\n   four five\n2. six\n");
	cr_assert_str_eq(markdown(20, "9. a\n10. b b b b b b b b b b b\n"),
	    "9. a\n10. b b b b b b b b\n    b b b\n");
	cr_assert_str_eq(
	    markdown(40, "1. a\n   - b\n     1. c\n"), "1. a\n   - b\n     1. c\n");
	cr_assert_str_eq(markdown(40, "- one\n\n- two\n"), "• one\n• two\n");
	cr_assert_str_eq(
	    markdown(40, "- [ ] todo\n- [x] done\n"), "• [ ] todo\n• [x] done\n");
	cr_assert_str_eq(markdown(12, "- /var/lib/a/very/long/path\n"),
	    "• /var/lib/a\n  /very/long\n  /path\n");
}

Test(markdown, a_quote_has_its_bar_on_every_line, .init = init)
{
	cr_assert_str_eq(markdown(14, "> one two three four\n>\n> five\n"),
	    "│ one two\n│ three four\n│ \n│ five\n");
}

Test(markdown, a_table_is_fitted_to_the_width, .init = init)
{
	static const char table[] =
	    "| Unit | State | MB |\n|:---|:---:|---:|\n| ssh | failed | 7 |\n| a | ok | 12345 |\n";

	cr_assert_str_eq(markdown(60, table),
	    "Unit │ State  │    MB\n─────┼────────┼──────\n"
	    "ssh  │ failed │     7\na    │   ok   │ 12345\n");
	cr_assert_str_eq(
	    markdown(34,
		"| Unit | Why |\n|---|---|\n| ssh.service | the disk is full and it cannot write |\n"),
	    "Unit        │ Why\n────────────┼─────────────────────\n"
	    "ssh.service │ the disk is full and\n            │ it cannot write\n");
}

Test(markdown, a_table_that_is_far_too_wide_becomes_names_and_values, .init = init)
{
	cr_assert_str_eq(
	    markdown(24,
		"| Unit | State | Since | Memory |\n|---|---|---|---|\n"
		"| ssh.service | failed now | 03:12:07 UTC | 12 megabytes |\n"
		"| cron | active too | yesterday | |\n"),
	    "Unit: ssh.service\nState: failed now\nSince: 03:12:07 UTC\n"
	    "Memory: 12 megabytes\n\nUnit: cron\nState: active too\nSince: yesterday\n");
}

Test(markdown, a_link_shows_where_it_leads, .init = init)
{
	cr_assert_str_eq(markdown(60, "[the docs](https://example.org/x)"),
	    "the docs <https://example.org/x>\n");
	cr_assert_str_eq(markdown(60, "<https://a.org/b> www.a.org a@b.org"),
	    "https://a.org/b www.a.org a@b.org\n");
	cr_assert_str_eq(markdown(60, "[https://good.org](https://bad.org)"),
	    "https://good.org <https://bad.org>\n");
	cr_assert_str_eq(markdown(60, "![a graph](http://x/y.png)"),
	    "image: a graph <http://x/y.png>\n");
}

Test(markdown, nothing_of_the_text_is_hidden, .init = init)
{
	cr_assert_str_eq(markdown(60, "<b onclick=x>go</b> <!-- no -->"),
	    "<b onclick=x>go</b> <!-- no -->\n");
	cr_assert_str_eq(markdown(60, "[a]: http://x/ \"title\"\n\nSee [a].\n"),
	    "[a]: http://x/ \"title\"\n\nSee [a].\n");
	cr_assert_str_eq(markdown(60, "[a\nb]: http://x\n\nx"), "[a b]: http://x\n\nx\n");
	cr_assert_str_eq(markdown(60, "[a\\]b]: http://x\n"), "[a]b]: http://x\n");
	cr_assert_str_eq(markdown(60, "> [a\n> b]: http://x\n"), "│ [a b]: http://x\n");
	cr_assert_str_eq(
	    markdown(60, "- ```a``` b\n\n  [c]: http://x\n"), "• a b\n  [c]: http://x\n");
	cr_assert_str_eq(markdown(60, "[text](http://x \"a\nb &amp; c\")"),
	    "text <http://x \"a b & c\">\n");
	cr_assert_str_eq(markdown(60, "[http://x](http://x 'same') ![](<> \"t\")"),
	    "http://x <http://x \"same\"> image:  <\"t\">\n");
	cr_assert_str_eq(markdown(60, "- [x] [a]: http://x\n"), "• [x] [a]: http://x\n");
	cr_assert_str_eq(markdown(60, "a\xff[b"), "a\xef\xbf\xbd[b\n");
	cr_assert_str_eq(markdown(60, "~~no~~"), "~~no~~\n");
}

/* What keeps md4c from taking it away is not seen, in code least of all. */
Test(markdown, nothing_is_added_to_the_text, .init = init)
{
	cr_assert_str_eq(
	    markdown(60, "    [a]: http://x\n"), "───\n[a]: http://x\n───\n");
	cr_assert_str_eq(
	    markdown(60, "- ```\n  [a]: b\n  ```\n"), "• ───\n  [a]: b\n  ───\n");
	cr_assert_str_eq(markdown(60, "`x\n[a]: b`"), "x [a]: b\n");
	cr_assert_str_eq(
	    markdown(60, "[t](http://x \"b\n[a]: c\")"), "t <http://x \"b [a]: c\">\n");
	cr_assert_str_eq(
	    markdown(60, "[two\nlines](http://x)"), "two lines <http://x>\n");
}

Test(markdown, an_entity_is_no_way_to_a_control_character, .init = init)
{
	cr_assert_str_eq(markdown(40, "a&#27;[2Jb"), "a␛[2Jb\n");
	cr_assert_null(strchr(markdown(40, "x\x1b[2J\x1b]0;t\x07y `\x1b[1m`"), 0x1b));
}

Test(markdown, a_code_block_can_be_told_from_the_rest, .init = init)
{
	static const char text[] = "a\n\n```\nx\n```\n\n```\ny\nz\n```\nb\n";
	struct lines l;
	unsigned codes = 0;

	lines_init(&l, 20);
	markdown_render(&l, text, strlen(text));
	for (size_t i = 0; i < l.count; i++)
		codes = codes * 10 + l.line[i].code;
	cr_assert_eq(codes, 1002200, "%u", codes); /* a _ - x - - y z - b */
	lines_fini(&l);
}
