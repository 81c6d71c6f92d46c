/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * journal_read.c: records back out of the file, from its end.
 *
 * What an attach wants is near the end, so the file is searched backwards in
 * blocks: the cost is that of the records returned, not of the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/journal.h"

#define BLOCK (64 * 1024)           /* bytes read at once, backwards */
#define LINE_MAX_BYTES (512 * 1024) /* no record of ours is longer */

struct reader {
	uv_work_t work;
	char *path;
	uint64_t from, before;
	size_t tail;
	journal_read_fn *cb;
	void *arg;
	struct buf out;
	char why[200];
};

uint64_t
journal_line_seq(const char *line, size_t len)
{
	const char *p = memmem(line, len < 96 ? len : 96, "\"seq\":", 6);

	return p ? strtoull(p + 6, NULL, 10) : 0;
}

/* Finds the start of the last line that begins before end; -1: none. */
static off_t
line_start(int fd, off_t end, char *block)
{
	off_t stop = end - 1; /* the LF of the line itself */

	while (stop > 0) {
		off_t from = stop > BLOCK ? stop - BLOCK : 0;
		ssize_t n = pread(fd, block, (size_t)(stop - from), from);
		char *lf = n > 0 ? memrchr(block, '\n', (size_t)n) : NULL;

		if (n <= 0 || end - from > LINE_MAX_BYTES)
			return -1;
		if (lf)
			return from + (lf - block) + 1;
		stop = from;
	}
	return 0;
}

static uint64_t
seq_at(int fd, off_t at)
{
	char head[97];
	ssize_t n = pread(fd, head, sizeof head - 1, at);

	if (n <= 0)
		return 0;
	head[n] = '\0';
	return journal_line_seq(head, (size_t)n);
}

/* Walks back to the first record wanted, and over those not wanted yet. */
static void
find_range(struct reader *r, int fd, off_t *first, off_t *last)
{
	off_t end = lseek(fd, 0, SEEK_END), at;
	char *block = mem_alloc(BLOCK);
	size_t count = 0;

	*first = *last = end;
	while (end > 0 && (at = line_start(fd, end, block)) >= 0) {
		uint64_t seq = seq_at(fd, at);

		if (r->before && seq >= r->before)
			*last = at;
		else if (r->tail ? ++count > r->tail || *last - at > JOURNAL_PART_MAX
				 : seq && seq < r->from)
			break;
		*first = at;
		end = at;
	}
	if (*first > *last)
		*first = *last;
	free(block);
}

static void
on_read(uv_work_t *work)
{
	struct reader *r = work->data;
	int fd = open(r->path, O_RDONLY | O_CLOEXEC);
	off_t first, last;
	size_t want;
	ssize_t n = 0;
	char *lf;

	if (fd < 0) {
		strncpy(r->why, strerror(errno), sizeof r->why - 1);
		return;
	}
	find_range(r, fd, &first, &last);
	want = (size_t)(last - first);
	if (want > JOURNAL_PART_MAX)
		want = JOURNAL_PART_MAX;
	r->out.data = mem_alloc(want + 1);
	r->out.size = want + 1;
	while (r->out.len < want &&
	    (n = pread(fd, r->out.data + r->out.len, want - r->out.len,
		 first + (off_t)r->out.len)) > 0)
		r->out.len += (size_t)n;
	lf = r->out.len ? memrchr(r->out.data, '\n', r->out.len) : NULL;
	r->out.len = lf ? (size_t)(lf - r->out.data) + 1 : 0;
	if (n < 0)
		strncpy(r->why, strerror(errno), sizeof r->why - 1);
	close(fd);
}

static void
on_was_read(uv_work_t *work, int status)
{
	struct reader *r = work->data;

	r->cb(buf_str(&r->out), r->out.len, r->why[0] ? r->why : NULL, r->arg);
	buf_fini(&r->out);
	free(r->path);
	free(r);
}

void
journal_read(uv_loop_t *loop, const char *path, uint64_t from, uint64_t before, size_t tail,
    journal_read_fn *cb, void *arg)
{
	struct reader *r = mem_alloc(sizeof *r);

	r->work.data = r;
	r->path = mem_dup(path);
	r->from = from;
	r->before = before;
	r->tail = tail;
	r->cb = cb;
	r->arg = arg;
	buf_init(&r->out, JOURNAL_PART_MAX + 1);
	uv_queue_work(loop, &r->work, on_read, on_was_read);
}
