/* SPDX-License-Identifier: GPL-3.0-or-later */
/* look_past.c: how long ago were the last drills, and the last answer of the PVE host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void
look_drill(struct pen *pen, const char *path, bool site)
{
	struct drills_record r;
	struct said said = {0};
	struct err err = {0};
	int rc = drills_last(path, site ? DRILLS_SITE : DRILLS_LAB, &r, &err);
	struct drill_facts f = {
	    .site = site, .there = rc > 0, .why = rc < 0 ? err.words : "", .wedge = ""};

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

/* Each record of a journal's end that has one of the two texts in it, oldest first. */
static void
each_of(const char *sessions_dir, const char *id, const char *a, const char *b,
    void (*fn)(const struct js *m, void *arg), void *arg)
{
	char *path = journal_path(sessions_dir, id);
	struct err err;
	struct journal_file *f = journal_file_open(path, &err);
	const char *line;
	size_t len;

	free(path);
	if (!f)
		return;
	if (journal_file_size(f) > TAIL_MAX) {
		journal_file_seek(f, journal_file_size(f) - TAIL_MAX);
		if (journal_file_next(f, &line, &len, &err) < 0) /* the rest of one */
			LOG("doctor", "%s", err.words);
	}
	while (journal_file_next(f, &line, &len, &err) == 1) {
		struct js *m;

		if (!memmem(line, len, a, strlen(a)) && !memmem(line, len, b, strlen(b)))
			continue;
		m = js_parse(line, len, &err);
		if (m)
			fn(m, arg);
		js_free(m);
	}
	journal_file_close(f);
}

static void
on_answer(const struct js *m, void *arg)
{
	int64_t *at = arg;

	if (is_answer(m) && js_str(m, "at") && clock_from(js_str(m, "at")) > *at)
		*at = clock_from(js_str(m, "at"));
}

struct last_kill {
	struct js *fact;
	bool closed;
};

static void
on_kill(const struct js *m, void *arg)
{
	struct last_kill *k = arg;

	if (js_is(m, "t", "incident"))
		k->closed = js_is(m, "state", "closed");
	if (!js_is(m, "t", "state") || !js_is(m, "what", "kill"))
		return;
	js_free(k->fact);
	k->fact = js_new();
	js_fill(k->fact, m);
}

void
past_kill(
    const struct options *o, void (*fn)(const struct js *fact, void *arg), void *arg)
{
	struct last_kill k = {0};
	char **ids = NULL;
	size_t count = 0;
	struct err err;

	if (journal_ids(o->sessions_dir, &ids, &count, &err) < 0)
		return;
	if (count > 0)
		each_of(o->sessions_dir, ids[count - 1], "\"what\":\"kill\"",
		    "\"t\":\"incident\"", on_kill, &k);
	if (k.fact && !k.closed)
		fn(k.fact, arg);
	js_free(k.fact);
	journal_ids_free(ids, count);
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
	bool none;

	if (engine_ask(o, on_fact, &age, &none, &err) == 0 && age >= 0)
		return age;
	if (journal_ids(o->sessions_dir, &ids, &count, &err) < 0)
		return -1;
	for (size_t i = count, n = 0; i-- > 0 && n < FILES_MAX && at < 0; n++)
		each_of(o->sessions_dir, ids[i], "\"finished\"", "\"what\":\"vm\"",
		    on_answer, &at);
	journal_ids_free(ids, count);
	age = at < 0 ? -1 : clock_wall_ms() - at;
	return at >= 0 && age < 0 ? 0 : age;
}

void
look_past(struct pen *pen, const struct options *o)
{
	char *path = drills_path(o->sessions_dir);

	look_drill(pen, path, false);
	pen_note(pen, status_age(o));
	look_drill(pen, path, true);
	free(path);
}
