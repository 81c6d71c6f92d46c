/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/transcript.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "model/incident.h"
#include "model/transcript_int.h"
#include "wire/messages.h"

void
transcript_init(struct transcript *t)
{
	memset(t, 0, sizeof *t);
	t->next_serial = TRANSCRIPT_FIRST_SERIAL;
}

size_t
transcript_cost(const struct item *it)
{
	return it->text.len + sizeof *it + (it->verdict ? sizeof *it->verdict : 0) +
	    (it->proof ? sizeof *it->proof : 0);
}

void
transcript_item_free(struct item *it)
{
	free(it->verdict);
	free(it->proof);
	buf_fini(&it->text);
	free(it);
}

static void
drop_oldest(struct transcript *t)
{
	struct item *it = t->items[t->first];

	t->bytes -= transcript_cost(it);
	t->first = (t->first + 1) % TRANSCRIPT_ITEMS_MAX;
	t->count--;
	t->dropped++;
	transcript_item_free(it);
}

void
transcript_fini(struct transcript *t)
{
	while (t->count > 0)
		drop_oldest(t);
}

struct item *
transcript_at(const struct transcript *t, size_t i)
{
	return i < t->count ? t->items[(t->first + i) % TRANSCRIPT_ITEMS_MAX] : NULL;
}

size_t
transcript_find(const struct transcript *t, uint64_t serial)
{
	const struct item *oldest = transcript_at(t, 0);

	if (!oldest || serial <= oldest->serial)
		return 0;
	return serial - oldest->serial < t->count ? serial - oldest->serial : t->count;
}

/* The youngest item may not be the one that goes, however big it is. */
static void
keep_bounds(struct transcript *t)
{
	while (t->count > 1 &&
	    (t->bytes > TRANSCRIPT_BYTES_MAX || t->count >= TRANSCRIPT_ITEMS_MAX))
		drop_oldest(t);
}

/* Does this fact tell of something that began before it? */
static bool
is_stub(enum item_kind kind, const struct js *fact)
{
	return js_int(fact, "part", 1) > 1 || js_is(fact, "t", "answered") ||
	    (kind == ITEM_VERB && !js_is(fact, "state", "asked"));
}

struct item *
transcript_add(struct transcript *t, enum item_kind kind, const struct js *fact)
{
	struct item *it = mem_alloc(sizeof *it);
	size_t len;
	const char *at = fact ? js_strn(fact, "at", &len) : NULL;

	keep_bounds(t);
	it->kind = kind;
	it->serial = t->next_serial++;
	buf_init(&it->text, TRANSCRIPT_ITEM_MAX);
	if (fact) {
		it->stub = is_stub(kind, fact);
		it->turn = js_int(fact, "turn", 0);
		incident_label(fact, "by", it->by, sizeof it->by);
		incident_label(fact, "id", it->id, sizeof it->id);
	}
	if (at && len >= 19)
		scrub_label(at + 11, 8, it->at, sizeof it->at);
	t->items[(t->first + t->count) % TRANSCRIPT_ITEMS_MAX] = it;
	t->count++;
	t->bytes += sizeof *it;
	return it;
}

/* Every change of an item's text goes through these two: they keep the sum of bytes. */
void
transcript_append(struct transcript *t, struct item *it, const char *text, size_t len)
{
	t->bytes += buf_add_some(&it->text, text, len);
	it->version++;
}

void
transcript_truncate(struct transcript *t, struct item *it, size_t len)
{
	if (len >= it->text.len)
		return;
	t->bytes -= it->text.len - len;
	it->text.len = len;
	if (it->text.data)
		it->text.data[len] = '\0';
	it->version++;
	it->rewritten++;
}

/* --- clean text of several lines --- */

struct collector {
	struct transcript *t;
	struct item *it;
};

static void
collect_text(void *arg, const char *text, size_t len, uint32_t style)
{
	struct collector *c = arg;

	transcript_append(c->t, c->it, text, len);
}

static void
collect_newline(void *arg)
{
	collect_text(arg, "\n", 1, 0);
}

void
transcript_append_clean(
    struct transcript *t, struct item *it, const char *text, size_t len)
{
	static const struct scrub_sink sink = {
	    collect_text, collect_newline, collect_newline};
	struct collector c = {t, it};
	struct scrub s;

	if (!text)
		return;
	scrub_init(&s, &sink, &c, SCRUB_PLAIN);
	scrub_feed(&s, text, len < TRANSCRIPT_ITEM_MAX ? len : TRANSCRIPT_ITEM_MAX);
	scrub_finish(&s);
}

/* The member's bytes, whichever way they travel; fini the buf. */
static bool
bytes_of(const struct js *fact, const char *key, struct buf *out)
{
	buf_init(out, TRANSCRIPT_ITEM_MAX);
	return js_bytes(fact, key, out) == 0;
}

void
transcript_append_member(
    struct transcript *t, struct item *it, const struct js *fact, const char *key)
{
	size_t len = 0;
	const char *s = js_strn(fact, key, &len);

	transcript_append_clean(t, it, s, len);
}

struct item *
transcript_find_id(struct transcript *t, enum item_kind kind, const struct js *fact)
{
	char id[16];

	incident_label(fact, "id", id, sizeof id);
	for (size_t i = t->count; i-- > 0;) {
		struct item *it = transcript_at(t, i);

		if (it->kind == kind && id[0] && strcmp(it->id, id) == 0)
			return it;
	}
	return NULL;
}

/* --- the agent's text --- */

static struct item *
find_block(struct transcript *t, int64_t turn, int64_t block)
{
	for (size_t i = t->count; i-- > 0;) {
		struct item *it = transcript_at(t, i);

		if ((it->kind == ITEM_TEXT || it->kind == ITEM_THINKING) &&
		    it->turn == turn && it->block == block)
			return it;
	}
	return NULL;
}

static struct item *
block_item(struct transcript *t, const struct js *fact)
{
	int64_t turn = js_int(fact, "turn", 0), block = js_int(fact, "block", 0);
	struct item *it = find_block(t, turn, block);

	if (!it) {
		it = transcript_add(t,
		    js_bool(fact, "thinking", false) ? ITEM_THINKING : ITEM_TEXT, fact);
		it->block = block;
	}
	return it;
}

static void
grow_block(struct transcript *t, struct item *it, int64_t off, const struct buf *text)
{
	if (off <= it->raw) /* 0 replaces the block; an overlap is not doubled */
		transcript_truncate(t, it, (size_t)off);
	else
		transcript_append(t, it, " […] ", strlen(" […] "));
	transcript_append(t, it, buf_str(text), text->len);
	it->raw = off + (int64_t)text->len;
	t->answering = true;
}

static bool
apply_delta(struct transcript *t, const struct js *fact)
{
	struct item *it = block_item(t, fact);
	int64_t off = js_int(fact, "off", 0);
	bool use = !it->final && it->told == 0 && off >= 0;
	struct buf text;

	use = bytes_of(fact, "text", &text) && use;
	if (use)
		grow_block(t, it, off, &text);
	buf_fini(&text);
	return use;
}

/* Others spoke while it grew: the finished block stands below them. */
static void
leave_place(struct transcript *t, const struct js *fact)
{
	struct item *it =
	    find_block(t, js_int(fact, "turn", 0), js_int(fact, "block", 0));

	if (!it || it->final || it->told > 0 || it == transcript_at(t, t->count - 1))
		return;
	transcript_truncate(t, it, 0);
	it->kind = ITEM_GONE;
	it->version++;
}

/*
 * What was told in pieces is most often just what is recorded: it stays as it is.  The
 * record of a long one comes in parts.
 */
static void
finish_block(struct transcript *t, struct item *it, const struct buf *text, bool last)
{
	size_t have = it->text.len - it->told;
	size_t same = have < text->len ? have : text->len;

	if (same > 0 && memcmp(buf_str(&it->text) + it->told, buf_str(text), same) != 0) {
		transcript_truncate(t, it, it->told);
		same = 0;
	}
	transcript_append(t, it, buf_str(text) + same, text->len - same);
	it->told += text->len;
	if (it->told > it->text.len) /* no more of it is kept */
		it->told = it->text.len;
	if (last)
		transcript_truncate(t, it, it->told);
	it->version++; /* its end is known now */
}

static bool
apply_text(struct transcript *t, const struct js *fact)
{
	struct item *it;
	struct buf text;

	leave_place(t, fact);
	it = block_item(t, fact);
	if (!bytes_of(fact, "text", &text)) {
		buf_fini(&text);
		return false;
	}
	it->final = js_int(fact, "part", 1) >= js_int(fact, "parts", 1);
	finish_block(t, it, &text, it->final);
	it->kind = js_bool(fact, "thinking", false) ? ITEM_THINKING : ITEM_TEXT;
	if (js_bool(fact, "cut", false))
		transcript_append(t, it, " […cut off here]", strlen(" […cut off here]"));
	t->answering = false;
	buf_fini(&text);
	return true;
}

struct item *
transcript_of(struct transcript *t, const struct js *fact)
{
	switch (message_fact(fact)) {
	case FACT_VERB:
		return transcript_find_id(t, ITEM_VERB, fact);
	case FACT_ANSWERED:
		return transcript_find_id(t, ITEM_NOTE, fact);
	case FACT_TEXT:
		return find_block(t, js_int(fact, "turn", 0), js_int(fact, "block", 0));
	case FACT_PROMPT:
		return transcript_find_prompt(t, js_int(fact, "turn", 0));
	default:
		return NULL;
	}
}

/* --- the rest --- */

static bool
apply_error(struct transcript *t, const struct js *fact)
{
	struct item *it = transcript_add(t, ITEM_ERROR, fact);

	incident_label(fact, "where", it->head, sizeof it->head);
	it->tone = TONE_BAD;
	transcript_append_member(t, it, fact, "text");
	if (js_has(fact, "command") || js_has(fact, "command_b64")) {
		transcript_append(t, it, ": ", 2);
		transcript_append_member(t, it, fact, "command");
	}
	if (js_str(fact, "todo")) {
		transcript_append(t, it, "\n", 1);
		transcript_append_member(t, it, fact, "todo");
	}
	return true;
}

/* "ann drives now, no longer ben"; the proof follows. */
static void
say_operator(const struct js *fact, const char *name, char *out, size_t size)
{
	char state[16], from[33], why[64];

	incident_label(fact, "state", state, sizeof state);
	incident_label(fact, "from", from, sizeof from);
	incident_label(fact, "why", why, sizeof why);
	if (strcmp(state, "driving") == 0 && from[0])
		snprintf(out, size, "%s drives now, no longer %s", name, from);
	else if (strcmp(state, "driving") == 0)
		snprintf(out, size, "%s drives%s%s", name, why[0] ? ": " : "", why);
	else if (strcmp(state, "watching") == 0)
		snprintf(out, size, "%s gave the baton back: who acts next drives", name);
	else if (js_is(fact, "role", "command"))
		snprintf(out, size, "%s acts from a command line", name);
	else
		snprintf(out, size, "%s %s%s", name, state,
		    js_bool(fact, "read_only", false) ? ", read-only" : "");
}

static bool
apply_operator(struct transcript *t, const struct js *fact)
{
	struct item *it = transcript_at(t, t->count - 1);
	char name[33], proof[192], line[400];

	if (js_bool(fact, "again", false))
		return false; /* for the journal's readers */
	/* Somebody who comes and goes is one line: how it stands now. */
	incident_label(fact, "name", name, sizeof name);
	if (!it || it->kind != ITEM_EVENT || strcmp(it->head, name) != 0 ||
	    js_has(fact, "from"))
		it = transcript_add(t, ITEM_EVENT, fact);
	snprintf(it->head, sizeof it->head, "%s", name);
	transcript_truncate(t, it, 0);
	incident_label(fact, "proof", proof, sizeof proof);
	say_operator(fact, name, line, sizeof line);
	transcript_append(t, it, line, strlen(line));
	snprintf(line, sizeof line, " (%s)", proof);
	if (proof[0])
		transcript_append(t, it, line, strlen(line));
	return true;
}

/* Another engine goes on with the incident: an operator should know since when. */
static void
say_continued(const struct js *fact, char *line, size_t size)
{
	char version[33], cut[80] = "";
	int64_t bytes = js_int(fact, "cut", 0);

	incident_label(fact, "version", version, sizeof version);
	if (bytes > 0)
		snprintf(cut, sizeof cut, ", %lld bytes of a torn record were cut",
		    (long long)bytes);
	snprintf(line, size, "engine started anew (pid %lld, version %s)%s",
	    (long long)js_int(fact, "pid", 0), version, cut);
}

static bool
apply_incident(struct transcript *t, const struct js *fact)
{
	struct item *it = transcript_add(t, ITEM_EVENT, fact);
	char id[65], state[16], reason[96], line[256];

	incident_label(fact, "id", id, sizeof id);
	incident_label(fact, "state", state, sizeof state);
	incident_label(fact, "reason", reason, sizeof reason);
	if (strcmp(state, "continued") == 0)
		say_continued(fact, line, sizeof line);
	else if (strcmp(state, "left") == 0)
		snprintf(line, sizeof line, "the engine left: %s", reason);
	else
		snprintf(line, sizeof line, "incident %s %s%s%s", id, state,
		    reason[0] ? ": " : "", reason);
	transcript_append(t, it, line, strlen(line));
	return true;
}

static bool
apply_line(struct transcript *t, const struct js *fact, const char *key)
{
	struct item *it = transcript_add(t, ITEM_NOTE, fact);

	transcript_append_member(t, it, fact, key);
	return true;
}

static bool
apply(struct transcript *t, const struct js *fact)
{
	switch (message_fact(fact)) {
	case FACT_DELTA:
		return apply_delta(t, fact);
	case FACT_TEXT:
		return apply_text(t, fact);
	case FACT_PROMPT:
		return transcript_prompt(t, fact);
	case FACT_TOOL:
		return transcript_tool(t, fact);
	case FACT_TOOL_END:
		return transcript_tool_end(t, fact);
	case FACT_VERB:
		return transcript_verb(t, fact);
	case FACT_VERDICT:
		return transcript_verdict(t, fact);
	case FACT_ERROR:
		return apply_error(t, fact);
	case FACT_RESULT:
		return transcript_result(t, fact);
	case FACT_CANCELLED:
		return transcript_cancelled(t, fact);
	case FACT_OPERATOR:
		return apply_operator(t, fact);
	case FACT_SESSION:
		return transcript_session(t, fact);
	case FACT_INCIDENT:
		return apply_incident(t, fact);
	case FACT_ASK:
		return transcript_ask(t, fact);
	case FACT_ANSWERED:
		return transcript_answered(t, fact);
	case FACT_NOTE:
		return apply_line(t, fact, "text");
	case FACT_DONE:
		t->answering = false;
		return false;
	case FACT_STATE:
		if (js_int(fact, "seq", 0) <= 0)
			return false;
		if (js_is(fact, "what", "left"))
			return transcript_left(t, fact);
		return js_is(fact, "what", "proof") && transcript_proof(t, fact);
	default:
		return false;
	}
}

bool
transcript_apply(struct transcript *t, const struct js *fact)
{
	bool changed = apply(t, fact);

	keep_bounds(t); /* only here and in add: nobody holds an item now */
	return changed;
}

void
transcript_local(struct transcript *t, enum item_tone tone, const char *text)
{
	struct item *it = transcript_add(t, ITEM_LOCAL, NULL);

	it->tone = tone;
	transcript_append_clean(t, it, text, strlen(text));
}
