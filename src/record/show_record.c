/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/show_record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "record/record.h"
#include "wire/json.h"
#include "wire/messages.h"

#define HEAD_MAX 2048
#define BODY_INDENT 4

static const char *
str(const struct js *m, const char *key)
{
	const char *s = js_str(m, key);

	return s ? s : "";
}

static void add(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
add(struct buf *b, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_add_some(b, text, strlen(text));
}

/* " (text)", ": text" … only where there is one. */
static void
add_if(struct buf *b, const char *before, const char *text, const char *after)
{
	if (text && *text)
		add(b, "%s%s%s", before, text, after);
}

/* --- members that are shown by their names --- */

struct members {
	const struct js *m;
	struct buf *b;
	const char * not ; /* those that were said already, " name name " */
};

static bool
is_int(const struct js *m, const char *key)
{
	return js_int(m, key, 1) == js_int(m, key, 2);
}

static bool
is_bool(const struct js *m, const char *key)
{
	return js_bool(m, key, true) == js_bool(m, key, false);
}

static void
add_nested(struct buf *b, const char *key, const struct js *value)
{
	struct buf text;

	buf_init(&text, 64 * 1024);
	if (js_print(value, &text) == 0)
		add(b, " %s=%.400s%s", key, text.data, text.len > 400 ? "…" : "");
	buf_fini(&text);
}

static bool
add_member(const char *key, void *arg)
{
	struct members *g = arg;
	char word[80];

	snprintf(word, sizeof word, " %.70s ", key);
	if (strstr(" t seq at mono_ms by h ", word) || strstr(g->not, word))
		return true;
	if (js_str(g->m, key))
		add(g->b, " %s=%.400s", key, js_str(g->m, key));
	else if (js_get(g->m, key))
		add_nested(g->b, key, js_get(g->m, key));
	else if (js_get_array(g->m, key))
		add_nested(g->b, key, js_get_array(g->m, key));
	else if (is_bool(g->m, key))
		add(g->b, " %s=%s", key, js_bool(g->m, key, false) ? "yes" : "no");
	else if (is_int(g->m, key))
		add(g->b, " %s=%" PRId64, key, js_int(g->m, key, 0));
	else if (!js_is_null(g->m, key))
		add(g->b, " %s=%.4g", key, js_dbl(g->m, key, 0));
	return true;
}

static void
add_members(struct buf *b, const struct js *m, const char * not )
{
	struct members g = {m, b, not };

	js_each_key(m, add_member, &g);
}

/* --- heads, by kind --- */

static void
head_verb(struct buf *b, const struct js *m)
{
	add(b, "verb %s %s: %s", str(m, "id"), str(m, "verb"), str(m, "state"));
	add_if(b, " ", str(m, "stage"), "");
	add_members(b, m, " id verb state stage asked req ");
}

static void
head_tool(struct buf *b, const struct js *m)
{
	add(b, "run %s on %s, asked by %s", str(m, "id"), str(m, "host"),
	    str(m, "asked"));
	add_if(b, ", ", str(m, "name"), "");
	if (!js_str(m, "verb"))
		return;
	add(b, ": %s", str(m, "verb"));
}

static void
head_output(struct buf *b, const struct js *m)
{
	add(b, "%s %s, %" PRId64 " bytes from %" PRId64, str(m, "id"), str(m, "stream"),
	    js_int(m, "len", 0), js_int(m, "off", 0));
}

static void
head_tool_end(struct buf *b, const struct js *m)
{
	add(b, "run %s ended:", str(m, "id"));
	add_members(b, m, " id ");
}

static void
head_text(struct buf *b, const struct js *m)
{
	add(b, "%s, turn %" PRId64,
	    js_bool(m, "thinking", false) ? "the agent thinks" : "the agent says",
	    js_int(m, "turn", 0));
	if (js_has(m, "part"))
		add(b, ", part %" PRId64, js_int(m, "part", 0));
	if (js_bool(m, "cut", false))
		add(b, ", cut");
}

static void
head_prompt(struct buf *b, const struct js *m)
{
	add(b, "%s, turn %" PRId64 ", %s", js_str(m, "runbook") ? "runbook" : "prompt",
	    js_int(m, "turn", 0), str(m, "state"));
}

static void
head_verdict(struct buf *b, const struct js *m)
{
	add(b, "verdict %s, advice %s: %s", str(m, "word"), str(m, "advice"),
	    str(m, "why"));
	add_if(b, " (", str(m, "todo"), ")");
}

static void
head_error(struct buf *b, const struct js *m)
{
	add(b, "error (%s): %s", str(m, "where"), str(m, "text"));
	add_if(b, ": ", str(m, "todo"), "");
}

static void
head_state(struct buf *b, const struct js *m)
{
	add(b, "state %s", str(m, "what"));
	add_if(b, " ", str(m, "host"), "");
	add_if(b, " ", str(m, "state"), "");
	add_members(b, m, " what host state checked ");
}

static void
head_incident(struct buf *b, const struct js *m)
{
	add(b, "incident %s", str(m, "state"));
	add_members(b, m, " state ");
}

static void
head_operator(struct buf *b, const struct js *m)
{
	add(b, "operator %s %s", str(m, "name"), str(m, "state"));
	add_members(b, m, " name state ");
}

static void
head_ask(struct buf *b, const struct js *m)
{
	add(b, "asks %s (%s): %s", str(m, "id"), str(m, "kind"), str(m, "text"));
}

static void
head_note(struct buf *b, const struct js *m)
{
	add(b, "note");
}

static const struct kind {
	enum fact fact;
	void (*head)(struct buf *b, const struct js *m);
	const char *body; /* the member that is shown below, "": none */
} kinds[] = {
    {FACT_ASK, head_ask, "command"},
    {FACT_ERROR, head_error, ""},
    {FACT_INCIDENT, head_incident, ""},
    {FACT_NOTE, head_note, "text"},
    {FACT_OPERATOR, head_operator, ""},
    {FACT_OUTPUT, head_output, "data"},
    {FACT_PROMPT, head_prompt, "text"},
    {FACT_STATE, head_state, ""},
    {FACT_TEXT, head_text, "text"},
    {FACT_TOOL, head_tool, "what"},
    {FACT_TOOL_END, head_tool_end, ""},
    {FACT_VERB, head_verb, ""},
    {FACT_VERDICT, head_verdict, ""},
};

static const struct kind *
kind_of(const struct js *m)
{
	int fact = message_fact(m);

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if ((int)kinds[i].fact == fact)
			return &kinds[i];
	return NULL;
}

/* --- bodies --- */

static void
body_lines(struct show *s, const char *data, size_t len)
{
	size_t shown = 0, lines = 0, max = s->body_bytes ? s->body_bytes : len;
	const char *p = data, *end = data + (len < max ? len : max);

	while (p < end && (!s->body_lines || lines < s->body_lines)) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t n = lf ? (size_t)(lf - p) : (size_t)(end - p);
		char *line = mem_dupn(p, n);

		/* a NUL would end it early: shown as what it is not */
		for (size_t i = 0; i < n; i++)
			if (line[i] == '\0')
				line[i] = '\1';
		record_wrap(s->to, s->columns, BODY_INDENT, BODY_INDENT + 2, line);
		free(line);
		p += n + (lf ? 1 : 0);
		lines++;
	}
	shown = (size_t)(p - data);
	if (shown < len)
		record_wrapf(s->to, s->columns, BODY_INDENT, BODY_INDENT,
		    "[%zu more bytes: --full, or --json]", len - shown);
}

static void
body_evidence(struct show *s, const struct js *m)
{
	struct js *list = js_get_array(m, "evidence");

	for (size_t i = 0; i < js_len(list); i++) {
		size_t len;
		const char *line = js_at_str(list, i, &len);

		if (line)
			record_wrap(
			    s->to, s->columns, BODY_INDENT, BODY_INDENT + 2, line);
	}
}

static void
show_body(struct show *s, const struct js *m, const char *key)
{
	struct buf data;

	buf_init(&data, 512 * 1024);
	if (*key && js_bytes(m, key, &data) == 0 && data.len > 0)
		body_lines(s, data.data, data.len);
	buf_fini(&data);
	if (message_fact(m) == FACT_VERDICT)
		body_evidence(s, m);
}

/* --- a record --- */

static void
show_day(struct show *s, const char *at)
{
	if (strlen(at) < 10 || strncmp(s->day, at, 10) == 0)
		return;
	snprintf(s->day, sizeof s->day, "%.10s", at);
	record_say(s->to, "--- %s, times in UTC\n", s->day);
}

static bool
ends_a_line(const struct js *m)
{
	struct buf data;
	bool lf;

	buf_init(&data, 512 * 1024);
	lf = js_bytes(m, "data", &data) == 0 && data.len > 0 &&
	    data.data[data.len - 1] == '\n';
	buf_fini(&data);
	return lf;
}

/* A run prints line by line, and each is a record: one head is enough. */
static bool
output_goes_on(struct show *s, const struct js *m)
{
	bool goes_on = message_fact(m) == FACT_OUTPUT && s->run[0] &&
	    strcmp(s->run, str(m, "id")) == 0 &&
	    strcmp(s->stream, str(m, "stream")) == 0 &&
	    js_int(m, "off", -1) == s->next_off;

	s->run[0] = '\0';
	if (message_fact(m) == FACT_OUTPUT && ends_a_line(m)) {
		snprintf(s->run, sizeof s->run, "%.31s", str(m, "id"));
		snprintf(s->stream, sizeof s->stream, "%.7s", str(m, "stream"));
		s->next_off = js_int(m, "off", 0) + js_int(m, "len", 0);
	}
	return goes_on;
}

void
show_record(struct show *s, const struct js *m)
{
	const struct kind *k = kind_of(m);
	const char *at = str(m, "at");
	struct buf b;

	show_day(s, at);
	if (output_goes_on(s, m)) {
		show_body(s, m, "data");
		return;
	}
	buf_init(&b, HEAD_MAX);
	add(&b, "%.12s %" PRId64 " %.32s ", strlen(at) > 11 ? at + 11 : "?",
	    js_int(m, "seq", 0), str(m, "by"));
	if (k) {
		k->head(&b, m);
	} else {
		add(&b, "%.32s", str(m, "t"));
		add_members(&b, m, " ");
	}
	record_wrap(s->to, s->columns, 0, BODY_INDENT, buf_str(&b));
	buf_fini(&b);
	show_body(s, m, k && !(k->fact == FACT_TOOL && js_str(m, "verb")) ? k->body : "");
}

void
show_bad(struct show *s, uint64_t line, const char *text, size_t len)
{
	record_wrapf(s->to, s->columns, 0, BODY_INDENT,
	    "line %" PRIu64 " is no record: %.*s%s", line, len < 60 ? (int)len : 60, text,
	    len > 60 ? "…" : "");
}
