/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * space.h: is there room where VM 102's disks live.
 *
 * A thin pool or file system without room lets a start succeed and stops the
 * guest at its first write, so a cycle would lose what a resume can save.  The
 * VM's config names storages, storage.cfg says what they are; lvs is asked for
 * thin pools, statvfs for directories.  Other kinds are not measured.
 */
#ifndef HOST_SPACE_H
#define HOST_SPACE_H

#include <stdbool.h>
#include <stddef.h>

struct site;

#define SPACE_POOLS_MAX 8

struct space_pool {
	char name[80]; /* "vg/pool", or a directory that begins with a slash */
	int pct;       /* used, 0 to 100; -1 not known */
};

struct space {
	struct space_pool pool[SPACE_POOLS_MAX];
	int n;
	bool full;	/* one of them has no room at all */
	char worst[80]; /* the fullest, when any is known */
	int pct;	/* of that one; -1 unknown */
};

/* At most 2 s, whatever hangs. */
void space_look(const struct site *s, struct space *sp);

/* Which pools the disks of this config use; pure. */
void space_pools(const char *config, const char *storage_cfg, struct space *sp);

/* "scsi0", "ide2", "efidisk0", ...: a key of the config that names a volume; pure. */
bool space_is_disk_key(const char *key, size_t len);

/* Reads "vg,lv,data,metadata" lines of lvs into the pools; pure. */
void space_lvs(const char *text, struct space *sp);

#endif
