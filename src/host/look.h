/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * look.h: what the host itself shows: /proc, the kernel's log, file systems.
 *
 * Each is a probe_fn: it runs in a child, prints, and leaves its numbers in the
 * evidence that it shares with us.  arg is a struct look.
 */
#ifndef HOST_LOOK_H
#define HOST_LOOK_H

struct evidence;
struct site;

struct look {
	const struct site *site;
	struct evidence *e;
};

/* Threads: state, name, where in the kernel each stands. */
int look_process(void *arg);
/* Load, pressure, memory. */
int look_host(void *arg);
/* The kernel's last warnings and its last lines. */
int look_kernel(void *arg);
/* Proxmox's running tasks. */
int look_tasks(void *arg);
/*
 * What QEMU's disks lie on, and how full their file systems are; a line begun
 * and not finished names the one that hangs.
 */
int look_disks(void *arg);

enum look_disk { DISK_OTHER, DISK_BLOCK, DISK_FILE };

/*
 * What an open file of QEMU's is, by the name that /proc gives it: DISK_FILE
 * for anything on a file system that could hang; /dev/... is DISK_BLOCK, and it
 * is for the caller to see whether that is a disk.
 */
enum look_disk look_disk_kind(const char *target);

#endif
