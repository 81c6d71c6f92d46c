/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/mem.h"
#include "wire/journal_file.h"
#include "wire/json.h"
#include "wire/verbs.h"

const char *const summary_state_names[SUMMARY_STATES] = {
    "open", "elsewhere", "left", "closed", "died", "empty"};
const char *const summary_state_words[SUMMARY_STATES] = {
    "open here", "open elsewhere", "left open", "closed", "engine died", "empty"};

static void
copy(const struct js *m, const char *key, char *out, size_t size)
{
	const char *s = js_str(m, key);

	if (s)
		snprintf(out, size, "%s", s);
}

static void
on_incident(struct summary *s, const struct js *m)
{
	if (!s->opened[0]) {
		copy(m, "at", s->opened, sizeof s->opened);
		copy(m, "by", s->by, sizeof s->by);
	}
	copy(m, "state", s->last_state, sizeof s->last_state);
}

static struct summary_verb *
verb_of(struct summary *s, const char *id, const char *verb)
{
	for (size_t i = s->verb_count; i > 0; i--)
		if (strcmp(s->verbs[i - 1].id, id) == 0)
			return &s->verbs[i - 1];
	if (s->verb_count == SUMMARY_VERBS)
		return NULL;
	memset(&s->verbs[s->verb_count], 0, sizeof s->verbs[0]);
	snprintf(s->verbs[s->verb_count].id, sizeof s->verbs[0].id, "%s", id);
	snprintf(s->verbs[s->verb_count].verb, sizeof s->verbs[0].verb, "%s", verb);
	s->verbs[s->verb_count].exit = -1;
	return &s->verbs[s->verb_count++];
}

static void
on_verb(struct summary *s, const struct js *m)
{
	const char *id = js_str(m, "id"), *verb = js_str(m, "verb");
	int row = verb ? verb_by_name(verb, strlen(verb)) : -1;
	struct summary_verb *v;

	if (!id || row < 0)
		return;
	if (!verb_rows[row].mutating) {
		s->looks += js_is(m, "state", "finished");
		return;
	}
	v = verb_of(s, id, verb);
	if (!v) {
		s->verb_more += js_is(m, "state", "asked");
		return;
	}
	v->mutating = true;
	if (!v->by[0])
		copy(m, "by", v->by, sizeof v->by);
	if (!js_is(m, "state", "stage") && !js_is(m, "state", "waiting"))
		copy(m, "state", v->state, sizeof v->state);
	if (js_is(m, "state", "finished"))
		v->exit = (int)js_int(m, "exit", -1);
	v->learnt |= js_has(m, "learnt");
}

static void
on_budget(struct summary *s, const struct js *m)
{
	unsigned turns = (unsigned)js_int(m, "turns", 0);

	if (turns > s->turns)
		s->turns = turns;
	if (js_has(m, "cost_usd")) {
		s->cost_usd = js_dbl(m, "cost_usd", 0);
		s->costs = true;
	}
}

static bool
begins(const char *line, size_t len, const char *kind)
{
	size_t n = strlen(kind);

	return len > 7 + n && memcmp(line, "{\"t\":\"", 6) == 0 &&
	    memcmp(line + 6, kind, n) == 0 && line[6 + n] == '"';
}

static void
summary_line(struct summary *s, const char *line, size_t len)
{
	static const char budget[] = "\"what\":\"budget\"";
	bool is_budget = begins(line, len, "state") &&
	    memmem(line, len < 256 ? len : 256, budget, sizeof budget - 1);
	struct err err;
	struct js *m;

	if (!is_budget && !begins(line, len, "incident") && !begins(line, len, "verb") &&
	    !begins(line, len, "verdict") && !begins(line, len, "done"))
		return;
	m = js_parse(line, len, &err);
	if (!m)
		return;
	if (js_is(m, "t", "incident"))
		on_incident(s, m);
	else if (js_is(m, "t", "verb"))
		on_verb(s, m);
	else if (js_is(m, "t", "verdict")) {
		copy(m, "word", s->verdict, sizeof s->verdict);
		copy(m, "advice", s->advice, sizeof s->advice);
	} else if (js_is(m, "t", "done")) {
		unsigned turn = (unsigned)js_int(m, "turn", 0);

		if (turn > s->turns)
			s->turns = turn;
	} else
		on_budget(s, m);
	js_free(m);
}

/* Number and time of the last line, whatever it is. */
static void
last_line(struct summary *s, const char *line, size_t len)
{
	const char *at = memmem(line, len < 128 ? len : 128, "\"at\":\"", 6);

	if (at && (size_t)(line + len - at) > 6 + CLOCK_AT_LEN)
		snprintf(s->last, sizeof s->last, "%.*s", CLOCK_AT_LEN - 1, at + 6);
	if (verify_seq(line, len) > s->records)
		s->records = verify_seq(line, len);
}

static int
read_upto(struct summary *s, struct journal_file *f, int64_t upto, struct err *err)
{
	const char *line;
	size_t len;
	int rc;

	while ((rc = journal_file_next(f, &line, &len, err)) > 0) {
		summary_line(s, line, len);
		last_line(s, line, len);
		if (journal_file_at(f) >= upto)
			break;
	}
	return rc < 0 ? -1 : 0;
}

/* The beginning, and the lines that begin within the end. */
static int
read_ends(struct summary *s, struct journal_file *f, struct err *err)
{
	const char *line;
	size_t len;

	if (read_upto(s, f, SUMMARY_END, err) < 0)
		return -1;
	s->skipped = s->bytes - SUMMARY_END - journal_file_at(f);
	journal_file_seek(f, s->bytes - SUMMARY_END);
	if (journal_file_next(f, &line, &len, err) < 0) /* the rest of a line */
		return -1;
	return read_upto(s, f, INT64_MAX, err);
}

/* Who has it locked; /proc says so without locking anything. */
static bool
is_locked(const char *path)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[200];
	struct stat st;
	bool locked = false;

	while (f && stat(path, &st) == 0 && !locked && fgets(line, sizeof line, f)) {
		unsigned long inode;

		if (strstr(line, "FLOCK") && strstr(line, "WRITE") &&
		    sscanf(line, "%*s %*s %*s %*s %*d %*x:%*x:%lu", &inode) == 1)
			locked = inode == (unsigned long)st.st_ino;
	}
	if (f)
		fclose(f);
	return locked;
}

static enum summary_state
state_of(const struct summary *s, const char *path, const struct ask *engine)
{
	if (!s->opened[0])
		return SUMMARY_EMPTY;
	if (strcmp(s->last_state, "closed") == 0)
		return SUMMARY_CLOSED;
	if (engine && engine->there && strcmp(engine->incident, s->id) == 0)
		return SUMMARY_OPEN;
	if (is_locked(path))
		return SUMMARY_ELSEWHERE;
	return strcmp(s->last_state, "left") == 0 ? SUMMARY_LEFT : SUMMARY_DIED;
}

int
summary_read(struct summary *s, const char *path, const struct ask *engine,
    int64_t *budget, struct err *err)
{
	struct journal_file *f = journal_file_open(path, err);
	const char *name = strrchr(path, '/');
	int rc;

	memset(s, 0, sizeof *s);
	if (!f)
		return -1;
	name = name ? name + 1 : path;
	snprintf(s->id, sizeof s->id, "%.*s",
	    (int)(strlen(name) - (sizeof JOURNAL_FILE_SUFFIX - 1)), name);
	s->bytes = journal_file_size(f);
	if (s->bytes <= 2 * SUMMARY_END ||
	    (s->bytes <= SUMMARY_WHOLE && s->bytes <= *budget)) {
		rc = read_upto(s, f, INT64_MAX, err);
		*budget -= s->bytes;
	} else {
		rc = read_ends(s, f, err);
	}
	s->torn = journal_file_torn(f);
	s->opened_ms = s->opened[0] ? clock_from(s->opened) : -1;
	s->last_ms = s->last[0] ? clock_from(s->last) : -1;
	s->state = state_of(s, path, engine);
	journal_file_close(f);
	return rc;
}

int64_t
summary_lasted(const struct summary *s)
{
	int64_t upto = s->state == SUMMARY_OPEN ? clock_wall_ms() : s->last_ms;

	return s->opened_ms < 0 || upto < s->opened_ms ? -1 : upto - s->opened_ms;
}

char *
summary_verb_text(const struct summary_verb *v, char *out, size_t size)
{
	if (strcmp(v->state, "finished") != 0)
		snprintf(out, size, "%s %s", v->verb,
		    strcmp(v->state, "refused") == 0	   ? "refused"
			: strcmp(v->state, "asked") == 0   ? "not confirmed"
			: strcmp(v->state, "unknown") == 0 ? "outcome unknown"
							   : "without an end");
	else if (v->exit == 0)
		snprintf(out, size, "%s done", v->verb);
	else
		snprintf(out, size, "%s failed (%d)", v->verb, v->exit);
	return out;
}
