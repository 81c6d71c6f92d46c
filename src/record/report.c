/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report.c: "breakglass report": which journal, what is known of its file, where to. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "record/ask.h"
#include "record/held.h"
#include "record/outfile.h"
#include "record/record.h"
#include "record/report_int.h"
#include "record/verify.h"
#include "wire/chain.h"
#include "wire/journal_file.h"

#define BESIDE_MAX 64
#define JSON_MAX ((size_t)64 * 1024 * 1024)

static const struct option long_options[] = {
    {"began", required_argument, NULL, 'b'},
    {"force", no_argument, NULL, 'f'},
    {"json", no_argument, NULL, 'j'},
    {"output", required_argument, NULL, 'o'},
    {0},
};

struct wish {
	const char *what, *output; /* NULL: the newest, standard output */
	int64_t began_ms;	   /* -1 */
	bool json, force;
};

/* UTC, "2026-01-31T03:05:00Z" with or without milliseconds, or "2026-01-31 03:05". */
static int64_t
time_from(const char *text)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S",
	    "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%MZ"};
	int64_t ms = clock_from(text);

	for (size_t i = 0; ms < 0 && i < ARRAY_LEN(forms); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);

		if (end && !*end)
			ms = (int64_t)timegm(&tm) * 1000;
	}
	return ms;
}

/* ---- the file -------------------------------------------------------------------------
 */

static void
file_digest(const char *path, int64_t size, char hex[CHAIN_HEX + 1])
{
	struct digest *d = digest_new();
	FILE *f = fopen(path, "re");
	char block[64 * 1024];
	size_t n = 1;

	while (f && size > 0 && n > 0) {
		n = fread(block, 1,
		    (int64_t)sizeof block < size ? sizeof block : (size_t)size, f);
		digest_add(d, block, n);
		size -= (int64_t)n;
	}
	if (f)
		fclose(f);
	digest_end(d, hex);
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Pictures and what else has the incident's name. */
static struct js *
file_beside(const char *dir, const char *name)
{
	struct js *list = js_array();
	size_t len = strlen(name), suffix = strlen(JOURNAL_FILE_SUFFIX);
	struct dirent **found = NULL;
	int n = scandir(dir, &found, NULL, by_name);

	len = len > suffix ? len - suffix : len;
	for (int i = 0; i < n; i++) {
		const char *other = found[i]->d_name;
		char *path = mem_printf("%s/%s", dir, other);
		struct stat st;

		if (strncmp(other, name, len) == 0 && other[len] == '-' &&
		    js_len(list) < BESIDE_MAX && lstat(path, &st) == 0 &&
		    S_ISREG(st.st_mode)) {
			struct js *item = js_new();

			js_set_str(item, "name", other);
			js_set_int(item, "bytes", st.st_size);
			js_add(list, item);
		}
		free(path);
		free(found[i]);
	}
	free(found);
	return list;
}

static const char *
check_words(const struct verify *v, char *out, size_t size)
{
	static const char *const ends[VERIFY_ENDS] = {[END_NONE] = "",
	    [END_CLOSED] = "its last record closes it",
	    [END_LEFT] = "its last record is the engine's leaving",
	    [END_ENGINE] = "an engine holds it",
	    [END_ANCHOR] = "an anchor has its last record"};

	if (v->damaged)
		snprintf(out, size, "DAMAGED: %.200s",
		    v->count ? v->findings[0].text : "journal verify tells where");
	else if (!v->chained)
		snprintf(out, size, "no hash chain: it cannot be checked (format 1)");
	else if (verify_exit(v) == RECORD_OK)
		snprintf(out, size, "hash chain intact, %s", ends[v->end]);
	else
		snprintf(out, size,
		    "hash chain intact as far as it goes; nothing proves that "
		    "the last record is the last");
	return out;
}

static void
file_facts(struct js *facts, const char *path, const struct verify *v, int64_t size,
    int64_t torn)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_dupn(path, (size_t)(slash - path)) : mem_dup(".");
	char hex[CHAIN_HEX + 1], words[400];
	struct js *file = js_new();

	js_set_str(file, "name", slash ? slash + 1 : path);
	js_set_int(file, "bytes", size);
	js_set_int(file, "torn", torn);
	file_digest(path, size, hex);
	js_set_str(file, "sha256", hex);
	if (v->chained)
		js_set_str(file, "h", v->head);
	js_set_str(file, "check", check_words(v, words, sizeof words));
	js_set_bool(file, "damaged", v->damaged);
	js_set_int(file, "exit", verify_exit(v));
	js_set(file, "beside", file_beside(dir[0] ? dir : "/", slash ? slash + 1 : path));
	js_set(facts, "file", file);
	free(dir);
}

/* What is written meanwhile is not read: the file as it was. */
static int
read_file(struct report *r, const char *path, struct err *err)
{
	struct journal_file *f = journal_file_open(path, err);
	struct verify v;
	const char *line;
	int64_t size, torn;
	size_t len;
	int rc = 0;

	if (!f)
		return -1;
	verify_init(&v, NULL, NULL);
	size = journal_file_size(f);
	while (journal_file_at(f) < size &&
	    (rc = journal_file_next(f, &line, &len, err)) > 0) {
		verify_line(&v, line, len, journal_file_began(f));
		report_line(r, line, len);
	}
	torn = size > journal_file_at(f) ? size - journal_file_at(f) : 0;
	verify_finish(&v, size, torn);
	if (rc >= 0)
		file_facts(report_facts(r), path, &v, size, torn);
	verify_fini(&v);
	journal_file_close(f);
	return rc < 0 ? -1 : 0;
}

/* ---- an engine that has more than the disk -------------------------------------------
 */

struct fetching {
	struct report *r;
	struct verify v;
	int64_t bytes;
};

static void
on_record(const char *line, size_t len, void *arg)
{
	struct fetching *g = arg;

	verify_line(&g->v, line, len, g->bytes);
	report_line(g->r, line, len);
	g->bytes += (int64_t)len + 1;
}

static int
read_engine(struct report *r, const struct options *o, struct ask *a, struct err *err)
{
	struct fetching g = {.r = r};
	char head[CHAIN_HEX + 1], id[VERIFY_ID_MAX], words[400], check[480];
	bool kept = strcmp(a->journal, "ok") == 0;
	struct js *file;
	int rc;

	memcpy(head, a->head, sizeof head);
	memcpy(id, a->incident, sizeof id);
	verify_init(&g.v, NULL, head);
	rc = ask_records(o, id, a, on_record, &g, err);
	verify_finish(&g.v, g.bytes, 0);
	if (rc == 0) {
		snprintf(check, sizeof check, "from the engine, %s; %s",
		    kept ? "its file is not here" : "no disk has all of it",
		    check_words(&g.v, words, sizeof words));
		js_set(report_facts(r), "file", file = js_new());
		js_set_str(file, "name",
		    kept ? "none here: the engine of another uid keeps it"
			 : "none yet: the engine's memory");
		js_set_int(file, "bytes", g.bytes);
		js_set_str(file, "sha256", "");
		if (g.v.chained)
			js_set_str(file, "h", g.v.head);
		js_set_str(file, "check", check);
		js_set_bool(file, "damaged", g.v.damaged);
		js_set_int(file, "exit", verify_exit(&g.v));
	}
	verify_fini(&g.v);
	return rc;
}

static bool
is_path(const char *what)
{
	return what && (strchr(what, '/') || strstr(what, JOURNAL_FILE_SUFFIX));
}

/* Does the engine hold what is meant, and does the disk not have all of it? */
static bool
must_ask(const struct ask *a, const char *what)
{
	return held_is_meant(a, what) && a->journal[0] && strcmp(a->journal, "ok") != 0;
}

static int
read_journal(struct report *r, const struct options *o, const char *what, struct err *err)
{
	struct ask a = {0};
	char *path;
	int rc;

	if (!is_path(what))
		ask_engine(o, &a);
	if (must_ask(&a, what))
		return read_engine(r, o, &a, err);
	path = journal_find(o->sessions_dir, held_name(&a, what), err);
	if (!path && held_is_meant(&a, what)) /* another uid's engine keeps its file */
		return read_engine(r, o, &a, err);
	if (!path) {
		held_hint(o, "report last", err);
		return -1;
	}
	rc = read_file(r, path, err);
	free(path);
	return rc;
}

/* ---- where to ---- */

static int
write_facts(const struct js *facts, bool json, FILE *to, struct err *err)
{
	struct buf b;

	if (!json) {
		report_print(facts, to);
	} else {
		buf_init(&b, JSON_MAX);
		if (js_print(facts, &b) < 0) {
			buf_fini(&b);
			return err_set(err, ERR_LIMIT,
			    "the facts are longer than %zu MiB", JSON_MAX >> 20);
		}
		fwrite(b.data, 1, b.len, to);
		putc('\n', to);
		buf_fini(&b);
	}
	if (fflush(to) != 0 || ferror(to))
		return err_sys(err, errno, "write the report");
	return 0;
}

static int
write_file(const struct js *facts, const struct wish *w, struct err *err)
{
	struct outfile out;
	FILE *to;
	int fd, rc;

	if (outfile_open(&out, w->output ? w->output : "-", w->force, err) < 0)
		return -1;
	fd = dup(out.fd);
	to = fd < 0 ? NULL : fdopen(fd, "w");
	if (!to) {
		rc = err_sys(err, errno, "write the report");
		if (fd >= 0)
			close(fd);
		outfile_drop(&out);
		return rc;
	}
	rc = write_facts(facts, w->json, to, err);
	if (fclose(to) != 0 && rc == 0)
		rc = err_sys(err, errno, "write the report");
	if (rc == 0)
		return outfile_keep(&out, err);
	outfile_drop(&out);
	return rc;
}

static int
wish_read(struct wish *w, int argc, char **argv)
{
	int c;

	*w = (struct wish){.began_ms = -1};
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "o:", long_options, NULL)) != -1) {
		if (c == 'b') {
			w->began_ms = time_from(optarg);
			if (w->began_ms < 0)
				return record_usage(argv[0],
				    "--began takes a time in UTC, 2026-01-31T03:05:00Z, "
				    "not '%s'",
				    optarg);
		} else if (c == 'f') {
			w->force = true;
		} else if (c == 'j') {
			w->json = true;
		} else if (c == 'o') {
			w->output = optarg;
		} else {
			return record_usage(argv[0],
			    "it takes [ID] [-o FILE [--force]] [--json] [--began TIME]");
		}
	}
	if (argc - optind > 1)
		return record_usage(argv[0], "one incident at a time");
	w->what = optind < argc ? argv[optind] : NULL;
	return RECORD_OK;
}

/* Of lines that are no records a post-mortem of nothing could be made. */
static int
check_any(const struct js *facts, const char *what, struct err *err)
{
	if (js_has(facts, "opened"))
		return 0;
	return err_set(err, ERR_USAGE,
	    "no line of %.200s is a record: if it is a journal, breakglass journal verify says more",
	    what ? what : "the last journal");
}

int
report_main(int argc, char **argv, const struct options *o)
{
	struct report *r;
	struct wish w;
	struct err err;
	int rc = wish_read(&w, argc, argv);

	if (rc != RECORD_OK)
		return rc;
	r = report_new(w.began_ms);
	if (read_journal(r, o, w.what, &err) < 0 ||
	    check_any(report_facts(r), w.what, &err) < 0 ||
	    write_file(report_facts(r), &w, &err) < 0)
		rc = record_fail(&err);
	report_free(r);
	return rc;
}
