/* SPDX-License-Identifier: GPL-3.0-or-later */
/* look_past.c: how long ago were the last drills, and the last answer of the PVE host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "doctor/engine_ask.h"
#include "doctor/judge.h"
#include "doctor/looks.h"
#include "wire/drills.h"
#include "wire/journal_file.h"

#define FILES_MAX 32		   /* journals that are looked into, the newest first */
#define TAIL_MAX (4 * 1024 * 1024) /* bytes of each that are read, from its end */
#define OPEN_LOOKS 8		   /* as many as the engine, incident_start.c */
#define END_MAX (2 * JOURNAL_FILE_LINE_MAX) /* bytes that have its last record */

/* As drill/lab.c looks for it. */
static bool
has_lab(const struct options *o)
{
	static const char *const names[] = {"lab/lab", "contrib/lab/lab"};
	bool found = false;

	for (size_t i = 0; i < ARRAY_LEN(names) && !found; i++) {
		char *path = mem_printf("%s/%s", doctor_data_dir(o), names[i]);

		found = access(path, X_OK) == 0;
		free(path);
	}
	return found;
}

static void
look_drill(struct pen *pen, const char *path, bool site, bool no_lab)
{
	struct drills_record r;
	struct said said = {0};
	struct err err = {0};
	int rc = drills_last(path, site ? DRILLS_SITE : DRILLS_LAB, &r, &err);
	struct drill_facts f = {.site = site,
	    .there = rc > 0,
	    .no_lab = no_lab,
	    .why = rc < 0 ? err.words : "",
	    .wedge = ""};

	if (rc > 0) {
		f.age_ms = clock_wall_ms() - r.at_ms;
		if (f.age_ms < 0)
			f.age_ms = 0;
		f.total_ms = r.total_ms;
		f.ok = r.ok;
		f.wedge = r.wedge;
	}
	judge_drill(&f, &said);
	pen_put(pen, site ? CHECK_DRILL_SITE : CHECK_DRILL_LAB, &said);
}

/* A record that there is only when the PVE host has answered. */
static bool
is_answer(const struct js *m)
{
	if (js_is(m, "t", "verb"))
		return js_is(m, "state", "finished");
	return js_is(m, "t", "state") && js_is(m, "what", "vm") && js_str(m, "status") &&
	    !js_is(m, "status", "unknown");
}

/*
 * Each record that has one of the two texts in it, oldest first; bytes: of the journal's
 * end alone, 0 of all of it.  1, 0 when there is no record at all, -1 when it cannot be
 * read.
 */
static int
each_of(const char *path, int64_t bytes, const char *a, const char *b,
    void (*fn)(const struct js *m, void *arg), void *arg)
{
	struct err err;
	struct journal_file *f = journal_file_open(path, &err);
	int64_t size = f ? journal_file_size(f) : -1;
	const char *line;
	int rc = f ? 1 : -1, found = 0;
	size_t len;

	if (bytes > 0 && size > bytes) {
		journal_file_seek(f, size - bytes);
		rc = journal_file_next(f, &line, &len, &err); /* the rest of one */
	}
	while (rc == 1 && (rc = journal_file_next(f, &line, &len, &err)) == 1) {
		struct js *m;

		found = 1;
		if (!memmem(line, len, a, strlen(a)) && !memmem(line, len, b, strlen(b)))
			continue;
		m = js_parse(line, len, &err);
		if (m)
			fn(m, arg);
		js_free(m);
	}
	if (rc < 0)
		LOG("doctor", "%s: %s", path, err.words);
	journal_file_close(f);
	return rc < 0 ? -1 : found;
}

static void
on_answer(const struct js *m, void *arg)
{
	int64_t *at = arg;

	if (is_answer(m) && js_str(m, "at") && clock_from(js_str(m, "at")) > *at)
		*at = clock_from(js_str(m, "at"));
}

struct last {
	struct js *kill;
	bool closed;
};

static void
on_last(const struct js *m, void *arg)
{
	struct last *l = arg;

	if (js_is(m, "t", "incident"))
		l->closed = js_is(m, "state", "closed");
	if (!js_is(m, "t", "state") || !js_is(m, "what", "kill"))
		return;
	js_free(l->kill);
	l->kill = js_new();
	js_fill(l->kill, m);
}

/* 1: it is open, the last of it is in l; 0: it is not; -1: it cannot be read. */
static int
read_open(const char *path, struct last *l)
{
	static const char *const a = "\"what\":\"kill\"", *const b = "\"t\":\"incident\"";
	int rc;

	memset(l, 0, sizeof *l);
	/* nothing stands behind the record that closes: its end is enough of most */
	rc = each_of(path, END_MAX, a, b, on_last, l);
	if (rc == 1 && !l->closed)
		rc = each_of(path, 0, a, b, on_last, l);
	return rc == 1 && l->closed ? 0 : rc;
}

int
past_kill(
    const struct options *o, void (*fn)(const struct js *fact, void *arg), void *arg)
{
	struct last l = {0};
	char **ids = NULL;
	size_t count = 0;
	struct err err;
	int rc = 0, found = 0;

	if (journal_ids(o->sessions_dir, &ids, &count, &err) < 0)
		return -1;
	for (size_t i = count, n = 0; i-- > 0 && n < OPEN_LOOKS && found != 1; n++) {
		char *path = journal_path(o->sessions_dir, ids[i]);

		js_free(l.kill);
		found = read_open(path, &l);
		rc = found < 0 ? -1 : rc;
		free(path);
	}
	if (found == 1 && l.kill)
		fn(l.kill, arg);
	js_free(l.kill);
	journal_ids_free(ids, count);
	return found == 1 ? 0 : rc;
}

/* The engine's own answers are told anew and not on record each time. */
static void
on_fact(const struct js *m, void *arg)
{
	int64_t *age = arg, checked = js_int(m, "checked", 0);

	if (js_is(m, "what", "vm") && checked > 0 && clock_mono_ms() >= checked &&
	    js_str(m, "status") && !js_is(m, "status", "unknown"))
		*age = clock_mono_ms() - checked;
}

static int64_t
status_age(const struct options *o)
{
	char **ids = NULL;
	size_t count = 0;
	int64_t age = -1, at = -1;
	struct err err;
	bool none, unread = false;

	if (engine_ask(o, on_fact, &age, &none, &err) == 0 && age >= 0)
		return age;
	if (journal_ids(o->sessions_dir, &ids, &count, &err) < 0)
		return JUDGE_NOT_KNOWN;
	for (size_t i = count, n = 0; i-- > 0 && n < FILES_MAX && at < 0; n++) {
		char *path = journal_path(o->sessions_dir, ids[i]);

		unread = each_of(path, TAIL_MAX, "\"finished\"", "\"what\":\"vm\"",
			     on_answer, &at) < 0 ||
		    unread;
		free(path);
	}
	journal_ids_free(ids, count);
	if (at < 0)
		return unread ? JUDGE_NOT_KNOWN : JUDGE_NEVER;
	age = clock_wall_ms() - at;
	return age < 0 ? 0 : age;
}

void
look_past(struct pen *pen, const struct options *o)
{
	char *path = drills_path(o->sessions_dir);

	look_drill(pen, path, false, !has_lab(o));
	look_drill(pen, path, true, false);
	free(path);
}

void
look_status(struct pen *pen, const struct options *o)
{
	pen_note(pen, status_age(o));
}
