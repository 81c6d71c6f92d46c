/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/escape.h"
#include "host/log.h"
#include "host/site.h"

static bool
is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

Test(host_escape, makes_each_byte_printable_in_a_field)
{
	char all[256], out[2048];

	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	escape_field(out, sizeof(out), all, sizeof(all), sizeof(all));
	cr_assert(is_printable(out));
	cr_assert_null(strchr(out, '\n'));
}

Test(host_escape, escapes_quotes_and_backslashes_in_a_field)
{
	char out[64];

	escape_field(out, sizeof(out), "a\"b\\c", 5, 64);
	cr_assert_str_eq(out, "a\\\"b\\\\c");
}

Test(host_escape, cuts_a_field_at_its_maximum_and_says_so)
{
	char out[64];

	escape_field(out, sizeof(out), "abcdefgh", 8, 4);
	cr_assert_str_eq(out, "abcd...");
}

Test(host_escape, never_passes_the_size_it_was_given)
{
	char out[600], in[300];

	memset(in, 0x1b, sizeof(in));
	for (size_t size = 1; size < 500; size++) {
		memset(out, 'Z', sizeof(out));
		cr_assert_lt(escape_field(out, size, in, sizeof(in), sizeof(in)), size);
		cr_assert_eq(out[size], 'Z');
		cr_assert_lt(escape_line(out, size, in, sizeof(in)), size);
		cr_assert_eq(out[size], 'Z');
		in[299] = '\0';
		escape_value(out, size, in);
		cr_assert_eq(out[size], 'Z');
	}
}

Test(host_escape, keeps_a_plain_value_bare_and_quotes_the_rest)
{
	char out[64];

	escape_value(out, sizeof(out), "io-error");
	cr_assert_str_eq(out, "io-error");
	escape_value(out, sizeof(out), "two words");
	cr_assert_str_eq(out, "\"two words\"");
	escape_value(out, sizeof(out), "");
	cr_assert_str_eq(out, "\"\"");
	escape_value(out, sizeof(out), "a\nb");
	cr_assert_str_eq(out, "\"a\\x0ab\"");
}

Test(host_escape, turns_tabs_into_spaces_and_drops_a_trailing_cr_in_a_line)
{
	char out[64];

	escape_line(out, sizeof(out), "a\tb\r", 4);
	cr_assert_str_eq(out, "a b");
}

Test(host_escape, writes_nothing_where_there_is_no_room)
{
	char out[8] = "ZZZZZZZ";

	cr_assert_eq(escape_field(out, 0, "x", 1, 1), 0);
	cr_assert_eq(escape_line(out, 0, "x", 1), 0);
	cr_assert_eq(escape_value(out, 0, "x"), 0);
	cr_assert_eq(out[0], 'Z');
	cr_assert_eq(escape_value(out, 7, "x"), 0);
	cr_assert_str_eq(out, "");
}

Test(host_escape, takes_an_empty_text_for_what_it_is)
{
	char out[16];

	cr_assert_eq(escape_line(out, sizeof(out), "", 0), 0);
	cr_assert_eq(escape_field(out, sizeof(out), "", 0, 9), 0);
	cr_assert_str_eq(out, "");
}

Test(host_escape, cuts_a_plain_value_that_is_too_long)
{
	char out[12];

	escape_value(out, sizeof(out), "abcdefghijklmnop");
	cr_assert_str_eq(out, "\"abcdef...\"");
}

Test(host_log, writes_one_line_whatever_it_is_told)
{
	char dir[] = "/tmp/bglog.XXXXXX", text[4096] = "", big[3000];
	struct site s;
	FILE *f;
	size_t n;

	cr_assert_not_null(mkdtemp(dir));
	site_defaults(&s);
	s.syslog[0] = '\0';
	snprintf(s.log, sizeof(s.log), "%s/sub/log", dir);
	memset(big, '\n', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	log_line(&s, "verb=cycle %s \033[2J forged%s", "x\ny", big);
	f = fopen(s.log, "r");
	cr_assert_not_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	cr_assert_gt(n, 20);
	cr_assert_eq(text[n - 1], '\n');
	text[n - 1] = '\0';
	cr_assert(is_printable(text));
	cr_assert_not_null(strstr(text, "x\\x0ay \\x1b[2J forged"));
	unlink(s.log);
	snprintf(s.log, sizeof(s.log), "%s/sub", dir);
	rmdir(s.log);
	rmdir(dir);
}

Test(host_escape, says_how_long_it_became_and_cuts_to_the_byte)
{
	char out[64];

	for (size_t size = 1; size < 20; size++) {
		size_t n = escape_field(out, size, "abcdefgh", 8, 8);

		cr_assert_eq(n, strlen(out), "%zu", size);
		if (size >= 12)
			cr_assert_str_eq(out, "abcdefgh");
		else if (size >= 4)
			cr_assert(n == size - 1 && strcmp(out + n - 3, "...") == 0 &&
				strncmp(out, "abcdefgh", n - 3) == 0,
			    "%zu: %s", size, out);
		else
			cr_assert_str_eq(out, "", "%zu", size);
		memset(out, 'x', sizeof out);
		n = escape_line(out, size, "abcdefgh", 8);
		cr_assert_eq(n, strlen(out), "%zu", size);
		cr_assert_eq(
		    size < 12 && size >= 4, strstr(out, "...") != NULL, "%zu", size);
	}
	cr_assert_eq(escape_field(out, sizeof out, "abcd", 4, 4), 4);
	cr_assert_str_eq(out, "abcd", "just so long is not cut");
	cr_assert_eq(escape_field(out, 0, "abcd", 4, 4), 0);
	cr_assert_eq(escape_line(out, 0, "abcd", 4), 0);
	/* what does not fit is not followed by what would */
	cr_assert_eq(escape_field(out, 10,
			 "abcd\x01"
			 "e",
			 6, 6),
	    7);
	cr_assert_str_eq(out, "abcd...");
	cr_assert_eq(escape_line(out, 10,
			 "abcd\x01"
			 "e",
			 6),
	    7);
	cr_assert_str_eq(out, "abcd...");
}

Test(host_escape, a_line_loses_one_cr_at_its_end_alone)
{
	char out[64];

	cr_assert_eq(escape_line(out, sizeof out, "\r", 1), 0);
	cr_assert_eq(escape_line(out, sizeof out, "", 0), 0);
	cr_assert_eq(escape_line(out, sizeof out, &"\rx"[1], 0), 0, "the CR of another");
	cr_assert_eq(escape_line(out, sizeof out, "ab\r", 3), 2);
	cr_assert_str_eq(out, "ab");
	escape_line(out, sizeof out, "a\rb", 3);
	cr_assert_str_eq(out, "a\\x0db");
	escape_line(out, sizeof out, "a\r\r", 3);
	cr_assert_str_eq(out, "a\\x0d");
	escape_line(out, sizeof out, "a\tb", 3);
	cr_assert_str_eq(out, "a b");
}

Test(host_escape, a_value_is_bare_or_in_quotes_and_says_how_long)
{
	char out[64];

	for (size_t size = 0; size < 20; size++) {
		size_t n;

		memset(out, 'x', sizeof out);
		n = escape_value(out, size, "plain-10.1");
		if (size == 0)
			cr_assert(n == 0 && out[0] == 'x');
		else if (size < 8)
			cr_assert(n == 0 && out[0] == '\0' && out[1] == 'x');
		else if (size <= 10)
			cr_assert(
			    n == strlen(out) && n < size && out[0] == '"', "%zu", size);
		else
			cr_assert(
			    n == 10 && strcmp(out, "plain-10.1") == 0 && out[11] == 'x',
			    "%zu", size);
	}
	cr_assert_eq(escape_value(out, sizeof out, "a b"), 5);
	cr_assert_str_eq(out, "\"a b\"");
	cr_assert_eq(escape_value(out, sizeof out, ""), 2);
	cr_assert_str_eq(out, "\"\"");
}
