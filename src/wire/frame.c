/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/frame.h"

#include <string.h>

void
frame_init(struct frame *f, size_t max_bytes)
{
	memset(f, 0, sizeof *f);
	buf_init(&f->line, max_bytes);
}

void
frame_fini(struct frame *f)
{
	buf_fini(&f->line);
}

static void
frame_collect(struct frame *f, const char *data, size_t len)
{
	if (f->skipping)
		return;
	if (buf_add(&f->line, data, len) < 0) {
		f->skipping = true;
		f->dropped++;
		buf_fini(&f->line);
	}
}

bool
frame_feed(struct frame *f, const char *data, size_t len, frame_line_fn *fn, void *arg)
{
	const char *end = data + len;

	while (data < end) {
		const char *lf = memchr(data, '\n', (size_t)(end - data));
		bool more = true;

		frame_collect(f, data, (size_t)((lf ? lf : end) - data));
		if (!lf)
			return true;
		data = lf + 1;
		if (!f->skipping && f->line.len > 0)
			more = fn(f->line.data, f->line.len, arg);
		f->skipping = false;
		buf_clear(&f->line);
		if (!more)
			return false;
	}
	return true;
}
