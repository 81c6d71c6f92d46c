/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/replay/reel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "console/replay/reel_int.h"
#include "wire/journal_file.h"
#include "wire/messages.h"

#define SLICE_BYTES (1024 * 1024)   /* of the file, in one reel_more */
#define FIRST_BYTES (64 * 1024)	    /* and in the first one: a picture comes soon */
#define MONO_MAX ((int64_t)1 << 50) /* ms; no machine runs so long */
#define HEAD_MAX 256		    /* bytes in which the engine's own members stand */

struct reel *
reel_open(const char *path, struct err *err)
{
	struct journal_file *f = journal_file_open(path, err);
	struct reel *r;

	if (!f)
		return NULL;
	r = mem_alloc(sizeof *r);
	r->own = mem_alloc(sizeof *r->own);
	r->own->file = f;
	return r;
}

void
reel_close(struct reel *r)
{
	if (!r)
		return;
	journal_file_close(r->own->file);
	free(r->marks);
	free(r->ticks);
	free(r->own->lives);
	free(r->own->spans);
	free(r->own);
	free(r);
}

/* --- one line --- */

/* A member among those that the engine puts first; a quote in a string is escaped, so
 * this spelling stands in no text. */
static const char *
head_member(const char *line, size_t len, const char *spelled)
{
	size_t n = strlen(spelled);
	const char *p = memmem(line, len < HEAD_MAX ? len : HEAD_MAX, spelled, n);

	return p ? p + n : NULL;
}

static bool
head_number(const char *line, size_t len, const char *spelled, int64_t *out)
{
	const char *p = head_member(line, len, spelled), *end = line + len;
	int64_t n = 0;
	int digits = 0;

	while (p && p < end && *p >= '0' && *p <= '9' && digits++ < 18)
		n = n * 10 + (*p++ - '0');
	*out = n;
	return digits > 0;
}

static int64_t
head_at(const char *line, size_t len)
{
	const char *p = head_member(line, len, "\"at\":\"");
	char at[CLOCK_AT_LEN];

	if (!p || line + len - p < CLOCK_AT_LEN - 1)
		return -1;
	memcpy(at, p, CLOCK_AT_LEN - 1);
	at[CLOCK_AT_LEN - 1] = '\0';
	return clock_from(at);
}

/* What happens most and says nothing of times and states is not parsed here. */
static bool
is_plain(const char *line, size_t len)
{
	static const char *const heads[] = {"{\"t\":\"output\"", "{\"t\":\"text\"",
	    "{\"t\":\"note\"", "{\"t\":\"error\"", "{\"t\":\"operator\""};

	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		size_t n = strlen(heads[i]);

		if (len > n && memcmp(line, heads[i], n) == 0)
			return line[len - 1] == '}';
	}
	return false;
}

static bool
read_head(const char *line, size_t len, struct reel_head *h)
{
	struct err err;
	int64_t seq;

	memset(h, 0, sizeof *h);
	h->wall = head_at(line, len);
	if (is_plain(line, len) && h->wall >= 0 &&
	    head_number(line, len, "\"mono_ms\":", &h->mono) && h->mono <= MONO_MAX &&
	    head_number(line, len, "\"seq\":", &seq))
		return true;
	h->fact = js_parse(line, len, &err);
	if (!h->fact || !js_str(h->fact, "t") || js_int(h->fact, "seq", 0) <= 0) {
		js_free(h->fact);
		h->fact = NULL;
		return false;
	}
	h->mono = js_int(h->fact, "mono_ms", -1);
	if (h->mono > MONO_MAX)
		h->mono = -1;
	h->wall = js_str(h->fact, "at") ? clock_from(js_str(h->fact, "at")) : -1;
	return true;
}

static void
add_mark(struct reel *r, const struct reel_mark *m)
{
	struct reel_own *own = r->own;

	if (r->count == own->size) {
		own->size = own->size ? own->size * 2 : 1024;
		r->marks = mem_resize(r->marks, own->size * sizeof *r->marks);
	}
	r->marks[r->count++] = *m;
}

static void
add_line(struct reel *r, const char *line, size_t len)
{
	struct reel_mark m = {.at = journal_file_began(r->own->file)};
	const struct reel_mark *last = r->count > 0 ? &r->marks[r->count - 1] : NULL;
	struct reel_head head;

	if (last) {
		m.when = last->when;
		m.played = last->played;
		m.life = last->life;
	}
	if (!read_head(line, len, &head)) {
		m.kind = REEL_BAD;
		r->bad++;
		add_mark(r, &m);
		return;
	}
	reel_clock(r, &m, &head);
	if (head.fact)
		reel_learn(r, &m, head.fact);
	add_mark(r, &m);
	js_free(head.fact);
}

int
reel_more(struct reel *r, struct err *err)
{
	struct reel_own *own = r->own;
	int64_t from = own->read;

	journal_file_seek(own->file, own->read);
	while (own->read - from < (from == 0 ? FIRST_BYTES : SLICE_BYTES)) {
		const char *line;
		size_t len;
		int rc;

		if (r->count == REEL_RECORDS_MAX) {
			r->too_long = true;
			return 0;
		}
		rc = journal_file_next(own->file, &line, &len, err);
		if (rc <= 0) {
			r->torn = rc == 0 ? journal_file_torn(own->file) : 0;
			return rc;
		}
		add_line(r, line, len);
		own->read = journal_file_at(own->file);
	}
	return 1;
}

/* --- looking --- */

const char *
reel_next_line(struct reel *r, size_t *len)
{
	struct err err = {0};
	const char *line;
	int rc = journal_file_next(r->own->file, &line, len, &err);

	if (rc < 0)
		LOG("replay", "%s", err.words);
	return rc == 1 ? line : NULL;
}

const char *
reel_line(struct reel *r, size_t mark, size_t *len)
{
	assert(mark < r->count);
	if (journal_file_at(r->own->file) != r->marks[mark].at)
		journal_file_seek(r->own->file, r->marks[mark].at);
	return reel_next_line(r, len);
}

struct js *
reel_read(struct reel *r, size_t mark)
{
	size_t len;
	const char *line = reel_line(r, mark, &len);
	struct js *fact = NULL;
	struct err err;

	if (line && r->marks[mark].kind != REEL_BAD)
		fact = js_parse(line, len, &err);
	if (!fact && r->marks[mark].kind != REEL_BAD) {
		r->marks[mark].kind = REEL_BAD; /* its head was fine, the rest is not */
		r->bad++;
	}
	return fact;
}

int64_t
reel_bytes(const struct reel *r, size_t from, size_t to)
{
	int64_t end = to < r->count ? r->marks[to].at : r->own->read;

	return from < r->count ? end - r->marks[from].at : 0;
}

size_t
reel_after(const struct reel *r, int64_t played)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->marks[mid].played <= played)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
