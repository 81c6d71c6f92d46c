/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal's life around a disk that hangs, refuses or comes late. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "disk_fault.h"
#include "heap.h"
#include "journal_rig.h"

TestSuite(journal_edges, .init = rig_begin, .fini = rig_end, .timeout = 30);

Test(journal_edges, what_is_added_is_told_when_it_is_there)
{
	journal_open(rig.journal, rig.path, -1);
	cr_assert_eq(rig_add("a\n"), 1);
	cr_assert_eq(rig_add("b\n"), 2);
	cr_assert_eq(journal_waiting(rig.journal), 4);
	UNTIL(rig.told.ticket == 2);
	cr_assert_eq(journal_waiting(rig.journal), 0);
	cr_assert_eq(rig.told.synced, 0);
	cr_assert_eq(calls_fdatasync, 0);
	journal_sync(rig.journal);
	UNTIL(rig.told.synced == 1);
	cr_assert_eq(calls_fdatasync, 1);
	cr_assert_eq(rig.told.ticket, 2);
	journal_sync(rig.journal); /* nothing new: nothing is done */
	for (int i = 0; i < 20; i++)
		uv_run(&rig.loop, UV_RUN_NOWAIT);
	cr_assert_eq(calls_fdatasync, 1);
	cr_assert_eq(rig.told.states[JOURNAL_OK], rig.told.states[JOURNAL_SLOW],
	    "it was so all the time");
	cr_assert_eq(journal_state(rig.journal), JOURNAL_OK);
	rig_is_in_file("a\nb\n");
}

Test(journal_edges, a_file_is_there_before_the_first_record)
{
	journal_open(rig.journal, rig.path, -1);
	UNTIL(access(rig.path, F_OK) == 0);
	rig_is_in_file("");
}

Test(journal_edges, a_lock_that_came_with_the_file_is_held_until_it_is_shut)
{
	int lock = open(rig.path, O_RDWR | O_CREAT, 0600), other, taken;

	cr_assert_eq(flock(lock, LOCK_EX | LOCK_NB), 0);
	other = open(rig.path, O_RDWR);
	journal_open(rig.journal, rig.path, lock);
	rig_add("a\n");
	UNTIL(rig.told.ticket == 1);
	cr_assert_eq(flock(other, LOCK_EX | LOCK_NB), -1);
	cr_assert_geq(fcntl(lock, F_GETFD), 0);
	journal_shut(rig.journal);
	UNTIL(rig.told.synced == 1);
	cr_assert_eq(flock(other, LOCK_EX | LOCK_NB), 0);
	taken = dup(other); /* has its number now */
	cr_assert_eq(taken, lock);
	rig_let_go(2000);
	while (uv_run(&rig.loop, UV_RUN_NOWAIT))
		continue;
	cr_assert_geq(fcntl(taken, F_GETFD), 0, "it is not closed twice");
	close(taken);
	close(other);
	rig_new_journal();
}

Test(journal_edges, a_sync_asked_for_meanwhile_is_made)
{
	journal_open(rig.journal, rig.path, -1);
	rig.hang = true;
	rig_add("a\n");
	UNTIL(journal_waiting(rig.journal) == 2);
	journal_sync(rig.journal);
	rig.hang = false;
	UNTIL(rig.told.synced == 1);
	rig_is_in_file("a\n");
}

Test(journal_edges, without_a_file_all_waits_in_memory)
{
	cr_assert_eq(rig_add("a\n"), 1);
	UNTIL(rig.told.states[JOURNAL_MEMORY] == 1);
	cr_assert_str_eq(rig.told.why, "write: no file");
	cr_assert_eq(journal_state(rig.journal), JOURNAL_MEMORY);
	cr_assert_eq(journal_waiting(rig.journal), 2);
}

Test(journal_edges, shut_without_a_file_is_nothing)
{
	journal_shut(rig.journal);
	for (int i = 0; i < 20; i++)
		uv_run(&rig.loop, UV_RUN_NOWAIT);
	cr_assert_eq(rig.told.written, 0);
	cr_assert_eq(rig.told.states[JOURNAL_MEMORY], 0);
}

Test(journal_edges, free_takes_null)
{
	journal_free(NULL, 0);
}

Test(journal_edges, a_shut_file_is_synced_and_let_go)
{
	int fd;

	journal_open(rig.journal, rig.path, -1);
	rig_add("a\n");
	UNTIL(rig.told.ticket == 1);
	journal_shut(rig.journal);
	UNTIL(rig.told.synced == 1);
	fd = open(rig.path, O_RDWR);
	cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0, "its lock is free");
	close(fd);
	rig_is_in_file("a\n");
	cr_assert_eq(rig.told.ticket, 1);
	journal_sync(rig.journal);
	for (int i = 0; i < 20; i++)
		uv_run(&rig.loop, UV_RUN_NOWAIT);
	cr_assert_eq(rig.told.synced, 1);
}

Test(journal_edges, shut_behind_records_that_still_wait_comes_after_them)
{
	rig.hang = true;
	journal_open(rig.journal, rig.path, -1);
	rig_add("a\n");
	UNTIL(journal_waiting(rig.journal) == 2);
	rig_add("b\n");
	journal_shut(rig.journal);
	journal_shut(rig.journal);
	rig.hang = false;
	UNTIL(rig.told.synced >= 1 && journal_waiting(rig.journal) == 0);
	rig_is_in_file("a\nb\n");
}

Test(journal_edges, the_next_file_follows_in_order)
{
	char other[140];
	struct stat st;

	snprintf(other, sizeof other, "%s.two.jsonl", rig.path);
	rig.hang = true;
	journal_open(rig.journal, rig.path, -1);
	cr_assert_eq(rig_add("a\n"), 1);
	journal_shut(rig.journal);
	cr_assert_eq(rig_add("lost with no file\n"), 2);
	journal_open(rig.journal, other, -1);
	cr_assert_eq(rig_add("b\n"), 3);
	rig.hang = false;
	UNTIL(rig.told.states[JOURNAL_MEMORY] == 1);
	cr_assert_eq(stat(other, &st), -1, "what cannot be written is not passed over");
	rig_is_in_file("a\n");
}

Test(journal_edges, two_files_one_after_the_other)
{
	char other[140], first[128];

	strcpy(first, rig.path);
	snprintf(other, sizeof other, "%s.two.jsonl", rig.path);
	journal_open(rig.journal, rig.path, -1);
	cr_assert_eq(rig_add("a\n"), 1);
	journal_shut(rig.journal);
	journal_open(rig.journal, other, -1);
	cr_assert_eq(rig_add("b\n"), 2);
	UNTIL(rig.told.ticket == 2);
	rig_is_in_file("a\n");
	strcpy(rig.path, other);
	rig_is_in_file("b\n");
	strcpy(rig.path, first);
}

Test(journal_edges, a_file_behind_one_that_is_being_shut_is_opened_and_shut_as_well)
{
	char other[140];
	int fd;

	snprintf(other, sizeof other, "%s.two.jsonl", rig.path);
	journal_open(rig.journal, rig.path, -1);
	rig_add("a\n");
	UNTIL(rig.told.ticket == 1);
	rig.hang = true;
	journal_shut(rig.journal);
	journal_open(rig.journal, other, -1);
	journal_shut(rig.journal);
	rig.hang = false;
	UNTIL(access(other, F_OK) == 0);
	UNTIL(rig.told.synced >= 2);
	fd = open(other, O_RDWR);
	cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0, "its lock is free");
	close(fd);
}

Test(journal_edges, a_late_disk_is_told_and_so_is_its_answer)
{
	int64_t began = clock_mono_ms();

	rig.hang = true;
	journal_open(rig.journal, rig.path, -1);
	rig_add("a\n");
	UNTIL(rig.told.states[JOURNAL_SLOW] == 1);
	cr_assert_geq(clock_mono_ms() - began, JOURNAL_WAIT_MS - 5);
	cr_assert_eq(journal_state(rig.journal), JOURNAL_SLOW);
	cr_assert_not(journal_retry(rig.journal), "a try is under way");
	rig.hang = false;
	UNTIL(rig.told.states[JOURNAL_OK] >= 1);
	cr_assert_eq(rig.told.ticket, 1);
	cr_assert_eq(rig.told.rewritten, 0);
	rig_is_in_file("a\n");
}

Test(journal_edges, a_disk_that_refuses_is_tried_again_when_asked)
{
	cr_assert_not(journal_retry(rig.journal), "nothing waits");
	journal_open(rig.journal, rig.path, -1);
	rig_add("a\n");
	UNTIL(rig.told.ticket == 1);
	fault_set("pwrite", 0, 1, EIO);
	cr_assert_eq(rig_add("b\n"), 2);
	UNTIL(rig.told.states[JOURNAL_MEMORY] == 1);
	cr_assert(strstr(rig.told.why, "write "), "%s", rig.told.why);
	cr_assert_eq(rig_add("c\n"), 3);
	cr_assert_eq(journal_waiting(rig.journal), 4);
	cr_assert(journal_retry(rig.journal));
	UNTIL(rig.told.states[JOURNAL_OK] >= 1 && rig.told.ticket == 3);
	cr_assert_eq(rig.told.rewritten, 1);
	cr_assert_eq(rig.told.bytes, 2, "a was never synced");
	cr_assert_eq(journal_waiting(rig.journal), 0);
	rig_is_in_file("a\nb\nc\n");
	cr_assert_not(journal_retry(rig.journal));
}

Test(journal_edges, nothing_synced_is_written_again_and_nothing_told_of_it)
{
	journal_open(rig.journal, rig.path, -1);
	rig_add("a\n");
	journal_sync(rig.journal);
	UNTIL(rig.told.synced == 1);
	fault_set("pwrite", 0, 1, EIO);
	rig_add("b\n");
	UNTIL(rig.told.states[JOURNAL_MEMORY] == 1);
	cr_assert(journal_retry(rig.journal));
	UNTIL(rig.told.ticket == 2);
	cr_assert_eq(rig.told.rewritten, 0);
	rig_is_in_file("a\nb\n");
}

Test(journal_edges, who_hears_of_it_may_ask_for_a_try_at_once)
{
	rig.told.retries = true;
	journal_open(rig.journal, rig.path, -1);
	fault_set("pwrite", 0, 1, EIO);
	rig_add("a\n");
	UNTIL(rig.told.ticket == 1);
	cr_assert_eq(rig.told.states[JOURNAL_MEMORY], 1);
	cr_assert_geq(rig.told.states[JOURNAL_OK], 1);
	rig_is_in_file("a\n");
}

Test(journal_edges, a_try_at_once_that_is_late_is_told_as_late)
{
	int64_t began = clock_mono_ms();

	rig.told.retries = rig.told.hangs = true;
	journal_open(rig.journal, rig.path, -1);
	fault_set("pwrite", 0, 1, EIO);
	rig_add("a\n");
	UNTIL(rig.told.states[JOURNAL_SLOW] == 1);
	cr_assert_lt(clock_mono_ms() - began, JOURNAL_RETRY_MS);
	rig.hang = false;
	UNTIL(rig.told.ticket == 1);
}

Test(journal_edges, a_journal_that_waits_for_its_disk_keeps_no_loop_alive)
{
	journal_open(rig.journal, rig.path, -1);
	fault_set("pwrite", 0, 1, EIO);
	rig_add("a\n");
	UNTIL(rig.told.states[JOURNAL_MEMORY] == 1);
	cr_assert_eq(uv_run(&rig.loop, UV_RUN_NOWAIT), 0);
}

Test(journal_edges, a_disk_that_refuses_is_tried_again_by_itself)
{
	int64_t began;

	journal_open(rig.journal, rig.path, -1);
	fault_set("pwrite", 0, 1, EIO);
	rig_add("a\n");
	UNTIL(rig.told.states[JOURNAL_MEMORY] == 1);
	began = clock_mono_ms();
	UNTIL(rig.told.ticket == 1);
	cr_assert_geq(clock_mono_ms() - began, JOURNAL_RETRY_MS - 100);
}

Test(journal_edges, more_than_eight_mib_are_not_kept)
{
	size_t len = JOURNAL_MEMORY_MAX / 2;
	char *data = mem_alloc(len);

	memset(data, 'x', len);
	data[len - 1] = '\n';
	rig.hang = true;
	journal_open(rig.journal, rig.path, -1);
	UNTIL(journal_waiting(rig.journal) == 0);
	cr_assert_eq(journal_add(rig.journal, data, len), 1);
	cr_assert_eq(journal_add(rig.journal, data, len), 2, "just as much");
	cr_assert_eq(journal_waiting(rig.journal), JOURNAL_MEMORY_MAX);
	cr_assert_eq(rig_add("\n"), 0);
	cr_assert_eq(journal_waiting(rig.journal), JOURNAL_MEMORY_MAX);
	rig.hang = false;
	UNTIL(rig.told.ticket == 2);
	cr_assert_eq(rig_add("\n"), 3);
	free(data);
}

Test(journal_edges, nor_are_they_when_they_are_for_two_files)
{
	size_t len = JOURNAL_MEMORY_MAX / 2;
	char *data = mem_alloc(len), other[160];

	memset(data, 'x', len);
	data[len - 1] = '\n';
	snprintf(other, sizeof other, "%s.two.jsonl", rig.path);
	rig.hang = true;
	journal_open(rig.journal, rig.path, -1);
	cr_assert_eq(journal_add(rig.journal, data, len), 1);
	journal_shut(rig.journal);
	journal_open(rig.journal, other, -1);
	cr_assert_eq(journal_add(rig.journal, data, len), 2);
	cr_assert_eq(rig_add("\n"), 0);
	rig.hang = false;
	UNTIL(rig.told.ticket == 2);
	free(data);
}

Test(journal_edges, what_was_never_opened_has_nothing_to_shut)
{
	journal_shut(rig.journal);
	cr_assert_eq(uv_loop_alive(&rig.loop), 0);
	cr_assert_eq(rig.told.written, 0);
}

Test(journal_edges, free_does_not_wait_once_all_is_written)
{
	int64_t began = clock_mono_ms();

	journal_open(rig.journal, rig.path, -1);
	rig_add("a\n");
	rig_let_go(20000);
	cr_assert_lt(clock_mono_ms() - began, 15000);
	rig_drain();
	rig_is_in_file("a\n");
	rig_new_journal();
}

Test(journal_edges, free_writes_what_waits_and_syncs_it)
{
	journal_open(rig.journal, rig.path, -1);
	rig_add("a\n");
	rig_add("b\n");
	rig_let_go(2000);
	cr_assert_eq(calls_fdatasync, 1);
	rig_is_in_file("a\nb\n");
	rig_new_journal();
}

Test(journal_edges, free_writes_every_file_that_waits)
{
	char other[12][140];

	rig.hang = true;
	for (int i = 0; i < 12; i++) {
		snprintf(other[i], sizeof other[i], "%s.%d.jsonl", rig.path, i);
		journal_open(rig.journal, other[i], -1);
		rig_add("a\n");
		journal_shut(rig.journal);
	}
	rig.hang = false;
	rig_let_go(20000);
	rig_new_journal();
	cr_assert_eq(access(other[11], F_OK), 0);
	cr_assert_eq(rig.told.states[JOURNAL_MEMORY], 0);
}

/* Three files of which one waits for ever, and one record that waits behind them. */
static void
one_life(void)
{
	char other[140];

	snprintf(other, sizeof other, "%s.two.jsonl", rig.path);
	rig.told.ticket = 0;
	journal_open(rig.journal, rig.path, -1);
	rig_add("a\n");
	UNTIL(rig.told.ticket == 1);
	rig_add("b\n");
	journal_shut(rig.journal);
	journal_open(rig.journal, other, -1);
	UNTIL(rig.told.ticket == 2 && access(other, F_OK) == 0);
	rig.hang = true;
	rig_add("c\n");
	journal_shut(rig.journal);
	journal_open(rig.journal, rig.path, -1);
	rig_add("d\n");
	rig_let_go(1);
	rig.hang = false;
	rig_drain();
	rig_new_journal(); /* one that ends behind a write */
	rig.told.ticket = 0;
	journal_open(rig.journal, rig.path, -1);
	rig_add("e\n");
	UNTIL(rig.told.ticket == 1);
	rig_let_go(1);
	rig_drain();
	rig_new_journal();
}

Test(journal_edges, what_it_took_it_gives_back)
{
	/* one thread: each keeps a few blocks for itself */
	cr_assert_eq(setenv("UV_THREADPOOL_SIZE", "1", 1), 0);
	GIVES_BACK(one_life());
}

Test(journal_edges, free_tries_a_disk_that_refuses_a_few_times)
{
	int64_t began;

	journal_open(rig.journal, rig.path, -1);
	rig_add("a\n");
	UNTIL(rig.told.ticket == 1);
	fault_set("pwrite", 0, 2, EIO);
	rig_add("b\n");
	began = clock_mono_ms();
	rig_let_go(3000);
	cr_assert_geq(clock_mono_ms() - began, 90, "it waits between two tries");
	cr_assert_eq(fault.times, 0);
	rig_is_in_file("a\nb\n");
	while (uv_run(&rig.loop, UV_RUN_NOWAIT)) /* it lets go of its lock */
		continue;
	fault_set("pwrite", 0, 1000, EIO);
	rig_new_journal();
	journal_open(rig.journal, rig.path, -1);
	rig_add("c\n");
	began = clock_mono_ms();
	rig_let_go(30000);
	cr_assert_lt(clock_mono_ms() - began, 20000, "it does not wait for ever");
	cr_assert_eq(1000 - fault.times, 5, "%d tries", 1000 - fault.times);
	fault_none();
	rig_is_in_file("a\nb\n");
	rig_new_journal();
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

	snprintf(other, sizeof other, "%s.two.jsonl", rig.path);
	rig.hang = true;
	journal_open(rig.journal, rig.path, lock);
	rig_add("a\n");
	UNTIL(calls_open > 0);
	rig_add("b\n");
	journal_shut(rig.journal);
	journal_open(rig.journal, other, second);
	rig_add("c\n");
	rig_let_go(100);
	cr_assert_lt(clock_mono_ms() - began, 10000);
	cr_assert_geq(clock_mono_ms() - began, 95);
	written = rig.told.written;
	/* the disk is late for those who are gone as well: nobody is told */
	began = clock_mono_ms();
	UNTIL(clock_mono_ms() - began > JOURNAL_WAIT_MS + 200);
	cr_assert_eq(rig.told.states[JOURNAL_SLOW], 0);
	rig.hang = false;
	while (uv_run(&rig.loop, UV_RUN_ONCE))
		continue;
	cr_assert_eq(rig.told.written, written, "no callback comes");
	cr_assert_lt(fcntl(lock, F_GETFD), 0);
	cr_assert_lt(fcntl(second, F_GETFD), 0);
	rig_new_journal();
}
