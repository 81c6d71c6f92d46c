/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/known.h"
#include "engine/remote/redact.h"

#define TOKEN "xoxp-7Hq2mVb9Kd3Rw8Zt5Yc1"

static struct err err;

static struct redact *
patterns(const char *text)
{
	char path[] = "/tmp/test-redact.XXXXXX";
	int fd = mkstemp(path);
	struct redact *r;

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	r = redact_new(path, &err);
	unlink(path);
	return r;
}

static void
collect(const char *data, size_t len, void *arg)
{
	cr_assert_eq(buf_add(arg, data, len), 0);
}

/* In pieces of n bytes; the caller frees. */
static char *
through(const struct redact *r, const char *text, size_t len, size_t n)
{
	struct redact_stream *s = redact_stream_new(r);
	struct buf out;
	char *got;

	buf_init(&out, 4 << 20);
	for (size_t at = 0; at < len; at += n)
		redact_feed(s, text + at, len - at < n ? len - at : n, collect, &out);
	redact_end(s, collect, &out);
	redact_stream_free(s);
	got = strdup(buf_str(&out));
	buf_fini(&out);
	return got;
}

/* However it comes in pieces, this comes out. */
static void
expect(const struct redact *r, const char *text, const char *want)
{
	size_t len = strlen(text);

	for (size_t n = len; n > 0; n = n > 40 ? n / 2 : n - 1) {
		char *got = through(r, text, len, n);

		cr_assert_str_eq(got, want, "pieces of %zu:\n%s\nnot\n%s", n, got, want);
		free(got);
	}
}

Test(redact, what_fits_a_pattern_is_cut_with_its_name_and_size)
{
	struct redact *r = patterns("# of the site\npassword (?i)password=\\S+\n"
				    "card \\b\\d{4}-\\d{4}\\b\r\n\n");

	cr_assert_not_null(r, "%s", err.words);
	expect(r, "a PASSWORD=hunter2 b 1234-5678, x1234-5678\n",
	    "a [cut: password, 16 bytes] b [cut: card, 9 bytes], x1234-5678\n");
	expect(r, "password=", "password=");
	expect(r, "password=x", "[cut: password, 10 bytes]");
	expect(r, "pass\xffword=\xff password=\xc3\xa4\xff!",
	    "pass\xffword=\xff [cut: password, 13 bytes]");
	redact_free(r);
}

Test(redact, a_match_may_go_over_lines_and_the_first_pattern_wins)
{
	struct redact *r = patterns("key (?s)-----BEGIN [A-Z ]*KEY-----.*?-----END [A-Z "
				    "]*KEY-----\nb64 [A-Za-z0-9+/]{12,}\n");

	cr_assert_not_null(r, "%s", err.words);
	expect(r,
	    "x\n-----BEGIN RSA KEY-----\nAAAABBBBCCCCDDDD\n-----END RSA KEY-----\ny "
	    "AAAABBBBCCCCDDDD z\n",
	    "x\n[cut: key, 62 bytes]\ny [cut: b64, 16 bytes] z\n");
	redact_free(r);
}

Test(redact, a_match_without_an_end_is_cut_to_the_end_of_its_line)
{
	struct redact *r = patterns("open (?s)BEGIN.*END\n");
	char *text = malloc(20001), *got;

	memset(text, 'k', 20000);
	memcpy(text, "BEGIN", 5);
	memcpy(text + 19990, "\nlast line", 10);
	text[20000] = '\0';
	for (size_t n = 1; n < 9000; n = n * 3 + 1) {
		got = through(r, text, 20000, n);
		cr_assert_not_null(strstr(got, "[cut: open, "), "%.200s", got);
		cr_assert_not_null(strstr(got, "\nlast line"), "%.200s", got);
		cr_assert(strlen(got) < 200, "%zu", strlen(got));
		free(got);
	}
	free(text);
	redact_free(r);
}

Test(redact, a_pattern_that_gives_up_costs_the_piece_it_gave_up_on)
{
	struct redact *r = patterns("bad (a+)+c\n");
	char text[3000], *got;

	memset(text, 'a', sizeof text);
	text[2998] = 'd';
	text[2999] = 'c';
	got = through(r, text, sizeof text, sizeof text);
	cr_assert_not_null(strstr(got, "[cut: bad, "), "%.200s", got);
	cr_assert_null(strstr(got, "aaaa"));
	free(got);
	redact_free(r);
}

Test(redact, what_gave_up_looks_again_behind_what_another_cut)
{
	struct redact *r = patterns("b password=\\S+\nbad (a+)+c\n");
	char text[3000], *got;

	memset(text, 'a', sizeof text);
	memcpy(text, "password=x ", 11);
	memcpy(text + 2995, "d c.\n", 5);
	got = through(r, text, sizeof text, sizeof text);
	cr_assert(strncmp(got, "[cut: b, 10 bytes]", 18) == 0, "%.200s", got);
	cr_assert_not_null(strstr(got, "[cut: bad, "), "%.200s", got);
	cr_assert(strlen(got) < 100, "%zu", strlen(got));
	free(got);
	redact_free(r);
}

Test(redact, a_match_of_no_length_is_none)
{
	struct redact *r = patterns("t (?<=token=)\\S*\n");

	expect(r, "a token=abc, token= b token=\nc token=",
	    "a token=[cut: t, 4 bytes] token= b token=\nc token=");
	redact_free(r);
}

Test(redact, our_own_secrets_are_cut_however_they_come)
{
	struct redact *r = patterns("");

	known_add(TOKEN, strlen(TOKEN));
	expect(NULL, "no secret here\n", "no secret here\n");
	for (size_t n = 1; n < 100; n++) {
		char *got = through(r, "the " TOKEN " and " TOKEN TOKEN "\n", 85, n);

		for (size_t i = 0; i + 4 <= strlen(TOKEN); i++)
			cr_assert_null(
			    memmem(got, strlen(got), TOKEN + i, 4), "%zu: %s", n, got);
		if (n > 84)
			cr_assert_str_eq(
			    got, "the [secret] and [secret]\n", "%zu: %s", n, got);
		free(got);
	}
	for (size_t n = 1; n < 4;
	     n++) { /* so few bytes are out before they are in doubt */
		char *got = through(r, "the " TOKEN ".\n", 31, n);

		cr_assert_not_null(strstr(got, "[secret].\n"), "%zu: %s", n, got);
		cr_assert_null(strstr(got, "xoxp"), "%zu: %s", n, got);
		free(got);
	}
	redact_free(r);
}

Test(redact, a_file_that_is_wrong_is_named_with_its_line)
{
	char many[4096] = "";

	cr_assert_null(patterns("# a\nname (unclosed\n"));
	cr_assert_not_null(strstr(err.words, "line 2"), "%s", err.words);
	cr_assert_null(patterns("Name x\n"));
	cr_assert_null(patterns("nopattern\n"));
	cr_assert_null(patterns("empty x*\n"));
	cr_assert_not_null(strstr(err.words, "nothing"), "%s", err.words);
	for (int i = 0; i < 65; i++)
		sprintf(many + strlen(many), "p%d x%d\n", i, i);
	cr_assert_null(patterns(many));
	cr_assert_not_null(strstr(err.words, "64"), "%s", err.words);
	cr_assert_null(redact_new("/nonexistent/redact", &err));
}

/* Lines of so many letters; the caller frees. */
static char *
flood(size_t len, size_t line)
{
	char *text = malloc(len);
	unsigned x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1103515245 + 12345;
		text[i] = (char)(i % (line + 1) < line ? 97 + (x >> 16 & 15) : '\n');
	}
	return text;
}

/* Seconds of the processor's; what was not cut comes out as it went in. */
static double
pour(const struct redact *r, const char *name, size_t len, size_t line, bool whole)
{
	char *text = flood(len, line), *got;
	clock_t from = clock();
	double took;

	got = through(r, text, len, 32768);
	took = (double)(clock() - from) / CLOCKS_PER_SEC;
	printf("%s: %.1f MB/s\n", name, (double)len / 1e6 / took);
	if (whole)
		cr_assert(strlen(got) == len && memcmp(got, text, len) == 0, "%s", name);
	else
		cr_assert(strlen(got) < len && strstr(got, "[cut: "), "%s", name);
	free(text);
	free(got);
	return took;
}

/* The bounds are wide: what they are for takes ten times as long. */
Test(redact, a_flood_is_not_held_up, .timeout = 60)
{
	struct redact *r =
	    patterns("password (?i)password=\\S+\ncard \\b\\d{4}-\\d{4}\\b\n");
	struct redact *mail = patterns("mail [\\w.+-]+@[\\w.-]+\n");
	struct redact *slow = patterns("url \\S+:\\S+@\\S+\n");

	known_add(TOKEN, strlen(TOKEN));
	cr_assert(pour(NULL, "secrets alone", 4 << 20, 31, true) < 8);
	cr_assert(pour(r, "two patterns", 4 << 20, 31, true) < 8);
	cr_assert(pour(mail, "long lines", 256 << 10, 4000, true) < 6);
	cr_assert(pour(slow, "long lines, many ways", 512 << 10, 4000, false) < 4);
	redact_free(r);
	redact_free(mail);
	redact_free(slow);
}
