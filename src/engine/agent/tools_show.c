/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a model reads of an output: marked as data, seen whole, cut in the middle.
 *
 *   <breakglass-output 9f3a6c01d2e4b877>
 *   [9f3a6c01d2e4b877 exit status 1 after 2.3 s]
 *   [9f3a6c01d2e4b877 standard output, 40 bytes]
 *   ...
 *   </breakglass-output 9f3a6c01d2e4b877>
 *
 * The tag is made when the output is known: nothing in it can close the block, or
 * pretend to be one of our lines.  Models read characters that people do not see,
 * so each of those stands there by its number; what looks like such a block of
 * ours, or of the vendor's, loses its bracket.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/random.h"
#include "base/scrub.h"
#include "base/text.h"
#include "engine/remote/run.h"
#include "engine/agent/tools_int.h"

#define OUT_MAX (4 << 20) /* bytes of one block; show_visible keeps far below it */
#define RUN_SEEN 4	  /* of a run of unseen characters, so many are named */
#define BINARY_SAMPLE 8192
#define BINARY_BYTES 16 /* of a binary output that are shown */
#define LINE_NEAR 200	/* a tail begins at a line, if one begins so near */

void
show_kept_init(struct show_kept *k, size_t max)
{
	memset(k, 0, sizeof *k);
	k->max = max;
	buf_init(&k->head, max);
	buf_init(&k->tail, max);
}

void
show_kept_fini(struct show_kept *k)
{
	buf_fini(&k->head);
	buf_fini(&k->tail);
}

void
show_kept_add(struct show_kept *k, const char *data, size_t len)
{
	size_t half = k->max / 2, took;

	k->bytes += len;
	took = buf_add_some(&k->head, data, len);
	if (took == len && k->bytes <= half)
		return; /* the head has all that a tail could */
	if (len > half) {
		data += len - half;
		len = half;
	}
	if (k->tail.len + len > k->max)
		buf_drop(&k->tail, k->tail.len + len - half);
	if (buf_add(&k->tail, data, len) < 0)
		abort();
}

/* ---- one character ---- */

static void
put(struct buf *out, const char *s, size_t len)
{
	if (buf_add(out, s, len) < 0)
		abort(); /* max and RUN_SEEN keep far below OUT_MAX */
}

static bool
is_unseen(uint32_t cp)
{
	return cp != '\n' && cp != '\t' && (!scrub_is_plain(cp) || cp == 0x2800);
}

static void
put_unseen(struct buf *out, uint32_t cp)
{
	char text[24];
	int n;

	if (cp < 0x20 || cp == 0x7f)
		n = snprintf(text, sizeof text, "^%c", (char)(cp ^ 0x40));
	else
		n = snprintf(text, sizeof text, "⟨U+%04X⟩", (unsigned)cp);
	put(out, text, (size_t)n);
}

static void
put_run(struct buf *out, size_t run)
{
	char text[64];
	int n;

	if (run <= RUN_SEEN)
		return;
	n = snprintf(text, sizeof text, "⟨%zu more unseen characters⟩", run - RUN_SEEN);
	put(out, text, (size_t)n);
}

/* Does one of our blocks, or of the vendor's, begin or end behind this '<'? */
static bool
is_forged(const char *s, size_t len)
{
	static const char *const names[] = {"breakglass-", "system-reminder", "system>",
	    "function_results", "function_calls", "tool_result", "tool_use", "invoke"};
	size_t i = 1;

	/* up to the next '<' at most: all of a text is looked at twice, no more */
	while (i < len && (isspace((unsigned char)s[i]) || s[i] == '/'))
		i++;
	for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
		if (len - i >= strlen(names[k]) &&
		    strncasecmp(s + i, names[k], strlen(names[k])) == 0)
			return true;
	return false;
}

size_t
show_visible(struct buf *out, const char *data, size_t len, size_t max)
{
	size_t at = 0, run = 0, end = out->len + max;

	while (at < len && out->len < end) {
		uint32_t cp;
		size_t before = out->len, n = text_decode(data + at, len - at, &cp);

		if (cp == '\r' && at + 1 < len && data[at + 1] == '\n') {
			at += n;
			continue;
		}
		if (is_unseen(cp)) {
			if (++run <= RUN_SEEN)
				put_unseen(out, cp);
		} else {
			put_run(out, run);
			run = 0;
			if (cp == '<' && is_forged(data + at, len - at))
				put(out, "⟨<⟩", strlen("⟨<⟩"));
			else if (cp == TEXT_REPLACEMENT)
				put(out, "\xef\xbf\xbd", 3);
			else
				put(out, data + at, n);
		}
		if (out->len > end) {
			out->len = before;
			break;
		}
		at += n;
	}
	put_run(out, run);
	return at;
}

/* ---- streams ---- */

static bool
is_binary(const char *s, size_t len)
{
	size_t nul = 0, bad = 0;

	len = text_cut(s, len < BINARY_SAMPLE ? len : BINARY_SAMPLE);
	for (size_t i = 0; i < len;) {
		uint32_t cp;
		size_t n = text_decode(s + i, len - i, &cp);

		nul += cp == 0;
		bad += (n == 1 && cp == TEXT_REPLACEMENT) ||
		    (cp && cp < 0x20 && !strchr("\t\n\r\033", (int)cp));
		i += n;
	}
	return bad * 10 > len || (nul && bad * 50 > len) || (nul * 2 > len && len > 32);
}

static void
put_binary(struct buf *out, const struct show_kept *k)
{
	static const char words[] = "binary, not shown; it begins";
	char text[8];

	put(out, words, sizeof words - 1);
	for (size_t i = 0; i < k->head.len && i < BINARY_BYTES; i++) {
		snprintf(text, sizeof text, " %02x", (unsigned char)k->head.data[i]);
		put(out, text, 3);
	}
	put(out, "\n", 1);
}

/* The start, within data, of an end of it that is at most max bytes when it is seen. */
static size_t
tail_start(const char *data, size_t len, size_t max)
{
	size_t start = len > max ? len - max : 0, shown;
	const char *line;
	struct buf out;

	for (;;) {
		while (start < len && ((unsigned char)data[start] & 0xc0) == 0x80)
			start++;
		buf_init(&out, OUT_MAX);
		show_visible(&out, data + start, len - start, OUT_MAX / 2);
		shown = out.len;
		buf_fini(&out);
		if (shown <= max)
			break;
		start = len - (len - start) * max / shown * 15 / 16;
	}
	line = start ? memchr(data + start, '\n',
			   len - start < LINE_NEAR ? len - start : LINE_NEAR)
		     : NULL;
	return line ? (size_t)(line + 1 - data) : start;
}

static void
put_missing(struct buf *out, const struct show *s, const char *tag, uint64_t n)
{
	const struct show_kept *k = s->kept;
	bool all = k[0].bytes + k[1].bytes <= RUN_HEAD_MAX;
	char text[200];
	int len = snprintf(text, sizeof text,
	    "\n[%s %llu bytes are missing here: %s is in the journal%s%s; ask for less, or for a part]\n",
	    tag, (unsigned long long)n, all ? "all of it" : "most of it",
	    s->run ? " as run " : "", s->run ? s->run : "");

	put(out, text, (size_t)len);
}

static void
put_stream(struct buf *out, const struct show *s, const char *tag,
    const struct show_kept *k, size_t max)
{
	const struct buf *tail = k->bytes > k->head.len ? &k->tail : &k->head;
	size_t before = out->len, took, start;
	uint64_t at;

	if (is_binary(k->head.data, k->head.len)) {
		put_binary(out, k);
		return;
	}
	took = show_visible(out, k->head.data, k->head.len, max);
	if (took == k->bytes)
		return;
	out->len = before;
	took = show_visible(out, k->head.data, k->head.len, max / 2);
	start = tail_start(tail->data, tail->len, max / 2);
	at = k->bytes - tail->len + start;
	if (at > took)
		put_missing(out, s, tag, at - took);
	else
		start += took - at;
	show_visible(out, tail->data + start, tail->len - start, max);
}

static void
put_head(struct buf *out, const char *tag, const char *name, uint64_t bytes)
{
	char text[128];
	int n = snprintf(text, sizeof text, "[%s %s, %llu byte%s]\n", tag, name,
	    (unsigned long long)bytes, bytes == 1 ? "" : "s");

	put(out, text, (size_t)n);
}

/* How long this stream is when it is seen; more than max: max + 1. */
static size_t
wanted(const struct show_kept *k, size_t max)
{
	struct buf out;
	size_t took, n;

	if (k->bytes > k->head.len)
		return max + 1;
	buf_init(&out, OUT_MAX);
	took = show_visible(&out, k->head.data, k->head.len, max);
	n = took < k->bytes ? max + 1 : out.len;
	buf_fini(&out);
	return n;
}

static void
put_output(struct buf *out, const struct show *s, const char *tag)
{
	static const char *const names[2] = {"standard output", "standard error"};
	const struct show_kept *k = s->kept;
	size_t want[2] = {wanted(&k[0], s->max), wanted(&k[1], s->max)};
	size_t share[2] = {s->max, s->max};

	/* Errors are short and say most: a third is theirs, if both are long. */
	if (want[0] + want[1] > s->max) {
		size_t third = s->max / 3;

		share[0] = want[0] < s->max - third ? want[0] : s->max - third;
		share[1] = want[1] < s->max - share[0] ? want[1] : s->max - share[0];
		share[0] = s->max - share[1];
	}
	for (int i = 0; i < 2; i++) {
		if (!k[i].bytes)
			continue;
		put_head(out, tag, names[i], k[i].bytes);
		put_stream(out, s, tag, &k[i], share[i]);
		if (out->data[out->len - 1] != '\n')
			put(out, "\n", 1);
	}
}

static void
put_line(struct buf *out, const char *before, const char *tag, const char *text,
    const char *behind)
{
	put(out, before, strlen(before));
	put(out, tag, strlen(tag));
	put(out, text, strlen(text));
	put(out, behind, strlen(behind));
}

void
tools_show(const struct show *s, struct buf *out)
{
	unsigned char raw[8];
	char tag[17];

	random_bytes(raw, sizeof raw);
	for (size_t i = 0; i < sizeof raw; i++)
		snprintf(tag + 2 * i, 3, "%02x", raw[i]);
	buf_init(out, OUT_MAX);
	put_line(out, "<breakglass-output ", tag, "", ">\n");
	if (s->status) {
		put_line(out, "[", tag, " ", "");
		show_visible(out, s->status, strlen(s->status), 1000);
		put(out, "]\n", 2);
	}
	if (s->kept[0].bytes + s->kept[1].bytes == 0)
		put_line(out, "[", tag, " no output", "]\n");
	put_output(out, s, tag);
	put_line(out, "</breakglass-output ", tag, "", ">");
}
