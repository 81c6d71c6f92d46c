/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/fact_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "wire/messages.h"

#define PIECE_MAX 400 /* bytes of one text in a line */

/* Text of one member, on one line, cut. */
static void
add_text(struct buf *b, const char *s, size_t len)
{
	size_t keep = len > PIECE_MAX ? text_cut(s, PIECE_MAX) : len;

	while (keep > 0 && (s[keep - 1] == '\n' || s[keep - 1] == '\r'))
		keep--;
	for (size_t i = 0; i < keep; i++)
		buf_add_some(b, s[i] == '\n' ? " | " : s + i, s[i] == '\n' ? 3 : 1);
	if (len > PIECE_MAX)
		buf_add_some(b, " ...", 4);
}

static void
add(struct buf *b, const char *s)
{
	buf_add_some(b, s, strlen(s));
}

/* before, the member, after; nothing where there is none. */
static void
add_member(struct buf *b, const char *before, const struct js *m, const char *key,
    const char *after)
{
	size_t len = 0;
	const char *s = js_strn(m, key, &len);
	char *number = NULL;

	if (!s && js_has(m, key)) {
		s = number = js_bool(m, key, true) == js_bool(m, key, false)
		    ? mem_dup(js_bool(m, key, false) ? "yes" : "no")
		    : mem_printf("%.10g", js_dbl(m, key, 0));
		len = strlen(s);
	}
	if (s && len > 0) {
		add(b, before);
		add_text(b, s, len);
		add(b, after);
	}
	free(number);
}

/* One member of a line, and the words around it; a NULL key ends the row. */
struct piece {
	const char *before, *key, *after;
};

#define PIECES 10

static const struct piece rows[FACTS][PIECES] = {
    [FACT_ANSWERED] = {{"answered ", "id", ""}, {": ", "yes", ""}, {", ", "why", ""}},
    [FACT_ASK] = {{"asks ", "id", ": "}, {"", "text", ""}, {" [", "command", "]"},
	{" [", "verb", "]"}, {", standard input: ", "stdin", ""}, {" [", "input", "]"},
	{" (not text, base64) ", "input_b64", ""}},
    [FACT_CANCELLED] = {{"stopped turn ", "turn", ""}, {": ", "text", ""}},
    [FACT_DONE] = {{"turn ", "turn", " is over"}, {", done: ", "ok", ""}},
    [FACT_ERROR] = {{"error, ", "where", ""}, {": ", "text", ""}, {"; ", "todo", ""}},
    [FACT_INCIDENT] = {{"incident ", "id", " "}, {"", "state", ""}, {", ", "reason", ""},
	{", pid ", "pid", ""}, {", version ", "version", ""},
	{", bytes of a torn record cut off: ", "cut", ""}},
    [FACT_INPUT] = {{"", "id", " in: "}, {"", "data", ""},
	{"(not text, base64) ", "data_b64", ""},
	{"the rest is not on record: ", "cut", ""}},
    [FACT_NOTE] = {{"note: ", "text", ""}},
    [FACT_OPERATOR] = {{"", "name", " "}, {"", "state", ""}, {" (", "proof", ")"},
	{" on ", "tty", ""}, {", after ", "from", ""}, {", ", "why", ""},
	{", here now: ", "here", ""}},
    [FACT_OUTPUT] = {{"", "id", ""}, {" ", "stream", ": "}, {"", "data", ""},
	{"(not text, base64) ", "data_b64", ""}},
    [FACT_PROMPT] = {{"prompt, turn ", "turn", ""}, {", ", "state", ""},
	{", runbook ", "runbook", ""}, {": ", "text", ""}},
    [FACT_RESULT] = {{"turn ", "turn", ""}, {" ended: ", "stop", ""}, {", in ", "in", ""},
	{", out ", "out", ""}, {", USD ", "cost_usd", ""}, {", ms ", "ms", ""}},
    [FACT_SESSION] = {{"session ", "session", ""}, {", ", "model", ""},
	{" by ", "driver", ""}, {" at ", "endpoint", ""}},
    [FACT_SKIPPED] = {{"not sent here: ", "id", ""}, {" ", "stream", ""},
	{" from byte ", "from", ""}, {" to ", "to", ""}},
    [FACT_TEXT] = {{"says: ", "text", ""}, {", cut: ", "cut", ""},
	{", to itself: ", "thinking", ""}},
    [FACT_TOOL] = {{"run ", "id", ""}, {" on ", "host", ""}, {", asked by ", "asked", ""},
	{" ", "name", ""}, {": ", "what", ""},
	{" (not all of bytes: ", "what_bytes", ")"}, {", standard input: ", "stdin", ""}},
    [FACT_TOOL_END] = {{"run ", "id", " ended"}, {": exit ", "exit", ""},
	{": signal ", "signal", ""}, {": ", "failed", ""}, {" after ms ", "ms", ""},
	{", bytes not on record: ", "cut", ""}, {", bytes of input: ", "in", ""},
	{", of these not on record: ", "in_cut", ""}},
    [FACT_VERB] = {{"", "verb", " "}, {"", "id", " "}, {"", "state", ""},
	{" ", "stage", ""}, {", exit ", "exit", ""}, {" after ms ", "ms", ""},
	{", at the host ", "host_run", ""}, {", learnt: ", "learnt", ""},
	{": ", "result", ""}, {": ", "why", ""}},
    [FACT_VERDICT] = {{"verdict: ", "word", ""}, {", advice: ", "advice", ""},
	{". ", "why", ""}, {" To do: ", "todo", ""}},
};

static bool
is_named(const char *key)
{
	static const char *const own[] = {"at", "by", "h", "mono_ms", "seq", "t", "what"};

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcmp(key, own[i]) == 0)
			return true;
	return false;
}

struct member_walk {
	const struct js *m;
	struct buf *out;
	bool begun;
};

static bool
on_member(const char *key, void *arg)
{
	struct member_walk *w = arg;
	const struct js *child = js_get_array(w->m, key);
	struct buf text;

	if (is_named(key))
		return true;
	if (w->begun)
		add(w->out, "  ");
	w->begun = true;
	add_text(w->out, key, strlen(key));
	if (!child)
		child = js_get(w->m, key);
	if (!child) {
		add_member(w->out, " ", w->m, key, "");
		return true;
	}
	buf_init(&text, 64 * 1024);
	add(w->out, " ");
	if (js_print(child, &text) == 0)
		add_text(w->out, text.data, text.len);
	buf_fini(&text);
	return true;
}

void
fact_members(const struct js *m, struct buf *out)
{
	struct member_walk w = {.m = m, .out = out};

	js_each_key(m, on_member, &w);
}

/* "2026-11-27T03:12:07.123Z" -> "03:12:07" */
static void
add_time(const struct js *m, struct buf *out)
{
	size_t len = 0;
	const char *at = js_strn(m, "at", &len);

	buf_add_some(out, at && len >= 19 ? at + 11 : "--:--:--", 8);
}

/* What leads to a member that is shown elsewhere: its words, not its ": " or " [". */
static void
add_lead(struct buf *out, const char *before)
{
	size_t len = strlen(before);

	while (len > 0 && strchr(" :[(", before[len - 1]))
		len--;
	buf_add_some(out, before, len);
}

void
fact_words(const struct js *m, const char *but, struct buf *out)
{
	int kind = message_fact(m);
	const struct piece *row = kind >= 0 ? rows[kind] : NULL;

	if (!row || !row->before) {
		add_member(out, "", m, "t", " ");
		add_member(out, "", m, "what", ": ");
		fact_members(m, out);
		return;
	}
	for (int i = 0; i < PIECES && row[i].key; i++)
		if (but && strcmp(row[i].key, but) == 0)
			add_lead(out, row[i].before);
		else
			add_member(out, row[i].before, m, row[i].key, row[i].after);
}

bool
fact_line(const struct js *m, struct buf *out)
{
	int kind = message_fact(m);

	if (kind == FACT_CAUGHT_UP || kind == FACT_DELTA || kind == FACT_WELCOME)
		return false;
	add_time(m, out);
	add_member(out, " ", m, "by", "");
	add(out, " ");
	fact_words(m, NULL, out);
	return true;
}
