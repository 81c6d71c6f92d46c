/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/term/pace.h"

#define BYTES_PER_S 3600 /* at 80x24 */
#define BURST 1800	 /* bytes that may come at once */
#define FILL_MS 50 /* a budget that is used up waits for a little more than nothing */

static double
bytes_per_s(const struct pace *p)
{
	int more = p->cells - 80 * 24;

	return BYTES_PER_S + (more > 0 ? more / 3 : 0);
}

void
pace_start(struct pace *p, int64_t now)
{
	p->budget = BURST;
	p->painted = 0;
	p->refilled = now;
}

void
pace_refill(struct pace *p, int cells, int64_t now)
{
	p->cells = cells;
	p->budget += bytes_per_s(p) * (double)(now - p->refilled) / 1000;
	if (p->budget > BURST)
		p->budget = BURST;
	p->refilled = now;
}

void
pace_full(struct pace *p)
{
	p->budget = BURST;
}

void
pace_spend(struct pace *p, size_t bytes)
{
	p->budget -= (double)bytes;
}

int64_t
pace_wait(const struct pace *p, int64_t now)
{
	int64_t frame = p->painted + PACE_FRAME_MS - now, fill = 0;

	if (p->budget <= 0)
		fill = (int64_t)(-p->budget * 1000 / bytes_per_s(p)) + FILL_MS;
	if (fill > frame)
		frame = fill;
	return frame > 0 ? frame : 0;
}
