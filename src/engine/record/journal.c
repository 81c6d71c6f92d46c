/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/record/journal.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/record/journal_disk.h"

#define JOURNAL_LAST_TRIES 4	/* of a disk that refuses, while the engine leaves */
#define JOURNAL_LAST_NAP_MS 100 /* between them */

/* Records on their way; those of a new file begin a new part. */
struct part {
	struct part *next;
	char *path; /* open this first; NULL: the file is open already */
	int lock;   /* a descriptor that holds its lock, or -1 */
	bool shut;  /* no records: let the file go */
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
	bool opened;	  /* there is a file, or will be: the job's side of it */
	uv_timer_t timer; /* running: the write is late; not running: try again */
	bool running;
	bool freed;
	bool pending; /* a job is to be done, or to be tried again */
	/* The worker's side while running is true. */
	uv_work_t work;
	struct journal_disk disk;
	char *job_path; /* open this first; the worker takes it, and job_lock */
	int job_lock;
	bool job_shut, job_sync;
	struct buf job; /* bytes of this write */
	uint64_t job_ticket;
	bool job_failed;
	struct err job_err;
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

/* In the thread pool: may hang for as long as the disk does. */
static void
on_work(uv_work_t *work)
{
	struct journal *j = work->data;

	if (j->job_path) {
		journal_disk_use(&j->disk, j->job_path, j->job_lock);
		free(j->job_path);
		j->job_path = NULL;
	}
	j->job_failed = journal_disk_write(&j->disk, j->job.data, j->job.len,
			    &j->job_sync, &j->job_err) < 0;
	if (j->job_shut && !j->job_failed)
		journal_disk_close(&j->disk);
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

static struct part *
journal_part(struct journal *j, const char *path)
{
	struct part *p = mem_alloc(sizeof *p);

	p->path = path ? mem_dup(path) : NULL;
	p->lock = -1;
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
	if (p->lock >= 0)
		close(p->lock);
	buf_fini(&p->data);
	free(p->path);
	free(p);
}

static void
on_closed(uv_handle_t *h)
{
	struct journal *j = h->data;

	journal_disk_close(&j->disk);
	while (j->first)
		part_free(journal_take(j));
	buf_fini(&j->job);
	free(j);
}

/* Who hears of it may add records: what the job was is taken down first. */
static void
journal_done(struct journal *j)
{
	uint64_t ticket = j->job_ticket;
	bool synced = j->job_sync;
	size_t rewritten = j->disk.rewritten;

	j->pending = false;
	buf_clear(&j->job);
	if (synced)
		j->synced = ticket;
	if (j->state == JOURNAL_MEMORY && rewritten)
		j->ev->rewritten(rewritten, j->arg);
	j->ev->written(ticket, synced, j->arg);
	journal_enter(j, JOURNAL_OK, "");
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
	if (j->job_failed) {
		journal_enter(j, JOURNAL_MEMORY, j->job_err.words);
		if (!j->running)
			uv_timer_start(&j->timer, on_timer, JOURNAL_RETRY_MS, 0);
		return;
	}
	journal_done(j);
	journal_kick(j);
}

/*
 * A refused job is tried again as it was; else what waits is the next one.  A sync alone
 * is of a file that is open: the ticket is the last job's, and that one did not shut it.
 */
static bool
journal_has_job(struct journal *j)
{
	struct part *p = j->first;

	if (j->pending)
		return true;
	j->job_sync = j->sync_wanted > j->synced;
	if (!p)
		return j->job_sync && j->opened;
	journal_take(j);
	buf_fini(&j->job);
	j->job = p->data;
	buf_init(&p->data, JOURNAL_MEMORY_MAX);
	j->job_path = p->path;
	p->path = NULL;
	j->job_lock = p->lock;
	p->lock = -1;
	j->job_shut = p->shut;
	j->job_sync |= p->shut;
	j->opened = !p->shut;
	j->job_ticket = p->ticket;
	part_free(p);
	return true;
}

/* Hands what waits to the worker. */
static void
journal_kick(struct journal *j)
{
	if (j->running || j->freed || !journal_has_job(j))
		return;
	j->running = j->pending = true;
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
	journal_disk_init(&j->disk);
	buf_init(&j->job, JOURNAL_MEMORY_MAX);
	uv_timer_init(loop, &j->timer);
	uv_unref((uv_handle_t *)&j->timer);
	j->timer.data = j;
	return j;
}

/* That it is over is seen by uv_is_active. */
static void
on_wait(uv_timer_t *t)
{
}

void
journal_free(struct journal *j, int64_t wait_ms)
{
	uv_timer_t last, nap; /* nap: between two tries of a disk that refuses */
	int tries = 0;

	if (!j)
		return;
	j->sync_wanted = j->added;
	uv_timer_init(j->loop, &nap);
	uv_timer_init(j->loop, &last);
	uv_timer_start(&last, on_wait, (uint64_t)wait_ms, 0);
	while (uv_is_active((uv_handle_t *)&last)) {
		if (!j->running && !uv_is_active((uv_handle_t *)&nap)) {
			if (j->state == JOURNAL_MEMORY) {
				if (tries++ == JOURNAL_LAST_TRIES)
					break;
				uv_timer_start(&nap, on_wait, JOURNAL_LAST_NAP_MS, 0);
			}
			journal_kick(j);
		}
		if (!j->running && !j->pending && !j->first)
			break;
		uv_run(j->loop, UV_RUN_ONCE);
	}
	uv_close((uv_handle_t *)&nap, NULL);
	uv_close((uv_handle_t *)&last, NULL);
	uv_run(j->loop, UV_RUN_NOWAIT);
	j->freed = true;
	if (!j->running) /* else on_worked does it, should the disk ever answer */
		uv_close((uv_handle_t *)&j->timer, on_closed);
}

void
journal_open(struct journal *j, const char *path, int lock)
{
	struct part *p = journal_part(j, path);

	p->lock = lock;
	p->ticket = j->added;
	journal_nudge(j);
}

void
journal_shut(struct journal *j)
{
	struct part *p;

	if (!j->opened && !j->first)
		return;
	p = journal_part(j, NULL);
	p->shut = true;
	p->ticket = j->added;
	journal_nudge(j);
}

bool
journal_retry(struct journal *j)
{
	if (j->running || !j->pending)
		return false;
	journal_kick(j);
	return true;
}

uint64_t
journal_add(struct journal *j, const char *line, size_t len)
{
	struct part *p = j->last;

	if (j->waiting + j->job.len + len > JOURNAL_MEMORY_MAX)
		return 0;
	if (!p || p->shut)
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
	return j->waiting + j->job.len;
}
