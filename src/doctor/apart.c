/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/self.h"
#include "doctor/guard.h"
#include "wire/frame.h"

#define PEN_LINE_MAX \
	65536 /* bytes of a line on the way back: six for each it may quote */
#define PEN_FD 3

extern char **environ;

struct pen {
	int fd;
};

/* One child. */
struct kid {
	const struct apart_look *look;
	struct apart *a;
	pid_t pid;
	int fd;
	uv_pipe_t pipe;
	uv_timer_t limit;
	struct frame lines;
	char buf[4096];
	char at[SAID_MAX / 2];
	bool over, noted;
	int64_t note;
};

struct apart {
	struct doctor *d;
	void (*done)(const struct apart_look *look, void *arg);
	void *arg;
	size_t count;
	struct kid kids[];
};

/* ---- in the child ---- */

/* Takes o. */
static void
pen_send(struct pen *p, struct js *o)
{
	struct buf b;

	buf_init(&b, PEN_LINE_MAX);
	if (js_print(o, &b) == 0 && buf_add(&b, "\n", 1) == 0 &&
	    fd_write_all(p->fd, b.data, b.len) < 0)
		_exit(1); /* nobody listens */
	buf_fini(&b);
	js_free(o);
}

static void
pen_write(struct pen *p, const char *what, enum check check, const char *name,
    struct said *said)
{
	struct js *o = js_new();

	js_set_str(o, "do", what);
	js_set_int(o, "check", check);
	if (said) {
		js_set_str(o, "name", name);
		js_set_int(o, "result", said->result);
		js_set_str(o, "seen", said->seen);
		js_set_str(o, "mend", said->mend);
		js_set_bool(o, "command", said->command);
		if (said->values)
			js_set(o, "values", js_ref(said->values));
		said_fini(said);
	}
	pen_send(p, o);
}

void
pen_put(struct pen *p, enum check check, struct said *said)
{
	pen_write(p, "put", check, "", said);
}

void
pen_add(struct pen *p, enum check check, const char *name, struct said *said)
{
	pen_write(p, "add", check, name, said);
}

void
pen_over(struct pen *p, enum check check)
{
	pen_write(p, "over", check, NULL, NULL);
}

void
pen_note(struct pen *p, int64_t n)
{
	struct js *o = js_new();

	js_set_int(o, "note", n);
	pen_send(p, o);
}

void
pen_at(struct pen *p, const char *what)
{
	struct js *o = js_new();
	struct said clean = {0};

	said_pass(&clean, "%s", what);
	js_set_str(o, "at", clean.seen);
	pen_send(p, o);
}

void
pen_limit(struct pen *p, int64_t ms)
{
	struct js *o = js_new();

	js_set_int(o, "limit", ms);
	pen_send(p, o);
}

static void
child(const struct apart_look *look, const struct options *o, int fd, bool offline)
{
	struct pen pen = {.fd = PEN_FD};
	int none = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* with us, however we end: what it has started sees to itself (the launcher) */
	(void)self_end_with_parent(SIGKILL);
	/* one that hangs for good must not hold our reader's pipes open */
	for (int i = 0; i < 3; i++)
		dup2(none, i);
	dup2(fd, PEN_FD);
	fcntl(PEN_FD, F_SETFD, FD_CLOEXEC);
	self_close(PEN_FD + 1, ~0U);
	if (offline)
		guard_shut();
	look->look(&pen, o);
	_exit(0);
}

/* Reads until the end, the time or the room is over.  False: the time was. */
static bool
read_out(int fd, char *out, size_t size, int64_t until)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;
	bool over = false;

	while (!over) {
		int64_t left = until - clock_mono_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			break;
		n = read(fd, out + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		len += n > 0 ? (size_t)n : 0;
		over = n <= 0;
	}
	out[len] = '\0';
	return over;
}

/* The launcher ends all that it has started; what hangs in the kernel is left behind. */
static void
end_program(pid_t pid)
{
	kill(pid, SIGTERM);
	for (int i = 0; i < 20 && waitpid(pid, NULL, WNOHANG) == 0; i++)
		poll(NULL, 0, 50);
}

int
apart_run(char *const argv[], char *out, size_t size, int64_t limit_ms, int *status,
    struct err *err)
{
	posix_spawn_file_actions_t fa;
	int fds[2], rc;
	bool over;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, fds[1], 1);
	rc = posix_spawn(&pid, argv[0], &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	close(fds[1]);
	if (rc != 0) {
		close(fds[0]);
		return err_sys(err, rc, "start %s", argv[0]);
	}
	over = read_out(fds[0], out, size, clock_mono_ms() + limit_ms);
	close(fds[0]);
	if (!over) {
		end_program(pid);
		return err_set(err, ERR_BUSY, "it does not answer within %d s",
		    (int)(limit_ms / 1000));
	}
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		continue;
	return 0;
}

/* ---- on our side --------------------------------------------------------------------
 */

struct apart *
apart_begin(
    const struct apart_look *looks, size_t count, const struct options *o, bool offline)
{
	struct apart *a = mem_alloc(sizeof *a + count * sizeof a->kids[0]);

	a->count = count;
	for (size_t i = 0; i < count; i++) {
		struct kid *k = &a->kids[i];
		int fds[2];

		k->look = &looks[i];
		k->a = a;
		k->pid = -1;
		k->fd = -1;
		if (pipe2(fds, O_CLOEXEC) < 0)
			continue;
		k->pid = fork();
		if (k->pid == 0)
			child(k->look, o, fds[1], offline);
		close(fds[1]);
		k->fd = fds[0];
	}
	return a;
}

static void
kid_end(struct kid *k, const char *seen, const char *todo)
{
	struct said said = {0};

	if (k->over)
		return;
	k->over = true;
	for (size_t i = 0; i < k->look->count; i++) {
		if (sheet_is_over(k->a->d->sheet, k->look->checks[i]))
			continue;
		said_fail(&said, "%s", seen);
		said_do(&said, "%s", todo);
		sheet_put_late(k->a->d->sheet, k->look->checks[i], &said);
	}
	if (k->pid > 0 && waitpid(k->pid, NULL, WNOHANG) == 0)
		kill(k->pid, SIGKILL);
	uv_close((uv_handle_t *)&k->pipe, NULL);
	uv_close((uv_handle_t *)&k->limit, NULL);
	k->a->done(k->look, k->a->arg);
	doctor_look(k->a->d);
}

static void
on_limit(uv_timer_t *timer)
{
	struct kid *k = timer->data;
	char words[SAID_MAX];

	snprintf(
	    words, sizeof words, "%s%s%s", k->at, k->at[0] ? ": " : "", k->look->late);
	kid_end(k, words, k->look->todo);
}

static bool
is_done(const struct kid *k)
{
	for (size_t i = 0; i < k->look->count; i++)
		if (!sheet_is_over(k->a->d->sheet, k->look->checks[i]))
			return false;
	return k->look->count > 0 || k->noted;
}

static bool
is_of(const struct kid *k, int64_t check)
{
	for (size_t i = 0; i < k->look->count; i++)
		if (k->look->checks[i] == (enum check)check)
			return true;
	return false;
}

static void
copy(char out[SAID_MAX], const char *text)
{
	snprintf(out, SAID_MAX, "%s", text ? text : "");
}

static bool
on_line(char *line, size_t len, void *arg)
{
	struct kid *k = arg;
	struct said said = {0};
	const char *name;
	struct js *m, *values;
	struct err err;
	enum check check;

	m = js_parse(line, len, &err);
	if (m && js_has(m, "note")) {
		k->noted = true;
		k->note = js_int(m, "note", 0);
	}
	if (m && js_has(m, "at"))
		snprintf(k->at, sizeof k->at, "%s", js_str(m, "at"));
	if (m && js_has(m, "limit") && !k->over)
		uv_timer_start(&k->limit, on_limit, (uint64_t)js_int(m, "limit", 0), 0);
	if (!m || !is_of(k, js_int(m, "check", -1))) {
		js_free(m);
		return true;
	}
	check = (enum check)js_int(m, "check", 0);
	said.result = (enum result)js_int(m, "result", RESULT_FAIL);
	copy(said.seen, js_str(m, "seen"));
	copy(said.mend, js_str(m, "mend"));
	said.command = js_bool(m, "command", false);
	values = js_get(m, "values");
	said.values = values ? js_ref(values) : NULL;
	name = js_str(m, "name");
	if (js_is(m, "do", "put"))
		sheet_put(k->a->d->sheet, check, &said);
	else if (js_is(m, "do", "add"))
		sheet_add(k->a->d->sheet, check, name ? name : "", &said);
	else
		sheet_over(k->a->d->sheet, check);
	said_fini(&said);
	js_free(m);
	return true;
}

static void
on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	struct kid *k = handle->data;

	*buf = uv_buf_init(k->buf, sizeof k->buf);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct kid *k = stream->data;

	if (n > 0)
		frame_feed(&k->lines, buf->base, (size_t)n, on_line, k);
	if (n < 0 || is_done(k))
		kid_end(k, "who looked at it ended without a word",
		    "run doctor again; if it stays so, report it with the version");
}

void
apart_watch(struct apart *a, struct doctor *d,
    void (*done)(const struct apart_look *look, void *arg), void *arg)
{
	a->d = d;
	a->done = done;
	a->arg = arg;
	for (size_t i = 0; i < a->count; i++) {
		struct kid *k = &a->kids[i];

		frame_init(&k->lines, PEN_LINE_MAX);
		uv_pipe_init(&d->loop, &k->pipe, 0);
		uv_timer_init(&d->loop, &k->limit);
		k->pipe.data = k->limit.data = k;
		if (k->fd < 0 || uv_pipe_open(&k->pipe, k->fd) < 0) {
			kid_end(k, "it could not be looked at: no process is left",
			    "end some processes, or raise ulimit -u");
			continue;
		}
		uv_read_start((uv_stream_t *)&k->pipe, on_alloc, on_read);
		uv_timer_start(&k->limit, on_limit, (uint64_t)k->look->limit_ms, 0);
	}
}

int64_t
apart_note(const struct apart *a, const struct apart_look *look, int64_t def)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->kids[i].look == look && a->kids[i].noted)
			return a->kids[i].note;
	return def;
}

void
apart_end(struct apart *a)
{
	for (size_t i = 0; i < a->count; i++) {
		struct kid *k = &a->kids[i];

		if (!k->over && k->pid > 0)
			kill(k->pid, SIGKILL);
		frame_fini(&k->lines);
	}
	free(a);
}
