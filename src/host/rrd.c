/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/jwalk.h"
#include "host/out.h"
#include "host/rrd.h"

#define ZERO_RATE 0.001 /* bytes per second; averages of nothing are not always 0 */

static const char *const columns[RRD_COLUMNS] = {
    "cpu", "mem", "diskread", "diskwrite", "netin", "netout"};

struct reading {
	struct rrd *rrd;
	int index; /* of the row in the text */
};

static struct rrd_row *
new_row(struct reading *r, int index)
{
	struct rrd_row *row;

	/* more than fit: the youngest are those that count */
	if (r->rrd->n == RRD_ROWS_MAX) {
		memmove(r->rrd->row, r->rrd->row + 1,
		    sizeof(r->rrd->row) - sizeof(r->rrd->row[0]));
		r->rrd->n--;
	}
	row = &r->rrd->row[r->rrd->n++];
	row->at = 0;
	for (int i = 0; i < RRD_COLUMNS; i++)
		row->value[i] = NAN;
	r->index = index;
	return row;
}

/* "7.diskwrite"; numbers may come as strings, and null as a missing member. */
static void
on_value(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct reading *r = arg;
	char text[40], *end;
	struct rrd_row *row;
	int index, at = 0;
	double number;

	if (sscanf(path, "%6d.%n", &index, &at) != 1 || at == 0)
		return;
	row = index == r->index ? &r->rrd->row[r->rrd->n - 1] : new_row(r, index);
	if (len == 0 || len >= sizeof(text))
		return;
	memcpy(text, value, len);
	text[len] = '\0';
	number = strtod(text, &end);
	if (*end != '\0' || !isfinite(number))
		return;
	if (strcmp(path + at, "time") == 0 && number > 0 && number < 1e12)
		row->at = (long long)number;
	for (int i = 0; i < RRD_COLUMNS; i++)
		if (strcmp(path + at, columns[i]) == 0)
			row->value[i] = number;
}

int
rrd_parse(const char *text, size_t len, struct rrd *rrd)
{
	struct reading r = {rrd, -1};

	memset(rrd, 0, sizeof(*rrd));
	if (jwalk(text, len, on_value, &r) < 0)
		rrd->n = 0;
	return rrd->n > 0 ? 0 : -1;
}

static bool
has_anything(const struct rrd_row *row)
{
	for (int i = 0; i < RRD_COLUMNS; i++)
		if (!isnan(row->value[i]))
			return true;
	return false;
}

/* The youngest rows are often not there yet; they say nothing. */
static int
last_row(const struct rrd *r)
{
	int i = r->n - 1;

	while (i >= 0 && !has_anything(&r->row[i]))
		i--;
	return i;
}

static bool
is_silent(const struct rrd_row *row)
{
	return has_anything(row) && isnan(row->value[RRD_WRITE]);
}

static bool
is_zero(const struct rrd_row *row)
{
	return !isnan(row->value[RRD_WRITE]) && row->value[RRD_WRITE] < ZERO_RATE;
}

static long long
since(const struct rrd *r, long long now, bool (*holds)(const struct rrd_row *row))
{
	int last = last_row(r), first = last;

	if (last < 0)
		return -1;
	if (!holds(&r->row[last]))
		return 0;
	while (first > 0 && holds(&r->row[first - 1]))
		first--;
	return r->row[first].at > 0 && r->row[first].at <= now ? now - r->row[first].at
							       : -1;
}

long long
rrd_zero_write_s(const struct rrd *r, long long now)
{
	int last = last_row(r);

	/* no answer is not the same as no writes */
	return last < 0 || is_silent(&r->row[last]) ? -1 : since(r, now, is_zero);
}

long long
rrd_silent_s(const struct rrd *r, long long now)
{
	return since(r, now, is_silent);
}

static void
put_value(char *text, size_t size, const char *name, double value, const char *unit)
{
	size_t n = strlen(text);

	if (isnan(value))
		snprintf(text + n, size - n, "  %s -", name);
	else
		snprintf(text + n, size - n, "  %s %.4g%s", name, value, unit);
}

void
rrd_print(struct out *o, const struct rrd *r)
{
	int from = r->n > RRD_SHOWN ? r->n - RRD_SHOWN : 0;
	char text[400];

	for (int i = from; i < r->n; i++) {
		const struct rrd_row *row = &r->row[i];
		time_t at = (time_t)row->at;
		struct tm tm;

		memset(&tm, 0, sizeof(tm));
		(void)gmtime_r(&at, &tm);
		(void)strftime(text, sizeof(text), "%H:%M:%SZ", &tm);
		put_value(text, sizeof(text), "cpu", row->value[RRD_CPU], "");
		put_value(text, sizeof(text), "mem", row->value[RRD_MEM], "");
		for (int c = RRD_READ; c < RRD_COLUMNS; c++)
			put_value(text, sizeof(text), columns[c], row->value[c], " B/s");
		out_quote(o, text, strlen(text));
	}
}
