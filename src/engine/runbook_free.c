/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/runbook_free.h"

#include <string.h>

#include "engine/runbook_report.h"
#include "wire/verbs.h"

static void
put(struct buf *out, const char *text)
{
	buf_add_some(out, text, strlen(text));
}

void
runbook_free_answer(const struct runbooks *rs, struct buf *out)
{
	put(out,
	    "No model answers, so nobody reads this in words. All of this works without "
	    "one:\n\n");
	for (size_t i = 0; i < runbooks_count(rs); i++) {
		const struct runbook *rb = runbooks_at(rs, i);

		if (buf_printf(out, "- `/%s%s`: ", i < 5 ? "" : "offline ", rb->name) < 0)
			return;
		markdown_text(out, rb->description);
		put(out, "\n");
	}
	put(out, "\nKeys: ");
	for (int v = 0; v < VERBS; v++)
		if (buf_printf(out, "%sF%d %s", v ? ", " : "", verb_rows[v].fkey,
			verb_rows[v].name) < 0)
			return;
	put(out,
	    ", F9 a shell on the devvm. `/agent` tries another driver or endpoint.\n\n"
	    "Where to begin: `/triage`.");
}
