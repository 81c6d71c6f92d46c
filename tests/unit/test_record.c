/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_record.c: journal, incident and run, on real files. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "engine/record/incident.h"
#include "engine/remote/redact.h"
#include "engine/remote/run.h"
#include "scratch.h"

struct rig {
	uv_loop_t loop;
	uv_timer_t limit;
	char dir[64];
	struct incident *incident;
	struct runs *runs;
	bool ready, synced, on_disk;
	int found;
	struct buf told; /* every released line */
	char journal_says[16];
};

static void
on_release(struct line *line, void *arg)
{
	struct rig *r = arg;
	const char *p;

	cr_assert_eq(buf_add(&r->told, line->data, line->len), 0);
	p = memmem(line->data, line->len, "\"what\":\"journal\",\"state\":\"", 26);
	if (p)
		snprintf(r->journal_says, sizeof r->journal_says, "%.*s",
		    (int)strcspn(p + 26, "\""), p + 26);
}

static void
on_found(const struct js *record, void *arg)
{
	((struct rig *)arg)->found++;
}

static void
on_ready(void *arg)
{
	((struct rig *)arg)->ready = true;
}

static void
on_sync(bool on_disk, const char *why, void *arg)
{
	struct rig *r = arg;

	r->synced = true;
	r->on_disk = on_disk;
}

static const struct incident_events events = {on_release, on_found, on_ready};

static void
on_limit(uv_timer_t *t)
{
	cr_assert_fail("nothing came within 60 s");
}

/* late_ms: the loop is kept from looking for so long. */
static void
rig_start_late(struct rig *r, const char *dir, int late_ms)
{
	memset(r, 0, sizeof *r);
	snprintf(r->dir, sizeof r->dir, "%s", dir);
	buf_init(&r->told, 64 * 1024 * 1024);
	uv_loop_init(&r->loop);
	uv_timer_init(&r->loop, &r->limit);
	uv_timer_start(&r->limit, on_limit, 60000, 0);
	r->incident = incident_new(&r->loop, r->dir, &events, r);
	r->runs = runs_new(&r->loop, r->incident);
	incident_start(r->incident);
	poll(NULL, 0, late_ms);
	while (!r->ready)
		uv_run(&r->loop, UV_RUN_ONCE);
}

static void
rig_start(struct rig *r, const char *dir)
{
	rig_start_late(r, dir, 0);
}

static void
rig_sync(struct rig *r)
{
	r->synced = false;
	incident_sync(r->incident, on_sync, r);
	while (!r->synced)
		uv_run(&r->loop, UV_RUN_ONCE);
}

static void
rig_end(struct rig *r)
{
	runs_free(r->runs);
	incident_free(r->incident, 1000);
	uv_close((uv_handle_t *)&r->limit, NULL);
	while (uv_run(&r->loop, UV_RUN_NOWAIT))
		continue;
	cr_assert_eq(uv_loop_close(&r->loop), 0, "something was left open");
	buf_fini(&r->told);
}

static void
note(struct rig *r, const char *text)
{
	struct js *f = incident_fact(FACT_NOTE, "anna");

	js_set_str(f, "text", text);
	incident_emit(r->incident, FACT_NOTE, f);
}

static char *
journal_text(struct rig *r, size_t *len)
{
	struct err e;
	char *text = fd_read_file(incident_path(r->incident), 64 * 1024 * 1024, len, &e);

	cr_assert_not_null(text, "%s", e.words);
	return text;
}

static int
count(const char *text, size_t len, const char *what)
{
	const char *end = text ? text + len : text;
	int n = 0;

	while (text &&
	    (text = memmem(text, (size_t)(end - text), what, strlen(what))) != NULL) {
		n++;
		text++;
	}
	return n;
}

Test(incident, a_fact_is_in_the_file_before_it_is_told)
{
	struct rig r;
	size_t len;
	char *text;

	rig_start(&r, scratch());
	note(&r, "first");
	cr_assert_eq(
	    count(r.told.data, r.told.len, "first"), 0, "told before it was written");
	while (r.told.len == 0 || count(r.told.data, r.told.len, "first") == 0)
		uv_run(&r.loop, UV_RUN_ONCE);
	text = journal_text(&r, &len);
	cr_assert_eq(count(text, len, "first"), 1);
	free(text);
	rig_end(&r);
}

Test(incident, numbers_have_no_gap_and_wire_only_facts_keep_their_place)
{
	struct rig r;
	struct js *f;
	char *a, *b, *c;

	rig_start(&r, scratch());
	note(&r, "one");
	f = incident_fact(FACT_DELTA, "agent");
	js_set_str(f, "text", "between");
	incident_tell(r.incident, FACT_DELTA, f);
	note(&r, "two");
	rig_sync(&r);
	cr_assert(r.on_disk);
	cr_assert_eq(incident_last(r.incident), 3, "opened, one, two");
	a = strstr(r.told.data, "\"one\"");
	b = strstr(r.told.data, "between");
	c = strstr(r.told.data, "\"two\"");
	cr_assert(a && b && c && a < b && b < c);
	rig_end(&r);
}

Test(incident, state_facts_do_not_open_one)
{
	struct rig r;
	struct js *f;

	rig_start(&r, scratch());
	f = incident_fact(FACT_STATE, "engine");
	js_set_str(f, "what", "vm");
	incident_emit(r.incident, FACT_STATE, f);
	cr_assert_str_eq(incident_id(r.incident), "");
	cr_assert_not_null(incident_state(r.incident, "vm", NULL));
	rig_end(&r);
}

Test(incident, is_continued_and_a_torn_tail_is_cut_and_told)
{
	char *dir = scratch(), *path;
	struct rig r;
	char id[INCIDENT_ID_MAX];
	size_t len;
	char *text;
	int fd;

	rig_start(&r, dir);
	note(&r, "before the crash");
	rig_sync(&r);
	strcpy(id, incident_id(r.incident));
	path = mem_dup(incident_path(r.incident));
	rig_end(&r);
	fd = open(path, O_WRONLY | O_APPEND);
	cr_assert_eq(write(fd, "{\"t\":\"note\",\"se", 15), 15);
	close(fd);
	free(path);

	rig_start(&r, dir);
	cr_assert_str_eq(incident_id(r.incident), id);
	cr_assert_eq(incident_last(r.incident), 3, "opened, note, left");
	cr_assert_eq(r.found, 3, "opened, note, left");
	note(&r, "after it");
	rig_sync(&r);
	text = journal_text(&r, &len);
	cr_assert_eq(count(text, len, "\n"), 5);
	cr_assert_eq(count(text, len, "\"state\":\"continued\""), 1);
	cr_assert_eq(count(text, len, "\"cut\":15,"), 1);
	cr_assert_eq(count(text, len, "\"seq\":5"), 1);
	cr_assert_eq(text[len - 1], '\n');
	free(text);
	rig_end(&r);
}

Test(incident, an_answer_that_waited_for_us_is_not_late)
{
	char *dir = scratch();
	char id[INCIDENT_ID_MAX];
	struct rig r;

	rig_start(&r, dir);
	note(&r, "x");
	rig_sync(&r);
	strcpy(id, incident_id(r.incident));
	rig_end(&r);
	rig_start_late(&r, dir, 1000); /* the disk has 0.8 s */
	cr_assert_str_eq(incident_id(r.incident), id);
	cr_assert_str_eq(r.journal_says, "");
	rig_end(&r);
}

Test(incident, a_closed_one_is_not_continued)
{
	char *dir = scratch();
	struct rig r;

	rig_start(&r, dir);
	note(&r, "x");
	incident_close(r.incident, "anna", "done");
	rig_sync(&r);
	rig_end(&r);
	rig_start(&r, dir);
	cr_assert_str_eq(incident_id(r.incident), "");
	rig_end(&r);
}

/* A full disk: /dev/full in the journal's place. */
Test(incident, a_full_disk_delays_nothing_and_is_said)
{
	char *dir = scratch(), path[128];
	struct rig r;

	rig_start(&r, dir);
	note(&r, "opens it");
	rig_sync(&r);
	snprintf(path, sizeof path, "%s", incident_path(r.incident));
	incident_close(r.incident, "anna", "");
	rig_sync(&r);
	/* The next incident cannot make its file. */
	snprintf(path, sizeof path,
	    "rm -rf %s/incidents && ln -s /proc/version %s/incidents", dir, dir);
	cr_assert_eq(system(path), 0);
	note(&r, "still told");
	incident_sync(r.incident, on_sync, &r);
	while (count(r.told.data, r.told.len, "still told") == 0)
		uv_run(&r.loop, UV_RUN_ONCE);
	cr_assert_str_eq(r.journal_says, "memory");
	r.synced = false;
	incident_sync(r.incident, on_sync, &r);
	cr_assert(r.synced);
	cr_assert_not(r.on_disk);
	rig_end(&r);
}

struct part {
	bool came;
	char *text;
};

static void
on_part(const char *data, size_t len, const char *why, void *arg)
{
	struct part *p = arg;

	p->came = true;
	p->text = mem_dupn(data, len);
}

static char *
read_back(struct rig *r, uint64_t from, uint64_t before, size_t tail)
{
	struct part p = {0};

	journal_read(
	    &r->loop, incident_path(r->incident), from, before, tail, on_part, &p);
	while (!p.came)
		uv_run(&r->loop, UV_RUN_ONCE);
	return p.text;
}

Test(journal, reads_back_just_the_records_that_were_asked_for)
{
	struct rig r;
	char *text;

	rig_start(&r, scratch());
	for (int i = 0; i < 500; i++)
		note(&r,
		    "0123456789012345678901234567890123456789012345678901234567890123456789"
		    "0123456789012345678901234567890123456789012345678901234567890123456789");
	rig_sync(&r);
	text = read_back(&r, 100, 103, 0);
	cr_assert_eq(count(text, strlen(text), "\n"), 3);
	cr_assert_not_null(strstr(text, "\"seq\":100,"));
	cr_assert_not_null(strstr(text, "\"seq\":102,"));
	free(text);
	text = read_back(&r, 0, 0, 5);
	cr_assert_eq(count(text, strlen(text), "\n"), 5);
	cr_assert_not_null(strstr(text, "\"seq\":501,"));
	cr_assert_not_null(strstr(text, "\"seq\":497,"));
	free(text);
	text = read_back(&r, 1, 0, 0);
	cr_assert_not_null(strstr(text, "\"seq\":1,"));
	free(text);
	text = read_back(&r, 9999, 0, 0);
	cr_assert_str_eq(text, "");
	free(text);
	rig_end(&r);
}

static struct run *
begin(struct rig *r)
{
	return run_begin(r->runs,
	    &(struct run_info){.asked = "agent",
		.by = "agent",
		.host = "devvm",
		.what = "cat",
		.what_len = 3});
}

Test(run, holds_a_character_until_its_end_has_come)
{
	struct rig r;
	struct run *run;

	rig_start(&r, scratch());
	run = begin(&r);
	run_output(run, 1, "a\xe2\x82", 3);
	run_output(run, 1,
	    "\xac"
	    "b",
	    2);
	run_output(run, 2, "\xff", 1);
	run_exit(run, 3);
	rig_sync(&r);
	cr_assert_not_null(strstr(r.told.data, "\\u20acb"));
	cr_assert_null(
	    strstr(strstr(r.told.data, "\\u20acb"), "\"stream\":\"out\",\"off\":5"));
	cr_assert_not_null(strstr(r.told.data, "data_b64"), "a byte that is no text");
	cr_assert_not_null(strstr(r.told.data, "\"exit\":3"));
	cr_assert_not_null(strstr(r.told.data, "\"out\":5,\"err\":1,\"cut\":0"));
	rig_end(&r);
}

Test(run, what_is_cut_makes_no_records_of_its_own)
{
	char *block = mem_alloc(32 * 1024), *dir = scratch();
	char *path = mem_printf("%s/redact", dir);
	struct redact *redact;
	struct rig r;
	struct run *run;
	struct err err;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	cr_assert(fd >= 0 && write(fd, "d x\\d\n", 6) == 6);
	close(fd);
	redact = redact_new(path, &err);
	cr_assert_not_null(redact, "%s", err.words);
	memset(block, 'y', 32 * 1024);
	for (size_t i = 0; i + 100 < 32 * 1024; i += 100)
		memcpy(block + i, "x1", 2);
	rig_start(&r, dir);
	runs_redact(r.runs, redact);
	run = begin(&r);
	run_output(run, 1, block, 32 * 1024);
	run_exit(run, 0);
	rig_sync(&r);
	cr_assert_eq(count(r.told.data, r.told.len, "[cut: d, 2 bytes]"), 327);
	cr_assert_leq(count(r.told.data, r.told.len, "\"t\":\"output\""), 3);
	rig_end(&r);
	redact_free(redact);
	unlink(path);
	free(path);
	free(block);
}

Test(run, a_flood_is_journaled_at_both_ends_with_a_visible_cut)
{
	char *block = mem_alloc(64 * 1024);
	uint64_t sent = 0;
	struct rig r;
	struct run *run;
	size_t len;
	char *text;

	memset(block, 'x', 64 * 1024);
	rig_start(&r, scratch());
	run = begin(&r);
	while (sent < (uint64_t)3 * RUN_HEAD_MAX) {
		run_output(run, 1, block, 64 * 1024);
		sent += 64 * 1024;
		while (incident_pressure(r.incident) > 1024 * 1024)
			uv_run(&r.loop, UV_RUN_ONCE);
	}
	run_output(run, 1, "the end\n", 8);
	run_exit(run, 0);
	rig_sync(&r);
	text = journal_text(&r, &len);
	cr_assert_lt(len, RUN_HEAD_MAX + RUN_TAIL_MAX + 1024 * 1024);
	cr_assert_gt(len, RUN_HEAD_MAX);
	cr_assert_eq(count(text, len, "the end"), 1);
	cr_assert_eq(count(text, len, "\"cut\":0"), 0);
	cr_assert_eq(count(text, len, "\"live\":true"), 0);
	free(text);
	free(block);
	rig_end(&r);
}

/* The words of one output fact are a hundred times longer than a byte. */
Test(run, bytes_that_come_one_by_one_are_told_together)
{
	enum { BYTES = 300000 };
	struct rig r;
	struct run *run;
	size_t len;
	char *text;

	rig_start(&r, scratch());
	run = begin(&r);
	run_output(run, 1, "first", 5); /* both streams keep their order ... */
	run_output(run, 2, "second", 6);
	run_output(run, 1, "third", 5);
	for (size_t i = 0; i < BYTES; i++) /* ... unless they change all the time */
		run_output(run, 1 + (int)(i & 1), i & 1 ? "e" : "o", 1);
	uv_run(&r.loop, UV_RUN_NOWAIT);
	run_output(run, 1, "the end\n", 8);
	run_exit(run, 0);
	rig_sync(&r);
	text = journal_text(&r, &len);
	cr_assert_leq(count(text, len, "\"t\":\"output\""), 60);
	cr_assert(memmem(text, len, "\"data\":\"first\"", 14) <
	    memmem(text, len, "\"data\":\"second\"", 15));
	cr_assert(memmem(text, len, "\"data\":\"second\"", 15) <
	    memmem(text, len, "\"data\":\"third", 13));
	cr_assert_eq(count(text, len, "the end"), 1);
	cr_assert_eq(count(text, len, "\"out\":150018,\"err\":150006,\"cut\":0"), 1);
	free(text);
	rig_end(&r);
}

/* What an operator would read of its end is whole, and its facts are few. */
Test(run, the_tail_of_a_flood_of_bytes_is_few_facts)
{
	char *block = mem_alloc(64 * 1024);
	struct rig r;
	struct run *run;
	size_t len, before;
	char *text;

	memset(block, 'x', 64 * 1024);
	rig_start(&r, scratch());
	run = begin(&r);
	for (size_t sent = 0; sent < RUN_HEAD_MAX; sent += 64 * 1024) {
		run_output(run, 1, block, 64 * 1024);
		while (incident_pressure(r.incident) > 1024 * 1024)
			uv_run(&r.loop, UV_RUN_ONCE);
	}
	run_output(run, 1, block, 64 * 1024); /* from here on it is the tail */
	rig_sync(&r);
	text = journal_text(&r, &before);
	before = count(text, before, "\"t\":\"output\"");
	free(text);
	for (int i = 0; i < 40000; i++) { /* each in a turn of its own */
		run_output(run, 1 + i % 2, i % 2 ? "e" : "\xc3\xb6", i % 2 ? 1 : 2);
		if (i % 16 == 0)
			uv_run(&r.loop, UV_RUN_NOWAIT);
	}
	run_output(run, 2, "the end\n", 8);
	run_exit(run, 0);
	rig_sync(&r);
	text = journal_text(&r, &len);
	cr_assert_leq(count(text, len, "\"t\":\"output\"") - before, 40);
	cr_assert_eq(count(text, len, "the end"), 1);
	cr_assert_eq(count(text, len, "data_b64"), 0, "no character is cut in two");
	cr_assert_eq(count(text, len, "\"cut\":0"), 1, "all of it is kept");
	free(text);
	free(block);
	rig_end(&r);
}

Test(run, what_the_journal_would_not_take_is_counted_as_cut)
{
	char *block = mem_alloc(64 * 1024), *end;
	struct rig r;
	struct run *run;

	memset(block, 1, 64 * 1024); /* each takes six bytes of a record */
	rig_start(&r, scratch());
	run = begin(&r);
	for (int i = 0; i < 40; i++) /* and no turn for the disk between them */
		run_output(run, 1, block, 64 * 1024);
	run_exit(run, 0);
	rig_sync(&r);
	while (!(end = strstr(r.told.data, "\"t\":\"tool_end\"")))
		uv_run(&r.loop, UV_RUN_ONCE);
	cr_assert_null(strstr(end, "\"cut\":0"));
	cr_assert_not_null(strstr(end, "\"h\":\""), "it is in the chain: none was lost");
	free(block);
	rig_end(&r);
}

Test(run, standard_input_is_on_record_up_to_a_cut_that_shows)
{
	char *block = mem_alloc(64 * 1024);
	struct rig r;
	struct run *run;
	size_t len;
	char *text;

	memset(block, 'x', 64 * 1024);
	rig_start(&r, scratch());
	run = run_begin(r.runs,
	    &(struct run_info){.asked = "agent",
		.by = "agent",
		.host = "devvm",
		.what = "sh -s",
		.what_len = 5,
		.has_input = true});
	run_input(run, "echo a script\n", 14);
	run_input(run, "\xff", 1);
	for (int i = 0; i < 5; i++)
		run_input(run, block, 64 * 1024);
	run_exit(run, 0);
	rig_sync(&r);
	text = journal_text(&r, &len);
	cr_assert_not_null(memmem(text, len, "\"stdin\":true", 12));
	cr_assert_not_null(memmem(text, len, "\"data\":\"echo a script\\n\"", 23));
	cr_assert_not_null(memmem(text, len, "\"off\":14,\"len\":1,\"data_b64\"", 27));
	cr_assert_eq(count(text, len, "\"len\":0,\"cut\":true"), 1);
	cr_assert_eq(count(text, len, "\"in\":327695,\"in_cut\":66048"), 1, "%s",
	    strstr(r.told.data, "\"tool_end\""));
	free(text);
	free(block);
	rig_end(&r);
}

Test(run, input_in_tiny_pieces_has_no_more_than_a_thousand_records)
{
	struct rig r;
	struct run *run;

	rig_start(&r, scratch());
	run = begin(&r);
	for (int i = 0; i < 5000; i++)
		run_input(run, "x", 1);
	run_exit(run, 0);
	rig_sync(&r);
	cr_assert_eq(count(r.told.data, r.told.len, "\"t\":\"input\""), 1025);
	cr_assert_null(strstr(r.told.data, "in_cut"), "of a run without input");
	rig_end(&r);
}

Test(run, a_command_is_on_record_whole_or_says_that_it_is_not)
{
	size_t size = WIRE_CHUNK_MAX + 10;
	char *what = mem_alloc(size);
	struct rig r;

	memset(what, 'A', size);
	memcpy(what + WIRE_CHUNK_MAX - 4, "evil", 4);
	rig_start(&r, scratch());
	run_exit(run_begin(r.runs,
		     &(struct run_info){.asked = "agent",
			 .by = "agent",
			 .host = "devvm",
			 .what = what,
			 .what_len = WIRE_CHUNK_MAX}),
	    0);
	rig_sync(&r);
	cr_assert_not_null(strstr(r.told.data, "AAevil\""));
	cr_assert_null(strstr(r.told.data, "what_bytes"));
	run_exit(run_begin(r.runs,
		     &(struct run_info){.asked = "agent",
			 .by = "agent",
			 .host = "local",
			 .name = "Bash",
			 .what = what,
			 .what_len = size}),
	    0);
	rig_sync(&r);
	cr_assert_not_null(strstr(r.told.data, "evil\",\"what_bytes\":32778"));
	free(what);
	rig_end(&r);
}
