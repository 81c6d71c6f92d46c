/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * volumes.h: are the files there that a start of VM 102 needs.
 *
 * qm start activates every volume of the config, the CD image that nobody thinks
 * of too, and dies when one is not there: after a stop that leaves the VM off.
 * Only what is certain counts: a plain file on a directory storage, or on a
 * network storage that is mounted.  What qm would mount, make or find in its own
 * way is not judged.
 */
#ifndef HOST_VOLUMES_H
#define HOST_VOLUMES_H

#include <stdbool.h>
#include <stddef.h>

struct site;

/*
 * Looks for at most 2 s, whatever hangs; staged config counts as applied.  True
 * when a start would fail or hang for want of a volume: which, and what to do, in
 * why.
 */
bool volumes_missing(const struct site *s, char *why, size_t size);

/*
 * The same for these two files of Proxmox, in place: looking at a volume may never
 * come back, and then why already names it.  For volumes_missing and tests.
 */
bool volumes_look(const char *config, const char *storage_cfg, char *why, size_t size);

#endif
