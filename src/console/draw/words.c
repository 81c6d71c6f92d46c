/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/draw/words.h"

#include <inttypes.h>
#include <stdio.h>

char *
words_age(int64_t ms, char *out, size_t size)
{
	int64_t s = ms / 1000;

	if (s < 20)
		snprintf(out, size, "now");
	else if (s < 60)
		snprintf(out, size, "%" PRId64 " s ago", s / 20 * 20);
	else if (s < 3600)
		snprintf(out, size, "%" PRId64 " min ago", s / 60);
	else if (s < 48 * 3600)
		snprintf(out, size, "%" PRId64 " h ago", s / 3600);
	else
		snprintf(out, size, "%" PRId64 " d ago", s / 86400);
	return out;
}

char *
words_span(int64_t ms, char *out, size_t size)
{
	int64_t s = ms < 0 ? 0 : ms / 1000;

	if (s < 60)
		snprintf(out, size, "%" PRId64 " s", s);
	else if (s < 3600)
		snprintf(out, size, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
	else
		snprintf(
		    out, size, "%" PRId64 " h %02" PRId64 " min", s / 3600, s / 60 % 60);
	return out;
}

char *
words_bytes(int64_t n, char *out, size_t size)
{
	if (n < 1024)
		snprintf(out, size, "%" PRId64 " B", n);
	else if (n < 1024 * 1024)
		snprintf(out, size, "%.1f KiB", (double)n / 1024);
	else
		snprintf(out, size, "%.1f MiB", (double)n / (1024 * 1024));
	return out;
}

char *
words_count(int64_t n, char *out, size_t size)
{
	if (n < 1000)
		snprintf(out, size, "%" PRId64, n);
	else if (n < 1000000)
		snprintf(out, size, "%.*fk", n < 10000 ? 1 : 0, (double)n / 1000);
	else
		snprintf(out, size, "%.1fM", (double)n / 1000000);
	return out;
}

uint64_t
words_hash(uint64_t before, const char *text)
{
	uint64_t h = before;

	do
		h = (h ^ (unsigned char)*text) * 1099511628211u;
	while (*text++);
	return h;
}
