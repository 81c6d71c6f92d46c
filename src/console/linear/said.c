/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/linear/said.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "console/draw/words.h"
#include "wire/verbs.h"

#define KEPT_MAX (16 * 1024) /* bytes of what can be said again */
#define PIECE_MAX 4096	     /* bytes of a line at a time */
#define STILL_MS 10000
#define STILL_AGENT_MS 30000

static char said_before[16];
static struct buf kept;
static bool keeping;
static uint64_t said_count; /* lines */

void
said_keep(bool on)
{
	if (on) {
		buf_fini(&kept);
		buf_init(&kept, KEPT_MAX);
	}
	keeping = on;
}

void
said_again(void)
{
	if (kept.len > 0)
		fwrite(kept.data, 1, kept.len, stdout);
	else
		puts("Nothing that matters was said yet.");
}

void
said_stamp(const char *stamp)
{
	snprintf(said_before, sizeof said_before, "%s%s", stamp, stamp[0] ? " " : "");
}

/* Through a canvas, like all else: one gate for every byte. */
static void
put_row(struct buf *out, const struct lines_line *n)
{
	struct canvas c;
	size_t from = out->len;
	int cols;

	canvas_init(&c, CANVAS_COLS_MAX, 1);
	canvas_put(&c, canvas_rect(&c), 0, 0, 0, n->text, n->len);
	if (canvas_print(&c, out) == 0)
		out->len--; /* its LF: the next row goes on */
	canvas_fini(&c);
	cols = canvas_width(out->data + from, out->len - from);
	for (; cols < n->cols; cols++) /* a canvas prints none at a row's end */
		buf_add_some(out, " ", 1);
}

static void
put_out(struct buf *out)
{
	fwrite(out->data, 1, out->len, stdout);
	if (keeping)
		buf_add_some(&kept, out->data, out->len);
	buf_clear(out);
}

/* As many rows of a canvas as it takes, as one line. */
static void
put_line(const char *prefix, const char *text, size_t len)
{
	struct lines l;
	struct buf out;
	size_t n;

	lines_init(&l, CANVAS_COLS_MAX);
	l.keep_blanks = true;
	lines_str(&l, 0, said_before);
	lines_str(&l, 0, prefix);
	buf_init(&out, 64 * 1024);
	do {
		n = len > PIECE_MAX ? text_cut(text, PIECE_MAX) : len;
		lines_put(&l, 0, text, n);
		for (size_t i = 0; i < l.count; i++)
			put_row(&out, &l.line[i]);
		lines_shorten(&l, 0);
		text += n;
		len -= n;
		if (len > 0)
			put_out(&out);
	} while (len > 0);
	while (out.len > 0 && out.data[out.len - 1] == ' ')
		out.len--;
	buf_add_some(&out, "\n", 1);
	put_out(&out);
	said_count++;
	buf_fini(&out);
	lines_fini(&l);
}

void
said_line(const char *prefix, const char *text, size_t len)
{
	do {
		const char *lf = memchr(text, '\n', len);
		size_t n = lf ? (size_t)(lf - text) : len;

		put_line(prefix, text, n);
		n += lf != NULL;
		text += n;
		len -= n;
	} while (len > 0);
}

static void
say(const char *text)
{
	said_line("", text, strlen(text));
}

/* --- chat --- */

/* Signs at the beginning of a line that have a word; what is left is text. */
static const char *
word_of(const char **text, size_t *len)
{
	static const struct {
		const char *sign, *word;
	} signs[] = {{"✓ ", "done: "}, {"✗ ", "failed: "}, {"» ", "runs: "}};

	for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
		size_t n = strlen(signs[i].sign);

		if (*len < n || memcmp(*text, signs[i].sign, n) != 0)
			continue;
		*text += n;
		*len -= n;
		return signs[i].word;
	}
	return "";
}

/* What frames are drawn with; code and what somebody said have other looks. */
static bool
is_frame(uint32_t style)
{
	return style == LOOK_QUIET || style == LOOK_RULE;
}

/*
 * Frames and rules are for those who see: "-", "|" and "+" say it with one byte.
 * Returns whether there is anything else.
 */
static bool
put_frame(struct buf *out, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	bool words = false;

	for (size_t i = 0; i < len; i++) {
		bool box =
		    i + 2 < len && p[i] == 0xe2 && (p[i + 1] == 0x94 || p[i + 1] == 0x95);
		unsigned code = box ? (p[i + 1] & 1u) << 6 | (p[i + 2] & 0x3fu) : 0;
		char sign = '+';

		if (!box)
			sign = text[i];
		else if (code == 0x50 || (code < 12 && code % 4 < 2))
			sign = '-';
		else if (code == 0x51 || code < 12)
			sign = '|';
		words |= !box && sign != ' ';
		buf_add_some(out, &sign, 1);
		i += box ? 2 : 0;
	}
	return words;
}

static bool
put_words(struct buf *out, const char *text, size_t len)
{
	size_t blanks = 0;

	while (blanks < len && text[blanks] == ' ')
		blanks++;
	buf_add_some(out, text, len);
	return blanks < len;
}

/* The line as it is said; false: there is nothing but frame. */
static bool
plain_line(struct buf *out, const struct lines_line *n)
{
	const char *text = n->text;
	bool words = false;

	for (uint32_t i = 0; i < n->spans; i++) {
		words |= is_frame(n->span[i].style)
		    ? put_frame(out, text, n->span[i].len)
		    : put_words(out, text, n->span[i].len);
		text += n->span[i].len;
	}
	return words;
}

void
said_lines(const struct lines *l)
{
	struct buf out;

	buf_init(&out, 64 * 1024);
	for (size_t i = 0; i < l->count; i++) {
		const char *text, *word;
		size_t len;

		buf_clear(&out);
		if (!plain_line(&out, &l->line[i]))
			continue;
		text = buf_str(&out);
		len = out.len;
		word = word_of(&text, &len);
		said_line(word, text, len);
	}
	buf_fini(&out);
}

static void
print_item(struct said *n, const struct item *it)
{
	bool turns = it->kind == ITEM_VERDICT || it->kind == ITEM_PROOF;
	bool matters = turns || it->kind == ITEM_ERROR;
	struct lines l;

	if (matters)
		said_keep(true);
	if (n->bounded && it->kind == ITEM_VERDICT) {
		said_verdict(it->verdict);
	} else if (n->bounded && it->kind == ITEM_PROOF) {
		said_proof(it->proof);
	} else {
		lines_init(&l, SAID_COLS);
		view_chat_render(&l, it, 0, 0);
		said_lines(&l);
		lines_fini(&l);
	}
	if (matters)
		said_keep(false);
	n->turned |= turns;
}

/* While the devvm comes back: each rung once. */
static void
print_climb(struct said *n, const struct proof *p)
{
	int reached = proof_reached(p);
	char text[128];

	if (reached < n->climbed)
		n->climbed = 0; /* another climb */
	for (; n->climbed < reached; n->climbed++) {
		const struct proof_rung *r = &p->rung[n->climbed];

		snprintf(text, sizeof text, "devvm: %s after %lld.%lld s", r->rung,
		    (long long)(r->ms / 1000), (long long)(r->ms % 1000 / 100));
		say(text);
	}
}

/* It was said when it was queued: that nobody will see it is news. */
static bool
is_taken_back(const struct item *it)
{
	return it->kind == ITEM_PROMPT && it->tone == TONE_BAD;
}

/* Only what will not change any more is printed; a verb's stages as they come. */
static void
print_chat(struct said *n, const struct screen *s)
{
	const struct transcript *t = &s->model.chat;

	for (size_t i = t->count > SAID_MAX ? t->count - SAID_MAX : 0; i < t->count;
	     i++) {
		const struct item *it = transcript_at(t, i);
		struct seen *seen = &n->chat[it->serial % SAID_MAX];
		bool first = seen->serial != it->serial;

		if ((!first && seen->version == it->version) || it->kind == ITEM_GONE)
			continue;
		if ((it->kind == ITEM_TEXT || it->kind == ITEM_THINKING) && !it->final)
			continue;
		if (n->bounded && it->kind == ITEM_TOOL &&
		    tail_by_id(&s->model.tools, it->id))
			continue; /* its run tells the same, and more */
		if (it->kind == ITEM_PROOF && it->tone == TONE_BUSY) {
			print_climb(n, it->proof);
			continue;
		}
		if (first) {
			*seen = (struct seen){it->serial, it->version, it->text.len};
			print_item(n, it);
			continue;
		}
		seen->version = it->version;
		if (it->kind == ITEM_TOOL || it->kind == ITEM_PROOF ||
		    it->kind == ITEM_VERDICT || it->kind == ITEM_STILL ||
		    is_taken_back(it)) {
			print_item(n, it);
		} else if (it->text.len > seen->len) {
			const char *more = it->text.data + seen->len +
			    (it->text.data[seen->len] == '\n');

			said_line("  ", more, strlen(more));
			seen->len = it->text.len;
		}
	}
}

/* What the screen has below its top line: said when its words are new. */
static void
print_banners(struct said *n, const struct screen *s)
{
	struct banner *all = mem_alloc(BANNERS_MAX * sizeof *all);
	uint64_t now[BANNERS_MAX] = {0};
	int count = view_banner_list(s, all);

	for (int i = 0; i < count; i++) {
		bool said = false;

		now[i] = words_hash(WORDS_HASH, all[i].text);
		for (int j = 0; j < BANNERS_MAX; j++)
			said |= n->banners[j] == now[i];
		if (!said)
			say(all[i].text);
	}
	memcpy(n->banners, now, sizeof now);
	free(all);
}

/* --- the state: a sentence when it changes --- */

static void
print_state(struct said *n, const struct screen *s)
{
	char text[STATE_MAX];

	for (int part = 0; part < STATE_PARTS; part++) {
		uint64_t now;

		if (part == STATE_VERDICT && n->bounded)
			continue; /* it is said whole where it comes */
		state_say(part, s, false, text, sizeof text);
		now = words_hash(WORDS_HASH, text);
		if (now != n->parts[part] && text[0])
			say(text);
		n->parts[part] = now;
	}
}

void
said_state(const struct screen *s)
{
	char text[STATE_MAX];

	for (int part = 0; part < STATE_PARTS; part++) {
		state_say(part, s, true, text, sizeof text);
		if (text[0])
			say(text);
	}
}

void
said_progress(struct said *n, const struct screen *s)
{
	const struct vm *vm = &s->model.vm;
	const struct course *c = &vm->course;
	bool works = strcmp(vm->agent.state, "working") == 0;
	bool verb = c->state == COURSE_RUNNING || c->state == COURSE_CLIMBING;
	int64_t now = model_now(&s->model, s->now);
	char span[32], text[320];

	if (said_count != n->lines)
		n->still = s->now;
	n->lines = said_count;
	if (s->now - n->still < (verb ? STILL_MS : STILL_AGENT_MS) || !(verb || works))
		return;
	if (verb && c->now >= 0)
		snprintf(text, sizeof text, "%s goes on: %s for %s.",
		    verb_rows[c->verb].name, course_stage_name((enum course_stage)c->now),
		    words_span(now - c->now_began, span, sizeof span));
	else if (verb)
		snprintf(text, sizeof text, "%s goes on, %s until now.",
		    verb_rows[c->verb].name,
		    words_span(now - c->began, span, sizeof span));
	else
		snprintf(text, sizeof text, "The agent works%s%s.",
		    vm->agent.progress[0] ? ": " : "", vm->agent.progress);
	say(text);
	n->still = s->now;
	n->lines = said_count;
}

void
said_news(struct said *n, const struct screen *s)
{
	if (s->model.incident.caught_up || !s->link_up) {
		print_state(n, s);
		print_banners(n, s);
	}
	print_chat(n, s);
	for (size_t i = 0; i < s->model.tools.count; i++)
		said_run(n, s->model.tools.runs[i]);
}
