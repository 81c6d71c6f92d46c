/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/term/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

#define CANCEL_MS 500

struct feed {
	uv_process_t child;
	uv_timer_t limit;
	int64_t began;
	int open; /* handles that are not closed yet */
	feed_done_fn *done;
	void *arg;
};

extern char **environ;

static bool
is_kept(const char *variable)
{
	static const char *const dropped[] = {
	    "LESS=", "LESSOPEN=", "LESSCLOSE=", "LESSKEY=", "LESSKEY_SYSTEM=",
	    "LESSKEYIN=", "LESSKEYIN_SYSTEM=", "LESSKEY_CONTENT=", "LESSEDIT=",
	    "LESSECHO=", "LESSMETACHARS=", "LESSSECURE=", "LESSSECURE_ALLOW=",
	    "LESSHISTFILE=", "LESSCHARDEF=", "MORE=", "NCURSES_NO_PADDING="};

	for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
		if (strncmp(variable, dropped[i], strlen(dropped[i])) == 0)
			return false;
	return true;
}

/* The strings are lent from the environment, but for that with TERM. */
static char **
environment(const char *term, char **own_term)
{
	static char secure[] = "LESSSECURE=1", history[] = "LESSHISTFILE=-",
		    charset[] = "LESSCHARSET=utf-8";
	size_t n = 0;
	char **env;

	while (environ[n])
		n++;
	env = mem_alloc((n + 5) * sizeof *env);
	n = 0;
	for (char **e = environ; *e; e++)
		if (is_kept(*e) && !(term && strncmp(*e, "TERM=", 5) == 0))
			env[n++] = *e;
	env[n++] = secure;
	env[n++] = history;
	env[n++] = charset;
	*own_term = term ? mem_printf("TERM=%s", term) : NULL;
	env[n++] = *own_term;
	return env;
}

/* A file without a name. */
static int
text_fd(const char *text, size_t len)
{
	int fd = fd_memory("breakglass-text");

	if (fd < 0)
		return -1;
	if (fd_write_all(fd, text, len) < 0) {
		close(fd);
		return -1;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void
on_closed(uv_handle_t *handle)
{
	struct feed *f = handle->data;

	if (--f->open == 0)
		free(f);
}

static void
close_all(struct feed *f)
{
	uv_close((uv_handle_t *)&f->child, on_closed);
	uv_close((uv_handle_t *)&f->limit, on_closed);
}

static void
on_exit_status(uv_process_t *child, int64_t status, int sig)
{
	struct feed *f = child->data;
	feed_done_fn *done = f->done;
	void *arg = f->arg;
	int64_t ms = clock_mono_ms() - f->began;

	LOG("feed", "ended: exit %lld, signal %d", (long long)status, sig);
	close_all(f);
	done(arg, sig ? -1 : (int)status, ms);
}

static void
on_limit(uv_timer_t *timer)
{
	struct feed *f = timer->data;

	uv_process_kill(&f->child, SIGKILL);
}

static int
spawn(struct feed *f, uv_loop_t *loop, const struct feed_opts *opts, int fd)
{
	uv_stdio_container_t stdio[3] = {{.flags = UV_INHERIT_FD, .data.fd = fd}};
	uv_process_options_t o = {.file = opts->argv[0],
	    .args = opts->argv,
	    .exit_cb = on_exit_status,
	    .stdio_count = 3,
	    .stdio = stdio};
	char *term;
	int rc;

	for (int i = 1; i < 3; i++) {
		stdio[i].flags = opts->screen ? UV_INHERIT_FD : UV_IGNORE;
		stdio[i].data.fd = STDOUT_FILENO;
	}
	o.env = environment(opts->term, &term);
	rc = uv_spawn(loop, &f->child, &o);
	LOG("feed", "%s: %s", opts->argv[0], rc < 0 ? uv_strerror(rc) : "started");
	free(o.env);
	free(term);
	return rc;
}

struct feed *
feed_start(uv_loop_t *loop, const struct feed_opts *opts, feed_done_fn *done, void *arg)
{
	int fd = opts->text ? text_fd(opts->text, opts->len)
			    : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	int rc;
	struct feed *f;

	if (fd < 0)
		return NULL;
	f = mem_alloc(sizeof *f);
	f->done = done;
	f->arg = arg;
	f->open = 2;
	f->began = clock_mono_ms();
	uv_timer_init(loop, &f->limit);
	f->limit.data = f;
	rc = spawn(f, loop, opts, fd);
	f->child.data = f;
	close(fd);
	if (rc < 0) {
		close_all(f);
		return NULL;
	}
	if (opts->limit_ms > 0)
		uv_timer_start(&f->limit, on_limit, (uint64_t)opts->limit_ms, 0);
	return f;
}

void
feed_cancel(struct feed *f)
{
	pid_t pid = f->child.pid;
	int64_t end = clock_mono_ms() + CANCEL_MS;

	close_all(f);
	kill(pid, SIGTERM);
	kill(pid, SIGCONT); /* it may have been stopped */
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (clock_mono_ms() > end)
			kill(pid, SIGKILL);
		if (clock_mono_ms() > end + CANCEL_MS)
			break; /* it hangs in the kernel; init will have it */
		poll(NULL, 0, 5);
	}
}
