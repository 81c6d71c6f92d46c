/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sanitiser: any bytes, cut anywhere, come out as the same clean text, no more
 * than three times as long; and clean text stays as it is.
 */
#include <locale.h>
#include <string.h>
#include <wchar.h>

#include "base/scrub.h"
#include "base/text.h"
#include "fuzz/fuzz.h"

#define OUT_MAX (16 * 4096)

struct out {
	char text[OUT_MAX];
	size_t len, restarts;
	uint64_t styles; /* a hash of them, cell by cell */
};

static void
on_text(void *arg, const char *text, size_t len, uint32_t style)
{
	struct out *o = arg;

	must(len <= sizeof o->text - o->len);
	must(!(style & (STYLE_REVERSE | STYLE_DIM | STYLE_ROLE(0xff))));
	must(STYLE_GET_FG(style) < 0 || STYLE_GET_FG(style) != STYLE_GET_BG(style));
	must(STYLE_GET_FG(style) < 256 && STYLE_GET_BG(style) < 256);
	for (size_t i = 0; i < len; i++)
		o->styles = (o->styles ^ style) * 1099511628211ULL;
	memcpy(o->text + o->len, text, len);
	o->len += len;
}

static void
on_newline(void *arg)
{
	on_text(arg, "\n", 1, 0);
}

static void
on_restart(void *arg)
{
	struct out *o = arg;

	o->restarts++;
	on_text(arg, "\n", 1, 0);
}

static const struct scrub_sink sink = {on_text, on_newline, on_restart};

/* In pieces: of cut bytes first, then of step. */
static void
clean(
    const char *data, size_t len, size_t cut, size_t step, unsigned flags, struct out *o)
{
	struct scrub s;

	o->len = o->restarts = 0;
	o->styles = 0;
	scrub_init(&s, &sink, o, flags);
	scrub_feed(&s, data, cut);
	for (size_t i = cut; i < len; i += step)
		scrub_feed(&s, data + i, step < len - i ? step : len - i);
	scrub_finish(&s);
}

static bool
same(const struct out *a, const struct out *b)
{
	return a->len == b->len && a->styles == b->styles &&
	    memcmp(a->text, b->text, a->len) == 0;
}

static void
check_text(const char *text, size_t len, bool line)
{
	must(text_is_utf8(text, len));
	for (size_t i = 0; i < len;) {
		uint32_t cp;

		i += text_decode(text + i, len - i, &cp);
		must((cp == '\n' && !line) || scrub_is_plain(cp));
		must(cp == '\n' || wcwidth((wchar_t)cp) >= 0);
	}
}

static void
check_label(const char *data, size_t len)
{
	char label[40];
	size_t size = len ? 1 + (unsigned char)data[0] % sizeof label : 1;

	must(scrub_label(data, len, label, size) == label);
	must(strlen(label) < size);
	check_text(label, strlen(label), true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct out all, other;
	const char *data = (const char *)bytes;
	size_t len = size < 4096 ? size : 4096, every = len <= 64 ? 1 : len / 16;
	unsigned flags = len && (bytes[len - 1] & 1) ? SCRUB_PLAIN : 0;

	setlocale(LC_CTYPE, "C.UTF-8");
	clean(data, len, 0, len ? len : 1, flags, &all);
	must(all.len - all.restarts <= 3 * len + SCRUB_ROOM);
	check_text(all.text, all.len, false);
	for (size_t cut = 0; cut < len; cut += every) {
		clean(data, len, cut, len, flags, &other);
		must(same(&other, &all));
	}
	for (size_t step = 1; step <= 3; step++) {
		clean(data, len, 0, step, flags, &other);
		must(same(&other, &all));
	}
	clean(all.text, all.len, 0, all.len ? all.len : 1, flags, &other);
	must(other.len == all.len && memcmp(other.text, all.text, all.len) == 0);
	check_label(data, len);
	return 0;
}
