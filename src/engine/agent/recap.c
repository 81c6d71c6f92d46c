/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/recap.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

enum entry_kind { ENTRY_PROMPT, ENTRY_ANSWER, ENTRY_NOTICE };

struct entry {
	struct entry *next;
	enum entry_kind kind;
	int turn; /* 0: none */
	unsigned mark;
	size_t len;
	char *text; /* with its first line, LF at its end */
};

struct recap {
	struct entry *first, **end;
	size_t bytes;
	unsigned mark;	      /* of the newest */
	unsigned last_prompt; /* its mark */
};

struct recap *
recap_new(void)
{
	struct recap *r = mem_alloc(sizeof *r);

	r->end = &r->first;
	return r;
}

static void
recap_remove(struct recap *r, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	if (!e->next)
		r->end = at;
	r->bytes -= e->len;
	free(e->text);
	free(e);
}

void
recap_free(struct recap *r)
{
	if (!r)
		return;
	while (r->first)
		recap_remove(r, &r->first);
	free(r);
}

/* Head and tail of a long text: what was asked, and what came out. */
static void
add_cut(struct buf *out, const char *text, size_t len)
{
	size_t half = RECAP_ENTRY_MAX / 2 - 64, from;

	if (len <= 2 * half) {
		buf_add_some(out, text, len);
		return;
	}
	buf_add_some(out, text, text_cut(text, half));
	(void)!buf_printf(out, "\n[%zu bytes left out]\n", len - 2 * half);
	for (from = len - half; from < len && ((unsigned char)text[from] & 0xc0) == 0x80;)
		from++;
	buf_add_some(out, text + from, len - from);
}

static void
recap_add(struct recap *r, enum entry_kind kind, int turn, const char *who,
    const char *text, size_t len)
{
	struct entry *e = mem_alloc(sizeof *e);
	struct buf out;

	buf_init(&out, RECAP_ENTRY_MAX);
	(void)!buf_printf(&out, "%s: ", who);
	add_cut(&out, text, len);
	buf_add_some(&out, "\n", 1);
	e->kind = kind;
	e->turn = turn;
	e->mark = ++r->mark;
	e->len = out.len;
	e->text = mem_dupn(buf_str(&out), out.len);
	buf_fini(&out);
	*r->end = e;
	r->end = &e->next;
	r->bytes += e->len;
	while (r->bytes > RECAP_MAX)
		recap_remove(r, &r->first);
}

/* Only a turn's last text stays. */
static void
recap_drop_answer(struct recap *r, int turn)
{
	for (struct entry **at = &r->first; *at; at = &(*at)->next)
		if ((*at)->kind == ENTRY_ANSWER && (*at)->turn == turn) {
			recap_remove(r, at);
			return;
		}
}

static void
see_prompt(struct recap *r, const struct js *f)
{
	size_t len = 0;
	const char *text = js_strn(f, "text", &len), *by = js_str(f, "by");

	if (!text || !js_is(f, "state", "started") || js_int(f, "part", 1) != 1)
		return;
	recap_add(
	    r, ENTRY_PROMPT, (int)js_int(f, "turn", 0), by ? by : "operator", text, len);
	r->last_prompt = r->mark;
}

static void
see_text(struct recap *r, const struct js *f)
{
	int turn = (int)js_int(f, "turn", 0);
	size_t len = 0;
	const char *text = js_strn(f, "text", &len);

	if (!text || js_bool(f, "thinking", false) || js_int(f, "part", 1) != 1)
		return;
	recap_drop_answer(r, turn);
	recap_add(r, ENTRY_ANSWER, turn, "agent", text, len);
}

void
recap_see(struct recap *r, const struct js *f)
{
	if (js_is(f, "t", "prompt"))
		see_prompt(r, f);
	else if (js_is(f, "t", "text"))
		see_text(r, f);
	else if (js_is(f, "t", "incident") && js_is(f, "state", "opened"))
		while (r->first)
			recap_remove(r, &r->first);
}

void
recap_notice(struct recap *r, const char *text)
{
	recap_add(r, ENTRY_NOTICE, 0, "breakglass", text, strlen(text));
}

unsigned
recap_mark(const struct recap *r)
{
	return r->mark;
}

char *
recap_text(const struct recap *r, unsigned since)
{
	struct buf out;
	char *text = NULL;
	bool any = false;

	buf_init(&out, RECAP_MAX);
	for (const struct entry *e = r->first; e; e = e->next) {
		if (e->mark <= since || e->mark == r->last_prompt)
			continue;
		buf_add_some(&out, e->text, e->len);
		any = any || e->kind != ENTRY_NOTICE;
	}
	if (any)
		text = mem_dupn(buf_str(&out), out.len);
	buf_fini(&out);
	return text;
}
