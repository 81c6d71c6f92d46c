/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

/* Records on their way; those of a new file begin a new part. */
struct part {
	struct part *next;
	char *path; /* open this first; NULL: the file is open already */
	struct buf data;
	uint64_t ticket; /* of its last record */
};

struct journal {
	uv_loop_t *loop;
	const struct journal_events *ev;
	void *arg;
	enum journal_state state;
	struct part *first, *last; /* not handed to the worker yet */
	size_t waiting;		   /* bytes of them */
	uint64_t added;		   /* ticket of the last record */
	uint64_t sync_wanted;	   /* everything up to this ticket is to be synced */
	uint64_t synced;
	uv_timer_t timer; /* running: the write is late; not running: try again */
	bool running;
	bool freed;
	/* The worker's side while running is true. */
	uv_work_t work;
	int fd;
	char *file;	/* what fd is */
	char *job_path; /* open this first */
	struct buf job; /* bytes of this write */
	uint64_t job_ticket;
	bool job_sync;
	int job_errno;
	const char *job_what; /* what refused */
};

static void journal_kick(struct journal *j);

static void
journal_enter(struct journal *j, enum journal_state state, const char *why)
{
	if (j->state == state && state != JOURNAL_MEMORY)
		return;
	LOG("journal", "%d -> %d %s", j->state, state, why);
	j->state = state;
	if (!j->freed)
		j->ev->state(state, why, j->arg);
}

static int
job_fail(struct journal *j, const char *what)
{
	j->job_errno = errno ? errno : EIO;
	j->job_what = what;
	return -1;
}

/* A crash leaves at most one torn record, at the end: cut back to the last LF. */
static int
job_cut_torn_tail(struct journal *j)
{
	off_t end = lseek(j->fd, 0, SEEK_END);
	char block[4096];

	while (end > 0) {
		off_t from = end > (off_t)sizeof block ? end - (off_t)sizeof block : 0;
		ssize_t n = pread(j->fd, block, (size_t)(end - from), from);
		char *lf = n > 0 ? memrchr(block, '\n', (size_t)n) : NULL;

		if (n <= 0)
			return job_fail(j, "read");
		if (lf) {
			end = from + (lf - block) + 1;
			break;
		}
		end = from;
	}
	return ftruncate(j->fd, end) < 0 ? job_fail(j, "cut") : 0;
}

static int
job_open(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd =
	    open(j->job_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->fd < 0)
		return job_fail(j, "open");
	if (job_cut_torn_tail(j) < 0) {
		close(j->fd);
		j->fd = -1;
		return -1;
	}
	free(j->file);
	j->file = j->job_path;
	j->job_path = NULL;
	return 0;
}

/* In the thread pool: may hang for as long as the disk does. */
static void
on_work(uv_work_t *work)
{
	struct journal *j = work->data;
	size_t done = 0;
	off_t good;

	j->job_errno = 0;
	if (j->job_path && job_open(j) < 0)
		return;
	if (j->fd < 0) {
		errno = EBADF;
		job_fail(j, "open");
		return;
	}
	good = lseek(j->fd, 0, SEEK_END);
	while (done < j->job.len) {
		ssize_t n = write(j->fd, j->job.data + done, j->job.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			job_fail(j, "write");
			if (ftruncate(j->fd, good) < 0)
				job_fail(j, "cut after a short write");
			return;
		}
		done += (size_t)n;
	}
	/* After a failed sync the pages count as clean: only a new write of the
	 * same bytes, to a file opened anew, tells whether they are safe. */
	if (j->job_sync && fdatasync(j->fd) < 0) {
		job_fail(j, "sync");
		if (ftruncate(j->fd, good) < 0)
			job_fail(j, "cut after a failed sync");
	}
}

static void
on_timer(uv_timer_t *t)
{
	struct journal *j = t->data;

	if (j->running)
		journal_enter(
		    j, JOURNAL_SLOW, "the disk has not answered for half a second");
	else
		journal_kick(j);
}

static void
journal_refused(struct journal *j)
{
	char why[256];

	snprintf(why, sizeof why, "%s %s: %s", j->job_what,
	    j->job_path	  ? j->job_path
		: j->file ? j->file
			  : "no file",
	    strerror(j->job_errno));
	journal_enter(j, JOURNAL_MEMORY, why);
	if (!j->job_path && j->file && j->job_errno == EIO)
		j->job_path = mem_dup(j->file);
	uv_timer_start(&j->timer, on_timer, JOURNAL_RETRY_MS, 0);
}

static struct part *
journal_part(struct journal *j, const char *path)
{
	struct part *p = mem_alloc(sizeof *p);

	p->path = path ? mem_dup(path) : NULL;
	buf_init(&p->data, JOURNAL_MEMORY_MAX);
	if (j->last)
		j->last->next = p;
	else
		j->first = p;
	j->last = p;
	return p;
}

static struct part *
journal_take(struct journal *j)
{
	struct part *p = j->first;

	j->first = p->next;
	if (!j->first)
		j->last = NULL;
	j->waiting -= p->data.len;
	return p;
}

static void
part_free(struct part *p)
{
	buf_fini(&p->data);
	free(p->path);
	free(p);
}

static void
on_closed(uv_handle_t *h)
{
	struct journal *j = h->data;

	if (j->fd >= 0)
		close(j->fd);
	while (j->first)
		part_free(journal_take(j));
	buf_fini(&j->job);
	free(j->job_path);
	free(j->file);
	free(j);
}

static void
on_worked(uv_work_t *work, int status)
{
	struct journal *j = work->data;

	j->running = false;
	uv_timer_stop(&j->timer);
	if (j->freed) {
		uv_close((uv_handle_t *)&j->timer, on_closed);
		return;
	}
	if (j->job_errno) {
		journal_refused(j);
		return;
	}
	buf_clear(&j->job);
	if (j->job_sync)
		j->synced = j->job_ticket;
	journal_enter(j, JOURNAL_OK, "");
	j->ev->written(j->job_ticket, j->job_sync, j->arg);
	journal_kick(j);
}

/* A refused job is tried again as it was; else what waits is the next one. */
static bool
journal_has_job(struct journal *j)
{
	struct part *p;

	if (j->job.len > 0 || j->job_path)
		return true;
	if (!j->first) {
		j->job_sync = j->sync_wanted > j->synced;
		return j->job_sync && j->file;
	}
	p = journal_take(j);
	buf_fini(&j->job);
	j->job = p->data;
	buf_init(&p->data, JOURNAL_MEMORY_MAX);
	j->job_path = p->path;
	p->path = NULL;
	j->job_ticket = p->ticket;
	j->job_sync = j->sync_wanted > j->synced;
	part_free(p);
	return true;
}

/* Hands what waits to the worker. */
static void
journal_kick(struct journal *j)
{
	if (j->running || j->freed || !journal_has_job(j))
		return;
	j->running = true;
	j->work.data = j;
	uv_queue_work(j->loop, &j->work, on_work, on_worked);
	uv_timer_start(&j->timer, on_timer, JOURNAL_WAIT_MS, 0);
}

/* There is more to write: at once, or with the next try of a disk that refuses. */
static void
journal_nudge(struct journal *j)
{
	if (j->state != JOURNAL_MEMORY)
		journal_kick(j);
}

struct journal *
journal_new(uv_loop_t *loop, const struct journal_events *ev, void *arg)
{
	struct journal *j = mem_alloc(sizeof *j);

	j->loop = loop;
	j->ev = ev;
	j->arg = arg;
	j->fd = -1;
	buf_init(&j->job, JOURNAL_MEMORY_MAX);
	uv_timer_init(loop, &j->timer);
	uv_unref((uv_handle_t *)&j->timer);
	j->timer.data = j;
	return j;
}

static void
on_last_wait(uv_timer_t *t)
{
	uv_stop(t->loop);
}

void
journal_free(struct journal *j, int64_t wait_ms)
{
	uv_timer_t last;

	if (!j)
		return;
	j->sync_wanted = j->added;
	uv_timer_init(j->loop, &last);
	uv_timer_start(&last, on_last_wait, (uint64_t)wait_ms, 0);
	while (uv_is_active((uv_handle_t *)&last)) {
		bool idle;

		journal_kick(j);
		idle = !j->running && !j->first && j->job.len == 0;
		if (idle || (!j->running && j->state == JOURNAL_MEMORY))
			break;
		uv_run(j->loop, UV_RUN_ONCE);
	}
	uv_close((uv_handle_t *)&last, NULL);
	uv_run(j->loop, UV_RUN_NOWAIT);
	j->freed = true;
	if (!j->running) /* else on_worked does it, should the disk ever answer */
		uv_close((uv_handle_t *)&j->timer, on_closed);
}

void
journal_open(struct journal *j, const char *path)
{
	struct part *p = journal_part(j, path);

	p->ticket = j->added;
	journal_nudge(j);
}

uint64_t
journal_add(struct journal *j, const char *line, size_t len)
{
	struct part *p = j->last;

	if (j->waiting + j->job.len + len > JOURNAL_MEMORY_MAX)
		return 0;
	if (!p)
		p = journal_part(j, NULL);
	if (buf_add(&p->data, line, len) < 0)
		return 0;
	j->waiting += len;
	p->ticket = ++j->added;
	journal_nudge(j);
	return j->added;
}

void
journal_sync(struct journal *j)
{
	j->sync_wanted = j->added;
	journal_nudge(j);
}

enum journal_state
journal_state(const struct journal *j)
{
	return j->state;
}

size_t
journal_waiting(const struct journal *j)
{
	return j->waiting + (j->running ? j->job.len : 0);
}
