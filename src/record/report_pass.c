/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_pass.c: one pass over the records; which of them goes where. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "record/report_int.h"
#include "wire/messages.h"

#define JUMP_MS 2000 /* a wall clock that moves by more against the other has jumped */

/* ---- what the kinds use ---- */

const char *
report_str(const struct js *m, const char *key)
{
	const char *s = js_str(m, key);

	return s ? s : "";
}

int64_t
report_num(const struct js *m, const char *key, int64_t def)
{
	int64_t n = js_int(m, key, def), most = (int64_t)1 << 52;

	return n > most ? most : n < -most ? -most : n;
}

void
report_count(struct js *obj, const char *key, int64_t n)
{
	js_set_int(obj, key, js_int(obj, key, 0) + n);
}

struct js *
report_list(struct report *r, const char *name)
{
	struct js *list = js_get_array(r->facts, name);

	if (!list) {
		list = js_array();
		js_set(r->facts, name, list);
	}
	return list;
}

struct js *
report_item(struct report *r, const char *name)
{
	struct js *list = report_list(r, name), *item;
	char more[48];

	if (js_len(list) >= REPORT_LIST_MAX) {
		snprintf(more, sizeof more, "%.40s_more", name);
		report_count(r->facts, more, 1);
		return NULL;
	}
	item = js_new();
	js_set_int(item, "seq", r->seq);
	js_set_str(item, "at", r->at);
	js_set_int(item, "ms", r->ms);
	js_set_str(item, "by", r->by);
	js_add(list, item);
	return item;
}

/* The newest one first: ids begin anew with no incident, so there is one. */
struct js *
report_find(struct report *r, const char *name, const char *key, const char *value)
{
	struct js *list = js_get_array(r->facts, name);

	for (size_t i = js_len(list); i-- > 0;)
		if (js_is(js_at(list, i), key, value))
			return js_at(list, i);
	return NULL;
}

void
report_unknown(struct report *r, int64_t seq, const char *fmt, ...)
{
	struct js *item = report_item(r, "unknown");
	char text[600];
	va_list ap;

	if (!item)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	text_only_utf8(text);
	js_set_str(item, "text", text);
	js_set_int(item, "seq", seq);
}

void
report_mark_here(const struct report *r, struct report_mark *m)
{
	*m = (struct report_mark){r->seq, r->ms, r->wall_ms};
}

struct js *
report_action(struct report *r, const char *fmt, ...)
{
	struct js *item = report_item(r, "actions");
	const struct js *who = report_person(r, r->by);
	char text[REPORT_TEXT_MAX];
	va_list ap;

	if (!item)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	text_only_utf8(text);
	js_set_str(item, "did", text);
	if (who)
		js_set_int(item, "person", js_int(who, "n", 0));
	return item;
}

/* ---- the record in hand -------------------------------------------------------------
 */

/* Time goes on by the monotonic clock; a machine that has booted has another one. */
static void
pass_time(struct report *r, int64_t mono_ms)
{
	int64_t step = mono_ms - r->mono_ms, offset = r->wall_ms - mono_ms;
	int64_t jump = offset - r->offset_ms;
	bool booted = step < -JUMP_MS;
	char age[40];

	r->mono_ms = mono_ms;
	r->offset_ms = offset;
	if (!r->any) {
		r->first_wall_ms = r->wall_ms;
		return;
	}
	if (booted)
		step += jump; /* by the wall clock, the only one that both boots share */
	r->ms += step > 0 ? step : 0;
	if (booted) {
		struct js *item = report_item(r, "boots");

		if (item)
			js_set_int(item, "gone_ms", step);
		report_event(r, "",
		    "the engine's machine has booted: order and lengths "
		    "across this line are by its wall clock");
	} else if (llabs(jump) > JUMP_MS) {
		struct js *item = report_item(r, "jumps");

		if (item)
			js_set_int(item, "jump_ms", jump);
		report_event(r, "", "the engine's wall clock was set %s by %s",
		    jump > 0 ? "forward" : "back",
		    report_ms(llabs(jump), age, sizeof age));
	}
}

static void
pass_number(struct report *r, int64_t seq)
{
	if (!r->any)
		r->first_seq = seq;
	if (seq > r->last_seq + 1) {
		r->missing += seq - r->last_seq - 1;
		report_unknown(r, seq, "records %lld to %lld are not in this journal",
		    (long long)r->last_seq + 1, (long long)seq - 1);
	}
	if (seq > r->last_seq)
		r->last_seq = seq;
}

static void
pass_begin(struct report *r, const struct js *m)
{
	const char *at = report_str(m, "at");
	int64_t wall = clock_from(at);

	r->records++;
	r->seq = report_num(m, "seq", 0);
	snprintf(r->by, sizeof r->by, "%s", report_str(m, "by"));
	r->by[text_cut(r->by, strlen(r->by))] = '\0';
	if (wall >= 0) {
		r->wall_ms = wall;
		snprintf(r->at, sizeof r->at, "%s", at);
	}
	pass_time(r, report_num(m, "mono_ms", r->mono_ms));
	pass_number(r, r->seq);
	if (!r->any)
		report_mark_here(r, &r->first);
	r->any = true;
}

/*
 * Of an output, which most records are, its head alone is read: seq, at and mono_ms
 * stand there in this order in every record of ours.
 */
static bool
pass_output(struct report *r, const char *line, size_t len)
{
	static const char head[] = "{\"t\":\"output\",\"seq\":";
	char copy[160], at[CLOCK_AT_LEN];
	long long seq, mono; /* of 15 digits at most */
	size_t n = len < sizeof copy - 1 ? len : sizeof copy - 1;
	int64_t wall;

	if (len < sizeof head || memcmp(line, head, sizeof head - 1) != 0)
		return false;
	memcpy(copy, line, n);
	copy[n] = '\0';
	if (sscanf(copy + sizeof head - 1,
		"%15lld,\"at\":\"%24[0-9TZ:.-]\",\"mono_ms\":%15lld,", &seq, at,
		&mono) != 3 ||
	    (wall = clock_from(at)) < 0)
		return false;
	r->records++;
	r->seq = seq;
	r->wall_ms = wall;
	snprintf(r->at, sizeof r->at, "%s", at);
	snprintf(r->by, sizeof r->by, "engine");
	pass_time(r, mono);
	pass_number(r, seq);
	if (!r->any)
		report_mark_here(r, &r->first);
	r->any = true;
	return true;
}

static void (*const readers[FACTS])(struct report *r, const struct js *m) = {
    [FACT_ANSWERED] = report_on_answered,
    [FACT_ASK] = report_on_ask,
    [FACT_CANCELLED] = report_on_cancelled,
    [FACT_DONE] = report_on_done,
    [FACT_ERROR] = report_on_error,
    [FACT_INCIDENT] = report_on_incident,
    [FACT_INPUT] = report_on_input,
    [FACT_NOTE] = report_on_note,
    [FACT_OPERATOR] = report_on_operator,
    [FACT_PROMPT] = report_on_prompt,
    [FACT_RESULT] = report_on_result,
    [FACT_SESSION] = report_on_session,
    [FACT_STATE] = report_on_state,
    [FACT_TEXT] = report_on_text,
    [FACT_TOOL] = report_on_tool,
    [FACT_TOOL_END] = report_on_tool_end,
    [FACT_VERB] = report_on_verb,
    [FACT_VERDICT] = report_on_verdict,
};

void
report_line(struct report *r, const char *line, size_t len)
{
	struct err err;
	struct js *m;
	int kind;

	if (len == 0 || pass_output(r, line, len))
		return;
	m = js_parse(line, len, &err);
	if (!m) {
		r->unread++;
		return;
	}
	pass_begin(r, m);
	kind = message_fact(m);
	if (kind >= 0 && readers[kind])
		readers[kind](r, m);
	js_free(m);
}

struct report *
report_new(int64_t began_ms)
{
	struct report *r = mem_alloc(sizeof *r);

	r->facts = js_new();
	r->began_ms = began_ms;
	js_set_int(r->facts, "v", 1);
	return r;
}

void
report_free(struct report *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < REPORT_OPEN_MAX; i++) {
		js_free(r->open[i].run);
		js_free(r->open[i].event);
	}
	report_event_free(r);
	js_free(r->facts);
	free(r);
}

struct js *
report_facts(struct report *r)
{
	if (r->summed)
		return r->facts;
	r->summed = true;
	report_runs_over(r);
	report_sum(r);
	js_set(r->facts, "timeline", report_timeline(r));
	return r->facts;
}
