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
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/journal.h"

#define BLOCK (8 * 1024)	    /* bytes read at once */
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

/* Where the next line begins that does so at or behind at; end: none before end. */
static off_t
line_from(int fd, off_t at, off_t end, char *block)
{
	off_t pos = at ? at - 1 : 0; /* the LF before at makes at itself a start */

	if (at == 0)
		return 0;
	while (pos < end) {
		ssize_t n = pread(fd, block, BLOCK, pos);
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
seq_at(int fd, off_t at)
{
	char head[97];
	ssize_t n = pread(fd, head, sizeof head - 1, at);

	if (n <= 0)
		return 0;
	head[n] = '\0';
	return journal_line_seq(head, (size_t)n);
}

/* The start of the first numbered line at or behind at, and its number; end: none. */
static off_t
numbered_from(int fd, off_t at, off_t end, char *block, uint64_t *seq)
{
	for (at = line_from(fd, at, end, block); at < end;
	     at = line_from(fd, at + 1, end, block))
		if ((*seq = seq_at(fd, at)) > 0)
			return at;
	return end;
}

/* Where the first record with this number or a higher one begins. */
static off_t
find_seq(int fd, uint64_t want, off_t end, char *block)
{
	off_t lo = 0, hi = end;

	/* What begins before lo is too low; what begins from hi on is not. */
	while (lo < hi) {
		off_t mid = lo + (hi - lo) / 2;
		uint64_t seq = 0;
		off_t at = numbered_from(fd, mid, end, block, &seq);

		if (at < end && seq < want)
			lo = at + 1;
		else
			hi = mid;
	}
	return line_from(fd, lo, end, block);
}

static uint64_t
last_seq(int fd, off_t end, char *block)
{
	uint64_t seq = 0, last = 0;

	for (off_t back = BLOCK / 2; last == 0 && back < 2 * LINE_MAX_BYTES; back *= 4) {
		off_t at = end > back ? end - back : 0;

		for (at = numbered_from(fd, at, end, block, &seq); at < end;
		     at = numbered_from(fd, at + 1, end, block, &seq))
			last = seq;
	}
	return last;
}

/* Behind the last whole line: a crash may have left a torn one. */
static off_t
whole_end(int fd, off_t end, char *block)
{
	while (end > 0) {
		off_t from = end > BLOCK ? end - BLOCK : 0;
		ssize_t n = pread(fd, block, (size_t)(end - from), from);
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
find_range(struct reader *r, int fd, off_t *first, off_t *last)
{
	char *block = mem_alloc(BLOCK);
	off_t end = whole_end(fd, lseek(fd, 0, SEEK_END), block);
	uint64_t from = r->from, before = r->before;

	if (r->tail && !before)
		before = last_seq(fd, end, block) + 1;
	if (r->tail)
		from = before > r->tail ? before - r->tail : 0;
	*last = before ? find_seq(fd, before, end, block) : end;
	*first = from ? find_seq(fd, from, *last, block) : 0;
	if (r->tail && *last - *first > JOURNAL_PART_MAX)
		*first = line_from(fd, *last - JOURNAL_PART_MAX, *last, block);
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
