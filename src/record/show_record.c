/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/show_record.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "record/record.h"
#include "wire/fact_line.h"
#include "wire/json.h"
#include "wire/messages.h"

#define HEAD_MAX 2048
#define BODY_INDENT 4

/* The member that is shown below the head, by kind; "": none. */
static const char *
body_key(const struct js *m)
{
	switch (message_fact(m)) {
	case FACT_ASK:
		return "command";
	case FACT_NOTE:
	case FACT_PROMPT:
	case FACT_TEXT:
		return "text";
	case FACT_INPUT:
	case FACT_OUTPUT:
		return "data";
	case FACT_TOOL:
		return js_str(m, "verb") ? "" : "what";
	default:
		return "";
	}
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
body_member(struct show *s, const struct js *m, const char *key)
{
	struct buf data;

	buf_init(&data, 512 * 1024);
	if (*key && js_bytes(m, key, &data) == 0 && data.len > 0)
		body_lines(s, data.data, data.len);
	buf_fini(&data);
}

static void
show_body(struct show *s, const struct js *m, const char *key)
{
	body_member(s, m, key);
	if (message_fact(m) == FACT_VERDICT)
		body_evidence(s, m);
	if (message_fact(m) == FACT_ASK && js_has(m, "stdin")) {
		record_wrapf(
		    s->to, s->columns, BODY_INDENT, BODY_INDENT, "standard input:");
		body_member(s, m, "input");
	}
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

static void
keep(char *out, size_t size, const char *s)
{
	snprintf(out, size, "%s", s ? s : "");
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
	    js_is(m, "id", s->run) && js_is(m, "stream", s->stream) &&
	    js_int(m, "off", -1) == s->next_off;

	s->run[0] = '\0';
	if (message_fact(m) == FACT_OUTPUT && ends_a_line(m)) {
		keep(s->run, sizeof s->run, js_str(m, "id"));
		keep(s->stream, sizeof s->stream, js_str(m, "stream"));
		s->next_off = js_int(m, "off", 0) + js_int(m, "len", 0);
	}
	return goes_on;
}

void
show_record(struct show *s, const struct js *m)
{
	const char *at = js_str(m, "at"), *by = js_str(m, "by");
	char head[160];
	struct buf b;

	at = at ? at : "";
	show_day(s, at);
	if (output_goes_on(s, m)) {
		show_body(s, m, "data");
		return;
	}
	snprintf(head, sizeof head, "%.12s %" PRId64 " %.32s ",
	    strlen(at) > 11 ? at + 11 : "?", js_int(m, "seq", 0), by ? by : "");
	buf_init(&b, HEAD_MAX);
	buf_add_some(&b, head, strlen(head));
	fact_words(m, body_key(m), &b);
	record_wrap(s->to, s->columns, 0, BODY_INDENT, buf_str(&b));
	buf_fini(&b);
	show_body(s, m, body_key(m));
}

void
show_bad(struct show *s, uint64_t line, const char *text, size_t len)
{
	record_wrapf(s->to, s->columns, 0, BODY_INDENT,
	    "line %" PRIu64 " is no record: %.*s%s", line, len < 60 ? (int)len : 60, text,
	    len > 60 ? "…" : "");
}
