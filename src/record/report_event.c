/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_event.c: the timeline, one line an event that matters, bounded. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "record/report_int.h"

void
report_set_cut(struct js *obj, const char *key, const char *s, size_t max)
{
	size_t len = s ? strlen(s) : 0;
	char *cut;

	if (len <= max) {
		if (s)
			js_set_str(obj, key, s);
		return;
	}
	len = text_cut(s, max - 3);
	cut = mem_alloc(len + 4);
	memcpy(cut, s, len);
	strcpy(cut + len, "\xe2\x80\xa6"); /* … */
	js_set_str(obj, key, cut);
	free(cut);
}

const char *
report_ms(int64_t ms, char *out, size_t size)
{
	if (ms == INT64_MIN)
		ms++;
	if (ms < 0)
		snprintf(out, size, "-%lld.%03d s", (long long)(-ms / 1000),
		    (int)(-ms % 1000));
	else if (ms < 60000)
		snprintf(
		    out, size, "%lld.%03d s", (long long)(ms / 1000), (int)(ms % 1000));
	else if (ms < 3600000)
		snprintf(out, size, "%lld min %lld s", (long long)(ms / 60000),
		    (long long)(ms / 1000 % 60));
	else
		snprintf(out, size, "%lld h %lld min %lld s", (long long)(ms / 3600000),
		    (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60));
	return out;
}

static void event_words(struct js *event, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

static void
event_words(struct js *event, const char *fmt, va_list ap)
{
	char text[REPORT_TEXT_MAX * 2];

	vsnprintf(text, sizeof text, fmt, ap);
	text_only_utf8(text);
	report_set_cut(event, "text", text, REPORT_TEXT_MAX);
}

/* The tail is a ring: its oldest line goes. */
static void
event_keep(struct report *r, struct js *event)
{
	size_t at = r->n_tail % REPORT_EVENTS_TAIL;

	r->last = event;
	if (r->n_head < REPORT_EVENTS_HEAD) {
		r->head[r->n_head++] = event;
		return;
	}
	js_free(r->tail[at]);
	r->tail[at] = event;
	r->n_tail++;
}

/* True: it was counted in the line before. */
static bool
event_folds(struct report *r, const char *fold)
{
	bool same = fold[0] && strcmp(r->fold, fold) == 0;

	snprintf(r->fold, sizeof r->fold, "%s", fold);
	r->folded = same ? r->folded + 1 : 1;
	if (r->folded <= REPORT_FOLD || !r->last)
		return false;
	report_count(r->last, "more", 1);
	js_set_int(r->last, "more_to", r->seq);
	js_set_str(r->last, "more_at", r->at);
	return true;
}

struct js *
report_event(struct report *r, const char *fold, const char *fmt, ...)
{
	const struct js *who;
	struct js *event;
	va_list ap;

	if (event_folds(r, fold))
		return NULL;
	event = js_new();
	js_set_int(event, "seq", r->seq);
	js_set_str(event, "at", r->at);
	js_set_int(event, "ms", r->ms);
	js_set_str(event, "by", r->by);
	who = report_person(r, r->by);
	if (who)
		js_set_int(event, "person", js_int(who, "n", 0));
	va_start(ap, fmt);
	event_words(event, fmt, ap);
	va_end(ap);
	event_keep(r, event);
	return event;
}

void
report_event_set(struct js *event, const char *fmt, ...)
{
	va_list ap;

	if (!event)
		return;
	va_start(ap, fmt);
	event_words(event, fmt, ap);
	va_end(ap);
}

struct js *
report_timeline(struct report *r)
{
	size_t kept = r->n_tail < REPORT_EVENTS_TAIL ? r->n_tail : REPORT_EVENTS_TAIL;
	struct js *all = js_array();

	for (size_t i = 0; i < r->n_head; i++)
		js_add(all, js_ref(r->head[i]));
	if (r->n_tail > kept) {
		struct js *gap = js_new();

		js_set_int(gap, "left_out", (int64_t)(r->n_tail - kept));
		js_add(all, gap);
	}
	for (size_t i = r->n_tail - kept; i < r->n_tail; i++)
		js_add(all, js_ref(r->tail[i % REPORT_EVENTS_TAIL]));
	return all;
}

void
report_event_free(struct report *r)
{
	for (size_t i = 0; i < r->n_head; i++)
		js_free(r->head[i]);
	for (size_t i = 0; i < REPORT_EVENTS_TAIL; i++)
		js_free(r->tail[i]);
}
