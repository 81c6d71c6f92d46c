/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The event stream's reader: any bytes, whole and in two ways of pieces, give the
 * same events, and nothing beyond the maximum.
 */
#include <string.h>

#include "engine/api/sse.h"
#include "fuzz/fuzz.h"

#define EVENT_MAX 512 /* bytes; small, so that it is met */

struct seen {
	uint64_t hash;
	size_t events;
};

static void
mix(struct seen *s, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s->hash = (s->hash ^ (unsigned char)p[i]) * 1099511628211ULL;
	s->hash = (s->hash ^ 0xff) * 1099511628211ULL;
}

static bool
on_event(const struct sse_event *e, void *arg)
{
	struct seen *s = arg;

	must(e->len <= EVENT_MAX);
	must(e->data[e->len] == '\0');
	must(strlen(e->name) <= SSE_NAME_MAX && strlen(e->id) <= SSE_NAME_MAX);
	mix(s, e->name, strlen(e->name));
	mix(s, e->id, strlen(e->id));
	mix(s, e->data, e->len);
	s->events++;
	return true;
}

static int
run(const uint8_t *data, size_t size, size_t step, struct seen *seen)
{
	struct sse s;
	struct err e = {0};
	int rc = 0;

	memset(seen, 0, sizeof *seen);
	sse_init(&s, EVENT_MAX);
	for (size_t at = 0; at < size && rc == 0; at += step)
		rc = sse_feed(&s, (const char *)data + at,
		    step < size - at ? step : size - at, on_event, seen, &e);
	must(rc == 0 || (rc == -1 && e.code == ERR_LIMIT));
	sse_end(&s);
	must(s.events == seen->events);
	sse_fini(&s);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, pieces;
	int rc = run(data, size, size ? size : 1, &whole);

	for (size_t step = 1; step < 20; step += 6) {
		must(run(data, size, step, &pieces) == rc);
		must(pieces.events == whole.events && pieces.hash == whole.hash);
	}
	return 0;
}
