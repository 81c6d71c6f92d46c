/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * journal_read.c: records back out of the file.
 *
 * Numbers only grow within a file, so the place of one is found by halving: the
 * cost is that of the records returned, not of the file.  A line that carries no
 * number (it is none of ours) stands with the numbered one behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/record/journal.h"
#include "engine/record/journal_disk.h"

#define BLOCK (8 * 1024)	    /* bytes read at once */
#define LINE_MAX_BYTES (512 * 1024) /* no record of ours is longer */

struct reader {
	uv_work_t work;
	char *path;
	uint64_t from, before;
	size_t tail;
	journal_read_fn *cb;
	void *arg;
	int fd;
	struct buf out;
	char why[200];
};

static void
reader_failed(struct reader *r)
{
	snprintf(r->why, sizeof r->why, "%s", strerror(errno ? errno : EIO));
}

/* What cannot be read ends the search for it, and nothing is returned but why. */
static ssize_t
reader_get(struct reader *r, char *data, size_t len, off_t at)
{
	ssize_t n = journal_disk_read(r->fd, data, len, at);

	if (n < 0)
		reader_failed(r);
	return n;
}

uint64_t
journal_line_seq(const char *line, size_t len)
{
	const char *p = memmem(line, len < 96 ? len : 96, "\"seq\":", 6);

	return p ? strtoull(p + 6, NULL, 10) : 0;
}

uint64_t
journal_last_seq(const char *data, size_t len)
{
	const char *lf = len > 1 ? memrchr(data, '\n', len - 1) : NULL;
	const char *start = lf ? lf + 1 : data;

	return journal_line_seq(start, (size_t)(data + len - start));
}

/* Where the next line begins that does so at or behind at; end: none before end. */
static off_t
line_from(struct reader *r, off_t at, off_t end, char *block)
{
	off_t pos = at ? at - 1 : 0; /* the LF before at makes at itself a start */

	if (at == 0)
		return 0;
	while (pos < end) {
		ssize_t n = reader_get(r, block, BLOCK, pos);
		char *lf = n > 0 ? memchr(block, '\n', (size_t)n) : NULL;

		if (n <= 0)
			break;
		if (lf)
			return pos + (lf - block) + 1 < end ? pos + (lf - block) + 1
							    : end;
		pos += n;
	}
	return end;
}

static uint64_t
seq_at(struct reader *r, off_t at)
{
	char head[97];
	ssize_t n = reader_get(r, head, sizeof head - 1, at);

	if (n <= 0)
		return 0;
	head[n] = '\0';
	return journal_line_seq(head, (size_t)n);
}

/* The start of the first numbered line at or behind at, and its number; end: none. */
static off_t
numbered_from(struct reader *r, off_t at, off_t end, char *block, uint64_t *seq)
{
	for (at = line_from(r, at, end, block); at < end;
	     at = line_from(r, at + 1, end, block))
		if ((*seq = seq_at(r, at)) > 0)
			return at;
	return end;
}

/* Where the first record with this number or a higher one begins. */
static off_t
find_seq(struct reader *r, uint64_t want, off_t end, char *block)
{
	off_t lo = 0, hi = end;

	/* What begins before lo is too low; what begins from hi on is not. */
	while (lo < hi) {
		off_t mid = lo + (hi - lo) / 2;
		uint64_t seq = 0;
		off_t at = numbered_from(r, mid, end, block, &seq);

		if (at < end && seq < want)
			lo = at + 1;
		else
			hi = mid;
	}
	return line_from(r, lo, end, block);
}

static uint64_t
last_seq(struct reader *r, off_t end, char *block)
{
	uint64_t seq = 0, last = 0;

	for (off_t back = BLOCK / 2; last == 0 && back < 2 * LINE_MAX_BYTES; back *= 4) {
		off_t at = end > back ? end - back : 0;

		for (at = numbered_from(r, at, end, block, &seq); at < end;
		     at = numbered_from(r, at + 1, end, block, &seq))
			last = seq;
	}
	return last;
}

/* Behind the last whole line: a crash may have left a torn one. */
static off_t
whole_end(struct reader *r, off_t end, char *block)
{
	while (end > 0) {
		off_t from = end > BLOCK ? end - BLOCK : 0;
		ssize_t n = reader_get(r, block, (size_t)(end - from), from);
		char *lf = n > 0 ? memrchr(block, '\n', (size_t)n) : NULL;

		if (n <= 0)
			return 0;
		if (lf)
			return from + (lf - block) + 1;
		end = from;
	}
	return 0;
}

static void
find_range(struct reader *r, off_t *first, off_t *last)
{
	char *block = mem_alloc(BLOCK);
	off_t size = lseek(r->fd, 0, SEEK_END);
	off_t end = whole_end(r, size > 0 ? size : 0, block);
	uint64_t from = r->from, before = r->before;

	if (size < 0)
		reader_failed(r);
	if (r->tail && !before)
		before = last_seq(r, end, block) + 1;
	if (r->tail)
		from = before > r->tail ? before - r->tail : 0;
	*last = before ? find_seq(r, before, end, block) : end;
	*first = from ? find_seq(r, from, *last, block) : 0;
	if (r->tail && *last - *first > JOURNAL_PART_MAX)
		*first = line_from(r, *last - JOURNAL_PART_MAX, *last, block);
	free(block);
}

static void
on_read(uv_work_t *work)
{
	struct reader *r = work->data;
	off_t first = 0, last = 0;
	size_t want;
	ssize_t n;
	char *lf;

	r->fd = TEMP_FAILURE_RETRY(open(r->path, O_RDONLY | O_CLOEXEC));
	if (r->fd < 0) {
		reader_failed(r);
		return;
	}
	find_range(r, &first, &last);
	want = last > first && !r->why[0] ? (size_t)(last - first) : 0;
	if (want > JOURNAL_PART_MAX)
		want = JOURNAL_PART_MAX;
	r->out.data = mem_alloc(want + 1);
	r->out.size = want + 1;
	n = reader_get(r, r->out.data, want, first);
	lf = n > 0 ? memrchr(r->out.data, '\n', (size_t)n) : NULL;
	r->out.len = lf ? (size_t)(lf - r->out.data) + 1 : 0;
	close(r->fd);
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
journal_read(uv_loop_t *loop, const char *path, uint64_t from, uint64_t before,
    size_t tail, journal_read_fn *cb, void *arg)
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
