/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pci.h: which display and which network card the guest has, from query-pci.
 *
 * query-pci only reads what the devices have been given; it neither waits nor
 * touches the guest.
 */
#ifndef HOST_PCI_H
#define HOST_PCI_H

#include <stdbool.h>

#include "host/jwalk.h"

#define PCI_DEVICES_MAX 48
#define PCI_REGIONS_MAX 8

struct pci_device {
	char prefix[128]; /* of its members' paths in the reply */
	char id[32];	  /* QEMU's name for it: "net0", "vga" */
	unsigned vendor, device, class;
	struct {
		int bar;
		unsigned long long at; /* 0: not mapped */
	} region[PCI_REGIONS_MAX];
};

struct pci {
	struct pci_device dev[PCI_DEVICES_MAX];
	int n;
};

/* A jwalk_fn for query-pci's reply; arg is a zeroed struct pci. */
void pci_on_value(
    void *arg, const char *path, const char *value, size_t len, bool is_string);

/* The first display; NULL: none, so it has no picture. */
const struct pci_device *pci_display(const struct pci *p);

/*
 * QXL draws in a thread of spice's and a picture of it is waited for in the
 * middle of QMP: it is the one display that is not asked.
 */
bool pci_may_draw(const struct pci_device *d);

/*
 * Where the first virtio network card (net0 before others) shows its state to
 * the guest: 6 bytes of address, then a word whose bit 0 is the link.  0: there
 * is none, or the guest has not mapped it.
 */
unsigned long long pci_net_config_at(const struct pci *p);

#endif
