/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking back: whatever is done to a journal is found, and told where. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "record/anchors.h"
#include "record/record.h"
#include "record/verify.h"
#include "spoil.h"

#define ID "20260131T031201Z-9f3c"

struct made {
	struct buf text;
	char head[CHAIN_HEX + 1];
	uint64_t seq;
	bool chained;
};

static void
made_init(struct made *m)
{
	memset(m, 0, sizeof *m);
	buf_init(&m->text, 4 * 1024 * 1024);
	chain_begin(m->head);
	m->chained = true;
}

/* One record: its kind, who, and members that follow. */
static void
add(struct made *m, const char *t, const char *by, const char *members)
{
	struct buf b;

	buf_init(&b, 1024 * 1024);
	m->seq++;
	cr_assert_eq(
	    buf_printf(&b,
		"{\"t\":\"%s\",\"seq\":%llu,\"at\":\"2026-01-31T03:%02d:%02d.%03dZ\","
		"\"mono_ms\":%llu,\"by\":\"%s\"%s%s",
		t, (unsigned long long)m->seq, (int)(m->seq / 60 % 60),
		(int)(m->seq % 60), (int)(m->seq * 7 % 1000),
		(unsigned long long)(81000 + m->seq * 40), by, *members ? "," : "",
		members),
	    0);
	if (m->chained) {
		chain_next(m->head, b.data, b.len);
		cr_assert_eq(buf_printf(&b, ",\"h\":\"%s\"", m->head), 0);
	}
	cr_assert_eq(buf_add(&m->text, b.data, b.len), 0);
	cr_assert_eq(buf_add(&m->text, "}\n", 2), 0);
	buf_fini(&b);
}

static void
open_it(struct made *m, int version)
{
	char members[120];

	snprintf(members, sizeof members,
	    "\"state\":\"opened\",\"id\":\"" ID "\",\"v\":%d", version);
	add(m, "incident", "ann", members);
}

static void
some_work(struct made *m, unsigned records)
{
	for (unsigned i = 0; i < records; i++) {
		char members[200];

		snprintf(members, sizeof members,
		    "\"id\":\"r1\",\"stream\":\"out\",\"off\":%u,\"len\":40,\"data\":\"line %u of a run, \\u001b[31m as it came\\n\"",
		    i * 40, i);
		if (i % 5 == 4)
			add(m, "note", "ann", "\"text\":\"the same note\"");
		else
			add(m, "output", "ann", members);
	}
}

static void
verify_text(struct verify *v, const char *data, size_t len, const struct anchors *a,
    const char *head)
{
	const char *p = data, *end = data + len, *lf;

	verify_init(v, a, head);
	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		verify_line(v, p, (size_t)(lf - p), p - data);
		p = lf + 1;
	}
	verify_finish(v, (int64_t)len, end - p);
}

static const struct verify_finding *
finding(const struct verify *v, enum verify_kind kind)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->findings[i].kind == kind)
			return &v->findings[i];
	cr_assert_fail("no finding \"%s\"; the first of %zu: %s", verify_kind_names[kind],
	    v->count, v->count ? v->findings[0].text : "none");
	return NULL;
}

static size_t
line_begin(const struct made *m, unsigned line)
{
	const char *p = m->text.data;

	while (--line > 0)
		p = strchr(p, '\n') + 1;
	return (size_t)(p - m->text.data);
}

static void
expect_exit(const struct made *m, int want)
{
	struct verify v;

	verify_text(&v, m->text.data, m->text.len, NULL, NULL);
	cr_assert_eq(verify_exit(&v), want, "exit %d, first finding: %s", verify_exit(&v),
	    v.count ? v.findings[0].text : "none");
	verify_fini(&v);
}

Test(verify, ten_thousand_ways_to_spoil_a_journal_are_found)
{
	struct made m;
	struct spoil_count c[SPOIL_WAYS];

	made_init(&m);
	open_it(&m, 2);
	some_work(&m, 120);
	add(&m, "incident", "ann", "\"state\":\"closed\",\"reason\":\"by ann\"");
	cr_assert_eq(spoil_run(m.text.data, m.text.len, 10000, 20260131, c), 0);
	for (int w = 0; w < SPOIL_WAYS; w++) {
		cr_assert_gt(c[w].tried, 900);
		cr_assert_eq(c[w].found, c[w].tried, "%s: %u of %u found", spoil_names[w],
		    c[w].found, c[w].tried);
		/* an edit that makes or takes a line end moves what is told by a line */
		cr_assert_geq(c[w].placed * 100, c[w].tried * 98, "%s: %u of %u placed",
		    spoil_names[w], c[w].placed, c[w].tried);
		cr_assert_geq(c[w].named * 100, c[w].tried * 97, "%s: %u of %u named",
		    spoil_names[w], c[w].named, c[w].tried);
	}
	buf_fini(&m.text);
}

Test(verify, only_a_last_word_an_engine_or_an_anchor_proves_the_end)
{
	struct made m;
	struct verify v;

	made_init(&m);
	open_it(&m, 2);
	some_work(&m, 10);
	expect_exit(&m, RECORD_UNPROVEN);
	verify_text(&v, m.text.data, m.text.len, NULL, m.head);
	cr_assert_eq(verify_exit(&v), RECORD_OK);
	cr_assert_eq(v.end, END_ENGINE);
	verify_fini(&v);
	add(&m, "incident", "engine", "\"state\":\"left\",\"reason\":\"idle\"");
	expect_exit(&m, RECORD_OK);
	add(&m, "incident", "engine", "\"state\":\"continued\",\"id\":\"" ID "\"");
	expect_exit(&m, RECORD_UNPROVEN);
	add(&m, "incident", "ann", "\"state\":\"closed\"");
	expect_exit(&m, RECORD_OK);
	add(&m, "note", "ann", "\"text\":\"behind it\"");
	expect_exit(&m, RECORD_UNPROVEN);
	buf_fini(&m.text);
}

Test(verify, an_anchor_shows_a_cut_tail_and_a_journal_that_was_written_anew)
{
	struct made m, other;
	struct verify v;
	struct anchors *a = anchors_new();
	char line[300];

	made_init(&m);
	open_it(&m, 2);
	some_work(&m, 10);
	snprintf(line, sizeof line,
	    "Jan 31 03:12:01 jump breakglass[71]: anchor incident=" ID
	    " seq=%llu h=%s verb=cycle state=confirmed by=ann",
	    (unsigned long long)m.seq, m.head);
	anchors_line(a, line, strlen(line));
	verify_text(&v, m.text.data, m.text.len, a, NULL);
	cr_assert_eq(verify_exit(&v), RECORD_OK);
	cr_assert_eq(v.end, END_ANCHOR);
	verify_fini(&v);
	verify_text(&v, m.text.data, line_begin(&m, 9), a, NULL);
	cr_assert_eq(verify_exit(&v), RECORD_FAILED);
	finding(&v, VERIFY_CUT);
	verify_fini(&v);
	made_init(&other);
	open_it(&other, 2);
	some_work(&other, 9);
	add(&other, "note", "ann", "\"text\":\"another story\"");
	verify_text(&v, other.text.data, other.text.len, a, NULL);
	cr_assert_eq(verify_exit(&v), RECORD_FAILED);
	cr_assert_eq(finding(&v, VERIFY_REWRITTEN)->seq, 11);
	verify_fini(&v);
	anchors_free(a);
	buf_fini(&m.text);
	buf_fini(&other.text);
}

Test(verify, anchors_are_read_from_what_logs_print)
{
	static const char h[] =
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const char *const forms[] = {
	    "anchor incident=%s seq=7 h=%s verb=cycle",
	    "2026-01-31T03:12:01+00:00 jump breakglass[1]: anchor incident=%s seq=7 h=%s",
	    "{\"t\":\"anchor\",\"incident\":\"%s\",\"seq\":7,\"h\":\"%s\",\"verb\":\"cycle\"}",
	    "{\"incident\":\"%s\",\"seq\":7,\"h\":\"%s\",\"t\":\"anchor\"}",
	    "2026-01-31T03:12:01Z {\"t\":\"incident\",\"id\":\"%s\",\"state\":\"continued\",\"seq\":7,\"h\":\"%s\"}",
	    "{\"MESSAGE\":\"anchor incident=%s seq=7 h=%s by=ann\",\"PRIORITY\":\"5\"}",
	};
	static const char *const no[] = {"incident=%s seq=7 h=%s",
	    "anchor incident=%s h=%s", "anchor incident= %.0s seq=7 h=%s"};
	size_t count;
	char line[400];

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct anchors *a = anchors_new();
		const struct anchor *row;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof line, forms[i], ID, h);
#pragma GCC diagnostic pop
		anchors_line(a, line, strlen(line));
		row = anchors_of(a, ID, &count);
		cr_assert_eq(count, 1, "%s", line);
		cr_assert_eq(row[0].seq, 7);
		cr_assert_str_eq(row[0].h, h);
		anchors_free(a);
	}
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
		struct anchors *a = anchors_new();

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof line, no[i], ID, h);
#pragma GCC diagnostic pop
		anchors_line(a, line, strlen(line));
		anchors_of(a, ID, &count);
		cr_assert_eq(count, 0, "%s", line);
		anchors_free(a);
	}
}

Test(verify, numbers_that_the_journal_says_were_lost_are_no_damage)
{
	struct made m;
	struct verify v;

	made_init(&m);
	open_it(&m, 2);
	some_work(&m, 10);
	m.seq += 3;
	some_work(&m, 2);
	verify_text(&v, m.text.data, m.text.len, NULL, m.head);
	cr_assert_eq(verify_exit(&v), RECORD_FAILED);
	cr_assert_eq(finding(&v, VERIFY_MISSING)->line, 12);
	verify_fini(&v);
	add(&m, "state", "engine", "\"what\":\"journal\",\"state\":\"ok\",\"lost\":3");
	verify_text(&v, m.text.data, m.text.len, NULL, m.head);
	cr_assert_eq(verify_exit(&v), RECORD_OK);
	cr_assert(!finding(&v, VERIFY_LOST)->damage);
	verify_fini(&v);
	buf_fini(&m.text);
}

Test(verify, a_part_of_version_1_is_never_proven)
{
	struct made m;
	struct verify v;
	char *text, *at;

	made_init(&m);
	m.chained = false;
	open_it(&m, 1);
	some_work(&m, 10);
	expect_exit(&m, RECORD_UNPROVEN);
	m.chained = true;
	add(&m, "incident", "engine",
	    "\"state\":\"continued\",\"id\":\"" ID "\",\"v\":2");
	some_work(&m, 4);
	add(&m, "incident", "ann", "\"state\":\"closed\"");
	verify_text(&v, m.text.data, m.text.len, NULL, NULL);
	cr_assert_eq(verify_exit(&v), RECORD_UNPROVEN);
	cr_assert_eq(v.unchained, 11);
	cr_assert_eq(v.end, END_CLOSED);
	verify_fini(&v);
	/* a record of version 2 that lost its h is no record of version 1 */
	text = mem_dupn(m.text.data, m.text.len);
	at = text + line_begin(&m, 15) - 72 - 1;
	cr_assert_eq(strncmp(at, ",\"h\":\"", 6), 0);
	memmove(at, "}\n", 2);
	memmove(at + 2, text + line_begin(&m, 15), m.text.len - line_begin(&m, 15));
	verify_text(&v, text, m.text.len - 71, NULL, NULL);
	cr_assert_eq(verify_exit(&v), RECORD_FAILED);
	cr_assert_eq(finding(&v, VERIFY_EDITED)->line, 14);
	verify_fini(&v);
	free(text);
	buf_fini(&m.text);
}

Test(verify, a_journal_of_version_2_without_any_h_is_damaged)
{
	struct made m;

	made_init(&m);
	m.chained = false;
	open_it(&m, 2);
	some_work(&m, 3);
	add(&m, "incident", "ann", "\"state\":\"closed\"");
	expect_exit(&m, RECORD_FAILED);
	buf_fini(&m.text);
}

Test(verify, a_chained_line_that_is_no_record_is_told)
{
	struct made m;
	struct verify v;

	made_init(&m);
	open_it(&m, 2);
	add(&m, "note", "ann", "\"text\":\"a\",\"text\":\"b\"");
	add(&m, "incident", "ann", "\"state\":\"closed\"");
	verify_text(&v, m.text.data, m.text.len, NULL, NULL);
	cr_assert_eq(verify_exit(&v), RECORD_FAILED);
	cr_assert_eq(finding(&v, VERIFY_BROKEN)->line, 2);
	verify_fini(&v);
	buf_fini(&m.text);
}

Test(verify, nothing_at_all_is_damage)
{
	struct verify v;

	verify_text(&v, "", 0, NULL, NULL);
	cr_assert_eq(verify_exit(&v), RECORD_FAILED);
	verify_fini(&v);
	verify_text(&v, "{\"t\":\"inci", 10, NULL, NULL);
	cr_assert_eq(verify_exit(&v), RECORD_FAILED);
	verify_fini(&v);
}
