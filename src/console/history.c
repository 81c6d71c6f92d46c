/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/messages.h"

#define FILLS_MAX 3   /* parts, to fill the panes */
#define FULL_ITEMS 40 /* a pane of any size is full with so much */
#define FULL_LINES 60
#define ENOUGH_ITEMS 600 /* no pane is filled at the cost of more of the other */

void
history_init(struct history *h, struct screen *s,
    int (*send)(void *arg, struct js *request, struct err *err), void *arg)
{
	memset(h, 0, sizeof *h);
	h->screen = s;
	h->send = send;
	h->arg = arg;
}

void
history_lost(struct history *h)
{
	if (h->older)
		model_fini(h->older);
	free(h->older);
	h->older = NULL;
	h->wanted = false;
	h->find[0] = '\0';
}

void
history_fini(struct history *h)
{
	history_lost(h);
}

void
history_reset(struct history *h)
{
	history_lost(h);
	h->oldest = 0;
	h->first = false;
	h->fills = 0;
	h->screen->older[0] = '\0';
}

static bool
has_older(const struct history *h)
{
	return h->oldest > 1 && !h->first;
}

static void
ask(struct history *h)
{
	struct js *m = message_new("history");
	struct err err = {0};

	js_set_int(m, "before", h->oldest);
	js_set_int(m, "count", HISTORY_PART);
	js_set_str(m, "incident", h->screen->model.incident.id);
	js_set_str(m, "req", "history");
	if (h->send(h->arg, m, &err) < 0) {
		LOG("console", "history: %s", err.words);
		history_lost(h);
		return;
	}
	h->older = mem_alloc(sizeof *h->older);
	model_init(h->older);
}

static bool
may_ask(const struct history *h, enum focus pane)
{
	return !h->older && has_older(h) && h->screen->link_up &&
	    h->screen->model.incident.caught_up &&
	    model_has_room(&h->screen->model, pane == FOCUS_TOOLS);
}

/* A pane that is not full, or whose first run has no beginning. */
static bool
is_thin(const struct model *m)
{
	size_t lines = 0;

	for (size_t i = 0; i < m->tools.count && lines < FULL_LINES; i++)
		lines += m->tools.runs[i]->count + 2;
	if (m->chat.count > ENOUGH_ITEMS)
		return false;
	return (m->chat.count < FULL_ITEMS || lines < FULL_LINES ||
		   (m->tools.count > 0 && m->tools.runs[0]->stub)) &&
	    model_has_room(m, false);
}

static bool
is_at_top(const struct screen *s)
{
	const struct scroll *sc =
	    s->focus == FOCUS_CHAT ? &s->chat.scroll : &s->tools.scroll;
	const struct item *it = transcript_at(&s->model.chat, 0);

	if (!sc->away || s->page != PAGE_NONE)
		return false;
	if (s->focus == FOCUS_CHAT)
		return !it ||
		    (sc->top.unit <= it->serial && sc->line <= 1); /* its air is a line */
	return s->model.tools.count == 0 ||
	    (sc->top.unit <= s->model.tools.runs[0]->serial && sc->top.part == 0 &&
		sc->line == 0);
}

/* For the title of a pane, at its top. */
static void
write_words(struct history *h)
{
	struct screen *s = h->screen;
	bool room = model_has_room(&s->model, s->focus == FOCUS_TOOLS);

	if (!has_older(h) || !is_at_top(s))
		s->older[0] = '\0';
	else if (h->older)
		snprintf(s->older, sizeof s->older, "reading what is older");
	else if (room)
		snprintf(s->older, sizeof s->older, "%" PRId64 " older records: PgUp",
		    h->oldest - 1);
	else
		snprintf(s->older, sizeof s->older, "older: breakglass replay");
}

void
history_look(struct history *h)
{
	struct screen *s = h->screen;

	if (may_ask(h, s->focus) && is_at_top(s)) {
		ask(h);
	} else if (may_ask(h, FOCUS_CHAT) && h->fills < FILLS_MAX && is_thin(&s->model)) {
		h->fills++;
		ask(h);
	}
	write_words(h);
}

/* --- what was asked for has come --- */

/* In the one row that browse mode has for it. */
static void
say_short(struct history *h)
{
	char text[120];

	if (!has_older(h))
		snprintf(text, sizeof text, "not found; the incident begins above");
	else
		snprintf(text, sizeof text,
		    "not found; %" PRId64 " older: breakglass replay %.40s",
		    h->oldest - 1, h->screen->model.incident.id);
	browse_say(h->screen, LOOK_BUSY, text);
}

static void
say_older(struct history *h, const char *what)
{
	char text[200];

	if (h->screen->browse.on && what[0]) {
		say_short(h);
		return;
	}
	if (!has_older(h))
		snprintf(text, sizeof text, "%sThe incident begins above.", what);
	else
		snprintf(text, sizeof text,
		    "%s%" PRId64
		    " older records are not kept here: \"breakglass replay %.40s\" shows all.",
		    what, h->oldest - 1, h->screen->model.incident.id);
	model_local(&h->screen->model, TONE_PLAIN, text);
}

/* It was not found: what is older still is asked for, and looked through. */
static void
find(struct history *h)
{
	if (may_ask(h, h->pane)) {
		ask(h);
		if (h->screen->browse.on)
			browse_say(h->screen, LOOK_QUIET, "looking further up…");
		return;
	}
	say_older(h, "Not found in this pane. ");
	h->find[0] = '\0';
}

/* Unless somebody does something else by now. */
static void
look_on(struct history *h)
{
	struct screen *s = h->screen;

	if (s->focus == h->pane && (s->browse.on || !s->line || !s->line[0]))
		browse_look_for(s, h->find);
	h->find[0] = '\0';
}

/* What stands at the top of a pane stays there. */
static void
pin(struct screen *s)
{
	const struct item *it = transcript_at(&s->model.chat, 0);

	if (s->chat.scroll.away && it && s->chat.scroll.top.unit < it->serial) {
		s->chat.scroll.top = (struct scroll_pos){it->serial, 0};
		s->chat.scroll.line = 0;
	}
	if (s->tools.scroll.away && s->model.tools.count > 0 &&
	    s->tools.scroll.top.unit < s->model.tools.runs[0]->serial)
		s->tools.scroll.top =
		    (struct scroll_pos){s->model.tools.runs[0]->serial, 0};
}

static void
put_in_front(struct history *h, const struct js *fact)
{
	struct model *older = h->older, *m = &h->screen->model;
	struct item *top = transcript_at(&m->chat, 0);
	int64_t from = js_int(fact, "from", 0);
	bool wanted = h->wanted;

	h->older = NULL;
	h->wanted = false;
	pin(h->screen);
	model_prepend(m, older);
	view_chat_prepended(&h->screen->chat, m, top ? top->serial : 0);
	model_fini(older);
	free(older);
	h->first = js_bool(fact, "first", false) || from <= 0;
	if (from > 0)
		h->oldest = from;
	if (h->find[0])
		look_on(h);
	if (wanted && !model_has_room(m, h->pane == FOCUS_TOOLS))
		say_older(h, "");
	history_look(h);
}

bool
history_fact(struct history *h, const struct js *fact)
{
	int64_t seq = js_int(fact, "seq", 0);

	if (h->screen->replay.on)
		return false; /* a replay has the whole journal */
	if (js_is(fact, "t", "history")) {
		if (h->older)
			put_in_front(h, fact);
		return true;
	}
	if (js_is(fact, "t", "error") && js_is(fact, "where", "history"))
		history_lost(h); /* the words of it are shown */
	if (seq <= 0)
		return false;
	if (h->oldest == 0) {
		h->oldest = seq;
	} else if (seq < h->oldest && h->older) {
		model_apply(h->older, fact, clock_mono_ms());
		return true;
	} else if (js_is(fact, "t", "incident") && js_is(fact, "state", "opened") &&
	    seq <= h->screen->model.incident.last) {
		history_reset(h); /* another one, whose numbers begin anew */
		h->oldest = seq;
	}
	return false;
}

bool
history_is_far(const struct history *h, const struct js *fact)
{
	const struct incident *in = &h->screen->model.incident;

	return js_is(fact, "t", "welcome") && !in->caught_up && in->last > 0 &&
	    js_int(fact, "last", 0) - in->last > HISTORY_FAR;
}

void
history_asked(struct history *h, struct action_context *a)
{
	enum focus pane = h->screen->focus;

	if (a->not_found[0] && !h->older) {
		h->pane = pane;
		snprintf(h->find, sizeof h->find, "%s", a->not_found);
		find(h);
	} else if (a->older && !h->older) {
		h->pane = pane;
		h->wanted = may_ask(h, pane);
		if (h->wanted)
			ask(h);
		else
			say_older(h, "");
	}
	a->older = false;
	a->not_found[0] = '\0';
	history_look(h);
}
