/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/anchors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "wire/frame.h"

#define INCIDENTS_MAX 1024
#define ID_MAX 40

struct incident {
	char id[ID_MAX];
	struct anchor *rows;
	size_t count, size;
	bool sorted;
};

struct anchors {
	struct incident *incidents;
	size_t count;
};

struct anchors *
anchors_new(void)
{
	return mem_alloc(sizeof(struct anchors));
}

void
anchors_free(struct anchors *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->count; i++)
		free(a->incidents[i].rows);
	free(a->incidents);
	free(a);
}

/* incident=ID, "incident":"ID", incident: ID: what stands behind a name. */
static size_t
value_of(const char *line, size_t len, const char *name, const char *of, char *out,
    size_t size)
{
	const char *p = line, *end = line + len;
	size_t n = strlen(name), k = 0;

	while ((p = memmem(p, (size_t)(end - p), name, n)) != NULL) {
		const char *q = p + n;

		if (p > line && strchr(" \"\t{,'", p[-1]) == NULL) {
			p += n;
			continue;
		}
		while (q < end && strchr("=: \"'\\", *q) && *q)
			q++;
		if (q == p + n) {
			p += n;
			continue;
		}
		while (q < end && k + 1 < size && *q && strchr(of, *q))
			out[k++] = *q++;
		break;
	}
	out[k] = '\0';
	return k;
}

static struct incident *
incident_of(struct anchors *a, const char *id)
{
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->incidents[i].id, id) == 0)
			return &a->incidents[i];
	if (a->count == INCIDENTS_MAX)
		return NULL;
	a->incidents = mem_resize(a->incidents, (a->count + 1) * sizeof *a->incidents);
	memset(&a->incidents[a->count], 0, sizeof *a->incidents);
	snprintf(a->incidents[a->count].id, ID_MAX, "%s", id);
	return &a->incidents[a->count++];
}

static bool
anchor_in(struct anchors *a, const char *text, size_t len)
{
	static const char ids[] =
	    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
	char id[ID_MAX], seq[21], h[CHAIN_HEX + 1];
	struct incident *i;

	if (!value_of(text, len, "incident", ids, id, sizeof id) ||
	    !value_of(text, len, "seq", "0123456789", seq, sizeof seq) ||
	    value_of(text, len, "h", "0123456789abcdef", h, sizeof h) != CHAIN_HEX)
		return false;
	i = incident_of(a, id);
	if (!i || i->count == ANCHORS_MAX)
		return true;
	if (i->count == i->size) {
		i->size = i->size ? 2 * i->size : 64;
		i->rows = mem_resize(i->rows, i->size * sizeof *i->rows);
	}
	i->rows[i->count].seq = strtoull(seq, NULL, 10);
	memcpy(i->rows[i->count++].h, h, sizeof h);
	i->sorted = false;
	return true;
}

void
anchors_line(struct anchors *a, const char *line, size_t len)
{
	const char *at = memmem(line, len, "anchor", 6);

	/* behind the word, where syslog has it; JSON may have the members before it */
	if (at && !anchor_in(a, at, len - (size_t)(at - line)))
		anchor_in(a, line, len);
}

static bool
on_line(char *line, size_t len, void *arg)
{
	anchors_line(arg, line, len);
	return true;
}

int
anchors_read(struct anchors *a, const char *path, struct err *err)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? 0 : open(path, O_RDONLY | O_CLOEXEC);
	struct frame f;
	char data[16384];
	ssize_t n;

	if (fd < 0)
		return err_sys(err, errno, "open the anchors %s", path);
	frame_init(&f, FRAME_LINE_MAX);
	while ((n = read(fd, data, sizeof data)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			frame_feed(&f, data, (size_t)n, on_line, a);
	if (n < 0)
		err_sys(err, errno, "read the anchors %s", path);
	else
		frame_feed(&f, "\n", 1, on_line, a);
	frame_fini(&f);
	if (!standard)
		close(fd);
	return n < 0 ? -1 : 0;
}

static int
by_seq(const void *a, const void *b)
{
	const struct anchor *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return strcmp(x->h, y->h);
}

const struct anchor *
anchors_of(const struct anchors *a, const char *id, size_t *count)
{
	*count = 0;
	for (size_t k = 0; a && k < a->count; k++) {
		struct incident *i = &a->incidents[k];

		if (strcmp(i->id, id) != 0)
			continue;
		if (!i->sorted)
			qsort(i->rows, i->count, sizeof *i->rows, by_seq);
		i->sorted = true;
		*count = i->count;
		return i->rows;
	}
	return NULL;
}
