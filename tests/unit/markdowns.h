/* SPDX-License-Identifier: GPL-3.0-or-later */
/* markdowns.h: texts as models write them, by chance; and lines as text. */
#ifndef TESTS_UNIT_MARKDOWNS_H
#define TESTS_UNIT_MARKDOWNS_H

#include "base/buf.h"
#include "console/draw/lines.h"

/* A text of so many blocks; the same seed gives the same text.  rude: anything goes. */
void markdown_by_chance(struct buf *out, unsigned seed, int blocks, bool rude);

/* One line each, for comparison: spans with their styles and all flags, or text alone. */
void lines_told(const struct lines *l, struct buf *out, bool with_looks);

#endif
