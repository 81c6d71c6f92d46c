/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_who.h"

#include <stdio.h>
#include <string.h>

#include "console/view/view_page.h"

#define WORDS_COLS 100 /* from here whole words stand in the top line */
#define NAMES_COLS 28  /* more names than these cells hold are a number */

/* The time of day of UTC text, "03:12:07". */
static const char *
time_of(const char *at, char out[9])
{
	snprintf(out, 9, "%.8s", strlen(at) >= 19 ? at + 11 : "");
	return out;
}

void
view_who_driver(const struct incident *in, char *out, size_t size)
{
	const struct operator_here *d = incident_driver(in);
	char at[9];

	if (d)
		snprintf(out, size, "%s drives since %s UTC", d->name,
		    time_of(d->driving_since, at));
	else
		snprintf(out, size, "nobody drives");
}

static void
put_names(const struct incident *in, char *out, size_t size)
{
	const struct operator_here *d = incident_driver(in);
	size_t at = 0;

	out[0] = '\0';
	if (d)
		at = (size_t)snprintf(out, size, "%s*", d->name);
	for (int i = 0; i < in->operators && at < size; i++)
		if (&in->here[i] != d)
			at += (size_t)snprintf(
			    out + at, size - at, "%s%s", at ? " " : "", in->here[i].name);
}

static const struct operator_here *
first_watcher(const struct incident *in)
{
	for (int i = 0; i < in->operators; i++)
		if (!in->here[i].driving)
			return &in->here[i];
	return NULL;
}

void
view_who_long(const struct screen *s, int cols, char *out, size_t size)
{
	const struct incident *in = &s->model.incident;
	const struct operator_here *d = incident_driver(in), *w = first_watcher(in);
	int others = in->operators - 1;

	out[0] = '\0';
	if (in->operators < 2)
		return;
	if (cols < WORDS_COLS) {
		put_names(in, out, size);
		if (strlen(out) > NAMES_COLS || !d)
			view_who_short(s, out, size);
	} else if (!d) {
		snprintf(out, size, "nobody drives, %d here", in->operators);
	} else if (others == 1 && w) {
		snprintf(out, size, "%s drives, %s watches", d->name, w->name);
	} else {
		snprintf(out, size, "%s drives, %d watch", d->name, others);
	}
}

void
view_who_short(const struct screen *s, char *out, size_t size)
{
	const struct incident *in = &s->model.incident;
	const struct operator_here *d = incident_driver(in);

	out[0] = '\0';
	if (in->operators < 2)
		return;
	if (d)
		snprintf(out, size, "%s* +%d", d->name, in->operators - 1);
	else
		snprintf(out, size, "%d here, none drives", in->operators);
}

bool
view_who_lost(const struct screen *s, char *out, size_t size)
{
	const struct incident *in = &s->model.incident;
	char at[9];

	if (!in->lost_to[0] || s->read_only)
		return false;
	snprintf(out, size,
	    "%s TOOK OVER at %s: /drive takes it back, /watch closes this.", in->lost_to,
	    time_of(in->lost_at, at));
	return true;
}

static void
say(struct lines *l, const char *text)
{
	lines_str(l, LOOK_PLAIN, "  ");
	lines_str(l, LOOK_PLAIN, text);
	lines_break(l);
}

static void
render_one(struct lines *l, const struct operator_here *o, bool me, bool free)
{
	char at[9], text[320];

	l->indent[0] = '\0';
	lines_str(l, LOOK_NAME, o->name);
	lines_str(l, LOOK_PLAIN, me ? " (you)" : "");
	if (o->driving)
		snprintf(text, sizeof text, " drives since %s UTC",
		    time_of(o->driving_since, at));
	else
		snprintf(text, sizeof text, " %s",
		    o->read_only ? "watches, READ-ONLY"
			: free	 ? "may act, and drives then"
				 : "watches");
	lines_str(l, o->driving ? LOOK_STRONG : LOOK_PLAIN, text);
	lines_break(l);
	snprintf(l->indent, sizeof l->indent, "  ");
	say(l, o->proof[0] ? o->proof : "proof not known yet");
	snprintf(text, sizeof text, "here since %s UTC%s%s", time_of(o->since, at),
	    o->tty[0] ? ", " : "", o->tty);
	say(l, text);
}

void
view_who_render(struct lines *l, const struct incident *in)
{
	const struct operator_here *d = incident_driver(in);

	for (int i = 0; i < in->operators; i++) {
		render_one(l, &in->here[i], strcmp(in->here[i].name, in->you) == 0, !d);
		lines_break(l);
	}
	l->indent[0] = '\0';
	lines_str(l, LOOK_QUIET,
	    in->operators == 0 ? "Not told yet: there is no connection to the engine."
		: d
		? "/drive takes over, at once and for all to see; /watch gives it back."
		: "Nobody drives: who acts next does.");
	lines_break(l);
}

void
view_who_draw(
    struct canvas *c, struct rect r, const struct incident *in, struct page_at *at)
{
	struct lines l;

	lines_init(&l, view_page_cols(r));
	view_who_render(&l, in);
	view_page_draw(c, r, "who is here", &l, at);
	lines_fini(&l);
}
