/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * evidence.h: the lines a verdict rests on, with their numbers.
 *
 * Each begins with "host: ", "devvm: " or "pve: " (the way to the PVE host), and
 * is left out where nothing of it was measured.
 */
#ifndef ENGINE_EVIDENCE_H
#define ENGINE_EVIDENCE_H

struct verdict;
struct verdict_in;
struct vmfacts;

/* Which lines; in this order they are added. */
enum evidence_line {
	E_STATUS = 1 << 0,  /* QMP's word and how long it took, the process */
	E_THREADS = 1 << 1, /* stopped, or waiting for the host's storage */
	E_GDB = 1 << 2,	    /* where the main thread waits */
	E_DISKS = 1 << 3,   /* two samples of the counters */
	E_QUEUE = 1 << 4,   /* the virtio queue */
	E_AGENT = 1 << 5,   /* and its freeze status */
	E_CPU = 1 << 6,	    /* that the guest burns */
	E_SCREEN = 1 << 7,  /* what it shows, and where the picture is */
	E_NIC = 1 << 8,	    /* its link on the host */
	E_JOBS = 1 << 9,    /* block jobs */
	E_PAST = 1 << 10,   /* since when, by the host's own statistics */
	E_HOST = 1 << 11,   /* the host's load, memory and I/O pressure */
	E_LADDER = 1 << 12, /* how far ssh came */
	E_LOAD = 1 << 13,   /* of the guest */
	E_MEM = 1 << 14,    /* of the guest */
	E_USED = 1 << 15,   /* its fullest file system */
	E_UNITS = 1 << 16,  /* that have failed in it */
	E_DEV_LINK = 1 << 17,
	E_PVE_LINK = 1 << 18,
	HOST_SAYS = 1 << 30 /* no line: the reason is the host's own sentence */
};

/* Adds them, and whatever stands in the way of a verb (lock, staged config, probes
 * that hung).  host: what the host said, empty where it does not answer. */
void evidence_add(struct verdict *v, const struct verdict_in *in,
    const struct vmfacts *host, unsigned lines);

#endif
