/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/verb_cap.h"

#include "base/clock.h"

static size_t
kept(const struct verb_cap *c)
{
	return c->count < VERB_CAP_MAX ? c->count : VERB_CAP_MAX;
}

void
verb_cap_add(struct verb_cap *c, int64_t wall_ms)
{
	c->at[c->count++ % VERB_CAP_MAX] = wall_ms;
}

/* Only a mutating verb is confirmed. */
void
verb_cap_found(struct verb_cap *c, const struct js *record)
{
	const char *at = js_str(record, "at");
	int64_t wall_ms;

	if (!at || !js_is(record, "t", "verb") || !js_is(record, "asked", "agent") ||
	    !js_is(record, "state", "confirmed"))
		return;
	wall_ms = clock_from(at);
	if (wall_ms > 0)
		verb_cap_add(c, wall_ms);
}

int
verb_cap_used(const struct verb_cap *c, int64_t wall_ms)
{
	int used = 0;

	for (size_t i = 0; i < kept(c); i++)
		used += wall_ms - c->at[i] < VERB_CAP_MS;
	return used;
}

int64_t
verb_cap_next_ms(const struct verb_cap *c, int64_t wall_ms)
{
	int64_t next = 0;

	for (size_t i = 0; i < kept(c); i++) {
		int64_t left = c->at[i] + VERB_CAP_MS - wall_ms;

		if (left > 0 && (next == 0 || left < next))
			next = left;
	}
	return next;
}
