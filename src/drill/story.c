/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/story.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wire/journal_file.h"
#include "wire/messages.h"

#define STORY_JOURNALS_MAX 16
#define STORY_WORD_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789-_"

void
story_init(struct story *s, int64_t made_ms, int64_t holds_ms)
{
	memset(s, 0, sizeof *s);
	s->made_ms = made_ms;
	s->holds_ms = holds_ms;
	s->sent_ms = s->verdict_ms = -1;
	course_init(&s->course);
	for (int i = 0; i < DRILLS_STEPS; i++)
		s->step_ms[i] = -1;
}

static int64_t
since_wedge(const struct story *s, int64_t mono_ms)
{
	return mono_ms > s->holds_ms ? mono_ms - s->holds_ms : 0;
}

/* The first time that it is reached counts. */
static void
reach(struct story *s, enum drills_step step, int64_t mono_ms)
{
	if (s->step_ms[step] < 0)
		s->step_ms[step] = since_wedge(s, mono_ms);
}

/* A word of a table of ours, as a record has it; "?" when it is none. */
static const char *
word_of(const struct js *m, const char *key)
{
	size_t len = 0;
	const char *s = js_strn(m, key, &len);

	return s && len > 0 && len < 32 && strspn(s, STORY_WORD_LETTERS) == len ? s : "?";
}

static void press(struct story *s, int64_t mono_ms, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void
press(struct story *s, int64_t mono_ms, const char *fmt, ...)
{
	struct story_press *p = &s->pressed[s->n_pressed];
	va_list ap;

	if (s->left_ms && mono_ms > s->left_ms)
		return; /* what the drill asked itself */
	reach(s, DRILLS_KEY, mono_ms);
	if (s->n_pressed == STORY_PRESSED_MAX) {
		s->more_pressed++;
		return;
	}
	p->ms = since_wedge(s, mono_ms);
	va_start(ap, fmt);
	vsnprintf(p->what, sizeof p->what, fmt, ap);
	va_end(ap);
	s->n_pressed++;
}

/* --- the kinds --- */

static void
on_verdict(struct story *s, const struct js *m, int64_t mono)
{
	const char *word = word_of(m, "word");

	if (strcmp(word, "unknown") == 0)
		return;
	if (strcmp(word, "healthy") != 0)
		reach(s, DRILLS_NOTICED, mono);
	if (s->verbs > 0)
		return; /* what was known before anything was done */
	if (s->word[0] && strcmp(word, "healthy") == 0)
		return; /* a machine that answers beside the one that is ill */
	if (strcmp(s->word, word) != 0 || !js_is(m, "advice", s->advice))
		s->verdict_ms = since_wedge(s, mono);
	snprintf(s->word, sizeof s->word, "%s", word);
	snprintf(s->advice, sizeof s->advice, "%s", word_of(m, "advice"));
}

static void
on_mutation(struct story *s, const struct js *m, int64_t mono)
{
	course_apply(&s->course, m);
	if (js_is(m, "state", "sent")) {
		s->verbs++;
		s->sent_ms = mono;
		s->proving = s->proven = false;
		s->end[0] = '\0';
		/* of several the one that helped counts, and that is the last */
		for (int i = DRILLS_SENT; i < DRILLS_STEPS; i++)
			s->step_ms[i] = -1;
		reach(s, DRILLS_SENT, mono);
	}
	if (js_is(m, "state", "stage") && js_is(m, "stage", "stopped"))
		reach(s, DRILLS_GONE, mono);
	if (js_is(m, "state", "stage") && js_is(m, "stage", "running"))
		reach(s, DRILLS_RUNNING, mono);
	if (js_is(m, "state", "finished")) {
		bool ok = js_int(m, "exit", -1) == 0 && !js_is(m, "verb", "stop");

		if (ok)
			reach(s, DRILLS_RUNNING, mono);
		s->proving = ok;
	}
}

static void
on_verb(struct story *s, const struct js *m, int64_t mono)
{
	const char *verb = word_of(m, "verb"), *state = word_of(m, "state");
	int v = verb_by_name(verb, strlen(verb));

	if (js_is(m, "asked", "operator") &&
	    (js_is(m, "state", "asked") || js_is(m, "state", "confirmed") ||
		js_is(m, "state", "refused")))
		press(s, mono, "%s: %s", verb, state);
	else if (js_is(m, "asked", "agent") && v >= 0 && verb_rows[v].mutating &&
	    js_is(m, "state", "sent"))
		press(s, mono, "the agent: %s sent", verb);
	if (v >= 0 && verb_rows[v].mutating)
		on_mutation(s, m, mono);
}

static int64_t
rung_ms(const struct js *m, const char *name)
{
	const struct js *rungs = js_get_array(m, "rungs");

	for (size_t i = 0; i < js_len(rungs); i++)
		if (js_at(rungs, i) && js_is(js_at(rungs, i), "rung", name) &&
		    js_bool(js_at(rungs, i), "ok", false))
			return js_int(js_at(rungs, i), "ms", -1);
	return -1;
}

static void
on_proof(struct story *s, const struct js *m, int64_t mono)
{
	int64_t login = rung_ms(m, "auth"), ms = js_int(m, "ms", -1);

	course_apply(&s->course, m);
	if (s->sent_ms < 0 || s->proven)
		return;
	if (login >= 0)
		reach(s, DRILLS_SSH, s->sent_ms + login);
	if (!js_bool(m, "done", false))
		return;
	s->proving = false;
	snprintf(s->end, sizeof s->end, "%s", js_str(m, "end") ? word_of(m, "end") : "?");
	s->proven = js_is(m, "end", "healthy");
	if (s->proven)
		reach(s, DRILLS_PROVEN, ms >= 0 ? s->sent_ms + ms : mono);
}

static void
on_state(struct story *s, const struct js *m, int64_t mono, bool person)
{
	if (js_is(m, "what", "proof"))
		on_proof(s, m, mono);
	else if (js_is(m, "what", "link") && js_is(m, "host", "devvm") &&
	    (js_is(m, "state", "down") || js_is(m, "state", "silent")))
		reach(s, DRILLS_NOTICED, mono);
	else if (js_is(m, "what", "vm") && js_str(m, "status") &&
	    (!js_is(m, "status", "running") || js_is(m, "qmp", "hung")))
		reach(s, DRILLS_NOTICED, mono);
	else if (js_is(m, "what", "autonomy") && person)
		press(s, mono, "autonomy: %s", word_of(m, "level"));
	else if (js_is(m, "what", "kill"))
		press(s, mono, "kill switch: %s", js_bool(m, "on", false) ? "on" : "off");
}

/* "1. **F7 cycle**" below "Do:": the first key that a runbook's last words name. */
static void
on_runbook_text(struct story *s, const char *text)
{
	const char *line = strstr(text, "Do:");

	if (!line || s->runbook_key[0])
		return;
	for (; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		for (int v = 0; v < VERBS; v++) {
			char key[32];
			size_t len = strcspn(line, "\n");
			const char *at;

			snprintf(key, sizeof key, "F%d %s", verb_rows[v].fkey,
			    verb_rows[v].name);
			at = strstr(line, key);
			if (verb_rows[v].mutating && strncmp(line, "- not ", 6) != 0 &&
			    at && at < line + len) {
				snprintf(s->runbook_key, sizeof s->runbook_key, "%s",
				    verb_rows[v].name);
				return;
			}
		}
	}
}

static void
on_prompt(struct story *s, const struct js *m, int64_t mono)
{
	if (js_int(m, "part", 1) != 1 ||
	    (js_is(m, "state", "started") && s->n_pressed && js_str(m, "runbook") &&
		strstr(s->pressed[s->n_pressed - 1].what, "queued")))
		return; /* a queued one begins */
	if (js_str(m, "runbook"))
		press(s, mono, "/%s", word_of(m, "runbook"));
	else
		press(s, mono, "a prompt to the agent");
}

/* Folds one record in. */
static void
fold(struct story *s, const struct js *m)
{
	int64_t mono = js_int(m, "mono_ms", -1);
	int kind = message_fact(m);
	bool person = !js_is(m, "by", "engine") && !js_is(m, "by", "agent");

	if (mono < s->made_ms || kind < 0)
		return;
	if (kind == FACT_VERB)
		on_verb(s, m, mono);
	else if (kind == FACT_VERDICT)
		on_verdict(s, m, mono);
	else if (kind == FACT_STATE)
		on_state(s, m, mono, person);
	else if (kind == FACT_PROMPT && person)
		on_prompt(s, m, mono);
	else if (kind == FACT_TEXT && js_str(m, "text"))
		on_runbook_text(s, js_str(m, "text"));
	else if (kind == FACT_DONE)
		s->runbook |= js_bool(m, "ok", false);
	else if (kind == FACT_ANSWERED && person)
		press(s, mono, "answered: %s", js_bool(m, "yes", false) ? "yes" : "no");
	else if (kind == FACT_CANCELLED && person)
		press(s, mono, "the turn was stopped");
	else if (kind == FACT_TOOL && js_is(m, "asked", "operator") && !js_str(m, "verb"))
		press(s, mono, "a shell on the devvm");
	else if (kind == FACT_OPERATOR && js_is(m, "state", "driving") &&
	    js_has(m, "from"))
		press(s, mono, "took the keys");
}

/* --- journals --- */

static int
read_journal(struct story *s, const char *path, struct err *err)
{
	struct journal_file *f = journal_file_open(path, err);
	const char *line;
	struct err bad;
	size_t len;
	int rc = 0;

	if (!f)
		return -1;
	while ((rc = journal_file_next(f, &line, &len, err)) > 0) {
		struct js *m = js_parse(line, len, &bad);

		if (m)
			fold(s, m);
		js_free(m);
	}
	journal_file_close(f);
	return rc;
}

int
story_read(struct story *s, const char *sessions_dir, struct err *err)
{
	char **ids;
	size_t count;
	int64_t left_ms = s->left_ms, back_ms = s->back_ms;
	int rc = 0;

	story_init(s, s->made_ms, s->holds_ms);
	s->left_ms = left_ms;
	s->back_ms = back_ms;
	if (journal_ids(sessions_dir, &ids, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count && i < STORY_JOURNALS_MAX && rc == 0; i++) {
		char *path = journal_path(sessions_dir, ids[i]);

		rc = read_journal(s, path, err);
		free(path);
	}
	if (back_ms && !s->proven) {
		s->proven = true;
		s->step_ms[DRILLS_PROVEN] = since_wedge(s, back_ms);
	}
	s->incidents = count;
	journal_ids_free(ids, count);
	return rc;
}
