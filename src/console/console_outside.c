/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * console_outside.c: text that leaves the screen: to a clipboard, to the pager, in
 * print.  Everything that clip.h left to who owns the terminal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/console_int.h"
#include "console/term/feed.h"

#define TMUX_MS 3000 /* tmux answers, or is not waited for */

bool
console_is_away(const struct console *c)
{
	return c->shell.on || outside_state(c->outside) != OUTSIDE_NOT;
}

static void
on_back(void *arg, const char *words)
{
	struct console *c = arg;

	if (words)
		clip_say(&c->ctx, true, words);
	console_back(c);
}

/* The sequence goes between two pictures, and moves nothing in them. */
static void
send_copy(struct console *c)
{
	struct buf sequence;

	buf_init(&sequence, OSC52_FRAME_MAX);
	if (osc52_frame(
		c->clip.path, buf_str(&c->clip.text), c->clip.text.len, &sequence) == 0) {
		tty_pass(c->tty, sequence.data, sequence.len);
		console_flush(c);
	}
	buf_fini(&sequence);
}

static void to_tmux(struct console *c);
static void look_back(struct console *c);

static void
on_tmux(void *arg, int exit, int64_t ms)
{
	struct console *c = arg;
	char text[400];

	c->tmux = NULL;
	if (c->clip.job != CLIP_NOTHING) { /* another text is wanted by now */
		console_clip(c);
		return;
	}
	if (exit > 0 && c->tmux_old++ == 0) { /* one that does not know -w */
		to_tmux(c);
		return;
	}
	if (exit == 0) {
		snprintf(text, sizeof text,
		    "Copied %s: into tmux's buffer (prefix ] pastes it)%s.", c->clip.what,
		    c->tmux_old ? ""
				: ", and by tmux to your terminal's clipboard where "
				  "that takes it. If it is empty there: /copy print or "
				  "/copy file");
		clip_say(&c->ctx, false, text);
	} else if (c->clip.text.len > OSC52_TEXT_MAX) {
		clip_again(&c->ctx, CLIP_FILE); /* too long for the other way */
	} else if (console_is_away(c)) {
		c->clip.job = CLIP_SHOW; /* when the terminal is ours again */
	} else {
		clip_say_sent(&c->ctx);
		send_copy(c);
	}
	c->dirty = true;
	console_arm(c);
	look_back(c);
}

static void
to_tmux(struct console *c)
{
	static char tmux[] = "tmux", load[] = "load-buffer", out[] = "-w", in[] = "-";
	static char *now[] = {tmux, load, out, in, NULL};
	static char *old[] = {tmux, load, in, NULL};
	struct feed_opts opts = {.argv = c->tmux_old ? old : now,
	    .text = buf_str(&c->clip.text),
	    .len = c->clip.text.len,
	    .limit_ms = TMUX_MS};

	c->tmux = feed_start(&c->loop, &opts, on_tmux, c);
	if (!c->tmux)
		on_tmux(c, -1, 0);
}

/* An earlier incident has the terminal for a while; this one goes on. */
static void
look_back(struct console *c)
{
	static char word[] = "replay";
	char *argv[] = {c->program, word, c->ctx.replay, NULL};

	if (!c->ctx.replay[0] || console_is_away(c))
		return;
	if (c->program) {
		outside_run(c->outside, argv);
		console_flush(c);
		console_watch(c);
	} else {
		clip_say(&c->ctx, true,
		    "No replay: this console does not know where breakglass is.");
	}
	c->ctx.replay[0] = '\0';
}

void
console_clip(struct console *c)
{
	enum clip_job job = c->clip.job;
	const char *text = buf_str(&c->clip.text);

	/* The terminal is somebody else's, or will be at once; or tmux has the text
	 * before this one: done when it is over. */
	if (console_is_away(c) || c->shell.asked_ms || c->tmux)
		return;
	c->clip.job = CLIP_NOTHING;
	look_back(c);
	if (job == CLIP_NOTHING)
		return;
	if (job == CLIP_SEND && c->clip.tmux) {
		c->tmux_old = 0;
		to_tmux(c);
	} else if (job == CLIP_SEND) {
		send_copy(c);
	} else if (job == CLIP_SHOW) {
		outside_print(c->outside, text, c->clip.text.len);
	} else {
		outside_page(c->outside, text, c->clip.text.len);
	}
	console_flush(c);
	console_watch(c);
}

void
console_outside_start(struct console *c, const struct console_opts *opts)
{
	const char *slash = opts->replay ? strrchr(opts->replay, '/') : NULL;

	c->clip_dir = opts->sessions ? mem_printf("%s/incidents", opts->sessions)
	    : slash ? mem_dupn(opts->replay, (size_t)(slash - opts->replay))
		    : NULL;
	clip_init(&c->clip, opts->copy, c->clip_dir);
	c->outside = outside_new(&c->loop, c->tty, opts->pager, on_back, c);
	c->ctx.clip = &c->clip;
	c->program = opts->starter ? mem_dup(opts->starter) : NULL;
	c->screen.earlier.sessions = opts->sessions;
}

void
console_outside_end(struct console *c)
{
	if (c->tmux)
		feed_cancel(c->tmux);
	outside_free(c->outside);
	clip_fini(&c->clip);
	free(c->clip_dir);
	free(c->program);
}
