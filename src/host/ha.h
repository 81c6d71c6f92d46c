/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ha.h: does Proxmox's HA manager own VM 102, by /etc/pve/ha/resources.cfg. */
#ifndef HOST_HA_H
#define HOST_HA_H

#include <stdbool.h>

/*
 * True when the file's text has "vm: 102" and its state is not "ignored": then
 * qm start and qm stop only ask the manager and return at once.
 */
bool ha_manages(const char *text);

#endif
