/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/incident.h"

#include <string.h>

#include "base/scrub.h"

void
incident_label(const struct js *obj, const char *key, char *out, size_t size)
{
	size_t len;
	const char *s = js_strn(obj, key, &len);

	if (s)
		scrub_label(s, len, out, size);
	else
		out[0] = '\0';
}

bool
incident_take(struct incident *in, const struct js *fact)
{
	int64_t seq = js_int(fact, "seq", 0);
	char id[65];

	if (seq <= 0)
		return true;
	if (js_is(fact, "t", "incident") && js_is(fact, "state", "opened")) {
		incident_label(fact, "id", id, sizeof id);
		if (strcmp(id, in->id) != 0) { /* its numbers start again */
			in->last = seq;
			return true;
		}
	}
	if (seq <= in->last)
		return false;
	in->last = seq;
	return true;
}

bool
incident_welcome(struct incident *in, const struct js *fact)
{
	char id[65];
	bool other;

	incident_label(fact, "incident", id, sizeof id);
	if (js_has(fact, "you"))
		incident_label(fact, "you", in->you, sizeof in->you);
	incident_label(fact, "version", in->version, sizeof in->version);
	incident_label(fact, "started", in->started, sizeof in->started);
	other = in->last > 0 && strcmp(id, in->id) != 0;
	if (strcmp(id, in->id) != 0)
		memcpy(in->id, id, sizeof id);
	in->open = id[0] != '\0';
	return other;
}

void
incident_apply(struct incident *in, const struct js *fact)
{
	in->open = !js_is(fact, "state", "closed"); /* "left": the next one continues */
	if (in->open)
		incident_label(fact, "id", in->id, sizeof in->id);
}

void
incident_here(struct incident *in, const struct js *fact)
{
	const struct js *all = js_get_array(fact, "operators");

	in->operators = 0;
	for (size_t i = 0; i < js_len(all) && i < INCIDENT_OPERATORS_MAX; i++) {
		struct operator_here *o = &in->here[in->operators];
		const struct js *one = js_at(all, i);

		if (!one)
			continue;
		incident_label(one, "name", o->name, sizeof o->name);
		incident_label(one, "tty", o->tty, sizeof o->tty);
		o->driving = js_bool(one, "driving", false);
		in->operators++;
	}
}
