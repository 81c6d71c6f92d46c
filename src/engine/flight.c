/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/flight.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

/* Two owners: who asked, and the look while it runs. */
struct flight {
	struct flight *next; /* waits for a thread */
	uv_work_t work;
	uv_loop_t *loop;
	const struct flight_ops *ops;
	void *data, *arg;
	bool looking, left;
};

static struct flight *waiting, **waiting_end = &waiting;
static int looking;

static void start_next(void);

static void
on_look(uv_work_t *work)
{
	struct flight *f = work->data;

	f->ops->look(f->data);
}

static void
on_looked(uv_work_t *work, int status)
{
	struct flight *f = work->data;

	looking--;
	if (!f->left)
		f->ops->land(f->data, f->arg);
	f->ops->drop(f->data);
	free(f);
	start_next();
}

static void
start_next(void)
{
	while (waiting && looking < FLIGHTS_AT_ONCE) {
		struct flight *f = waiting;

		waiting = f->next;
		if (!waiting)
			waiting_end = &waiting;
		f->work.data = f;
		f->looking = true;
		looking++;
		uv_queue_work(f->loop, &f->work, on_look, on_looked);
	}
}

struct flight *
flight_start(uv_loop_t *loop, const struct flight_ops *ops, void *data, void *arg)
{
	struct flight *f = mem_alloc(sizeof *f);

	f->loop = loop;
	f->ops = ops;
	f->data = data;
	f->arg = arg;
	*waiting_end = f;
	waiting_end = &f->next;
	start_next();
	return f;
}

void
flight_leave(struct flight *f)
{
	struct flight **at = &waiting;

	if (!f)
		return;
	f->left = true;
	if (f->looking)
		return; /* on_looked drops it */
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	if (waiting_end == &f->next)
		waiting_end = at;
	f->ops->drop(f->data);
	free(f);
}

/* --- before there is a loop --- */

struct within {
	const struct flight_ops *ops;
	void *data;
	uv_mutex_t lock;
	uv_cond_t over;
	bool looked, left;
};

static void
within_free(struct within *w)
{
	uv_cond_destroy(&w->over);
	uv_mutex_destroy(&w->lock);
	free(w);
}

static void
on_within(void *arg)
{
	struct within *w = arg;
	bool left;

	w->ops->look(w->data);
	uv_mutex_lock(&w->lock);
	w->looked = true;
	left = w->left;
	uv_cond_signal(&w->over);
	uv_mutex_unlock(&w->lock);
	if (!left)
		return;
	w->ops->drop(w->data);
	within_free(w);
}

bool
flight_within(const struct flight_ops *ops, void *data, int64_t ms)
{
	struct within *w = mem_alloc(sizeof *w);
	uint64_t end = uv_hrtime() + (uint64_t)ms * 1000000, now;
	uv_thread_t thread;
	bool looked;

	w->ops = ops;
	w->data = data;
	if (uv_mutex_init(&w->lock) < 0 || uv_cond_init(&w->over) < 0)
		abort(); /* no memory */
	if (uv_thread_create(&thread, on_within, w) < 0) {
		LOG("flight", "no thread for a look at files: this one looks");
		ops->look(data);
		within_free(w);
		return true;
	}
	uv_mutex_lock(&w->lock);
	while (!w->looked && (now = uv_hrtime()) < end)
		uv_cond_timedwait(&w->over, &w->lock, end - now);
	looked = w->looked;
	w->left = !looked;
	uv_mutex_unlock(&w->lock);
	if (!looked) {
		pthread_detach(thread);
		return false;
	}
	uv_thread_join(&thread);
	within_free(w);
	return true;
}

/* --- a file, whole --- */

struct file {
	char *path, *text;
	size_t max, len;
	struct err err;
};

static void
file_look(void *data)
{
	struct file *f = data;

	f->text = fd_read_file(f->path, f->max, &f->len, &f->err);
}

static void
file_drop(void *data)
{
	struct file *f = data;

	free(f->text);
	free(f->path);
	free(f);
}

int
flight_hung(struct err *err, const char *path)
{
	return err_set(err, ERR_SYSTEM,
	    "%s: its disk has not answered for %d s: look at that disk (dmesg, findmnt), "
	    "or name a file on another one",
	    path, FLIGHT_START_MS / 1000);
}

char *
flight_read_file(const char *path, size_t max_bytes, size_t *len, struct err *err)
{
	static const struct flight_ops ops = {file_look, NULL, file_drop};
	struct file *f = mem_alloc(sizeof *f);
	char *text;

	f->path = mem_dup(path);
	f->max = max_bytes;
	if (!flight_within(&ops, f, FLIGHT_START_MS)) {
		flight_hung(err, path);
		return NULL;
	}
	text = f->text;
	*len = f->len;
	*err = f->err;
	f->text = NULL;
	file_drop(f);
	return text;
}
