/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mirror.c: anchors and lines without bodies.
 *
 * A record's line is ours: members in their order, ASCII, no blank between them, and
 * inside a string every quote is escaped.  So a member can be cut out as text, and a
 * body of 32 KiB is never parsed.
 */
#include "engine/record/mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/record/mirror_log.h"
#include "engine/record/mirror_out.h"
#include "wire/chain.h"

struct mirror {
	struct mirror_log *log;
	struct mirror_out *out; /* NULL: not a foreground engine */
	char incident[64];	/* whose records come; "": not known yet */
};

/* One character of a JSON string: how many bytes of text it takes, how many it is. */
static size_t
char_of(const char *s, const char *end, size_t *bytes)
{
	unsigned code;
	char hex[5] = "";

	*bytes = 1;
	if (*s != '\\')
		return 1;
	if (end - s < 6 || s[1] != 'u')
		return 2;
	memcpy(hex, s + 2, 4);
	code = (unsigned)strtoul(hex, NULL, 16);
	/* each half of a surrogate pair counts two of its four bytes */
	*bytes = code < 0x80					? 1
	    : code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 2
								: 3;
	return 6;
}

/* Where the string that begins at s (behind its quote) ends; its length as bytes. */
static const char *
string_end(const char *s, const char *end, size_t *bytes)
{
	size_t n;

	*bytes = 0;
	while (s < end && *s != '"') {
		s += char_of(s, end, &n);
		*bytes += n;
	}
	return s < end ? s + 1 : end;
}

/* Takes the string member key out; with bytes its length stands there instead. */
static bool
cut_member(const char *data, size_t len, const char *key, bool bytes, struct buf *out)
{
	char head[32];
	size_t head_len = (size_t)snprintf(head, sizeof head, ",\"%s\":\"", key), n;
	const char *at = memmem(data, len, head, head_len), *rest;

	if (!at)
		return false;
	rest = string_end(at + head_len, data + len, &n);
	buf_add_some(out, data, (size_t)(at - data));
	if (bytes && buf_printf(out, ",\"bytes\":%zu", n) < 0)
		return false;
	buf_add_some(out, rest, (size_t)(data + len - rest));
	return true;
}

void
mirror_cut(const struct line *line, struct buf *out)
{
	size_t len = line->len - 1;
	bool cut = false;

	if (line->kind == FACT_OUTPUT)
		cut = cut_member(line->data, len, "data", false, out) ||
		    cut_member(line->data, len, "data_b64", false, out);
	else if (line->kind == FACT_TEXT || line->kind == FACT_PROMPT)
		cut = cut_member(line->data, len, "text", true, out);
	if (!cut)
		buf_add_some(out, line->data, len);
}

/* --- anchors --- */

static bool
is_anchored(const struct line *line, const struct js *m)
{
	static const char *const states[] = {
	    "asked", "confirmed", "finished", "refused", "unknown"};

	if (line->kind == FACT_INCIDENT)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (js_is(m, "state", states[i]))
			return true;
	return false;
}

static const char *
str(const struct js *m, const char *key)
{
	const char *s = js_str(m, key);

	return s && *s ? s : "-";
}

static void
anchor_to_log(
    struct mirror *m, const struct line *line, const struct js *fact, const char *h)
{
	const char *verb = js_str(fact, "verb");
	char *text = mem_printf("anchor incident=%s seq=%llu h=%s%s%s state=%s by=%s",
	    m->incident, (unsigned long long)line->seq, h, verb ? " verb=" : "",
	    verb ? verb : "", str(fact, "state"), str(fact, "by"));

	for (char *s = text; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
	mirror_log_say(m->log, text);
	free(text);
}

static void
anchor_to_out(
    struct mirror *m, const struct line *line, const struct js *fact, const char *h)
{
	struct js *a = js_new();
	struct buf text;

	js_set_str(a, "t", "anchor");
	js_set_str(a, "incident", m->incident);
	js_set_int(a, "seq", (int64_t)line->seq);
	js_set_str(a, "h", h);
	js_set_str(a, "verb", js_str(fact, "verb"));
	js_set_str(a, "state", js_str(fact, "state"));
	js_set_str(a, "by", js_str(fact, "by"));
	buf_init(&text, 4096);
	if (js_print(a, &text) == 0)
		mirror_out_say(m->out, text.data, text.len);
	buf_fini(&text);
	js_free(a);
}

static void
mirror_anchor(struct mirror *m, const struct line *line)
{
	char h[CHAIN_HEX + 1] = "-"; /* not in the chain: no memory and no disk took it */
	struct err err;
	struct js *fact = js_parse(line->data, line->len - 1, &err);
	size_t body;

	if (fact && line->kind == FACT_INCIDENT && js_str(fact, "id"))
		snprintf(m->incident, sizeof m->incident, "%s", js_str(fact, "id"));
	if (fact && is_anchored(line, fact)) {
		if (!chain_split(line->data, line->len - 1, &body, h))
			strcpy(h, "-");
		anchor_to_log(m, line, fact, h);
		if (m->out)
			anchor_to_out(m, line, fact, h);
	}
	js_free(fact);
}

void
mirror_record(struct mirror *m, const struct line *line)
{
	struct buf text;

	if (!m || line->seq == 0 || line->len == 0)
		return;
	if (m->out) {
		buf_init(&text, line->len + 64);
		mirror_cut(line, &text);
		mirror_out_say(m->out, text.data, text.len);
		buf_fini(&text);
	}
	if (line->kind == FACT_VERB || line->kind == FACT_INCIDENT)
		mirror_anchor(m, line);
}

void
mirror_say_left(struct mirror *m, const char *why)
{
	char *text = mem_printf("the engine leaves: %s; no incident is open", why);

	mirror_log_say(m->log, text);
	free(text);
}

struct mirror *
mirror_new(uv_loop_t *loop, const char *syslog, bool out)
{
	struct mirror *m = mem_alloc(sizeof *m);

	m->log = mirror_log_new(loop, syslog);
	m->out = out ? mirror_out_new(loop, STDOUT_FILENO) : NULL;
	return m;
}

void
mirror_free(struct mirror *m)
{
	if (!m)
		return;
	mirror_log_free(m->log);
	if (m->out)
		mirror_out_free(m->out);
	free(m);
}
