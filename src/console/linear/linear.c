/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/linear/linear.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "console/action/action.h"
#include "console/again.h"
#include "console/link.h"
#include "console/linear/linear_int.h"
#include "console/action/run_text.h"
#include "console/linear/said.h"
#include "console/term/tty.h"
#include "wire/messages.h"

#define TAIL 200 /* records that an attach is told */

static void on_printer(uv_idle_t *idle);

#define STILL_MS 2000 /* how often it is looked whether something is to be said */

void
linear_say(const char *text)
{
	said_line("", text, strlen(text));
}

static void
on_printer(uv_idle_t *idle)
{
	struct linear *n = idle->data;

	uv_idle_stop(idle);
	n->screen.now = clock_mono_ms();
	said_news(&n->said, &n->screen);
	linear_offer(n);
	fflush(stdout);
}

static void
on_still(uv_timer_t *timer)
{
	struct linear *n = timer->data;

	n->screen.now = clock_mono_ms();
	if (!n->screen.confirm.open && !n->screen.ask.open)
		said_progress(&n->said, &n->screen);
	fflush(stdout);
}

static void
dirty(struct linear *n)
{
	uv_idle_start(&n->printer, on_printer);
}

static void
stop(struct linear *n, int code)
{
	n->code = code;
	n->stop = true;
	uv_stop(&n->loop);
}

/* --- the link --- */

/* A reader line by line is told the end; what is before it is not read out here. */
void
linear_say_older(struct linear *n)
{
	char text[160];

	snprintf(text, sizeof text,
	    "%lld older records: \"breakglass replay --linear %.40s\" reads them out.",
	    (long long)(n->oldest > 1 ? n->oldest - 1 : 0), n->screen.model.incident.id);
	linear_say(text);
}

static void
on_fact(void *arg, const struct js *fact)
{
	struct linear *n = arg;
	bool text = run_text_fact(&n->ctx, fact);
	unsigned what = text ? 0 : model_apply(&n->screen.model, fact, clock_mono_ms());

	if (text) {
		linear_say_text(n);
		dirty(n);
	}
	if (what & MODEL_RESET) {
		run_text_lost(&n->ctx);
		screen_reset(&n->screen);
		memset(&n->said, 0, sizeof n->said);
		n->said.bounded = true;
		n->oldest = 0;
		link_since(n->link, 0);
		link_restart(n->link);
		return;
	}
	if (n->oldest == 0)
		n->oldest = n->screen.model.incident.last;
	if (js_is(fact, "t", "caught_up") && n->oldest > 1 && !n->told)
		linear_say_older(n);
	n->told |= js_is(fact, "t", "caught_up");
	link_since(n->link, n->screen.model.incident.last);
	n->screen.now = clock_mono_ms();
	if (js_is(fact, "t", "welcome")) {
		n->screen.reader = js_bool(fact, "read_only", false);
		n->screen.read_only = n->wants_read || n->screen.reader;
	}
	linear_news(n);
	action_gate_fact(&n->ctx, fact);
	linear_gate(n);
	fflush(stdout);
	if (what)
		dirty(n);
}

static void
on_state(void *arg, enum link_state state, const char *words)
{
	struct linear *n = arg;
	bool was = n->screen.link_up, first = n->screen.link_words[0] == '\0';

	if (state == LINK_UP)
		model_attach(&n->screen.model);
	run_text_lost(&n->ctx);
	if (state != LINK_GATE && state != LINK_UP) {
		gate_box_close(&n->screen.gate);
		linear_gate(n);
	}
	n->denied = state == LINK_DENIED;
	if (state == LINK_OTHER || n->denied)
		stop(n, n->denied ? 77 : AGAIN_EXIT);
	n->screen.link_up = state == LINK_UP;
	snprintf(n->screen.link_words, sizeof n->screen.link_words, "%s", words);
	if (state == LINK_UP && !was)
		linear_say("Connected to the engine.");
	else if (state != LINK_UP && state != LINK_GATE && !n->denied && (was || first))
		said_line("ENGINE: ", words, strlen(words));
	fflush(stdout);
}

static int
on_unlock(void *arg, const char *name, const char *password, size_t len, struct err *err)
{
	struct linear *n = arg;

	return link_unlock(n->link, name, password, len, err);
}

static int
on_send(void *arg, struct js *request, struct err *err)
{
	struct linear *n = arg;

	return link_send(n->link, request, err);
}

/* --- input --- */

/* "1", "yes", whatever: somebody has said that he does not see the screen. */
bool
linear_is_wanted(void)
{
	const char *set = getenv("ACCESSIBLE");

	return set && set[0] && strcmp(set, "0") != 0;
}

static bool
on_input_line(char *line, size_t len, void *arg)
{
	struct linear *n = arg;

	if (len > 0 && line[len - 1] == '\r')
		line[--len] = '\0';
	if (strlen(line) != len || !text_is_utf8(line, len)) {
		linear_say(
		    "That line is no text (a NUL or bytes that are no UTF-8); not sent.");
		return true;
	}
	link_active(n->link);
	if (!linear_gate_line(n, line))
		linear_line(n, line);
	if (n->secret)
		explicit_bzero(line, len);
	linear_gate(n);
	if (n->ctx.quit)
		n->stop = true;
	dirty(n);
	return !n->stop;
}

/* An Enter alone is a line, too; a frame has none of these. */
static void
feed(struct linear *n, const char *chunk, size_t len)
{
	while (len > 0 && !n->stop) {
		const char *end = memchr(chunk, '\n', len);
		size_t take = end ? (size_t)(end - chunk) + 1 : len;
		char empty[1] = "";

		if (end && !n->begun && (take == 1 || (take == 2 && chunk[0] == '\r')))
			on_input_line(empty, 0, n);
		else
			frame_feed(&n->input, chunk, take, on_input_line, n);
		n->begun = !end;
		chunk += take;
		len -= take;
	}
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct linear *n = poll->data;
	char chunk[4096];
	ssize_t got = read(n->fd, chunk, sizeof chunk);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	n->screen.now = clock_mono_ms();
	n->secret = n->gate == LINEAR_PASSWORD;
	if (got > 0)
		feed(n, chunk, (size_t)got);
	if (n->secret)
		explicit_bzero(chunk, sizeof chunk);
	if (got <= 0 || n->stop)
		stop(n, 0);
}

static void
on_signal(uv_signal_t *sig, int signum)
{
	stop(sig->data, 128 + signum);
}

/* Ctrl-C is F8 here, too: it stops the agent and never quits. */
static void
on_sigint(uv_signal_t *sig, int signum)
{
	struct linear *n = sig->data;

	action_run(&n->ctx, ACTION_CANCEL, "");
	dirty(n);
}

/* A terminal is opened anew, so that its other readers stay as they were. */
static int
open_input(struct linear *n)
{
	n->fd = -1;
	n->typed = isatty(STDIN_FILENO);
	if (n->typed)
		n->fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (n->fd < 0)
		n->fd = STDIN_FILENO;
	return uv_poll_init(&n->loop, &n->poll, n->fd);
}

static void
watch_signal(struct linear *n, uv_signal_t *sig, int signum, uv_signal_cb cb)
{
	uv_signal_init(&n->loop, sig);
	sig->data = n;
	uv_signal_start(sig, cb, signum);
}

static void
close_one(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static struct link *
make_link(struct linear *n, const struct console_opts *opts)
{
	struct link_opts lo = {.socket_path = opts->socket_path,
	    .name = opts->name,
	    .role = "console",
	    .tty = ttyname(STDIN_FILENO),
	    .starter = opts->starter,
	    .read_only = opts->read_only,
	    .tail = TAIL,
	    .on_fact = on_fact,
	    .on_state = on_state,
	    .arg = n};

	return link_new(&n->loop, &lo);
}

int
linear_main(const struct console_opts *opts, const char *why)
{
	struct linear *n = mem_alloc(sizeof *n);
	int code;

	tty_utf8();
	if (why[0])
		printf("breakglass: %s: line by line then.\n", why);
	linear_say(
	    "breakglass, line by line. Type what is wrong and Enter, or a number of the "
	    "choices, or /help.");
	fflush(stdout);
	uv_loop_init(&n->loop);
	screen_init(&n->screen);
	n->screen.read_only = n->wants_read = opts->read_only;
	n->screen.linear = true;
	n->screen.now = clock_mono_ms();
	n->said.bounded = true;
	n->ctx = (struct action_context){
	    .screen = &n->screen, .send = on_send, .unlock = on_unlock, .arg = n};
	clip_init(&n->clip, "print", NULL);
	n->ctx.clip = &n->clip;
	frame_init(&n->input, 2 * WIRE_PROMPT_MAX);
	uv_idle_init(&n->loop, &n->printer);
	n->printer.data = n;
	uv_timer_init(&n->loop, &n->still);
	n->still.data = n;
	uv_timer_start(&n->still, on_still, STILL_MS, STILL_MS);
	n->link = make_link(n, opts);
	watch_signal(n, &n->sigint, SIGINT, on_sigint);
	watch_signal(n, &n->sigterm, SIGTERM, on_signal);
	watch_signal(n, &n->sighup, SIGHUP, on_signal);
	if (open_input(n) == 0) {
		n->poll.data = n;
		uv_poll_start(&n->poll, UV_READABLE, on_readable);
		uv_run(&n->loop, UV_RUN_DEFAULT);
	} else {
		linear_say("Input must be a terminal or a pipe.");
		n->code = 1;
	}
	gate_box_close(&n->screen.gate);
	linear_gate(n);
	if (n->denied)
		link_say_denied(n->screen.link_words);
	link_free(n->link);
	uv_run(&n->loop, UV_RUN_NOWAIT);
	uv_walk(&n->loop, close_one, NULL);
	uv_run(&n->loop, UV_RUN_DEFAULT);
	uv_loop_close(&n->loop);
	frame_fini(&n->input);
	clip_fini(&n->clip);
	screen_fini(&n->screen);
	code = n->code == AGAIN_EXIT ? again(opts->argv, n->screen.link_words) : n->code;
	free(n);
	return code;
}
