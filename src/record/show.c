/* SPDX-License-Identifier: GPL-3.0-or-later */
/* show.c: "journal", a journal as lines for a person, or as it is. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "record/held.h"
#include "record/record.h"
#include "record/show_record.h"
#include "record/verify.h"
#include "wire/journal_file.h"
#include "wire/json.h"
#include "wire/messages.h"

#define BODY_LINES 40
#define BODY_BYTES 4096
#define KINDS_MAX 16

struct showing {
	struct show show;
	bool json, terminal;
	const char *kinds[KINDS_MAX];
	size_t kind_count;
	uint64_t since;
	uint64_t lines, bad;
};

static const struct option long_options[] = {
    {"full", no_argument, NULL, 'f'},
    {"json", no_argument, NULL, 'j'},
    {"kind", required_argument, NULL, 'k'},
    {"since", required_argument, NULL, 's'},
    {0},
};

static int
show_usage(void)
{
	return record_usage("journal",
	    "[ID | FILE] [--kind KIND]... [--since SEQ] [--full] [--json]; journal verify [ID | FILE ...]");
}

/* A line of ours is ASCII; one that is not must not reach a terminal as it is. */
static void
print_raw(const struct showing *g, const char *line, size_t len)
{
	for (size_t i = 0; g->terminal && i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c < 0x20 || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	if (!g->terminal)
		fwrite(line, 1, len, stdout);
	putchar('\n');
}

static bool
is_wanted(const struct showing *g, const struct js *m, uint64_t seq)
{
	if (g->since && seq && seq < g->since)
		return false;
	if (g->kind_count == 0)
		return true;
	for (size_t i = 0; m && i < g->kind_count; i++)
		if (js_is(m, "t", g->kinds[i]))
			return true;
	return false;
}

static void
show_line(struct showing *g, const char *line, size_t len)
{
	uint64_t seq = verify_seq(line, len);
	struct err err;
	struct js *m = NULL;

	g->lines++;
	if (!g->json || g->kind_count)
		m = js_parse(line, len, &err);
	if (!is_wanted(g, m, seq))
		;
	else if (g->json)
		print_raw(g, line, len);
	else if (m)
		show_record(&g->show, m);
	else
		show_bad(&g->show, g->lines, line, len);
	g->bad += !m && !g->json;
	js_free(m);
}

static int
show_file(struct showing *g, const char *path)
{
	struct err err;
	struct journal_file *f = journal_file_open(path, &err);
	const char *line;
	size_t len;
	int rc;

	if (!f)
		return record_fail(&err);
	while ((rc = journal_file_next(f, &line, &len, &err)) > 0 && !ferror(stdout))
		show_line(g, line, len);
	if (rc < 0)
		rc = record_fail(&err);
	else
		rc = RECORD_OK;
	if (g->bad && rc == RECORD_OK)
		record_say(stderr,
		    "%" PRIu64 " lines are no records: breakglass journal verify\n",
		    g->bad);
	if (journal_file_torn(f) && !ferror(stdout))
		record_say(stderr,
		    "the last %" PRId64
		    " bytes are no whole record: breakglass journal verify\n",
		    journal_file_torn(f));
	journal_file_close(f);
	return rc;
}

static int
take_kind(struct showing *g, const char *kind)
{
	for (int i = 0; i < FACTS; i++)
		if (fact_journaled[i] && strcmp(fact_names[i], kind) == 0 &&
		    g->kind_count < KINDS_MAX) {
			g->kinds[g->kind_count++] = kind;
			return 0;
		}
	record_say(stderr,
	    "breakglass journal: no record is of the kind \"%.40s\"; kinds:", kind);
	for (int i = 0; i < FACTS; i++)
		if (fact_journaled[i])
			fprintf(stderr, " %s", fact_names[i]);
	putc('\n', stderr);
	return -1;
}

static int
take_since(struct showing *g, const char *text)
{
	char *end;

	g->since = strtoull(text, &end, 10);
	if (*end == '\0' && end > text && *text != '-')
		return 0;
	record_say(
	    stderr, "breakglass journal: --since SEQ: \"%.40s\" is no number\n", text);
	return -1;
}

static int
show_options(struct showing *g, int argc, char **argv)
{
	int c, rc = 0;

	optind = 0;
	while (rc == 0 && (c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'f')
			g->show.body_lines = g->show.body_bytes = 0;
		else if (c == 'j')
			g->json = true;
		else if (c == 'k')
			rc = take_kind(g, optarg);
		else if (c == 's')
			rc = take_since(g, optarg);
		else
			rc = show_usage();
	}
	return rc == 0 && argc - optind > 1 ? show_usage() : rc;
}

int
show_main(int argc, char **argv, const struct options *o)
{
	struct showing g = {.show = {.to = stdout,
				.columns = record_columns(),
				.body_lines = BODY_LINES,
				.body_bytes = BODY_BYTES},
	    .terminal = isatty(STDOUT_FILENO)};
	struct ask held;
	struct err err;
	char *path;
	int rc;

	if (show_options(&g, argc, argv) != 0)
		return RECORD_USAGE;
	path = held_find(o, argv[optind], "journal", &held, &err);
	rc = path ? show_file(&g, path) : record_fail(&err);
	free(path);
	return rc;
}
