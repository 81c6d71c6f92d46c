/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * action.h: what an operator's wish becomes: a change of the screen, or a request
 * to the engine.  Nothing here draws or waits.
 */
#ifndef CONSOLE_ACTION_H
#define CONSOLE_ACTION_H

#include "base/err.h"
#include "console/action/keymap.h"
#include "console/view/layout.h"
#include "console/replay/replay_keys.h"
#include "wire/json.h"

struct clip;

struct action_context {
	struct screen *screen;
	/* Takes request. */
	int (*send)(void *arg, struct js *request, struct err *err);
	/* Asks for an unlock; name NULL: by a key alone. */
	int (*unlock)(void *arg, const char *name, const char *password, size_t len,
	    struct err *err);
	/* In a replay: what an operator wants of it; text: what is looked for, or "". */
	void (*play)(void *arg, enum play play, const char *text);
	void *arg;
	struct clip *clip;	    /* where text can go out of here; NULL: nowhere */
	bool quit, suspend, redraw; /* set here, done by the caller */
	bool shell;		    /* the same: a shell on the devvm */
	bool opened;		    /* a box was opened: the caller drops type-ahead */
	bool older;		    /* what is older is wanted in this pane */
	char not_found[128];	    /* the same, with this text; "": not */
	/* An earlier incident to be shown, or "". */
	char replay[JOURNAL_FILE_ID_MAX + 1];
};

/* args: what followed a slash command, or "". */
void action_run(struct action_context *a, enum action action, const char *args);

/* Would it change more than how this console looks, and more than a watcher may? */
bool action_acts(const struct screen *s, enum action action, const char *args);

/* A finished line of the prompt: a slash command or a prompt for the agent. */
void action_line(struct action_context *a, const char *line);

/* action_replay.c: a key while a replay is shown; false: it means what it always does. */
bool action_replay_key(struct action_context *a, const struct input *in);

/* A key while the box with the agent's question is open. */
void action_ask_key(struct action_context *a, const struct input *in);

/* action_gate.c: a key while its box is open; after each fact */
void action_gate_key(struct action_context *a, const struct input *in);
void action_gate_fact(struct action_context *a, const struct js *fact);

/* action_people.c, after each fact: a box closes when somebody else has taken over. */
void action_people_news(struct action_context *a);

/* A key while the confirm box is open. */
void action_confirm_key(struct action_context *a, const struct input *in);

/*
 * action_confirm.c, after each fact: where what the box warns of has changed, it is asked
 * anew.  Returns whether it was.
 */
bool action_confirm_news(struct action_context *a);

#endif
