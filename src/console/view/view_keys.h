/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_keys.h: the bottom line, from the key table: as many keys as fit, the one that
 * the verdict advises always and in the colour of what acts.
 */
#ifndef CONSOLE_VIEW_KEYS_H
#define CONSOLE_VIEW_KEYS_H

#include "console/view/layout.h"

void view_keys_draw(const struct screen *s, struct canvas *c, struct rect r);

#endif
