/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pictures.h: facts in, a canvas out, compared with tests/unit/golden. */
#ifndef TESTS_UNIT_PICTURES_H
#define TESTS_UNIT_PICTURES_H

#include "console/view/layout.h"

/* An engine, a VM that runs, links that are up: the clock of all stands at 100 s. */
extern const char *const facts_quiet[];

/* The canvas as text; lent until the next call. */
const char *printed(const struct canvas *c);

/* The whole screen as text; lent until the next call. */
const char *drawn(struct screen *s, int cols, int rows);

/* facts: JSON, ends with NULL. */
void tell(struct screen *s, const char *const *facts);
void tell_one(struct screen *s, const char *fact);
void tellf(struct screen *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* UPDATE=1 in the environment writes the file anew. */
void expect_canvas(const struct canvas *c, const char *name);
void expect_picture(struct screen *s, int cols, int rows, const char *name);

/* In five sizes: 80x24, 40x15, 20x6, 140x30, 200x50. */
void expect_pictures(struct screen *s, const char *name);

/* In the three that every view has: 40x15, 80x24, 200x50. */
void expect_all_sizes(struct screen *s, const char *name);

#endif
