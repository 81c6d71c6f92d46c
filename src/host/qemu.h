/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * qemu.h: which process is VM 102's QEMU, and what its threads do.
 *
 * A pidfile is a claim.  A process is ours when its program is kvm or qemu-*,
 * its "-pidfile" argument is this pidfile and its "-id", when it has one, is
 * 102: Proxmox's own test and a bit more.  Pid and start time together name it
 * from then on, so a reused pid is never taken for it.
 *
 * A leader in state Z with a thread in D still holds the disk: only when no
 * thread but zombies remains is it gone.
 */
#ifndef HOST_QEMU_H
#define HOST_QEMU_H

#include <stdbool.h>
#include <sys/types.h>

struct site;

enum qemu_found {
	QEMU_NONE,     /* no pidfile, or its process is not there */
	QEMU_FOREIGN,  /* the pid belongs to something else */
	QEMU_UNPROVEN, /* there is a process, but it could not be looked at */
	QEMU_OURS,
};

struct qemu {
	enum qemu_found found;
	pid_t pid;
	unsigned long long start; /* clock ticks after boot */
	char leader;		  /* state letter of the main thread */
	int threads;		  /* not zombies */
	int stopped;		  /* in T */
	int disk_wait;		  /* in D */
	char d_thread[32];	  /* name of the first thread in D */
};

/*
 * Looks now, in a child of at most 1 s.  Where that child cannot be had or does
 * not get there, a pidfile whose process lives is still QEMU_UNPROVEN, not none.
 */
void qemu_find(const struct site *s, struct qemu *q);

/*
 * Counts the threads' states of exactly this process into now, whose other
 * members are those of nobody.  false: it is gone.
 */
bool qemu_states(pid_t pid, unsigned long long start, struct qemu *now);

/* Threads of exactly this process that are not zombies; 0 when it is gone. */
int qemu_threads(pid_t pid, unsigned long long start);

/*
 * Ends exactly this process: SIGTERM, term_ms, SIGKILL, gone_ms, by pidfd, the
 * identity looked at again in between.  One that dies and has no thread in D is
 * waited for six times as long.  0 gone; -1 not, the reason in why.
 */
int qemu_end(const struct site *s, const struct qemu *q, bool skip_term, char *why,
    size_t why_size);

/* Waits until no living thread remains. 0, or -1 after limit_ms. */
int qemu_wait_gone(pid_t pid, unsigned long long start, int limit_ms);

/* Voluntary and other switches of the main thread so far; -1 unknown. */
long long qemu_switches(pid_t pid);

/*
 * Nanoseconds that threads with guest code (named "CPU n/...") ran or wanted to
 * run: what they waited for a core counts too, because on a busy host a guest
 * that spins gets little of it.  -1 unknown.
 */
long long qemu_vcpu_ns(pid_t pid);

#endif
