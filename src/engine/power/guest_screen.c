/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/guest_screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/record/incident.h"
#include "engine/record/mark.h"
#include "engine/power/screen_says.h"

struct rows {
	int count, most;
	char row[GUEST_SCREEN_ABOVE][GUEST_SCREEN_COLS + 1];
};

struct guest_screen {
	struct incident *incident;
	char id[16]; /* of the run; "": nothing waits to be told */
	char kind[12];
	struct rows *into; /* the section that is being read, or NULL */
	struct rows screen, above;
};

struct guest_screen *
guest_screen_new(struct incident *incident)
{
	struct guest_screen *g = mem_alloc(sizeof *g);

	g->incident = incident;
	g->screen.most = GUEST_SCREEN_ROWS;
	g->above.most = GUEST_SCREEN_ABOVE;
	return g;
}

void
guest_screen_free(struct guest_screen *g)
{
	free(g);
}

static void
forget(struct guest_screen *g)
{
	g->id[0] = g->kind[0] = '\0';
	g->screen.count = g->above.count = 0;
	g->into = NULL;
}

/* --- telling --- */

static void
add_rows(struct js *f, const char *key, const struct rows *r)
{
	struct js *list;

	if (r->count == 0)
		return;
	list = js_array();
	for (int i = 0; i < r->count; i++)
		js_add_str(list, r->row[i]);
	js_set(f, key, list);
}

/* Rows that matter, by their place among all: those above come first. */
static void
look(const struct rows *r, int first, bool above, struct screen_seen *seen,
    struct js *matters)
{
	seen->before[0] = '\0';
	for (int i = 0; i < r->count; i++) {
		int row = screen_seen_row(seen, r->row[i], strlen(r->row[i]), above);
		struct js *one;

		if (row < 0)
			continue;
		one = js_new();
		js_set_int(one, "row", first + i);
		js_set_str(one, "says", screen_says_name(row));
		js_add(matters, one);
	}
}

static void
tell(struct guest_screen *g)
{
	struct js *f = incident_fact(FACT_STATE, "engine"), *matters = js_array();
	struct screen_seen seen = {.count = 0};

	js_set_str(f, "what", "screen");
	js_set_str(f, "id", g->id);
	js_set_str(f, "kind", g->screen.count ? "text" : g->kind[0] ? g->kind : "none");
	add_rows(f, "above", &g->above);
	add_rows(f, "lines", &g->screen);
	look(&g->above, 0, true, &seen, matters);
	look(&g->screen, g->above.count, false, &seen, matters);
	js_set(f, "matters", matters);
	if (screen_seen_now(&seen) >= 0)
		js_set_str(f, "says", screen_says_name(screen_seen_now(&seen)));
	js_set_int(f, "checked", clock_mono_ms());
	incident_emit(g->incident, FACT_STATE, f);
}

/* --- reading --- */

static void
add_row(struct rows *r, const char *line, size_t len)
{
	if (r->count == r->most)
		return;
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r'))
		len--;
	if (len > GUEST_SCREEN_COLS)
		len = text_cut(line, GUEST_SCREEN_COLS);
	if (!text_is_utf8(line, len))
		len = 0; /* the host program escapes: this is another's */
	memcpy(r->row[r->count], line, len);
	r->row[r->count++][len] = '\0';
}

static void
on_mark(struct guest_screen *g, const char *id, const struct mark *m)
{
	const char *section = mark_get(m, "section"), *kind = mark_get(m, "screen");

	g->into = NULL;
	if (strcmp(m->kind, "fact") == 0 && kind)
		snprintf(g->kind, sizeof g->kind, "%s", kind);
	if (strcmp(m->kind, "section") != 0 || !section)
		return;
	if (strcmp(section, "screen") == 0) {
		forget(g);
		snprintf(g->id, sizeof g->id, "%s", id);
		g->into = &g->screen;
	} else if (strcmp(section, "screen-above") == 0 && strcmp(g->id, id) == 0) {
		g->into = &g->above;
	}
}

void
guest_screen_line(struct guest_screen *g, const char *id, const char *line, size_t len)
{
	static const char captured[] = "#bg phase=forensics-done";
	struct mark m;

	if (mark_parse(&m, line, len))
		on_mark(g, id, &m);
	else if (g->into && len >= 2 && line[0] == ' ' && line[1] == ' ')
		add_row(g->into, line + 2, len - 2);
	if (len >= sizeof captured - 1 &&
	    memcmp(line, captured, sizeof captured - 1) == 0)
		guest_screen_end(g);
}

void
guest_screen_end(struct guest_screen *g)
{
	if (g->id[0])
		tell(g);
	forget(g);
}
