/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/api/api_transcript_int.h"
#include "engine/api/jraw.h"

#define NOT_RUN "Not executed: the turn ended before this call could run."
#define AROUND 48 /* bytes of brackets and names of one message, about */

struct api_transcript *
api_transcript_new(void)
{
	struct api_transcript *t = mem_alloc(sizeof *t);

	buf_init(&t->waiting, WAITING_MAX);
	buf_init(&t->head, FRAGMENT_MAX);
	return t;
}

static void
entry_free(struct entry *e)
{
	buf_fini(&e->results);
	buf_fini(&e->texts);
	buf_fini(&e->notice);
	buf_fini(&e->notice_inside);
	buf_fini(&e->notice_behind);
	buf_fini(&e->whole);
	buf_fini(&e->plain);
	free(e->endpoint);
	free(e);
}

static void
close_calls(struct api_transcript *t)
{
	for (size_t i = 0; i < t->n_open; i++) {
		free(t->open[i]);
		free(t->sent[i]);
	}
	t->n_open = 0;
}

void
api_transcript_free(struct api_transcript *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		entry_free(t->entries[i]);
	free(t->entries);
	close_calls(t);
	free(t->open);
	free(t->sent);
	free(t->ids);
	buf_fini(&t->waiting);
	buf_fini(&t->head);
	free(t->pieces);
	free(t->endpoint);
	free(t);
}

static struct entry *
last(const struct api_transcript *t)
{
	return t->n ? t->entries[t->n - 1] : NULL;
}

static struct entry *
entry_new(struct api_transcript *t, bool is_user)
{
	struct entry *e = mem_alloc(sizeof *e);
	struct buf *bufs[] = {&e->results, &e->texts, &e->notice, &e->notice_inside,
	    &e->notice_behind, &e->whole, &e->plain};

	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_init(bufs[i], FRAGMENT_MAX);
	e->is_user = is_user;
	if (t->n == t->size) {
		t->size = t->size ? t->size * 2 : 16;
		t->entries = mem_resize(t->entries, t->size * sizeof *t->entries);
	}
	t->entries[t->n++] = e;
	t->bytes += AROUND;
	return e;
}

/* The user message that something new goes into: after an answer, or unsent. */
static struct entry *
user_message(struct api_transcript *t)
{
	struct entry *e = last(t);

	if (e && e->is_user && !e->sealed)
		return e;
	if (e && e->is_user) {
		/* it was sent, and nobody answered: roles must alternate */
		e = entry_new(t, false);
		api_reply_placeholder(&e->whole);
		api_reply_placeholder(&e->plain);
		t->bytes += (int64_t)e->whole.len;
	}
	return entry_new(t, true);
}

static void
add_raw(struct buf *b, const char *s)
{
	if (buf_add_str(b, s) < 0)
		abort();
}

/* What is too long is left out, so early that add_raw always has room. */
static void
add_string(struct buf *b, const char *text, size_t len)
{
	if (len > FRAGMENT_MAX / 8 || b->len + 6 * len > FRAGMENT_MAX * 7 / 8 ||
	    jraw_add_string(b, text, len) < 0)
		add_raw(b, "\"(too long)\"");
}

static void
add_text_block(struct buf *b, const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && strchr(" \t\r\n", text[i]) && text[i])
		i++;
	add_raw(
	    b, b->len ? ",{\"type\":\"text\",\"text\":" : "{\"type\":\"text\",\"text\":");
	if (i == len) /* the API refuses a text of white space */
		add_raw(b, "\"(no text)\"");
	else
		add_string(b, text, len);
	add_raw(b, "}");
}

static void
add_result(struct entry *e, const char *id, const char *text, size_t len, bool is_error)
{
	struct buf *b = &e->results;

	add_raw(b,
	    b->len ? ",{\"type\":\"tool_result\",\"tool_use_id\":"
		   : "{\"type\":\"tool_result\",\"tool_use_id\":");
	add_string(b, id, strlen(id));
	add_raw(b, ",\"content\":");
	if (len == 0)
		add_raw(b, "\"(no output)\"");
	else
		add_string(b, text, len);
	add_raw(b, is_error ? ",\"is_error\":true}" : "}");
}

void
api_transcript_results(struct api_transcript *t, const struct api_result *r, size_t n)
{
	struct entry *e;

	if (t->n_open == 0)
		return;
	e = user_message(t);
	for (size_t i = 0; i < t->n_open; i++) {
		const struct api_result *found = NULL;

		for (size_t k = 0; k < n && !found; k++)
			if (strcmp(r[k].call, t->open[i]) == 0)
				found = &r[k];
		if (found)
			add_result(
			    e, t->sent[i], found->text, found->len, found->is_error);
		else
			add_result(e, t->sent[i], NOT_RUN, strlen(NOT_RUN), true);
	}
	t->bytes += (int64_t)e->results.len;
	close_calls(t);
}

void
api_transcript_prompt(struct api_transcript *t, const char *text, size_t len)
{
	struct entry *e;
	size_t before;

	api_transcript_results(t, NULL, 0);
	e = user_message(t);
	before = e->texts.len;
	add_text_block(&e->texts, text, len);
	t->bytes += (int64_t)(e->texts.len - before);
}

void
api_transcript_notice(struct api_transcript *t, const char *text)
{
	if (!*text)
		return;
	if (t->waiting.len && buf_add_str(&t->waiting, "\n") < 0)
		return;
	/* a flood of notices loses the newest; the journal has them */
	if (buf_add_str(&t->waiting, text) < 0)
		(void)buf_add_some(&t->waiting, "...", 3);
}

bool
api_transcript_assistant(
    struct api_transcript *t, const struct api_message *m, const char *endpoint)
{
	struct entry *e = last(t);

	if (!e || m->stop == API_REFUSAL || t->n_open)
		return false;
	if (e->is_user)
		e = entry_new(t, false);
	else if (!e->unfinished)
		return false;
	else if (t->built == t->n)
		t->built--; /* it goes on where it paused: the message grows */
	if (e->endpoint && strcmp(e->endpoint, endpoint) != 0)
		e->plain_only = true;
	if (!e->endpoint)
		e->endpoint = mem_dup(endpoint);
	t->bytes -= (int64_t)e->whole.len;
	api_reply_add(t, e, m);
	t->bytes += (int64_t)e->whole.len;
	return true;
}

size_t
api_transcript_open_calls(const struct api_transcript *t, const char *const **ids)
{
	if (ids)
		*ids = (const char *const *)t->open;
	return t->n_open;
}

int64_t
api_transcript_bytes(const struct api_transcript *t)
{
	return t->bytes;
}

size_t
api_transcript_messages(const struct api_transcript *t)
{
	return t->n;
}

bool
api_transcript_drop_thinking(struct api_transcript *t)
{
	bool any = false;

	for (size_t i = 0; i < t->n; i++) {
		struct entry *e = t->entries[i];

		if (e->is_user || e->plain_only)
			continue;
		any = any || e->whole.len != e->plain.len;
		e->plain_only = true;
	}
	t->built = 0;
	return any;
}

bool
api_transcript_undo_prompt(struct api_transcript *t)
{
	struct entry *e = last(t);

	if (!e || !e->is_user || e->results.len)
		return false;
	if (e->notice.len) {
		struct buf later = t->waiting;

		t->waiting = e->notice;
		buf_init(&e->notice, FRAGMENT_MAX);
		if (later.len)
			api_transcript_notice(t, later.data);
		buf_fini(&later);
	}
	t->bytes -= (int64_t)e->texts.len + AROUND;
	entry_free(e);
	t->n--;
	if (t->built > t->n)
		t->built = t->n;
	return true;
}
