/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * theme.h: from what a text is to how that looks here.
 *
 * Views say LOOK_GOOD; the colour is chosen at the last moment, when a cell goes to
 * the terminal (or into a picture), by the theme and by how many colours there are:
 *
 *   dark      for light text on a dark ground; on an unknown light one it can be read
 *   light     for a white ground
 *   mono      no colour at all: bold, dim, underlined, reverse
 *   contrast  white on black of its own, everywhere; colours from outside are dropped
 *
 * Each pick can be read: tests/unit/test_theme.c measures them all.
 */
#ifndef CONSOLE_THEME_H
#define CONSOLE_THEME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum theme { THEME_DARK, THEME_LIGHT, THEME_MONO, THEME_CONTRAST, THEMES };

extern const char *const theme_names[THEMES];

/*
 * What "auto" is here: mono where NO_COLOR is set, light where COLORFGBG says that
 * the ground is, else dark.
 */
enum theme theme_of_environment(void);

/* Takes a name of theme_names or "auto"; false: it is neither, nothing changed. */
bool theme_use_name(const char *name);
void theme_use(enum theme t);
enum theme theme_now(void); /* as the environment says until one was chosen */

/* What the terminal has: 0 (none), 8, 16, 256 colours; can dim text be read on it? */
void theme_terminal(int colours, bool dim);

/* The style of scrub.h without a role: what to show for it here and now. */
uint32_t theme_style(uint32_t style);

/* The same for a theme and a terminal that are not these. */
uint32_t theme_style_of(enum theme t, int colours, bool dim, uint32_t style);

#endif
