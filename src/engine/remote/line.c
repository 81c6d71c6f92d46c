/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/line.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/known.h"
#include "base/mem.h"
#include "wire/chain.h"
#include "wire/frame.h"

/* Base64 or escapes of the largest chunk, with room for the other members. */
#define LINE_PRINT_MAX (FRAME_LINE_MAX - 1)
#define LINE_RECORD_MAX (LINE_PRINT_MAX - CHAIN_TAIL)

/* The h covers what is in the file: the text after secrets were taken out. */
static void
line_chain(struct buf *b, char *head)
{
	b->max = LINE_PRINT_MAX;
	b->len--; /* the last brace */
	chain_next(head, b->data, b->len);
	if (buf_printf(b, ",\"h\":\"%s\"}", head) < 0)
		abort();
}

static struct line *
line_make(enum fact kind, uint64_t seq, const struct js *m, char *head)
{
	struct line *l;
	struct buf b;

	buf_init(&b, LINE_RECORD_MAX);
	if (js_print(m, &b) < 0)
		abort(); /* whoever makes facts cuts them to size */
	known_blot(b.data, b.len, true);
	if (head)
		line_chain(&b, head);
	l = line_raw(b.data, b.len + 1);
	l->data[b.len] = '\n';
	l->kind = kind;
	l->seq = seq;
	if (kind == FACT_OUTPUT) {
		const char *id = js_str(m, "id");

		snprintf(l->run, sizeof l->run, "%s", id ? id : "");
		l->stream = js_is(m, "stream", "err") ? 2 : 1;
		l->from = (uint64_t)js_int(m, "off", 0);
		l->to = l->from + (uint64_t)js_int(m, "len", 0);
	}
	buf_fini(&b);
	return l;
}

struct line *
line_new(enum fact kind, uint64_t seq, const struct js *m)
{
	return line_make(kind, seq, m, NULL);
}

struct line *
line_record(enum fact kind, uint64_t seq, const struct js *m, char *head)
{
	return line_make(kind, seq, m, head);
}

struct line *
line_raw(const char *data, size_t len)
{
	struct line *l = mem_alloc(sizeof *l + len);

	l->refs = 1;
	l->kind = FACTS;
	l->len = len;
	memcpy(l->data, data, len);
	return l;
}

struct line *
line_ref(struct line *l)
{
	l->refs++;
	return l;
}

void
line_free(struct line *l)
{
	if (l && --l->refs == 0)
		free(l);
}
