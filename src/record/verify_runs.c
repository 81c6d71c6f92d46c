/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verify_runs.c: the journal's mutating verbs against the host's own list.
 *
 * The host names each run when it begins, by its own clock, and lists the youngest
 * first.  Its list may have lost its older end (it is bounded, and gone with a reboot),
 * so a run is only missed where an older one is listed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "record/verify_int.h"
#include "wire/json.h"

#define SLACK_MS ((int64_t)120 * 1000) /* clocks of which the skew is not known */
#define LISTED_MAX 512

struct listed {
	char name[64];
	int rc; /* -1: it has none */
};

/* --- what the journal says --- */

static struct verify_run *
run_of(struct verify *v, const char *id)
{
	for (size_t i = v->run_count; i > 0; i--)
		if (strcmp(v->runs[i - 1].id, id) == 0)
			return &v->runs[i - 1];
	if (v->run_count == VERIFY_RUNS_MAX)
		return NULL;
	v->runs = mem_resize(v->runs, (v->run_count + 1) * sizeof *v->runs);
	memset(&v->runs[v->run_count], 0, sizeof *v->runs);
	snprintf(v->runs[v->run_count].id, sizeof v->runs[0].id, "%s", id);
	v->runs[v->run_count].exit = -1;
	return &v->runs[v->run_count++];
}

void
verify_verb(struct verify *v, const struct verify_rec *r, const struct js *m)
{
	const char *id = js_str(m, "id"), *name = js_str(m, "host_run"),
		   *verb = js_str(m, "verb");
	struct verify_run *run;

	if (!id || !verb || strcmp(verb, "status") == 0 || strcmp(verb, "forensics") == 0)
		return;
	if (!name && !js_is(m, "state", "finished"))
		return;
	run = run_of(v, id);
	if (!run)
		return;
	if (name && !run->name[0])
		snprintf(run->name, sizeof run->name, "%s", name);
	if (js_is(m, "state", "finished"))
		run->exit = (int)js_int(m, "exit", -1);
	run->line = v->lines;
	run->seq = r->seq;
}

/* --- what the host says --- */

static size_t
list_take(struct listed *rows, size_t count, const char *list, size_t len)
{
	char text[4096], *word, *rest = NULL;

	snprintf(text, sizeof text, "%.*s", (int)len, list);
	for (word = strtok_r(text, " ", &rest); word && count < LISTED_MAX;
	     word = strtok_r(NULL, " ", &rest)) {
		char *is = strchr(word, '=');

		if (!is || (size_t)(is - word) >= sizeof rows[0].name)
			continue;
		snprintf(rows[count].name, sizeof rows[0].name, "%.*s", (int)(is - word),
		    word);
		rows[count++].rc = is[1] == '-' ? -1 : atoi(is + 1);
	}
	return count;
}

static size_t
list_read(struct listed *rows, const char *text, size_t len)
{
	static const char mark[] = "#bg runs list=\"";
	const char *p = text, *end = text + len, *quote;
	size_t count = 0;

	while ((p = memmem(p, (size_t)(end - p), mark, sizeof mark - 1)) != NULL) {
		bool begins = p == text || p[-1] == '\n';

		p += sizeof mark - 1;
		quote = memchr(p, '"', (size_t)(end - p));
		if (begins && quote)
			count = list_take(rows, count, p, (size_t)(quote - p));
	}
	return count;
}

/* A run's name begins with its time, YYYYMMDDThhmmssZ; -1: it does not. */
static int64_t
time_of(const char *name)
{
	char at[CLOCK_AT_LEN];

	if (strlen(name) < 16 || name[8] != 'T' || name[15] != 'Z')
		return -1;
	snprintf(at, sizeof at, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s.000Z", name, name + 4,
	    name + 6, name + 9, name + 11, name + 13);
	return clock_from(at);
}

static const struct listed *
listed_of(const struct listed *rows, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void
check_run(struct verify *v, const struct verify_run *run, const struct listed *rows,
    size_t count, int64_t oldest)
{
	const struct listed *l = listed_of(rows, count, run->name);
	int64_t at = time_of(run->name);

	if (l && run->exit >= 0 && l->rc >= 0 && l->rc != run->exit)
		verify_add(v, VERIFY_REWRITTEN, run->line, run->seq, -1,
		    "the journal says that %s ended with %d, the host says %d", run->name,
		    run->exit, l->rc);
	else if (!l && at >= 0 && oldest >= 0 && at > oldest)
		verify_add(v, VERIFY_REWRITTEN, run->line, run->seq, -1,
		    "the host has no run %s, and has older ones", run->name);
	else if (!l)
		verify_note(v, VERIFY_ODD, run->line, -1,
		    "the host does not list %s any more: its list begins later",
		    run->name);
}

static bool
journal_has(const struct verify *v, const char *name)
{
	for (size_t i = 0; i < v->run_count; i++)
		if (strcmp(v->runs[i].name, name) == 0)
			return true;
	return false;
}

/* Within the incident's time, by the engine's clock. */
static bool
is_ours(const struct verify *v, const char *name)
{
	int64_t at = time_of(name), from = clock_from(v->began_at),
		upto = clock_from(v->end_at), slack = v->host_skew_ms ? 5000 : SLACK_MS;

	at -= v->host_skew_ms;
	if (v->end == END_NONE) /* what was cut off may have gone on for hours */
		upto += (int64_t)4 * 3600 * 1000;
	return from >= 0 && upto >= 0 && at >= from - slack && at <= upto + slack;
}

size_t
verify_host_list(struct verify *v, const char *text, size_t len)
{
	struct listed *rows = mem_alloc(LISTED_MAX * sizeof *rows);
	size_t count = list_read(rows, text, len);
	int64_t oldest = -1;

	for (size_t i = 0; i < count; i++) {
		int64_t at = time_of(rows[i].name);

		if (at >= 0 && (oldest < 0 || at < oldest))
			oldest = at;
	}
	for (size_t i = 0; i < v->run_count; i++)
		if (v->runs[i].name[0])
			check_run(v, &v->runs[i], rows, count, oldest);
	for (size_t i = 0; i < count; i++)
		if (is_ours(v, rows[i].name) && !journal_has(v, rows[i].name))
			verify_note(v, VERIFY_ODD, 0, -1,
			    "the host ran %s%s%s within this incident's time, and the journal has no such run: another engine's, or the journal's end was cut off",
			    rows[i].name, rows[i].rc < 0 ? ", no result" : "",
			    rows[i].rc > 0 ? ", which failed" : "");
	free(rows);
	return count;
}
