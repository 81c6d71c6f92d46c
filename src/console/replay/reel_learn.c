/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reel_learn.c: what a record means to a replay: its time, its action, what it begins
 * or ends. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/replay/reel_int.h"
#include "wire/messages.h"
#include "wire/verbs.h"

#define CLOCK_BACK_MS 1000   /* a monotonic clock that goes back so far began anew */
#define APART_MS (60 * 1000) /* two clocks of one boot are not further apart */
#define STEP_MAX (400 * 86400000LL) /* a longer step is a clock that was wrong */

/* --- times --- */

static bool
is_incident(const struct reel_head *h)
{
	return h->fact && js_is(h->fact, "t", "incident");
}

/* Did the machine start anew between the last record and this one? */
static bool
is_reboot(struct reel_own *own, const struct reel_head *h)
{
	const char *boot = is_incident(h) ? js_str(h->fact, "boot") : NULL;
	int64_t mono = h->mono - own->last_mono, wall = h->wall - own->last_wall;
	bool same = true, told = boot && own->boot[0];

	if (told)
		same = strncmp(own->boot, boot, sizeof own->boot - 1) == 0;
	if (boot)
		snprintf(own->boot, sizeof own->boot, "%s", boot);
	if (mono < -CLOCK_BACK_MS || !same)
		return true;
	return is_incident(h) && !told && llabs(mono - wall) > APART_MS + wall / 10;
}

static void
add_life(struct reel *r, struct reel_mark *m, int64_t mono)
{
	struct reel_own *own = r->own;

	own->lives = mem_resize(own->lives, (own->life_count + 1) * sizeof own->lives[0]);
	own->lives[own->life_count].delta = mono - m->when;
	m->life = (int32_t)own->life_count++;
}

static int64_t
bounded(int64_t step)
{
	return step < 0 ? 0 : step > STEP_MAX ? STEP_MAX : step;
}

void
reel_clock(struct reel *r, struct reel_mark *m, const struct reel_head *h)
{
	struct reel_own *own = r->own;
	int64_t step;

	if (h->mono < 0)
		return;
	if (!own->timed) {
		add_life(r, m, h->mono);
		is_reboot(own, h); /* keeps the boot */
	} else if (is_reboot(own, h)) {
		step = bounded(h->wall - own->last_wall);
		m->when += step;
		m->played += step < REEL_PAUSE_MS ? step : REEL_PAUSE_MS;
		m->kind = REEL_REBOOT;
		add_life(r, m, h->mono);
	} else {
		step = h->mono - own->lives[m->life].delta - m->when;
		step = bounded(step);
		m->when += step;
		m->played += step < REEL_PAUSE_MS ? step : REEL_PAUSE_MS;
	}
	own->timed = true;
	own->last_mono = h->mono;
	own->last_wall = h->wall;
}

int64_t
reel_mono(const struct reel *r, size_t mark, int64_t ms)
{
	const struct reel_own *own = r->own;

	if (mark >= r->count || own->life_count == 0)
		return ms;
	return r->marks[mark].when + own->lives[r->marks[mark].life].delta + ms;
}

/* --- what begins and ends --- */

static uint32_t
this_mark(const struct reel *r)
{
	return (uint32_t)r->count; /* it will have that index */
}

static void
forget_open(struct reel_own *own, size_t at)
{
	own->open_count--;
	memmove(&own->open[at], &own->open[at + 1],
	    (own->open_count - at) * sizeof own->open[0]);
}

static void
span_close(struct reel *r, char kind, const char *id)
{
	struct reel_own *own = r->own;

	for (size_t i = own->open_count; i-- > 0;) {
		struct reel_span *s = &own->spans[own->open[i]];

		if (s->kind != kind || (id && strncmp(s->id, id, sizeof s->id - 1) != 0))
			continue;
		s->to = this_mark(r);
		forget_open(own, i);
	}
}

static void
span_open(struct reel *r, char kind, const char *id)
{
	struct reel_own *own = r->own;
	struct reel_span *s;

	if (own->open_count == REEL_OPEN_MAX)
		forget_open(own, 0);
	if (own->span_count == own->span_size) {
		own->span_size = own->span_size ? own->span_size * 2 : 64;
		own->spans = mem_resize(own->spans, own->span_size * sizeof *s);
	}
	own->open[own->open_count++] = (uint32_t)own->span_count;
	s = &own->spans[own->span_count++];
	memset(s, 0, sizeof *s);
	s->kind = kind;
	s->from = this_mark(r);
	s->to = UINT32_MAX;
	snprintf(s->id, sizeof s->id, "%s", id);
}

void
reel_open_at(
    const struct reel *r, size_t mark, void (*fn)(void *arg, size_t mark), void *arg)
{
	for (size_t i = 0; i < r->own->span_count; i++) {
		const struct reel_span *s = &r->own->spans[i];

		if (s->from < mark && s->to >= mark)
			fn(arg, s->from);
	}
}

/* --- states --- */

static uint8_t
key_of(struct reel_own *own, const char *what, const char *host)
{
	char key[40];

	snprintf(key, sizeof key, "%.20s/%.16s", what, host ? host : "");
	for (int i = 0; i < own->key_count; i++)
		if (strcmp(own->keys[i], key) == 0)
			return (uint8_t)(i + 1);
	if (own->key_count == REEL_KEYS_MAX)
		return 0;
	memcpy(own->keys[own->key_count], key, sizeof key);
	return (uint8_t)(++own->key_count);
}

void
reel_present(
    const struct reel *r, size_t mark, void (*fn)(void *arg, size_t mark), void *arg)
{
	bool seen[REEL_KEYS_MAX + 1] = {true};
	size_t found[REEL_KEYS_MAX], count = 0, left = (size_t)r->own->key_count;

	for (size_t i = mark; i-- > 0 && left > 0;) {
		uint8_t key = r->marks[i].key;

		if (seen[key])
			continue;
		seen[key] = true;
		found[count++] = i;
		left--;
	}
	while (count-- > 0)
		fn(arg, found[count]);
}

/* --- kinds --- */

static void
add_tick(struct reel *r, const struct reel_mark *m, enum reel_action action)
{
	struct reel_own *own = r->own;

	if (r->tick_count == own->tick_size) {
		own->tick_size = own->tick_size ? own->tick_size * 2 : 64;
		r->ticks = mem_resize(r->ticks, own->tick_size * sizeof *r->ticks);
	}
	r->ticks[r->tick_count++] = (struct reel_tick){this_mark(r), m->played, action};
}

static void
learn_incident(struct reel *r, struct reel_mark *m, const struct js *fact)
{
	r->closed = js_is(fact, "state", "closed");
	r->left = js_is(fact, "state", "left");
	if (js_str(fact, "id") && !r->id[0])
		snprintf(r->id, sizeof r->id, "%s", js_str(fact, "id"));
	if (!js_is(fact, "state", "continued"))
		return;
	if (m->kind != REEL_REBOOT)
		m->kind = REEL_ENGINE;
	span_close(r, 't', NULL); /* their ends will not come */
	span_close(r, 'p', NULL);
	span_close(r, 'a', NULL);
}

static void
learn_verb(struct reel *r, struct reel_mark *m, const struct js *fact)
{
	const char *name = js_str(fact, "verb"), *id = js_str(fact, "id");
	int verb = name ? verb_by_name(name, strlen(name)) : -1;
	bool ends = js_is(fact, "state", "finished") || js_is(fact, "state", "unknown");

	if (!id)
		return;
	if (js_is(fact, "state", "asked")) {
		add_tick(r, m,
		    verb >= 0 && verb_rows[verb].mutating ? REEL_MUTATION : REEL_VERB);
		span_open(r, 'v', id);
	} else if (ends) {
		add_tick(r, m, REEL_VERB_END);
		span_close(r, 'v', id);
	} else if (js_is(fact, "state", "refused")) {
		span_close(r, 'v', id);
	}
}

static void
learn_verdict(struct reel *r, struct reel_mark *m, const struct js *fact)
{
	struct reel_own *own = r->own;
	char words[64];

	m->kind = m->kind ? m->kind : REEL_STATE;
	m->key = key_of(own, "the verdict", NULL);
	snprintf(words, sizeof words, "%.31s/%.15s",
	    js_str(fact, "word") ? js_str(fact, "word") : "",
	    js_str(fact, "advice") ? js_str(fact, "advice") : "");
	if (strcmp(words, own->verdict) == 0)
		return;
	memcpy(own->verdict, words, sizeof words);
	add_tick(r, m, REEL_VERDICT);
}

static void
learn_prompt(struct reel *r, struct reel_mark *m, const struct js *fact)
{
	int64_t turn = js_int(fact, "turn", 0);
	char id[24];

	if (turn == r->own->last_turn && turn > 0)
		return; /* another part, or it was queued before */
	r->own->last_turn = turn;
	snprintf(id, sizeof id, "%" PRId64, turn);
	add_tick(r, m, REEL_PROMPT);
	span_open(r, 'p', id);
}

static void
learn_done(struct reel *r, const struct js *fact)
{
	char id[24];

	snprintf(id, sizeof id, "%" PRId64, js_int(fact, "turn", 0));
	span_close(r, 'p', id);
}

void
reel_learn(struct reel *r, struct reel_mark *m, const struct js *fact)
{
	const char *id = js_str(fact, "id");

	switch (message_fact(fact)) {
	case FACT_INCIDENT:
		learn_incident(r, m, fact);
		break;
	case FACT_STATE:
		m->kind = m->kind ? m->kind : REEL_STATE;
		if (js_str(fact, "what"))
			m->key =
			    key_of(r->own, js_str(fact, "what"), js_str(fact, "host"));
		break;
	case FACT_VERDICT:
		learn_verdict(r, m, fact);
		break;
	case FACT_VERB:
		learn_verb(r, m, fact);
		break;
	case FACT_PROMPT:
		learn_prompt(r, m, fact);
		break;
	case FACT_DONE:
		learn_done(r, fact);
		break;
	case FACT_TOOL:
		if (id)
			span_open(r, 't', id);
		break;
	case FACT_TOOL_END:
		if (id)
			span_close(r, 't', id);
		break;
	case FACT_ASK:
		if (id)
			span_open(r, 'a', id);
		break;
	case FACT_ANSWERED:
		if (id)
			span_close(r, 'a', id);
		break;
	default:
		break;
	}
}
