/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two stages, each with what it holds back: first our own secrets, then the
 * patterns.  A piece that neither touches is passed on as it came.
 */
#include "engine/remote/redact.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/known.h"
#include "base/mem.h"
#include "engine/flight.h"
#include "engine/runbook/pattern.h"

#define BLOCK 4096 /* bytes that are matched at once */
#define PAST 64	   /* bytes before it that a pattern may look back at */
#define MARK_MAX 80

struct redact {
	struct {
		char name[REDACT_NAME_MAX + 1];
		struct pattern *pattern;
	} rows[REDACT_PATTERNS_MAX];
	int count;
};

/* What one pattern finds next; all places are in the stream's text. */
struct next {
	int how; /* of pattern_look; -2: not looked yet */
	size_t start, end;
	struct pattern_budget budget; /* for what is in the text now */
};

struct redact_stream {
	const struct redact *r;
	struct known_walk walk;
	struct buf held;	/* stage 1: what is in doubt */
	uint64_t held_at;	/* its place in the whole text */
	uint64_t done, cut_end; /* so much was passed on or cut; the last cut's end */
	struct buf text;	/* stage 2: past bytes that are out, then what is not */
	size_t past;
	bool swallow; /* to the end of the line */
	struct next next[REDACT_PATTERNS_MAX];
};

/* --- the file --- */

static int
row_read(struct redact *r, const char *line, size_t len, struct err *err)
{
	size_t n = 0, gap;
	struct pattern_match m;
	struct pattern_budget budget = {PATTERN_STEPS_MAX};
	struct err gave_up;

	while (n < len &&
	    ((line[n] >= 'a' && line[n] <= 'z') || (line[n] >= '0' && line[n] <= '9') ||
		line[n] == '-'))
		n++;
	for (gap = n; gap < len && (line[gap] == ' ' || line[gap] == '\t'); gap++)
		continue;
	if (n == 0 || n > REDACT_NAME_MAX || gap == n || gap == len)
		return err_set(err, ERR_USAGE,
		    "a line is NAME PATTERN, the name of at most %d of a-z, 0-9 and -",
		    REDACT_NAME_MAX);
	if (r->count == REDACT_PATTERNS_MAX)
		return err_set(
		    err, ERR_LIMIT, "at most %d patterns go", REDACT_PATTERNS_MAX);
	r->rows[r->count].pattern = pattern_new_plain(line + gap, len - gap, err);
	if (!r->rows[r->count].pattern)
		return -1;
	memcpy(r->rows[r->count].name, line, n);
	r->count++;
	if (pattern_find(
		r->rows[r->count - 1].pattern, "", 0, 0, &budget, &m, &gave_up) == 1)
		return err_set(err, ERR_USAGE, "the pattern fits even where nothing is");
	return 0;
}

static int
rows_read(
    struct redact *r, const char *path, const char *text, size_t len, struct err *err)
{
	int line = 1;

	for (size_t at = 0; at < len; line++) {
		const char *eol = memchr(text + at, '\n', len - at);
		size_t n = eol ? (size_t)(eol - text) - at : len - at, cut = n;

		while (
		    cut > 0 && (text[at + cut - 1] == '\r' || text[at + cut - 1] == ' '))
			cut--;
		if (cut > 0 && text[at] != '#' && row_read(r, text + at, cut, err) < 0)
			return err_wrap(err, "redact: %s line %d", path, line);
		at += n + 1;
	}
	return 0;
}

struct redact *
redact_new(const char *path, struct err *err)
{
	struct redact *r = mem_alloc(sizeof *r);
	size_t len;
	char *text;

	if (!*path)
		return r;
	text = flight_read_file(path, REDACT_FILE_MAX, &len, err);
	if (!text || rows_read(r, path, text, len, err) < 0) {
		if (!text)
			err_wrap(err, "redact");
		redact_free(r);
		r = NULL;
	}
	free(text);
	return r;
}

void
redact_free(struct redact *r)
{
	if (!r)
		return;
	for (int i = 0; i < r->count; i++)
		pattern_free(r->rows[i].pattern);
	free(r);
}

/* --- stage 2: patterns --- */

struct redact_stream *
redact_stream_new(const struct redact *r)
{
	struct redact_stream *s = mem_alloc(sizeof *s);

	s->r = r;
	known_begin(&s->walk, false);
	buf_init(&s->held, REDACT_HELD_MAX + BLOCK);
	buf_init(&s->text, PAST + 2 * REDACT_HELD_MAX + 2 * BLOCK);
	return s;
}

static void
mark(const char *name, size_t bytes, const char *more, redact_out_fn *out, void *arg)
{
	char text[MARK_MAX];
	int n = snprintf(text, sizeof text, "[cut: %s, %zu bytes%s]", name, bytes, more);

	out(text, (size_t)n, arg);
}

static void
pass(const char *data, size_t len, redact_out_fn *out, void *arg)
{
	if (len > 0)
		out(data, len, arg);
}

/* The first of what the patterns find from at on; -1: none.  hold: up to there it is
 * sure. */
static int
first_find(struct redact_stream *s, size_t at, bool last, size_t *hold)
{
	int first = -1;

	*hold = s->text.len;
	for (int i = 0; i < s->r->count; i++) {
		struct next *n = &s->next[i];
		struct pattern_match m;

		if (n->how == -2 || (n->how != 0 && n->start < at)) {
			n->how = pattern_look(s->r->rows[i].pattern, s->text.data,
			    s->text.len, at, last, &n->budget, &m);
			n->start = n->how > 0 ? m.start : at;
			n->end = m.end;
		}
		if (n->how == 2 && n->start < *hold)
			*hold = n->start;
		if ((n->how == 1 || n->how == -1) &&
		    (first < 0 || n->start < s->next[first].start))
			first = i;
	}
	return first >= 0 && s->next[first].start <= *hold ? first : -1;
}

/* The match that is longer than can be held: the end of its line is the end of it. */
static size_t
give_up(struct redact_stream *s, size_t at, redact_out_fn *out, void *arg)
{
	int i = 0;

	while (i < s->r->count - 1 && (s->next[i].how != 2 || s->next[i].start != at))
		i++;
	mark(s->r->rows[i].name, s->text.len - at, " so far, to the end of the line", out,
	    arg);
	s->swallow = true;
	return s->text.len;
}

/* What is out stays for a while, for patterns that look back. */
static void
forget(struct redact_stream *s, size_t at)
{
	size_t from = at > PAST ? at - PAST : 0, left = s->text.len - from;

	memmove(s->text.data, s->text.data + from, left);
	explicit_bzero(s->text.data + left, s->text.len - left);
	s->text.len = left;
	s->past = at - from;
}

static void
patterns_run(struct redact_stream *s, bool last, redact_out_fn *out, void *arg)
{
	size_t at = s->past, hold;
	int i;

	for (int k = 0; k < s->r->count; k++) {
		s->next[k].how = -2;
		s->next[k].budget.steps = PATTERN_LOOK_STEPS;
	}
	while (at < s->text.len && (i = first_find(s, at, last, &hold)) >= 0) {
		struct next *n = &s->next[i];

		pass(s->text.data + at, n->start - at, out, arg);
		if (n->how < 0)
			n->end = s->text.len;
		mark(s->r->rows[i].name, n->end - n->start,
		    n->how < 0 ? " that it gave up on" : "", out, arg);
		explicit_bzero(s->text.data + n->start, n->end - n->start);
		at = n->end;
	}
	if (at < s->text.len) {
		pass(s->text.data + at, hold - at, out, arg);
		at = hold;
	}
	if (s->text.len - at > REDACT_HELD_MAX)
		at = give_up(s, at, out, arg);
	forget(s, at);
}

static void
patterns_feed(
    struct redact_stream *s, const char *data, size_t len, redact_out_fn *out, void *arg)
{
	const char *eol;

	if (!s->r || s->r->count == 0) {
		pass(data, len, out, arg);
		return;
	}
	if (s->swallow) {
		eol = memchr(data, '\n', len);
		s->swallow = !eol;
		len -= eol ? (size_t)(eol - data) : len;
		data = eol;
	}
	while (len > 0) {
		size_t n = len < BLOCK ? len : BLOCK;

		if (buf_add(&s->text, data, n) < 0)
			abort(); /* what is held is bounded */
		patterns_run(s, false, out, arg);
		data += n;
		len -= n;
	}
}

/* --- stage 1: our own secrets --- */

/* Passes on what is held and was not yet, up to the place "to". */
static void
known_pass(struct redact_stream *s, uint64_t to, redact_out_fn *out, void *arg)
{
	if (s->done >= to)
		return;
	patterns_feed(
	    s, s->held.data + (s->done - s->held_at), (size_t)(to - s->done), out, arg);
	s->done = to;
}

static void
known_feed(
    struct redact_stream *s, const char *data, size_t len, redact_out_fn *out, void *arg)
{
	static const char word[] = "[secret]";
	uint64_t from, doubt;
	size_t used = s->held.len;

	if (buf_add(&s->held, data, len) < 0)
		abort(); /* what is held is bounded */
	while (known_next(&s->walk, s->held.data, s->held.len, &used, &from)) {
		/* What overlaps the one before, or follows it at once, is one cut. */
		if (from > s->done || s->done == 0 || s->cut_end != s->done) {
			known_pass(s, from, out, arg);
			patterns_feed(s, word, sizeof word - 1, out, arg);
		}
		s->done = s->cut_end = s->walk.at;
	}
	doubt = known_doubt(&s->walk);
	if (s->walk.at - doubt > REDACT_HELD_MAX)
		doubt = s->walk.at;
	known_pass(s, doubt, out, arg);
	len = (size_t)(s->walk.at - s->done);
	used = s->held.len - len;
	memmove(s->held.data, s->held.data + used, len);
	explicit_bzero(s->held.data + len, used);
	s->held.len = len;
	s->held_at = s->done;
}

void
redact_feed(
    struct redact_stream *s, const char *data, size_t len, redact_out_fn *out, void *arg)
{
	while (len > 0) {
		size_t n = len < BLOCK ? len : BLOCK;

		known_feed(s, data, n, out, arg);
		data += n;
		len -= n;
	}
}

void
redact_end(struct redact_stream *s, redact_out_fn *out, void *arg)
{
	known_pass(s, s->walk.at, out, arg);
	if (s->r && s->r->count > 0 && s->text.len > s->past)
		patterns_run(s, true, out, arg);
}

void
redact_stream_free(struct redact_stream *s)
{
	if (!s)
		return;
	if (s->held.data)
		explicit_bzero(s->held.data, s->held.len);
	if (s->text.data)
		explicit_bzero(s->text.data, s->text.len);
	buf_fini(&s->held);
	buf_fini(&s->text);
	free(s);
}
