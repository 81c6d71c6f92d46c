/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/runbook/runbook_free.h"

#include <string.h>

#include "engine/runbook/runbook_report.h"
#include "wire/verbs.h"

static void
put(struct buf *out, const char *text)
{
	buf_add_some(out, text, strlen(text));
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
	put(out, "This works without a model:\n\n");
	for (size_t i = 0; i < runbooks_count(rs); i++) {
		const struct runbook *rb = runbooks_at(rs, i);

		if (buf_printf(out, "- `/%s%s`: ",
			runbooks_is_preset(rb->name) ? "" : "runbook ", rb->name) < 0)
			return;
		markdown_text(out, rb->description);
		put(out, "\n");
	}
	put(out, "\nKeys: ");
	for (int i = 0; i < VERBS; i++)
		if (buf_printf(out, "%sF%d %s", i ? ", " : "", verb_rows[i].fkey,
			verb_rows[i].name) < 0)
			return;
	put(out,
	    ", F9 a shell on the devvm. `/agent` tries another driver or endpoint.\n\n"
	    "Where to begin: `/triage`.");
}
