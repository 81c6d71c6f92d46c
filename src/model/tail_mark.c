/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tail_mark.c: the host program's lines that begin with "#bg " are for programs.
 *
 * People are shown a phase, a section's name and how long it took; what the other
 * marks say stands elsewhere on the screen, and all of them are in the journal.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/tail_int.h"

#define RC_GIVEN_UP 124 /* docs/host-protocol.md */

static const char MARK_HEAD[] = "#bg ";

static struct tail_line *
line_of(const struct tail_run *r, uint64_t place)
{
	size_t i = tail_index(r, place);

	if (i == r->count || tail_line(r, i)->at != place)
		return NULL;
	return &r->lines[(r->head + i) % r->size];
}

static uint64_t
last_place(const struct tail_run *r)
{
	return tail_last_line(r)->at;
}

static void
set_text(struct tail *t, struct tail_run *r, struct tail_line *l, const char *text)
{
	tail_clear_line(t, r, l);
	tail_add_text(t, r, l, text, strlen(text), 0);
}

static void
add_line(struct tail *t, struct tail_run *r, enum tail_kind kind, const char *text)
{
	struct tail_line *l = tail_new_line(t, r, TAIL_OUT);

	l->kind = (uint8_t)kind;
	tail_add_text(t, r, l, text, strlen(text), 0);
}

static void
span(long ms, char *out, size_t size)
{
	if (ms < 1000)
		snprintf(out, size, "%ld ms", ms);
	else
		snprintf(out, size, "%ld.%ld s", ms / 1000, ms / 100 % 10);
}

/* --- sections --- */

static bool
in_screen(const struct tail_run *r)
{
	return strcmp(r->section, "screen") == 0;
}

static bool
in_picture(const struct tail_run *r)
{
	return strcmp(r->section, "screen-png") == 0;
}

/* The screen keeps its frame, whatever came instead of its end. */
static void
leave_section(struct tail *t, struct tail_run *r)
{
	if (in_screen(r))
		add_line(t, r, TAIL_FRAME_END, "");
	r->section[0] = '\0';
	r->heading = 0;
	r->blanks = 0;
}

/* The mark's own line becomes the heading, or goes. */
static void
begin_section(struct tail *t, struct tail_run *r, const char *name)
{
	char text[48];

	tail_drop_last(t, r);
	leave_section(t, r);
	snprintf(r->section, sizeof r->section, "%s", name);
	r->folded = 0;
	if (in_picture(r))
		return;
	snprintf(text, sizeof text, "%s%s", in_screen(r) ? "the guest's screen" : name,
	    in_screen(r) ? "" : ":");
	add_line(t, r, in_screen(r) ? TAIL_FRAME : TAIL_HEADING, text);
	r->heading = last_place(r);
}

static void
end_picture(struct tail *t, struct tail_run *r, long rc)
{
	int64_t bytes = r->folded / 4 * 3;
	char text[80];

	if (rc == RC_GIVEN_UP)
		snprintf(text, sizeof text, "screen as PNG: given up");
	else if (rc != 0 || bytes == 0)
		snprintf(text, sizeof text, "screen as PNG: none (rc %ld)", rc);
	else
		snprintf(text, sizeof text, "screen as PNG, %" PRId64 " KB",
		    (bytes + 1023) / 1024);
	add_line(t, r, TAIL_HEADING, text);
	r->picture = rc == 0 && bytes > 0 ? last_place(r) : 0;
}

static void
end_section(struct tail *t, struct tail_run *r, const char *name, long rc, long ms)
{
	struct tail_line *l = r->heading ? line_of(r, r->heading) : NULL;
	char text[64], age[24];

	tail_drop_last(t, r);
	if (strcmp(r->section, name) != 0)
		return;
	span(ms, age, sizeof age);
	if (in_picture(r))
		end_picture(t, r, rc);
	if (l && rc == 0) {
		snprintf(text, sizeof text, " %s", age);
		tail_add_text(t, r, l, text, strlen(text), 0);
	} else if (rc != 0 && !in_picture(r)) {
		if (rc == RC_GIVEN_UP)
			snprintf(text, sizeof text, "  given up after %s", age);
		else
			snprintf(
			    text, sizeof text, "  failed with %ld after %s", rc, age);
		if (in_screen(r))
			leave_section(t, r);
		add_line(t, r, TAIL_NOTE, text);
	}
	leave_section(t, r);
}

/* --- lines --- */

static void
show_mark(struct tail *t, struct tail_run *r)
{
	const struct tail_line *l = tail_last_line(r);
	char text[200], word[48] = "", words[96], age[24];
	long ms = 0, rc = 0;

	snprintf(text, sizeof text, "%.*s", (int)(l->len < 199 ? l->len : 199), l->text);
	if (sscanf(text, "#bg phase=%47s t_ms=%ld", word, &ms) == 2) {
		tail_drop_last(t, r);
		leave_section(t, r);
		span(ms, age, sizeof age);
		snprintf(words, sizeof words, "%s (%s)", word, age);
		add_line(t, r, TAIL_HEADING, words);
	} else if (sscanf(text, "#bg section=%23s", word) == 1) {
		begin_section(t, r, word);
	} else if (sscanf(text, "#bg end=%23s rc=%ld ms=%ld", word, &rc, &ms) == 3) {
		end_section(t, r, word, rc, ms);
	} else {
		tail_drop_last(t, r);
	}
}

/* The host program's blanks go; empty lines wait until another one follows. */
static void
show_screen_line(struct tail *t, struct tail_run *r)
{
	const struct tail_line *l = tail_last_line(r);
	size_t from = l->len < 2 ? l->len : 2, len = l->len;
	char text[TAIL_LINE_MAX + 1];

	while (len > from && l->text[len - 1] == ' ')
		len--;
	memcpy(text, l->text + from, len - from);
	text[len - from] = '\0';
	tail_drop_last(t, r);
	if (!text[0]) {
		r->blanks++;
		return;
	}
	if (r->blanks > 0 && r->heading != last_place(r))
		add_line(t, r, TAIL_SCREEN, "");
	r->blanks = 0;
	add_line(t, r, TAIL_SCREEN, text);
}

void
tail_mark_line(struct tail *t, struct tail_run *r)
{
	const struct tail_line *l = tail_last_line(r);
	size_t n = sizeof MARK_HEAD - 1;
	bool quoted = l->len == 0 || (l->len >= 2 && memcmp(l->text, "  ", 2) == 0);

	if (l->len > n && memcmp(l->text, MARK_HEAD, n) == 0)
		show_mark(t, r);
	else if (in_screen(r) && quoted)
		show_screen_line(t, r);
	else if (in_picture(r) && quoted)
		tail_drop_last(t, r);
}

size_t
tail_mark_keeps(
    struct tail_run *r, const struct tail_line *l, const char *text, size_t len)
{
	size_t keep = 0;

	if (!in_picture(r))
		return len;
	/* Two blanks begin what others said: they stay until the line is complete. */
	for (size_t i = 0; i < l->len && i < 2; i++)
		if (l->text[i] != ' ')
			return len;
	while (l->len + keep < 2 && keep < len)
		if (text[keep++] != ' ')
			return len;
	r->folded += (int64_t)(len - keep);
	return keep;
}

void
tail_mark_end(struct tail *t, struct tail_run *r)
{
	leave_section(t, r);
}

bool
tail_picture_saved(struct tail *t, const char *path)
{
	for (size_t i = t->count; i-- > 0;) {
		struct tail_run *r = t->runs[i];
		struct tail_line *l = r->picture ? line_of(r, r->picture) : NULL;
		char text[400];

		if (!l)
			continue;
		snprintf(
		    text, sizeof text, "%.*s, saved as %s", (int)l->len, l->text, path);
		set_text(t, r, l, text);
		r->picture = 0;
		return true;
	}
	return false;
}
