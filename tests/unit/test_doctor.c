/* SPDX-License-Identifier: GPL-3.0-or-later */
/* doctor: what is said, the lines of a run, and small readers. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "doctor/fingerprint.h"
#include "doctor/sheet.h"
#include "doctor/terminal.h"
#include "doctor_rig.h"

/* ---- what is said ---- */

Test(said, takes_the_mend_out_of_an_errors_words)
{
	struct err err;

	err_set(&err, ERR_DENIED, "/k:ey is open (mode 0644): chmod 600 /k:ey");
	said_err(&said, RESULT_FAIL, &err, "else");
	cr_assert_str_eq(said.seen, "/k:ey is open (mode 0644)");
	cr_assert_str_eq(said.mend, "chmod 600 /k:ey");
	cr_assert(said.command);
	err_set(&err, ERR_DENIED, "/k: ey is open (mode 0644): chmod 600 /k: ey");
	said_err(&said, RESULT_FAIL, &err, "else");
	cr_assert_str_eq(said.seen, "/k: ey is open (mode 0644)");
	cr_assert_str_eq(said.mend, "chmod 600 /k: ey");
	cr_assert(!said.command, "a shell takes it for two files");
	err_set(&err, ERR_DENIED, "/k is open (mode 0644): chmod 600 /k$(id)");
	said_err(&said, RESULT_FAIL, &err, "else");
	cr_assert(!said.command);
	err_set(&err, ERR_DENIED, "/r is uid 7's: sudo rm -r /r, or set run_dir");
	said_err(&said, RESULT_FAIL, &err, "else");
	cr_assert(!said.command);
	err_set(&err, ERR_USAGE, "/k is empty: put the private key there");
	said_err(&said, RESULT_WARN, &err, "else");
	cr_assert_eq(said.result, RESULT_WARN);
	cr_assert_str_eq(said.mend, "put the private key there");
	cr_assert(!said.command);
	err_set(&err, ERR_DENIED, "/k may not be read: chown 0 /k and chmod 600 /k");
	said_err(&said, RESULT_FAIL, &err, "else");
	cr_assert(!said.command, "two commands are a sentence");
	err_sys(&err, ENOENT, "read /k");
	said_err(&said, RESULT_FAIL, &err, "else");
	cr_assert_str_eq(said.mend, "else", "what the system says mends nothing");
}

Test(said, a_word_that_was_cut_makes_no_command)
{
	char out[SAID_WORD_MAX], long_one[2 * SAID_MAX];

	cr_assert_str_eq(said_word("a b", out), "'a b'");
	said_run(&said, "chmod 600 %s", said_word("a b", out));
	cr_assert(said.command);
	memset(long_one, 'x', sizeof long_one - 1);
	long_one[sizeof long_one - 1] = '\0';
	said_run(&said, "chmod 600 %s", said_word(long_one, out));
	cr_assert(!said.command);
}

Test(said, is_utf8_whatever_came)
{
	said_pass(&said, "%s", "a\xff\xc3(b\xe2\x82");
	cr_assert_str_eq(said.seen,
	    "a?"
	    "?(b?"
	    "?");
}

Test(said, a_command_that_was_cut_is_no_command)
{
	char long_one[2 * SAID_MAX];

	memset(long_one, 'x', sizeof long_one - 1);
	long_one[sizeof long_one - 1] = '\0';
	said_run(&said, "rm %s", long_one);
	cr_assert(!said.command);
}

/* ---- small readers ---- */

Test(fingerprint, is_as_ssh_keygen_has_it)
{
	char out[FINGERPRINT_MAX], type[FINGERPRINT_TYPE_MAX];
	fingerprint_of("", 0, out);
	cr_assert_str_eq(out, "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU");
	cr_assert(fingerprint_of_base64("YWJj", out));
	cr_assert_str_eq(out, "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0");
	cr_assert(!fingerprint_of_base64("*", out));
	cr_assert(!fingerprint_of_private(
	    "-----BEGIN RSA PRIVATE KEY-----\nYWJj\n", type, out));
	cr_assert(!fingerprint_of_private("", type, out));
	cr_assert(!fingerprint_of_private(
	    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n", type, out));
}

static void
put16(unsigned char *p, int n)
{
	p[0] = (unsigned char)n;
	p[1] = (unsigned char)(n >> 8);
}

Test(terminal, an_entry_is_read_to_the_letter_and_no_further)
{
	unsigned char e[256] = {0};
	bool moves;
	size_t len = 12 + 6 + 2 + 14 * 2 + 11 * 2;

	put16(e, 0432);
	put16(e + 2, 5); /* names, and one byte to make it even */
	put16(e + 4, 2);
	put16(e + 6, 14);
	put16(e + 8, 11);
	memset(e + 12 + 8, 0xff, 14 * 2 + 11 * 2);
	cr_assert_eq(terminal_entry(e, len, &moves), 0);
	cr_assert(!moves);
	put16(e + 12 + 8 + 2 * 13, 256);
	put16(e + 12 + 8 + 14 * 2 + 2 * 5, 0);
	put16(e + 12 + 8 + 14 * 2 + 2 * 10, 7);
	cr_assert_eq(terminal_entry(e, len, &moves), 256);
	cr_assert(moves);
	for (size_t n = 0; n < 12 + 8; n++)
		cr_assert_eq(terminal_entry(e, n, &moves), -1);
	put16(e + 6, 30000);
	cr_assert_eq(terminal_entry(e, len, &moves), -1);
	put16(e + 6, -1);
	cr_assert_eq(terminal_entry(e, len, &moves), -1);
	put16(e, 0433);
	cr_assert_eq(terminal_entry(e, len, &moves), -1);
}

/* ---- the sheet ---- */

Test(sheet, tells_in_its_own_order_and_counts)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	struct sheet *s =
	    sheet_new(&(struct sheet_opts){.to = to, .columns = 40, .version = "0.1.0"});
	struct said one = {0};

	said_fail(&one, "%s", "\033[2Jbad\r\nkey");
	said_run(
	    &one, "%s", "chmod 600 /a/very/long/path/that/is/wider/than/the/paper/is");
	sheet_put(s, CHECK_KEY, &one);
	cr_assert_eq(len, 0, "what stands in front is not over");
	said_pass(&one, "no file");
	sheet_put(s, CHECK_CONFIG, &one);
	said_fail(&one, "again");
	sheet_put(s, CHECK_CONFIG, &one); /* it keeps what it has */
	fflush(to);
	cr_assert_eq(
	    strncmp(
		text, "This machine\n  pass  settings: no file\n  FAIL  SSH key: ", 53),
	    0, "%s", text);
	cr_assert(!strpbrk(text, "\033\r"));
	cr_assert(strstr(text,
	    "        mend: chmod 600 /a/very/long/path/that/is/wider/than/the/paper/is\n"));
	for (int c = 0; c < CHECKS; c++)
		sheet_over(s, (enum check)c);
	cr_assert(sheet_all_over(s));
	cr_assert_eq(sheet_end(s, 1250), 1);
	cr_assert(strstr(text, "1 pass, 0 warn, 1 fail, 0 left out; 1.2"), "%s", text);
	sheet_free(s);
	fclose(to);
	free(text);
}

Test(sheet, every_row_of_the_table_has_its_words)
{
	for (int c = 0; c < CHECKS; c++) {
		cr_assert(check_rows[c].word && check_rows[c].title, "row %d", c);
		cr_assert_eq(
		    check_by_word(group_word(check_rows[c].group), check_rows[c].word),
		    c);
		cr_assert(c == 0 || check_rows[c].group >= check_rows[c - 1].group);
	}
}
