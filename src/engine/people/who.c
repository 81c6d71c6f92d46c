/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/people/who.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

/*
 * Two owners: the asker, and the look while it runs.  A look that hangs outlives its
 * asker; its place is not given back until it returns.
 */
struct who {
	struct who *next; /* waits for its turn */
	uv_work_t work;
	uv_timer_t *timer;
	uv_loop_t *loop;
	pid_t pid;
	int pidfd;
	uid_t uid;
	bool looking;
	who_fn *cb; /* NULL: nobody asks any more */
	void *arg;
	struct who_seen seen; /* the look's alone while it runs */
	char words[WHO_WORDS_MAX];
};

static struct who *waiting, **waiting_end = &waiting;
static int looking;
static char own_user[33]; /* of our uid, once somebody has looked it up */

static void start_next(void);

static void
on_timer_closed(uv_handle_t *handle)
{
	free(handle);
}

static void
stop_timer(struct who *w)
{
	if (w->timer)
		uv_close((uv_handle_t *)w->timer, on_timer_closed);
	w->timer = NULL;
}

static void
who_end(struct who *w)
{
	stop_timer(w);
	if (w->pidfd >= 0)
		close(w->pidfd);
	free(w);
}

/* In the thread pool. */
static void
on_look(uv_work_t *work)
{
	struct who *w = work->data;

	who_look(w->pid, w->pidfd, w->uid, &w->seen);
}

static void
on_looked(uv_work_t *work, int status)
{
	struct who *w = work->data;

	looking--;
	w->looking = false;
	stop_timer(w);
	if (!w->cb) {
		who_end(w);
	} else {
		if (w->uid == geteuid())
			memcpy(own_user, w->seen.user, sizeof own_user);
		who_words(&w->seen, w->words);
		w->cb(w->words, false, w->arg);
	}
	start_next();
}

static void
start_next(void)
{
	while (waiting && looking < WHO_AT_ONCE) {
		struct who *w = waiting;

		waiting = w->next;
		if (!waiting)
			waiting_end = &waiting;
		w->work.data = w;
		w->looking = true;
		looking++;
		uv_queue_work(w->loop, &w->work, on_look, on_looked);
	}
}

static void
on_late(uv_timer_t *timer)
{
	struct who *w = timer->data;

	w->cb(w->words, true, w->arg);
}

struct who *
who_ask(uv_loop_t *loop, int fd, who_fn *cb, void *arg)
{
	struct who *w = mem_alloc(sizeof *w);
	struct who_seen now = {.login = -1};

	w->loop = loop;
	w->cb = cb;
	w->arg = arg;
	if (fd_peer(fd, &w->uid, &w->pid) < 0)
		w->uid = (uid_t)-1;
	/* Of a kernel before 6.5 there is none: who_look compares start times. */
	w->pidfd = fd_peer_pidfd(fd);
	now.uid = w->uid;
	if (w->uid == geteuid())
		memcpy(now.user, own_user, sizeof now.user);
	who_words(&now, w->words);
	w->timer = mem_alloc(sizeof *w->timer);
	uv_timer_init(loop, w->timer);
	w->timer->data = w;
	uv_timer_start(w->timer, on_late, WHO_WAIT_MS, 0);
	*waiting_end = w;
	waiting_end = &w->next;
	start_next();
	return w;
}

const char *
who_so_far(const struct who *w)
{
	return w->words;
}

const struct who_seen *
who_seen(const struct who *w)
{
	return &w->seen;
}

void
who_free(struct who *w)
{
	struct who **at = &waiting;

	if (!w)
		return;
	w->cb = NULL;
	stop_timer(w);
	if (w->looking)
		return; /* on_looked frees it */
	while (*at && *at != w)
		at = &(*at)->next;
	if (*at) {
		*at = w->next;
		if (waiting_end == &w->next)
			waiting_end = at;
	}
	who_end(w);
}
