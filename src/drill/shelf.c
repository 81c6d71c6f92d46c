/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "record/outfile.h"

#define SHELF_JOURNAL_MAX (256 * 1024 * 1024) /* bytes of a journal that is kept */
#define SHELF_SAME_SECOND 9

static bool
is_taken(const struct shelf *s)
{
	char *report = shelf_path(s, "md"), *journal = shelf_path(s, "jsonl");
	bool is = access(report, F_OK) == 0 || access(journal, F_OK) == 0;

	free(report);
	free(journal);
	return is;
}

int
shelf_open(struct shelf *s, const char *sessions_dir, int64_t at_ms, struct err *err)
{
	time_t at = (time_t)(at_ms / 1000);
	char stamp[24];
	struct tm tm;

	memset(s, 0, sizeof *s);
	if (fd_own_dir(sessions_dir, err) < 0)
		return err_wrap(err, "where the report goes");
	gmtime_r(&at, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
	s->dir = mem_dup(sessions_dir);
	snprintf(s->name, sizeof s->name, "drill-%s", stamp);
	for (int i = 2; is_taken(s) && i <= SHELF_SAME_SECOND; i++)
		snprintf(s->name, sizeof s->name, "drill-%s-%d", stamp, i);
	return 0;
}

void
shelf_fini(struct shelf *s)
{
	free(s->dir);
	memset(s, 0, sizeof *s);
}

char *
shelf_path(const struct shelf *s, const char *suffix)
{
	return mem_printf("%s/%s.%s", s->dir, s->name, suffix);
}

int
shelf_write(
    const struct shelf *s, const char *suffix, const struct buf *text, struct err *err)
{
	char *path = shelf_path(s, suffix);
	struct outfile f;
	int rc = outfile_open(&f, path, false, err);

	if (rc == 0 && fd_write_all(f.fd, buf_str(text), text->len) < 0) {
		rc = err_sys(err, errno, "write %s", path);
		outfile_drop(&f);
	} else if (rc == 0) {
		rc = outfile_keep(&f, err);
	}
	free(path);
	return rc;
}

static int
copy(int from, int to)
{
	char data[64 * 1024];
	int64_t left = SHELF_JOURNAL_MAX;
	ssize_t n = 1;

	while (left > 0 && n > 0) {
		n = read(from, data, sizeof data);
		if (n > 0 && fd_write_all(to, data, (size_t)n) < 0)
			n = -1;
		left -= n;
	}
	return n < 0 ? -1 : 0;
}

int
shelf_copy(const struct shelf *s, const char *suffix, const char *from, struct err *err)
{
	char *path = shelf_path(s, suffix);
	int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc = -1;
	struct outfile f;

	if (fd < 0)
		err_sys(err, errno, "open %s", from);
	else if ((rc = outfile_open(&f, path, false, err)) == 0) {
		if (copy(fd, f.fd) < 0) {
			rc = err_sys(err, errno, "write %s", path);
			outfile_drop(&f);
		} else {
			rc = outfile_keep(&f, err);
		}
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return rc;
}

int
shelf_record(const struct shelf *s, const struct drills_record *r, struct err *err)
{
	char *path = drills_path(s->dir);
	int rc = drills_append(path, r, err);

	free(path);
	return rc;
}
