/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/prompt/typing.h"

#include <string.h>

#include "base/clock.h"
#include "console/prompt/prompt.h"
#include "console/action/run_text.h"

#define PASTE_DEAF_MS 200 /* F-keys right after a paste are part of it */
#define ESC_ARMED_MS 4000 /* Esc, then the digit */
#define SPILL_MS 600	  /* what is typed on after a letter closed a box */

static void
paste(struct typing *t, const struct input *in)
{
	t->pasted = t->screen->now;
	if (in->cut || !prompt_insert(in->paste, in->paste_len))
		model_local(&t->screen->model, TONE_BAD,
		    "That text is over 64 KiB, the most a prompt may have: nothing of it was taken.");
}

static bool
is_scroll(const struct input *in)
{
	return in->kind == INPUT_PGUP || in->kind == INPUT_PGDN;
}

static void
page_key(struct typing *t, const struct input *in)
{
	struct screen *s = t->screen;

	if (view_help_key(s, in))
		return;
	if (is_scroll(in))
		layout_scroll(s, in->kind == INPUT_PGUP ? -10 : 10);
	else if (in->kind == INPUT_UP || in->kind == INPUT_DOWN)
		layout_scroll(s, in->kind == INPUT_UP ? -1 : 1);
	else
		s->page = PAGE_NONE;
	/* "Esc 7" is read on a page, too: the first half closes it. */
	s->esc_armed = in->kind == INPUT_ESC;
	t->esc_at = s->now;
}

/* Esc, then a digit: only where a digit would not be text that somebody types. */
static bool
twin(struct typing *t, const struct input *in)
{
	bool armed = t->screen->esc_armed && t->screen->now - t->esc_at < ESC_ARMED_MS;

	t->screen->esc_armed = false;
	if (!armed || in->kind != INPUT_CHAR || in->text[0] < '0' || in->text[0] > '9')
		return false;
	browse_again(t->screen);
	palette_close(t->screen);
	t->screen->few_keys = true; /* the key bar names the twins from now on */
	action_run(t->ctx, keymap_digit(in->text[0]), "");
	return true;
}

static bool
escape(struct typing *t, const struct input *in)
{
	if (in->kind != INPUT_ESC)
		return false;
	if (prompt_text()[0] && prompt_key(in)) /* vi: to the command mode */
		return true;
	t->screen->esc_armed = true;
	t->esc_at = t->screen->now;
	return true;
}

/* The action of a key here and now; ACTION_NONE: it is the line editor's. */
static enum action
action_of(const struct typing *t, const struct input *in, bool empty)
{
	enum action action = keymap_key(in);

	if (action == ACTION_NEWLINE)
		return ACTION_NONE;
	if (t->vi && in->kind == INPUT_ALT && !empty)
		return ACTION_NONE; /* Esc, then a count: vi's, not ours */
	if ((action == ACTION_FOCUS || action == ACTION_DETACH_IF_EMPTY) && !empty)
		return ACTION_NONE;
	return action == ACTION_DETACH_IF_EMPTY ? ACTION_DETACH : action;
}

static void
edit(struct typing *t, const struct input *in)
{
	bool empty = prompt_text()[0] == '\0';
	enum action action = action_of(t, in, empty);

	if (in->kind == INPUT_F && t->pasted &&
	    t->screen->now - t->pasted < PASTE_DEAF_MS)
		return;
	if (action != ACTION_NONE) {
		palette_close(t->screen);
		action_run(t->ctx, action, "");
		return;
	}
	prompt_key(in);
	palette_typed(t->screen, in, empty);
}

/* What is typed: a paste is text, whatever is in it. */
static void
type(struct typing *t, const struct input *in)
{
	if (in->kind == INPUT_PASTE) {
		paste(t, in);
		palette_typed(t->screen, in, false);
	} else if (!palette_key(t->screen, in) && !escape(t, in)) {
		edit(t, in);
	}
}

/* "yes" where a y was wanted: the rest of the word was meant for the box. */
static bool
is_spilt(struct typing *t, const struct input *in)
{
	bool rest = t->spilt && t->screen->now - t->spilt < SPILL_MS &&
	    (in->kind == INPUT_CHAR || in->kind == INPUT_ENTER ||
		in->kind == INPUT_BACKSPACE);

	t->spilt = rest && in->kind != INPUT_ENTER ? t->screen->now : 0;
	return rest;
}

void
typing_key(struct typing *t, const struct input *in)
{
	struct screen *s = t->screen;

	s->now = clock_mono_ms();
	if (keymap_key(in) == ACTION_KILL) { /* whatever is open: it asks nothing */
		action_run(t->ctx, ACTION_KILL, "");
		return;
	}
	if (t->ctx->opened) /* what was typed before the box opened is not an answer to it
			     */
		return;
	if (is_spilt(t, in))
		return;
	if (s->gate.open) {
		action_gate_key(t->ctx, in);
		return;
	}
	if (s->confirm.open) {
		action_confirm_key(t->ctx, in);
		if (!s->confirm.open && in->kind == INPUT_CHAR)
			t->spilt = s->now;
		return;
	}
	if (s->ask.open) {
		action_ask_key(t->ctx, in);
		return;
	}
	if (in->kind == INPUT_ESC) /* and it may begin a twin, too */
		run_text_cancel(t->ctx);
	if (twin(t, in))
		return;
	if (in->kind == INPUT_BACKTAB && s->palette.open && palette_key(s, in))
		return;
	if (browse_key(t->ctx, in)) {
		palette_close(s);
		s->esc_armed = in->kind == INPUT_ESC;
		t->esc_at = s->now;
		return;
	}
	if (s->page != PAGE_NONE && in->kind != INPUT_F && in->kind != INPUT_ALT) {
		page_key(t, in);
		return;
	}
	if (action_replay_key(t->ctx, in))
		return;
	type(t, in);
}
