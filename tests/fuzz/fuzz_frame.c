/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of a byte stream: the same lines wherever it is cut, and none too long. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "wire/frame.h"

#define LINE_MAX_BYTES 64 /* so small that it is met */

struct seen {
	uint64_t hash, lines, bytes, dropped, stop_at;
	bool more;
};

static bool
on_line(char *line, size_t len, void *arg)
{
	struct seen *s = arg;

	must(len > 0 && len <= LINE_MAX_BYTES && line[len] == '\0');
	must(!memchr(line, '\n', len));
	for (size_t i = 0; i < len; i++)
		s->hash = (s->hash ^ (unsigned char)line[i]) * 1099511628211ULL;
	s->hash = (s->hash ^ '\n') * 1099511628211ULL;
	s->bytes += len + 1;
	return ++s->lines != s->stop_at;
}

static struct seen
feed(const char *data, size_t size, size_t cut, size_t step, uint64_t stop_at)
{
	struct seen s = {.stop_at = stop_at, .more = true};
	struct frame f;

	frame_init(&f, LINE_MAX_BYTES);
	s.more = frame_feed(&f, data, cut, on_line, &s);
	for (size_t i = cut; s.more && i < size; i += step)
		s.more = frame_feed(
		    &f, data + i, step < size - i ? step : size - i, on_line, &s);
	s.dropped = f.dropped;
	must(s.bytes <= size);
	frame_fini(&f);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *data = (const char *)bytes;
	uint64_t stop_at = size ? bytes[0] % 8 : 0; /* 0: never */
	struct seen all = feed(data, size, 0, size ? size : 1, stop_at), other;

	for (size_t cut = 0; cut < size; cut += size <= 64 ? 1 : size / 16) {
		other = feed(data, size, cut, cut % 7 + 1, stop_at);
		must(memcmp(&other, &all, sizeof all) == 0);
	}
	return 0;
}
