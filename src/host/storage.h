/* SPDX-License-Identifier: GPL-3.0-or-later */
/* storage.h: Proxmox's storage.cfg, as far as a preflight needs it; pure. */
#ifndef HOST_STORAGE_H
#define HOST_STORAGE_H

#include <stdbool.h>
#include <stddef.h>

#define STORAGE_PATH_MAX 160 /* bytes; a longer path is cut, and then not found */

/* What a section says; an empty text where it does not. */
struct storage {
	char type[16]; /* "dir", "lvmthin", "nfs" ... */
	char path[STORAGE_PATH_MAX];
	char vgname[40], thinpool[40];
	bool own_dirs; /* "content-dirs": its files lie elsewhere */
};

/* The section "TYPE: ID"; false when there is none. */
bool storage_find(const char *cfg, const char *id, struct storage *st);

#endif
