/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_screen.h"

#include <stdio.h>
#include <string.h>

#include "console/draw/words.h"

#define GUTTER "  "
#define GUTTER_MATTERS "▸ "
#define GUTTER_MORE "  "

/* The engine's words for programs, as people say them. */
static const struct {
	const char *says, *words;
} says_words[] = {
    {"disk-error", "errors of its disk"},
    {"emergency", "the boot has ended in an emergency shell"},
    {"fsck", "a file system check waits for a person"},
    {"grub", "the boot loader waits for a person"},
    {"halted", "it has been shut down"},
    {"hung-task", "tasks hang in its kernel"},
    {"initramfs", "the boot has ended in the initramfs"},
    {"job", "systemd waits for a job"},
    {"lockup", "a CPU is stuck in its kernel"},
    {"login", "a login prompt"},
    {"no-boot", "there is no disk to boot from"},
    {"oom", "the OOM killer at work"},
    {"oops", "a fault in its kernel"},
    {"panic", "a kernel panic"},
    {"passphrase", "the boot waits for a passphrase"},
};

static const char *
words_of(const char *says)
{
	for (size_t i = 0; i < sizeof says_words / sizeof says_words[0]; i++)
		if (strcmp(says_words[i].says, says) == 0)
			return says_words[i].words;
	return says;
}

static void
say(struct lines *l, uint32_t look, const char *text)
{
	lines_str(l, look, text);
	lines_break(l);
}

static void
title(struct lines *l, const char *text)
{
	lines_break(l);
	say(l, LOOK_HEADING, text);
}

/* --- the head: how old, what it shows, where the picture is --- */

static void
say_head(struct lines *l, const struct guest_screen *s, int64_t now)
{
	char age[32], text[160];

	words_age(now > s->checked ? now - s->checked : 0, age, sizeof age);
	snprintf(text, sizeof text, "Captured %s%s%s%s.", age, s->at[0] ? ", at " : "",
	    s->at, s->at[0] ? " UTC" : "");
	say(l, LOOK_QUIET, text);
	if (strcmp(s->kind, "graphics") == 0)
		say(l, LOOK_PLAIN,
		    "It shows graphics: of that there is no text, only the picture.");
	else if (s->rows == 0)
		say(l, LOOK_PLAIN, "There is nothing on it, or VM 102 has no display.");
}

/* A word is said once: with its first row, and of what is still there if it is. */
static bool
is_said(const struct guest_screen *s, int row)
{
	for (int i = s->above; i < s->rows && (row < s->above || i < row); i++)
		if (strcmp(s->row[i].says, s->row[row].says) == 0)
			return true;
	for (int i = 0; i < row && row < s->above; i++)
		if (strcmp(s->row[i].says, s->row[row].says) == 0)
			return true;
	return false;
}

static bool
matters(const struct guest_screen *s, int row)
{
	return s->row[row].says[0] && strcmp(s->row[row].says, "login") != 0;
}

static bool
say_matter(struct lines *l, const struct guest_screen *s, int row)
{
	const struct screen_row *r = &s->row[row];

	if (!matters(s, row) || is_said(s, row))
		return false;
	snprintf(l->indent, sizeof l->indent, "  ");
	lines_str(l, LOOK_BAD, words_of(r->says));
	lines_str(l, LOOK_QUIET, row < s->above ? ", scrolled away: " : ": ");
	say(l, LOOK_PLAIN, r->text + strspn(r->text, " "));
	l->indent[0] = '\0';
	return true;
}

static void
say_matters(struct lines *l, const struct guest_screen *s)
{
	int said = 0;

	for (int i = s->above; i < s->rows; i++)
		said += say_matter(l, s, i);
	for (int i = 0; i < s->above; i++)
		said += say_matter(l, s, i);
	if (said == 0 && strcmp(s->says, "login") == 0)
		say(l, LOOK_GOOD, "It shows a login prompt, and nothing that is wrong.");
	else if (said == 0 && s->rows > 0)
		say(l, LOOK_PLAIN, "No row of it is known to tell of trouble.");
}

static void
say_picture(struct lines *l, const struct guest_screen *s)
{
	if (!s->png[0])
		return;
	lines_str(l, LOOK_QUIET, "Its picture: ");
	say(l, LOOK_CODE, s->png);
}

/* --- the rows, as they stand --- */

static void
say_rows(struct lines *l, const struct guest_screen *s, int from, int to)
{
	snprintf(l->indent, sizeof l->indent, "%s", GUTTER_MORE);
	l->keep_blanks = true;
	for (int i = from; i < to; i++) {
		bool bad = matters(s, i);

		lines_sign(l, bad ? LOOK_BAD : LOOK_QUIET, bad ? GUTTER_MATTERS : GUTTER);
		say(l, bad ? LOOK_STRONG : LOOK_PLAIN, s->row[i].text);
	}
	l->keep_blanks = false;
	l->indent[0] = '\0';
}

void
view_screen_render(struct lines *l, const struct guest_screen *s, int64_t now)
{
	char text[80];

	if (!s->known) {
		say(l, LOOK_PLAIN,
		    "No screen has been captured yet: F3 (/forensics) does it, and changes "
		    "nothing.");
		return;
	}
	say_head(l, s, now);
	say_matters(l, s);
	say_picture(l, s);
	if (s->rows > s->above) {
		title(l, "The screen");
		say_rows(l, s, s->above, s->rows);
	}
	if (s->above > 0) {
		snprintf(text, sizeof text, "Above it, out of sight: %d row%s", s->above,
		    s->above == 1 ? "" : "s");
		title(l, text);
		say_rows(l, s, 0, s->above);
	}
}

void
view_screen_draw(struct canvas *c, struct rect r, const struct guest_screen *s,
    int64_t now, struct page_at *at)
{
	struct lines l;

	lines_init(&l, view_page_cols(r));
	view_screen_render(&l, s, now);
	view_page_draw(c, r, "the guest's screen", &l, at);
	lines_fini(&l);
}
