/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records back out of a journal's file, whatever it looks like and whatever fails. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "disk_fault.h"
#include "heap.h"
#include "journal_rig.h"

TestSuite(journal_reads, .init = rig_begin, .fini = rig_end, .timeout = 30);

static struct buf got;
static char got_why[200];
static int got_times;

static void
on_got(const char *data, size_t len, const char *why, void *arg)
{
	cr_assert_eq(arg, &got);
	buf_fini(&got);
	buf_init(&got, 8 * 1024 * 1024);
	cr_assert_eq(buf_add(&got, data, len), 0);
	snprintf(got_why, sizeof got_why, "%s", why ? why : "");
	got_times++;
}

static const char *
reads(uint64_t from, uint64_t before, size_t tail)
{
	int times = got_times + 1;

	journal_read(&rig.loop, rig.path, from, before, tail, on_got, &got);
	UNTIL(got_times == times);
	return buf_str(&got);
}

static void
put_file(const char *data)
{
	FILE *f = fopen(rig.path, "w");

	cr_assert_not_null(f);
	cr_assert_geq(fputs(data, f), 0);
	fclose(f);
}

static const char *
reads_of(const char *data, uint64_t from)
{
	put_file(data);
	return reads(from, 0, 0);
}

/* The numbers of the lines read, between commas. */
static const char *
seqs(const char *lines)
{
	static char out[4096];
	size_t len = 0;

	out[0] = '\0';
	for (const char *lf; (lf = strchr(lines, '\n')); lines = lf + 1)
		len += (size_t)snprintf(out + len, sizeof out - len, "%s%llu",
		    len ? "," : "",
		    (unsigned long long)journal_line_seq(lines, (size_t)(lf - lines)));
	return out;
}

Test(journal_reads, a_line_has_the_number_that_stands_near_its_begin)
{
	char far[200];

	cr_assert_eq(journal_line_seq("{\"t\":\"note\",\"seq\":17}", 21), 17);
	cr_assert_eq(journal_line_seq("{\"t\":\"note\"}", 12), 0);
	cr_assert_eq(journal_line_seq("", 0), 0);
	memset(far, ' ', sizeof far);
	memcpy(far + 90, "\"seq\":5", 8);
	cr_assert_eq(journal_line_seq(far, 190), 5);
	memset(far, ' ', sizeof far);
	memcpy(far + 91, "\"seq\":5", 8);
	cr_assert_eq(journal_line_seq(far, 190), 0);
	cr_assert_eq(journal_line_seq(far, 96), 0);
	cr_assert_eq(journal_last_seq("{\"seq\":1}\n{\"seq\":2}\n", 20), 2);
	cr_assert_eq(journal_last_seq("{\"seq\":1}\n", 10), 1);
	cr_assert_eq(journal_last_seq("\n", 1), 0);
	cr_assert_eq(journal_last_seq("", 0), 0);
	cr_assert_eq(journal_last_seq("{\"seq\":1}\n\n", 11), 0);
	memset(far, ' ', sizeof far);
	memcpy(far, "{}\n", 3);
	memcpy(far + 3 + 91, "\"seq\":5", 8);
	cr_assert_eq(journal_last_seq(far, 190), 0);
	memcpy(far + 3 + 90, "\"seq\":5", 8);
	cr_assert_eq(journal_last_seq(far, 190), 5);
}

Test(journal_reads, ranges_are_exact)
{
	put_file(
	    "{\"seq\":1}\n{\"seq\":2}\n{\"seq\":5}\nno number\n{\"seq\":6}\n{\"seq\":9}\n"
	    "{\"seq\":10 torn");
	cr_assert_str_eq(seqs(reads(0, 0, 0)), "1,2,5,0,6,9");
	cr_assert_str_eq(seqs(reads(1, 0, 0)), "1,2,5,0,6,9");
	cr_assert_str_eq(seqs(reads(2, 0, 0)), "2,5,0,6,9");
	cr_assert_str_eq(seqs(reads(3, 0, 0)), "5,0,6,9");
	cr_assert_str_eq(seqs(reads(6, 0, 0)), "0,6,9");
	cr_assert_str_eq(seqs(reads(9, 0, 0)), "9");
	cr_assert_str_eq(seqs(reads(10, 0, 0)), "");
	cr_assert_str_eq(seqs(reads(2, 9, 0)), "2,5,0,6");
	cr_assert_str_eq(seqs(reads(0, 2, 0)), "1");
	cr_assert_str_eq(seqs(reads(0, 1, 0)), "");
	cr_assert_str_eq(seqs(reads(0, 0, 1)), "9");
	cr_assert_str_eq(seqs(reads(0, 0, 5)), "5,0,6,9");
	cr_assert_str_eq(seqs(reads(0, 0, 9)), "1,2,5,0,6,9");
	cr_assert_str_eq(seqs(reads(0, 0, 100)), "1,2,5,0,6,9");
	cr_assert_str_eq(seqs(reads(0, 6, 2)), "5");
	cr_assert_str_eq(seqs(reads(0, 2, 2)), "1");
	cr_assert_str_eq(got_why, "");
}

/* Each stands with the numbered one behind it, however short it is. */
Test(journal_reads, empty_lines_hide_none)
{
	put_file("{\"seq\":1}\n\n{\"seq\":2}\n\n\n{\"seq\":3}\n\n");
	cr_assert_str_eq(seqs(reads(1, 0, 0)), "1,0,2,0,0,3,0");
	cr_assert_str_eq(seqs(reads(2, 0, 0)), "0,2,0,0,3,0");
	cr_assert_str_eq(seqs(reads(3, 0, 0)), "0,0,3,0");
	cr_assert_str_eq(seqs(reads(4, 0, 0)), "0");
	cr_assert_str_eq(seqs(reads(0, 2, 0)), "1");
	cr_assert_str_eq(seqs(reads(0, 3, 0)), "1,0,2");
	cr_assert_str_eq(reads(2, 2, 0), "");
	cr_assert_str_eq(seqs(reads(0, 0, 1)), "0,0,3");
	cr_assert_str_eq(seqs(reads(0, 0, 2)), "0,2,0,0,3");
	put_file("\n\n{\"seq\":1}\n");
	cr_assert_str_eq(seqs(reads(0, 0, 1)), "0,0,1");
}

Test(journal_reads, a_number_counts_up_to_the_96th_letter)
{
	char text[200];

	snprintf(text, sizeof text, "{\"seq\":6}\n{%*s\"seq\":7}\n{\"seq\":8}\n", 88, "");
	cr_assert_eq(strstr(text, ":7") - strstr(text, "{ ") + 2, 96);
	cr_assert_str_eq(seqs(reads_of(text, 7)), "7,8");
	cr_assert_str_eq(seqs(reads_of(text, 8)), "8");
}

Test(journal_reads, of_little_little_is_read_and_of_nothing_nothing)
{
	put_file("");
	cr_assert_str_eq(reads(0, 0, 0), "");
	cr_assert_str_eq(reads(0, 0, 5), "");
	cr_assert_str_eq(got_why, "");
	put_file("\n");
	cr_assert_str_eq(reads(0, 0, 0), "\n", "the shortest line");
	put_file("{\"seq\":1}\n");
	cr_assert_str_eq(seqs(reads(0, 0, 1)), "1", "the only one");
	put_file("no line at all");
	cr_assert_str_eq(reads(0, 0, 0), "");
	put_file("no number\n");
	cr_assert_str_eq(reads(0, 0, 0), "no number\n");
	cr_assert_str_eq(
	    reads(1, 0, 0), "no number\n", "it stands behind all that have one");
	cr_assert_str_eq(got_why, "");
	cr_assert_eq(unlink(rig.path), 0);
	reads(0, 0, 0);
	cr_assert_str_eq(got_why, "No such file or directory");
}

/* Lines of one to 40 KB: longer than the reader's blocks. */
static void
put_long(int lines)
{
	FILE *f = fopen(rig.path, "w");

	for (int i = 1; i <= lines; i++)
		fprintf(f, "{\"t\":\"x\",\"seq\":%d,\"d\":\"%0*d\"}\n", i,
		    1 + i * 7919 % 40000, 0);
	fclose(f);
}

Test(journal_reads, records_longer_than_a_block_are_found_and_given_whole)
{
	char want[64];

	put_long(60);
	for (int i = 1; i <= 60; i += 7) {
		reads((uint64_t)i, (uint64_t)i + 2, 0);
		snprintf(want, sizeof want, i < 60 ? "%d,%d" : "%d", i, i + 1);
		cr_assert_str_eq(seqs(buf_str(&got)), want);
	}
	cr_assert_str_eq(seqs(reads(0, 0, 2)), "59,60");
	reads(0, 0, 0);
	cr_assert_leq(got.len, JOURNAL_PART_MAX);
	cr_assert_gt(got.len, JOURNAL_PART_MAX - 41000);
	cr_assert(strncmp(seqs(buf_str(&got)), "1,2,3,", 6) == 0, "from the first on");
	reads(0, 0, 60);
	cr_assert_leq(got.len, JOURNAL_PART_MAX);
	cr_assert_gt(got.len, JOURNAL_PART_MAX - 41000);
	cr_assert_eq(journal_last_seq(buf_str(&got), got.len), 60, "up to the last");
	cr_assert_neq(journal_line_seq(buf_str(&got), got.len), 1);
}

Test(journal_reads, a_torn_end_longer_than_a_block_is_left_out)
{
	FILE *f;

	put_long(3);
	f = fopen(rig.path, "a");
	fprintf(f, "{\"t\":\"x\",\"seq\":4,\"d\":\"%030000d", 0);
	fclose(f);
	cr_assert_str_eq(seqs(reads(0, 0, 0)), "1,2,3");
	cr_assert_str_eq(seqs(reads(0, 0, 1)), "3");
}

Test(journal_reads, many_lines_without_a_number_at_the_end_hide_none)
{
	FILE *f;

	put_file("{\"seq\":1}\n{\"seq\":2}\n");
	f = fopen(rig.path, "a");
	for (int i = 0; i < 3000; i++)
		fputs("who wrote this?\n", f);
	fclose(f);
	reads(0, 0, 1);
	cr_assert_str_eq(buf_str(&got), "{\"seq\":2}\n");
	f = fopen(rig.path, "a");
	for (int i = 0; i < 20; i++)
		fprintf(f, "%060000d\n", 0);
	fclose(f);
	reads(0, 0, 1); /* so far back nobody looks */
	cr_assert_str_eq(got_why, "");
}

Test(journal_reads, what_cannot_be_read_is_an_error_and_no_records)
{
	put_long(40);
	for (int n = 0; n < 6; n++) {
		fault_set("pread", n, 1, EIO);
		reads(20, 22, 0);
		cr_assert_str_eq(got_why, strerror(EIO), "read %d", n);
		cr_assert_eq(got.len, 0);
	}
	fault_set("lseek", 0, 1, ESPIPE);
	reads(0, 0, 0);
	cr_assert_str_eq(got_why, strerror(ESPIPE));
	fault_set("lseek", 0, 1, FAULT_SHORT);
	reads(0, 0, 0);
	cr_assert_str_eq(got_why, strerror(EIO), "without an errno too");
	fault_set("open", 0, 1, EINTR);
	cr_assert_str_eq(seqs(reads(20, 22, 0)), "20,21");
	cr_assert_str_eq(got_why, "");
}

/* The file shrinks while it is read: what is there is given, or nothing. */
Test(journal_reads, a_file_that_ends_too_soon_gives_whole_records)
{
	put_long(40);
	for (int n = 0; n < 12; n++) {
		fault_set("pread", n, 1, FAULT_NOTHING);
		reads(20, 22, 0);
		cr_assert_str_eq(got_why, "");
		cr_assert(got.len == 0 || got.data[got.len - 1] == '\n');
	}
}

/* A disk that has gone is asked a few times at most, and so is a file that was cut. */
Test(journal_reads, what_stays_unreadable_ends_the_search)
{
	put_long(40);
	for (int n = 0; n < 12; n++)
		for (int tail = 0; tail < 4; tail += 3) {
			calls_pread = 0;
			fault_set("pread", n, 1000000, EIO);
			reads(tail ? 0 : 20, tail ? 0 : 22, (size_t)tail);
			cr_assert_str_eq(got_why, strerror(EIO));
			cr_assert_lt(calls_pread, 60, "read %d", n);
			calls_pread = 0;
			fault_set("pread", n, 1000000, FAULT_NOTHING);
			reads(tail ? 0 : 20, tail ? 0 : 22, (size_t)tail);
			cr_assert(got.len == 0 && !got_why[0]);
			cr_assert_lt(calls_pread, 60, "read %d", n);
		}
}

static void
one_read(void)
{
	reads(20, 22, 0);
	buf_fini(&got);
}

Test(journal_reads, what_it_took_it_gives_back)
{
	put_long(40);
	/* one thread: each keeps a few blocks for itself */
	cr_assert_eq(setenv("UV_THREADPOOL_SIZE", "1", 1), 0);
	GIVES_BACK(one_read());
}
