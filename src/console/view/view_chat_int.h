/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_chat_int.h: what the files of the chat share, and nobody else. */
#ifndef CONSOLE_VIEW_CHAT_INT_H
#define CONSOLE_VIEW_CHAT_INT_H

#include "console/view/view_chat.h"

/* What the item is drawn from; lent until the next call. */
const struct lines *view_chat_lines(
    struct view_chat *v, const struct model *m, const struct item *it);

/* view_chat_use.c: what is copied with the cursor on that line; see scroll_source. */
bool view_chat_copy_range(
    struct view_chat *v, struct scroll_pos pos, size_t line, struct scroll_range *range);

#endif
