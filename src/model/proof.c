/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/proof.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/scrub.h"
#include "model/incident.h"

#define LABEL(obj, key, field) incident_label(obj, key, field, sizeof(field))

/* A member that may be text, a number or true, as clean text; "" when it is missing. */
static void
read_value(const struct js *obj, const char *key, char *out, size_t size)
{
	if (js_str(obj, key))
		incident_label(obj, key, out, size);
	else if (js_has(obj, key) && js_int(obj, key, INT64_MIN) != INT64_MIN)
		snprintf(out, size, "%" PRId64, js_int(obj, key, 0));
	else
		out[0] = '\0';
}

static void
read_rungs(struct proof *p, const struct js *list)
{
	for (size_t i = 0; i < js_len(list) && p->rungs < PROOF_RUNGS_MAX; i++) {
		struct proof_rung *r = &p->rung[p->rungs];
		const struct js *one = js_at(list, i);

		if (!one)
			continue;
		LABEL(one, "rung", r->rung);
		LABEL(one, "text", r->text);
		r->ok = js_bool(one, "ok", false);
		r->ms = js_int(one, "ms", -1);
		p->rungs++;
	}
}

static void
read_rows(struct proof *p, const struct js *list)
{
	for (size_t i = 0; i < js_len(list) && p->rows < PROOF_ROWS_MAX; i++) {
		struct proof_row *r = &p->row[p->rows];
		const struct js *one = js_at(list, i);

		if (!one)
			continue;
		LABEL(one, "what", r->what);
		read_value(one, "before", r->before, sizeof r->before);
		read_value(one, "after", r->after, sizeof r->after);
		r->judged = js_has(one, "ok");
		r->ok = js_bool(one, "ok", false);
		p->rows++;
	}
}

void
proof_read(struct proof *p, const struct js *fact)
{
	const char *at = js_str(fact, "at");

	memset(p, 0, sizeof *p);
	p->known = true;
	LABEL(fact, "when", p->when);
	LABEL(fact, "verb", p->verb);
	LABEL(fact, "end", p->end);
	LABEL(fact, "text", p->text);
	LABEL(fact, "host_program", p->host_program);
	if (at && strlen(at) >= 19)
		scrub_label(at + 11, 8, p->at, sizeof p->at);
	p->done = js_bool(fact, "done", false) || p->end[0];
	p->ms = js_int(fact, "ms", -1);
	p->told = js_int(fact, "mono_ms", 0);
	read_rungs(p, js_get_array(fact, "rungs"));
	read_rows(p, js_get_array(fact, "table"));
}

bool
proof_is_climbing(const struct proof *p)
{
	return p->known && !p->done && strcmp(p->when, "after") == 0;
}

bool
proof_is_healthy(const struct proof *p)
{
	if (!p->done)
		return false;
	if (p->end[0])
		return strcmp(p->end, "healthy") == 0 || strcmp(p->end, "stopped") == 0;
	return p->rungs > 0 && proof_reached(p) == p->rungs;
}

int
proof_reached(const struct proof *p)
{
	int n = 0;

	while (n < p->rungs && p->rung[n].ok)
		n++;
	return n;
}

int64_t
proof_elapsed(const struct proof *p, int64_t now)
{
	if (p->ms < 0)
		return -1;
	return p->done || now < p->told ? p->ms : p->ms + now - p->told;
}
