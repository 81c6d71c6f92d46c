/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * site.h: where things are on this host.
 *
 * The defaults are a Proxmox host's.  A file of "key = value" lines, named by
 * --site in authorized_keys' forced command (never by the client), replaces
 * them for a lab.  An unknown key or a bad value is an error: a lab that is
 * half configured must not touch the real VM.
 */
#ifndef HOST_SITE_H
#define HOST_SITE_H

#include <stddef.h>

#define SITE_PATH_MAX 256

enum site_systemd { SITE_SYSTEMD_AUTO, SITE_SYSTEMD_YES, SITE_SYSTEMD_NO };

struct site {
	char qm[SITE_PATH_MAX];
	char lvs[SITE_PATH_MAX]; /* these three are left out where they are not */
	char pvesh[SITE_PATH_MAX];
	char gdb[SITE_PATH_MAX];
	char run_dir[SITE_PATH_MAX];   /* run files, lock, last result */
	char spare_dir[SITE_PATH_MAX]; /* used when run_dir cannot be written */
	char lock[SITE_PATH_MAX]; /* default: /run/breakglass.lock, or run_dir/lock */
	char log[SITE_PATH_MAX];
	char syslog[SITE_PATH_MAX]; /* datagram socket; empty: none */
	char pidfile[SITE_PATH_MAX];
	char qmp[SITE_PATH_MAX];
	char qga[SITE_PATH_MAX];
	char pve_conf[SITE_PATH_MAX];
	char pve_local[SITE_PATH_MAX]; /* empty: no quorum to look at */
	char pve_ha[SITE_PATH_MAX];
	char pve_tasks[SITE_PATH_MAX];
	char pve_flock[SITE_PATH_MAX];	 /* Proxmox's own lock file of the VM */
	char pve_nodes[SITE_PATH_MAX];	 /* whose config is where */
	char pve_storage[SITE_PATH_MAX]; /* which storage is which pool */
	char systemd_run_path[SITE_PATH_MAX];
	enum site_systemd systemd_run;
	/* budgets, ms */
	int status_ms;	  /* whole of status */
	int forensics_ms; /* whole of forensics */
	int greeting_ms;  /* QMP silence that counts as a dead main loop */
	int gap_ms;	  /* between the two samples of the counters */
	int stop_ms;	  /* qm stop, before the process is ended by us */
	int term_ms;	  /* SIGTERM to SIGKILL */
	int gone_ms;	  /* SIGKILL to the last thread's end */
	int start_ms;	  /* qm start */
	int reset_ms;	  /* qm reset, qm resume */
	int verify_ms;	  /* the new QEMU must say running */
	int progress_ms;  /* and its guest must have read from a disk */
	int ha_ms;	  /* what the HA manager is given for a start or stop */
	int follow_ms;	  /* how long a front watches a worker */
};

void site_defaults(struct site *s);

/*
 * Reads the file at path over what s has.  0, or -1 with one line in why;
 * s is then not to be used.
 */
int site_read(struct site *s, const char *path, char *why, size_t why_size);

#endif
