/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long verbs usually take, from journals made here, whole, spoilt and hostile. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/power/usual.h"
#include "scratch.h"

#define TEXT_MAX (64 * 1024)

static char text[TEXT_MAX];
static size_t text_len;

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_len += (size_t)vsnprintf(text + text_len, sizeof text - text_len, fmt, ap);
	va_end(ap);
	cr_assert_lt(text_len, sizeof text);
}

static void
verb(const char *name, int id, int64_t mono, const char *rest)
{
	say("{\"t\":\"verb\",\"seq\":9,\"mono_ms\":%lld,\"by\":\"anna\",\"id\":\"v%d\","
	    "\"verb\":\"%s\",\"asked\":\"operator\",%s}\n",
	    (long long)mono, id, name, rest);
}

static void
stage(const char *name, int id, int64_t mono, const char *phase, int64_t host)
{
	char rest[96];

	snprintf(rest, sizeof rest, "\"state\":\"stage\",\"stage\":\"%s\",\"ms\":%lld",
	    phase, (long long)host);
	verb(name, id, mono, rest);
}

/* A cycle whose stop takes that long, and whose devvm logs in and is healthy then. */
static void
cycle(int id, int64_t stop_ms, int exit, int64_t login_ms, int64_t healthy_ms)
{
	int64_t at = 1000000 * (int64_t)id, end = 3000 + stop_ms + 4000;
	char rest[96];

	verb("cycle", id, at, "\"state\":\"asked\"");
	verb("cycle", id, at, "\"state\":\"confirmed\"");
	verb("cycle", id, at, "\"state\":\"sent\"");
	stage("cycle", id, at, "accepted", 0);
	stage("cycle", id, at + 100, "forensics", 100);
	stage("cycle", id, at + 3000, "stopping", 3000);
	stage("cycle", id, at + 3000 + stop_ms, "stopped", 3000 + stop_ms);
	stage("cycle", id, at + 3000 + stop_ms, "starting", 3000 + stop_ms);
	stage("cycle", id, at + 5000 + stop_ms, "verifying", 5000 + stop_ms);
	stage("cycle", id, at + end, exit ? "failed" : "running", end);
	snprintf(rest, sizeof rest, "\"state\":\"finished\",\"exit\":%d,\"ms\":%lld",
	    exit, (long long)end);
	verb("cycle", id, at + end, rest);
	say("{\"t\":\"output\",\"seq\":9,\"id\":\"r1\",\"data\":\"\\\"what\\\":\\\"proof\\\"\"}\n");
	if (healthy_ms >= 0)
		say("{\"t\":\"state\",\"seq\":9,\"mono_ms\":%lld,\"what\":\"proof\",\"when\":"
		    "\"after\",\"verb\":\"cycle\",\"ms\":%lld,\"done\":true,\"end\":"
		    "\"healthy\",\"rungs\":[{\"rung\":\"auth\",\"ok\":true,\"ms\":%lld}]}\n",
		    (long long)(at + healthy_ms), (long long)healthy_ms,
		    (long long)login_ms);
}

static void
read_text(struct usual_sum *s, const char *data, size_t len)
{
	const char *at = data, *end = data + len, *lf;

	while (at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		usual_sum_line(s, at, (size_t)(lf - at));
		at = lf + 1;
	}
	usual_sum_end(s);
}

static int64_t
stage_ms(const struct usual_sum *s, enum verb v, const char *name)
{
	struct js *f = js_new();
	const struct js *list;
	int64_t ms = -1;

	if (usual_sum_fill(s, v, f)) {
		list = js_get_array(f, "stages");
		for (size_t i = 0; i < js_len(list); i++)
			if (js_is(js_at(list, i), "name", name))
				ms = js_int(js_at(list, i), "ms", -1);
	}
	js_free(f);
	return ms;
}

static void
begin(void)
{
	text_len = 0;
}

TestSuite(usual, .init = begin);

Test(usual, is_the_median_of_each_stage_and_of_the_whole)
{
	struct usual_sum s;

	usual_sum_init(&s);
	cycle(1, 2000, 0, 15000, 20000);
	cycle(2, 60000, 0, 80000, 90000); /* one bad night */
	cycle(3, 3000, 0, 16000, 21000);
	read_text(&s, text, text_len);
	cr_assert_eq(usual_sum_ms(&s, VERB_CYCLE), 21000);
	cr_assert_eq(stage_ms(&s, VERB_CYCLE, "forensics"), 3000);
	cr_assert_eq(stage_ms(&s, VERB_CYCLE, "stop"), 3000);
	cr_assert_eq(stage_ms(&s, VERB_CYCLE, "start"), 2000);
	cr_assert_eq(stage_ms(&s, VERB_CYCLE, "boot"), 2000);
	cr_assert_eq(stage_ms(&s, VERB_CYCLE, "ssh"), 6000);
	cr_assert_eq(stage_ms(&s, VERB_CYCLE, "healthy"), 5000);
	cr_assert_eq(stage_ms(&s, VERB_CYCLE, "kill"), -1);
	cr_assert_eq(usual_sum_ms(&s, VERB_RESET), -1);
}

Test(usual, what_failed_or_has_no_end_does_not_count)
{
	struct usual_sum s;

	usual_sum_init(&s);
	cycle(1, 2000, 3, 0, -1);
	verb("cycle", 2, 9000000, "\"state\":\"confirmed\"");
	stage("cycle", 2, 9000100, "accepted", 0);
	read_text(&s, text, text_len);
	cr_assert_eq(s.verb[VERB_CYCLE].count, 0);
	cr_assert_eq(stage_ms(&s, VERB_CYCLE, "stop"), -1);
}

Test(usual, one_that_never_became_healthy_tells_of_the_hosts_stages_alone)
{
	struct usual_sum s;

	usual_sum_init(&s);
	cycle(1, 2000, 0, 0, -1);
	read_text(&s, text, text_len);
	cr_assert_eq(s.verb[VERB_CYCLE].count, 1);
	cr_assert_eq(stage_ms(&s, VERB_CYCLE, "stop"), 2000);
	cr_assert_eq(stage_ms(&s, VERB_CYCLE, "ssh"), -1);
	cr_assert_eq(usual_sum_ms(&s, VERB_CYCLE), -1);
}

Test(usual, only_the_last_twenty_count)
{
	struct usual_sum s;

	usual_sum_init(&s);
	for (int i = 1; i <= 40; i++) {
		begin();
		cycle(i, i <= 20 ? 60000 : 2000, 0, 15000, 20000);
		read_text(&s, text, text_len);
	}
	cr_assert_eq(stage_ms(&s, VERB_CYCLE, "stop"), 2000);
}

/* Of the three that there are, and none of them took an hour. */
static void
expect_sane(const struct usual_sum *s, enum verb v)
{
	static const int64_t hour = 3600 * 1000;

	cr_assert_leq(s->verb[v].count, 3);
	cr_assert_leq(usual_sum_ms(s, v), hour);
	for (int i = 0; i < COURSE_STAGES; i++) {
		const char *name = course_stage_name((enum course_stage)i);
		int64_t ms = stage_ms(s, v, name);

		cr_assert(ms >= -1 && ms <= hour, "%s: %lld", name, (long long)ms);
	}
}

/* Single bytes, swapped, missing, doubled lines, cuts: no crash, no time below nought. */
Test(usual, a_spoilt_journal_crashes_nothing_and_says_nothing_absurd)
{
	char *copy = mem_alloc(TEXT_MAX);
	unsigned rounds = getenv("BG_LONG") ? 40000 : 1500, counted = 0;
	uint64_t seed = 6;

	for (int i = 1; i <= 3; i++)
		cycle(i, 2000 * i, 0, 15000, 20000);
	for (unsigned n = 0; n < rounds; n++) {
		struct usual_sum s;
		size_t len = text_len, at;

		memcpy(copy, text, len);
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		at = (size_t)(seed >> 33) % len;
		if (n % 3 == 0)
			copy[at] = (char)(seed >> 20);
		else if (n % 3 == 1)
			memmove(copy + at, copy + at + (seed >> 50) % (len - at),
			    len - at - (seed >> 50) % (len - at));
		else
			len = at;
		usual_sum_init(&s);
		read_text(&s, copy, len);
		for (int v = 0; v < VERBS; v++)
			expect_sane(&s, (enum verb)v);
		counted += s.verb[VERB_CYCLE].count;
	}
	cr_assert_gt(counted, rounds, "most of the three are told of all the same");
	free(copy);
}

Test(usual, the_newest_journals_are_read_within_bounds_and_what_is_no_file_is_passed_over)
{
	char *dir = scratch(), path[256];
	struct usual_read r = {.until_ms = clock_mono_ms() + 60000};
	FILE *f;

	snprintf(path, sizeof path, "%s/incidents", dir);
	cr_assert_eq(mkdir(path, 0700), 0);
	for (int i = 0; i < USUAL_FILES_MAX + 5; i++) {
		begin();
		cycle(1, i < 15 ? 60000 : 2000, 0, 15000, 20000);
		cycle(2, i < 15 ? 60000 : 2000, 0, 15000, 20000);
		snprintf(path, sizeof path, "%s/incidents/202611%02dT031207Z-aaaa.jsonl",
		    dir, i + 1);
		f = fopen(path, "w");
		fwrite(text, 1, text_len, f);
		fclose(f);
	}
	snprintf(path, sizeof path, "%s/incidents/20261199T031207Z-aaaa.jsonl", dir);
	cr_assert_eq(mkfifo(path, 0600), 0);
	snprintf(path, sizeof path, "%s/incidents/20261198T031207Z-aaaa.jsonl", dir);
	f = fopen(path, "w");
	cr_assert_eq(ftruncate(fileno(f), USUAL_BYTES_MAX + 1), 0); /* sparse */
	fclose(f);
	r.sessions_dir = dir;
	usual_sum_init(&r.sum);
	usual_read_all(&r);
	cr_assert_eq(r.sum.verb[VERB_CYCLE].count, 2 * USUAL_FILES_MAX);
	for (int i = 0; i < USUAL_LAST; i++)
		cr_assert_eq(r.sum.verb[VERB_CYCLE].stage[COURSE_STOP].ms[i], 2000,
		    "the last that count are the newest");
	usual_sum_init(&r.sum);
	atomic_store(&r.cancelled, true);
	usual_read_all(&r);
	cr_assert_eq(r.sum.verb[VERB_CYCLE].count, 0);
}
