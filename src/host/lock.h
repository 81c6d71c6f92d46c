/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lock.h: one mutation at a time, one of us at the monitor at a time, and no
 * crowd of calls that only look.
 *
 * All are flock(2) locks on files of their own, so they end with their holder
 * whatever happens to it.  Who holds the first stands in the run directory's
 * "now" (run.h).
 */
#ifndef HOST_LOCK_H
#define HOST_LOCK_H

struct site;

/*
 * The mutation lock: a descriptor that holds it until closed, -1 when somebody
 * has it, -2 when it cannot be had.  Where the lock file cannot be opened (its folder
 * has gone, or is full) the directory of the runs is held instead; "": there is none.
 * Tries for 200 ms, because another call may hold it for an instant.
 */
int lock_take(const struct site *s, const char *dir);

/*
 * The monitor, for at most limit_ms of waiting: a descriptor, or -1.  Keeps a
 * forensics call and a worker from taking each other for a hung QEMU.  Where
 * no lock file can be made the monitor is taken as free.
 */
int lock_monitor(const struct site *s, int limit_ms);

/*
 * One of so many places for calls of this name, waited for at most limit_ms: a
 * descriptor that holds it until closed, -1 when all are taken, -2 as above (then
 * nobody is counted).  Each such call starts a dozen processes, Perl among them,
 * and whoever has the key may send a thousand, to a host that is ill already.
 */
int lock_place(const struct site *s, const char *name, int places, int limit_ms);

#endif
