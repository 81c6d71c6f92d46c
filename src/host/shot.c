/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/pci.h"
#include "host/qmp.h"
#include "host/shot.h"

#define CALL_MS 2000 /* a picture of 4096x2160 takes QEMU about half a second */
#define PPM_TRIES 2  /* a screen may scroll between the picture and the text */
#define NET_CONFIG_BYTES 8

/* Memory that QEMU may write to, and its name for it. */
struct pad {
	int fd;	     /* ours */
	int set;     /* QEMU's fdset */
	int qemu_fd; /* its number in QEMU */
};

static void
on_pad(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct pad *p = arg;

	/* the value ends where the number does */
	if (strcmp(path, "return.fdset-id") == 0)
		p->set = atoi(value);
	if (strcmp(path, "return.fd") == 0)
		p->qemu_fd = atoi(value);
}

static int
pad_give(struct qmp *q, struct pad *p)
{
	p->set = p->qemu_fd = -1;
	p->fd = memfd_create("breakglass", MFD_CLOEXEC);
	if (p->fd < 0)
		return 1;
	return qmp_call_fd(q, "{\"execute\":\"add-fd\"}", p->fd, CALL_MS, on_pad, p);
}

/*
 * Proxmox's QEMU has a second monitor, always connected, so what it was given does
 * not go with ours: the memory at least is given back.
 */
static void
pad_drop(struct pad *p)
{
	if (p->fd < 0)
		return;
	if (ftruncate(p->fd, 0) < 0) {
		/* then it keeps what it wrote, a picture at most */
	}
	close(p->fd);
	p->fd = -1;
}

static void
pad_take_back(struct qmp *q, struct pad *p)
{
	char command[96];

	if (p->set >= 0) {
		snprintf(command, sizeof(command),
		    "{\"execute\":\"remove-fd\",\"arguments\":{\"fdset-id\":%d}}",
		    p->set);
		(void)qmp_call(q, command, CALL_MS, NULL, NULL);
	}
	pad_drop(p);
}

/* What QEMU wrote, at most size bytes; -1: more than that, or nothing. */
static ssize_t
pad_read(const struct pad *p, void *buf, size_t size)
{
	struct stat st;

	if (fstat(p->fd, &st) < 0 || st.st_size <= 0 || (size_t)st.st_size > size)
		return -1;
	return pread(p->fd, buf, (size_t)st.st_size, 0);
}

static int
draw(struct qmp *q, const struct pad *p, const char *format)
{
	char command[160];

	snprintf(command, sizeof(command),
	    "{\"execute\":\"screendump\",\"arguments\":{\"filename\":\"/proc/self/fd/%d\","
	    "\"format\":\"%s\"}}",
	    p->qemu_fd, format);
	return qmp_call(q, command, CALL_MS, NULL, NULL);
}

static int
read_memory(struct qmp *q, const struct pad *p, unsigned long long at, int bytes)
{
	char command[160];

	snprintf(command, sizeof(command),
	    "{\"execute\":\"pmemsave\",\"arguments\":{\"val\":%llu,\"size\":%d,"
	    "\"filename\":\"/proc/self/fd/%d\"}}",
	    at, bytes, p->qemu_fd);
	return qmp_call(q, command, CALL_MS, NULL, NULL);
}

/*
 * Only the bytes of the device's own configuration: the interrupt status beside
 * it is cleared by reading.
 */
static int
look_at_link(struct qmp *q, const struct pad *p, const struct pci *pci, struct shot *s)
{
	static const unsigned char nobody[6],
	    everybody[6] = {255, 255, 255, 255, 255, 255};
	unsigned long long at = pci_net_config_at(pci);
	unsigned char config[NET_CONFIG_BYTES];
	int rc;

	if (at == 0)
		return 0;
	rc = read_memory(q, p, at, NET_CONFIG_BYTES);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (pad_read(p, config, sizeof(config)) != NET_CONFIG_BYTES ||
	    memcmp(config, nobody, 6) == 0 || memcmp(config, everybody, 6) == 0)
		return 0;
	s->link = config[6] & 1 ? LINK_UP : LINK_DOWN;
	return 0;
}

/* 0 text; 1 something else; -1 no answer. */
static int
read_text(struct qmp *q, const struct pad *p, struct shot *s)
{
	static unsigned char vga[SCREEN_VGA_BYTES];
	unsigned char *ppm = malloc(SCREEN_PPM_MAX);
	int rc = 1;

	for (int i = 0; i < PPM_TRIES && rc == 1 && ppm != NULL; i++) {
		ssize_t n;

		rc = read_memory(q, p, SCREEN_VGA_AT, SCREEN_VGA_BYTES);
		if (rc != 0 || pad_read(p, vga, sizeof(vga)) != SCREEN_VGA_BYTES)
			break;
		rc = draw(q, p, "ppm");
		if (rc != 0)
			break;
		n = pad_read(p, ppm, SCREEN_PPM_MAX);
		rc = n > 0 && screen_read(vga, ppm, (size_t)n, &s->text) == 0 ? 0 : 1;
	}
	free(ppm);
	return rc;
}

/* The head of a PPM, for a QEMU that was built without PNG. */
static int
size_by_ppm(struct qmp *q, const struct pad *p, struct shot *s)
{
	char head[32] = "";
	int rc = draw(q, p, "ppm");

	snprintf(s->note, sizeof(s->note), "QEMU makes no PNG here");
	if (rc != 0)
		return rc;
	return pread(p->fd, head, sizeof(head) - 1, 0) > 0 &&
		sscanf(head, "P6 %5d %5d", &s->width, &s->height) == 2
	    ? 0
	    : 1;
}

static int
take_picture(struct qmp *q, const struct pad *p, struct shot *s)
{
	unsigned char head[64];
	ssize_t n;
	int rc = draw(q, p, "png");

	if (rc < 0)
		return -1;
	if (rc > 0)
		return size_by_ppm(q, p, s);
	if (pread(p->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    screen_png_size(head, sizeof(head), &s->width, &s->height) < 0)
		return 1;
	n = pad_read(p, s->png, sizeof(s->png));
	s->png_len = n > 0 ? (size_t)n : 0;
	if (n < 0)
		snprintf(s->note, sizeof(s->note), "the picture is larger than %d KiB",
		    SCREEN_PNG_MAX / 1024);
	return 0;
}

static int
look_at_screen(struct qmp *q, const struct pad *p, const struct pci *pci, struct shot *s)
{
	const struct pci_device *d = pci_display(pci);
	int rc;

	s->kind = SHOT_NONE;
	if (d == NULL)
		return 0;
	s->kind = SHOT_NOT_TAKEN;
	if (!pci_may_draw(d)) {
		snprintf(s->note, sizeof(s->note),
		    "a spice display (QXL) is not asked: it may never answer");
		return 0;
	}
	rc = take_picture(q, p, s);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	s->kind = SHOT_GRAPHICS;
	if (!screen_may_be_text(s->width, s->height))
		return 0;
	rc = read_text(q, p, s);
	if (rc == 0)
		s->kind = SHOT_TEXT;
	return rc < 0 ? -1 : 0;
}

int
shot_take(struct qmp *q, struct shot *s)
{
	struct pci *pci = calloc(1, sizeof(*pci));
	struct pad pad = {.fd = -1};
	int rc;

	if (pci == NULL)
		return 0;
	rc = qmp_call(q, "{\"execute\":\"query-pci\"}", CALL_MS, pci_on_value, pci);
	if (rc != 0 || (rc = pad_give(q, &pad)) != 0 || pad.qemu_fd < 0) {
		snprintf(s->note, sizeof(s->note), "QEMU does not take a file from us");
		goto out;
	}
	/* the link first: what comes after it asks for more */
	rc = look_at_link(q, &pad, pci, s);
	if (rc == 0)
		rc = look_at_screen(q, &pad, pci, s);
out:
	if (rc >= 0)
		pad_take_back(q, &pad);
	else
		pad_drop(&pad);
	free(pci);
	return rc < 0 ? -1 : 0;
}

const char *
shot_kind_to_str(enum shot_kind kind)
{
	static const char *const words[] = {"", "none", "text", "graphics"};

	return words[kind];
}
