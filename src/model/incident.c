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
	/* numbers behind it were given anew: what an engine had in memory died with it */
	if (!other && js_has(fact, "since") && js_int(fact, "since", 0) < in->last)
		in->last = js_int(fact, "since", 0);
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

const struct operator_here *
incident_driver(const struct incident *in)
{
	for (int i = 0; i < in->operators; i++)
		if (in->here[i].driving)
			return &in->here[i];
	return NULL;
}

const struct operator_here *
incident_me(const struct incident *in)
{
	for (int i = 0; i < in->operators; i++)
		if (strcmp(in->here[i].name, in->you) == 0)
			return &in->here[i];
	return NULL;
}

bool
incident_is_watching(const struct incident *in)
{
	const struct operator_here *d = incident_driver(in);

	return d && strcmp(d->name, in->you) != 0;
}

/* What we had and another has now is lost; what is free can be had again by acting. */
static void
see_who_drives(struct incident *in)
{
	const struct operator_here *d = incident_driver(in);

	if (!d)
		return;
	if (strcmp(d->name, in->you) == 0) {
		in->drove = true;
		in->lost_to[0] = '\0';
	} else if (in->drove) {
		in->drove = false;
		memcpy(in->lost_to, d->name, sizeof in->lost_to);
		memcpy(in->lost_at, d->driving_since, sizeof in->lost_at);
	} else if (in->lost_to[0]) {
		memcpy(in->lost_to, d->name, sizeof in->lost_to);
	}
}

void
incident_here(struct incident *in, const struct js *fact)
{
	const struct js *all = js_get_array(fact, "operators");

	in->operators = 0;
	for (size_t i = 0; i < js_len(all) && in->operators < INCIDENT_OPERATORS_MAX;
	     i++) {
		struct operator_here *o = &in->here[in->operators];
		const struct js *one = js_at(all, i);

		if (!one)
			continue;
		incident_label(one, "name", o->name, sizeof o->name);
		incident_label(one, "tty", o->tty, sizeof o->tty);
		incident_label(one, "proof", o->proof, sizeof o->proof);
		incident_label(one, "since", o->since, sizeof o->since);
		incident_label(
		    one, "driving_since", o->driving_since, sizeof o->driving_since);
		o->driving = js_bool(one, "driving", false);
		o->read_only = js_bool(one, "read_only", false);
		in->operators++;
	}
	see_who_drives(in);
}
