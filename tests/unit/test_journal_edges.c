/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal's life around a disk that hangs, refuses or comes late; and reading back.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "disk_fault.h"
#include "engine/record/journal.h"
#include "scratch.h"

static char path[128];
static bool hang;
static uv_loop_t loop;
static struct journal *journal;
static int fds;

static struct {
	uint64_t ticket;
	int written, synced, rewritten, states[JOURNAL_STATES];
	size_t bytes;
	char why[256];
	bool retries; /* from within the callback */
} told;

static void
on_written(uint64_t ticket, bool synced, void *arg)
{
	cr_assert_eq(arg, &told);
	told.ticket = ticket;
	told.written++;
	told.synced += synced;
}

static void
on_rewritten(size_t bytes, void *arg)
{
	told.rewritten++;
	told.bytes = bytes;
}

static void
on_state(enum journal_state state, const char *why, void *arg)
{
	told.states[state]++;
	snprintf(told.why, sizeof told.why, "%s", why);
	if (state == JOURNAL_MEMORY && told.retries) {
		told.retries = false;
		cr_assert(journal_retry(journal));
	}
}

static const struct journal_events events = {on_written, on_rewritten, on_state};

static void
begin(void)
{
	snprintf(path, sizeof path, "%s/incidents", scratch());
	cr_assert_eq(mkdir(path, 0700), 0);
	strcat(path, "/x.jsonl");
	fault.path = "x.jsonl";
	fault.hang = &hang;
	cr_assert_eq(uv_loop_init(&loop), 0);
	fds = open_fds();
	journal = journal_new(&loop, &events, &told);
}

/* A test that fails behind it leaves nothing to be let go twice. */
static void
let_go(int64_t wait_ms)
{
	struct journal *j = journal;

	journal = NULL;
	journal_free(j, wait_ms);
}

static void
end(void)
{
	fault_none();
	let_go(2000);
	while (uv_run(&loop, UV_RUN_NOWAIT))
		continue;
	cr_assert_eq(
	    open_fds(), fds, "a descriptor is left open, or one too many is closed");
	cr_assert_eq(uv_loop_close(&loop), 0, "something was left open");
}

TestSuite(journal_edges, .init = begin, .fini = end, .timeout = 30);

static void
nothing(uv_timer_t *t)
{
}

/* Runs the loop until it is so; ten seconds at most. */
#define UNTIL(is_so)                                                           \
	do {                                                                   \
		int64_t last = clock_mono_ms() + 10000;                        \
		uv_timer_t tick;                                               \
		uv_timer_init(&loop, &tick);                                   \
		uv_timer_start(&tick, nothing, 1, 1);                          \
		while (!(is_so)) {                                             \
			cr_assert_lt(clock_mono_ms(), last, "never: " #is_so); \
			uv_run(&loop, UV_RUN_ONCE);                            \
		}                                                              \
		uv_close((uv_handle_t *)&tick, NULL);                          \
		uv_run(&loop, UV_RUN_NOWAIT);                                  \
	} while (0)

static uint64_t
add(const char *line)
{
	return journal_add(journal, line, strlen(line));
}

static void
is_in_file(const char *want)
{
	struct err e;
	size_t len;
	char *text = fd_read_file(path, 32 * 1024 * 1024, &len, &e);

	cr_assert_not_null(text, "%s", e.words);
	cr_assert_str_eq(text, want);
	free(text);
}

Test(journal_edges, what_is_added_is_told_when_it_is_there)
{
	journal_open(journal, path, -1);
	cr_assert_eq(add("a\n"), 1);
	cr_assert_eq(add("b\n"), 2);
	cr_assert_eq(journal_waiting(journal), 4);
	UNTIL(told.ticket == 2);
	cr_assert_eq(journal_waiting(journal), 0);
	cr_assert_eq(told.synced, 0);
	cr_assert_eq(calls_fdatasync, 0);
	journal_sync(journal);
	UNTIL(told.synced == 1);
	cr_assert_eq(calls_fdatasync, 1);
	cr_assert_eq(told.ticket, 2);
	journal_sync(journal); /* nothing new: nothing is done */
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	cr_assert_eq(calls_fdatasync, 1);
	cr_assert_eq(
	    told.states[JOURNAL_OK], told.states[JOURNAL_SLOW], "it was so all the time");
	cr_assert_eq(journal_state(journal), JOURNAL_OK);
	is_in_file("a\nb\n");
}

Test(journal_edges, a_sync_asked_for_meanwhile_is_made)
{
	journal_open(journal, path, -1);
	hang = true;
	add("a\n");
	UNTIL(journal_waiting(journal) == 2);
	journal_sync(journal);
	hang = false;
	UNTIL(told.synced == 1);
	is_in_file("a\n");
}

Test(journal_edges, without_a_file_all_waits_in_memory)
{
	cr_assert_eq(add("a\n"), 1);
	UNTIL(told.states[JOURNAL_MEMORY] == 1);
	cr_assert_str_eq(told.why, "write: no file");
	cr_assert_eq(journal_state(journal), JOURNAL_MEMORY);
	cr_assert_eq(journal_waiting(journal), 2);
}

Test(journal_edges, shut_without_a_file_is_nothing)
{
	journal_shut(journal);
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	cr_assert_eq(told.written, 0);
	cr_assert_eq(told.states[JOURNAL_MEMORY], 0);
}

Test(journal_edges, free_takes_null)
{
	journal_free(NULL, 0);
}

Test(journal_edges, a_shut_file_is_synced_and_let_go)
{
	int fd;

	journal_open(journal, path, -1);
	add("a\n");
	UNTIL(told.ticket == 1);
	journal_shut(journal);
	UNTIL(told.synced == 1);
	fd = open(path, O_RDWR);
	cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0, "its lock is free");
	close(fd);
	is_in_file("a\n");
	journal_sync(journal);
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	cr_assert_eq(told.synced, 1);
}

Test(journal_edges, shut_behind_records_that_still_wait_comes_after_them)
{
	hang = true;
	journal_open(journal, path, -1);
	add("a\n");
	UNTIL(journal_waiting(journal) == 2);
	add("b\n");
	journal_shut(journal);
	journal_shut(journal);
	hang = false;
	UNTIL(told.synced >= 1 && journal_waiting(journal) == 0);
	is_in_file("a\nb\n");
}

Test(journal_edges, the_next_file_follows_in_order)
{
	char other[140];
	struct stat st;

	snprintf(other, sizeof other, "%s.two.jsonl", path);
	hang = true;
	journal_open(journal, path, -1);
	cr_assert_eq(add("a\n"), 1);
	journal_shut(journal);
	cr_assert_eq(add("lost with no file\n"), 2);
	journal_open(journal, other, -1);
	cr_assert_eq(add("b\n"), 3);
	hang = false;
	UNTIL(told.states[JOURNAL_MEMORY] == 1);
	cr_assert_eq(stat(other, &st), -1, "what cannot be written is not passed over");
	is_in_file("a\n");
}

Test(journal_edges, two_files_one_after_the_other)
{
	char other[140], first[128];

	strcpy(first, path);
	snprintf(other, sizeof other, "%s.two.jsonl", path);
	journal_open(journal, path, -1);
	cr_assert_eq(add("a\n"), 1);
	journal_shut(journal);
	journal_open(journal, other, -1);
	cr_assert_eq(add("b\n"), 2);
	UNTIL(told.ticket == 2);
	is_in_file("a\n");
	strcpy(path, other);
	is_in_file("b\n");
	strcpy(path, first);
}

Test(journal_edges, a_file_behind_one_that_is_being_shut_is_opened_and_shut_as_well)
{
	char other[140];
	int fd;

	snprintf(other, sizeof other, "%s.two.jsonl", path);
	journal_open(journal, path, -1);
	add("a\n");
	UNTIL(told.ticket == 1);
	hang = true;
	journal_shut(journal);
	journal_open(journal, other, -1);
	journal_shut(journal);
	hang = false;
	UNTIL(access(other, F_OK) == 0);
	UNTIL(told.synced >= 2);
	fd = open(other, O_RDWR);
	cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0, "its lock is free");
	close(fd);
}

Test(journal_edges, a_late_disk_is_told_and_so_is_its_answer)
{
	int64_t began = clock_mono_ms();

	hang = true;
	journal_open(journal, path, -1);
	add("a\n");
	UNTIL(told.states[JOURNAL_SLOW] == 1);
	cr_assert_geq(clock_mono_ms() - began, JOURNAL_WAIT_MS - 5);
	cr_assert_eq(journal_state(journal), JOURNAL_SLOW);
	cr_assert_not(journal_retry(journal), "a try is under way");
	hang = false;
	UNTIL(told.states[JOURNAL_OK] >= 1);
	cr_assert_eq(told.ticket, 1);
	cr_assert_eq(told.rewritten, 0);
	is_in_file("a\n");
}

Test(journal_edges, a_disk_that_refuses_is_tried_again_when_asked)
{
	cr_assert_not(journal_retry(journal), "nothing waits");
	journal_open(journal, path, -1);
	add("a\n");
	UNTIL(told.ticket == 1);
	fault_set("pwrite", 0, 1, EIO);
	cr_assert_eq(add("b\n"), 2);
	UNTIL(told.states[JOURNAL_MEMORY] == 1);
	cr_assert(strstr(told.why, "write "), "%s", told.why);
	cr_assert_eq(add("c\n"), 3);
	cr_assert_eq(journal_waiting(journal), 4);
	cr_assert(journal_retry(journal));
	UNTIL(told.states[JOURNAL_OK] >= 1 && told.ticket == 3);
	cr_assert_eq(told.rewritten, 1);
	cr_assert_eq(told.bytes, 2, "a was never synced");
	cr_assert_eq(journal_waiting(journal), 0);
	is_in_file("a\nb\nc\n");
	cr_assert_not(journal_retry(journal));
}

Test(journal_edges, nothing_synced_is_written_again_and_nothing_told_of_it)
{
	journal_open(journal, path, -1);
	add("a\n");
	journal_sync(journal);
	UNTIL(told.synced == 1);
	fault_set("pwrite", 0, 1, EIO);
	add("b\n");
	UNTIL(told.states[JOURNAL_MEMORY] == 1);
	cr_assert(journal_retry(journal));
	UNTIL(told.ticket == 2);
	cr_assert_eq(told.rewritten, 0);
	is_in_file("a\nb\n");
}

Test(journal_edges, who_hears_of_it_may_ask_for_a_try_at_once)
{
	told.retries = true;
	journal_open(journal, path, -1);
	fault_set("pwrite", 0, 1, EIO);
	add("a\n");
	UNTIL(told.ticket == 1);
	cr_assert_eq(told.states[JOURNAL_MEMORY], 1);
	cr_assert_geq(told.states[JOURNAL_OK], 1);
	is_in_file("a\n");
}

Test(journal_edges, a_disk_that_refuses_is_tried_again_by_itself)
{
	int64_t began;

	journal_open(journal, path, -1);
	fault_set("pwrite", 0, 1, EIO);
	add("a\n");
	UNTIL(told.states[JOURNAL_MEMORY] == 1);
	began = clock_mono_ms();
	UNTIL(told.ticket == 1);
	cr_assert_geq(clock_mono_ms() - began, JOURNAL_RETRY_MS - 100);
}

Test(journal_edges, more_than_eight_mib_are_not_kept)
{
	size_t len = JOURNAL_MEMORY_MAX / 2;
	char *data = mem_alloc(len);

	memset(data, 'x', len);
	data[len - 1] = '\n';
	hang = true;
	journal_open(journal, path, -1);
	UNTIL(journal_waiting(journal) == 0);
	cr_assert_eq(journal_add(journal, data, len), 1);
	cr_assert_eq(journal_add(journal, data, len), 2, "just as much");
	cr_assert_eq(journal_waiting(journal), JOURNAL_MEMORY_MAX);
	cr_assert_eq(add("\n"), 0);
	cr_assert_eq(journal_waiting(journal), JOURNAL_MEMORY_MAX);
	hang = false;
	UNTIL(told.ticket == 2);
	cr_assert_eq(add("\n"), 3);
	free(data);
}

Test(journal_edges, free_writes_what_waits_and_syncs_it)
{
	journal_open(journal, path, -1);
	add("a\n");
	add("b\n");
	let_go(2000);
	cr_assert_eq(calls_fdatasync, 1);
	is_in_file("a\nb\n");
	journal = journal_new(&loop, &events, &told);
}

Test(journal_edges, free_tries_a_disk_that_refuses_a_few_times)
{
	int64_t began;

	journal_open(journal, path, -1);
	add("a\n");
	UNTIL(told.ticket == 1);
	fault_set("pwrite", 0, 2, EIO);
	add("b\n");
	began = clock_mono_ms();
	let_go(3000);
	cr_assert_geq(clock_mono_ms() - began, 90, "it waits between two tries");
	cr_assert_eq(fault.times, 0);
	is_in_file("a\nb\n");
	while (uv_run(&loop, UV_RUN_NOWAIT)) /* it lets go of its lock */
		continue;
	fault_set("pwrite", 0, 1000, EIO);
	journal = journal_new(&loop, &events, &told);
	journal_open(journal, path, -1);
	add("c\n");
	began = clock_mono_ms();
	let_go(30000);
	cr_assert_lt(clock_mono_ms() - began, 20000, "it does not wait for ever");
	cr_assert_eq(1000 - fault.times, 5, "%d tries", 1000 - fault.times);
	fault_none();
	is_in_file("a\nb\n");
	journal = journal_new(&loop, &events, &told);
}

static int
spare_fd(void)
{
	return open("/dev/null", O_RDONLY);
}

Test(journal_edges, free_does_not_wait_longer_than_it_was_told)
{
	int64_t began = clock_mono_ms();
	int lock = spare_fd(), second = spare_fd(), written;
	char other[140];

	snprintf(other, sizeof other, "%s.two.jsonl", path);
	hang = true;
	journal_open(journal, path, lock);
	add("a\n");
	UNTIL(calls_open > 0);
	add("b\n");
	journal_shut(journal);
	journal_open(journal, other, second);
	add("c\n");
	let_go(100);
	cr_assert_lt(clock_mono_ms() - began, 10000);
	cr_assert_geq(clock_mono_ms() - began, 95);
	written = told.written;
	/* the disk is late for those who are gone as well: nobody is told */
	began = clock_mono_ms();
	UNTIL(clock_mono_ms() - began > JOURNAL_WAIT_MS + 200);
	cr_assert_eq(told.states[JOURNAL_SLOW], 0);
	hang = false;
	while (uv_run(&loop, UV_RUN_ONCE))
		continue;
	cr_assert_eq(told.written, written, "no callback comes");
	cr_assert_lt(fcntl(lock, F_GETFD), 0);
	cr_assert_lt(fcntl(second, F_GETFD), 0);
	journal = journal_new(&loop, &events, &told);
}

/* --- reading back --- */

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

	journal_read(&loop, path, from, before, tail, on_got, &got);
	UNTIL(got_times == times);
	return buf_str(&got);
}

static void
put_file(const char *data)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	cr_assert_geq(fputs(data, f), 0);
	fclose(f);
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

Test(journal_edges, a_line_has_the_number_that_stands_near_its_begin)
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
}

Test(journal_edges, ranges_are_exact)
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

Test(journal_edges, of_nothing_nothing_is_read)
{
	put_file("");
	cr_assert_str_eq(reads(0, 0, 0), "");
	cr_assert_str_eq(reads(0, 0, 5), "");
	put_file("no line at all");
	cr_assert_str_eq(reads(0, 0, 0), "");
	put_file("no number\n");
	cr_assert_str_eq(reads(0, 0, 0), "no number\n");
	cr_assert_str_eq(
	    reads(1, 0, 0), "no number\n", "it stands behind all that have one");
	cr_assert_str_eq(got_why, "");
	cr_assert_eq(unlink(path), 0);
	reads(0, 0, 0);
	cr_assert_str_eq(got_why, "No such file or directory");
}

/* Lines of one to 40 KB: longer than the reader's blocks. */
static void
put_long(int lines)
{
	FILE *f = fopen(path, "w");

	for (int i = 1; i <= lines; i++)
		fprintf(f, "{\"t\":\"x\",\"seq\":%d,\"d\":\"%0*d\"}\n", i,
		    1 + i * 7919 % 40000, 0);
	fclose(f);
}

Test(journal_edges, records_longer_than_a_block_are_found_and_given_whole)
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

Test(journal_edges, a_torn_end_longer_than_a_block_is_left_out)
{
	FILE *f;

	put_long(3);
	f = fopen(path, "a");
	fprintf(f, "{\"t\":\"x\",\"seq\":4,\"d\":\"%030000d", 0);
	fclose(f);
	cr_assert_str_eq(seqs(reads(0, 0, 0)), "1,2,3");
	cr_assert_str_eq(seqs(reads(0, 0, 1)), "3");
}

Test(journal_edges, many_lines_without_a_number_at_the_end_hide_none)
{
	FILE *f;

	put_file("{\"seq\":1}\n{\"seq\":2}\n");
	f = fopen(path, "a");
	for (int i = 0; i < 3000; i++)
		fputs("who wrote this?\n", f);
	fclose(f);
	reads(0, 0, 1);
	cr_assert_str_eq(buf_str(&got), "{\"seq\":2}\n");
	f = fopen(path, "a");
	for (int i = 0; i < 20; i++)
		fprintf(f, "%060000d\n", 0);
	fclose(f);
	reads(0, 0, 1); /* so far back nobody looks */
	cr_assert_str_eq(got_why, "");
}

Test(journal_edges, what_cannot_be_read_is_an_error_and_no_records)
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
Test(journal_edges, a_file_that_ends_too_soon_gives_whole_records)
{
	put_long(40);
	for (int n = 0; n < 12; n++) {
		fault_set("pread", n, 1, FAULT_NOTHING);
		reads(20, 22, 0);
		cr_assert_str_eq(got_why, "");
		cr_assert(got.len == 0 || got.data[got.len - 1] == '\n');
	}
}
