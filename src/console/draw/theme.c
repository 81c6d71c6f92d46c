/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/draw/theme.h"

#include <stdlib.h>
#include <string.h>

#include "console/draw/canvas.h"

const char *const theme_names[THEMES] = {"dark", "light", "mono", "contrast"};

/* What a role is in one theme: with 256 colours, with 16, with 8. */
struct picks {
	uint32_t of[3];
};

#define ROLE(look) [STYLE_GET_ROLE(look)]
#define FG STYLE_FG
#define ON(fg, bg) (STYLE_FG(fg) | STYLE_BG(bg))
#define B STYLE_BOLD
#define U STYLE_UNDERLINE
#define R STYLE_REVERSE
#define D STYLE_DIM

/*
 * With 8 colours bold red and bold yellow are bright ones on most terminals that have
 * no more (the Linux console, PuTTY).
 */
static const struct picks dark[LOOKS] = {
    ROLE(LOOK_QUIET) = {{FG(245), D, D}},
    ROLE(LOOK_GOOD) = {{FG(71), FG(2), FG(2)}},
    ROLE(LOOK_BUSY) = {{FG(136), FG(3), FG(3) | B}},
    ROLE(LOOK_BAD) = {{FG(203) | B, FG(9) | B, FG(1) | B}},
    ROLE(LOOK_DANGER) = {{ON(231, 124) | B, ON(15, 1) | B, ON(7, 1) | B}},
    ROLE(LOOK_NAME) = {{FG(73) | B, FG(6) | B, FG(6) | B}},
    ROLE(LOOK_CODE) = {{FG(73), FG(6), FG(6)}},
    ROLE(LOOK_BAR) = {{FG(245) | R, R, R}},
    ROLE(LOOK_KEY) = {{ON(231, 238) | B, R | B, R | B}},
    ROLE(LOOK_CURSOR) = {{ON(255, 236), B, B}},
    ROLE(LOOK_SELECTED) = {{ON(231, 24), R, R}},
    ROLE(LOOK_MATCH) = {{ON(16, 179), ON(0, 6), ON(0, 6)}},
    ROLE(LOOK_MATCH_HERE) = {{ON(16, 214) | B | U, ON(0, 2) | U, ON(0, 2) | U}},
    ROLE(LOOK_HEADING) = {{FG(73) | B, FG(6) | B, FG(6) | B}},
    ROLE(LOOK_QUOTE) = {{FG(245), D, D}},
    ROLE(LOOK_LINK) = {{FG(67) | U, FG(6) | U, FG(6) | U}},
    ROLE(LOOK_RULE) = {{FG(245), D, D}},
    ROLE(LOOK_TITLE) = {{B, B, B}},
    ROLE(LOOK_NOTICE) = {{ON(231, 24) | B, R | B, R | B}},
    ROLE(LOOK_STDERR) = {{FG(136), FG(3), FG(3) | B}},
    ROLE(LOOK_HINT) = {{FG(245), D, D}},
    ROLE(LOOK_PICKED) = {{ON(231, 24) | B, R | B, R | B}},
    ROLE(LOOK_ADDED) = {{FG(71), FG(2), FG(2)}},
    ROLE(LOOK_REMOVED) = {{FG(203), FG(9), FG(1) | B}},
    ROLE(LOOK_REPLAY) = {{ON(231, 90) | B, ON(15, 5) | B, ON(7, 4) | B}},
    ROLE(LOOK_REPLAY_QUIET) = {{ON(231, 90), ON(15, 5), ON(7, 4) | B}},
    ROLE(LOOK_REPLAY_LINE) = {{FG(140), FG(13), FG(5) | B}},
};

static const struct picks light[LOOKS] = {
    ROLE(LOOK_QUIET) = {{FG(241), D, D}},
    ROLE(LOOK_GOOD) = {{FG(22), FG(4), FG(4)}},
    ROLE(LOOK_BUSY) = {{FG(94), FG(5), FG(5)}},
    ROLE(LOOK_BAD) = {{FG(124) | B, FG(1), FG(1)}},
    ROLE(LOOK_DANGER) = {{ON(231, 124) | B, ON(15, 1) | B, ON(7, 1) | B}},
    ROLE(LOOK_NAME) = {{FG(24) | B, FG(4), FG(4)}},
    ROLE(LOOK_CODE) = {{FG(24), FG(4), FG(4)}},
    ROLE(LOOK_BAR) = {{FG(241) | R, R, R}},
    ROLE(LOOK_KEY) = {{ON(16, 252) | B, R | B, R | B}},
    ROLE(LOOK_CURSOR) = {{ON(16, 254), B, B}},
    ROLE(LOOK_SELECTED) = {{ON(231, 25), R, R}},
    ROLE(LOOK_MATCH) = {{ON(16, 222), ON(0, 6), ON(0, 6)}},
    ROLE(LOOK_MATCH_HERE) = {{ON(16, 214) | B | U, ON(0, 2) | U, ON(0, 2) | U}},
    ROLE(LOOK_HEADING) = {{FG(24) | B, FG(4), FG(4)}},
    ROLE(LOOK_QUOTE) = {{FG(241), D, D}},
    ROLE(LOOK_LINK) = {{FG(25) | U, FG(4) | U, FG(4) | U}},
    ROLE(LOOK_RULE) = {{FG(241), D, D}},
    ROLE(LOOK_TITLE) = {{B, B, B}},
    ROLE(LOOK_NOTICE) = {{ON(231, 25) | B, R | B, R | B}},
    ROLE(LOOK_STDERR) = {{FG(94), FG(5), FG(5)}},
    ROLE(LOOK_HINT) = {{FG(241), D, D}},
    ROLE(LOOK_PICKED) = {{ON(231, 25) | B, R | B, R | B}},
    ROLE(LOOK_ADDED) = {{FG(22), FG(4), FG(4)}},
    ROLE(LOOK_REMOVED) = {{FG(124), FG(1), FG(1)}},
    ROLE(LOOK_REPLAY) = {{ON(231, 90) | B, ON(15, 5) | B, ON(7, 4) | B}},
    ROLE(LOOK_REPLAY_QUIET) = {{ON(231, 90), ON(15, 5), ON(7, 4) | B}},
    ROLE(LOOK_REPLAY_LINE) = {{FG(90), FG(5), FG(5)}},
};

/* Over white on black, which style 0 is here, too. */
static const struct picks contrast[LOOKS] = {
    ROLE(LOOK_GOOD) = {{FG(120), FG(10), FG(2)}},
    ROLE(LOOK_BUSY) = {{FG(228), FG(11), FG(3) | B}},
    ROLE(LOOK_BAD) = {{FG(217) | B, FG(11) | B, FG(3) | B}},
    ROLE(LOOK_DANGER) = {{ON(231, 88) | B, ON(15, 4) | B, ON(7, 4) | B}},
    ROLE(LOOK_NAME) = {{FG(159) | B, FG(14) | B, FG(6) | B}},
    ROLE(LOOK_CODE) = {{FG(159), FG(14), FG(6) | B}},
    ROLE(LOOK_BAR) = {{ON(16, 231), ON(0, 15), ON(0, 7)}},
    ROLE(LOOK_KEY) = {{ON(16, 231) | U, ON(0, 15) | U, ON(0, 7) | U}},
    ROLE(LOOK_CURSOR) = {{B | U, B | U, B | U}},
    ROLE(LOOK_SELECTED) = {{ON(16, 231), ON(0, 15), ON(0, 7)}},
    ROLE(LOOK_MATCH) = {{ON(16, 228), ON(0, 11), ON(0, 6)}},
    ROLE(LOOK_MATCH_HERE) = {{ON(16, 159) | U, ON(0, 14) | U, ON(0, 2) | U}},
    ROLE(LOOK_HEADING) = {{B | U, B | U, B | U}},
    ROLE(LOOK_LINK) = {{U, U, U}},
    ROLE(LOOK_TITLE) = {{B | U, B | U, B | U}},
    ROLE(LOOK_NOTICE) = {{ON(16, 228) | B, ON(0, 11), ON(0, 7)}},
    ROLE(LOOK_STDERR) = {{FG(228), FG(11), FG(3) | B}},
    ROLE(LOOK_PICKED) = {{ON(16, 231) | B, ON(0, 15), ON(0, 7)}},
    ROLE(LOOK_ADDED) = {{FG(120), FG(10), FG(2)}},
    ROLE(LOOK_REMOVED) = {{FG(217), FG(11), FG(3) | B}},
    ROLE(LOOK_REPLAY) = {{ON(231, 54) | B, ON(0, 14), ON(0, 6)}},
    ROLE(LOOK_REPLAY_QUIET) = {{ON(231, 54), ON(0, 14), ON(0, 6)}},
    ROLE(LOOK_REPLAY_LINE) = {{FG(219), FG(14), FG(6) | B}},
};

static const uint32_t mono[LOOKS] = {
    ROLE(LOOK_QUIET) = D,
    ROLE(LOOK_BUSY) = B,
    ROLE(LOOK_BAD) = B,
    ROLE(LOOK_DANGER) = R | B,
    ROLE(LOOK_NAME) = B,
    ROLE(LOOK_BAR) = R,
    ROLE(LOOK_KEY) = R | B,
    ROLE(LOOK_CURSOR) = B | U,
    ROLE(LOOK_SELECTED) = R,
    ROLE(LOOK_MATCH) = R,
    ROLE(LOOK_MATCH_HERE) = R | B | U,
    ROLE(LOOK_HEADING) = B | U,
    ROLE(LOOK_LINK) = U,
    ROLE(LOOK_RULE) = D,
    ROLE(LOOK_TITLE) = B,
    ROLE(LOOK_NOTICE) = R | B,
    ROLE(LOOK_STDERR) = B,
    ROLE(LOOK_HINT) = D,
    ROLE(LOOK_PICKED) = R | B,
    ROLE(LOOK_REPLAY) = R | B,
    ROLE(LOOK_REPLAY_QUIET) = R,
    ROLE(LOOK_REPLAY_LINE) = B,
};

static enum theme now = THEMES; /* nobody chose yet */
static int terminal_colours = 256;
static bool terminal_dim = true;

/* -1: there is no such theme. */
static int
by_name(const char *name)
{
	for (int i = 0; i < THEMES; i++)
		if (strcmp(name, theme_names[i]) == 0)
			return i;
	return -1;
}

/* "15;0" or "0;default;15": the ground is the last of them. */
static bool
ground_is_light(const char *colours)
{
	const char *last = colours ? strrchr(colours, ';') : NULL;

	return last && (strcmp(last, ";7") == 0 || strcmp(last, ";15") == 0);
}

enum theme
theme_of_environment(void)
{
	const char *none = getenv("NO_COLOR");

	if (none && none[0])
		return THEME_MONO;
	return ground_is_light(getenv("COLORFGBG")) ? THEME_LIGHT : THEME_DARK;
}

bool
theme_use_name(const char *name)
{
	int t = by_name(name);

	if (t < 0 && strcmp(name, "auto") == 0)
		t = (int)theme_of_environment();
	if (t < 0)
		return false;
	now = (enum theme)t;
	return true;
}

void
theme_use(enum theme t)
{
	now = t;
}

enum theme
theme_now(void)
{
	if (now == THEMES)
		now = theme_of_environment();
	return now;
}

void
theme_terminal(int colours, bool dim)
{
	terminal_colours = colours;
	terminal_dim = dim;
}

/* White on black where nothing else is said; what comes from outside says nothing. */
static uint32_t
with_ground(uint32_t style, int depth)
{
	static const int white[] = {231, 15, 7}, black[] = {16, 0, 0};

	if (style & STYLE_REVERSE)
		return style;
	if (STYLE_GET_FG(style) < 0)
		style |= STYLE_FG(white[depth]);
	if (STYLE_GET_BG(style) < 0)
		style |= STYLE_BG(black[depth]);
	return style;
}

uint32_t
theme_style_of(enum theme t, int colours, bool dim, uint32_t style)
{
	static const struct picks *const of[THEMES] = {
	    [THEME_DARK] = dark, [THEME_LIGHT] = light, [THEME_CONTRAST] = contrast};
	int depth = colours >= 256 ? 0 : colours >= 16 ? 1 : 2;
	uint32_t role = STYLE_GET_ROLE(style), out = style & ~STYLE_ROLE(0xff);

	if (role >= LOOKS)
		role = 0;
	if (role > 0)
		out &= ~STYLE_COLOURS; /* a role has its own */
	if (colours < 8 || t == THEME_MONO)
		out = (out & ~STYLE_COLOURS) | mono[role];
	else if (t == THEME_CONTRAST)
		out =
		    with_ground((out & ~STYLE_COLOURS) | contrast[role].of[depth], depth);
	else
		out |= of[t][role].of[depth];
	return dim ? out : out & ~STYLE_DIM;
}

uint32_t
theme_style(uint32_t style)
{
	return theme_style_of(theme_now(), terminal_colours, terminal_dim, style);
}
