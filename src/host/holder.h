/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * holder.h: who holds the lock of VM 102's config, or Proxmox's lock file.
 *
 * Three witnesses: the kernel's list of file locks, the host's list of tasks
 * (a UPID names pid and start time, so a reused pid is seen), and processes
 * that call themselves a task or vzdump.  Nobody is taken for dead because one
 * witness is silent.
 */
#ifndef HOST_HOLDER_H
#define HOST_HOLDER_H

struct site;

enum holder_found {
	HOLDER_UNKNOWN, /* a witness could not be heard */
	HOLDER_ALIVE,
	HOLDER_DEAD,   /* the task is known, its process is gone, and nobody else lives */
	HOLDER_NOBODY, /* all were heard: no task of this host works on the VM */
};

struct holder {
	enum holder_found found;
	char text[200]; /* "task vzdump of root@pam, pid 1234, alive" */
};

/* One running or ended task out of the host's list. */
struct holder_task {
	long long pid;
	long long start; /* clock ticks after boot */
	long long at;	 /* unix seconds */
	char type[24];
	char id[16];
	char user[40];
};

/* lock is the config's word, or "" when only the lock file is meant. At most 1.5 s. */
void holder_find(const struct site *s, const char *lock, struct holder *h);

/* Reads "UPID:node:pid:start:at:type:id:user: ..."; 0, or -1: no such line. */
int holder_parse(const char *line, struct holder_task *t);

#endif
