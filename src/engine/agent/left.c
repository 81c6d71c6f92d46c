/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/left.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/remote/leash.h"
#include "engine/remote/run.h"

#define LEFT_KNOWN 64		/* commands whose words are remembered */
#define LEFT_WHAT_MAX 200	/* bytes of them */
#define LEFT_FIRST_MS 100	/* the leash is given so long to do it by itself */
#define LEFT_AGAIN_MS 2000	/* until the next look, doubled each time … */
#define LEFT_AGAIN_MAX_MS 30000 /* … up to this */
#define LEFT_ANSWER_MS 10000	/* the devvm has so long to answer */
#define LEFT_LOOKS 24		/* then the list is left as "unknown" */
#define LEFT_CONNECT_MS 5000	/* a link that is up may fail a moment later */

enum left_state { LEFT_ENDING, LEFT_RUNNING, LEFT_UNKNOWN, LEFT_STATES };

struct left_run {
	char id[LINE_RUN_MAX];
	char what[LEFT_WHAT_MAX + 1];
	char verb[16]; /* "": a command on the devvm */
	enum left_state state;
	bool end; /* is to be ended */
	int pids; /* in the answer that is being read */
};

struct known {
	char id[LINE_RUN_MAX];
	char what[LEFT_WHAT_MAX + 1];
};

struct left {
	struct incident *incident;
	struct broker *broker;
	char of[INCIDENT_ID_MAX]; /* the incident of these runs */
	struct left_run runs[LEFT_MAX];
	size_t count;
	struct known known[LEFT_KNOWN];
	size_t known_count; /* ever */
	uv_timer_t timer;   /* the next look, or the limit of this one */
	uv_timer_t telling; /* several changes are told at once */
	struct broker_run *look;
	struct buf answer;
	bool wanted;		  /* look even with an empty list */
	bool kill;		  /* the next look kills all */
	bool restart;		  /* this one is given up for that */
	int looks;		  /* since something came onto the list */
	char told[LEFT_MAX * 24]; /* ids and states of the last fact */
};

static void left_start_look(struct left *l);

static void
on_timer(uv_timer_t *t)
{
	left_start_look(t->data);
}

struct left *
left_new(uv_loop_t *loop, struct incident *incident, struct broker *broker)
{
	struct left *l = mem_alloc(sizeof *l);

	l->incident = incident;
	l->broker = broker;
	uv_timer_init(loop, &l->timer);
	uv_timer_init(loop, &l->telling);
	uv_unref((uv_handle_t *)&l->timer);
	l->timer.data = l->telling.data = l;
	buf_init(&l->answer, LEASH_ANSWER_MAX);
	return l;
}

static void
on_telling_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
on_timer_closed(uv_handle_t *handle)
{
	struct left *l = handle->data;

	uv_close((uv_handle_t *)&l->telling, on_telling_closed);
}

void
left_free(struct left *l)
{
	if (!l)
		return;
	buf_fini(&l->answer);
	uv_close((uv_handle_t *)&l->timer, on_timer_closed);
}

/* --- telling --- */

static const char *
state_name(enum left_state s)
{
	static const char *const names[LEFT_STATES] = {"ending", "running", "unknown"};

	return names[s];
}

static void
on_telling(uv_timer_t *t)
{
	struct left *l = t->data;
	struct js *f = incident_fact(FACT_STATE, "engine"), *runs = js_array();
	char told[sizeof l->told] = "";
	size_t len = 0;

	js_set_str(f, "what", "left");
	for (size_t i = 0; i < l->count; i++) {
		const struct left_run *r = &l->runs[i];
		struct js *row = js_new();

		js_set_str(row, "id", r->id);
		js_set_str(row, "host", r->verb[0] ? "pve" : "devvm");
		js_set_bytes(row, "what", r->what, strlen(r->what));
		js_set_str(row, "state", state_name(r->state));
		if (r->verb[0]) {
			js_set_str(row, "verb", r->verb);
			js_set_str(row, "why", "it finishes at the host by itself");
		}
		js_add(runs, row);
		len += (size_t)snprintf(
		    told + len, sizeof told - len, "%s %d ", r->id, (int)r->state);
	}
	js_set(f, "runs", runs);
	if (strcmp(told, l->told) == 0) {
		js_free(f);
		return;
	}
	memcpy(l->told, told, sizeof told);
	incident_emit(l->incident, FACT_STATE, f);
}

static void
left_tell(struct left *l)
{
	uv_timer_start(&l->telling, on_telling, 0, 0);
}

/* --- the list --- */

static struct left_run *
left_find(struct left *l, const char *id)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->runs[i].id, id) == 0)
			return &l->runs[i];
	return NULL;
}

static void
left_remove(struct left *l, struct left_run *r)
{
	size_t i = (size_t)(r - l->runs);

	memmove(r, r + 1, (--l->count - i) * sizeof *r);
}

static const char *
known_what(const struct left *l, const char *id)
{
	size_t n = l->known_count < LEFT_KNOWN ? l->known_count : LEFT_KNOWN;

	for (size_t i = 0; i < n; i++)
		if (strcmp(l->known[i].id, id) == 0)
			return l->known[i].what;
	return "";
}

/* What is on the list is of this incident; NULL: the list is full. */
static struct left_run *
left_add(struct left *l, const char *id)
{
	struct left_run *r;

	if (strcmp(l->of, incident_id(l->incident)) != 0) {
		snprintf(l->of, sizeof l->of, "%s", incident_id(l->incident));
		l->count = 0;
	}
	r = left_find(l, id);
	if (r || l->count == LEFT_MAX)
		return r;
	r = &l->runs[l->count++];
	*r = (struct left_run){.state = LEFT_RUNNING};
	snprintf(r->id, sizeof r->id, "%s", id);
	snprintf(r->what, sizeof r->what, "%s", known_what(l, id));
	return r;
}

void
left_began(struct left *l, const char *id, const char *what, size_t len)
{
	struct known *k = &l->known[l->known_count++ % LEFT_KNOWN];

	len = text_cut(what, len < LEFT_WHAT_MAX ? len : LEFT_WHAT_MAX);
	snprintf(k->id, sizeof k->id, "%s", id);
	snprintf(k->what, sizeof k->what, "%.*s", (int)len, what);
}

static void
left_look_in(struct left *l, int64_t ms)
{
	l->looks = 0;
	if (!l->look)
		uv_timer_start(&l->timer, on_timer, (uint64_t)ms, 0);
}

void
left_closed(struct left *l, const char *id, bool lost)
{
	struct left_run *r = left_add(l, id);

	if (!r)
		return;
	r->state = lost ? LEFT_UNKNOWN : LEFT_ENDING;
	r->end = true;
	left_tell(l);
	left_look_in(l, LEFT_FIRST_MS);
}

void
left_verb(struct left *l, const char *id, const char *verb)
{
	struct left_run *r = left_add(l, id);

	if (!r)
		return;
	snprintf(r->verb, sizeof r->verb, "%s", verb);
	snprintf(r->what, sizeof r->what, "%s", verb);
	left_tell(l);
}

void
left_verb_over(struct left *l, const char *id)
{
	struct left_run *r = left_find(l, id);

	if (!r)
		return;
	left_remove(l, r);
	left_tell(l);
}

void
left_look(struct left *l)
{
	if (!incident_id(l->incident)[0] || l->known_count == 0)
		return;
	l->wanted = true;
	left_look_in(l, LEFT_FIRST_MS);
}

/* A look that is under way may be waiting for a TERM: it is given up. */
void
left_kill(struct left *l)
{
	if (!incident_id(l->incident)[0] || (l->known_count == 0 && l->count == 0))
		return;
	for (size_t i = 0; i < l->count; i++) {
		if (l->runs[i].verb[0])
			continue;
		l->runs[i].end = true;
		l->runs[i].state = LEFT_ENDING;
	}
	l->wanted = l->kill = true;
	l->looks = 0;
	left_tell(l);
	if (!l->look) {
		uv_timer_start(&l->timer, on_timer, 0, 0);
		return;
	}
	l->restart = true;
	broker_run_stop(l->look, "the kill switch was pulled");
}

void
left_spare(struct left *l)
{
	l->kill = l->restart = false;
}

int
left_end(struct left *l, const char *id, struct err *err)
{
	struct left_run *r = left_find(l, id);

	if (!r)
		return err_set(err, ERR_USAGE, "no run %.16s is going on", id);
	if (r->verb[0])
		return err_set(err, ERR_DENIED,
		    "%s is a mutating verb: it finishes at the host, nothing here ends it",
		    id);
	r->end = true;
	r->state = LEFT_ENDING;
	left_tell(l);
	left_look_in(l, 0);
	return 0;
}

void
left_ids(const struct left *l, struct js *array)
{
	for (size_t i = 0; i < l->count; i++)
		js_add_str(array, l->runs[i].id);
}

/* --- asking the devvm --- */

static bool
has_commands(const struct left *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (!l->runs[i].verb[0])
			return true;
	return l->wanted;
}

static void
left_not_known(struct left *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (!l->runs[i].verb[0])
			l->runs[i].state = LEFT_UNKNOWN;
	left_tell(l);
}

static void
left_again(struct left *l)
{
	int64_t ms = LEFT_AGAIN_MS;

	if (!has_commands(l))
		return;
	if (++l->looks >= LEFT_LOOKS) {
		left_not_known(l); /* until the link is new, or an operator says end */
		return;
	}
	for (int i = 1; i < l->looks && ms < LEFT_AGAIN_MAX_MS; i++)
		ms *= 2;
	uv_timer_start(&l->timer, on_timer,
	    (uint64_t)(ms < LEFT_AGAIN_MAX_MS ? ms : LEFT_AGAIN_MAX_MS), 0);
}

static void
on_alive(const char *id, long pid, void *arg)
{
	struct left *l = arg;
	struct left_run *r = left_find(l, id);

	if (!r && !broker_is_running(l->broker, id))
		r = left_add(l, id);
	if (r)
		r->pids++;
}

/* A whole answer: what it does not name is gone. */
static void
left_read(struct left *l)
{
	size_t i = 0;

	for (size_t n = 0; n < l->count; n++)
		l->runs[n].pids = 0;
	if (!leash_answer(buf_str(&l->answer), l->answer.len, on_alive, l)) {
		left_not_known(l);
		return;
	}
	l->wanted = l->kill = false;
	while (i < l->count) {
		struct left_run *r = &l->runs[i];

		if (!r->verb[0] && r->pids == 0) {
			left_remove(l, r);
			continue;
		}
		if (!r->verb[0])
			r->state = LEFT_RUNNING;
		i++;
	}
	left_tell(l);
}

static void
on_look_output(int stream, const char *data, size_t len, void *arg)
{
	struct left *l = arg;

	if (stream == 1)
		buf_add_some(&l->answer, data, len);
}

static void
on_look_end(enum remote_end how, int code, const char *why, void *arg)
{
	struct left *l = arg;

	l->look = NULL;
	uv_timer_stop(&l->timer);
	if (l->restart) {
		l->restart = false;
		left_start_look(l);
		return;
	}
	if (how == REMOTE_EXITED)
		left_read(l);
	else
		left_not_known(l);
	left_again(l);
}

static const struct broker_exec_events look_events = {
    .output = on_look_output, .end = on_look_end};

static void
on_look_limit(uv_timer_t *t)
{
	struct left *l = t->data;

	broker_run_stop(l->look, "the devvm did not say within 10 s what still runs");
}

static void
left_start_look(struct left *l)
{
	const char *ends[LEFT_MAX];
	size_t count = 0;
	struct buf line;

	if (l->look || !has_commands(l))
		return;
	if (remote_state(broker_remote(l->broker, DOOR_DEVVM)) != REMOTE_UP) {
		left_not_known(l); /* left_link_up goes on */
		return;
	}
	if (!l->of[0])
		snprintf(l->of, sizeof l->of, "%s", incident_id(l->incident));
	for (size_t i = 0; i < l->count; i++)
		if (l->runs[i].end && !l->runs[i].verb[0])
			ends[count++] = l->runs[i].id;
	buf_init(&line, LEASH_LINE_MAX);
	leash_ask(&line, l->of, ends, count, l->kill);
	buf_clear(&l->answer);
	l->look = broker_exec(l->broker, DOOR_DEVVM,
	    &(struct run_info){.asked = "engine",
		.by = "engine",
		.host = "devvm",
		.what = buf_str(&line),
		.what_len = line.len},
	    LEFT_CONNECT_MS, &look_events, l);
	buf_fini(&line);
	uv_timer_start(&l->timer, on_look_limit, LEFT_ANSWER_MS, 0);
}

void
left_link_up(struct left *l)
{
	if (has_commands(l))
		left_look_in(l, 0);
}

/* --- what an earlier engine of this incident had begun --- */

static void
found_list(struct left *l, const struct js *record)
{
	const struct js *runs = js_get_array(record, "runs");

	l->count = 0;
	for (size_t i = 0; i < js_len(runs); i++) {
		const struct js *row = js_at(runs, i);
		const char *id = row ? js_str(row, "id") : NULL;
		struct left_run *r;

		if (!id || js_has(row, "verb") || (r = left_add(l, id)) == NULL)
			continue;
		snprintf(r->what, sizeof r->what, "%s",
		    js_str(row, "what") ? js_str(row, "what") : "");
		r->end = !js_is(row, "state", "running");
	}
	snprintf(l->told, sizeof l->told, "%s", l->count ? "?" : "");
}

void
left_found(struct left *l, const struct js *record)
{
	const char *id = js_str(record, "id"), *what;
	struct left_run *r = id ? left_find(l, id) : NULL;

	if (js_is(record, "t", "state") && js_is(record, "what", "left")) {
		found_list(l, record);
	} else if (id && js_is(record, "t", "tool") && js_is(record, "host", "devvm") &&
	    (js_is(record, "asked", "agent") || js_is(record, "asked", "runbook"))) {
		what = js_str(record, "what");
		left_began(l, id, what ? what : "", what ? strlen(what) : 0);
		r = left_add(l, id);
		if (r)
			r->end = true;
	} else if (r && js_is(record, "t", "tool_end") && js_has(record, "exit")) {
		left_remove(l, r);
	}
}

void
left_found_end(struct left *l)
{
	snprintf(l->of, sizeof l->of, "%s", incident_id(l->incident));
	if (l->count || l->told[0])
		left_not_known(l);
}
