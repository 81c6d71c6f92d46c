/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/rundir.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/messages.h"

#define LINE_MAX_BYTES (1024 * 1024)

struct asking {
	struct ask *a;
	ask_record_fn *fn;
	void *arg;
	bool welcome, over;
};

int
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
		/* what an engine left that was killed */
		*none = fd < 0 && err->code == ERR_UNREACHABLE && errno == ECONNREFUSED;
		if (fd < 0 && err->code == ERR_UNREACHABLE && errno == EAGAIN)
			err->code = ERR_BUSY; /* fd.h's limit */
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

int
ask_hello(int fd, const char *name, const char *incident, struct err *err)
{
	struct js *m = message_new(request_names[REQUEST_HELLO]);
	struct buf b;
	int rc;

	js_set_int(m, "v", WIRE_VERSION);
	js_set_str(m, "name", name);
	js_set_str(m, "role", "command");
	if (incident) {
		js_set_int(m, "since", 0);
		js_set_str(m, "incident", incident);
	} else {
		js_set_int(m, "tail", 0);
	}
	buf_init(&b, 4096);
	rc = js_print(m, &b) < 0 || buf_add(&b, "\n", 1) < 0 ||
		send(fd, b.data, b.len, MSG_NOSIGNAL) != (ssize_t)b.len
	    ? err_set(err, ERR_UNREACHABLE, "the engine has gone")
	    : 0;
	js_free(m);
	buf_fini(&b);
	return rc;
}

static void
copy(const struct js *m, const char *key, char *out, size_t size)
{
	const char *s = js_str(m, key);

	snprintf(out, size, "%s", s ? s : "");
}

static void
on_welcome(struct asking *g, const struct js *m)
{
	g->welcome = true;
	g->a->there = true;
	g->a->last = (uint64_t)js_int(m, "last", 0);
	g->a->pid = (long)js_int(m, "pid", 0);
	copy(m, "incident", g->a->incident, sizeof g->a->incident);
	copy(m, "head", g->a->head, sizeof g->a->head);
	copy(m, "version", g->a->version, sizeof g->a->version);
}

static bool
on_line(char *line, size_t len, void *arg)
{
	struct asking *g = arg;
	struct err err;
	struct js *m;

	/* most are records that nobody here looks into */
	if (!g->fn || strncmp(line, "{\"t\":\"output\"", 13) != 0) {
		m = js_parse(line, len, &err);
		if (m && !g->welcome && (js_is(m, "t", "error") || js_is(m, "t", "gate")))
			copy(m, "text", g->a->why, sizeof g->a->why);
		else if (m && js_is(m, "t", "welcome"))
			on_welcome(g, m);
		else if (m && js_is(m, "t", "state") && js_is(m, "what", "journal"))
			copy(m, "state", g->a->journal, sizeof g->a->journal);
		g->over |= m && (js_is(m, "t", "caught_up") || g->a->why[0]);
		js_free(m);
	}
	/* journaled facts have a number; what is only told has 0 */
	if (g->fn && g->welcome && verify_seq(line, len) > 0)
		g->fn(line, len, g->arg);
	return !g->over;
}

static int
ask_read(int fd, struct frame *f, struct asking *g, int64_t until, struct err *err)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char data[65536];
	int64_t left = until - clock_mono_ms();
	ssize_t n;

	if (left <= 0 || poll(&p, 1, (int)left) == 0)
		return err_set(err, ERR_UNREACHABLE, "the engine does not answer");
	n = read(fd, data, sizeof data);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return err_set(err, ERR_UNREACHABLE, "the engine has gone");
	frame_feed(f, data, (size_t)n, on_line, g);
	return 0;
}

static int
ask_run(const struct options *o, const char *incident, struct asking *g, int64_t wait_ms,
    struct err *err)
{
	int64_t until = clock_mono_ms() + wait_ms;
	bool none;
	int fd = ask_connect(o, &none, err), rc;
	struct frame f;

	memset(g->a, 0, sizeof *g->a);
	if (fd < 0)
		return -1;
	frame_init(&f, LINE_MAX_BYTES);
	rc = ask_hello(fd, "record", incident, err);
	/* all of a long incident may take longer than the wait, as long as it comes */
	while (rc == 0 && !g->over)
		rc = ask_read(fd, &f, g, g->fn ? clock_mono_ms() + wait_ms : until, err);
	if (rc == 0 && g->a->why[0])
		rc = err_set(err, ERR_UNREACHABLE, "%s", g->a->why);
	frame_fini(&f);
	close(fd);
	return rc;
}

void
ask_engine(const struct options *o, struct ask *a)
{
	struct asking g = {.a = a};
	struct err err;

	if (ask_run(o, NULL, &g, ASK_MS, &err) < 0 && !a->there)
		snprintf(a->why, sizeof a->why, "%.250s", err.words);
}

int
ask_records(const struct options *o, const char *incident, struct ask *a,
    ask_record_fn *fn, void *arg, struct err *err)
{
	struct asking g = {.a = a, .fn = fn, .arg = arg};

	if (ask_run(o, incident, &g, ASK_RECORDS_MS, err) < 0)
		return -1;
	if (strcmp(a->incident, incident) != 0)
		return err_set(err, ERR_USAGE, "the engine holds incident %s, not %s",
		    a->incident[0] ? a->incident : "none", incident);
	return 0;
}
