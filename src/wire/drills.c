/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/drills.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "wire/journal_file.h"
#include "wire/json.h"

const char *const drills_kind_names[DRILLS_KINDS] = {
    [DRILLS_LAB] = "lab", [DRILLS_SITE] = "site"};

const char *const drills_step_names[DRILLS_STEPS] = {
    [DRILLS_NOTICED] = "noticed",
    [DRILLS_KEY] = "key",
    [DRILLS_SENT] = "sent",
    [DRILLS_GONE] = "gone",
    [DRILLS_RUNNING] = "running",
    [DRILLS_SSH] = "ssh",
    [DRILLS_PROVEN] = "proven",
};

char *
drills_path(const char *sessions_dir)
{
	return mem_printf("%s/" DRILLS_FILE, sessions_dir);
}

/* --- reading --- */

/* A member of letters, digits and . - + ~ only, a letter or digit first; else "". */
static void
take_word(const struct js *m, const char *key, char *out, size_t size)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t len = 0;
	const char *s = js_strn(m, key, &len);

	out[0] = '\0';
	if (!s || len == 0 || len >= size || strlen(s) != len || !strchr(letters, s[0]))
		return;
	for (size_t i = 0; i < len; i++)
		if (!strchr(letters, s[i]) && !strchr("-.+~", s[i]))
			return;
	memcpy(out, s, len + 1);
}

static int64_t
take_ms(const struct js *m, const char *key)
{
	int64_t ms = m ? js_int(m, key, -1) : -1;

	return ms < 0 ? -1 : ms;
}

static bool
record_from(const struct js *m, struct drills_record *r)
{
	const struct js *steps = js_get(m, "steps");
	const char *at = js_str(m, "at");
	int kind = 0;

	memset(r, 0, sizeof *r);
	while (kind < DRILLS_KINDS && !js_is(m, "kind", drills_kind_names[kind]))
		kind++;
	r->at_ms = at ? clock_from(at) : -1;
	if (!js_is(m, "t", "drill") || kind == DRILLS_KINDS || r->at_ms < 0 ||
	    !js_is_bool(m, "ok"))
		return false;
	r->kind = (enum drills_kind)kind;
	r->ok = js_bool(m, "ok", false);
	r->total_ms = take_ms(m, "total_ms");
	take_word(m, "wedge", r->wedge, sizeof r->wedge);
	take_word(m, "report", r->report, sizeof r->report);
	take_word(m, "version", r->version, sizeof r->version);
	for (int i = 0; i < DRILLS_STEPS; i++)
		r->step_ms[i] = take_ms(steps, drills_step_names[i]);
	return true;
}

static bool
line_is(const char *line, size_t len, enum drills_kind kind, const char *wedge,
    struct drills_record *r)
{
	struct err err;
	struct js *m = len <= DRILLS_LINE_MAX ? js_parse(line, len, &err) : NULL;
	bool is = m && record_from(m, r) && r->kind == kind &&
	    (!wedge || strcmp(r->wedge, wedge) == 0);

	js_free(m);
	return is;
}

/* To the first whole line of the part that is read. */
static int
to_the_end(struct journal_file *f, struct err *err)
{
	int64_t size = journal_file_size(f);
	const char *line;
	size_t len;

	if (size <= DRILLS_READ_MAX)
		return 1;
	/* one byte more: where that is a line's end, the line behind it is whole */
	journal_file_seek(f, size - DRILLS_READ_MAX - 1);
	return journal_file_next(f, &line, &len, err);
}

int
drills_read(const char *path, enum drills_kind kind, const char *wedge,
    struct drills_record *out, size_t max, size_t *count, struct err *err)
{
	struct journal_file *f;
	struct drills_record r;
	const char *line;
	size_t len, n = 0;
	int rc;

	*count = 0;
	if (max == 0 || (access(path, F_OK) < 0 && errno == ENOENT))
		return 0;
	f = journal_file_open(path, err);
	if (!f)
		return err_wrap(err, "the record of drills");
	rc = to_the_end(f, err);
	while (rc > 0 && (rc = journal_file_next(f, &line, &len, err)) > 0) {
		if (!line_is(line, len, kind, wedge, &r))
			continue;
		n = n < max ? n + 1 : max;
		memmove(out + 1, out, (n - 1) * sizeof *out);
		out[0] = r;
	}
	journal_file_close(f);
	if (rc < 0)
		return -1;
	*count = n;
	return 0;
}

int
drills_last(
    const char *path, enum drills_kind kind, struct drills_record *out, struct err *err)
{
	size_t count;

	if (drills_read(path, kind, NULL, out, 1, &count, err) < 0)
		return -1;
	return count > 0;
}

/* --- writing --- */

/* A line end, the line, its end. */
static int
record_text(const struct drills_record *r, struct buf *out, struct err *err)
{
	struct js *m = js_new(), *steps = js_new();
	char at[CLOCK_AT_LEN];
	int rc;

	js_set_str(m, "t", "drill");
	js_set_str(m, "kind", drills_kind_names[r->kind]);
	js_set_str(m, "at", clock_at(r->at_ms, at));
	js_set_bool(m, "ok", r->ok);
	js_set_str(m, "wedge", r->wedge[0] ? r->wedge : NULL);
	if (r->total_ms >= 0)
		js_set_int(m, "total_ms", r->total_ms);
	js_set_str(m, "report", r->report[0] ? r->report : NULL);
	js_set_str(m, "version", r->version);
	for (int i = 0; i < DRILLS_STEPS; i++)
		if (r->step_ms[i] >= 0)
			js_set_int(steps, drills_step_names[i], r->step_ms[i]);
	if (r->kind == DRILLS_LAB)
		js_set(m, "steps", steps);
	else
		js_free(steps);
	rc =
	    buf_add(out, "\n", 1) < 0 || js_print(m, out) < 0 || buf_add(out, "\n", 1) < 0
	    ? err_set(err, ERR_LIMIT, "a record of a drill is too long")
	    : 0;
	js_free(m);
	return rc;
}

/* Ours, and for nobody else to read. */
static int
check_file(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return err_set(err, ERR_DENIED,
		    "%s is no regular file of yours: move it away", path);
	if ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) < 0)
		return err_sys(err, errno, "make %s 0600", path);
	return 0;
}

/* One write: of two drills that end at once, one line stands behind the other. */
static int
append_text(int fd, struct buf *text)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char last = '\n';

	if (size < 0 || (size > 0 && pread(fd, &last, 1, size - 1) != 1))
		return -1;
	/* the first byte of text is a line end, for a torn line before it */
	if (last == '\n')
		buf_drop(text, 1);
	return fd_write_all(fd, text->data, text->len) < 0 ? -1 : fsync(fd);
}

int
drills_append(const char *path, const struct drills_record *r, struct err *err)
{
	int fd = open(path,
	    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
	    0600);
	struct buf text;
	int rc;

	if (fd < 0) {
		err_sys(err, errno, "open %s", path);
		return err_wrap(err, "the record of drills");
	}
	buf_init(&text, DRILLS_LINE_MAX);
	rc = check_file(fd, path, err);
	if (rc == 0)
		rc = record_text(r, &text, err);
	if (rc == 0 && append_text(fd, &text) < 0)
		rc = err_sys(err, errno, "write %s", path);
	close(fd);
	buf_fini(&text);
	return rc < 0 ? err_wrap(err, "the record of drills") : 0;
}
