/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/text.h"
#include "scratch.h"

Test(err, keeps_its_code_and_grows_in_front)
{
	struct err e;

	cr_assert_eq(err_sys(&e, EACCES, "open %s", "/run/x"), -1);
	err_wrap(&e, "attach");
	cr_assert_eq(e.code, ERR_SYSTEM);
	cr_assert_str_eq(e.words, "attach: open /run/x: Permission denied");
}

Test(err, that_descriptors_have_run_out_says_what_to_do)
{
	struct err e;

	err_sys(&e, EMFILE, "make a socket");
	cr_assert_str_eq(
	    e.words, "make a socket: Too many open files: raise the limit (ulimit -n)");
}

Test(err, cuts_words_that_are_too_long)
{
	char longer[2000];
	struct err e;

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	err_set(&e, ERR_USAGE, "%s", longer);
	err_wrap(&e, "%s", longer);
	cr_assert_lt(strlen(e.words), sizeof e.words);
}

Test(err, quotes_what_a_terminal_would_act_on_as_marks)
{
	struct err e;

	err_set(&e, ERR_USAGE, "no \"%s\"",
	    "\033]0;x\a\n\x7f\xc2\x9b\xff"
	    "\xe2\x80\xae\xc3\xa9");
	cr_assert_str_eq(e.words,
	    "no \"<U+001B>]0;x<U+0007><U+000A><U+007F><U+009B><FF><U+202E>\xc3\xa9\"");
	err_wrap(&e, "a\rb");
	cr_assert_eq(
	    strncmp(e.words, "a<U+000D>b: no \"<U+001B>]", 23), 0, "%s", e.words);
}

Test(err, is_cut_between_two_characters)
{
	char longer[2000];
	struct err e;

	for (size_t i = 0; i < 4; i++) {
		memset(longer, 'x', i);
		for (size_t n = i; n + 3 < sizeof longer; n += 3)
			memcpy(longer + n, "\xe2\x82\xac", 4);
		err_set(&e, ERR_USAGE, "%s", longer);
		cr_assert(text_is_utf8(e.words, strlen(e.words)));
		cr_assert_gt(strlen(e.words), sizeof e.words - 6);
	}
	memset(longer, '\033', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	err_set(&e, ERR_USAGE, "%s", longer);
	cr_assert_lt(strlen(e.words), sizeof e.words);
	cr_assert_eq(strspn(e.words, "<U+01B>"), strlen(e.words));
}

Test(buf, refuses_to_pass_its_limit_and_stays_as_it_was)
{
	struct buf b;

	buf_init(&b, 8);
	cr_assert_eq(buf_add(&b, "1234567", 7), 0);
	cr_assert_eq(buf_add(&b, "89", 2), -1);
	cr_assert_eq(buf_printf(&b, "%d", 89), -1);
	cr_assert_eq(b.len, 7);
	cr_assert_str_eq(b.data, "1234567");
	cr_assert_eq(buf_add_some(&b, "89", 2), 1);
	cr_assert_str_eq(b.data, "12345678");
	buf_fini(&b);
}

Test(buf, drops_from_the_front)
{
	struct buf b;

	buf_init(&b, 100);
	cr_assert_eq(buf_add_str(&b, "hello world"), 0);
	buf_drop(&b, 6);
	cr_assert_str_eq(buf_str(&b), "world");
	buf_drop(&b, 60);
	cr_assert_eq(b.len, 0);
	buf_fini(&b);
}

Test(text, reads_utf8_strictly)
{
	uint32_t cp;

	cr_assert(text_is_utf8("gr\xc3\xbc\xc3\x9f", 6));
	cr_assert_not(text_is_utf8("\xc0\xaf", 2), "overlong");
	cr_assert_not(text_is_utf8("\xed\xa0\x80", 3), "surrogate");
	cr_assert_eq(text_decode("\xe2\x82\xac", 3, &cp), 3);
	cr_assert_eq(cp, 0x20ac);
	cr_assert_eq(text_decode("\xff\x41", 2, &cp), 1);
	cr_assert_eq(cp, TEXT_REPLACEMENT);
}

Test(text, cuts_only_between_characters)
{
	cr_assert_eq(text_cut("ab\xe2\x82", 4), 2);
	cr_assert_eq(text_cut("ab\xe2\x82\xac", 5), 5);
	cr_assert_eq(text_cut("ab\xff", 3), 3, "a byte that nothing completes stays");
	cr_assert_eq(text_cut("", 0), 0);
}

Test(clock, writes_utc_with_milliseconds)
{
	char at[CLOCK_AT_LEN];

	cr_assert_str_eq(clock_at(1795662727123, at), "2026-11-26T03:12:07.123Z");
}

Test(clock, says_ages_in_words)
{
	char age[16];

	cr_assert_str_eq(clock_age(420, age, sizeof age), "0.4 s");
	cr_assert_str_eq(clock_age(12000, age, sizeof age), "12 s");
	cr_assert_str_eq(clock_age(180000, age, sizeof age), "3 min");
	cr_assert_str_eq(clock_age(-5, age, sizeof age), "0.0 s");
}

Test(fd, own_dir_refuses_one_that_is_open_to_others)
{
	char *dir = scratch(), *sub = mem_printf("%s/a/b", dir);
	struct err e;

	cr_assert_eq(fd_own_dir(sub, &e), 0, "%s", e.words);
	cr_assert_eq(chmod(sub, 0755), 0);
	cr_assert_eq(fd_own_dir(sub, &e), -1);
	cr_assert_eq(e.code, ERR_DENIED);
	cr_assert_not_null(strstr(e.words, "chmod 700"));
	free(sub);
}

Test(fd, safe_dir_may_be_read_but_not_written_by_others)
{
	char *dir = scratch();
	struct err e;

	cr_assert_eq(chmod(dir, 0755), 0);
	cr_assert_eq(fd_safe_dir(dir, &e), 0, "%s", e.words);
	cr_assert_eq(chmod(dir, 0777), 0);
	cr_assert_eq(fd_safe_dir(dir, &e), -1);
	cr_assert_eq(e.code, ERR_DENIED);
	cr_assert_eq(chmod(dir, 01777), 0);
	cr_assert_eq(fd_safe_dir(dir, &e), 0, "%s", e.words);
}

Test(fd, own_dir_refuses_a_link)
{
	char *dir = scratch(), *link = mem_printf("%s/l", dir);
	struct err e;

	cr_assert_eq(symlink(dir, link), 0);
	cr_assert_eq(fd_own_dir(link, &e), -1);
	cr_assert_eq(e.code, ERR_DENIED);
	free(link);
}

Test(fd, says_which_setting_mends_a_long_socket_path)
{
	char path[200];
	struct err e;

	memset(path, 'a', sizeof path - 1);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	cr_assert_eq(fd_connect(path, &e), -1);
	cr_assert_eq(e.code, ERR_LIMIT);
	cr_assert_not_null(strstr(e.words, "run_dir"));
}

Test(fd, reads_a_file_of_at_most_its_limit)
{
	char *dir = scratch(), *path = mem_printf("%s/f", dir);
	FILE *f = fopen(path, "w");
	struct err e;
	size_t len;
	char *data;

	fputs("12345678", f);
	fclose(f);
	data = fd_read_file(path, 8, &len, &e);
	cr_assert_str_eq(data, "12345678");
	free(data);
	cr_assert_null(fd_read_file(path, 7, &len, &e));
	cr_assert_eq(e.code, ERR_LIMIT);
	cr_assert_null(fd_read_file(dir, 7, &len, &e));
	free(path);
}

Test(log, blots_secrets_out)
{
	char line[] = "key sk-ant-12345678 and sk-ant-12345678";

	log_secret("sk-ant-12345678");
	log_secret("short");
	log_redact(line, strlen(line));
	cr_assert_str_eq(line, "key [secret]******* and [secret]*******");
}

static void
with_config(const char *text, struct options *o, struct err *e, int want)
{
	char *dir = scratch(), *path = mem_printf("%s/c", dir);
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	setenv("BREAKGLASS_CONFIG", path, 1);
	setenv("XDG_CONFIG_HOME", dir, 1);
	cr_assert_eq(options_load(o, e), want, "%s", e->words);
	free(path);
}

Test(options, environment_beats_file_beats_default)
{
	struct options o;
	struct err e;

	setenv("BREAKGLASS_PVE_PORT", "2222", 1);
	with_config("pve_port = 1\ndevvm_user = anna\n", &o, &e, 0);
	cr_assert_eq(o.pve_port, 2222);
	cr_assert_str_eq(o.devvm_user, "anna");
	cr_assert_str_eq(o.pve_host, "192.168.1.127");
	options_fini(&o);
}

Test(options, an_unknown_key_names_file_and_line)
{
	struct options o;
	struct err e;

	with_config("pve_port = 1\nnosuch = 2\n", &o, &e, -1);
	cr_assert_not_null(strstr(e.words, "line 2"), "%s", e.words);
	cr_assert_not_null(strstr(e.words, "nosuch"), "%s", e.words);
}

Test(options, a_file_that_is_named_and_not_there_says_who_named_it)
{
	struct options o;
	struct err e;

	setenv("BREAKGLASS_CONFIG", "/nonexistent/c", 1);
	cr_assert_eq(options_load(&o, &e), -1);
	cr_assert_not_null(strstr(e.words, "unset BREAKGLASS_CONFIG"), "%s", e.words);
	cr_assert_not_null(
	    strstr(e.words, "/nonexistent/c: No such file"), "%s", e.words);
}

Test(options, a_number_must_be_one)
{
	struct options o;
	struct err e;

	with_config("turn_timeout_seconds = soon\n", &o, &e, -1);
	cr_assert_not_null(strstr(e.words, "turn_timeout_seconds"), "%s", e.words);
}

Test(options, run_dir_falls_back_where_there_is_no_runtime_dir)
{
	struct options o;
	struct err e;
	char *dir, want[64];

	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("BREAKGLASS_RUN_DIR");
	with_config("", &o, &e, 0);
	dir = options_run_dir(&o);
	snprintf(want, sizeof want, "/tmp/breakglass-%ld", (long)getuid());
	cr_assert_str_eq(dir, want);
	free(dir);
	options_fini(&o);
}

Test(text, a_word_for_a_shell_is_one_word_whatever_is_in_it)
{
	const char *words[] = {"plain/path-1.0", "two words", "it's", "", "$HOME;`id`",
	    "-n", "a\nb", "\xc3\xa4"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		char *word = text_shell_word(words[i]), got[64], command[128];
		FILE *shell;
		size_t n;

		snprintf(command, sizeof command, "printf '%%s.' %s", word);
		cr_assert_not_null(shell = popen(command, "r"));
		n = fread(got, 1, sizeof got - 1, shell);
		got[n] = '\0';
		cr_assert_eq(pclose(shell), 0);
		cr_assert_eq(n, strlen(words[i]) + 1, "%s", word);
		cr_assert_eq(memcmp(got, words[i], n - 1), 0, "%s", word);
		free(word);
	}
}

Test(text, what_is_no_utf8_becomes_a_question_mark)
{
	char text[] = "a\xff\xc3\xa4\xe2\x82";

	text_only_utf8(text);
	cr_assert_str_eq(text, "a?\xc3\xa4??");
}
