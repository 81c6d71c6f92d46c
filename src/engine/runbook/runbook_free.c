/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/runbook/runbook_free.h"

#include <string.h>

#include "engine/runbook/runbook_report.h"
#include "wire/verbs.h"

#define OTHERS_NAMED 2 /* runbooks that are no presets; the list has the rest */

static void
put(struct buf *out, const char *text)
{
	buf_add_some(out, text, strlen(text));
}

/* Names alone: all of it has to stand on a small screen; what each does is a list away.
 */
static int
put_names(const struct runbooks *rs, struct buf *out)
{
	int more = 0, others = 0;
	const char *before = "Also: ";

	for (size_t i = 0; i < runbooks_count(rs); i++) {
		const struct runbook *rb = runbooks_at(rs, i);
		bool preset = runbooks_is_preset(rb->name);

		if (strcmp(rb->name, "triage") == 0)
			continue;
		if (!preset && others++ >= OTHERS_NAMED) {
			more++;
			continue;
		}
		if (buf_printf(
			out, "%s`/%s%s`", before, preset ? "" : "runbook ", rb->name) < 0)
			return -1;
		before = ", ";
	}
	if (more > 0 && buf_printf(out, " and %d more", more) < 0)
		return -1;
	put(out,
	    before[0] == ',' ? ". `/runbook` lists all, with what each does.\n\n" : "");
	return 0;
}

void
runbook_free_answer(const struct runbooks *rs, const struct verdict *v, struct buf *out)
{
	put(out, "No model answers, so nobody reads this in words.\n\n");
	if (v && verdict_is_bad(v)) {
		put(out, "What the engine sees by itself:\n\n");
		runbook_report_verdict(v, out);
		put(out, "\n\n");
	}
	put(out, "`/triage` looks at all of it and says what to press.\n\n");
	if (put_names(rs, out) < 0)
		return;
	put(out, "Keys: ");
	for (int i = 0; i < VERBS; i++)
		if (buf_printf(out, "%sF%d %s", i ? ", " : "", verb_rows[i].fkey,
			verb_rows[i].name) < 0)
			return;
	put(out, ", F9 a shell on the devvm. `/agent` tries another driver or endpoint.");
}
