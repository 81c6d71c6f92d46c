/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/api/repeat.h"

#include <string.h>

#define FNV_OFFSET 0xcbf29ce484222325U
#define FNV_PRIME 0x100000001b3U

static uint64_t
hash(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * FNV_PRIME;
	return h;
}

void
repeat_begin(struct repeat *r)
{
	memset(r, 0, sizeof *r);
}

void
repeat_call(struct repeat_call *c, const char *name, const char *what, size_t what_len)
{
	c->call = hash(FNV_OFFSET, name, strlen(name) + 1);
	c->call = hash(c->call, what, what_len);
	c->out[0] = c->out[1] = FNV_OFFSET;
}

void
repeat_output(struct repeat_call *c, int stream, const char *data, size_t len)
{
	uint64_t *h = &c->out[stream == 2];

	*h = hash(*h, data, len);
}

int
repeat_end(struct repeat *r, const struct repeat_call *c, bool failed, int exit)
{
	uint64_t result = hash(c->out[0], &c->out[1], sizeof c->out[1]);

	result = hash(result, &failed, sizeof failed);
	result = hash(result, &exit, sizeof exit);
	if (r->times && r->call == c->call && r->result == result)
		return ++r->times;
	r->call = c->call;
	r->result = result;
	r->times = 1;
	return 1;
}
