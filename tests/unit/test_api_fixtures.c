/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every recorded answer, whole, in pieces of several sizes and cut at each single
 * byte: what we make of it is the same each time, and is what other programs make
 * of it, but for the few things where we are stricter on purpose.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "engine/api/api_stream.h"
#include "engine/api/sse.h"
#include "sha256.h"
#include "wire/json.h"

#define SPLITS_MAX 9000 /* of one file; a longer one is cut at as many places */
#define BLOCKS_SEEN 16
#define ALL SIZE_MAX
#define FILE_MAX (64 * 1024 * 1024) /* bytes */

/* Here our tool input is not the SDK's: see the fixtures' README. */
static const char *const own_input[] = {"02-", "06-", "06b-"};

struct seen {
	struct buf text[BLOCKS_SEEN];  /* as it streamed */
	struct buf whole[BLOCKS_SEEN]; /* as it was told at its end */
	struct buf told; /* everything else, a line each; numbers of deltas left out */
	struct api_stream *s;
	int ended;
};

static void tell(struct seen *seen, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
tell(struct seen *seen, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	cr_assert_eq(buf_printf(&seen->told, "%s\n", line), 0);
}

static void
on_started(const char *id, const char *model, void *arg)
{
	tell(arg, "started %s %s", id, model);
}

static void
on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	struct seen *seen = arg;

	cr_assert_lt(block, BLOCKS_SEEN);
	cr_assert_eq(off, seen->text[block].len, "deltas follow each other");
	cr_assert_gt(len, 0);
	cr_assert_eq(buf_add(&seen->text[block], text, len), 0);
}

static void
on_text(int block, const char *text, size_t len, bool thinking, void *arg)
{
	struct seen *seen = arg;

	tell(seen, "text %d%s", block, thinking ? " thinking" : "");
	cr_assert_eq(buf_add(&seen->whole[block], text, len), 0);
}

static void
on_tool(const char *id, const char *name, void *arg)
{
	tell(arg, "tool %s %s", id, name);
}

static void
on_fallback(const char *from, const char *to, void *arg)
{
	tell(arg, "fallback %s %s", from, to);
}

static const struct api_stream_events events = {
    .started = on_started,
    .delta = on_delta,
    .text = on_text,
    .tool_begins = on_tool,
    .fallback = on_fallback,
};

static void
tell_message(struct seen *seen, const struct api_message *m)
{
	tell(seen, "message %s %s %d %s %lld %lld", m->id, m->model, m->stop,
	    m->stop_word, (long long)m->usage.last.in, (long long)m->usage.last.out);
	for (size_t i = 0; i < m->n_calls; i++) {
		tell(seen, "call %s %s %s", m->calls[i].id, m->calls[i].name,
		    m->calls[i].bad ? m->calls[i].bad : "fine");
		cr_assert_eq(buf_add(&seen->told, m->calls[i].input, m->calls[i].len), 0);
	}
	cr_assert_eq(buf_add(&seen->told, m->content, m->content_len), 0);
}

/* The first piece has first bytes, all others size. */
static void
run(struct seen *seen, const struct buf *b, size_t first, size_t size)
{
	struct err e = {0};
	size_t at = 0, n = first < b->len ? first : b->len;

	memset(seen, 0, sizeof *seen);
	buf_init(&seen->told, FILE_MAX);
	for (int i = 0; i < BLOCKS_SEEN; i++) {
		buf_init(&seen->text[i], FILE_MAX);
		buf_init(&seen->whole[i], FILE_MAX);
	}
	seen->s = api_stream_new(&events, seen);
	while (at < b->len && seen->ended == 0) {
		seen->ended = api_stream_feed(seen->s, b->data + at, n, &e);
		at += n;
		n = size < b->len - at ? size : b->len - at;
	}
	if (seen->ended == 0)
		seen->ended = api_stream_end(seen->s, &e);
	cr_assert_eq(seen->ended == 0, api_stream_is_done(seen->s));
	cr_assert_eq(seen->ended == 0, api_stream_failure(seen->s) == NULL);
	if (seen->ended == 0)
		tell_message(seen, api_stream_message(seen->s));
	else
		tell(seen, "failed %s: %s", api_stream_failure(seen->s)->type,
		    api_stream_failure(seen->s)->text);
}

static void
forget(struct seen *seen)
{
	api_stream_free(seen->s);
	buf_fini(&seen->told);
	for (int i = 0; i < BLOCKS_SEEN; i++) {
		buf_fini(&seen->text[i]);
		buf_fini(&seen->whole[i]);
	}
}

static void
must_be_same(const char *file, const struct buf *bytes, const struct seen *as,
    size_t first, size_t size)
{
	struct seen seen;

	run(&seen, bytes, first, size);
	cr_assert(seen.told.len == as->told.len &&
		memcmp(buf_str(&seen.told), buf_str(&as->told), as->told.len) == 0,
	    "%s in pieces of %zu and %zu:\n%s\nwhole:\n%s", file, first, size,
	    buf_str(&seen.told), buf_str(&as->told));
	for (int i = 0; i < BLOCKS_SEEN; i++) {
		cr_assert_eq(seen.text[i].len, as->text[i].len);
		cr_assert_str_eq(buf_str(&seen.text[i]), buf_str(&as->text[i]));
	}
	forget(&seen);
}

/* ---- the layer below ---- */

struct sse_seen {
	const struct js *list; /* or NULL */
	size_t n;
};

static bool
on_sse(const struct sse_event *e, void *arg)
{
	struct sse_seen *seen = arg;
	const struct js *want = js_at(seen->list, seen->n++);
	char sha[65];

	if (!want)
		return true;
	cr_assert_str_eq(e->name, js_str(want, "event") ? js_str(want, "event") : "");
	if (js_str(want, "id") && js_str(want, "id")[0]) /* that one forgets it */
		cr_assert_str_eq(e->id, js_str(want, "id"));
	cr_assert_eq(e->len, (size_t)js_int(want, "data_len", -1));
	sha256_hex(e->data, e->len, sha);
	sha[16] = '\0';
	cr_assert_str_eq(sha, js_str(want, "data_sha256_16"));
	return true;
}

static void
check_sse(const char *file, const struct buf *bytes, const struct js *want, size_t size)
{
	struct sse_seen seen = {js_get_array(want, "list"), 0};
	struct sse s;
	struct err e = {0};
	int64_t count = js_int(want, "expected_events_whatwg", -1);

	/* one reader loses the last event of a stream that ends in a bare CR */
	if (js_int(want, "events", -1) != count)
		seen.list = NULL;
	sse_init(&s, SSE_EVENT_MAX);
	for (size_t at = 0; at < bytes->len; at += size) {
		size_t n = size < bytes->len - at ? size : bytes->len - at;

		cr_assert_eq(
		    sse_feed(&s, bytes->data + at, n, on_sse, &seen, &e), 0, "%s", file);
		if (size == ALL)
			break;
	}
	sse_end(&s);
	cr_assert_eq((int64_t)seen.n, count, "%s: %zu events", file, seen.n);
	cr_assert_eq((int64_t)s.comments, js_int(want, "comments", 0), "%s", file);
	cr_assert_eq(s.retry_ms, js_int(want, "retry", -1), "%s", file);
	sse_fini(&s);
}

/* ---- against the SDK ---- */

struct check {
	const char *file;
	const struct js *obj;
	const struct seen *seen;
	const struct js *content; /* ours, as a tree; or NULL */
	bool prefix;		  /* the SDK's raw iterator went on where we stop */
};

static bool
check_text(const char *key, void *arg)
{
	struct check *c = arg;
	size_t len;
	const char *want = js_strn(c->obj, key, &len);
	const struct buf *got = &c->seen->text[atoi(key)];

	cr_assert(c->prefix ? got->len <= len : got->len == len, "%s: block %s: \"%s\"",
	    c->file, key, buf_str(got));
	cr_assert_arr_eq(buf_str(got), want, got->len);
	return true;
}

/* Which of the message's calls is block n?  NULL: none, it runs over there. */
static const struct api_call *
call_of(const struct check *c, int n)
{
	const struct api_message *m = api_stream_message(c->seen->s);
	const struct js *block = js_at(c->content, (size_t)n);

	for (size_t i = 0; block && i < m->n_calls; i++)
		if (js_is(block, "id", m->calls[i].id))
			return &m->calls[i];
	return NULL;
}

static bool
check_input(const char *key, void *arg)
{
	struct check *c = arg;
	const struct js *want = js_get(c->obj, key);
	const struct api_call *call = call_of(c, atoi(key));
	char sha[65];

	if (!c->content)
		return true;
	if (!call) {
		cr_assert(strstr(api_stream_message(c->seen->s)->content,
			      js_str(want, "text")) != NULL,
		    "%s: %s", c->file, key);
		return true;
	}
	cr_assert_eq((int64_t)call->len, js_int(want, "utf8_bytes", -1), "%s", c->file);
	sha256_hex(call->input, call->len, sha);
	cr_assert_str_eq(sha, js_str(want, "sha256"), "%s", c->file);
	cr_assert_eq(call->bad == NULL, js_bool(want, "ok", false), "%s: %s", c->file,
	    call->bad ? call->bad : "fine");
	return true;
}

static struct buf
printed(const struct js *obj, const char *key)
{
	struct js *one = js_new(), *v = js_get(obj, key);
	struct buf out;
	const char *s;
	size_t len;

	buf_init(&out, FILE_MAX);
	if (!v)
		v = js_get_array(obj, key);
	if (v)
		js_set(one, "v", js_ref(v));
	else if ((s = js_strn(obj, key, &len)))
		js_set_strn(one, "v", s, len);
	else
		js_set_int(
		    one, "v", js_int(obj, key, js_bool(obj, key, false) ? -2 : -1));
	cr_assert_eq(js_print(one, &out), 0);
	js_free(one);
	return out;
}

struct members {
	struct check *c;
	const struct js *want, *got;
	size_t n;
};

static bool
check_member(const char *key, void *arg)
{
	struct members *m = arg;
	struct buf want = printed(m->want, key), got = printed(m->got, key);
	bool own = false;

	for (size_t i = 0; i < sizeof own_input / sizeof *own_input; i++)
		own = own ||
		    (strcmp(key, "input") == 0 && strstr(m->c->file, own_input[i]));
	if (strcmp(key, "citations") != 0 || js_get_array(m->want, key)) {
		m->n++;
		cr_assert(own || strcmp(buf_str(&want), buf_str(&got)) == 0,
		    "%s: %s is %s, not %s", m->c->file, key, buf_str(&got),
		    buf_str(&want));
	}
	buf_fini(&want);
	buf_fini(&got);
	return true;
}

static bool
count_member(const char *key, void *arg)
{
	size_t *n = arg;

	(*n)++;
	return key != NULL;
}

/* Block for block; empty texts are left out. */
static void
check_content(struct check *c, const struct js *want)
{
	size_t k = 0, n;

	for (size_t i = 0; i < js_len(want); i++) {
		struct members m = {c, js_at(want, i), NULL, 0};

		if (js_is(m.want, "type", "text") && js_is(m.want, "text", ""))
			continue;
		m.got = js_at(c->content, k++);
		cr_assert(m.got, "%s: block %zu is missing", c->file, i);
		js_each_key(m.want, check_member, &m);
		n = 0;
		js_each_key(m.got, count_member, &n);
		cr_assert_eq(n, m.n, "%s: block %zu has other members", c->file, i);
	}
	cr_assert_eq(k, js_len(c->content), "%s", c->file);
}

static void
check_usage(const char *file, const struct api_usage *u, const struct js *want)
{
	const struct js *life = js_get(want, "cache_creation");
	const struct js *out = js_get(want, "output_tokens_details");

	cr_assert_eq(u->last.in, js_int(want, "input_tokens", -1), "%s", file);
	cr_assert_eq(u->last.out, js_int(want, "output_tokens", -1), "%s", file);
	cr_assert_eq(
	    u->last.cache_read, js_int(want, "cache_read_input_tokens", -1), "%s", file);
	cr_assert_eq(u->last.cache_write, js_int(want, "cache_creation_input_tokens", -1),
	    "%s", file);
	cr_assert_eq(u->last.cache_write_1h,
	    life ? js_int(life, "ephemeral_1h_input_tokens", -1) : -1, "%s", file);
	cr_assert_eq(
	    u->thinking, out ? js_int(out, "thinking_tokens", -1) : -1, "%s", file);
	cr_assert_eq(
	    (size_t)u->iterations, js_len(js_get_array(want, "iterations")), "%s", file);
}

static void
check_message(struct check *c, const struct js *want)
{
	const struct api_message *m = api_stream_message(c->seen->s);
	const char *stop = js_str(want, "stop_reason");

	cr_assert(m, "%s: %s", c->file, buf_str(&c->seen->told));
	cr_assert_str_eq(m->id, js_str(want, "id"));
	cr_assert_str_eq(m->model, js_str(want, "model"));
	cr_assert_str_eq(m->stop_word, stop ? stop : "", "%s", c->file);
	cr_assert_eq(m->stop, api_stop_by_word(stop));
	if (js_str(want, "stop_sequence"))
		cr_assert_str_eq(m->stop_sequence, js_str(want, "stop_sequence"));
	else
		cr_assert_null(m->stop_sequence);
	if (js_get(want, "stop_details") &&
	    js_str(js_get(want, "stop_details"), "category"))
		cr_assert_str_eq(
		    m->category, js_str(js_get(want, "stop_details"), "category"));
	check_usage(c->file, &m->usage, js_get(want, "usage"));
	check_content(c, js_get_array(want, "content"));
}

static void
check_error(struct check *c, const struct js *want)
{
	const struct api_failure *f = api_stream_failure(c->seen->s);
	const struct js *body = js_get(want, "body");

	cr_assert(f, "%s: %s", c->file, buf_str(&c->seen->told));
	if (!js_str(want, "type")) {
		cr_assert(strcmp(f->type, "cut") == 0 || strcmp(f->type, "protocol") == 0,
		    "%s: %s", c->file, f->type);
		return;
	}
	cr_assert_str_eq(f->type, js_str(want, "type"));
	cr_assert_str_eq(f->text, js_str(js_get(body, "error"), "message"));
	cr_assert_str_eq(f->request, js_str(body, "request_id"));
}

static void
check_against_sdk(const char *file, const struct seen *seen, const struct js *want)
{
	const struct js *raw = js_get(want, "raw_iterator");
	const struct js *sdk = js_get(want, "accumulator");
	const struct api_message *m = api_stream_message(seen->s);
	struct check c = {.file = file, .seen = seen};
	struct buf tree;
	struct js *j = NULL;
	struct err e = {0};

	buf_init(&tree, FILE_MAX);
	c.prefix = !m && !js_get(raw, "thrown");
	if (m) {
		cr_assert_eq(buf_printf(&tree, "{\"content\":%s}", m->content), 0);
		j = js_parse(tree.data, tree.len, &e);
		cr_assert(j, "%s: what goes back is %s: %s", file, e.words, m->content);
		c.content = js_get_array(j, "content");
	}
	c.obj = js_get(raw, "concatenated_text");
	js_each_key(c.obj, check_text, &c);
	if (js_is(sdk, "outcome", "message"))
		check_message(&c, js_get(sdk, "message"));
	else
		check_error(&c, js_get(sdk, "error"));
	c.obj = js_get(raw, "concatenated_partial_json");
	js_each_key(c.obj, check_input, &c);
	js_free(j);
	buf_fini(&tree);
}

static void
read_file(const char *path, struct buf *out)
{
	struct err e = {0};
	size_t len = 0;
	char *data = fd_read_file(path, FILE_MAX, &len, &e);

	cr_assert(data, "%s", e.words);
	buf_init(out, FILE_MAX);
	cr_assert_eq(buf_add(out, data, len), 0);
	free(data);
}

/* The same answer with other line ends: which is 0 for CR, 1 for CRLF, 2 for a mix. */
static void
with_line_ends(const struct buf *bytes, int which, struct buf *out)
{
	static const char *const ends[] = {"\r", "\r\n", "\n"};
	int n = 0;

	buf_init(out, FILE_MAX);
	for (size_t i = 0; i < bytes->len; i++)
		if (bytes->data[i] == '\n')
			/* a CR with a LF behind it is one end: never those two in a row
			 */
			cr_assert_eq(
			    buf_add_str(out, ends[which < 2 ? which : n++ % 2]), 0);
		else if (bytes->data[i] != '\r')
			cr_assert_eq(buf_add(out, &bytes->data[i], 1), 0);
}

static void
check_line_ends(const char *file, const struct buf *bytes, const struct seen *whole)
{
	struct buf other;

	for (int which = 0; which < 3; which++) {
		with_line_ends(bytes, which, &other);
		must_be_same(file, &other, whole, ALL, ALL);
		must_be_same(file, &other, whole, 1, 1);
		must_be_same(file, &other, whole, 7, 7);
		buf_fini(&other);
	}
}

/* An answer whose message_stop lacks its last line end is not complete: none of it runs.
 */
static void
check_cut(const char *file, struct buf *bytes, const struct seen *whole)
{
	static const char last[] = "\"message_stop\"}";
	size_t len = bytes->len, at = len - strlen(last);
	struct seen seen;

	if (!api_stream_is_done(whole->s))
		return;
	while (at > 0 && memcmp(bytes->data + at, last, strlen(last)) != 0)
		at--;
	cr_assert_gt(at, 0);
	for (size_t more = 0; more <= strlen(last); more++) {
		bytes->len = at + more;
		run(&seen, bytes, ALL, ALL);
		cr_assert(!api_stream_is_done(seen.s), "%s", file);
		cr_assert_null(api_stream_message(seen.s));
		cr_assert_str_eq(api_stream_failure(seen.s)->type, "cut");
		forget(&seen);
	}
	bytes->len = len;
}

static void
check_fixture(const char *path)
{
	static const size_t sizes[] = {1, 2, 3, 7, 4096};
	const char *file = strrchr(path, '/') + 1;
	struct buf bytes, expected;
	struct seen whole;
	struct err e = {0};
	struct js *want;
	char name[512];
	size_t step;

	snprintf(name, sizeof name, "%.*s.expected.json", (int)(strlen(path) - 4), path);
	read_file(path, &bytes);
	read_file(name, &expected);
	want = js_parse(expected.data, expected.len, &e);
	cr_assert(want, "%s: %s", name, e.words);
	run(&whole, &bytes, ALL, ALL);
	check_against_sdk(file, &whole, want);
	check_sse(file, &bytes, js_get(want, "sse_layer"), ALL);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		must_be_same(file, &bytes, &whole, sizes[i], sizes[i]);
		check_sse(file, &bytes, js_get(want, "sse_layer"), sizes[i]);
	}
	step = bytes.len / SPLITS_MAX + 1;
	if (bytes.len > SPLITS_MAX * 4)
		step = bytes.len / 100;
	for (size_t at = 1; at < bytes.len; at += step)
		must_be_same(file, &bytes, &whole, at, ALL);
	check_line_ends(file, &bytes, &whole);
	check_cut(file, &bytes, &whole);
	forget(&whole);
	js_free(want);
	buf_fini(&bytes);
	buf_fini(&expected);
}

Test(api_fixtures, give_at_every_split_what_other_programs_make_of_them)
{
	glob_t g = {0};
	const char *dir = getenv("API_FIXTURES");
	char pattern[512];

	snprintf(pattern, sizeof pattern, "%s/*.sse", dir ? dir : FIXTURES_DIR);
	cr_assert_eq(glob(pattern, 0, NULL, &g), 0);
	cr_assert_geq(g.gl_pathc, dir ? 1u : 20u);
	for (size_t i = 0; i < g.gl_pathc; i++)
		check_fixture(g.gl_pathv[i]);
	globfree(&g);
}
