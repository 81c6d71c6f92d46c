/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disk_fault.h: one system call of a test program goes wrong, when the test says so.
 *
 * The linker puts the functions of disk_fault.c between the program and the C library
 * (--wrap).  Of all calls those count that mean a regular file, or a path with fault.path
 * in it; they are counted in any case.
 */
#ifndef UNIT_DISK_FAULT_H
#define UNIT_DISK_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#define FAULT_SHORT (-1)   /* half of it */
#define FAULT_NOTHING (-2) /* none of it, and no error */

struct fault {
	const char *call; /* this one goes wrong, NULL: none */
	int after;	  /* so many of them are well first */
	int times;	  /* then so many are not */
	int error;	  /* an errno or FAULT_* */
	const char *path; /* of an open */
	int fd;		  /* fstat fails for this descriptor alone; 0: for any */
	int elsewhere;	  /* fstat of this one says another device */
	bool *hang;	  /* pwrite and fdatasync wait while this is true */
};

extern struct fault fault;
extern atomic_int calls_pwrite, calls_fdatasync, calls_fsync, calls_flock, calls_open,
    calls_ftruncate, calls_pread, closed_fd;

void fault_set(const char *call, int after, int times, int error);
void fault_none(void);

#endif
