/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes of a terminal: wherever they are cut, the same keys; a paste is text and
 * never a key, and nothing waits for ever.
 */
#include <string.h>

#include "base/text.h"
#include "console/term/input.h"
#include "fuzz/fuzz.h"

struct seen {
	uint64_t hash, keys;
};

static void
mix(struct seen *s, const void *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s->hash = (s->hash ^ ((const unsigned char *)p)[i]) * 1099511628211ULL;
	s->hash = (s->hash ^ 0x1ff) * 1099511628211ULL;
}

static void
on_input(const struct input *in, void *arg)
{
	struct seen *s = arg;
	int n[] = {(int)in->kind, in->n, in->cut};

	must(in->kind > INPUT_NONE && in->kind < INPUT_KINDS);
	must(in->kind != INPUT_F || (in->n >= 1 && in->n <= 12));
	must(in->kind != INPUT_ALT || (in->n >= 0 && in->n < 0x80));
	if (in->kind == INPUT_CHAR) {
		must(text_is_utf8(in->text, strlen(in->text)) && in->text[0]);
		mix(s, in->text, strlen(in->text));
	}
	if (in->kind == INPUT_PASTE) {
		must(in->paste_len <= INPUT_PASTE_MAX);
		mix(s, in->paste, in->paste_len);
	}
	mix(s, n, sizeof n);
	s->keys++;
}

static struct seen
feed(const char *data, size_t size, size_t cut, size_t step)
{
	struct seen s = {0};
	struct input_reader r;
	int ms;

	input_init(&r, on_input, &s);
	input_feed(&r, data, cut, 1000);
	for (size_t i = cut; i < size; i += step)
		input_feed(&r, data + i, step < size - i ? step : size - i, 1000);
	ms = input_wait_ms(&r, 1000);
	must(ms <= 5000); /* of a paste */
	must(s.keys <= size);
	input_fini(&r);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *data = (const char *)bytes;
	struct seen all = feed(data, size, 0, size ? size : 1), other;

	for (size_t cut = 0; cut < size; cut += size <= 64 ? 1 : size / 8 + 1) {
		other = feed(data, size, cut, cut % 5 + 1);
		must(other.hash == all.hash && other.keys == all.keys);
	}
	return 0;
}
