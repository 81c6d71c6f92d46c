/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/linear.h"

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
#include "console/action.h"
#include "console/again.h"
#include "console/confirm_text.h"
#include "console/layout.h"
#include "console/lines.h"
#include "console/link.h"
#include "console/said.h"
#include "console/tty.h"
#include "console/view_detail.h"
#include "console/view_who.h"
#include "wire/frame.h"
#include "wire/messages.h"
#include "wire/verbs.h"

#define TAIL 200 /* records that an attach is told */

struct linear {
	uv_loop_t loop;
	uv_poll_t poll;
	uv_signal_t sigint, sigterm, sighup;
	uv_idle_t printer;
	struct link *link;
	struct screen screen;
	struct action_context ctx;
	struct frame input;
	struct said said;
	bool stop, dirty;
	bool told;	/* that there is something older */
	int64_t oldest; /* seq of the first record that was told; 0: none */
	int code, fd;
};

static void on_printer(uv_idle_t *idle);

static void
say(const char *text)
{
	said_line("", text, strlen(text));
}

static void
on_printer(uv_idle_t *idle)
{
	struct linear *n = idle->data;

	uv_idle_stop(idle);
	said_news(&n->said, &n->screen);
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
static void
say_older(struct linear *n)
{
	char text[160];

	snprintf(text, sizeof text,
	    "%lld older records: \"breakglass replay --linear %.40s\" reads them out.",
	    (long long)(n->oldest > 1 ? n->oldest - 1 : 0), n->screen.model.incident.id);
	say(text);
}

static void
on_fact(void *arg, const struct js *fact)
{
	struct linear *n = arg;
	unsigned what = model_apply(&n->screen.model, fact, clock_mono_ms());

	if (what & MODEL_RESET) {
		screen_reset(&n->screen);
		memset(&n->said, 0, sizeof n->said);
		n->oldest = 0;
		link_since(n->link, 0);
		link_restart(n->link);
		return;
	}
	if (n->oldest == 0)
		n->oldest = n->screen.model.incident.last;
	if (js_is(fact, "t", "caught_up") && n->oldest > 1 && !n->told)
		say_older(n);
	n->told |= js_is(fact, "t", "caught_up");
	link_since(n->link, n->screen.model.incident.last);
	action_people_news(&n->ctx);
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
	if (state == LINK_OTHER)
		stop(n, AGAIN_EXIT);
	n->screen.link_up = state == LINK_UP;
	snprintf(n->screen.link_words, sizeof n->screen.link_words, "%s", words);
	if (state == LINK_UP && !was)
		say("Connected to the engine.");
	else if (state != LINK_UP && (was || first))
		said_line("ENGINE: ", words, strlen(words));
	fflush(stdout);
}

static int
on_send(void *arg, struct js *request, struct err *err)
{
	struct linear *n = arg;

	return link_send(n->link, request, err);
}

/* --- input --- */

static void
ask_confirm(struct linear *n)
{
	const struct confirm *k = &n->screen.confirm;
	struct lines l;

	if (k->what == CONFIRM_VERB)
		printf("%s VM 102?\n", verb_rows[k->verb].name);
	else
		printf("New host key of %s?\n", vm_host_names[k->host]);
	lines_init(&l, SAID_COLS);
	confirm_text(
	    &l, k, &n->screen.model, model_now(&n->screen.model, clock_mono_ms()), 0);
	said_lines(&l);
	lines_fini(&l);
	printf("Type %s and Enter; anything else: No.\n", k->word);
}

static void
confirm_line(struct linear *n, const char *line)
{
	struct confirm *k = &n->screen.confirm;
	struct input in = {.kind = INPUT_ENTER};

	n->screen.now = clock_mono_ms();
	if (strcmp(line, k->word) == 0)
		snprintf(k->typed, sizeof k->typed, "%s", line);
	else
		k->typed[0] = '\0';
	k->opened_ms = 0;
	action_confirm_key(&n->ctx, &in);
}

static void
ask_answer(struct linear *n)
{
	const struct ask *q = asks_by_id(&n->screen.model.asks, n->screen.ask.id);
	struct lines l;

	lines_init(&l, SAID_COLS);
	if (q)
		view_ask_render(&l, q, model_now(&n->screen.model, clock_mono_ms()), 0);
	said_lines(&l);
	lines_fini(&l);
	printf("Type y to let it or n to refuse it, and Enter; anything else: later.\n");
}

static void
answer_line(struct linear *n, const char *line)
{
	struct input in = {.kind = INPUT_ESC};

	n->screen.now = clock_mono_ms();
	n->screen.ask.opened_ms = 0;
	if (strcmp(line, "y") == 0 || strcmp(line, "n") == 0) {
		in.kind = INPUT_CHAR;
		in.text[0] = line[0];
	}
	action_ask_key(&n->ctx, &in);
}

static void
print_help(void)
{
	for (size_t i = 0; i < keymap_count; i++) {
		const struct keymap_row *r = &keymap_rows[i];
		int verb = keymap_verb(r->action);

		if (r->slash && r->action != ACTION_ZOOM && r->action != ACTION_FOLD &&
		    r->action != ACTION_FOCUS)
			printf("/%s%s%s: %s\n", r->slash, r->args ? " " : "",
			    r->args ? r->args : "",
			    verb >= 0 ? verb_rows[verb].does : r->help);
	}
}

static void
print_who(struct linear *n)
{
	struct lines l;

	lines_init(&l, SAID_COLS);
	view_who_render(&l, &n->screen.model.incident);
	said_lines(&l);
	lines_fini(&l);
}

static void
print_verdict(struct linear *n)
{
	struct lines l;

	lines_init(&l, SAID_COLS);
	view_detail_render(
	    &l, &n->screen.model, model_now(&n->screen.model, clock_mono_ms()), false);
	said_lines(&l);
	lines_fini(&l);
}

static bool
on_input_line(char *line, size_t len, void *arg)
{
	struct linear *n = arg;

	if (len > 0 && line[len - 1] == '\r')
		line[--len] = '\0';
	if (strlen(line) != len || !text_is_utf8(line, len)) {
		say("That line is no text (a NUL or bytes that are no UTF-8); not sent.");
		return true;
	}
	if (n->screen.confirm.open)
		confirm_line(n, line);
	else if (n->screen.ask.open)
		answer_line(n, line);
	else if (strcmp(line, "/help") == 0)
		print_help();
	else if (strcmp(line, "/verdict") == 0)
		print_verdict(n);
	else if (strcmp(line, "/who") == 0)
		print_who(n);
	else if (len > WIRE_PROMPT_MAX)
		say("That line is over 64 KiB; not sent.");
	else
		action_line(&n->ctx, line);
	if (n->ctx.shell) {
		n->ctx.shell = n->ctx.opened = false;
		say("A shell needs a terminal that moves its cursor, and no --linear: ssh to "
		    "the devvm from another terminal, or ask the agent.");
	}
	if (n->ctx.older)
		say_older(n);
	if (n->ctx.not_found[0])
		say("Not found above.");
	n->ctx.older = false;
	n->ctx.not_found[0] = '\0';
	if (n->ctx.opened && n->screen.ask.open)
		ask_answer(n);
	else if (n->ctx.opened)
		ask_confirm(n);
	n->ctx.opened = false;
	if (n->ctx.quit)
		n->stop = true;
	dirty(n);
	return !n->stop;
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
	if (got > 0)
		frame_feed(&n->input, chunk, (size_t)got, on_input_line, n);
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
	if (isatty(STDIN_FILENO))
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
	printf(
	    "Type what is wrong and Enter, or /status, /forensics, /cycle, /help, /detach.\n");
	fflush(stdout);
	uv_loop_init(&n->loop);
	screen_init(&n->screen);
	n->screen.read_only = opts->read_only;
	n->screen.now = clock_mono_ms();
	n->ctx = (struct action_context){.screen = &n->screen, .send = on_send, .arg = n};
	frame_init(&n->input, 2 * WIRE_PROMPT_MAX);
	uv_idle_init(&n->loop, &n->printer);
	n->printer.data = n;
	n->link = make_link(n, opts);
	watch_signal(n, &n->sigint, SIGINT, on_sigint);
	watch_signal(n, &n->sigterm, SIGTERM, on_signal);
	watch_signal(n, &n->sighup, SIGHUP, on_signal);
	if (open_input(n) == 0) {
		n->poll.data = n;
		uv_poll_start(&n->poll, UV_READABLE, on_readable);
		uv_run(&n->loop, UV_RUN_DEFAULT);
	} else {
		say("Input must be a terminal or a pipe.");
		n->code = 1;
	}
	link_free(n->link);
	uv_run(&n->loop, UV_RUN_NOWAIT);
	uv_walk(&n->loop, close_one, NULL);
	uv_run(&n->loop, UV_RUN_DEFAULT);
	uv_loop_close(&n->loop);
	frame_fini(&n->input);
	screen_fini(&n->screen);
	code = n->code == AGAIN_EXIT ? again(opts->argv, n->screen.link_words) : n->code;
	free(n);
	return code;
}
