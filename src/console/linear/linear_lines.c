/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * linear_lines.c: what a line means that comes in, and what is said in answer to it.
 *
 * A question that is open takes the line; then the choices by their numbers, then the
 * commands of this mode, then all that a prompt of the screen takes.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>

#include "base/clock.h"
#include "base/text.h"
#include "console/view/confirm_text.h"
#include "console/view/help_text.h"
#include "console/action/keymap.h"
#include "console/action/run_text.h"
#include "console/linear/linear_int.h"
#include "console/view/view_detail.h"
#include "console/view/view_screen.h"
#include "console/view/view_who.h"
#include "wire/messages.h"
#include "wire/verbs.h"

#define LATE_MS 10000 /* after a question's end a lone y or n was meant for it */

static int64_t
engine_now(const struct linear *n)
{
	return model_now(&n->screen.model, n->screen.now);
}

/* --- questions --- */

/* What a person typed before the question could be read is no answer to it. */
static void
drop_typed(struct linear *n)
{
	if (n->typed)
		tcflush(n->fd, TCIFLUSH);
}

static bool
is_too_soon(const struct linear *n, int64_t opened_ms)
{
	return n->typed && n->screen.now - opened_ms < CONFIRM_DEAF_MS;
}

static void
say_word(const struct confirm *k)
{
	char text[96];

	snprintf(text, sizeof text, "Type %s and Enter; anything else: No.", k->word);
	linear_say(text);
}

static void
ask_confirm(struct linear *n)
{
	const struct confirm *k = &n->screen.confirm;
	struct lines l;
	char text[64];

	said_keep(true);
	if (k->what == CONFIRM_KEY)
		snprintf(
		    text, sizeof text, "New host key of %s?", vm_host_names[k->host]);
	else
		snprintf(text, sizeof text,
		    k->second ? "%s VM 102, anyway?" : "%s VM 102?",
		    verb_rows[k->verb].name);
	linear_say(text);
	lines_init(&l, SAID_COLS);
	confirm_text(&l, k, &n->screen.model, engine_now(n), 0);
	said_lines(&l);
	lines_fini(&l);
	say_word(k);
	said_keep(false);
	drop_typed(n);
}

static void
confirm_line(struct linear *n, const char *line)
{
	struct confirm *k = &n->screen.confirm;
	struct input in = {.kind = INPUT_ENTER};
	bool is_word = strcasecmp(line, k->word) == 0;

	if (is_too_soon(n, k->opened_ms)) {
		linear_say("Too soon: that was typed before the question could be read.");
		say_word(k);
		return;
	}
	memset(k->typed, 0, sizeof k->typed);
	if (is_word) {
		snprintf(k->typed, sizeof k->typed, "%s", line);
		if (!k->word[1]) /* on the screen one letter is its own Enter */
			in = (struct input){.kind = INPUT_CHAR, .text = {k->word[0]}};
		if (!k->word[1])
			k->typed[0] = '\0';
	}
	k->opened_ms = n->screen.now - CONFIRM_DEAF_MS;
	n->offer = !is_word;
	action_confirm_key(&n->ctx, &in);
}

void
linear_news(struct linear *n)
{
	if (ask_box_news(&n->screen.ask, &n->screen.model.asks)) {
		linear_say("That question is over: somebody has answered it, or its time "
			   "has run out.");
		n->over_ms = n->screen.now;
		n->offer = true;
	}
	if (action_confirm_news(&n->ctx))
		ask_confirm(n);
	action_people_news(&n->ctx);
}

static void
ask_answer(struct linear *n)
{
	const struct ask *q = asks_by_id(&n->screen.model.asks, n->screen.ask.id);
	struct lines l;

	said_keep(true);
	lines_init(&l, SAID_COLS);
	if (q)
		view_ask_render(&l, q, engine_now(n), 0);
	said_lines(&l);
	lines_fini(&l);
	linear_say(
	    "Type y to let it or n to refuse it, and Enter; anything else: later.");
	said_keep(false);
	drop_typed(n);
}

static bool
is_answer(const char *line)
{
	return line[0] && strchr("yYnN", line[0]) && !line[1];
}

/* To a question that was over before the line came: the agent would take it for a yes. */
static bool
is_too_late(const struct linear *n, const char *line)
{
	return n->over_ms > 0 && n->screen.now - n->over_ms < LATE_MS && is_answer(line);
}

static void
answer_line(struct linear *n, const char *line)
{
	struct input in = {.kind = INPUT_ESC};

	if (is_too_soon(n, n->screen.ask.opened_ms)) {
		linear_say("Too soon: that was typed before the question could be read. "
			   "Type y or n and Enter.");
		return;
	}
	n->screen.ask.opened_ms = n->screen.now - CONFIRM_DEAF_MS;
	if (is_answer(line)) {
		in.kind = INPUT_CHAR;
		in.text[0] = line[0];
	}
	n->offer = true;
	action_ask_key(&n->ctx, &in);
}

/* --- choices --- */

/* In the middle of a verb there is nothing to choose; a hung VM need not be looked at
 * longer to know what helps. */
static bool
may_choose(const struct screen *s)
{
	const struct model *m = &s->model;

	return m->incident.caught_up && s->link_up && !s->confirm.open && !s->ask.open &&
	    !m->vm.slot.holder[0] && !proof_is_climbing(&m->vm.proof) &&
	    !(m->verdict.climbing && verdict_advice(&m->verdict) < 0);
}

void
linear_offer(struct linear *n)
{
	struct choices now;
	char words[sizeof n->offered], text[sizeof n->offered + 128];

	if (!may_choose(&n->screen))
		return;
	choices_make(&now, &n->screen);
	choices_say(&now, words, sizeof words);
	if (strcmp(words, n->offered) == 0 && !n->offer && !n->said.turned)
		return;
	n->choices = now;
	n->offer = n->said.turned = false;
	snprintf(n->offered, sizeof n->offered, "%s", words);
	snprintf(text, sizeof text, "Choose: %s.%s", words,
	    n->taught ? "" : " A number and Enter does it; Enter alone says this again.");
	n->taught = true;
	linear_say(text);
}

static bool
is_number(const char *line)
{
	return line[0] && strspn(line, "0123456789") == strlen(line);
}

/* --- commands of this mode --- */

static void
help_all(void)
{
	char text[512];

	for (size_t i = 0; i < keymap_count; i++) {
		const struct keymap_row *r = &keymap_rows[i];
		int verb = keymap_verb(r->action);

		if (!r->slash || !keymap_is_linear(r->action))
			continue;
		snprintf(text, sizeof text, "/%s%s%s: %s.", r->slash, r->args ? " " : "",
		    r->args ? r->args : "", verb >= 0 ? verb_rows[verb].does : r->help);
		linear_say(text);
	}
}

static void
help_short(void)
{
	char text[512];

	linear_say("Enter alone says what can be chosen; a number and Enter chooses it.");
	for (int v = 0; v < VERBS; v++) {
		snprintf(
		    text, sizeof text, "/%s: %s.", verb_rows[v].name, verb_rows[v].does);
		linear_say(text);
	}
	linear_say("/state: how it stands, in sentences.");
	linear_say("/again: the last thing that mattered, once more.");
	linear_say("/view RUN: all output of a run, as in /view r12.");
	linear_say("/verdict: what is wrong, why, and what not to do.");
	linear_say("/screen: the guest's screen, as it was captured last.");
	linear_say("/detach: leave; everything goes on.");
	linear_say("Any other line goes to the agent; /cancel stops it.");
	linear_say("/help all: every command. /cold: when the PVE host is silent, too.");
}

static void
say_topic(const char *topic)
{
	struct lines l;

	lines_init(&l, SAID_COLS);
	if (help_topic(&l, topic))
		said_lines(&l);
	else
		help_short();
	lines_fini(&l);
}

static void
say_who(struct linear *n)
{
	struct lines l;

	lines_init(&l, SAID_COLS);
	view_who_render(&l, &n->screen.model.incident);
	said_lines(&l);
	lines_fini(&l);
}

static void
say_verdict(struct linear *n)
{
	struct lines l;

	lines_init(&l, SAID_COLS);
	view_detail_render(&l, &n->screen.model, engine_now(n), false);
	said_lines(&l);
	lines_fini(&l);
}

static void
say_screen(struct linear *n)
{
	struct lines l;

	lines_init(&l, SAID_COLS);
	view_screen_render(&l, &n->screen.model.screen, engine_now(n));
	said_lines(&l);
	lines_fini(&l);
}

/* What this console has not got is read from the engine's journal. */
static void
view_run(struct linear *n, const char *id)
{
	const struct tail_run *r = tail_by_id(&n->screen.model.tools, id);
	char text[160];

	if (!r) {
		snprintf(text, sizeof text,
		    "There is no run %.16s here. Its number stands in front of its output, as "
		    "in [r12].",
		    id);
		linear_say(text);
	} else if (said_is_here(r) || !n->screen.link_up) {
		said_whole_run(r);
	} else {
		run_text_start(&n->ctx, r->id, RUN_TEXT_VIEW);
		snprintf(
		    text, sizeof text, "[%s] All of it is read from the journal.", r->id);
		if (n->screen.run_text)
			linear_say(text);
		linear_say_text(n);
	}
}

void
linear_say_text(struct linear *n)
{
	struct clip *k = &n->clip;

	if (k->job == CLIP_PAGE)
		said_text(k->what, buf_str(&k->text), k->text.len);
	k->job = CLIP_NOTHING;
}

/* "/view r12": what follows the word, or NULL where it is another one. */
static const char *
after(const char *line, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(line, word, len) != 0 || (line[len] && line[len] != ' '))
		return NULL;
	return line + len + strspn(line + len, " ");
}

/* False: none of these. */
static bool
run_own(struct linear *n, const char *line)
{
	const char *rest;

	if ((rest = after(line, "/help")))
		strcmp(rest, "all") == 0 ? help_all() : say_topic(rest);
	else if (after(line, "/cold"))
		say_topic("cold");
	else if (after(line, "/again"))
		said_again();
	else if (after(line, "/state"))
		said_state(&n->screen);
	else if ((rest = after(line, "/view")) || (rest = after(line, "/open")))
		view_run(n, rest);
	else if (after(line, "/verdict"))
		say_verdict(n);
	else if (after(line, "/screen"))
		say_screen(n);
	else if (after(line, "/who"))
		say_who(n);
	else
		return false;
	return true;
}

/* What moves panes has nothing to move here. */
static bool
is_of_the_screen(const char *line)
{
	const char *args;
	enum action action = keymap_slash(line, &args);
	char text[96];

	if (action == ACTION_NONE || action == ACTION_SHELL || keymap_is_linear(action))
		return false;
	snprintf(text, sizeof text, "%.32s is of the screen; here all lines stay.", line);
	linear_say(action == ACTION_REPLAY
		? "In another terminal \"breakglass replay --linear\" reads an incident out."
		: text);
	return true;
}

static void
command_line(struct linear *n, const char *line)
{
	const char *choice = choices_pick(&n->choices, line);
	char text[96];

	if (choice)
		line = choice;
	if (is_number(line)) {
		snprintf(text, sizeof text,
		    "There is no choice %.8s. (To send it to the agent, put a blank in front.)",
		    line);
		linear_say(text);
		n->offer = true;
	} else if (!run_own(n, line) && !is_of_the_screen(line)) {
		action_line(&n->ctx, line);
	}
	if (!line[0] && !n->ctx.opened)
		n->offer = true;
}

static void
after_action(struct linear *n)
{
	struct action_context *a = &n->ctx;

	if (a->shell) {
		a->shell = a->opened = false;
		linear_say(
		    "A shell needs a terminal that moves its cursor, and no --linear: "
		    "ssh to the devvm from another terminal, or ask the agent.");
	}
	if (a->older)
		linear_say_older(n);
	a->older = false;
	if (a->opened && n->screen.ask.open)
		ask_answer(n);
	else if (a->opened && n->screen.confirm.open)
		ask_confirm(n);
	a->opened = false;
}

void
linear_line(struct linear *n, const char *line)
{
	n->screen.now = clock_mono_ms();
	if (n->screen.confirm.open)
		confirm_line(n, line);
	else if (n->screen.ask.open)
		answer_line(n, line);
	else if (is_too_late(n, line))
		linear_say("Too late: the question was over. Nothing was sent.");
	else if (strlen(line) > WIRE_PROMPT_MAX)
		linear_say("That line is over 64 KiB; not sent.");
	else
		command_line(n, line);
	after_action(n);
}
