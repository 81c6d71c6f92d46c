/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * help_text.h: the words of the help, made of the tables of keys and of verbs.
 *
 * The screen shows them as pages, the command line ("breakglass help verbs") and linear
 * mode as topics: the same words.
 */
#ifndef CONSOLE_HELP_TEXT_H
#define CONSOLE_HELP_TEXT_H

#include "console/draw/lines.h"

/* The pages of the screen's help, in the order of their digits. */
enum help_page { HELP_HERE, HELP_VERBS, HELP_ALL, HELP_COLD, HELP_PAGES };

/* What HELP_HERE tells of: what had the focus when it was asked for. */
enum help_where { HELP_CHAT, HELP_TOOLS, HELP_BROWSE, HELP_READING, HELP_WHERES };

extern const char *const help_page_names[HELP_PAGES];

/* twins: F-keys are doubtful here, "Esc 7" says it.  Wrapped to the width of lines. */
void help_text(struct lines *l, enum help_page page, enum help_where where, bool twins);

/* A topic of the command line; false: there is none of that name. */
bool help_topic(struct lines *l, const char *name);

/* "keys, verbs, ...": all topics. */
void help_topics(char *out, size_t size);

#endif
