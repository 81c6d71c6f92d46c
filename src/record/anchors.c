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
#include "wire/json.h"

#define INCIDENTS_MAX 1024
#define ID_MAX 40
#define PREFIX_MAX 128 /* bytes that a log puts before a line of JSON */

static const char word[] = "anchor incident=";
static const char ids[] =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";

struct incident {
	char id[ID_MAX];
	struct anchor *rows;
	size_t count, size;
	bool sorted;
};

struct anchors {
	struct incident *incidents;
	size_t count;
	char current[ID_MAX]; /* of the records that follow in a mirrored journal */
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

/* name=VALUE in an anchor's text; how many bytes the value has. */
static size_t
value_of(const char *text, size_t len, const char *name, const char *of, char *out,
    size_t size)
{
	size_t n = strlen(name), k = 0;
	const char *p = memmem(text, len, name, n), *end = text + len;

	for (p = p ? p + n : end; p < end && k + 1 < size && *p && strchr(of, *p); p++)
		out[k++] = *p;
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

static void
anchor_add(struct anchors *a, const char *id, uint64_t seq, const char *h)
{
	struct incident *i = incident_of(a, id);

	if (!i || i->count == ANCHORS_MAX)
		return;
	if (i->count == i->size) {
		i->size = i->size ? 2 * i->size : 64;
		i->rows = mem_resize(i->rows, i->size * sizeof *i->rows);
	}
	i->rows[i->count].seq = seq;
	memcpy(i->rows[i->count++].h, h, CHAIN_HEX + 1);
	i->sorted = false;
}

static void
from_text(struct anchors *a, const char *text, size_t len)
{
	char id[ID_MAX], seq[21], h[CHAIN_HEX + 1];

	if (value_of(text, len, " incident=", ids, id, sizeof id) > 0 &&
	    value_of(text, len, " seq=", "0123456789", seq, sizeof seq) > 0 &&
	    value_of(text, len, " h=", "0123456789abcdef", h, sizeof h) == CHAIN_HEX)
		anchor_add(a, id, strtoull(seq, NULL, 10), h);
}

static bool
is_id(const char *id)
{
	return id && *id && strlen(id) < ID_MAX && strspn(id, ids) == strlen(id);
}

static bool
is_h(const char *h)
{
	return h && strlen(h) == CHAIN_HEX && strspn(h, "0123456789abcdef") == CHAIN_HEX;
}

/* An anchor, a record of the mirrored journal, or a line of journalctl -o json. */
static void
from_object(struct anchors *a, const struct js *m)
{
	const char *h = js_str(m, "h"), *message = js_str(m, "MESSAGE"), *id;
	int64_t seq = js_int(m, "seq", 0);

	if (message && strncmp(message, word, sizeof word - 1) == 0) {
		from_text(a, message, strlen(message));
		return;
	}
	id = js_is(m, "t", "anchor") ? js_str(m, "incident")
	    : js_is(m, "t", "incident") && !js_is(m, "state", "closed") &&
		!js_is(m, "state", "left")
	    ? js_str(m, "id")
	    : NULL;
	if (is_id(id))
		snprintf(a->current, sizeof a->current, "%s", id);
	if (is_h(h) && seq > 0 && a->current[0])
		anchor_add(a, a->current, (uint64_t)seq, h);
}

/*
 * The line of a log is believed where the engine wrote it, and nowhere else: what an
 * agent, a host or an operator says stands in records, too.
 */
void
anchors_line(struct anchors *a, const char *line, size_t len)
{
	static const char tag[] = "breakglass";
	const char *colon = memmem(line, len, ": ", 2), *brace, *at = line;
	struct err err;
	struct js *m;

	if (colon && memmem(line, (size_t)(colon - line), tag, sizeof tag - 1))
		at = colon + 2;
	if ((size_t)(line + len - at) > sizeof word - 1 &&
	    memcmp(at, word, sizeof word - 1) == 0) {
		from_text(a, at, (size_t)(line + len - at));
		return;
	}
	brace = memchr(line, '{', len < PREFIX_MAX ? len : PREFIX_MAX);
	m = brace ? js_parse(brace, (size_t)(line + len - brace), &err) : NULL;
	if (m)
		from_object(a, m);
	js_free(m);
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
