/* SPDX-License-Identifier: GPL-3.0-or-later */
/* incidents.c: which incidents there are, the newest first. */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/scrub.h"
#include "record/held.h"
#include "record/record.h"
#include "record/summary.h"
#include "wire/journal_file.h"
#include "wire/json.h"

#define SHOWN 20			    /* without --all */
#define BUDGET ((int64_t)256 * 1024 * 1024) /* bytes that are read of all journals */
#define WIDE 80

struct listing {
	const struct options *o;
	struct ask engine;
	bool json, all;
	int columns;
	int64_t budget;
	bool skipped; /* something was not counted */
};

static const struct option long_options[] = {
    {"all", no_argument, NULL, 'a'},
    {"json", no_argument, NULL, 'j'},
    {0},
};

/* --- for a person --- */

static void say_more(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
say_more(struct buf *b, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_add_some(b, b->len ? "; " : "", b->len ? 2 : 0);
	buf_add_some(b, text, strlen(text));
}

static void
say_details(const struct listing *l, const struct summary *s)
{
	char text[64], bytes[24];
	struct buf b;

	buf_init(&b, 8192);
	for (size_t i = 0; i < s->verb_count; i++)
		say_more(&b, "%s by %s",
		    summary_verb_text(&s->verbs[i], text, sizeof text), s->verbs[i].by);
	if (s->verb_more)
		say_more(&b, "%zu more verbs", s->verb_more);
	if (s->looks)
		say_more(&b, "%u looks at the host", s->looks);
	if (s->verdict[0])
		say_more(&b, "verdict %s", s->verdict);
	if (s->turns)
		say_more(&b, "%u turn%s", s->turns, s->turns == 1 ? "" : "s");
	if (s->costs && s->cost_usd > 0)
		say_more(&b, "$%.2f", s->cost_usd);
	say_more(&b, "%" PRIu64 " records, %s", s->records,
	    record_bytes(s->bytes, bytes, sizeof bytes));
	if (s->torn)
		say_more(&b, "the last record is torn");
	if (s->skipped > 0)
		say_more(&b, "%s of it not counted",
		    record_bytes(s->skipped, bytes, sizeof bytes));
	record_wrap(stdout, l->columns, 4, 6, buf_str(&b));
	buf_fini(&b);
}

static void
say_incident(const struct listing *l, const struct summary *s)
{
	char lasted[24] = "?", opened[17] = "?";

	if (s->opened_ms >= 0) {
		char at[CLOCK_AT_LEN]; /* said anew: what a file says is not printed as it
					  is */

		clock_at(s->opened_ms, at);
		snprintf(opened, sizeof opened, "%.10s %.5s", at, at + 11);
	}
	if (summary_lasted(s) >= 0)
		clock_age(summary_lasted(s), lasted, sizeof lasted);
	if (l->columns >= WIDE) {
		char by[18];

		printf("%-21s  %-16s  %-7s  %-14s  %s\n", s->id, opened, lasted,
		    summary_state_words[s->state],
		    scrub_label(s->by, strlen(s->by), by, sizeof by));
	} else {
		record_wrapf(stdout, l->columns, 0, 2, "%s %s", s->id,
		    summary_state_words[s->state]);
		record_wrapf(
		    stdout, l->columns, 4, 6, "%s UTC, %s, by %s", opened, lasted, s->by);
	}
	say_details(l, s);
}

/* --- for a program --- */

static struct js *
verb_json(const struct summary_verb *v)
{
	struct js *m = js_new();

	js_set_str(m, "id", v->id);
	js_set_str(m, "verb", v->verb);
	js_set_str(m, "by", v->by);
	js_set_str(m, "state", v->state);
	if (v->exit >= 0)
		js_set_int(m, "exit", v->exit);
	if (v->learnt)
		js_set_bool(m, "learnt", true);
	return m;
}

static void
say_json(const struct summary *s, const char *path)
{
	struct js *m = js_new(), *verbs = js_array();
	struct buf b;

	for (size_t i = 0; i < s->verb_count; i++)
		js_add(verbs, verb_json(&s->verbs[i]));
	js_set_str(m, "id", s->id);
	js_set_str(m, "path", path);
	js_set_str(m, "state", summary_state_names[s->state]);
	if (s->opened[0])
		js_set_str(m, "opened", s->opened);
	if (s->last[0])
		js_set_str(m, "last_at", s->last);
	if (summary_lasted(s) >= 0)
		js_set_int(m, "ms", summary_lasted(s));
	js_set_str(m, "by", s->by);
	js_set(m, "verbs", verbs);
	js_set_int(m, "verbs_more", (int64_t)s->verb_more);
	js_set_int(m, "looks", s->looks);
	if (s->verdict[0]) {
		js_set_str(m, "verdict", s->verdict);
		js_set_str(m, "advice", s->advice);
	}
	js_set_int(m, "turns", s->turns);
	if (s->costs)
		js_set_dbl(m, "cost_usd", s->cost_usd);
	js_set_int(m, "last", (int64_t)s->records);
	js_set_int(m, "bytes", s->bytes);
	js_set_int(m, "torn", s->torn);
	js_set_int(m, "not_counted", s->skipped > 0 ? s->skipped : 0);
	buf_init(&b, 64 * 1024);
	if (js_print(m, &b) == 0)
		printf("%s\n", b.data);
	buf_fini(&b);
	js_free(m);
}

static int
say_one(struct listing *l, const char *id)
{
	char *path = journal_path(l->o->sessions_dir, id);
	struct summary s;
	struct err err;
	int rc = summary_read(&s, path, &l->engine, &l->budget, &err);

	if (rc < 0)
		record_fail(&err);
	else if (l->json)
		say_json(&s, path);
	else
		say_incident(l, &s);
	l->skipped |= rc == 0 && s.skipped > 0;
	free(path);
	return rc;
}

static int
say_all(struct listing *l, char *const *ids, size_t count)
{
	size_t shown = l->all || l->json || count < SHOWN ? count : SHOWN;
	int rc = RECORD_OK;
	uid_t owner;

	if (count == 0 && !l->json)
		record_say(
		    stdout, "no incident yet in %s/incidents\n", l->o->sessions_dir);
	else if (!l->json && l->columns >= WIDE)
		printf("%-21s  %-16s  %-7s  %-14s  %s\n", "INCIDENT", "OPENED (UTC)",
		    "LASTED", "STATE", "BY");
	for (size_t i = 0; i < shown; i++)
		if (say_one(l, ids[count - 1 - i]) < 0)
			rc = RECORD_FAILED;
	if (shown < count)
		record_wrapf(stdout, l->columns, 0, 2,
		    "%zu older ones: breakglass incidents --all", count - shown);
	if (!l->json && held_elsewhere(l->o, &owner))
		record_wrapf(stdout, l->columns, 0, 2,
		    "Those of the engine here are uid %ld's: sudo -u '#%ld' breakglass incidents",
		    (long)owner, (long)owner);
	if (l->skipped && !l->json)
		record_wrapf(stdout, l->columns, 0, 2,
		    "Of long journals only the beginning and the end were read: verbs between them are not told.");
	return rc;
}

int
incidents_main(int argc, char **argv, const struct options *o)
{
	struct listing l = {.o = o, .columns = record_columns(), .budget = BUDGET};
	char **ids;
	size_t count;
	struct err err;
	int c, rc;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		l.all |= c == 'a';
		l.json |= c == 'j';
		if (c == '?')
			return record_usage("incidents", "[--all] [--json]");
	}
	if (optind < argc)
		return record_usage("incidents", "it takes no further words");
	if (journal_ids(o->sessions_dir, &ids, &count, &err) < 0)
		return record_fail(&err);
	ask_engine(o, &l.engine);
	rc = say_all(&l, ids, count);
	journal_ids_free(ids, count);
	return rc;
}
