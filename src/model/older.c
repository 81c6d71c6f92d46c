/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/older.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/incident.h"
#include "model/model.h"
#include "wire/messages.h"

void
orphans_fini(struct orphans *o)
{
	for (size_t i = 0; i < o->count; i++)
		js_free(o->fact[i]);
	free(o->fact);
	memset(o, 0, sizeof *o);
}

static bool
orphans_keep(struct orphans *o, const struct js *fact)
{
	size_t bytes = (size_t)js_int(fact, "len", 0);

	if (o->count == ORPHANS_MAX || o->bytes + bytes > ORPHANS_BYTES_MAX)
		return false;
	if (o->count == o->size) {
		o->size = o->size ? o->size * 2 : 32;
		o->fact = mem_resize(o->fact, o->size * sizeof o->fact[0]);
	}
	o->fact[o->count++] = js_ref((struct js *)(uintptr_t)fact);
	o->bytes += bytes;
	return true;
}

void
model_keep_orphan(struct model *m, const struct js *fact)
{
	int kind = message_fact(fact);
	struct tail_run *r = NULL;
	struct item *it = NULL;
	char id[16];

	if (kind == FACT_OUTPUT || kind == FACT_INPUT || kind == FACT_SKIPPED ||
	    kind == FACT_TOOL_END) {
		incident_label(fact, "id", id, sizeof id);
		r = tail_by_id(&m->tools, id);
	} else if (kind == FACT_VERB || kind == FACT_ANSWERED || kind == FACT_TEXT ||
	    kind == FACT_PROMPT) {
		it = transcript_of(&m->chat, fact);
	}
	if ((!r || !r->stub) && (!it || !it->stub))
		return;
	if (orphans_keep(&m->orphans, fact))
		return;
	if (r)
		r->lost = true;
	if (it)
		it->lost = true;
}

void
model_prepend(struct model *m, struct model *older)
{
	struct orphans o = m->orphans;

	memset(&m->orphans, 0, sizeof m->orphans);
	for (size_t i = 0; i < o.count; i++) {
		tail_apply(&older->tools, o.fact[i]);
		transcript_apply(&older->chat, o.fact[i]);
		model_keep_orphan(older, o.fact[i]);
	}
	orphans_fini(&o);
	tail_prepend(&m->tools, &older->tools);
	transcript_prepend(&m->chat, &older->chat);
	m->orphans = older->orphans;
	memset(&older->orphans, 0, sizeof older->orphans);
	if (m->incident.caught_up)
		tail_end_lost(&m->tools, m->incident.started);
}

bool
model_has_room(const struct model *m, bool tools)
{
	if (tools)
		return !m->tools.full && m->tools.count < TAIL_RUNS_MAX &&
		    m->tools.bytes < TAIL_BYTES_MAX / 4 * 3;
	return !m->chat.full && m->chat.dropped == 0 &&
	    m->chat.count < TRANSCRIPT_ITEMS_MAX - 1 &&
	    m->chat.bytes < TRANSCRIPT_BYTES_MAX / 4 * 3;
}
