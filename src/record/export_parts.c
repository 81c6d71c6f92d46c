/* SPDX-License-Identifier: GPL-3.0-or-later */
/* export_parts.c: what is put into a ticket. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "record/export_int.h"
#include "record/verify_say.h"
#include "wire/journal_file.h"

#define PICTURES_MAX 32
#define PICTURE_BYTES_MAX ((int64_t)1024 * 1024)
#define NAME_MAX_BYTES 80

extern char **environ;

int
export_memory(const char *name, struct err *err)
{
	int fd = fd_memory(name);

	return fd >= 0 ? fd : err_sys(err, errno, "keep %s in memory", name);
}

static void
say_without(struct exporting *e, const char *what, const char *why)
{
	size_t n = strlen(e->without);

	snprintf(
	    e->without + n, sizeof e->without - n, "%s%s: %s", n ? "; " : "", what, why);
}

static int64_t
size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (int64_t)st.st_size : -1;
}

/* --- pictures of the guest's screen --- */

struct pictures {
	char names[PICTURES_MAX][NAME_MAX_BYTES];
	size_t count;
};

static void
picture_add(struct pictures *g, const char *name, size_t len)
{
	if (len >= NAME_MAX_BYTES || g->count == PICTURES_MAX)
		return;
	for (size_t i = 0; i < g->count; i++)
		if (strlen(g->names[i]) == len && memcmp(g->names[i], name, len) == 0)
			return;
	memcpy(g->names[g->count], name, len);
	g->names[g->count++][len] = '\0';
}

/* INCIDENT-vN.png, wherever the line has it: nothing else is ever opened. */
static void
pictures_in_line(struct pictures *g, const char *id, const char *line, size_t len)
{
	const char *p = line, *end = line + len;
	size_t n = strlen(id);

	while (n && (p = memmem(p, (size_t)(end - p), id, n)) != NULL) {
		const char *q = p + n;

		if (end - q > 2 && q[0] == '-' && q[1] == 'v')
			for (q += 2; q < end && isdigit((unsigned char)*q); q++)
				;
		if (q > p + n + 2 && end - q >= 4 && memcmp(q, ".png", 4) == 0)
			picture_add(g, p, (size_t)(q + 4 - p));
		p += n;
	}
}

static int
picture_pack(
    struct exporting *e, struct archive_pack *p, const char *name, struct err *err)
{
	char *path = mem_printf("%s/incidents/%s", e->o->sessions_dir, name);
	char *to = mem_printf("screens/%s", name);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), rc = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		say_without(e, name, strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_size > PICTURE_BYTES_MAX)
		say_without(e, name, "no picture of ours");
	else {
		rc = archive_pack_add_fd(p, to, fd, st.st_size, err);
		e->pictures += rc == 0;
	}
	if (fd >= 0)
		close(fd);
	free(to);
	free(path);
	return rc;
}

static int
add_pictures(struct exporting *e, struct archive_pack *p, struct err *err)
{
	struct pictures g = {.count = 0};
	struct journal_file *f = journal_file_open(e->path, err);
	const char *line;
	size_t len;
	int rc;

	if (!f)
		return -1;
	while ((rc = journal_file_next(f, &line, &len, err)) > 0)
		pictures_in_line(&g, e->id, line, len);
	journal_file_close(f);
	for (size_t i = 0; rc == 0 && i < g.count; i++)
		rc = picture_pack(e, p, g.names[i], err);
	return rc;
}

/* --- report and replay --- */

/* The report goes to standard output; for as long as it takes that is fd. */
static int
report_to(struct exporting *e, int fd)
{
	char word[] = "report", *argv[] = {word, e->path, NULL};
	int saved, rc;

	fflush(stdout);
	saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (saved < 0 || dup2(fd, STDOUT_FILENO) < 0)
		return RECORD_FAILED;
	rc = report_main(2, argv, e->o);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	return rc;
}

static int
add_report(struct exporting *e, struct archive_pack *p, struct err *err)
{
	int fd = export_memory("report.md", err), rc = 0;

	if (fd < 0)
		return -1;
	if (report_to(e, fd) != RECORD_OK)
		say_without(e, "report.md", "the report could not be written");
	else
		rc = archive_pack_add_fd(p, "report.md", fd, size_of(fd), err);
	close(fd);
	return rc;
}

int
export_cast(struct exporting *e, int fd, struct err *err)
{
	const char *dir = e->o->libexec_dir[0] ? e->o->libexec_dir : BG_PKGLIBEXECDIR;
	char *program = mem_printf("%s/console", dir);
	/* by our own number: a file in memory has no name of its own */
	char *path = e->from_engine ? mem_printf("/proc/%ld/fd/%d", (long)getpid(), e->fd)
				    : mem_dup(e->path);
	char arg0[] = "breakglass", replay[] = "--replay", cast[] = "--cast", out[] = "-";
	char *argv[] = {arg0, replay, path, cast, out, NULL};
	posix_spawn_file_actions_t fa;
	int rc, status = 0;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, fd, 1);
	rc = posix_spawn(&pid, program, &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (rc != 0)
		err_sys(err, rc, "start %s", program);
	while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == 0 && status != 0)
		rc = err_set(err, ERR_SYSTEM, "the replay could not be recorded");
	free(path);
	free(program);
	return rc ? -1 : 0;
}

static int
add_cast(struct exporting *e, struct archive_pack *p, struct err *err)
{
	int fd = export_memory("cast", err), rc = 0;
	char *name = mem_printf("breakglass-%s.cast", e->id);
	struct err why;

	if (fd >= 0 && export_cast(e, fd, &why) < 0)
		say_without(e, name, why.words);
	else if (fd >= 0)
		rc = archive_pack_add_fd(p, name, fd, size_of(fd), err);
	if (fd >= 0)
		close(fd);
	free(name);
	return fd < 0 ? -1 : rc;
}

/* --- texts --- */

static int
add_verify(struct exporting *e, struct archive_pack *p, struct err *err)
{
	struct verify_asked asked = {.path = "journal.jsonl",
	    .engine = strcmp(e->engine.incident, e->id) == 0 && e->engine.there};
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int rc;

	verify_say(f, &e->v, &asked, verify_exit(&e->v));
	fclose(f);
	rc = archive_pack_add(p, "verify.txt", text, len, err);
	free(text);
	return rc;
}

/* As the engine tells it to syslog, so that "journal verify --anchors" reads it. */
static int
add_anchor(struct exporting *e, struct archive_pack *p, struct err *err)
{
	char *text;
	int rc;

	if (!e->v.head[0])
		return 0;
	text = mem_printf(
	    "anchor incident=%s seq=%" PRIu64 " h=%s\n", e->id, e->v.last, e->v.head);
	rc = archive_pack_add(p, "anchor.txt", text, strlen(text), err);
	free(text);
	return rc;
}

static const char readme[] =
    "An incident of breakglass: what was done to VM 102 (the devvm), by whom, and what\n"
    "was found.\n"
    "\n"
    "journal.jsonl  the record itself, one JSON object a line, in the order in which it\n"
    "               happened; breakglass-journal(5) describes it.  Everything else is made of it\n"
    "report.md      a summary, a timeline in UTC, who did what, what was found\n"
    "verify.txt     what the check of the journal's chain said when this was packed\n"
    "anchor.txt     the last record's number and hash.  Kept apart from this file it\n"
    "               proves later that the journal is still this one\n"
    "screens/       pictures of the guest's screen that the journal names, if there are any\n"
    "*.cast         the screen again, for asciinema play, if it was asked for\n"
    "\n"
    "To check the journal:\n"
    "    breakglass journal verify ./journal.jsonl --anchors anchor.txt\n"
    "Heads of the journal are also in syslog (authpriv, tag breakglass) of the machine the\n"
    "engine ran on, and in the output of its pod; --anchors takes such a log as it is.\n"
    "Without breakglass: h of a line is the SHA-256 of the h before it (64 zeros before\n"
    "the first) and the line's bytes up to, not including, ,\"h\":\"\n"
    "\n"
    "Secrets: the engine replaces the secrets it holds before a record is written.  What\n"
    "hosts printed and what people typed is here as it was; nothing more was taken out.\n"
    "Read it before you give it to others.\n"
    "\n"
    "After the incident: the key has been used, so change it.  From breakglass's sources,\n"
    "with a login of your own on both hosts:\n";

/* What rotates the key of these two hosts: shown, done, and the old one taken out. */
static void
add_rotation(struct buf *b, const struct options *o)
{
	static const char *const ends[] = {"", " --apply", " --step retire --apply"};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (buf_printf(b,
			"    contrib/bootstrap rotate --pve root@%s --devvm YOU@%s%s\n",
			o->pve_host, o->devvm_host, ends[i]) < 0)
			return;
}

static int
add_readme(struct exporting *e, struct archive_pack *p, struct err *err)
{
	struct buf b;
	int rc = 0;

	buf_init(&b, 64 * 1024);
	if (buf_add_str(&b, readme) == 0)
		add_rotation(&b, e->o);
	if (buf_printf(&b,
		"\n"
		"Incident:  %s\n"
		"Packed by: " PACKAGE_STRING "%s%s\n"
		"Journal:   %" PRIu64 " records, %" PRId64 " bytes, %s\n"
		"%s%s%s",
		e->id, e->engine.there ? "; the running engine is " : "",
		e->engine.there ? e->engine.version : "", e->v.lines, e->size,
		e->from_engine ? "from the engine's memory: no disk has taken all of it"
			       : "as it is on the disk",
		e->without[0] ? "Without:   " : "", e->without,
		e->without[0] ? "\n" : "") < 0)
		rc = err_set(err, ERR_LIMIT, "README.txt would be too long");
	if (rc == 0)
		rc = archive_pack_add(p, "README.txt", b.data, b.len, err);
	buf_fini(&b);
	return rc;
}

int
export_parts(struct exporting *e, struct archive_pack *p, struct err *err)
{
	if (archive_pack_add_fd(p, "journal.jsonl", e->fd, e->size, err) < 0 ||
	    add_report(e, p, err) < 0 || add_verify(e, p, err) < 0 ||
	    add_anchor(e, p, err) < 0 || add_pictures(e, p, err) < 0)
		return -1;
	if (e->cast && add_cast(e, p, err) < 0)
		return -1;
	return add_readme(e, p, err);
}
