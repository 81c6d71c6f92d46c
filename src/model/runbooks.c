/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/runbooks.h"

#include <stdio.h>
#include <string.h>

#include "model/incident.h"

#define LABEL(obj, key, field) incident_label(obj, key, field, sizeof(field))

static void
read_bad(struct runbooks *r, const struct js *bad)
{
	for (size_t i = 0; i < js_len(bad) && r->bad_count < RUNBOOKS_MAX; i++) {
		const struct js *one = js_at(bad, i);
		char file[96], why[112];

		if (!one)
			continue;
		LABEL(one, "file", file);
		LABEL(one, "why", why);
		snprintf(r->bad[r->bad_count++], sizeof r->bad[0], "%s:%lld: %s", file,
		    (long long)js_int(one, "line", 0), why);
	}
}

void
runbooks_read(struct runbooks *r, const struct js *fact)
{
	const struct js *all = js_get_array(fact, "runbooks");

	memset(r, 0, sizeof *r);
	for (size_t i = 0; i < js_len(all) && r->count < RUNBOOKS_MAX; i++) {
		const struct js *one = js_at(all, i);
		struct runbook_row *row = &r->row[r->count];

		if (!one || !js_str(one, "name"))
			continue;
		LABEL(one, "name", row->name);
		LABEL(one, "title", row->title);
		LABEL(one, "description", row->description);
		r->count++;
	}
	read_bad(r, js_get_array(fact, "bad"));
}
