/* SPDX-License-Identifier: GPL-3.0-or-later */
/* action_chat.h: what an operator wants of an item of the chat. */
#ifndef CONSOLE_ACTION_CHAT_H
#define CONSOLE_ACTION_CHAT_H

#include "console/action/action.h"

/*
 * A key of browse mode in the chat, with the item under the cursor, which e and E move:
 * '\r' on the line of a run opens it in the tool pane.  False: none of these.
 */
bool action_chat_key(struct action_context *a, int key, struct scroll_pos *at);

/* Takes a queued prompt back; args: its turn, or "" for the youngest. */
void action_drop(struct action_context *a, const char *args);

#endif
