/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clip.h: text out of the console: to a clipboard, to a file, to the pager.
 *
 * A clipboard is reached in one of three ways, by the setting "copy":
 *   osc52   through the terminal, wherever the operator sits; no answer comes
 *   print   out of curses, as plain text that the terminal itself selects
 *   file    a file of ours
 * auto takes the first that is likely to arrive.  Inside tmux, tmux is asked to
 * take it (its own buffer, and on to its terminal): that works without a setting
 * of tmux's, the sequence does not.
 *
 * The words on the screen say which way was taken and what to do if it was in vain.
 * All of it happens because of a key; nothing that a host says can start it.
 */
#ifndef CONSOLE_CLIP_H
#define CONSOLE_CLIP_H

#include <stdbool.h>

#include "base/buf.h"
#include "console/term/osc52.h"

struct action_context;

#define CLIP_MAX (16 * 1024 * 1024) /* bytes of a text; more is cut, and told */
#define CLIP_WHAT_MAX 96

enum clip_way { CLIP_AUTO, CLIP_OSC52, CLIP_PRINT, CLIP_FILE, CLIP_WAYS };

/* What is left to do by who owns the terminal. */
enum clip_job {
	CLIP_NOTHING,
	CLIP_SEND, /* to the terminal's clipboard */
	CLIP_SHOW, /* as plain text on a terminal without curses */
	CLIP_PAGE  /* in the pager */
};

struct clip {
	enum clip_way way; /* the setting */
	bool likely;	   /* OSC 52 is likely to arrive */
	bool tmux;	   /* we are inside tmux and can ask it */
	enum osc52_path path;
	const char *dir;   /* where the journals are, or NULL; lent */
	enum clip_job job; /* with text and what: for who owns the terminal */
	struct buf text;
	char what[CLIP_WHAT_MAX];
	bool kept; /* text was copied: "/copy print" has it again */
};

/* way: the setting's words, "" is auto; the environment says the rest. */
void clip_init(struct clip *k, const char *way, const char *dir);
void clip_fini(struct clip *k);

/* False: there is no way of that name. */
bool clip_way(const char *name, enum clip_way *way);

/*
 * what: "3 lines of tools", "run r12"; text is clean already, and is copied.
 * name: of the file, "r12.txt"; the incident's id is put in front.
 */
void clip_copy(struct action_context *a, const char *what, const char *text, size_t len);
void clip_copy_by(struct action_context *a, enum clip_way way, const char *what,
    const char *text, size_t len);
void clip_save(struct action_context *a, const char *what, const char *name,
    const char *text, size_t len);
void clip_view(struct action_context *a, const char *what, const char *text, size_t len);

/* The same again in another way, for "/copy print" after a copy in vain; false: none. */
bool clip_again(struct action_context *a, enum clip_way way);

/* That it was sent to the terminal. */
void clip_say_sent(struct action_context *a);

/* Words for the operator, where he looks. */
void clip_say(struct action_context *a, bool bad, const char *text);

#endif
