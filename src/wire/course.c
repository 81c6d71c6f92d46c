/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/course.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS                                                                \
	((int64_t)3600 * 1000) /* a stage that says it took longer is no stage \
				*/

#define V(verb) (1u << VERB_##verb)
#define MUTATING (V(START) | V(STOP) | V(RESET) | V(CYCLE))
#define CLIMBS (V(START) | V(RESET) | V(CYCLE))

/* docs/host-protocol.md has the host's limits. */
static const struct {
	const char *name;
	unsigned sure, may; /* of which verbs it always is, or may be, a stage */
	int64_t limit_ms;
} stages[COURSE_STAGES] = {
    [COURSE_SEND] = {"sending", MUTATING, 0, 0},
    [COURSE_FORENSICS] = {"forensics", MUTATING, 0, 8000},
    [COURSE_THAW] = {"thaw", 0, MUTATING, 0},
    [COURSE_STOP] = {"stop", V(STOP) | V(CYCLE), 0, 20000},
    [COURSE_KILL] = {"kill", 0, V(STOP) | V(CYCLE), 12000},
    [COURSE_RESET] = {"reset", V(RESET), 0, 20000},
    [COURSE_START] = {"start", V(START) | V(CYCLE), V(RESET), 0},
    [COURSE_BOOT] = {"boot", CLIMBS, 0, 35000},
    [COURSE_SSH] = {"ssh", CLIMBS, 0, 0},
    [COURSE_HEALTHY] = {"healthy", CLIMBS, 0, 0},
};

/* The host's phases; what stands not here begins no stage. */
static const struct {
	const char *phase;
	int stage; /* -1: what ran is over, and nothing else has begun */
} phases[] = {
    {"accepted", COURSE_FORENSICS},
    {"forensics", COURSE_FORENSICS},
    {"forensics-done", COURSE_FORENSICS},
    {"preflight", COURSE_FORENSICS},
    {"thaw", COURSE_THAW},
    {"stopping", COURSE_STOP},
    {"killing", COURSE_KILL},
    {"stopped", -1},
    {"resetting", COURSE_RESET},
    {"starting", COURSE_START},
    {"resuming", COURSE_START},
    {"verifying", COURSE_BOOT},
    {"running", -1},
    {"failed", -1},
};

#define PHASES (sizeof phases / sizeof phases[0])

void
course_init(struct course *c)
{
	memset(c, 0, sizeof *c);
	c->verb = c->now = c->exit = -1;
	c->sent = c->ended = c->verb_ms = c->whole_ms = c->now_host = -1;
	for (int i = 0; i < COURSE_STAGES; i++)
		c->took[i] = -1;
}

const char *
course_stage_name(enum course_stage stage)
{
	return stages[stage].name;
}

int
course_stage_by_name(const char *name)
{
	for (int i = 0; i < COURSE_STAGES; i++)
		if (strcmp(stages[i].name, name) == 0)
			return i;
	return -1;
}

bool
course_has(int verb, enum course_stage stage, bool *sure)
{
	unsigned bit = verb >= 0 && verb < VERBS ? 1u << verb : 0;

	*sure = (stages[stage].sure & bit) != 0;
	return ((stages[stage].sure | stages[stage].may) & bit) != 0;
}

int64_t
course_limit_ms(const struct course *c, enum course_stage stage)
{
	if (stage == COURSE_STOP && strcmp(c->how, "ha") == 0)
		return 90000;
	if (stage == COURSE_STOP && strcmp(c->how, "signal") == 0)
		return 2000;
	return stages[stage].limit_ms;
}

/* --- stages --- */

static int64_t
sane(int64_t ms)
{
	return ms >= 0 && ms <= HOUR_MS ? ms : -1;
}

/* Where the host says when, its clock is the better one. */
static void
end_stage(struct course *c, int64_t mono, int64_t host)
{
	int64_t ms = sane(mono - c->now_began);

	if (c->now < 0)
		return;
	if (host >= 0 && c->now_host >= 0 && sane(host - c->now_host) >= 0)
		ms = host - c->now_host;
	if (ms >= 0) /* one that comes again (a start that is tried again) adds up */
		c->took[c->now] = c->took[c->now] < 0 ? ms : c->took[c->now] + ms;
	c->now = -1;
}

static void
begin_stage(struct course *c, int stage, int64_t mono, int64_t host)
{
	if (c->now == stage)
		return;
	end_stage(c, mono, host);
	c->now = stage;
	c->now_began = mono;
	c->now_host = host;
}

static void
over(struct course *c, int64_t mono)
{
	end_stage(c, mono, -1);
	c->state = COURSE_OVER;
}

/* --- facts --- */

static int
verb_of(const struct js *fact)
{
	size_t len = 0;
	const char *name = js_strn(fact, "verb", &len);
	int verb = name ? verb_by_name(name, len) : -1;

	return verb >= 0 && verb_rows[verb].mutating ? verb : -1;
}

static bool
begin(struct course *c, const struct js *fact, int64_t mono)
{
	const char *id = js_str(fact, "id");

	course_init(c);
	c->verb = verb_of(fact);
	snprintf(c->id, sizeof c->id, "%s", id ? id : "");
	c->state = COURSE_RUNNING;
	c->began = mono;
	begin_stage(c, COURSE_SEND, mono, -1);
	return true;
}

static bool
on_stage(struct course *c, const struct js *fact, int64_t mono)
{
	const char *phase = js_str(fact, "stage"), *how = js_str(fact, "how");
	int64_t host = sane(js_int(fact, "ms", -1));

	for (size_t i = 0; phase && i < PHASES; i++) {
		if (strcmp(phases[i].phase, phase) != 0)
			continue;
		if (phases[i].stage == COURSE_STOP)
			snprintf(c->how, sizeof c->how, "%s", how ? how : "");
		if (i == 0)
			host = 0; /* the run begins, and with it the host's clock */
		if (phases[i].stage < 0)
			end_stage(c, mono, host);
		else
			begin_stage(c, phases[i].stage, mono, host);
		return true;
	}
	return false;
}

static bool
on_finished(struct course *c, const struct js *fact, int64_t mono)
{
	int64_t since = c->sent >= 0 ? c->sent : c->began;

	end_stage(c, mono, -1);
	c->ended = mono;
	c->exit = (int)js_int(fact, "exit", -1);
	c->unknown = js_has(fact, "learnt");
	if (c->exit != 0 || c->unknown) {
		over(c, mono);
		return true;
	}
	c->verb_ms = sane(mono - since);
	if (c->verb == VERB_STOP) {
		c->whole_ms = c->verb_ms;
		c->healthy = true;
		over(c, mono);
		return true;
	}
	c->state = COURSE_CLIMBING;
	begin_stage(c, COURSE_SSH, mono, -1);
	return true;
}

static bool
on_verb(struct course *c, const struct js *fact)
{
	int64_t mono = js_int(fact, "mono_ms", 0);

	if (js_is(fact, "state", "confirmed") && verb_of(fact) >= 0)
		return begin(c, fact, mono);
	if (c->state == COURSE_NONE || c->state == COURSE_OVER || verb_of(fact) < 0 ||
	    !js_is(fact, "id", c->id))
		return false;
	if (js_is(fact, "state", "sent")) {
		c->sent = mono;
		return true;
	}
	if (js_is(fact, "state", "stage"))
		return on_stage(c, fact, mono);
	if (js_is(fact, "state", "finished"))
		return on_finished(c, fact, mono);
	if (js_is(fact, "state", "waiting"))
		return c->waiting = true;
	if (js_is(fact, "state", "refused") || js_is(fact, "state", "unknown")) {
		c->unknown = js_is(fact, "state", "unknown");
		over(c, mono);
		return true;
	}
	return false;
}

static int64_t
rung_ms(const struct js *fact, const char *name)
{
	const struct js *rungs = js_get_array(fact, "rungs");

	for (size_t i = 0; i < js_len(rungs); i++) {
		const struct js *r = js_at(rungs, i);

		if (r && js_is(r, "rung", name) && js_bool(r, "ok", false))
			return sane(js_int(r, "ms", -1));
	}
	return -1;
}

/* The climb counts from when the verb was sent, as we do. */
static bool
on_proof(struct course *c, const struct js *fact)
{
	int64_t mono = js_int(fact, "mono_ms", 0), login = rung_ms(fact, "auth");
	int64_t ms = sane(js_int(fact, "ms", -1)), from = c->verb_ms < 0 ? 0 : c->verb_ms;

	if (c->state != COURSE_CLIMBING || !js_is(fact, "when", "after") ||
	    verb_of(fact) != c->verb)
		return false;
	if (login >= 0 && c->now == COURSE_SSH) {
		end_stage(c, mono, -1);
		/* A guest may let us in before the host has seen it boot. */
		c->took[COURSE_SSH] = login > from ? login - from : 0;
		begin_stage(c, COURSE_HEALTHY, mono, -1);
	}
	if (!js_bool(fact, "done", false) && !js_str(fact, "end"))
		return true;
	end_stage(c, mono, -1);
	c->healthy = js_is(fact, "end", "healthy");
	if (c->healthy) {
		if (login >= 0 && ms >= login)
			c->took[COURSE_HEALTHY] = ms - (login > from ? login : from);
		if (c->took[COURSE_HEALTHY] < 0)
			c->took[COURSE_HEALTHY] = 0;
		c->whole_ms = ms;
	}
	over(c, mono);
	return true;
}

bool
course_apply(struct course *c, const struct js *fact)
{
	if (js_is(fact, "t", "verb"))
		return on_verb(c, fact);
	if (js_is(fact, "t", "state") && js_is(fact, "what", "proof"))
		return on_proof(c, fact);
	return false;
}
