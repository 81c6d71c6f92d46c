/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/engine_ask.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/rundir.h"
#include "wire/frame.h"
#include "wire/messages.h"

struct asking {
	void (*fn)(const struct js *fact, void *arg);
	void *arg;
	bool over, welcome;
	struct err *err;
};

static int
ask_connect(const struct options *o, bool *none, struct err *err)
{
	char *dir = options_run_dir(o);
	char *path = mem_printf("%s/console.sock", dir);
	uid_t owner, uid;
	pid_t pid;
	gid_t gid;
	int fd = -1;

	*none = access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR);
	if (rundir_group(o->operators_group, &gid, err) == 0 &&
	    rundir_check(dir, gid, &owner, err) == 0 && !*none) {
		fd = fd_connect(path, err);
		/* a socket that nobody listens at is what an engine left that was killed
		 */
		*none = fd < 0 && err->code == ERR_UNREACHABLE && errno == ECONNREFUSED;
		if (fd < 0 && err->code == ERR_UNREACHABLE &&
		    errno == EAGAIN) /* nobody is let in: fd.h's limit */
			err->code = ERR_BUSY;
		if (fd >= 0 && (fd_peer(fd, &uid, &pid) < 0 || uid != owner)) {
			close(fd);
			fd = err_set(err, ERR_DENIED,
			    "%s is not of the engine that owns its directory (uid %ld): end what listens there",
			    path, (long)owner);
		}
	}
	free(path);
	free(dir);
	return fd;
}

static int
say_hello(int fd, struct err *err)
{
	struct js *m = message_new(request_names[REQUEST_HELLO]);
	struct buf b;
	int rc;

	js_set_int(m, "v", WIRE_VERSION);
	js_set_str(m, "name", "doctor");
	js_set_str(m, "role", "command");
	js_set_int(m, "tail", 0);
	buf_init(&b, 4096);
	rc = js_print(m, &b) < 0 || buf_add(&b, "\n", 1) < 0 ||
		fd_write_all(fd, b.data, b.len) < 0
	    ? err_set(err, ERR_UNREACHABLE, "the engine has gone")
	    : 0;
	js_free(m);
	buf_fini(&b);
	return rc;
}

static bool
on_line(char *line, size_t len, void *arg)
{
	struct asking *a = arg;
	struct err err;
	struct js *m = js_parse(line, len, &err);

	if (!m)
		return true;
	if (!a->welcome && (js_is(m, "t", "error") || js_is(m, "t", "gate"))) {
		err_set(a->err, ERR_DENIED, "it does not let us in: %s",
		    js_str(m, "text") ? js_str(m, "text") : "it does not say why");
		a->over = true;
	} else if (js_is(m, "t", "welcome") || js_is(m, "t", "state")) {
		a->welcome = true;
		a->fn(m, a->arg);
	} else if (js_is(m, "t", "caught_up"))
		a->over = true;
	js_free(m);
	return !a->over;
}

static int
read_all(int fd, struct asking *a, struct err *err)
{
	int64_t until = clock_mono_ms() + ENGINE_ASK_MS;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char data[16384];
	struct frame f;
	int rc = 0;

	frame_init(&f, 1024 * 1024);
	while (rc == 0 && !a->over) {
		int64_t left = until - clock_mono_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0) {
			rc = err_set(err, ERR_BUSY,
			    "it listens and does not answer: is it stopped?");
			break;
		}
		n = read(fd, data, sizeof data);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			rc = err_set(err, ERR_BUSY, "it closed the connection");
		else
			frame_feed(&f, data, (size_t)n, on_line, a);
	}
	frame_fini(&f);
	return rc < 0 || !a->welcome ? -1 : 0;
}

int
engine_ask(const struct options *o, void (*fn)(const struct js *fact, void *arg),
    void *arg, bool *none, struct err *err)
{
	struct asking a = {.fn = fn, .arg = arg, .err = err};
	int fd = ask_connect(o, none, err), rc;

	if (fd < 0)
		return -1;
	rc = say_hello(fd, err);
	if (rc == 0)
		rc = read_all(fd, &a, err);
	close(fd);
	return rc;
}
