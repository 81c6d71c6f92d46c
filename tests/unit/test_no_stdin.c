/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An engine that was begun without standard input: descriptor 0 is then the journal's, or
 * its lock's, and is one like others.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk_fault.h"
#include "engine/record/journal_disk.h"
#include "journal_rig.h"
#include "wire/journal_file.h"
#include "zero.h"

static void
begin(void)
{
	rig_begin();
	fault.elsewhere = -1; /* 0 means a descriptor here */
}

TestSuite(no_stdin, .init = begin, .fini = rig_end, .timeout = 30);

static struct journal_disk disk;
static struct err err;

static void
wrote(const char *data, bool sync)
{
	cr_assert_eq(journal_disk_write(&disk, data, strlen(data), &sync, &err), 0, "%s",
	    err.words);
}

static void
begins(int lock)
{
	journal_disk_init(&disk);
	journal_disk_use(&disk, rig.path, lock);
}

Test(no_stdin, the_file_is_0_and_its_lock)
{
	int zero = zero_free();
	bool sync = false;

	begins(-1);
	wrote("a\n", false);
	cr_assert(disk.fd == 0 && disk.lock == 0);
	wrote("b\n", true);
	cr_assert_eq(disk.fd, 0, "it stays open");
	/* half of it is there: cut at once, and the lock is held */
	fault_set("pwrite", 0, 1, ENOSPC);
	cr_assert_eq(journal_disk_write(&disk, "cccc\n", 5, &sync, &err), -1);
	rig_is_in_file("a\nb\n");
	cr_assert(disk.fd == -1 && disk.lock == 0);
	wrote("d\n", true);
	cr_assert(disk.fd > 0 && disk.lock == 0, "opened anew, by the lock's owner");
	rig_is_in_file("a\nb\nd\n");
	journal_disk_close(&disk);
	zero_back(zero);
}

Test(no_stdin, the_file_is_0_and_its_lock_another)
{
	int lock = open(rig.path, O_RDWR | O_CREAT, 0600), zero;

	cr_assert_eq(journal_disk_lock(lock), 0);
	zero = zero_free();
	begins(lock);
	wrote("a\n", true);
	cr_assert(disk.fd == 0 && disk.lock == lock);
	journal_disk_close(&disk);
	zero_back(zero);
}

Test(no_stdin, a_lock_of_0_is_let_go_when_its_file_was_replaced)
{
	int zero = zero_free();
	bool sync = false;

	begins(-1);
	wrote("a\n", true);
	cr_assert_eq(unlink(rig.path), 0);
	cr_assert_eq(journal_disk_write(&disk, "b\n", 2, &sync, &err), -1);
	cr_assert_eq(disk.lock, 0);
	wrote("b\n", true);
	cr_assert(disk.lock == disk.fd && disk.fd > 0);
	journal_disk_close(&disk);
	zero_back(zero);
}

Test(no_stdin, the_folder_is_0_while_it_is_synced)
{
	int zero;

	begins(-1);
	wrote("a\n", false);
	zero = zero_free();
	wrote("b\n", true);
	zero_back(zero);
	journal_disk_close(&disk);
}

Test(no_stdin, a_lock_of_0_is_let_go_unused)
{
	int zero = zero_free(), lock = open(rig.path, O_RDWR | O_CREAT, 0600);

	cr_assert_eq(lock, 0);
	rig.hang = true; /* the disk, with what comes before */
	journal_open(rig.journal, rig.path, -1);
	cr_assert_gt(rig_add("a\n"), 0);
	journal_open(rig.journal, rig.path, lock);
	rig_let_go(0);
	rig.hang = false;
	rig_drain();
	zero_back(zero);
}

static int reads;

static void
on_read(const char *data, size_t len, const char *why, void *arg)
{
	cr_assert_null(why, "%s", why);
	cr_assert_str_eq(data, "{\"seq\":1}\n");
	reads++;
}

Test(no_stdin, a_file_is_read_as_0)
{
	FILE *f = fopen(rig.path, "w");
	struct journal_file *j;
	const char *line;
	size_t len;
	int zero;

	fputs("{\"seq\":1}\n", f);
	fclose(f);
	journal_read(&rig.loop, rig.path, 0, 0, 0, on_read, NULL);
	UNTIL(reads == 1);
	zero = zero_free();
	journal_read(&rig.loop, rig.path, 0, 0, 0, on_read, NULL);
	UNTIL(reads == 2);
	zero_back(zero);
	zero = zero_free();
	j = journal_file_open(rig.path, &err);
	cr_assert_not_null(j, "%s", err.words);
	cr_assert_eq(journal_file_next(j, &line, &len, &err), 1);
	journal_file_close(j);
	zero_back(zero);
}
