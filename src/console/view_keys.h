/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_keys.h: the bottom line, from the key table: as many keys as fit. */
#ifndef CONSOLE_VIEW_KEYS_H
#define CONSOLE_VIEW_KEYS_H

#include "console/layout.h"

void view_keys_draw(const struct screen *s, struct canvas *c, struct rect r);

#endif
