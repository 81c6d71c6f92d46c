/* SPDX-License-Identifier: GPL-3.0-or-later */
/* action_int.h: what the files of the actions share, and nobody else. */
#ifndef CONSOLE_ACTION_INT_H
#define CONSOLE_ACTION_INT_H

#include "console/action/action.h"
#include "wire/messages.h"

void action_say(struct action_context *a, enum item_tone tone, const char *text);

/* Takes m; says it when nothing can be sent. */
void action_send(struct action_context *a, struct js *m);
void action_send_text(
    struct action_context *a, const char *kind, const char *key, const char *text);

/* action_replay.c: each returns true when it is settled by that: this is a replay. */
bool action_replay_refuse(struct action_context *a, enum action action);
bool action_replay_line(struct action_context *a, const char *line);
void action_replay_say(struct action_context *a, enum item_tone tone, const char *text);

/* action_people.c: says so where somebody else drives, and returns true */
bool action_watches(struct action_context *a, const char *what);
bool action_is_refused(struct action_context *a, enum action action, const char *args);
void action_people(struct action_context *a, enum action action);

/* Says that this console only watches, and what would help; whose: "to use verbs". */
void action_say_reads(struct action_context *a, const char *whose);

/* action_gate.c: /unlock; opens its box where keys are locked, and returns true */
void action_unlock(struct action_context *a);
bool action_is_locked(struct action_context *a);

/* action_confirm.c: a verb, asked about first where it mutates; a host's changed key */
void action_verb(struct action_context *a, int verb);
void action_accept(struct action_context *a, const char *args);

/* action_past.c: /replay; false: it is none of these */
bool action_past(struct action_context *a, enum action action, const char *args);

/* action_agent.c; args: what followed the command, or "" */
void action_runbook(struct action_context *a, const char *name, bool offline);
void action_agent(struct action_context *a, const char *args);
void action_lower(struct action_context *a);
void action_kill(struct action_context *a, const char *args);
void action_answer(struct action_context *a, const char *args);

/* action_screen.c: how the screen is divided and looks; false: none of these */
bool action_arrange(struct action_context *a, enum action action, const char *args);
/* action_clip.c */
void action_clip(struct action_context *a, enum action action, const char *args);

#endif
