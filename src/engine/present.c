/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/present.h"

#include <string.h>

/* What tells facts of one kind apart. */
static const char *
present_of(const struct js *fact)
{
	return js_str(fact, js_is(fact, "what", "usual") ? "verb" : "host");
}

/* Its index, or count when there is none yet. */
static size_t
present_find(const struct present *p, const char *what, const char *host)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		const char *h = present_of(p->facts[i]);

		if (js_is(p->facts[i], "what", what) &&
		    strcmp(h ? h : "", host ? host : "") == 0)
			break;
	}
	return i;
}

void
present_keep(struct present *p, struct js *fact)
{
	const char *what = js_str(fact, "what");
	size_t i = what ? present_find(p, what, present_of(fact)) : PRESENT_MAX;

	if (i >= PRESENT_MAX)
		return;
	js_ref(fact);
	if (i == p->count)
		p->count++;
	else
		js_free(p->facts[i]);
	p->facts[i] = fact;
}

struct js *
present_get(const struct present *p, const char *what, const char *host)
{
	size_t i = present_find(p, what, host);

	return i < p->count ? p->facts[i] : NULL;
}

void
present_fini(struct present *p)
{
	for (size_t i = 0; i < p->count; i++)
		js_free(p->facts[i]);
	p->count = 0;
}
