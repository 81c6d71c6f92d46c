/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file behind the journal, call by call: each way in which each one can end. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "disk_fault.h"
#include "engine/record/journal_disk.h"
#include "heap.h"
#include "scratch.h"

static char path[128];
static struct journal_disk disk;
static struct err err;
static int fds;

static void
begin(void)
{
	fds = open_fds();
	snprintf(path, sizeof path, "%s/incidents", scratch());
	cr_assert_eq(mkdir(path, 0700), 0);
	strcat(path, "/x.jsonl");
	fault.path = "x.jsonl";
	journal_disk_init(&disk);
	journal_disk_use(&disk, path, -1);
}

static void
end(void)
{
	fault_none();
	journal_disk_close(&disk);
	AT_END(open_fds() == fds, "a descriptor is left open, or one too many is closed");
}

TestSuite(disk, .init = begin, .fini = end, .timeout = 30);

static void
put_file(const char *data, size_t len)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(data, 1, len, f), len);
	fclose(f);
}

static void
more(const char *data)
{
	FILE *f = fopen(path, "a");

	cr_assert_not_null(f);
	cr_assert_geq(fputs(data, f), 0);
	fclose(f);
}

static void
is_in_file(const char *want)
{
	struct err e;
	size_t len;
	char *text = fd_read_file(path, 8 * 1024 * 1024, &len, &e);

	cr_assert_not_null(text, "%s", e.words);
	cr_assert_eq(
	    len, strlen(want), "%zu bytes instead of %zu: %s", len, strlen(want), text);
	cr_assert_str_eq(text, want);
	free(text);
}

static int
put(const char *data, bool *sync)
{
	err.words[0] = '\0';
	return journal_disk_write(&disk, data, strlen(data), sync, &err);
}

/* Written; returns whether it was synced. */
static bool
wrote(const char *data, bool sync)
{
	cr_assert_eq(put(data, &sync), 0, "%s", err.words);
	return sync;
}

static void
fails(const char *data, bool sync, const char *words)
{
	cr_assert_eq(put(data, &sync), -1);
	cr_assert(strstr(err.words, words), "%s", err.words);
	cr_assert(disk.failed);
	cr_assert_eq(disk.fd, -1);
}

Test(disk, without_a_file_nothing_can_be_written)
{
	bool sync = false;

	journal_disk_close(&disk);
	cr_assert_eq(put("a\n", &sync), -1);
	cr_assert_str_eq(err.words, "write: no file");
	cr_assert_eq(err.code, ERR_SYSTEM);
}

Test(disk, a_write_is_synced_when_asked_and_the_folder_once)
{
	struct stat st;

	cr_assert_not(wrote("a\n", false));
	cr_assert_eq(calls_fdatasync, 0);
	cr_assert_eq(disk.unsynced.len, 2);
	cr_assert_eq(disk.base, 0);
	cr_assert(disk.made);
	cr_assert(wrote("b\n", true));
	cr_assert_eq(calls_fdatasync, 1);
	cr_assert_eq(calls_fsync, 1, "the folder, since the file is new");
	cr_assert_eq(disk.base, 4);
	cr_assert_eq(disk.unsynced.len, 0);
	cr_assert_not(disk.made);
	cr_assert(wrote("c\n", true));
	cr_assert_eq(calls_fdatasync, 2);
	cr_assert_eq(calls_fsync, 1);
	cr_assert_eq(disk.base, 6);
	cr_assert_eq(disk.rewritten, 0);
	is_in_file("a\nb\nc\n");
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
}

Test(disk, a_torn_end_is_cut_and_what_is_whole_stays)
{
	put_file("one\ntwo\ntorn", 12);
	cr_assert(wrote("three\n", true));
	is_in_file("one\ntwo\nthree\n");
	cr_assert_eq(calls_fsync, 0, "its name was there");
	cr_assert_eq(disk.base, 14);
}

Test(disk, the_last_lf_is_found_however_far_back_it_is)
{
	static const size_t torn[] = {0, 1, 4094, 4095, 4096, 4097, 8191, 8192, 20000};

	for (size_t i = 0; i < ARRAY_LEN(torn); i++) {
		size_t len = torn[i] + 2;
		char *data = mem_alloc(len);
		int fd;

		memset(data, 'x', len);
		data[1] = '\n';
		put_file(data, len);
		fd = open(path, O_RDONLY);
		cr_expect_eq(journal_disk_whole(fd, (off_t)len), 2, "%zu torn", torn[i]);
		cr_expect_eq(journal_disk_whole(fd, 2), 2);
		cr_expect_eq(journal_disk_whole(fd, 1), 0);
		cr_expect_eq(journal_disk_whole(fd, 0), 0);
		close(fd);
		free(data);
	}
}

Test(disk, a_file_of_one_lf_is_whole)
{
	int fd;

	put_file("\n", 1);
	fd = open(path, O_RDONLY);
	cr_assert_eq(journal_disk_whole(fd, 1), 1);
	close(fd);
}

Test(disk, a_disk_that_refuses_does_not_give_the_lock_to_another)
{
	int other;

	wrote("a\n", false);
	other = open(path, O_RDWR);
	fault_set("pwrite", 0, 1, EIO);
	fails("b\n", false, "write ");
	cr_assert_eq(journal_disk_lock(other), -1);
	wrote("b\n", false);
	cr_assert_eq(journal_disk_lock(other), -1);
	close(other);
}

Test(disk, a_file_that_ends_before_its_end_is_an_error)
{
	int fd;

	put_file("0123456789", 10);
	fd = open(path, O_RDONLY);
	errno = 0;
	cr_assert_eq(journal_disk_whole(fd, 5000), -1);
	cr_assert_eq(errno, EIO);
	fault_set("pread", 0, 1, EISDIR);
	cr_assert_eq(journal_disk_whole(fd, 10), -1);
	cr_assert_eq(errno, EISDIR);
	close(fd);
}

Test(disk, a_read_goes_on_until_it_has_all_or_the_file_ends)
{
	char data[16] = "";
	int fd;

	put_file("0123456789", 10);
	fd = open(path, O_RDONLY);
	fault_set("pread", 0, 2, FAULT_SHORT);
	cr_assert_eq(journal_disk_read(fd, data, 7, 2), 7);
	cr_assert_str_eq(data, "2345678");
	memset(data, 0, sizeof data);
	cr_assert_eq(journal_disk_read(fd, data, 15, 4), 6);
	cr_assert_str_eq(data, "456789");
	cr_assert_eq(journal_disk_read(fd, data, 0, 4), 0);
	fault_set("pread", 0, 1, EINTR);
	cr_assert_eq(journal_disk_read(fd, data, 3, 0), 3);
	fault_set("pread", 1, 1, EIO);
	cr_assert_eq(journal_disk_read(fd, data, 15, 0), -1);
	close(fd);
}

Test(disk, one_writer_holds_the_lock)
{
	int other;

	put_file("a\n", 2);
	other = open(path, O_RDWR);
	cr_assert_eq(journal_disk_lock(other), 0);
	fails("b\n", false, "another engine writes");
	cr_assert_eq(err.code, ERR_BUSY);
	is_in_file("a\n");
	close(other);
	cr_assert(wrote("b\n", false), "what failed once is synced");
	is_in_file("a\nb\n");
	other = open(path, O_RDWR);
	cr_assert_eq(journal_disk_lock(other), -1);
	journal_disk_close(&disk);
	cr_assert_eq(journal_disk_lock(other), 0, "it is let go");
	close(other);
}

Test(disk, a_lock_that_the_file_system_does_not_know_is_done_without)
{
	fault_set("flock", 0, 1, ENOLCK);
	wrote("a\n", false);
	cr_assert_eq(disk.lock, disk.fd);
	journal_disk_close(&disk);
	journal_disk_use(&disk, path, -1);
	fault_set("flock", 0, 1, EINTR);
	wrote("b\n", false);
	is_in_file("a\nb\n");
}

Test(disk, a_lock_that_came_with_the_file_is_kept)
{
	int held;

	put_file("a\n", 2);
	held = open(path, O_RDWR);
	cr_assert_eq(journal_disk_lock(held), 0);
	calls_flock = 0;
	journal_disk_use(&disk, path, held);
	wrote("b\n", false);
	wrote("c\n", false);
	cr_assert_eq(calls_flock, 0);
	cr_assert_eq(disk.lock, held);
	cr_assert_neq(disk.fd, held);
	journal_disk_close(&disk);
	cr_assert_lt(fcntl(held, F_GETFD), 0, "it is closed with the file");
}

Test(disk, the_lock_of_another_file_is_given_up_for_this_one)
{
	int held = open(scratch_dir, O_RDONLY | O_DIRECTORY);

	journal_disk_use(&disk, path, held);
	wrote("a\n", false);
	cr_assert_eq(disk.lock, disk.fd);
	cr_assert_lt(fcntl(held, F_GETFD), 0);
}

/* A lock that came with the file, but is none of this file or cannot be looked at. */
static void
lock_is_taken_anew(int error)
{
	int held;

	put_file("a\n", 2);
	held = open(path, O_RDWR);
	journal_disk_use(&disk, path, held);
	if (error) {
		fault_set("fstat", 0, 1, error);
		fault.fd = held;
	} else {
		fault.elsewhere = held;
	}
	wrote("b\n", false);
	cr_assert_eq(disk.lock, disk.fd);
	cr_assert_eq(calls_flock, 1);
	cr_assert_lt(fcntl(held, F_GETFD), 0);
	is_in_file("a\nb\n");
}

Test(disk, the_same_number_on_another_disk_is_another_file)
{
	lock_is_taken_anew(0);
}

Test(disk, a_lock_that_cannot_be_looked_at_is_taken_anew)
{
	lock_is_taken_anew(EIO);
}

Test(disk, a_removed_file_is_made_again_with_all_that_was_not_synced)
{
	wrote("a\n", false);
	wrote("b\n", false);
	cr_assert_eq(unlink(path), 0);
	fails("c\n", false, "the file was removed");
	cr_assert_eq(err.code, ERR_SYSTEM);
	cr_assert(wrote("c\n", false));
	cr_assert_eq(disk.rewritten, 4);
	cr_assert_eq(disk.base, 6);
	cr_assert_not(disk.failed);
	is_in_file("a\nb\nc\n");
	wrote("d\n", false);
	cr_assert_eq(disk.rewritten, 0);
	is_in_file("a\nb\nc\nd\n");
}

Test(disk, what_somebody_else_wrote_is_cut_at_a_whole_line)
{
	wrote("a\n", true);
	wrote("b\n", false);
	more("mine\nand a torn");
	wrote("c\n", false);
	is_in_file("a\nb\nmine\nc\n");
	cr_assert_eq(disk.base, 9);
	cr_assert_eq(disk.unsynced.len, 2);
}

Test(disk, what_somebody_cut_off_is_written_again)
{
	wrote("aaaa\n", true);
	wrote("b\n", false);
	cr_assert_eq(truncate(path, 2), 0);
	cr_assert(wrote("c\n", false));
	cr_assert_eq(disk.rewritten, 2);
	is_in_file("b\nc\n");
}

Test(disk, a_new_file_that_was_changed_is_still_a_new_name)
{
	wrote("a\n", false);
	more("b\n");
	wrote("c\n", false);
	cr_assert(disk.made);
	cr_assert(wrote("d\n", true));
	cr_assert_eq(calls_fsync, 1);
	is_in_file("a\nb\nc\nd\n");
}

Test(disk, a_write_that_fails_is_cut_back_and_made_again)
{
	wrote("a\n", true);
	wrote("b\n", false);
	fault_set("pwrite", 0, 1, ENOSPC);
	fails("cccccc\n", false, "No space left on device");
	cr_assert(
	    strstr(err.words, "write ") && strstr(err.words, path), "%s", err.words);
	is_in_file("a\nb\n");
	cr_assert(wrote("cccccc\n", false));
	cr_assert_eq(disk.rewritten, 2);
	is_in_file("a\nb\ncccccc\n");
	cr_assert_eq(disk.base, 11);
}

Test(disk, a_write_of_nothing_is_an_error_too)
{
	wrote("a\n", false);
	fault_set("pwrite", 0, 1, FAULT_NOTHING);
	fails("b\n", false, strerror(EIO));
	fault_set("pwrite", 0, 2, FAULT_SHORT);
	wrote("bbbbbbbb\n", false);
	is_in_file("a\nbbbbbbbb\n");
	fault_set("pwrite", 0, 2, EINTR);
	wrote("c\n", false);
	is_in_file("a\nbbbbbbbb\nc\n");
}

Test(disk, what_was_written_before_can_fail_again)
{
	wrote("a\n", false);
	fault_set("pwrite", 0, 1, EIO);
	fails("b\n", false, "write ");
	fault_set("pwrite", 0, 1, EIO); /* now it is a's turn */
	fails("b\n", false, "write ");
	fault_set("pwrite", 1, 1, EIO); /* a is well, b is not */
	fails("b\n", false, "write ");
	wrote("b\n", false);
	is_in_file("a\nb\n");
}

Test(disk, a_torn_end_that_could_not_be_cut_is_cut_with_the_next_write)
{
	wrote("a\n", true);
	fault_set("pwrite", 0, 1, ENOSPC);
	fails("b\n", false, "write ");
	more("a torn end that is longer than what comes");
	wrote("b\n", false);
	is_in_file("a\nb\n");
	fault_set("pwrite", 0, 1, EIO);
	fails("c\n", false, "write ");
	more("another torn end");
	fault_set("ftruncate", 0, 1, EIO);
	fails("c\n", false, "cut ");
	fault_set("ftruncate", 0, 1, EINTR);
	more("and another");
	wrote("c\n", false);
	is_in_file("a\nb\nc\n");
}

Test(disk, what_cannot_be_cut_back_is_left_for_later)
{
	wrote("a\n", true);
	fault_set("pwrite", 0, 1, ENOSPC);
	fails("bbbb\n", false, "write ");
	is_in_file("a\n");
	cr_assert_eq(calls_ftruncate, 2, "at first, and now");
	fault_set("pwrite", 0, 1, EIO); /* nothing was written: nothing to cut */
	fails("bbbb\n", false, "write ");
	cr_assert_eq(calls_ftruncate, 2);
	wrote("bbbb\n", false);
	is_in_file("a\nbbbb\n");
}

/* The write fails, and then the end cannot be cut: it is with the next write. */
static void
torn_end_stays(const char *call, int after, int times, int error)
{
	wrote("a\n", true);
	more("torn");
	fault_set(call, after, times, error);
	{
		bool sync = false;

		cr_assert_eq(put("b\n", &sync), -1);
	}
	is_in_file("a\ntorn");
	cr_assert(wrote("b\n", false));
	is_in_file("a\nb\n");
}

Test(disk, the_cut_back_may_fail_as_well)
{
	torn_end_stays("ftruncate", 0, 2, EIO);
}

Test(disk, the_look_before_the_cut_back_may_fail_as_well)
{
	torn_end_stays("fstat", 0, 2, EIO);
}

Test(disk, the_cut_back_is_made_again_when_it_was_interrupted)
{
	struct stat st;
	int other;

	wrote("a\n", true);
	other = open(path, O_RDWR);
	more("torn");
	cr_assert_eq(unlink(path), 0);
	fault_set("ftruncate", 0, 1, EINTR);
	fails("b\n", false, "the file was removed");
	cr_assert_eq(fstat(other, &st), 0);
	cr_assert_eq(st.st_size, 2);
	close(other);
}

Test(disk, a_write_that_never_began_cuts_nothing)
{
	put_file("a\ntorn", 6);
	fault_set("fstat", 0, 1, EIO);
	fails("b\n", false, "look at ");
	is_in_file("a\ntorn");
	cr_assert_eq(calls_ftruncate, 0);
}

Test(disk, the_first_look_can_fail_at_each_call)
{
	put_file("a\ntorn", 6);
	fault_set("open", 0, 1, EACCES);
	fault.path = "x.jsonl";
	fails("b\n", false, "open ");
	fault_set("open", 0, 1, EINTR);
	fault_set("pread", 0, 1, EIO);
	fails("b\n", false, "read ");
	fault_set("ftruncate", 0, 1, EIO);
	fails("b\n", false, "cut ");
	fault_set("ftruncate", 0, 1, EINTR);
	wrote("b\n", false);
	is_in_file("a\nb\n");
	journal_disk_close(&disk);
	journal_disk_use(&disk, path, -1);
	fault_set("open", 0, 1, EINTR);
	wrote("c\n", false);
	is_in_file("a\nb\nc\n");
}

Test(disk, a_file_that_cannot_be_looked_at_is_told)
{
	wrote("a\n", true);
	fault_set("fstat", 0, 1, EIO);
	fails("b\n", false, "look at ");
	wrote("b\n", true);
	fault_set("fstat", 0, 1, EINTR);
	wrote("c\n", true);
	is_in_file("a\nb\nc\n");
}

Test(disk, a_sync_that_fails_writes_everything_again)
{
	wrote("a\n", true);
	wrote("b\n", false);
	fault_set("fdatasync", 0, 1, EIO);
	fails("c\n", true, "sync ");
	cr_assert(wrote("c\n", false));
	cr_assert_eq(disk.rewritten, 2);
	is_in_file("a\nb\nc\n");
	fault_set("fdatasync", 0, 1, EINTR);
	calls_fdatasync = 0;
	cr_assert(wrote("d\n", true));
	cr_assert_eq(calls_fdatasync, 2);
}

Test(disk, the_folder_of_a_new_file_is_synced_where_it_can_be)
{
	static const int fine[] = {EINVAL, ENOSYS, EINTR};

	for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
		fault_set("fsync", 0, 1, fine[i]);
		cr_assert(wrote("a\n", true));
		cr_assert_not(disk.made);
		journal_disk_close(&disk);
		unlink(path);
		journal_disk_use(&disk, path, -1);
	}
	fault_set("fsync", 0, 1, EIO);
	fails("a\n", true, "sync the folder of ");
	cr_assert(disk.made);
	fault_set("open", 1, 1, EACCES);
	fault.path = "incidents";
	fails("a\n", true, "sync the folder of ");
	fault_set("open", 1, 1, EINTR);
	cr_assert(wrote("a\n", true));
	is_in_file("a\n");
}

Test(disk, the_folders_must_be_ours)
{
	char dir[128];

	snprintf(dir, sizeof dir, "%s/incidents", scratch_dir);
	cr_assert_eq(chmod(scratch_dir, 0777), 0);
	fails("a\n", false, "");
	cr_assert_eq(chmod(scratch_dir, 0700), 0);
	cr_assert_eq(rmdir(dir), 0);
	cr_assert_eq(symlink("/tmp", dir), 0);
	fails("a\n", false, "");
	cr_assert_eq(unlink(dir), 0);
	cr_assert(wrote("a\n", false));
	is_in_file("a\n");
	cr_assert_eq(unlink(path), 0);
	journal_disk_close(&disk);
	journal_disk_use(&disk, path, -1);
	cr_assert_eq(symlink("/tmp/elsewhere", path), 0);
	fails("a\n", false, "open ");
}

Test(disk, much_that_was_not_synced_is_synced_unasked)
{
	size_t len = JOURNAL_UNSYNCED_MAX - 1;
	char *data = mem_alloc(len + 1);
	bool sync = false;

	memset(data, 'x', len);
	data[len - 1] = '\n';
	cr_assert_eq(journal_disk_write(&disk, data, len, &sync, &err), 0);
	cr_assert_not(sync);
	cr_assert_not(wrote("\n", false), "just so much");
	cr_assert_eq(disk.unsynced.len, JOURNAL_UNSYNCED_MAX);
	cr_assert(wrote("\n", false));
	cr_assert_eq(disk.base, JOURNAL_UNSYNCED_MAX + 1);
	free(data);
}

static void
one_life(void)
{
	journal_disk_use(&disk, path, -1);
	wrote("a\n", false);
	fault_set("pwrite", 0, 1, EIO);
	fails("b\n", false, "write ");
	wrote("b\n", true);
	wrote("c\n", false);
	journal_disk_use(&disk, path, -1);
	journal_disk_close(&disk);
	cr_assert_eq(unlink(path), 0);
}

Test(disk, what_it_took_it_gives_back)
{
	GIVES_BACK(one_life());
}
