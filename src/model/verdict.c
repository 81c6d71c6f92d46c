/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/scrub.h"
#include "model/incident.h"
#include "wire/verbs.h"

#define LABEL(obj, key, field) incident_label(obj, key, field, sizeof(field))

#define CLOCK_SLACK_MS 5000 /* a verdict from the future is another machine's clock */

static void
read_evidence(struct verdict *v, const struct js *list)
{
	for (size_t i = 0; i < js_len(list) && v->evidences < VERDICT_EVIDENCE_MAX; i++) {
		size_t len;
		const char *line = js_at_str(list, i, &len);

		if (!line)
			continue;
		scrub_label(line, len, v->evidence[v->evidences],
		    sizeof v->evidence[v->evidences]);
		v->evidences += v->evidence[v->evidences][0] != '\0';
	}
}

static void
read_against(struct verdict *v, const struct js *list)
{
	for (size_t i = 0; i < js_len(list) && v->againsts < VERDICT_AGAINST_MAX; i++) {
		const struct js *one = js_at(list, i);
		struct verdict_against *a = &v->against[v->againsts];

		if (!one)
			continue;
		LABEL(one, "verb", a->verb);
		LABEL(one, "why", a->why);
		v->againsts += a->verb[0] != '\0';
	}
}

void
verdict_read(struct verdict *v, const struct js *fact)
{
	const char *at = js_str(fact, "at");

	memset(v, 0, sizeof *v);
	v->known = true;
	LABEL(fact, "word", v->word);
	LABEL(fact, "advice", v->advice);
	LABEL(fact, "why", v->why);
	LABEL(fact, "todo", v->todo);
	LABEL(fact, "id", v->id);
	LABEL(fact, "host_word", v->host_word);
	LABEL(fact, "host_program", v->host_program);
	LABEL(fact, "by", v->by);
	if (at && strlen(at) >= 19)
		scrub_label(at + 11, 8, v->at, sizeof v->at);
	v->partial = js_bool(fact, "partial", false);
	v->climbing = js_bool(fact, "climbing", false);
	v->checked = js_int(fact, "checked", js_int(fact, "mono_ms", 0));
	read_evidence(v, js_get_array(fact, "evidence"));
	read_against(v, js_get_array(fact, "not"));
}

int
verdict_advice(const struct verdict *v)
{
	return v->known ? verb_by_name(v->advice, strlen(v->advice)) : -1;
}

const char *
verdict_against(const struct verdict *v, int verb)
{
	for (int i = 0; i < v->againsts; i++)
		if (strcmp(v->against[i].verb, verb_rows[verb].name) == 0)
			return v->against[i].why;
	return NULL;
}

bool
verdict_is_fresh(const struct verdict *v, int64_t now)
{
	return v->known && !v->outdated && now - v->checked < VERDICT_FRESH_MS &&
	    now - v->checked > -CLOCK_SLACK_MS;
}

bool
verdict_is_healthy(const struct verdict *v)
{
	return strcmp(v->word, "healthy") == 0;
}

bool
verdict_is_doubtful(const struct verdict *v)
{
	return v->climbing || (v->partial && !verdict_is_healthy(v));
}

char *
verdict_todo(const struct verdict *v, char *out, size_t size)
{
	char *end;

	snprintf(out, size, "%s", v->todo);
	end = v->host_program[0] ? strstr(out, "the host program is old") : NULL;
	while (end && end > out && strchr("; ", end[-1]))
		end--;
	if (end)
		*end = '\0';
	return out;
}

bool
verdict_is_same(const struct verdict *a, const struct verdict *b)
{
	if (strcmp(a->word, b->word) != 0 || strcmp(a->advice, b->advice) != 0 ||
	    strcmp(a->todo, b->todo) != 0)
		return false;
	if (verdict_is_healthy(a))
		return true; /* no key is thought of */
	for (int verb = 0; verb < VERBS; verb++)
		if (!verdict_against(a, verb) != !verdict_against(b, verb))
			return false;
	return true;
}
