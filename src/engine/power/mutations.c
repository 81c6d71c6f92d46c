/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/mutations.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static struct mutation *
find(struct mutations *ms, const char *id)
{
	for (size_t i = 0; i < ms->count; i++)
		if (strcmp(ms->open[i].id, id) == 0)
			return &ms->open[i];
	return NULL;
}

void
mutations_remove(struct mutations *ms, struct mutation *m)
{
	size_t i = (size_t)(m - ms->open);

	memmove(m, m + 1, (--ms->count - i) * sizeof *m);
}

struct mutation *
mutations_add(struct mutations *ms, const char *id)
{
	struct mutation *m = find(ms, id);

	if (m)
		return m;
	if (ms->count == MUTATIONS_MAX)
		mutations_remove(ms, &ms->open[0]);
	m = &ms->open[ms->count++];
	*m = (struct mutation){0};
	snprintf(m->id, sizeof m->id, "%s", id);
	return m;
}

void
mutations_note_ended(struct mutations *ms, const char *host_run)
{
	if (!host_run || !host_run[0])
		return;
	snprintf(ms->ended[ms->ended_count++ % MUTATIONS_ENDED_MAX], HOSTJOB_ID_MAX, "%s",
	    host_run);
}

bool
mutations_has_ended(const struct mutations *ms, const char *host_run)
{
	size_t n =
	    ms->ended_count < MUTATIONS_ENDED_MAX ? ms->ended_count : MUTATIONS_ENDED_MAX;

	for (size_t i = 0; i < n; i++)
		if (strcmp(ms->ended[i], host_run) == 0)
			return true;
	return false;
}

bool
mutations_is_others(const char *host_run, void *arg)
{
	const struct mutations *ms = arg;

	for (size_t i = 0; i < ms->count; i++)
		if (strcmp(ms->open[i].host_run, host_run) == 0)
			return true;
	return mutations_has_ended(ms, host_run);
}

static void
copy(char *out, size_t size, const struct js *r, const char *key)
{
	const char *s = js_str(r, key);

	if (s)
		snprintf(out, size, "%s", s);
}

static void
found_confirmed(struct mutations *ms, const struct js *r, const char *id)
{
	struct mutation *m = mutations_add(ms, id);

	copy(m->verb, sizeof m->verb, r, "verb");
	copy(m->by, sizeof m->by, r, "by");
	copy(m->asked, sizeof m->asked, r, "asked");
	copy(m->at, sizeof m->at, r, "at");
	m->at_ms = clock_from(m->at);
}

/* What was open before it has been overtaken, if it was done.  An end that was learnt
 * and was none to be glad of is still to be told. */
static void
found_finished(struct mutations *ms, struct mutation *m, int64_t exit)
{
	mutations_note_ended(ms, m->closed && exit != 0 ? "" : m->host_run);
	for (size_t i = 0; exit == 0 && i < ms->count; i++)
		ms->open[i].overtaken |= &ms->open[i] != m;
	if (!m->closed || exit == 0)
		mutations_remove(ms, m);
}

void
mutations_found(struct mutations *ms, const struct js *r)
{
	const char *id = js_is(r, "t", "verb") ? js_str(r, "id") : NULL;
	struct mutation *m = id ? find(ms, id) : NULL;

	if (id && js_is(r, "state", "confirmed"))
		found_confirmed(ms, r, id);
	if (!m)
		return;
	copy(m->host_run, sizeof m->host_run, r, "host_run");
	m->closed |= js_has(r, "learnt");
	if (js_is(r, "state", "finished"))
		found_finished(ms, m, js_int(r, "exit", 0));
	else if (js_is(r, "state", "refused") && !m->closed)
		mutations_remove(ms, m);
}
