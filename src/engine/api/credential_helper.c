/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The helper command: a program that prints the key.
 *
 * It runs through the launcher, so it inherits nothing and leads a session that
 * can be killed whole.  What it prints is a secret until the contrary is known:
 * of its standard error only a last line is kept, with long words blotted out.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "engine/api/credential_int.h"

#define ARGS_MAX 64
#define COMPLAINT_MAX 256
#define BLOT_MIN 16 /* bytes; a word as long may be a part of a key */

struct helper {
	uv_process_t proc;
	uv_pipe_t out, err;
	uv_timer_t soon;
	credential_got_fn *fn; /* NULL: told, or dropped */
	void *arg;
	int open;
	int pid; /* 0: never ran, or reaped */
	bool out_ended, exited;
	int64_t status;
	int sig;
	char why[512];
	char complaint[COMPLAINT_MAX];
	size_t complaint_len;
	char chunk[4096];
	size_t len;
	char text[SECRET_MAX + 1]; /* wiped before it is freed */
};

static void
on_closed(uv_handle_t *handle)
{
	struct helper *h = handle->data;

	if (--h->open > 0)
		return;
	explicit_bzero(h, sizeof *h);
	free(h);
}

static void
helper_close(struct helper *h)
{
	uv_handle_t *all[] = {(uv_handle_t *)&h->proc, (uv_handle_t *)&h->out,
	    (uv_handle_t *)&h->err, (uv_handle_t *)&h->soon};

	h->fn = NULL;
	if (h->pid > 0 && kill(-h->pid, SIGKILL) < 0)
		kill(h->pid, SIGKILL);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		/* The process handle stays until its end, or nobody reaps it. */
		if (i == 0 && h->pid > 0)
			continue;
		if (!uv_is_closing(all[i]))
			uv_close(all[i], on_closed);
	}
}

static bool
is_token_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || strchr("_+=-/.", c);
}

/* Long words become stars: a program that fails may print the key it tried. */
static void
blot(char *s)
{
	while (*s) {
		size_t n = 0;

		while (s[n] && is_token_byte(s[n]))
			n++;
		if (n >= BLOT_MIN)
			memset(s, '*', n);
		s += n ? n : 1;
	}
}

/* The last line that it wrote on its standard error, for the words. */
static void
last_complaint(struct helper *h, char *out, size_t size)
{
	char *s = h->complaint, *lf;

	s[h->complaint_len] = '\0';
	while (h->complaint_len && strchr("\r\n", s[h->complaint_len - 1]))
		s[--h->complaint_len] = '\0';
	lf = strrchr(s, '\n');
	blot(lf ? lf + 1 : s);
	scrub_label(lf ? lf + 1 : s, strlen(lf ? lf + 1 : s), out, size);
}

static void
helper_tell(struct helper *h, struct secret *secret)
{
	struct credential_got got = {.secret = secret,
	    .why = h->why,
	    .todo = "run key_helper's command by hand, as this user"};
	credential_got_fn *fn = h->fn;

	h->fn = NULL;
	if (fn)
		fn(&got, h->arg);
	helper_close(h);
}

static void
helper_done(struct helper *h)
{
	char complaint[COMPLAINT_MAX];
	struct secret *secret = NULL;
	struct err err;

	if (!h->fn || !h->exited || !h->out_ended)
		return;
	last_complaint(h, complaint, sizeof complaint);
	if (h->sig)
		snprintf(
		    h->why, sizeof h->why, "the key helper ended by signal %d", h->sig);
	else if (h->status)
		snprintf(h->why, sizeof h->why, "the key helper failed (exit %d)%s%s",
		    (int)h->status, complaint[0] ? ": " : "", complaint);
	else if (h->text[strspn(h->text, " \t\r\n")] == '\0')
		snprintf(h->why, sizeof h->why, "the key helper printed nothing%s%s",
		    complaint[0] ? ": " : "", complaint);
	else if ((secret = secret_of_token(
		      h->text, h->len, "what the key helper printed", &err)) == NULL)
		snprintf(h->why, sizeof h->why, "%s", err.words);
	helper_tell(h, secret);
}

static void
on_exit_of(uv_process_t *proc, int64_t status, int sig)
{
	struct helper *h = proc->data;

	/* whatever it left behind has no use: its session ends with it */
	kill(-h->pid, SIGKILL);
	h->pid = 0;
	h->exited = true;
	h->status = status;
	h->sig = sig;
	if (!h->fn && !uv_is_closing((uv_handle_t *)proc))
		uv_close((uv_handle_t *)proc, on_closed);
	helper_done(h);
}

static void
on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	struct helper *h = handle->data;

	*buf = uv_buf_init(h->chunk, sizeof h->chunk);
}

static void
on_out(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct helper *h = stream->data;

	if (n < 0) {
		uv_read_stop(stream);
		h->out_ended = true;
		helper_done(h);
		return;
	}
	if (n > 0 && h->len + (size_t)n > SECRET_MAX) {
		snprintf(h->why, sizeof h->why,
		    "the key helper prints more than %d bytes: that is no key",
		    SECRET_MAX);
		helper_tell(h, NULL);
	} else if (n > 0) {
		memcpy(h->text + h->len, buf->base, (size_t)n);
		h->len += (size_t)n;
	}
	explicit_bzero(h->chunk, sizeof h->chunk);
}

static void
on_err(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct helper *h = stream->data;
	size_t room = sizeof h->complaint - 1;

	if (n < 0)
		uv_read_stop(stream);
	for (ssize_t i = 0; i < n; i++) {
		if (h->complaint_len == room) {
			memmove(h->complaint, h->complaint + room / 2, room - room / 2);
			h->complaint_len = room - room / 2;
		}
		h->complaint[h->complaint_len++] = buf->base[i];
	}
}

static void
on_soon(uv_timer_t *timer)
{
	helper_tell(timer->data, NULL);
}

/* The launcher, what it may know of our environment, and the command. */
static int
helper_argv(char **argv, const char *libexec, char *words)
{
	const char *names[] = {"PATH", "HOME"};
	int n = 0;

	argv[n++] = mem_printf("%s/launcher", *libexec ? libexec : BG_PKGLIBEXECDIR);
	argv[n++] = mem_dup("--parent");
	argv[n++] = mem_printf("%ld", (long)getpid());
	argv[n++] = mem_dup("--cwd");
	argv[n++] = mem_dup("/");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!getenv(names[i]))
			continue;
		argv[n++] = mem_dup("--env");
		argv[n++] = mem_printf("%s=%s", names[i], getenv(names[i]));
	}
	argv[n++] = mem_dup("--");
	for (char *s = strtok(words, " \t"); s && n < ARGS_MAX; s = strtok(NULL, " \t"))
		argv[n++] = mem_dup(s);
	argv[n] = NULL;
	return n;
}

static int
helper_spawn(struct helper *h, uv_loop_t *loop, const char *libexec, const char *command)
{
	uv_stdio_container_t io[3] = {{.flags = UV_IGNORE},
	    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		.data.stream = (uv_stream_t *)&h->out},
	    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		.data.stream = (uv_stream_t *)&h->err}};
	uv_process_options_t o = {.exit_cb = on_exit_of, .stdio = io, .stdio_count = 3};
	char *argv[ARGS_MAX + 1], *words = mem_dup(command);
	int n = helper_argv(argv, libexec, words), rc;

	o.file = argv[0];
	o.args = argv;
	rc = uv_spawn(loop, &h->proc, &o);
	if (rc < 0)
		snprintf(h->why, sizeof h->why,
		    "the key helper cannot be started: %s: %s", argv[0], uv_strerror(rc));
	for (int i = 0; i < n; i++)
		free(argv[i]);
	free(words);
	return rc;
}

struct helper *
helper_start(uv_loop_t *loop, const char *libexec, const char *command,
    credential_got_fn *fn, void *arg)
{
	struct helper *h = mem_alloc(sizeof *h);

	h->fn = fn;
	h->arg = arg;
	h->open = 4;
	h->proc.data = h->out.data = h->err.data = h->soon.data = h;
	uv_pipe_init(loop, &h->out, 0);
	uv_pipe_init(loop, &h->err, 0);
	uv_timer_init(loop, &h->soon);
	if (helper_spawn(h, loop, libexec, command) < 0) {
		uv_timer_start(&h->soon, on_soon, 0, 0);
		return h;
	}
	h->pid = h->proc.pid;
	LOG("credential", "key helper runs as %d", h->pid);
	uv_read_start((uv_stream_t *)&h->out, on_alloc, on_out);
	uv_read_start((uv_stream_t *)&h->err, on_alloc, on_err);
	return h;
}

void
helper_drop(struct helper *h)
{
	if (h)
		helper_close(h);
}
