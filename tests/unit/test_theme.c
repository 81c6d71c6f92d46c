/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Can what our roles look like be read? Measured, for every theme and terminal. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "console/draw/canvas.h"
#include "console/draw/theme.h"

struct rgb {
	int r, g, b;
};

/* The first sixteen: xterm's, and those of the Linux console. */
static const struct rgb xterm[16] = {{0, 0, 0}, {205, 0, 0}, {0, 205, 0}, {205, 205, 0},
    {0, 0, 238}, {205, 0, 205}, {0, 205, 205}, {229, 229, 229}, {127, 127, 127},
    {255, 0, 0}, {0, 255, 0}, {255, 255, 0}, {92, 92, 255}, {255, 0, 255}, {0, 255, 255},
    {255, 255, 255}};
static const struct rgb console[16] = {{0, 0, 0}, {170, 0, 0}, {0, 170, 0}, {170, 85, 0},
    {0, 0, 170}, {170, 0, 170}, {0, 170, 170}, {170, 170, 170}, {85, 85, 85},
    {255, 85, 85}, {85, 255, 85}, {255, 255, 85}, {85, 85, 255}, {255, 85, 255},
    {85, 255, 255}, {255, 255, 255}};
static const struct rgb black = {0, 0, 0}, white = {255, 255, 255};

struct screen_kind {
	const struct rgb *first;
	int colours;
	bool dim, bold_is_bright;
};

static struct rgb
colour(const struct screen_kind *k, int n)
{
	static const int level[] = {0, 95, 135, 175, 215, 255};

	if (n < 16)
		return k->first[n];
	if (n >= 232)
		return (struct rgb){
		    8 + 10 * (n - 232), 8 + 10 * (n - 232), 8 + 10 * (n - 232)};
	n -= 16;
	return (struct rgb){level[n / 36], level[n / 6 % 6], level[n % 6]};
}

static double
linear(int v)
{
	double c = v / 255.0;

	return c <= 0.03928 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double
luminance(struct rgb c)
{
	return 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
}

/* As WCAG 2 defines it: 1 to 21. */
static double
ratio(struct rgb a, struct rgb b)
{
	double x = luminance(a) + 0.05, y = luminance(b) + 0.05;

	return x > y ? x / y : y / x;
}

/* How well style can be read on that terminal, whose ground is ground. */
static double
readable(const struct screen_kind *k, uint32_t style, struct rgb ground)
{
	int f = STYLE_GET_FG(style), b = STYLE_GET_BG(style);
	struct rgb text = ground.r == 0 ? k->first[7] : black, swap;

	if (f >= 0)
		text = colour(
		    k, f < 8 && k->bold_is_bright && style & STYLE_BOLD ? f + 8 : f);
	if (b >= 0)
		ground = colour(k, b);
	if (style & STYLE_DIM) /* two thirds of the way from the ground */
		text = (struct rgb){(text.r * 2 + ground.r) / 3,
		    (text.g * 2 + ground.g) / 3, (text.b * 2 + ground.b) / 3};
	if (style & STYLE_REVERSE) {
		swap = text;
		text = ground;
		ground = swap;
	}
	return ratio(text, ground);
}

static void
check(const struct screen_kind *k, enum theme t, struct rgb ground, double least)
{
	for (uint32_t role = 0; role < LOOKS; role++) {
		uint32_t style = theme_style_of(t, k->colours, k->dim, STYLE_ROLE(role));
		double r = readable(k, style, ground);

		cr_expect(r >= least,
		    "%s, %d colours, role %u: a ratio of %.2f is less than %.1f",
		    theme_names[t], k->colours, role, r, least);
		cr_expect_eq(STYLE_GET_ROLE(style), 0);
	}
}

static const struct screen_kind rich = {xterm, 256, true, false};
static const struct screen_kind sixteen = {xterm, 16, true, false};
static const struct screen_kind eight = {xterm, 8, true, true};
static const struct screen_kind vga = {console, 8, false, true};

Test(theme, dark_can_be_read_on_black)
{
	check(&rich, THEME_DARK, black, 4.5);
	check(&sixteen, THEME_DARK, black, 4.5);
	check(&eight, THEME_DARK, black, 4.5);
	check(&vga, THEME_DARK, black, 4.5);
}

Test(theme, dark_is_not_lost_on_a_white_ground_that_nobody_told_us_of)
{
	check(&rich, THEME_DARK, white, 2.4);
}

Test(theme, light_can_be_read_on_white)
{
	static const struct screen_kind bright = {xterm, 8, true, false};

	check(&rich, THEME_LIGHT, white, 4.5);
	check(&sixteen, THEME_LIGHT, white, 4.5);
	check(&eight, THEME_LIGHT, white, 4.5);
	check(&bright, THEME_LIGHT, white, 4.5);
}

Test(theme, contrast_is_high_whatever_the_ground_is)
{
	check(&rich, THEME_CONTRAST, black, 7);
	check(&rich, THEME_CONTRAST, white, 7);
	check(&sixteen, THEME_CONTRAST, white, 7);
	check(&eight, THEME_CONTRAST, white, 7);
	check(&vga, THEME_CONTRAST, black, 6.5);
}

Test(theme, mono_and_a_terminal_without_colours_get_none)
{
	for (uint32_t role = 0; role < LOOKS; role++) {
		uint32_t style = STYLE_ROLE(role) | STYLE_FG(4);

		cr_expect_eq(
		    theme_style_of(THEME_MONO, 256, true, style) & STYLE_COLOURS, 0);
		for (int t = 0; t < THEMES; t++)
			cr_expect_eq(
			    theme_style_of((enum theme)t, 0, true, style) & STYLE_COLOURS,
			    0);
	}
}

Test(theme, danger_looks_like_nothing_else)
{
	static const int colours[] = {256, 16, 8};

	for (int t = 0; t < THEMES; t++)
		for (int i = 0; i < 3; i++) {
			uint32_t danger =
			    theme_style_of((enum theme)t, colours[i], true, LOOK_DANGER);

			if (t == THEME_MONO)
				continue; /* there it is the words alone */
			for (uint32_t role = 0; role < LOOKS; role++)
				cr_expect(STYLE_ROLE(role) == LOOK_DANGER ||
					theme_style_of((enum theme)t, colours[i], true,
					    STYLE_ROLE(role)) != danger,
				    "%s: role %u", theme_names[t], role);
		}
}

Test(theme, where_dim_cannot_be_read_it_is_plain)
{
	for (int t = 0; t < THEMES; t++)
		for (uint32_t role = 0; role < LOOKS; role++)
			cr_expect_eq(theme_style_of((enum theme)t, 8, false,
					 STYLE_ROLE(role) | STYLE_DIM) &
				STYLE_DIM,
			    0);
}

Test(theme, colours_from_outside_are_theirs_but_in_contrast_and_mono)
{
	uint32_t guest = STYLE_FG(196) | STYLE_BG(17) | STYLE_BOLD;

	cr_assert_eq(theme_style_of(THEME_DARK, 256, true, guest), guest);
	cr_assert_eq(theme_style_of(THEME_LIGHT, 256, true, guest), guest);
	cr_assert_eq(theme_style_of(THEME_MONO, 256, true, guest), STYLE_BOLD);
	cr_assert_eq(theme_style_of(THEME_CONTRAST, 256, true, guest),
	    STYLE_FG(231) | STYLE_BG(16) | STYLE_BOLD);
}

Test(theme, the_environment_decides_where_nobody_did)
{
	unsetenv("NO_COLOR");
	setenv("COLORFGBG", "15;0", 1);
	cr_assert_eq(theme_of_environment(), THEME_DARK);
	setenv("COLORFGBG", "0;default;15", 1);
	cr_assert_eq(theme_of_environment(), THEME_LIGHT);
	setenv("NO_COLOR", "", 1);
	cr_assert_eq(theme_of_environment(), THEME_LIGHT);
	setenv("NO_COLOR", "1", 1);
	cr_assert_eq(theme_of_environment(), THEME_MONO);
	cr_assert(theme_use_name("contrast"));
	cr_assert_not(theme_use_name("pink"));
	cr_assert_eq(theme_now(), THEME_CONTRAST);
	cr_assert(theme_use_name("auto"));
	cr_assert_eq(theme_now(), THEME_MONO);
}
