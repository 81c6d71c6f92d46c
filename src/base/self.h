/* SPDX-License-Identifier: GPL-3.0-or-later */
/* self.h: what a process asks the kernel for itself; for the launcher too. */
#ifndef BASE_SELF_H
#define BASE_SELF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

#define SELF_EXE "/proc/self/exe"

/* The path of this program, with a NUL; its length, or -1. */
static inline ssize_t
self_path(char *path, size_t size)
{
	ssize_t n = readlink(SELF_EXE, path, size - 1);

	path[n > 0 ? n : 0] = '\0';
	return n > 0 ? n : -1;
}

/* No core, and nobody of our uid reads our memory or environment.  0 or -1. */
static inline int
self_hide(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static inline int
self_dumpable(void) /* 0: hidden */
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

/* What our descendants leave behind becomes our child.  0 or -1. */
static inline int
self_adopt(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* This signal when our parent ends; what ended before that must be looked for.  0 or -1.
 */
static inline int
self_end_with_parent(int sig)
{
	return prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0);
}

static inline int
self_parents_signal(void) /* that one; 0: none */
{
	int sig = 0;

	return prctl(PR_GET_PDEATHSIG, &sig) < 0 ? 0 : sig;
}

/* No program that is started gives us or our children more than we have.  0 or -1. */
static inline int
self_no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Closes from first on, up to last.  A kernel before 5.9 closes none. */
static inline int
self_close(unsigned first, unsigned last)
{
	return close_range(first, last, 0);
}

#endif
