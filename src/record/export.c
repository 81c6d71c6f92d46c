/* SPDX-License-Identifier: GPL-3.0-or-later */
/* export.c: one file for a ticket. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "record/export_int.h"
#include "record/held.h"
#include "record/outfile.h"
#include "wire/journal_file.h"
#include "wire/json.h"

struct export_args {
	const char *out, *what; /* NULL: the default */
	bool force, cast, json;
};

static const struct option long_options[] = {
    {"asciicast", no_argument, NULL, 'a'},
    {"force", no_argument, NULL, 'f'},
    {"json", no_argument, NULL, 'j'},
    {"output", required_argument, NULL, 'o'},
    {0},
};

/* --- where the journal comes from --- */

/* The engine has more than the disk: all records come from it. */
static int
fetch_journal(struct exporting *e, struct err *err)
{
	char path[64];

	if (e->fd >= 0)
		close(e->fd);
	e->fd = held_fetch(e->o, &e->engine, err);
	if (e->fd < 0)
		return -1;
	free(e->path);
	e->path = mem_dup(held_path(e->fd, path));
	e->from_engine = true;
	verify_fini(&e->v);
	verify_init(&e->v, NULL, e->engine.head);
	if (verify_file(&e->v, e->path, err) < 0)
		return -1;
	e->size = e->v.bytes;
	return 0;
}

static int
open_journal(struct exporting *e, struct err *err)
{
	e->fd = open(e->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (e->fd < 0)
		return err_sys(err, errno, "open the journal %s", e->path);
	verify_init(&e->v, NULL, e->engine.there ? e->engine.head : NULL);
	if (verify_file(&e->v, e->path, err) < 0)
		return -1;
	snprintf(e->id, sizeof e->id, "%s", e->v.id);
	/* a record that is being written is not exported; a torn one of the past is */
	e->size = e->v.bytes;
	if (e->engine.there && strcmp(e->engine.incident, e->id) == 0)
		e->size -= e->v.torn;
	return 0;
}

static bool
disk_lacks(const struct exporting *e)
{
	return e->engine.there && strcmp(e->engine.incident, e->id) == 0 &&
	    ((e->engine.journal[0] && strcmp(e->engine.journal, "ok") != 0) ||
		e->engine.last > e->v.last);
}

static int
find_journal(struct exporting *e, const char *what, struct err *err)
{
	int rc = 0;

	ask_engine(e->o, &e->engine);
	what = held_name(&e->engine, what);
	e->path = journal_find(e->o->sessions_dir, what, err);
	if (e->path)
		rc = open_journal(e, err);
	if (!e->path)
		held_hint(e->o, "export last -o - >ticket.tar.gz", err);
	if ((!e->path || rc < 0) && !held_is_meant(&e->engine, what))
		return -1;
	if (!e->path || rc < 0 || disk_lacks(e)) {
		snprintf(e->id, sizeof e->id, "%s", e->engine.incident);
		return fetch_journal(e, err);
	}
	/* it names files, and may come from a journal of anybody's */
	if (!journal_is_id(e->id, strlen(e->id)))
		return err_set(err, ERR_USAGE,
		    "%s does not begin with the record that opens an incident: breakglass journal verify says more",
		    e->path);
	return 0;
}

/* --- where it goes --- */

static int
pack(struct exporting *e, int fd, struct err *err)
{
	char *top = mem_printf("breakglass-%s", e->id);
	struct stat st;
	int64_t at = fstat(e->fd, &st) == 0 ? (int64_t)st.st_mtime : 0;
	struct archive_pack *p = archive_pack_open(fd, top, at, err);
	struct err end;
	int rc = p ? export_parts(e, p, err) : -1;

	if (archive_pack_close(p, &end) < 0 && rc == 0) {
		*err = end;
		rc = -1;
	}
	free(top);
	return rc;
}

static void
say_done(const struct exporting *e, const char *path, int64_t bytes)
{
	FILE *to = stderr; /* standard output may be the file */
	char text[24];
	int rc = verify_exit(&e->v);

	record_say(to, "%s: %s, incident %s, %" PRIu64 " records, %zu picture%s\n", path,
	    record_bytes(bytes, text, sizeof text), e->id, e->v.lines, e->pictures,
	    e->pictures == 1 ? "" : "s");
	if (e->from_engine)
		record_say(to, "the journal came from the engine%s\n",
		    strcmp(e->engine.journal, "ok") == 0
			? ", no file here has all of it"
			: "'s memory: no disk has taken all of it");
	if (e->without[0])
		record_say(to, "without %s\n", e->without);
	record_say(to, "journal: %s\n",
	    rc == RECORD_OK ? "intact, and its end is proven"
		: rc == RECORD_FAILED
		? "DAMAGED, verify.txt says where"
		: "intact as far as it goes, its end is not proven");
	record_say(to,
	    "Secrets that the engine holds were taken out when it was written, nothing else: read it before you give it away.\n"
	    "The key has been used: contrib/bootstrap rotate (README.txt has the commands).\n");
}

/* The file is on standard error for a person; for a script it is here. */
static int
say_json(const struct exporting *e, const char *path, int64_t bytes, struct err *err)
{
	struct js *m = js_new();
	struct buf text;
	int rc;

	js_set_str(m, "path", path);
	js_set_str(m, "incident", e->id);
	js_set_int(m, "bytes", bytes);
	js_set_int(m, "records", (int64_t)e->v.lines);
	js_set_int(m, "pictures", (int64_t)e->pictures);
	js_set_int(m, "verify", verify_exit(&e->v));
	if (e->without[0])
		js_set_str(m, "without", e->without);
	buf_init(&text, 64 * 1024);
	rc = js_print(m, &text);
	if (rc < 0 || puts(buf_str(&text)) < 0)
		rc = err_set(err, ERR_SYSTEM, "standard output takes nothing");
	buf_fini(&text);
	js_free(m);
	return rc;
}

static int
write_out(struct exporting *e, const struct export_args *a, struct err *err)
{
	char *path = a->out ? mem_dup(a->out) : mem_printf("breakglass-%s.tar.gz", e->id);
	size_t n = strlen(path);
	bool cast_only = n > 5 && strcmp(path + n - 5, ".cast") == 0;
	struct outfile out;
	struct stat st;
	int64_t bytes = 0;
	int rc = outfile_open(&out, path, a->force, err);

	if (rc == 0 && out.fd == STDOUT_FILENO && isatty(STDOUT_FILENO))
		rc = err_set(
		    err, ERR_USAGE, "an archive is nothing for a terminal: -o FILE");
	if (rc == 0)
		rc = cast_only ? export_cast(e, out.fd, err) : pack(e, out.fd, err);
	if (rc == 0 && fstat(out.fd, &st) == 0)
		bytes = (int64_t)st.st_size;
	if (rc == 0)
		rc = outfile_keep(&out, err);
	else
		outfile_drop(&out);
	if (rc == 0)
		say_done(e, path, bytes);
	if (rc == 0 && a->json && strcmp(path, "-") != 0)
		rc = say_json(e, path, bytes, err);
	free(path);
	return rc;
}

static int
read_args(struct export_args *a, int argc, char **argv)
{
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "o:", long_options, NULL)) != -1) {
		if (c == 'a')
			a->cast = true;
		else if (c == 'f')
			a->force = true;
		else if (c == 'o')
			a->out = optarg;
		else if (c == 'j')
			a->json = true;
		else
			return -1;
	}
	a->what = argv[optind];
	return argc - optind > 1 ? -1 : 0;
}

int
export_main(int argc, char **argv, const struct options *o)
{
	struct export_args a = {0};
	struct exporting e = {.o = o, .fd = -1};
	struct err err = {0};
	int rc;

	if (read_args(&a, argc, argv) < 0)
		return record_usage(
		    "export", "[ID | FILE] [-o FILE | -] [--asciicast] [--force]");
	e.cast = a.cast;
	rc = find_journal(&e, a.what, &err);
	if (rc == 0)
		rc = write_out(&e, &a, &err);
	if (e.fd >= 0)
		close(e.fd);
	verify_fini(&e.v);
	free(e.path);
	return rc < 0 ? record_fail(&err) : RECORD_OK;
}
