/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/host_ask.h"

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
#include "base/log.h"
#include "base/mem.h"
#include "wire/frame.h"
#include "wire/json.h"

extern char **environ;

/*
 * The program "breakglass" that belongs to this one: new string.  A build tree has it
 * beside its other programs (libexec_dir); an installed one where it was installed to.
 */
static char *
program_path(const struct options *o)
{
	char *path =
	    o->libexec_dir[0] ? mem_printf("%s/breakglass", o->libexec_dir) : NULL;

	if (path && access(path, X_OK) == 0)
		return path;
	free(path);
	return mem_dup(BG_BINDIR "/breakglass");
}

/* What the host's program printed stands in the data of output facts. */
static bool
on_line(char *line, size_t len, void *arg)
{
	struct err err;
	struct js *m = js_parse(line, len, &err);

	if (m && js_is(m, "t", "output") && js_is(m, "stream", "out") &&
	    js_bytes(m, "data", arg) < 0)
		LOG("verify", "more than %d bytes of a status: left out", HOST_ASK_MAX);
	js_free(m);
	return true;
}

static int
spawn_status(const char *program, int out, pid_t *pid, struct err *err)
{
	char *argv[4] = {mem_dup(program), mem_dup("status"), mem_dup("--json"), NULL};
	posix_spawn_file_actions_t fa;
	int rc;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, out, 1);
	rc = posix_spawn(pid, program, &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	for (int i = 0; i < 3; i++)
		free(argv[i]);
	return rc ? err_sys(err, rc, "start %s", program) : 0;
}

static int
read_all(int fd, struct buf *out, struct err *err)
{
	int64_t until = clock_mono_ms() + HOST_ASK_MS;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct frame f;
	char data[16384];
	ssize_t n = -1;

	frame_init(&f, FRAME_LINE_MAX);
	for (;;) {
		int64_t left = until - clock_mono_ms();

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			break;
		n = read(fd, data, sizeof data);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		frame_feed(&f, data, (size_t)n, on_line, out);
		n = -1;
	}
	frame_fini(&f);
	return n == 0 ? 0 : err_set(err, ERR_UNREACHABLE, "the host does not answer");
}

static int
wait_status(pid_t pid, struct err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, errno, "wait for breakglass status");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, ERR_UNREACHABLE,
		    "breakglass status failed (%s %d): see its words above",
		    WIFEXITED(status) ? "exit" : "signal",
		    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return 0;
}

int
host_ask(const struct options *o, struct buf *out, struct err *err)
{
	char *program = program_path(o);
	int fds[2], rc = -1;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		err_sys(err, errno, "make a pipe");
		goto out;
	}
	rc = spawn_status(program, fds[1], &pid, err);
	close(fds[1]);
	if (rc == 0) {
		rc = read_all(fds[0], out, err);
		if (rc < 0)
			kill(pid, SIGTERM);
		if (rc < 0)
			waitpid(pid, NULL, 0);
		else
			rc = wait_status(pid, err);
	}
	close(fds[0]);
out:
	free(program);
	return rc;
}
