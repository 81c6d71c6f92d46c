/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/people/idle.h"

void
idle_begin(struct idle *i, int64_t now_ms)
{
	i->since_ms = now_ms;
	i->locked = false;
}

void
idle_touch(struct idle *i, int64_t now_ms)
{
	if (!i->locked)
		i->since_ms = now_ms;
}

bool
idle_look(struct idle *i, int64_t limit_ms, int64_t now_ms)
{
	if (i->locked || limit_ms <= 0 || now_ms - i->since_ms < limit_ms)
		return false;
	i->locked = true;
	return true;
}

bool
idle_open(struct idle *i, int64_t now_ms)
{
	bool was = i->locked;

	idle_begin(i, now_ms);
	return was;
}
