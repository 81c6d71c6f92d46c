/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/record/mirror_out.h"

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

#define PIECE_MAX (64 * 1024)	  /* bytes of one write in the thread pool */
#define ROOM (MIRROR_OUT_MAX / 2) /* free again, before "dropped" is told */

struct mirror_out {
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_fs_t write; /* of what cannot be polled */
	int fd;	       /* ours; -1: nothing takes it any more */
	bool polled, polling, writing, dead;
	bool ending; /* freed once what can be written is */
	struct buf waiting;
	uint64_t dropped;
	char piece[PIECE_MAX]; /* what the thread pool writes */
};

static void out_go_on(struct mirror_out *o);

static void
out_give_up(struct mirror_out *o, int error)
{
	LOG("mirror", "standard output takes nothing more: %s", strerror(error));
	buf_fini(&o->waiting);
	if (o->polled)
		uv_poll_stop(&o->poll); /* the descriptor is closed after the handle */
	o->dead = true;
}

/* Room again: say what is missing here. */
static void
out_tell_dropped(struct mirror_out *o)
{
	if (o->dropped == 0 || o->waiting.len > ROOM)
		return;
	if (buf_printf(&o->waiting, "{\"t\":\"dropped\",\"records\":%llu}\n",
		(unsigned long long)o->dropped) == 0)
		o->dropped = 0;
}

/* As much as is taken without waiting. */
static void
out_write(struct mirror_out *o)
{
	while (o->waiting.len > 0) {
		ssize_t n = write(o->fd, o->waiting.data, o->waiting.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			out_give_up(o, n < 0 ? errno : EIO);
			return;
		}
		buf_drop(&o->waiting, (size_t)n);
		out_tell_dropped(o);
	}
}

static void
on_writable(uv_poll_t *poll, int status, int events)
{
	struct mirror_out *o = poll->data;

	if (status < 0)
		out_give_up(o, -status);
	else
		out_go_on(o);
}

static void
out_release(struct mirror_out *o)
{
	if (o->fd >= 0)
		close(o->fd);
	buf_fini(&o->waiting);
	free(o);
}

static void
on_written(uv_fs_t *req)
{
	struct mirror_out *o = req->data;
	ssize_t n = req->result;

	uv_fs_req_cleanup(req);
	o->writing = false;
	if (n <= 0) {
		out_give_up(o, n < 0 ? (int)-n : EIO);
	} else {
		buf_drop(&o->waiting, (size_t)n);
		out_tell_dropped(o);
		out_go_on(o);
	}
	if (o->ending && !o->writing)
		out_release(o);
}

static void
out_write_in_pool(struct mirror_out *o)
{
	size_t len = o->waiting.len < PIECE_MAX ? o->waiting.len : PIECE_MAX;
	uv_buf_t piece = uv_buf_init(o->piece, (unsigned)len);

	if (o->writing || len == 0)
		return;
	memcpy(o->piece, o->waiting.data, len);
	o->write.data = o;
	o->writing =
	    uv_fs_write(o->loop, &o->write, o->fd, &piece, 1, -1, on_written) >= 0;
}

static void
out_go_on(struct mirror_out *o)
{
	if (!o->polled) {
		out_write_in_pool(o);
		return;
	}
	out_write(o);
	if (o->dead)
		return;
	if (o->waiting.len == 0 && o->polling)
		uv_poll_stop(&o->poll);
	else if (o->waiting.len > 0 && !o->polling)
		uv_poll_start(&o->poll, UV_WRITABLE, on_writable);
	o->polling = o->waiting.len > 0;
}

/*
 * A description of our own, so that "do not wait" is not forced on whoever has the
 * other copies of it (a shell's terminal).  A socket cannot be opened so.
 */
static int
out_open(int fd)
{
	char path[32];
	int mine;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	mine = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_APPEND | O_CLOEXEC);
	return mine >= 0 ? mine : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static bool
is_null(int fd)
{
	struct stat st, null;

	return fstat(fd, &st) == 0 && stat("/dev/null", &null) == 0 &&
	    S_ISCHR(st.st_mode) && st.st_rdev == null.st_rdev;
}

struct mirror_out *
mirror_out_new(uv_loop_t *loop, int fd)
{
	struct mirror_out *o = mem_alloc(sizeof *o);

	o->loop = loop;
	o->fd = out_open(fd);
	buf_init(&o->waiting, MIRROR_OUT_MAX);
	if (o->fd < 0 || is_null(o->fd)) {
		LOG("mirror", "nobody is behind standard output");
		o->dead = true;
		return o;
	}
	o->polled = uv_poll_init(loop, &o->poll, o->fd) == 0;
	o->poll.data = o;
	if (o->polled)
		uv_unref((uv_handle_t *)&o->poll);
	return o;
}

void
mirror_out_say(struct mirror_out *o, const char *line, size_t len)
{
	if (o->dead)
		return;
	out_tell_dropped(o);
	if (o->dropped || o->waiting.len + len + 1 > MIRROR_OUT_MAX) {
		o->dropped++;
		return;
	}
	if (buf_add(&o->waiting, line, len) < 0 || buf_add(&o->waiting, "\n", 1) < 0)
		abort();
	if (!o->polling)
		out_go_on(o);
}

static void
on_closed(uv_handle_t *handle)
{
	out_release(handle->data);
}

void
mirror_out_free(struct mirror_out *o)
{
	if (!o->dead && o->polled)
		out_write(o);
	o->ending = true;
	if (o->polled)
		uv_close((uv_handle_t *)&o->poll, on_closed);
	else if (!o->writing)
		out_release(o);
}
