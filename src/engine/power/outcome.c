/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/outcome.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Who wanted a verb so long ago may want another one by now. */
#define STILL_WANTED_MS ((int64_t)30 * 60 * 1000)

static const char *const names[OUTCOMES] = {
    [OUTCOME_UNKNOWN] = "unknown",
    [OUTCOME_RUNNING] = "running",
    [OUTCOME_DONE] = "done",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_INTERRUPTED] = "interrupted",
    [OUTCOME_NEVER_RAN] = "never ran",
};

const char *
outcome_name(enum outcome o)
{
	return names[o];
}

struct look {
	const struct mutation *m;
	const struct hostjob *j;
	bool (*is_others)(const char *host_run, void *arg);
	void *arg;
};

/* Is the host's run of that id the one that m asked for? */
static bool
is_it(const struct look *l, const char *id, const char *verb)
{
	int64_t began_ms;

	if (!id[0])
		return false;
	if (l->m->host_run[0])
		return strcmp(id, l->m->host_run) == 0;
	if (strcmp(verb, l->m->verb) != 0 || l->is_others(id, l->arg))
		return false;
	began_ms = hostjob_began_ms(l->j, id);
	return began_ms >= l->m->at_ms - OUTCOME_BEFORE_MS &&
	    began_ms <= l->m->at_ms + OUTCOME_AFTER_MS;
}

/* Has the host begun something since that would hide how m ended? */
static bool
has_begun_since(const struct look *l, const char *id)
{
	int64_t began_ms = id[0] ? hostjob_began_ms(l->j, id) : -1;

	return began_ms >= l->m->at_ms - OUTCOME_BEFORE_MS;
}

static struct outcome_of
found(enum outcome outcome, const char *id, const char *word, long rc)
{
	struct outcome_of o = {.outcome = outcome, .final = outcome != OUTCOME_RUNNING};

	o.rc = rc;
	snprintf(o.host_run, sizeof o.host_run, "%s", id);
	snprintf(o.word, sizeof o.word, "%s", word);
	return o;
}

static struct outcome_of
unknown(const char *why)
{
	return (struct outcome_of){.outcome = OUTCOME_UNKNOWN, .final = true, .why = why};
}

struct outcome_of
outcome_judge(const struct mutation *m, const struct hostjob *j, int64_t now_ms,
    bool (*is_others)(const char *host_run, void *arg), void *arg)
{
	struct look l = {m, j, is_others, arg};
	bool waits = now_ms - m->at_ms < OUTCOME_GRACE_MS && now_ms >= m->at_ms;

	if (j->state == HOSTJOB_UNTOLD)
		return (struct outcome_of){.outcome = OUTCOME_UNKNOWN};
	if (is_it(&l, j->id, j->verb))
		return found(
		    j->state == HOSTJOB_RUNNING ? OUTCOME_RUNNING : OUTCOME_INTERRUPTED,
		    j->id, j->phase, 0);
	if (is_it(&l, j->last_id, j->last_verb)) {
		struct outcome_of o =
		    found(j->last_rc == 0 ? OUTCOME_DONE : OUTCOME_FAILED, j->last_id,
			j->last_state, j->last_rc);

		snprintf(o.said, sizeof o.said, "%s", j->last_why);
		return o;
	}
	if (m->overtaken)
		return unknown("a later verb has run since");
	if (m->host_run[0])
		return unknown(
		    has_begun_since(&l, j->id) || has_begun_since(&l, j->last_id)
			? "the host has begun another verb since"
			: "the host has no record of it any more");
	if (waits)
		return (struct outcome_of){.outcome = OUTCOME_UNKNOWN};
	/* One record is kept there: a later run would have replaced it.  (One of ours
	 * that began about then is an earlier verb's.) */
	if (has_begun_since(&l, j->last_id) && !is_others(j->last_id, arg))
		return unknown("the host has run another verb since");
	return (struct outcome_of){.outcome = OUTCOME_NEVER_RAN, .final = true};
}

/* What the exit code of a mutating verb means, as a clause; "" when it is 0. */
static const char *
rc_words(long rc)
{
	static const struct {
		long rc;
		const char *words;
	} rows[] = {
	    {0, ""},
	    {1, "a fault of the host program itself"},
	    {3, "the start failed"},
	    {4, "a start could not have worked, or qm refused to stop: nothing was stopped"},
	    {5, "it is locked; nothing was stopped"},
	    {6, "the old QEMU is not gone; nothing was started"},
	    {7, "reset was refused: it would not help"},
	    {8, "there is no such VM"},
	    {9, "the HA manager did not do it in time"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].rc == rc)
			return rows[i].words;
	return "see the host's log";
}

static void
say_end(const struct mutation *m, const struct outcome_of *o, char *out, size_t size)
{
	switch (o->outcome) {
	case OUTCOME_RUNNING:
		snprintf(out, size, "goes on at the host (phase %s)%s", o->word,
		    m->id[0] ? ", out of our sight" : "");
		break;
	case OUTCOME_DONE:
		snprintf(out, size, "was finished by the host: exit 0, %s", o->word);
		break;
	case OUTCOME_FAILED:
		snprintf(out, size, "failed at the host: exit %ld%s%s", o->rc,
		    o->said[0] ? ": " : ", ", o->said[0] ? o->said : rc_words(o->rc));
		break;
	case OUTCOME_INTERRUPTED:
		snprintf(out, size, "was interrupted at the host itself, in phase %s",
		    o->word);
		break;
	case OUTCOME_NEVER_RAN:
		snprintf(out, size, "never ran: the host has no record of such a run");
		break;
	default:
		snprintf(out, size, "was cut off from us: how it ended is not known%s%s",
		    o->why ? ", " : " yet", o->why ? o->why : "");
	}
}

void
outcome_words(
    const struct mutation *m, const struct outcome_of *o, char *out, size_t size)
{
	char end[HOSTJOB_WHY_MAX + 64];

	say_end(m, o, end, sizeof end);
	if (m->id[0])
		snprintf(out, size, "%s by %s (%.8sZ) %s", m->verb, m->by,
		    strlen(m->at) > 19 ? m->at + 11 : m->at, end);
	else
		snprintf(out, size, "%s by somebody else %s", m->verb, end);
}

static bool
is_wanted(const char *verb, const char *status)
{
	return strcmp(status, strcmp(verb, "stop") == 0 ? "stopped" : "running") == 0;
}

bool
outcome_is_settled(const struct mutation *m, const struct outcome_of *o,
    const char *status, int64_t now_ms)
{
	if (!o->final || !is_wanted(m->verb, status))
		return false;
	/* Long ago, and the VM is as it should be: the verdict tells what else is. */
	if (now_ms - m->at_ms >= STILL_WANTED_MS)
		return true;
	if (o->outcome == OUTCOME_NEVER_RAN && strcmp(m->verb, "start") == 0)
		return true;
	return o->outcome == OUTCOME_DONE || o->outcome == OUTCOME_UNKNOWN;
}

const char *
outcome_key(const struct mutation *m, const struct outcome_of *o, const char *status,
    int64_t now_ms)
{
	bool stop = strcmp(m->verb, "stop") == 0;

	if (o->outcome == OUTCOME_RUNNING)
		return "";
	if (strcmp(status, "unknown") == 0)
		return "status";
	if (strcmp(status, "hung") == 0)
		return "cycle";
	if (strcmp(status, "running") != 0)
		return stop && strcmp(status, "stopped") == 0 ? "" : "start";
	if (o->outcome == OUTCOME_DONE && !stop)
		return "";
	if (o->outcome == OUTCOME_NEVER_RAN || o->outcome == OUTCOME_INTERRUPTED) {
		if (strcmp(m->verb, "start") == 0)
			return ""; /* it runs already, as was wanted */
		if (now_ms - m->at_ms < STILL_WANTED_MS)
			return m->verb;
	}
	return o->final ? "forensics" : "";
}
