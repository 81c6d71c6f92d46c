/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_prompt.h: the line that is typed, moved sideways so that the cursor shows. */
#ifndef CONSOLE_VIEW_PROMPT_H
#define CONSOLE_VIEW_PROMPT_H

#include "console/layout.h"

/* Sets the canvas's cursor. */
void view_prompt_draw(const struct screen *s, struct canvas *c, struct rect r);

#endif
