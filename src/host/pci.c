/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/pci.h"

#define VENDOR_VIRTIO 0x1af4
#define NET_TRANSITIONAL 0x1000
#define NET_MODERN 0x1041
#define VENDOR_QXL 0x1b36
#define DEVICE_QXL 0x0100
#define CLASS_DISPLAY 0x03 /* upper byte */
#define CLASS_NET 0x0200

/* QEMU's layout of a virtio PCI device, the same in all its versions since 2.4. */
#define VIRTIO_BAR 4
#define VIRTIO_DEVICE_CONFIG 0x2000

/* The members of one device begin alike: "return.0.devices.3." or deeper. */
static struct pci_device *
device_of(struct pci *p, const char *path, const char **member)
{
	const char *at = NULL;
	size_t len;

	for (const char *s = path; (s = strstr(s, ".devices.")) != NULL; s++)
		at = s + 9;
	if (at == NULL)
		return NULL;
	at += strspn(at, "0123456789");
	if (*at != '.')
		return NULL;
	len = (size_t)(at - path);
	*member = at + 1;
	for (int i = 0; i < p->n; i++)
		if (strncmp(p->dev[i].prefix, path, len) == 0 &&
		    p->dev[i].prefix[len] == '\0')
			return &p->dev[i];
	if (p->n == PCI_DEVICES_MAX || len >= sizeof(p->dev[0].prefix))
		return NULL;
	memcpy(p->dev[p->n].prefix, path, len);
	return &p->dev[p->n++];
}

void
pci_on_value(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct pci_device *d;
	const char *member;
	char text[32];
	long long n;
	int r, at = 0;

	d = device_of(arg, path, &member);
	if (d == NULL || len >= sizeof(text))
		return;
	memcpy(text, value, len);
	text[len] = '\0';
	n = atoll(text);
	if (strcmp(member, "qdev_id") == 0)
		snprintf(d->id, sizeof(d->id), "%s", text);
	else if (strcmp(member, "id.vendor") == 0)
		d->vendor = (unsigned)n;
	else if (strcmp(member, "id.device") == 0)
		d->device = (unsigned)n;
	else if (strcmp(member, "class_info.class") == 0)
		d->class = (unsigned)n;
	else if (sscanf(member, "regions.%3d.%n", &r, &at) == 1 && at > 0 && r >= 0 &&
	    r < PCI_REGIONS_MAX) {
		if (strcmp(member + at, "bar") == 0)
			d->region[r].bar = (int)n;
		else if (strcmp(member + at, "address") == 0)
			d->region[r].at = n > 0 ? (unsigned long long)n : 0;
	}
}

const struct pci_device *
pci_display(const struct pci *p)
{
	for (int i = 0; i < p->n; i++)
		if (p->dev[i].class >> 8 == CLASS_DISPLAY)
			return &p->dev[i];
	return NULL;
}

bool
pci_may_draw(const struct pci_device *d)
{
	return d->vendor != VENDOR_QXL || d->device != DEVICE_QXL;
}

static unsigned long long
config_at(const struct pci_device *d)
{
	if (d->class != CLASS_NET || d->vendor != VENDOR_VIRTIO ||
	    (d->device != NET_TRANSITIONAL && d->device != NET_MODERN))
		return 0;
	for (int i = 0; i < PCI_REGIONS_MAX; i++)
		if (d->region[i].bar == VIRTIO_BAR && d->region[i].at != 0)
			return d->region[i].at + VIRTIO_DEVICE_CONFIG;
	return 0;
}

unsigned long long
pci_net_config_at(const struct pci *p)
{
	unsigned long long first = 0;

	for (int i = 0; i < p->n; i++) {
		unsigned long long at = config_at(&p->dev[i]);

		if (at != 0 && strcmp(p->dev[i].id, "net0") == 0)
			return at;
		if (first == 0)
			first = at;
	}
	return first;
}
