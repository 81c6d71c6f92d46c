/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine's answers go through a tail of their own, as those of the pane do: marks
 * of the host program become headings, colours go, what is missing is a gap.  Its lines
 * are written down as they have to make room for others, so no more than a run's share
 * of memory is used besides the text.
 */
#include "console/action/run_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/action/action_int.h"
#include "console/term/clip.h"
#include "console/view/view_tools_int.h"
#include "console/draw/words.h"

#define REQ "text"
#define BEGIN_MAX                                                             \
	(RUN_TEXT_MAX / 8 * 7) /* bytes; of what is longer the end stays, too \
				*/
#define END_MAX (RUN_TEXT_MAX / 16)

struct run_text {
	char id[16];
	enum run_text_use use;
	struct tail tail;
	struct buf out;
	struct buf end;	    /* what comes behind BEGIN_MAX, the last of it */
	int64_t cut;	    /* bytes between the two */
	int64_t got, total; /* bytes */
	bool begun;	    /* a line was written */
	char words[96];
};

/* --- lines --- */

static void
add(struct run_text *t, const char *text, size_t len)
{
	const char *lf;
	size_t over;

	if (t->out.len < BEGIN_MAX && t->end.len == 0) {
		buf_add_some(&t->out, text, len);
		return;
	}
	buf_add_some(&t->end, text, len);
	if (t->end.len < 2 * END_MAX - 64 * 1024)
		return;
	over = t->end.len - END_MAX;
	lf = memchr(t->end.data + over, '\n', t->end.len - over);
	over = lf ? (size_t)(lf + 1 - t->end.data) : over;
	t->cut += (int64_t)over;
	buf_drop(&t->end, over);
}

static void
add_str(struct run_text *t, const char *text)
{
	add(t, text, strlen(text));
}

static void
add_gap(struct run_text *t, const struct tail_line *l)
{
	char size[24], line[160];

	words_bytes(l->gap->to - l->gap->from, size, sizeof size);
	snprintf(line, sizeof line,
	    "[... %s%s are missing here: the journal has not got "
	    "them ...]\n",
	    size, l->stream == TAIL_ERR ? " of errors" : "");
	add_str(t, line);
}

static void
add_line(struct run_text *t, const struct tail_line *l, bool goes_on)
{
	if (l->gap) {
		add_gap(t, l);
		return;
	}
	if (!goes_on && l->stream == TAIL_ERR)
		add_str(t, "! ");
	if (l->kind == TAIL_FRAME)
		add_str(t, "┌─ ");
	else if (l->kind == TAIL_FRAME_END)
		add_str(t, "└──");
	else if (l->kind == TAIL_SCREEN)
		add_str(t, l->len > 0 ? "│ " : "│");
	add(t, l->text ? l->text : "", l->len);
	if (l->kind == TAIL_FRAME)
		add_str(t, " ─");
	if (!l->wraps)
		add_str(t, "\n");
}

static void
add_lines(struct run_text *t, const struct tail_run *r, bool goes_on)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct tail_line *l = tail_line(r, i);

		add_line(t, l, goes_on);
		goes_on = l->wraps;
	}
}

static void
on_dropped(void *arg, const struct tail_run *r, const struct tail_line *l)
{
	struct run_text *t = arg;

	add_line(t, l, t->begun);
	t->begun = l->wraps;
}

/* --- what stands above and below --- */

static void
add_command(struct run_text *t, const struct tail_run *r)
{
	const char *p = r->command ? r->command : r->what[0] ? r->what : r->verb;

	while (*p) {
		size_t n = strcspn(p, "\n");

		add_str(t, "    ");
		add(t, p, n);
		add_str(t, "\n");
		p += n + (p[n] == '\n');
	}
}

static void
add_head(struct run_text *t, const struct screen *s, const struct tail_run *r)
{
	struct run_words w;
	char line[600];

	run_words(r, model_now(&s->model, s->now), &w);
	snprintf(line, sizeof line, "run:      %s of incident %s\nhost:     %s\n", r->id,
	    s->model.incident.id, r->host);
	add_str(t, line);
	snprintf(line, sizeof line, "asked by: %s%s%s\nbegan:    %s\n", run_who(r),
	    strcmp(run_who(r), r->by) != 0 && r->by[0] ? ", " : "",
	    strcmp(run_who(r), r->by) != 0 ? r->by : "", r->at[0] ? r->at : "not known");
	add_str(t, line);
	snprintf(line, sizeof line, "state:    %s%s%s%s%s\n", w.state,
	    r->ended && w.time[0] ? " after " : "", r->ended ? w.time : "",
	    w.more[0] ? ": " : "", w.more);
	add_str(t, line);
	snprintf(line, sizeof line,
	    "output:   %s; in the order in which it came, lines of standard error behind "
	    "\"! \"\ncommand:\n",
	    w.output);
	add_str(t, line);
	add_command(t, r);
	add_str(t, "\n");
}

/* What is missing at the end is said there. */
static void
add_end(struct run_text *t, const char *why, int64_t missing)
{
	char line[300], size[24];

	if (t->cut > 0) {
		words_bytes(t->cut, size, sizeof size);
		snprintf(line, sizeof line,
		    "\n[... %s are cut here: %d MiB is the most; the journal has them ...]\n",
		    size, RUN_TEXT_MAX / (1024 * 1024));
		buf_add_some(&t->out, line, strlen(line));
	}
	buf_add_some(&t->out, buf_str(&t->end), t->end.len);
	if (missing > 0) {
		words_bytes(missing, size, sizeof size);
		snprintf(
		    line, sizeof line, "[... %s are missing here: %s ...]\n", size, why);
		buf_add_some(&t->out, line, strlen(line));
	}
}

/* --- from the beginning to the end --- */

static struct run_text *
text_new(struct screen *s, const struct tail_run *r, enum run_text_use use)
{
	struct run_text *t = mem_alloc(sizeof *t);

	snprintf(t->id, sizeof t->id, "%s", r->id);
	t->use = use;
	t->total = r->ended ? r->total[TAIL_OUT] + r->total[TAIL_ERR]
			    : r->next[TAIL_OUT] + r->next[TAIL_ERR];
	buf_init(&t->out, RUN_TEXT_MAX);
	buf_init(&t->end, 2 * END_MAX);
	tail_init(&t->tail);
	t->tail.dropped = on_dropped;
	t->tail.arg = t;
	if (use != RUN_TEXT_COPY)
		add_head(t, s, r);
	return t;
}

void
run_text_free(struct run_text *t)
{
	if (!t)
		return;
	t->tail.dropped = NULL;
	tail_fini(&t->tail);
	buf_fini(&t->out);
	buf_fini(&t->end);
	free(t);
}

static void
hand_out(struct action_context *a, struct run_text *t)
{
	char what[32], name[32];

	snprintf(what, sizeof what, "run %s", t->id);
	snprintf(name, sizeof name, "%s.txt", t->id);
	if (t->use == RUN_TEXT_SAVE)
		clip_save(a, what, name, buf_str(&t->out), t->out.len);
	else if (t->use == RUN_TEXT_VIEW)
		clip_view(a, what, buf_str(&t->out), t->out.len);
	else
		clip_copy(a, what, buf_str(&t->out), t->out.len);
	run_text_free(t);
}

/* All that it said is kept here, as far as anybody has it. */
static bool
is_whole(const struct tail_run *r)
{
	return r->ended && r->gaps == 0 && r->gone == 0 && !r->stub && !r->lost &&
	    r->cut == 0 && r->next[TAIL_OUT] == r->total[TAIL_OUT] &&
	    r->next[TAIL_ERR] == r->total[TAIL_ERR];
}

static void
from_here(struct action_context *a, const struct tail_run *r, enum run_text_use use)
{
	struct run_text *t = text_new(a->screen, r, use);
	char line[120];

	if (r->gone > 0) {
		snprintf(line, sizeof line,
		    "[... %" PRIu64 " lines are missing here: they are not kept ...]\n",
		    r->gone);
		add_str(t, line);
	}
	add_lines(t, r, false);
	add_end(t, "this console has no connection to an engine",
	    r->ended ? t->total - r->next[TAIL_OUT] - r->next[TAIL_ERR] : 0);
	hand_out(a, t);
}

static bool
ask(struct action_context *a, struct run_text *t, int64_t after)
{
	struct js *m = message_new("fetch");
	struct err err;

	js_set_str(m, "id", t->id);
	if (after > 0)
		js_set_int(m, "after", after);
	js_set_str(m, "req", REQ);
	return a->send(a->arg, m, &err) == 0;
}

/* The run as the tail of its own knows it: what marks its lines have. */
static void
begin_tail(struct run_text *t, const struct tail_run *r)
{
	struct js *f = js_new();

	js_set_str(f, "t", "tool");
	js_set_str(f, "id", r->id);
	js_set_str(f, "host", r->host);
	js_set_str(f, "asked", r->asked);
	if (r->verb[0])
		js_set_str(f, "verb", r->verb);
	tail_apply(&t->tail, f);
	js_free(f);
}

void
run_text_start(struct action_context *a, const char *run_id, enum run_text_use use)
{
	struct screen *s = a->screen;
	const struct tail_run *r = tail_by_id(&s->model.tools, run_id);
	struct run_text *t;

	if (!r)
		return;
	run_text_cancel(a);
	if (is_whole(r) || s->replay.on || !s->link_up || !s->model.incident.caught_up ||
	    !s->model.incident.open) {
		from_here(a, r, use);
		return;
	}
	t = text_new(s, r, use);
	begin_tail(t, r);
	if (!ask(a, t, r->seq)) {
		run_text_free(t);
		from_here(a, r, use);
		return;
	}
	s->run_text = t;
}

static void
finish(struct action_context *a)
{
	struct run_text *t = a->screen->run_text;
	const struct tail_run *r = t->tail.runs[0];
	struct js *f = js_new();

	a->screen->run_text = NULL;
	js_set_str(f, "t", "tool_end");
	js_set_str(f, "id", t->id);
	tail_apply(&t->tail, f);
	js_free(f);
	add_lines(t, r, t->begun);
	add_end(t, "the journal has not got them",
	    t->total - r->next[TAIL_OUT] - r->next[TAIL_ERR]);
	hand_out(a, t);
}

bool
run_text_fact(struct action_context *a, const struct js *fact)
{
	struct run_text *t = a->screen->run_text;

	if (!js_is(fact, "req", REQ))
		return false;
	if (!t)
		return true; /* of one that was given up */
	if (js_is(fact, "t", "output") && js_is(fact, "id", t->id)) {
		t->got += js_int(fact, "len", 0);
		tail_apply(&t->tail, fact);
	} else if (js_is(fact, "t", "error")) {
		run_text_lost(a);
	} else if (js_is(fact, "t", "fetched") && js_is(fact, "id", t->id)) {
		if (!js_bool(fact, "more", false))
			finish(a);
		else if (!ask(a, t, js_int(fact, "next", 0)))
			run_text_lost(a);
	}
	return true;
}

static void
give_up(struct action_context *a, bool bad, const char *why)
{
	struct run_text *t = a->screen->run_text;
	char text[160];

	snprintf(text, sizeof text, "Run %s was not read to its end: %s.", t->id, why);
	a->screen->run_text = NULL;
	run_text_free(t);
	action_say(a, bad ? TONE_BAD : TONE_PLAIN, text);
}

void
run_text_lost(struct action_context *a)
{
	if (a->screen->run_text)
		give_up(a, true, "the engine does not answer");
}

bool
run_text_cancel(struct action_context *a)
{
	if (!a->screen->run_text)
		return false;
	give_up(a, false, "given up");
	return true;
}

const char *
run_text_words(const struct screen *s)
{
	struct run_text *t = s->run_text;
	char got[24], total[24];

	if (!t)
		return "";
	words_bytes(t->got, got, sizeof got);
	words_bytes(t->total, total, sizeof total);
	snprintf(t->words, sizeof t->words, "reading %s: %s of %s, Esc gives up", t->id,
	    got, total);
	return t->words;
}
