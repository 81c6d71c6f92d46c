/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/api/api_usage.h"

void
api_usage_init(struct api_usage *u)
{
	u->last = (struct api_counts){-1, -1, -1, -1, -1};
	u->billed = u->last;
	u->thinking = -1;
	u->iterations = 0;
}

static void
set(int64_t *to, struct jraw v)
{
	*to = jraw_int(v, *to);
}

static void
merge_counts(struct api_counts *c, struct jraw usage)
{
	struct jraw by_life = jraw_get(usage, "cache_creation");

	set(&c->in, jraw_get(usage, "input_tokens"));
	set(&c->out, jraw_get(usage, "output_tokens"));
	set(&c->cache_read, jraw_get(usage, "cache_read_input_tokens"));
	set(&c->cache_write, jraw_get(usage, "cache_creation_input_tokens"));
	set(&c->cache_write_1h, jraw_get(by_life, "ephemeral_1h_input_tokens"));
}

/* jraw_int ends at 2^53 and an event at 32 MiB, so no sum overflows. */
static void
add(int64_t *sum, int64_t n)
{
	if (n >= 0)
		*sum = (*sum < 0 ? 0 : *sum) + n;
	if (*sum > INT64_C(1) << 53)
		*sum = INT64_C(1) << 53;
}

static void
sum_iterations(struct api_usage *u, struct jraw iterations)
{
	struct api_counts sum = {-1, -1, -1, -1, -1}, c;
	struct jraw one;
	size_t at = 0;
	int n = 0;

	while (jraw_next(iterations, &at, NULL, &one)) {
		c = (struct api_counts){-1, -1, -1, -1, -1};
		merge_counts(&c, one);
		add(&sum.in, c.in);
		add(&sum.out, c.out);
		add(&sum.cache_read, c.cache_read);
		add(&sum.cache_write, c.cache_write);
		add(&sum.cache_write_1h, c.cache_write_1h);
		n++;
	}
	if (n == 0)
		return;
	u->billed = sum;
	u->iterations = n;
}

void
api_usage_merge(struct api_usage *u, struct jraw usage)
{
	merge_counts(&u->last, usage);
	set(&u->thinking,
	    jraw_get(jraw_get(usage, "output_tokens_details"), "thinking_tokens"));
	if (u->iterations == 0)
		u->billed = u->last;
	if (jraw_kind(jraw_get(usage, "iterations")) == '[')
		sum_iterations(u, jraw_get(usage, "iterations"));
}
