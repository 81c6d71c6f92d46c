/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/help_text.h"

#include <stdio.h>
#include <string.h>

#include "console/action/keymap.h"
#include "console/replay/replay_keys.h"
#include "wire/verbs.h"

#define NARROW_COLS 60 /* below this, less room for the names of keys */
#define BESIDE_COLS 72 /* from here reset and cycle stand side by side */
#define ACTIONS_MAX 10

const char *const help_page_names[HELP_PAGES] = {
    "here", "verbs", "all keys", "cold case"};

/* --- building blocks --- */

static void
title(struct lines *l, const char *text)
{
	l->indent[0] = '\0';
	if (l->count > 0)
		lines_break(l);
	lines_str(l, LOOK_HEADING, text);
	lines_break(l);
}

static void
say(struct lines *l, uint32_t look, const char *text)
{
	l->indent[0] = '\0';
	lines_str(l, look, text);
	lines_break(l);
}

/* "Ctrl-T    read, find": the name of a key, and what it does. */
static void
key_row(struct lines *l, const char *name, int cols, const char *text)
{
	snprintf(l->indent, sizeof l->indent, "%*s", cols + 1, "");
	lines_str(l, LOOK_STRONG, name);
	for (int i = canvas_width(name, strlen(name)); i < cols; i++)
		lines_str(l, LOOK_PLAIN, " ");
	lines_str(l, LOOK_PLAIN, " ");
	lines_str(l, LOOK_PLAIN, text);
}

static int
name_cols(const struct lines *l)
{
	return l->width < NARROW_COLS ? 8 : 12;
}

/* The key that this terminal has for an action: "F7", "Esc 7", "Tab", "/find". */
static void
key_name(const struct keymap_row *k, bool twins, char *out, size_t size)
{
	if (k->fkey > 0 && k->fkey <= 10 && twins)
		snprintf(out, size, "Esc %d", k->fkey % 10);
	else if (k->fkey > 0)
		snprintf(out, size, "F%d", k->fkey);
	else if (k->keys)
		snprintf(out, size, "%s", k->keys);
	else
		snprintf(out, size, "/%s%s%s", k->slash ? k->slash : "",
		    k->args ? " " : "", k->args ? k->args : "");
}

/* --- what has the focus --- */

/* Letters of browse mode and of pages: they are no actions of the prompt. */
static const struct {
	const char *keys, *help;
} browse_rows[] = {
    {"j k", "one line; Up and Down, too"},
    {"Space b", "a page down, up; PgDn and PgUp, too"},
    {"g G", "the first line, the last one"},
    {"/ n N", "find text; the next match above, the one below"},
    {"m y", "begin a selection; copy it, else what is under the cursor"},
    {"w v", "save the same to a file; read it in your pager"},
    {"Enter", "open: a tool line its run, a run its output"},
    {"f F", "fold or unfold this run; all ended runs"},
    {"e E", "the next older failure, the newer one"},
    {"o", "tools: output and errors, output alone, errors alone"},
    {"Tab", "the other pane"},
    {"z + -", "zoom; move the border between the panes; = puts it back"},
    {"q", "back to the prompt; Esc and Ctrl-T, too"},
};

static const struct {
	const char *keys, *help;
} reading_rows[] = {
    {"Up Down", "one line; PgUp and PgDn ten"},
    {"/", "find text in it"},
    {"Ctrl-T", "read it with a cursor: select, copy, save"},
    {"Esc", "close it; so does any other key"},
};

static const enum action chat_rows[ACTIONS_MAX] = {ACTION_PALETTE, ACTION_FOCUS,
    ACTION_PAGE_UP, ACTION_BROWSE, ACTION_CANCEL, ACTION_VERDICT, ACTION_RECALL,
    ACTION_NEWLINE, ACTION_ZOOM, ACTION_DETACH};
static const enum action tools_rows[ACTIONS_MAX] = {ACTION_FOCUS, ACTION_PAGE_UP,
    ACTION_BROWSE, ACTION_OPEN, ACTION_FAILED, ACTION_FOLD, ACTION_FIND, ACTION_END,
    ACTION_ZOOM, ACTION_DETACH};

/* The title says already where this holds. */
static const char *
without_place(const char *help)
{
	static const char place[] = "on an empty prompt: ";
	size_t len = sizeof place - 1;

	return strncmp(help, place, len) == 0 ? help + len : help;
}

static void
action_rows(struct lines *l, const enum action *rows, bool twins)
{
	char name[48];

	for (int i = 0; i < ACTIONS_MAX; i++) {
		const struct keymap_row *k = keymap_row(rows[i]);

		if (!k)
			continue;
		key_name(k, twins, name, sizeof name);
		key_row(l, name, name_cols(l), without_place(k->help));
		lines_break(l);
	}
}

static void
browse_keys(struct lines *l)
{
	for (size_t i = 0; i < sizeof browse_rows / sizeof browse_rows[0]; i++) {
		key_row(l, browse_rows[i].keys, name_cols(l), browse_rows[i].help);
		lines_break(l);
	}
}

static void
reading_keys(struct lines *l)
{
	for (size_t i = 0; i < sizeof reading_rows / sizeof reading_rows[0]; i++) {
		key_row(l, reading_rows[i].keys, name_cols(l), reading_rows[i].help);
		lines_break(l);
	}
}

/* The whole recovery in one sentence. */
static void
in_short(struct lines *l, bool twins)
{
	const struct verb_row *v = &verb_rows[VERB_CYCLE];
	char text[128];

	snprintf(text, sizeof text, "VM %d hangs? %s%d, type %s, Enter.", VERB_VMID,
	    twins ? "Esc " : "F", v->fkey, v->name);
	say(l, LOOK_STRONG, text);
}

static void
here(struct lines *l, enum help_where where, bool twins)
{
	static const char *const titles[HELP_WHERES] = {"In the chat (prompt empty)",
	    "In the tool pane (prompt empty)", "Browse mode: letters are keys",
	    "On a page like this"};

	in_short(l, twins);
	if (l->width >= NARROW_COLS)
		lines_break(l);
	say(l, LOOK_HEADING, titles[where]);
	if (where == HELP_BROWSE)
		browse_keys(l);
	else if (where == HELP_READING)
		reading_keys(l);
	else
		action_rows(l, where == HELP_TOOLS ? tools_rows : chat_rows, twins);
}

/* --- the verbs --- */

static void
verb_row(struct lines *l, int verb, bool twins)
{
	const struct verb_row *v = &verb_rows[verb];
	char name[48];

	snprintf(name, sizeof name, "%s%d %s", twins ? "Esc " : "F", v->fkey, v->name);
	l->indent[0] = '\0';
	lines_str(l, v->mutating ? LOOK_DANGER : LOOK_STRONG, name);
	lines_break(l);
	snprintf(l->indent, sizeof l->indent, "  ");
	lines_str(l, LOOK_PLAIN, "  ");
	lines_str(l, LOOK_PLAIN, v->does);
	lines_break(l);
	lines_str(l, LOOK_QUIET, v->mutating ? "  but " : "  ");
	lines_str(l, LOOK_PLAIN, v->limits);
	lines_break(l);
}

/* What is mixed up most, side by side where there is room. */
static void
reset_or_cycle(struct lines *l, bool twins)
{
	struct lines left, right;

	if (l->width < BESIDE_COLS) {
		verb_row(l, VERB_RESET, twins);
		verb_row(l, VERB_CYCLE, twins);
		return;
	}
	lines_init(&left, l->width / 2 - 2);
	lines_init(&right, l->width - l->width / 2 - 2);
	verb_row(&left, VERB_RESET, twins);
	verb_row(&right, VERB_CYCLE, twins);
	l->indent[0] = '\0';
	l->keep_blanks = true;
	for (size_t i = 0; i < left.count || i < right.count; i++) {
		int cols = i < left.count ? left.line[i].cols : 0;

		if (i < left.count)
			lines_copy(l, &left.line[i]);
		for (; cols < left.width; cols++)
			lines_str(l, LOOK_PLAIN, " ");
		lines_str(l, LOOK_RULE, " │ ");
		if (i < right.count)
			lines_copy(l, &right.line[i]);
		lines_break(l);
	}
	l->keep_blanks = false;
	lines_fini(&left);
	lines_fini(&right);
}

static void
which(struct lines *l)
{
	title(l, "Which one?");
	say(l, LOOK_PLAIN,
	    "F3 captures the evidence, and the verdict names the key, why, and what not to "
	    "press; /verdict shows all of it.");
	say(l, LOOK_PLAIN,
	    "In short: a QEMU that hangs or does no I/O: cycle. A hung guest in a healthy "
	    "QEMU, no staged config: reset. Stopped or paused: start. Slow but alive: ask "
	    "the agent, or repair over SSH; a soft fix beats a power verb.");
	say(l, LOOK_PLAIN,
	    "Each that changes something asks first and captures forensics first. Where the "
	    "verdict says that it cannot help, it asks twice.");
}

static void
verbs(struct lines *l, bool twins)
{
	l->indent[0] = '\0';
	say(l, LOOK_HEADING, "reset or cycle?");
	reset_or_cycle(l, twins);
	title(l, "The others");
	for (int v = 0; v < VERBS; v++)
		if (v != VERB_RESET && v != VERB_CYCLE)
			verb_row(l, v, twins);
	which(l);
}

/* --- the cold case --- */

static void
cold(struct lines *l)
{
	say(l, LOOK_STRONG, "Is the PVE host silent, too? That is the cold case.");
	say(l, LOOK_PLAIN,
	    "breakglass cannot help there: its verbs run on the PVE host. This is the way:");
	lines_break(l);
	snprintf(l->indent, sizeof l->indent, "   ");
	lines_str(l, LOOK_PLAIN,
	    "1. Is it your own network? Try another host beside it, or another network.\n"
	    "2. ssh to the hypervisor on its emergency port, plain, with your own key.\n"
	    "3. Its iDRAC: power, console, hardware log. From there, as a last resort, its "
	    "power.\n");
	l->indent[0] = '\0';
	lines_break(l);
	say(l, LOOK_PLAIN,
	    "This console may stay open: it keeps trying, says when a host answers, and the "
	    "verbs work from then on.");
	say(l, LOOK_QUIET,
	    "Out of scope, always: a cluster that is down, a host without power, storage that "
	    "is gone.");
}

/* --- everything --- */

static void
full_row(struct lines *l, const struct keymap_row *k)
{
	int verb = keymap_verb(k->action);
	char name[48], twin[16];

	key_name(k, false, name, sizeof name);
	key_row(l, name, name_cols(l), verb >= 0 ? verb_rows[verb].does : k->help);
	if (k->fkey > 0 && k->fkey <= 10) {
		snprintf(twin, sizeof twin, "  Esc %d", k->fkey % 10);
		lines_str(l, LOOK_QUIET, twin);
	}
	if (k->fkey > 0 && k->keys) {
		lines_str(l, LOOK_QUIET, "  ");
		lines_str(l, LOOK_QUIET, k->keys);
	}
	if (k->slash && (k->fkey > 0 || k->keys)) {
		lines_str(l, LOOK_QUIET, "  /");
		lines_str(l, LOOK_QUIET, k->slash);
	}
	lines_break(l);
}

static void
all_rows(struct lines *l)
{
	say(l, LOOK_HEADING, "F-keys; Esc, then the digit, does the same");
	for (size_t i = 0; i < keymap_count; i++)
		if (keymap_rows[i].fkey > 0)
			full_row(l, &keymap_rows[i]);
	title(l, "Keys");
	for (size_t i = 0; i < keymap_count; i++)
		if (keymap_rows[i].fkey == 0 && keymap_rows[i].keys)
			full_row(l, &keymap_rows[i]);
	title(l, "Commands");
	for (size_t i = 0; i < keymap_count; i++)
		if (keymap_rows[i].fkey == 0 && !keymap_rows[i].keys)
			full_row(l, &keymap_rows[i]);
	title(l, "In browse mode (Ctrl-T)");
	browse_keys(l);
	title(l, "The verbs");
	for (int v = 0; v < VERBS; v++)
		verb_row(l, v, false);
	title(l, "The cold case");
	cold(l);
}

void
help_text(struct lines *l, enum help_page page, enum help_where where, bool twins)
{
	switch (page) {
	case HELP_VERBS:
		verbs(l, twins);
		break;
	case HELP_ALL:
		all_rows(l);
		break;
	case HELP_COLD:
		cold(l);
		break;
	default:
		here(l, where, twins);
	}
}

/* --- topics --- */

static void
topic_keys(struct lines *l)
{
	help_text(l, HELP_HERE, HELP_CHAT, false);
	title(l, "In the tool pane");
	action_rows(l, tools_rows, false);
	title(l, "On a page of help or of the verdict");
	reading_keys(l);
	lines_break(l);
	all_rows(l);
}

static void
topic_verbs(struct lines *l)
{
	verbs(l, false);
}

static void
topic_replay(struct lines *l)
{
	say(l, LOOK_HEADING, "In a replay letters are keys; nothing is sent");
	for (size_t i = 0; i < replay_key_count; i++) {
		key_row(l, replay_keys[i].keys, name_cols(l), replay_keys[i].help);
		lines_break(l);
	}
}

static void
topic_linear(struct lines *l)
{
	say(l, LOOK_HEADING,
	    "Line by line: --linear, or ACCESSIBLE=1 in the environment");
	say(l, LOOK_PLAIN,
	    "Lines come out and stay; lines go in. After \"Choose:\" a number and Enter does "
	    "what stands behind it; Enter alone says the choices again. Mutating verbs ask: "
	    "type the word, and Enter; any other line is no.");
	say(l, LOOK_PLAIN,
	    "/state how it stands; /again the last thing that mattered; /view r12 all output "
	    "of a run; /help the commands; any other line goes to the agent.");
}

static const struct {
	const char *name;
	void (*render)(struct lines *l);
} topics[] = {
    {"browse", browse_keys},
    {"cold", cold},
    {"keys", topic_keys},
    {"linear", topic_linear},
    {"replay", topic_replay},
    {"verbs", topic_verbs},
};

bool
help_topic(struct lines *l, const char *name)
{
	for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
		if (strcmp(topics[i].name, name) == 0) {
			topics[i].render(l);
			return true;
		}
	return false;
}

void
help_topics(char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof topics / sizeof topics[0] && at < size; i++)
		at += (size_t)snprintf(
		    out + at, size - at, "%s%s", i ? ", " : "", topics[i].name);
}
