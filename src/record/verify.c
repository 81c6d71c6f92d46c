/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify.c: "journal verify", from the command line to the exit code. */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "record/anchors.h"
#include "record/ask.h"
#include "record/held.h"
#include "record/host_ask.h"
#include "record/record.h"
#include "record/verify_say.h"
#include "wire/journal_file.h"

#define ENGINE_TRIES 20
#define ENGINE_TRY_MS 50 /* a record is on its way to the file for some milliseconds */

struct verifying {
	const struct options *o;
	struct ask held; /* there: what is verified came from that engine, and no file */
	struct anchors *anchors; /* NULL: none were given */
	bool host, host_asked, json;
	struct buf host_said;
	char host_why[300];
};

static const struct option long_options[] = {
    {"anchors", required_argument, NULL, 'a'},
    {"host", no_argument, NULL, 'H'},
    {"json", no_argument, NULL, 'j'},
    {0},
};

/* The engine's own file, and no copy of it: a copy may be older. */
static bool
is_engines(const struct options *o, const char *path, const char *id)
{
	char *own = journal_path(o->sessions_dir, id);
	struct stat a, b;
	bool same = stat(own, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino;

	free(own);
	return same;
}

/* The engine that holds it knows a head that is not here. */
static void
say_engine(
    struct verify *v, const struct verifying *g, const char *path, const struct ask *a)
{
	bool waits = strcmp(a->journal, "ok") != 0 && a->journal[0];

	if (v->engine_seen || !a->head[0])
		return;
	if (!is_engines(g->o, path, v->id))
		verify_note(v, VERIFY_ODD, 0, -1,
		    "an engine holds this incident and is at record %llu; this file is a copy of its journal",
		    (unsigned long long)a->last);
	else if (waits)
		verify_note(v, VERIFY_ODD, 0, -1,
		    "the engine is at record %llu and has records in its memory that no disk takes",
		    (unsigned long long)a->last);
	else
		verify_add(v, VERIFY_REWRITTEN, v->lines, v->last, -1,
		    "the engine that holds this incident is at record %llu, and no record here has its head",
		    (unsigned long long)a->last);
}

/* The engine writes meanwhile, so a record may not be in the file yet: again, then. */
static int
verify_once(struct verifying *g, const char *path, struct verify *v,
    struct verify_asked *asked, struct err *err)
{
	struct ask a;
	int rc = 0;

	asked->engine = g->held.there;
	if (g->held.there) {
		verify_init(v, g->anchors, g->held.head);
		return verify_file(v, path, err);
	}
	for (int i = 0; i < ENGINE_TRIES; i++) {
		ask_engine(g->o, &a);
		verify_init(v, g->anchors, a.there ? a.head : NULL);
		rc = verify_file(v, path, err);
		asked->engine =
		    a.there && a.incident[0] && strcmp(a.incident, v->id) == 0;
		if (rc < 0 || !asked->engine || !a.head[0] ||
		    (v->engine_seen && !v->torn) || !is_engines(g->o, path, v->id))
			break;
		if (i + 1 < ENGINE_TRIES) {
			verify_fini(v);
			poll(NULL, 0, ENGINE_TRY_MS);
		}
	}
	if (rc == 0 && asked->engine)
		say_engine(v, g, path, &a);
	return rc;
}

/* After the file was read: an engine that starts for this call may write to it. */
static void
ask_host(struct verifying *g)
{
	struct err err;

	if (!g->host || g->host_asked)
		return;
	g->host_asked = true;
	if (host_ask(g->o, &g->host_said, &err) < 0)
		snprintf(g->host_why, sizeof g->host_why, "%.290s", err.words);
	else if (!memmem(buf_str(&g->host_said), g->host_said.len, "#bg runs ", 9))
		snprintf(g->host_why, sizeof g->host_why,
		    "its program is older than the list of runs; breakglass doctor says how ours is installed");
}

static int
verify_path(struct verifying *g, const char *path)
{
	struct verify_asked asked = {
	    .path = g->held.there ? "the engine's own, as it sends it" : path,
	    .anchors = g->anchors != NULL,
	    .host = g->host};
	struct verify v;
	struct err err;
	int rc;

	if (verify_once(g, path, &v, &asked, &err) < 0) {
		verify_fini(&v);
		return record_fail(&err);
	}
	ask_host(g);
	if (g->host && g->host_why[0])
		asked.host_why = g->host_why;
	else if (g->host)
		asked.host_runs =
		    verify_host_list(&v, buf_str(&g->host_said), g->host_said.len);
	rc = verify_exit(&v);
	if (asked.host_why && rc != RECORD_FAILED)
		rc = RECORD_UNREACHABLE;
	if (g->json)
		verify_say_json(stdout, &v, &asked, rc);
	else
		verify_say(stdout, &v, &asked, rc);
	verify_fini(&v);
	return rc;
}

/* Of several journals the worst is told: damage, then all that is not proven. */
static int
worse(int a, int b)
{
	if (a == RECORD_FAILED || b == RECORD_FAILED)
		return RECORD_FAILED;
	return a == RECORD_OK ? b : a;
}

static int
verify_words(struct verifying *g, int count, char **words)
{
	char *last[] = {NULL};
	int rc = RECORD_OK;

	if (count == 0) {
		words = last;
		count = 1;
	}
	for (int i = 0; i < count; i++) {
		struct err err;
		char *path = held_find(g->o, words[i], "journal verify", &g->held, &err);

		rc = worse(rc, path ? verify_path(g, path) : record_fail(&err));
		free(path);
	}
	return rc;
}

static int
verify_options(struct verifying *g, int argc, char **argv)
{
	struct err err;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'a') {
			if (!g->anchors)
				g->anchors = anchors_new();
			if (anchors_read(g->anchors, optarg, &err) < 0)
				return record_fail(&err);
		} else if (c == 'H') {
			g->host = true;
		} else if (c == 'j') {
			g->json = true;
		} else {
			return record_usage("journal verify",
			    "[ID | FILE ...] [--host] [--anchors FILE | -] [--json]");
		}
	}
	return RECORD_OK;
}

int
verify_main(int argc, char **argv, const struct options *o)
{
	struct verifying g = {.o = o};
	int rc;

	buf_init(&g.host_said, HOST_ASK_MAX);
	rc = verify_options(&g, argc, argv);
	if (rc == RECORD_OK)
		rc = verify_words(&g, argc - optind, argv + optind);
	anchors_free(g.anchors);
	buf_fini(&g.host_said);
	return rc;
}
