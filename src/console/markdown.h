/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * markdown.h: Markdown to styled lines.  The one file that knows md4c.
 *
 * Parsed anew each time the text grows; md4c lets control characters and
 * entities through, so what it hands out is cleaned here, after it.
 */
#ifndef CONSOLE_MARKDOWN_H
#define CONSOLE_MARKDOWN_H

#include "console/lines.h"

/* Appends text (as it came from the model) to lines, wrapped to their width. */
void markdown_render(struct lines *lines, const char *text, size_t len);

#endif
