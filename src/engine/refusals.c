/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/refusals.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define REFUSALS_MAX 600 /* records within REFUSALS_MS */
#define REFUSALS_MS 60000
#define WHAT_MAX 200 /* bytes of what was said */

void
refusals_tell(struct refusals *r, struct incident *i, enum fact fact, const char *by,
    const char *text, const char *what, size_t len)
{
	int64_t now = clock_mono_ms();
	struct js *f;
	char *words;

	LOG("refused", "%s: %s", by, text);
	if (r->count == 0 || now - r->since_ms > REFUSALS_MS) {
		r->count = 0;
		r->since_ms = now;
	}
	if (r->count >= REFUSALS_MAX)
		return;
	r->count++;
	words = mem_printf("%s%s", text,
	    r->count == REFUSALS_MAX
		? " (more of this within the minute is in no journal)"
		: "");
	f = incident_fact(fact, by);
	if (fact == FACT_ERROR)
		js_set_str(f, "where", "ssh");
	if (what)
		js_set_bytes(
		    f, "command", what, text_cut(what, len < WHAT_MAX ? len : WHAT_MAX));
	js_set_str(f, "text", words);
	incident_emit(i, fact, f);
	free(words);
}
