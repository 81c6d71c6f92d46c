/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file is read in blocks; what of a block is no whole line yet moves to the front
 * before the next one is read.  The buffer has room for the longest line, so a line
 * is lent as it lies there.
 */
#include "wire/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define BLOCK ((size_t)64 * 1024)
#define ROOM (JOURNAL_FILE_LINE_MAX + BLOCK)

struct journal_file {
	int fd;
	int64_t at;	   /* of data[from] in the file */
	int64_t began;	   /* where the lent line began */
	size_t from, upto; /* what is read and not lent yet */
	size_t looked;	   /* bytes behind from that hold no LF */
	bool skipping;	   /* inside a line that was lent cut */
	char *path;
	char data[ROOM];
};

struct journal_file *
journal_file_open(const char *path, struct err *err)
{
	/* not blocking: a FIFO of that name would wait for a writer */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct journal_file *f;
	struct stat st;

	if (fd < 0) {
		err_sys(err, errno, "open the journal %s", path);
		return NULL;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		err_set(err, ERR_USAGE, "%s is no regular file, so no journal", path);
		return NULL;
	}
	f = mem_alloc(sizeof *f);
	f->fd = fd;
	f->path = mem_dup(path);
	return f;
}

void
journal_file_close(struct journal_file *f)
{
	if (!f)
		return;
	close(f->fd);
	free(f->path);
	free(f);
}

/* More bytes of the file; 1, 0 at its end, -1. */
static int
file_read(struct journal_file *f, struct err *err)
{
	ssize_t n;

	if (f->from > 0) {
		memmove(f->data, f->data + f->from, f->upto - f->from);
		f->upto -= f->from;
		f->from = 0;
	}
	do
		n = pread(
		    f->fd, f->data + f->upto, ROOM - f->upto, f->at + (int64_t)f->upto);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "read the journal %s", f->path);
	f->upto += (size_t)n;
	return n > 0;
}

static void
file_pass(struct journal_file *f, size_t len)
{
	f->from += len;
	f->at += (int64_t)len;
	f->looked = 0;
}

/* A whole line, or as much of one as is ever lent, that lies in the buffer. */
static bool
file_take(struct journal_file *f, const char **line, size_t *len)
{
	const char *data = f->data + f->from;
	size_t have = f->upto - f->from;
	const char *lf = memchr(data + f->looked, '\n', have - f->looked);
	size_t n = lf ? (size_t)(lf - data) : have;

	if (!lf && have < JOURNAL_FILE_LINE_MAX) {
		f->looked = have;
		return false;
	}
	f->began = f->at;
	*line = data;
	*len = n < JOURNAL_FILE_LINE_MAX ? n : JOURNAL_FILE_LINE_MAX;
	f->skipping = !lf;
	file_pass(f, lf ? n + 1 : n);
	return true;
}

/* The rest of a line that was lent cut; false: its end is not in the buffer. */
static bool
file_skip(struct journal_file *f)
{
	const char *data = f->data + f->from;
	const char *lf = memchr(data, '\n', f->upto - f->from);

	file_pass(f, lf ? (size_t)(lf - data) + 1 : f->upto - f->from);
	f->skipping = !lf;
	return lf;
}

int
journal_file_next(struct journal_file *f, const char **line, size_t *len, struct err *err)
{
	for (;;) {
		int rc;

		if (f->skipping)
			file_skip(f);
		if (!f->skipping && file_take(f, line, len))
			return 1;
		rc = file_read(f, err);
		if (rc <= 0)
			return rc;
	}
}

int64_t
journal_file_at(const struct journal_file *f)
{
	return f->at;
}

int64_t
journal_file_began(const struct journal_file *f)
{
	return f->began;
}

void
journal_file_seek(struct journal_file *f, int64_t at)
{
	f->at = at;
	f->from = f->upto = f->looked = 0;
	f->skipping = false;
}

int64_t
journal_file_size(const struct journal_file *f)
{
	struct stat st;

	return fstat(f->fd, &st) == 0 ? (int64_t)st.st_size : -1;
}

int64_t
journal_file_torn(const struct journal_file *f)
{
	return f->skipping ? f->at - f->began : (int64_t)(f->upto - f->from);
}
