/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keymap.h: the one table of what keys and slash commands do.
 *
 * Dispatch, key bar, help and the completion of slash commands all read it, so
 * what the screen says and what a key does cannot differ.
 */
#ifndef CONSOLE_KEYMAP_H
#define CONSOLE_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>

#include "console/term/input.h"

enum action {
	ACTION_NONE,
	ACTION_HELP,
	ACTION_VERB_STATUS, /* the six in verbs.def's order, see keymap_verb */
	ACTION_VERB_FORENSICS,
	ACTION_VERB_START,
	ACTION_VERB_STOP,
	ACTION_VERB_RESET,
	ACTION_VERB_CYCLE,
	ACTION_CANCEL,
	ACTION_SHELL,
	ACTION_DETACH,
	ACTION_DETACH_IF_EMPTY,
	ACTION_SUSPEND,
	ACTION_REDRAW,
	ACTION_NEWLINE, /* these three are the prompt's: the help tells of them */
	ACTION_RECALL,
	ACTION_PALETTE,
	ACTION_FOCUS,
	ACTION_ZOOM,
	ACTION_FOLD,
	ACTION_SPLIT,
	ACTION_THEME,
	ACTION_PAGE_UP,
	ACTION_PAGE_DOWN,
	ACTION_TO_START,
	ACTION_TO_END,
	ACTION_ACCEPT,
	ACTION_END,
	ACTION_DROP,
	ACTION_NOTE,
	ACTION_OBSERVE,
	ACTION_REPAIR,
	ACTION_AUTONOMOUS,
	ACTION_NEW,
	ACTION_CLOSE,
	ACTION_OPEN,
	ACTION_FAILED,
	ACTION_BROWSE,
	ACTION_FIND,
	ACTION_OLDER,
	ACTION_VERDICT,
	ACTION_SCREEN,
	ACTION_TRIAGE, /* the five presets, see keymap_preset */
	ACTION_MEMORY,
	ACTION_DISK,
	ACTION_SERVICES,
	ACTION_QEMU,
	ACTION_RUNBOOK,
	ACTION_OFFLINE,
	ACTION_AGENT,
	ACTION_ANSWER,
	ACTION_LOWER,
	ACTION_KILL,
	ACTION_DRIVE,
	ACTION_WATCH,
	ACTION_UNLOCK,
	ACTION_WHO,
	ACTION_BANNERS,
	ACTION_COLD,
	ACTION_TOUR,
	ACTION_RETRY,
	ACTION_REPLAY, /* action_past.c */
	ACTION_COPY,   /* action_clip.c */
	ACTION_SAVE,
	ACTION_VIEW,
	ACTIONS
};

struct keymap_row {
	enum action action;
	int fkey;	      /* 1 to 12, 0: none; the Esc twin is its last digit */
	enum input_kind kind; /* another key, with n as in struct input */
	int n;
	const char *keys;  /* how that other key is called, or NULL */
	const char *slash; /* without the slash, or NULL */
	const char *args;  /* what follows it, or NULL */
	const char *bar;   /* its word in the key bar, NULL: not there */
	const char *help;
};

extern const struct keymap_row keymap_rows[];
extern const size_t keymap_count;

/* The action of a key, ACTION_NONE when it belongs to the line editor. */
enum action keymap_key(const struct input *in);

/* Esc, then a digit: the F-key of that digit (0 is F10). */
enum action keymap_digit(char digit);

/*
 * The action of "/word rest"; *args: what follows, without blanks around it
 * (lent from line).  ACTION_NONE: no such command.
 */
enum action keymap_slash(const char *line, const char **args);

/* The verb of an action (an enum verb), or -1. */
int keymap_verb(enum action a);

/* The runbook of a preset's action, or NULL. */
const char *keymap_preset(enum action a);

/* Does it mean something where there are no panes? */
bool keymap_is_linear(enum action a);

/* "F7 cycle", or without keys "/cycle"; "" for what is no verb (-1). */
void keymap_verb_label(int verb, bool keys, char *out, size_t size);

/* The row of an action; never NULL for a verb. */
const struct keymap_row *keymap_row(enum action a);

#endif
