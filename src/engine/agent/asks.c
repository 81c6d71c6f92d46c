/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/asks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define ASKS_KNOWN 16 /* answered ones that a late answer is told about */
#define ASK_ID_MAX 12

struct ask {
	struct ask *next;
	struct asks *asks;
	char id[ASK_ID_MAX];
	struct js *what; /* members for the operator */
	int64_t until_ms;
	uv_timer_t timer;
	ask_fn *fn; /* NULL: not wanted any more */
	void *arg;
	bool over; /* answered; the timer brings the callback */
	bool yes;
	char why[200];
};

struct answered {
	char id[ASK_ID_MAX], by[WIRE_NAME_MAX + 1];
	bool yes;
};

struct asks {
	uv_loop_t *loop;
	struct incident *incident;
	int64_t limit_ms;
	struct ask *first; /* oldest first */
	unsigned last_id;
	struct answered known[ASKS_KNOWN];
	size_t known_count;		 /* ever */
	char left[ASKS_MAX][ASK_ID_MAX]; /* of an earlier engine, still open */
	size_t left_count;
};

struct asks *
asks_new(uv_loop_t *loop, struct incident *incident, int64_t limit_ms)
{
	struct asks *as = mem_alloc(sizeof *as);

	as->loop = loop;
	as->incident = incident;
	as->limit_ms = limit_ms > 0 ? limit_ms : ASKS_LIMIT_MS;
	return as;
}

static void
on_ask_closed(uv_handle_t *handle)
{
	struct ask *q = handle->data;

	js_free(q->what);
	free(q);
}

/* Unlinked at once, freed by the loop. */
static void
ask_drop(struct ask *q)
{
	struct ask **at = &q->asks->first;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	uv_close((uv_handle_t *)&q->timer, on_ask_closed);
}

void
asks_free(struct asks *as)
{
	if (!as)
		return;
	while (as->first)
		ask_drop(as->first);
	free(as);
}

static size_t
asks_open(const struct asks *as)
{
	size_t n = 0;

	for (const struct ask *q = as->first; q; q = q->next)
		n += !q->over;
	return n;
}

/* Members of what, into a fact. */
static void
ask_tell(const struct ask *q, struct js *f, int64_t ms)
{
	static const char *const texts[] = {"kind", "text", "asked", "host", "command",
	    "command_b64", "input", "input_b64", "verb"};

	js_set_str(f, "id", q->id);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		size_t len = 0;
		const char *s = js_strn(q->what, texts[i], &len);

		if (s)
			js_set_strn(f, texts[i], s, len);
	}
	if (js_has(q->what, "cut"))
		js_set_bool(f, "cut", true);
	if (js_has(q->what, "stdin"))
		js_set_bool(f, "stdin", true);
	if (js_has(q->what, "turn"))
		js_set_int(f, "turn", js_int(q->what, "turn", 0));
	js_set_int(f, "ms", ms > 0 ? ms : 0);
}

/* The oldest open one, for consoles that come now; no id: none is open. */
static void
asks_tell_state(struct asks *as)
{
	struct js *f = incident_fact(FACT_STATE, "engine");
	const struct ask *q = as->first;

	while (q && q->over)
		q = q->next;
	js_set_str(f, "what", "ask");
	if (q) {
		ask_tell(q, f, q->until_ms - clock_mono_ms());
		js_set_int(f, "until", q->until_ms);
	}
	js_set_int(f, "open", (int64_t)asks_open(as));
	incident_emit(as->incident, FACT_STATE, f);
}

static void
asks_tell_answered(
    struct asks *as, const char *id, bool yes, const char *why, const char *by)
{
	struct js *f = incident_fact(FACT_ANSWERED, by);
	struct answered *k = &as->known[as->known_count++ % ASKS_KNOWN];

	js_set_str(f, "id", id);
	js_set_bool(f, "yes", yes);
	js_set_str(f, "why", why);
	incident_emit(as->incident, FACT_ANSWERED, f);
	snprintf(k->id, sizeof k->id, "%s", id);
	snprintf(k->by, sizeof k->by, "%s", by);
	k->yes = yes;
}

/* --- the end of one --- */

static void
on_answered(uv_timer_t *timer)
{
	struct ask *q = timer->data;
	ask_fn *fn = q->fn;

	ask_drop(q);
	if (fn)
		fn(q->yes, q->why, q->arg); /* freed by a later turn of the loop */
}

/* The callback comes from the loop. */
static void
ask_enter_over(struct ask *q, bool yes, const char *why, const char *by)
{
	q->over = true;
	q->yes = yes;
	snprintf(q->why, sizeof q->why, "%s", why);
	LOG("asks", "%s: answered %s: %s", q->id, yes ? "yes" : "no", q->why);
	asks_tell_answered(q->asks, q->id, yes, q->why, by);
	asks_tell_state(q->asks);
	uv_timer_start(&q->timer, on_answered, 0, 0);
}

static void
on_silence(uv_timer_t *timer)
{
	struct ask *q = timer->data;
	char why[120];

	snprintf(why, sizeof why,
	    "no operator answered within %lld s, and silence means no",
	    (long long)((q->asks->limit_ms + 999) / 1000));
	ask_enter_over(q, false, why, "engine");
}

void
ask_withdraw(struct ask *q, const char *why)
{
	if (!q)
		return;
	q->fn = NULL;
	if (!q->over)
		ask_enter_over(q, false, why, "engine");
}

static int
asks_not_open(const struct asks *as, const char *id, struct err *err)
{
	size_t n = as->known_count < ASKS_KNOWN ? as->known_count : ASKS_KNOWN;

	for (size_t i = 0; i < n; i++)
		if (strcmp(as->known[i].id, id) == 0)
			return err_set(err, ERR_USAGE,
			    "%s was answered already: %s, by %s", id,
			    as->known[i].yes ? "yes" : "no", as->known[i].by);
	return err_set(err, ERR_USAGE, "no question \"%.12s\" is open", id);
}

int
asks_answer(struct asks *as, const char *id, bool yes, const char *by, struct err *err)
{
	char why[WIRE_NAME_MAX + 32];

	for (struct ask *q = as->first; q; q = q->next) {
		if (q->over || strcmp(q->id, id) != 0)
			continue;
		snprintf(why, sizeof why, "operator %s said %s", by, yes ? "yes" : "no");
		ask_enter_over(q, yes, why, by);
		return 0;
	}
	return asks_not_open(as, id, err);
}

/* --- the beginning --- */

static struct js *
ask_members(const struct ask_what *what)
{
	struct js *m = js_new();

	js_set_str(m, "kind", what->kind);
	js_set_str(m, "text", what->text);
	js_set_str(m, "asked", what->asked ? what->asked : "agent");
	js_set_str(m, "host", what->host);
	if (what->command) {
		bool cut = what->command_len > WIRE_CHUNK_MAX;

		js_set_bytes(m, "command", what->command,
		    cut ? text_cut(what->command, WIRE_CHUNK_MAX) : what->command_len);
		if (cut)
			js_set_bool(m, "cut", true);
	}
	if (what->has_input)
		js_set_bool(m, "stdin", true);
	if (what->input_len)
		js_set_bytes(m, "input", what->input, what->input_len);
	js_set_str(m, "verb", what->verb);
	if (what->turn)
		js_set_int(m, "turn", what->turn);
	return m;
}

struct ask *
asks_ask(struct asks *as, const struct ask_what *what, ask_fn *fn, void *arg)
{
	struct ask *q = mem_alloc(sizeof *q), **at = &as->first;
	struct js *f;
	bool full = asks_open(as) == ASKS_MAX;

	q->asks = as;
	q->what = ask_members(what);
	q->fn = fn;
	q->arg = arg;
	q->until_ms = clock_mono_ms() + as->limit_ms;
	uv_timer_init(as->loop, &q->timer);
	q->timer.data = q;
	while (*at)
		at = &(*at)->next;
	*at = q;
	snprintf(q->id, sizeof q->id, "q%u", ++as->last_id);
	f = incident_fact(FACT_ASK, "agent");
	ask_tell(q, f, as->limit_ms);
	incident_emit(as->incident, FACT_ASK, f);
	if (full) {
		ask_enter_over(q, false,
		    "8 questions are open already: wait for their answers", "engine");
		return q;
	}
	asks_tell_state(as);
	uv_timer_start(&q->timer, on_silence, (uint64_t)as->limit_ms, 0);
	return q;
}

/* --- what an earlier engine of this incident asked --- */

static void
left_remove(struct asks *as, const char *id)
{
	for (size_t i = 0; i < as->left_count; i++) {
		if (strcmp(as->left[i], id) != 0)
			continue;
		memmove(as->left[i], as->left[i + 1],
		    (--as->left_count - i) * sizeof as->left[0]);
		return;
	}
}

void
asks_found(struct asks *as, const struct js *record)
{
	const char *id = js_str(record, "id");
	unsigned n;

	if (!id || id[0] != 'q' || strlen(id) >= ASK_ID_MAX)
		return;
	if (js_is(record, "t", "answered")) {
		left_remove(as, id);
	} else if (js_is(record, "t", "ask")) {
		n = (unsigned)strtoul(id + 1, NULL, 10);
		if (n > as->last_id)
			as->last_id = n;
		if (as->left_count < ASKS_MAX)
			snprintf(as->left[as->left_count++], ASK_ID_MAX, "%s", id);
	}
}

void
asks_found_end(struct asks *as)
{
	for (size_t i = 0; i < as->left_count; i++)
		asks_tell_answered(as, as->left[i], false,
		    "the engine that asked has ended: nobody waits for the answer",
		    "engine");
	if (as->left_count)
		asks_tell_state(as);
	as->left_count = 0;
}
