/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_replay.h: what tells a replay from the real thing, and where it stands.
 *
 * The word REPLAY and a look of its own stand on the first line, on each pane's title
 * and on the key bar, so that nobody takes it for what is now.
 */
#ifndef CONSOLE_VIEW_REPLAY_H
#define CONSOLE_VIEW_REPLAY_H

#include "console/view/layout.h"

/* The first line: which moment this is. */
void view_replay_head(const struct replay *p, struct canvas *c, struct rect r);

/* Where that is in the whole, with the actions; or what was said last. */
void view_replay_bar(const struct screen *s, struct canvas *c, struct rect r);

void view_replay_keys(struct canvas *c, struct rect r);
void view_replay_help(struct canvas *c, struct rect r, struct page_at *at);

#endif
