/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/rundir.h"

#define START_LOOK_MS 20 /* how often another one's engine is looked for */

extern char **environ;

char *
start_socket_path(const struct options *o)
{
	char *dir = options_run_dir(o);
	char *path = mem_printf("%s/console.sock", dir);

	free(dir);
	return path;
}

static char *
program_path(const struct options *o, const char *program)
{
	return mem_printf(
	    "%s/%s", o->libexec_dir[0] ? o->libexec_dir : BG_PKGLIBEXECDIR, program);
}

static void
start_failed(int errnum, const char *path, struct err *err)
{
	err_sys(err, errnum, "%s cannot be started%s", path,
	    errnum == ENOENT || errnum == EACCES
		? " (install breakglass whole, or set libexec_dir)"
		: "");
}

int
start_become(
    const struct options *o, const char *program, char *const argv[], struct err *err)
{
	char *path = program_path(o, program);

	execv(path, argv);
	start_failed(errno, path, err);
	free(path);
	return -1;
}

/* The directory decides who may speak to us: *owner is whom it belongs to. */
static int
check_run_dir(const struct options *o, uid_t *owner, struct err *err)
{
	char *dir = options_run_dir(o);
	gid_t gid;
	int rc = rundir_group(o->operators_group, &gid, err);

	if (rc == 0)
		rc = rundir_check(dir, gid, owner, err);
	free(dir);
	return rc;
}

/* Another's engine, which we can neither start nor take anybody else for. */
static int
connect_to(const char *path, uid_t owner, struct err *err)
{
	int fd = fd_connect(path, err);
	uid_t uid;
	pid_t pid;

	if (fd < 0 && err->code == ERR_UNREACHABLE)
		return err_set(err, ERR_UNREACHABLE,
		    "no engine answers at %s: uid %ld starts it (breakglass engine)",
		    path, (long)owner);
	if (fd >= 0 && (fd_peer(fd, &uid, &pid) < 0 || uid != owner)) {
		close(fd);
		return err_set(err, ERR_DENIED,
		    "%s is not of the engine that owns its directory (uid %ld): end what listens there",
		    path, (long)owner);
	}
	return fd;
}

static int
spawn_engine(const struct options *o, enum start_mode mode, int verbose, int ready_fd,
    struct err *err)
{
	char *path = program_path(o, "engine"), number[16];
	char *argv[8];
	int argc = 0, rc;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	pid_t pid;

	snprintf(number, sizeof number, "%d", ready_fd);
	argv[argc++] = path;
	argv[argc++] = mem_dup(mode == START_BACKGROUND ? "--background" : "--one-shot");
	argv[argc++] = mem_dup("--ready-fd");
	argv[argc++] = number;
	if (verbose)
		argv[argc++] = mem_dup(verbose > 1 ? "-vv" : "-v");
	argv[argc] = NULL;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&fa, 0, 1);
	posix_spawn_file_actions_adddup2(&fa, 0, 2);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	rc = posix_spawn(&pid, path, &fa, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	if (rc != 0)
		start_failed(rc, path, err);
	free(argv[1]);
	free(argv[2]);
	if (verbose)
		free(argv[4]);
	free(path);
	return rc ? -1 : 0;
}

/* "+" when it listens; anything else is why it does not. */
static int
wait_ready(int fd, struct err *err)
{
	char words[600], *text;
	long code;
	size_t len = 0;
	int64_t until = clock_mono_ms() + START_WAIT_MS;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	for (;;) {
		int64_t left = until - clock_mono_ms();

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return err_set(err, ERR_UNREACHABLE,
			    "the engine did not come up in 10 s: run \"breakglass engine\" to see why");
		n = read(fd, words + len, sizeof words - 1 - len);
		if (n > 0)
			len += (size_t)n;
		if (len && words[0] == '+')
			return 0;
		if (n <= 0 || len == sizeof words - 1)
			break;
	}
	words[len] = '\0';
	code = strtol(words, &text, 10);
	if (text == words || *text != ' ' || code <= 0)
		return err_set(err, ERR_UNREACHABLE,
		    "the engine ended at once: run \"breakglass engine\" to see why");
	return err_set(err, code == ERR_SYSTEM ? ERR_UNREACHABLE : (enum err_code)code,
	    "%s", text + 1);
}

static int
start_engine(const struct options *o, enum start_mode mode, int verbose, struct err *err)
{
	int fds[2];
	int rc;

	if (pipe(fds) < 0)
		return err_sys(err, errno, "make a pipe");
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	rc = spawn_engine(o, mode, verbose, fds[1], err);
	close(fds[1]);
	if (rc == 0)
		rc = wait_ready(fds[0], err);
	close(fds[0]);
	return rc;
}

/*
 * Starts an engine and connects.  Another console may have been faster: its
 * engine will do, when it listens; or it is one that is just leaving.
 */
static int
start_and_connect(const struct options *o, enum start_mode mode, int verbose,
    const char *path, struct err *err)
{
	int64_t until = clock_mono_ms() + START_WAIT_MS;
	struct err started;

	for (;;) {
		int rc = start_engine(o, mode, verbose, &started);
		int fd = fd_connect(path, err);

		if (fd >= 0 || rc == 0)
			return fd;
		if (started.code != ERR_BUSY || clock_mono_ms() > until) {
			*err = started;
			return -1;
		}
		poll(NULL, 0, START_LOOK_MS);
	}
}

int
start_connect(const struct options *o, enum start_mode mode, int verbose, struct err *err)
{
	char *path = start_socket_path(o);
	uid_t owner = geteuid();
	int fd = -1;

	if (check_run_dir(o, &owner, err) < 0)
		fd = -1;
	else if (owner != geteuid())
		fd = connect_to(path, owner, err);
	else if ((fd = fd_connect(path, err)) < 0 && err->code == ERR_UNREACHABLE &&
	    mode != START_NEVER)
		fd = start_and_connect(o, mode, verbose, path, err);
	free(path);
	return fd;
}
