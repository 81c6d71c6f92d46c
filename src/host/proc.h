/* SPDX-License-Identifier: GPL-3.0-or-later */
/* proc.h: small reads from /proc.  All may hang on a sick process: call from a probe. */
#ifndef HOST_PROC_H
#define HOST_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* "/proc"; tests put a directory of their own here. */
extern const char *proc_root;

/* A whole small file, NUL-terminated, at most size - 1 bytes; -1 unreadable. */
ssize_t proc_slurp(const char *path, char *buf, size_t size);

/*
 * State letter, CPU ticks used (ticks may be NULL) and start, in clock ticks
 * after boot, of a stat file.  0 or -1.
 */
int proc_stat(
    const char *path, char *state, unsigned long long *ticks, unsigned long long *start);

/* Start of a process that lives; -1 when there is none, or only its zombie. */
long long proc_start(long long pid);

/* May this process be taken at its word: is it root's, or ours? */
bool proc_is_trusted(pid_t pid);

/* Calls fn for each process; it returns non-zero to end the walk. */
void proc_each(int (*fn)(void *arg, pid_t pid), void *arg);

#endif
