/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/scrub.h"
#include "model/incident.h"

#define LABEL(obj, key, field) incident_label(obj, key, field, sizeof(field))

void
screen_forget(struct guest_screen *s)
{
	free(s->row);
	memset(s, 0, sizeof *s);
}

/* Tabs and controls are gone at the host; blanks at a row's begin are its place. */
static void
read_row(struct screen_row *row, const char *text, size_t len)
{
	size_t blanks = 0;

	memset(row, 0, sizeof *row);
	while (blanks < len && blanks < 80 && text[blanks] == ' ')
		row->text[blanks++] = ' ';
	scrub_label(
	    text + blanks, len - blanks, row->text + blanks, sizeof row->text - blanks);
}

static void
read_rows(struct guest_screen *s, const struct js *list)
{
	for (size_t i = 0; i < js_len(list) && s->rows < SCREEN_ROWS_MAX; i++) {
		size_t len = 0;
		const char *text = js_at_str(list, i, &len);

		if (text)
			read_row(&s->row[s->rows++], text, len);
	}
}

static void
read_matters(struct guest_screen *s, const struct js *list)
{
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *one = js_at(list, i);
		int64_t row = one ? js_int(one, "row", -1) : -1;

		if (row >= 0 && row < s->rows)
			LABEL(one, "says", s->row[row].says);
	}
}

void
screen_read(struct guest_screen *s, const struct js *fact)
{
	const char *at = js_str(fact, "at");

	screen_forget(s);
	s->known = true;
	LABEL(fact, "id", s->id);
	LABEL(fact, "kind", s->kind);
	LABEL(fact, "says", s->says);
	LABEL(fact, "png", s->png);
	if (at && strlen(at) >= 19)
		scrub_label(at + 11, 8, s->at, sizeof s->at);
	s->checked = js_int(fact, "checked", js_int(fact, "mono_ms", 0));
	s->row = mem_alloc(SCREEN_ROWS_MAX * sizeof *s->row);
	read_rows(s, js_get_array(fact, "above"));
	s->above = s->rows;
	read_rows(s, js_get_array(fact, "lines"));
	read_matters(s, js_get_array(fact, "matters"));
}
