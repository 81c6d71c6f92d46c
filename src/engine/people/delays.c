/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/people/delays.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static int64_t
wait_ms(int failed)
{
	static const int64_t waits[] = {0, 1000, 2000, 4000, 8000};

	return failed < (int)ARRAY_LEN(waits) ? waits[failed] : DELAYS_MOST_MS;
}

static void
key_of(char out[WIRE_NAME_MAX + 24], const char *kind, const char *what)
{
	snprintf(out, WIRE_NAME_MAX + 24, "%s %.*s", kind, WIRE_NAME_MAX, what);
}

static int
find(const struct delays *d, const char *key)
{
	for (int i = 0; i < DELAYS_ROWS; i++)
		if (d->row[i].failed && strcmp(d->row[i].what, key) == 0)
			return i;
	return -1;
}

static bool
is_forgotten(const struct delays_row *r, int64_t now_ms)
{
	return now_ms - r->last_ms > DELAYS_FORGET_MS;
}

static int64_t
due_of(const struct delays *d, const char *kind, const char *what, int64_t now_ms)
{
	char key[WIRE_NAME_MAX + 24];
	int i;

	key_of(key, kind, what);
	i = find(d, key);
	if (i < 0 || is_forgotten(&d->row[i], now_ms))
		return now_ms;
	return d->row[i].last_ms + wait_ms(d->row[i].failed);
}

int64_t
delays_due(const struct delays *d, const char *name, const char *from, int64_t now_ms)
{
	int64_t a = due_of(d, "name", name, now_ms), b = due_of(d, "from", from, now_ms);
	int64_t due = a > b ? a : b;

	return due > now_ms ? due : now_ms;
}

/* A free row, else the one that has been quiet longest. */
static int
make_room(const struct delays *d)
{
	int oldest = 0;

	for (int i = 0; i < DELAYS_ROWS; i++) {
		if (!d->row[i].failed)
			return i;
		if (d->row[i].last_ms < d->row[oldest].last_ms)
			oldest = i;
	}
	return oldest;
}

static int64_t
count(struct delays *d, const char *kind, const char *what, int64_t now_ms)
{
	char key[WIRE_NAME_MAX + 24];
	struct delays_row *r;
	int i;

	key_of(key, kind, what);
	i = find(d, key);
	r = &d->row[i < 0 ? make_room(d) : i];
	if (i < 0 || is_forgotten(r, now_ms))
		r->failed = 0;
	memcpy(r->what, key, sizeof r->what);
	r->last_ms = now_ms;
	if (r->failed < 100)
		r->failed++;
	return wait_ms(r->failed);
}

int64_t
delays_wrong(struct delays *d, const char *name, const char *from, int64_t now_ms)
{
	int64_t a = count(d, "name", name, now_ms), b = count(d, "from", from, now_ms);

	return a > b ? a : b;
}

static void
forget(struct delays *d, const char *kind, const char *what)
{
	char key[WIRE_NAME_MAX + 24];
	int i;

	key_of(key, kind, what);
	i = find(d, key);
	if (i >= 0)
		memset(&d->row[i], 0, sizeof d->row[i]);
}

void
delays_right(struct delays *d, const char *name, const char *from)
{
	forget(d, "name", name);
	forget(d, "from", from);
}
