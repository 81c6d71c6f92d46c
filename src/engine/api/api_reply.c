/* SPDX-License-Identifier: GPL-3.0-or-later */
/* api_reply.c: an answer as it goes back, to its own endpoint and to others. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/api/api_block.h"
#include "engine/api/api_transcript_int.h"

/* Nothing here can pass FRAGMENT_MAX: an answer is at most API_MESSAGE_MAX. */
static void
add(struct buf *b, const char *s, size_t len)
{
	if (buf_add(b, s, len) < 0)
		abort();
}

static void
add_str(struct buf *b, const char *s)
{
	add(b, s, strlen(s));
}

static void
add_comma(struct buf *b)
{
	if (b->len)
		add_str(b, ",");
}

void
api_reply_placeholder(struct buf *blocks)
{
	add_comma(blocks);
	add_str(blocks, "{\"type\":\"text\",\"text\":\"(no text)\"}");
}

static void
add_id(struct buf *b, const char *id)
{
	if (jraw_add_string(b, id, strlen(id)) < 0)
		abort();
}

/* {"type":T, perhaps an id, and the members that are named: what every server knows. */
static void
add_plain(struct buf *b, struct jraw block, const char *id, const char *const *members)
{
	struct jraw type = jraw_get(block, "type");

	add_comma(b);
	add_str(b, "{\"type\":");
	add(b, type.s, type.len);
	if (id) {
		add_str(b, ",\"id\":");
		add_id(b, id);
	}
	for (; *members; members++) {
		struct jraw v = jraw_get(block, *members);

		if (!v.s)
			continue;
		add_str(b, ",\"");
		add_str(b, *members);
		add_str(b, "\":");
		add(b, v.s, v.len);
	}
	add_str(b, "}");
}

/* Thinking without a signature is another server's, or was cut off: see below. */
static bool
may_think(struct jraw block, enum api_stop stop)
{
	if (jraw_get(block, "signature").len > 2)
		return true;
	return (stop == API_END_TURN || stop == API_TOOL_USE) &&
	    jraw_get(block, "thinking").len > 2;
}

static bool
id_is_new(struct api_transcript *t, const char *id)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a; a wrong hit does no harm */

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 1099511628211u;
	for (size_t i = 0; i < t->n_ids; i++)
		if (t->ids[i] == hash)
			return false;
	if (t->n_ids == t->ids_size) {
		t->ids_size = t->ids_size ? t->ids_size * 2 : 64;
		t->ids = mem_resize(t->ids, t->ids_size * sizeof *t->ids);
	}
	t->ids[t->n_ids++] = hash;
	return true;
}

/*
 * The id as it is sent from now on.  Servers of a LAN count their calls from 0 in each
 * answer, and the vendor refuses a conversation with an id that stands there twice.
 */
static const char *
open_call(struct api_transcript *t, struct jraw block)
{
	char id[256], *sent;

	jraw_text(jraw_get(block, "id"), id, sizeof id);
	sent = mem_dup(id);
	for (size_t i = t->n_ids; !id_is_new(t, sent); i++) {
		free(sent);
		sent = mem_printf("%.100s_%zu", id, i);
	}
	t->open = mem_resize(t->open, (t->n_open + 1) * sizeof *t->open);
	t->sent = mem_resize(t->sent, (t->n_open + 1) * sizeof *t->sent);
	t->open[t->n_open] = mem_dup(id);
	t->sent[t->n_open] = sent;
	return t->sent[t->n_open++];
}

/* The block as it is, but with this id. */
static void
add_whole_call(struct buf *b, struct jraw block, const char *id)
{
	struct jraw key, value;
	size_t at = 0;
	const char *comma = "";

	add_str(b, "{");
	while (jraw_next(block, &at, &key, &value)) {
		add_str(b, comma);
		add(b, key.s, key.len);
		add_str(b, ":");
		if (jraw_is(key, "id"))
			add_id(b, id);
		else
			add(b, value.s, value.len);
		comma = ",";
	}
	add_str(b, "}");
}

static void
add_block(
    struct api_transcript *t, struct entry *e, struct jraw block, enum block_kind kind)
{
	static const char *const text[] = {"text", NULL};
	static const char *const tool[] = {"name", "input", NULL};
	const char *id = kind == BLOCK_TOOL ? open_call(t, block) : NULL;

	add_comma(&e->whole);
	if (id && strcmp(id, t->open[t->n_open - 1]) != 0)
		add_whole_call(&e->whole, block, id);
	else
		add(&e->whole, block.s, block.len);
	if (kind == BLOCK_TEXT)
		add_plain(&e->plain, block, NULL, text);
	if (id)
		add_plain(&e->plain, block, id, tool);
}

void
api_reply_add(struct api_transcript *t, struct entry *e, const struct api_message *m)
{
	struct jraw content = {m->content, m->content_len}, block;
	enum block_kind kind, last = BLOCK_THINKING;
	size_t at = 0;

	while (jraw_next(content, &at, NULL, &block)) {
		kind = api_block_kind(block);
		/* nobody will answer a call that was cut off, refused or is unheard of */
		if (kind == BLOCK_TOOL && m->stop != API_TOOL_USE)
			continue;
		if (kind == BLOCK_THINKING && !may_think(block, m->stop))
			continue;
		add_block(t, e, block, kind);
		last = kind;
	}
	e->unfinished =
	    (m->stop == API_PAUSE_TURN || m->stop == API_COMPACTION) && e->whole.len > 0;
	/* a message may not end in thinking, nor be empty */
	if (!e->unfinished &&
	    (last == BLOCK_THINKING || last == BLOCK_REDACTED || last == BLOCK_FALLBACK))
		api_reply_placeholder(&e->whole);
	if (e->plain.len == 0)
		api_reply_placeholder(&e->plain);
}
