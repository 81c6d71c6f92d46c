/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever an attach is told of an incident, with the rest in parts of any size put in
 * front, the model is the one of a console that was there from the beginning.
 */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/model.h"

#define FACTS_MAX 600

static struct js *facts[FACTS_MAX];
static int count;

static void fact(const char *fmt, ...) PRINTF_LIKE(1, 2);

static void
fact(const char *fmt, ...)
{
	char text[2048], head[2200];
	struct err err = {0};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	snprintf(head, sizeof head,
	    "{\"seq\":%d,\"at\":\"2026-11-27T03:%02d:%02d.000Z\",\"mono_ms\":%d,\"by\":\"ann\",%s}",
	    count + 1, count / 60 % 60, count % 60, count * 100, text);
	facts[count] = js_parse(head, strlen(head), &err);
	cr_assert_not_null(facts[count], "%s: %s", err.words, head);
	count++;
}

/* A generator of numbers that is the same everywhere. */
static unsigned
roll(unsigned *state, unsigned n)
{
	*state = *state * 1103515245u + 12345u;
	return *state / 65536u % n;
}

struct story {
	int off[4][2], runs, verbs, turns, block;
	bool open[4];
	int id[4];
};

static void
run_fact(struct story *s, unsigned *r)
{
	int k = (int)roll(r, 4), stream = (int)roll(r, 3) == 0;
	char data[64];

	if (!s->open[k]) {
		s->open[k] = true;
		s->id[k] = ++s->runs;
		s->off[k][0] = s->off[k][1] = 0;
		fact(
		    "\"t\":\"tool\",\"id\":\"r%d\",\"asked\":\"agent\",\"host\":\"devvm\","
		    "\"what\":\"command %d\"",
		    s->id[k], s->id[k]);
	} else if (roll(r, 8) == 0) {
		s->open[k] = false;
		fact(
		    "\"t\":\"tool_end\",\"id\":\"r%d\",\"exit\":%u,\"ms\":7,\"out\":%d,\"err\":%d",
		    s->id[k], roll(r, 2), s->off[k][0], s->off[k][1]);
	} else {
		/* a line that is cut anywhere, a colour that goes on */
		snprintf(data, sizeof data, "%s%u%s",
		    roll(r, 3) ? "word" : "red\\u001b[31m", roll(r, 1000),
		    roll(r, 2) ? "\\n" : "");
		fact(
		    "\"t\":\"output\",\"id\":\"r%d\",\"stream\":\"%s\",\"off\":%d,\"data\":\"%s\"",
		    s->id[k], stream ? "err" : "out", s->off[k][stream], data);
		s->off[k][stream] += (int)strlen(js_str(facts[count - 1], "data"));
	}
}

static void
chat_fact(struct story *s, unsigned *r)
{
	static const char *const stages[] = {"confirmed", "sent", "stage", "waiting"};

	switch (roll(r, 6)) {
	case 0:
		fact(
		    "\"t\":\"verb\",\"id\":\"v%d\",\"verb\":\"cycle\",\"state\":\"asked\"",
		    ++s->verbs);
		break;
	case 1:
		fact("\"t\":\"note\",\"text\":\"note %u\"", roll(r, 100));
		break;
	case 2:
		s->turns++;
		fact(
		    "\"t\":\"prompt\",\"turn\":%d,\"text\":\"why?\",\"state\":\"queued\"",
		    s->turns);
		fact(
		    "\"t\":\"prompt\",\"turn\":%d,\"text\":\"why?\",\"state\":\"started\"",
		    s->turns);
		break;
	case 3:
		for (int part = 1; part <= 3; part++)
			fact("\"t\":\"text\",\"turn\":%d,\"block\":%d,\"part\":%d,"
			     "\"parts\":3,\"text\":\"part %d \"",
			    s->turns, s->block, part, part);
		s->block++;
		break;
	default:
		if (s->verbs > 0)
			fact("\"t\":\"verb\",\"id\":\"v%d\",\"verb\":\"cycle\","
			     "\"state\":\"%s\",\"text\":\"stage %u\"",
			    s->verbs - (int)roll(r, 2) * (s->verbs > 1),
			    stages[roll(r, 4)], roll(r, 100));
	}
}

static void
write_story(unsigned seed, int length)
{
	struct story s = {.turns = 0};

	count = 0;
	while (count < length)
		if (roll(&seed, 3))
			run_fact(&s, &seed);
		else
			chat_fact(&s, &seed);
}

static void
forget_story(void)
{
	while (count > 0)
		js_free(facts[--count]);
}

/* All that a view reads, as text. */
static char *
picture(const struct model *m)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; i < m->chat.count; i++) {
		const struct item *it = transcript_at(&m->chat, i);

		fprintf(f, "%d %d %s %s %s | %s\n", it->kind, it->tone, it->id, it->at,
		    it->head, buf_str(&it->text));
	}
	for (size_t i = 0; i < m->tools.count; i++) {
		const struct tail_run *r = m->tools.runs[i];

		fprintf(f, "%s %s %s began %d ended %d %s\n", r->id, r->host, r->what,
		    (int)r->began, r->ended, r->end);
		for (size_t k = 0; k < r->count; k++) {
			const struct tail_line *l = tail_line(r, k);

			fprintf(f, "  %d %d %.*s", l->stream, l->kind, (int)l->len,
			    l->text ? l->text : "");
			for (int s = 0; s < l->spans; s++)
				fprintf(f, " %x:%d", l->span[s].style, l->span[s].len);
			fputc('\n', f);
		}
	}
	fclose(f);
	return text;
}

static void
apply(struct model *m, int from, int to)
{
	for (int i = from; i < to; i++)
		model_apply(m, facts[i], 1000);
}

/* The places of items and runs fall towards the front, and lead back to them. */
static void
check_places(const struct model *m)
{
	for (size_t i = 0; i < m->chat.count; i++)
		cr_assert_eq(
		    transcript_find(&m->chat, transcript_at(&m->chat, i)->serial), i);
	for (size_t i = 1; i < m->tools.count; i++)
		cr_assert_lt(m->tools.runs[i - 1]->serial, m->tools.runs[i]->serial);
}

static void
check_sums(const struct model *m)
{
	size_t runs = 0;

	for (size_t i = 0; i < m->tools.count; i++)
		runs += m->tools.runs[i]->bytes;
	cr_assert_eq(m->tools.bytes, runs);
}

static void
try_story(unsigned seed)
{
	struct model *whole = mem_alloc(sizeof *whole), *m = mem_alloc(sizeof *m);
	char *want, *got;
	int from;

	write_story(seed, 60 + (int)roll(&seed, 80));
	model_init(whole);
	apply(whole, 0, count);
	model_init(m);
	from = (int)roll(&seed, (unsigned)count);
	apply(m, from, count);
	while (from > 0) {
		struct model *older = mem_alloc(sizeof *older);
		int part = 1 + (int)roll(&seed, 40), at = from > part ? from - part : 0;

		model_init(older);
		apply(older, at, from);
		model_prepend(m, older);
		model_fini(older);
		free(older);
		check_places(m);
		check_sums(m);
		from = at;
	}
	want = picture(whole);
	got = picture(m);
	/* what is told twice stands where it was told last: compare without order */
	cr_assert_eq(
	    m->chat.count, whole->chat.count, "seed %u\n%s---\n%s", seed, want, got);
	cr_assert_eq(m->tools.count, whole->tools.count);
	cr_assert_eq(strlen(got), strlen(want), "seed %u\n%s---\n%s", seed, want, got);
	cr_assert_eq(m->chat.bytes, whole->chat.bytes);
	cr_assert_eq(m->tools.bytes, whole->tools.bytes);
	free(want);
	free(got);
	model_fini(whole);
	model_fini(m);
	free(whole);
	free(m);
	forget_story();
}

Test(older, parts_in_front_make_the_model_of_a_console_that_was_there)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	for (unsigned seed = 1; seed <= 400; seed++)
		try_story(seed);
}

Test(older, a_run_that_began_earlier_is_shown_and_then_named)
{
	struct model m, older;

	setlocale(LC_CTYPE, "C.UTF-8");
	count = 0;
	fact("\"t\":\"tool\",\"id\":\"r1\",\"host\":\"pve\",\"what\":\"top\"");
	fact(
	    "\"t\":\"output\",\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"one\\ntw\"");
	fact(
	    "\"t\":\"output\",\"id\":\"r1\",\"stream\":\"out\",\"off\":6,\"data\":\"o\\nthree\\n\"");
	model_init(&m);
	model_init(&older);
	apply(&m, 2, 3);
	cr_assert_eq(m.tools.count, 1);
	cr_assert(m.tools.runs[0]->stub);
	cr_assert_eq(m.tools.runs[0]->count, 2);
	cr_assert_eq(m.tools.runs[0]->next[TAIL_OUT], 14);
	uint64_t serial = m.tools.runs[0]->serial, last = m.tools.runs[0]->next_place;
	apply(&older, 0, 2);
	model_prepend(&m, &older);
	cr_assert_eq(m.tools.count, 1);
	cr_assert_str_eq(m.tools.runs[0]->what, "top");
	cr_assert_eq(m.tools.runs[0]->count, 3);
	cr_assert_eq(tail_line(m.tools.runs[0], 1)->len, 3);
	cr_assert_eq(m.tools.runs[0]->serial, serial);
	cr_assert_eq(m.tools.runs[0]->next_place, last,
	    "what stands on the screen keeps its place");
	model_fini(&m);
	model_fini(&older);
	forget_story();
}

Test(older, what_does_not_fit_in_front_is_left_out_for_good)
{
	struct model *m = mem_alloc(sizeof *m);

	model_init(m);
	for (int part = 0; part < 5; part++) {
		struct model *older = mem_alloc(sizeof *older);

		count = 0;
		for (int i = 0; i < 500; i++)
			fact("\"t\":\"note\",\"text\":\"note\"");
		model_init(older);
		apply(older, 0, count);
		model_prepend(m, older);
		model_fini(older);
		free(older);
		forget_story();
	}
	cr_assert_eq(m->chat.count, TRANSCRIPT_ITEMS_MAX - 1);
	cr_assert_not(model_has_room(m, false));
	cr_assert(model_has_room(m, true));
	model_fini(m);
	free(m);
}

Test(older, a_block_stands_where_its_finished_text_was_recorded)
{
	struct model live, late;
	char *want, *got;

	count = 0;
	fact("\"t\":\"delta\",\"turn\":1,\"block\":0,\"off\":0,\"text\":\"half a \"");
	fact("\"t\":\"note\",\"text\":\"in between\"");
	fact("\"t\":\"delta\",\"turn\":1,\"block\":0,\"off\":7,\"text\":\"sentence\"");
	fact("\"t\":\"text\",\"turn\":1,\"block\":0,\"text\":\"half a sentence\"");
	model_init(&live);
	model_init(&late);
	apply(&live, 0, count);
	cr_assert_eq(transcript_at(&live.chat, 0)->kind, ITEM_GONE);
	apply(&late, 1, 2);
	apply(&late, 3, 4);
	got = picture(&live);
	want = picture(&late);
	cr_assert_not_null(strstr(got, want), "%s---\n%s", got, want);
	free(got);
	free(want);
	model_fini(&live);
	model_fini(&late);
	forget_story();
}
