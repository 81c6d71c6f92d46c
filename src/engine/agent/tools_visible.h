/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tools_visible.h: text of others for a model; in tools_show.c. */
#ifndef ENGINE_TOOLS_VISIBLE_H
#define ENGINE_TOOLS_VISIBLE_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Appends data so that everything in it is seen, at most max bytes; returns how
 * many bytes of data that were.
 */
size_t show_visible(struct buf *out, const char *data, size_t len, size_t max);

#endif
