/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_status.h: the top line.
 *
 * The line is made of parts with a rank: when it is too narrow, parts take their
 * short form from the last rank up, then leave in the same order.
 */
#ifndef CONSOLE_VIEW_STATUS_H
#define CONSOLE_VIEW_STATUS_H

#include "console/layout.h"

void view_status_draw(const struct screen *s, struct canvas *c, struct rect r);

#endif
