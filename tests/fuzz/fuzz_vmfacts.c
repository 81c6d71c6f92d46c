/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a PVE host says, ours, an old one or somebody in its place: a picture of bounded
 * texts that a fact can hold, and another reading keeps nothing measured of it.
 */
#include <string.h>

#include "engine/power/vmfacts.h"
#include "fuzz/fuzz.h"
#include "wire/frame.h"

#define TEXT(member) must(memchr(v->member, '\0', sizeof v->member))

static void
check(const struct vmfacts *v)
{
	TEXT(status);
	TEXT(qmp);
	TEXT(lock);
	TEXT(verdict);
	TEXT(advice);
	TEXT(why);
	TEXT(m.vm);
	TEXT(m.qemu);
	TEXT(m.agent);
	TEXT(m.screen);
	TEXT(m.screen_says);
	TEXT(m.screen_line[0]);
	TEXT(m.screen_line[1]);
	TEXT(m.main_waits_in);
	TEXT(m.startable_why);
	TEXT(m.lock_holder);
	TEXT(host.id);
	TEXT(host.phase);
	TEXT(host.last_why);
	must(js_len(v->staged) <= VMFACTS_STAGED_MAX);
}

static void
feed(struct vmfacts *v, const char *text, size_t size)
{
	while (size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t len = end ? (size_t)(end - text) : size;
		size_t step = end ? len + 1 : len;

		vmfacts_line(v, text, len);
		text += step;
		size -= step;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmfacts v = {0};
	struct js *fact = js_new(), *again;
	struct buf text;
	struct err err;

	vmfacts_begin(&v);
	feed(&v, (const char *)data, size);
	check(&v);
	vmfacts_fill(&v, fact);
	buf_init(&text, FRAME_LINE_MAX);
	must(js_print(fact, &text) == 0);
	again = js_parse(buf_str(&text), text.len, &err);
	must(again);
	vmfacts_begin(&v);
	check(&v);
	must(v.m.threads == -1 && v.m.vm[0] == '\0' && !v.in_screen);
	js_free(again);
	js_free(fact);
	buf_fini(&text);
	vmfacts_fini(&v);
	return 0;
}
