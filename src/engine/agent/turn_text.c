/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text blocks: streamed as they grow, recorded when they are finished. */
#include <stdlib.h>

#include "base/text.h"
#include "engine/agent/turn_int.h"

/* Bytes of the next record or piece: what is longer is cut between characters. */
static size_t
chunk(const char *text, size_t len)
{
	return len > WIRE_CHUNK_MAX ? text_cut(text, WIRE_CHUNK_MAX) : len;
}

static size_t
count_parts(const char *text, size_t len)
{
	size_t parts = 0;

	for (; len > 0; parts++) {
		size_t n = chunk(text, len);

		text += n;
		len -= n;
	}
	return parts;
}

static void
emit_text(
    struct turn *t, int block, const char *text, size_t len, bool thinking, bool cut)
{
	size_t parts = count_parts(text, len), part = 1;

	while (len > 0) {
		size_t n = chunk(text, len);
		struct js *f = turn_fact(t, FACT_TEXT, "agent");

		js_set_int(f, "block", block);
		js_set_bytes(f, "text", text, n);
		if (parts > 1) {
			js_set_int(f, "part", (int64_t)part++);
			js_set_int(f, "parts", (int64_t)parts);
		}
		if (thinking)
			js_set_bool(f, "thinking", true);
		if (cut)
			js_set_bool(f, "cut", true);
		incident_emit(t->cfg.incident, FACT_TEXT, f);
		text += n;
		len -= n;
	}
}

static void
tell_delta(struct turn *t, size_t off, const char *text, size_t len)
{
	struct js *f = turn_fact(t, FACT_DELTA, "agent");

	js_set_int(f, "block", t->block);
	js_set_int(f, "off", (int64_t)off);
	js_set_bytes(f, "text", text, len);
	incident_tell(t->cfg.incident, FACT_DELTA, f);
}

static void
tell_pending(struct turn *t)
{
	uv_prepare_stop(&t->flush);
	while (t->block >= 0 && t->told_to < t->text.len) {
		const char *text = t->text.data + t->told_to;
		size_t n = chunk(text, t->text.len - t->told_to);

		tell_delta(t, t->told_to, text, n);
		t->told_to += n;
	}
}

static void
forget_block(struct turn *t)
{
	t->block = -1;
	t->told_to = 0;
	buf_clear(&t->text);
	uv_prepare_stop(&t->flush);
}

/* The driver went on or ended without finishing the open block: keep what is known. */
void
turn_cut_open_block(struct turn *t)
{
	tell_pending(t);
	if (t->block >= 0 && t->text.len)
		emit_text(t, t->block, t->text.data, t->text.len, false, true);
	forget_block(t);
}

/* Words that came in one reading are told as one: before we wait for more. */
static void
on_flush(uv_prepare_t *flush)
{
	tell_pending(flush->data);
}

void
turn_on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	struct turn *t = arg;

	turn_heard(t);
	if (block != t->block)
		turn_cut_open_block(t);
	if (block != t->block || off == 0)
		forget_block(t);
	t->block = block;
	if (off == t->text.len && buf_add(&t->text, text, len) == 0) {
		if (!uv_is_active((uv_handle_t *)&t->flush))
			uv_prepare_start(&t->flush, on_flush);
		return;
	}
	tell_pending(t); /* more than is kept of a block, or a driver that skips */
	while (len > 0) {
		size_t n = chunk(text, len);

		buf_add_some(&t->text, text, n);
		tell_delta(t, off, text, n);
		off += n;
		text += n;
		len -= n;
	}
	t->told_to = t->text.len;
}

void
turn_on_text(int block, const char *text, size_t len, bool thinking, bool cut, void *arg)
{
	struct turn *t = arg;

	turn_heard(t);
	if (block == t->block) {
		tell_pending(t);
		forget_block(t);
	}
	emit_text(t, block, text, len, thinking, cut);
}

void
turn_tell_open(struct turn *t, struct peer *p)
{
	size_t off = 0;

	tell_pending(t);
	while (t->block >= 0 && off < t->text.len) {
		size_t n = chunk(t->text.data + off, t->text.len - off);
		struct js *f = turn_fact(t, FACT_DELTA, "agent");

		js_set_int(f, "block", t->block);
		js_set_int(f, "off", (int64_t)off);
		js_set_bytes(f, "text", t->text.data + off, n);
		peer_tell(p, FACT_DELTA, f);
		off += n;
	}
}
