/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/messages.h"

#include <stdio.h>
#include <string.h>

const char *const fact_names[FACTS] = {
#define FACT(id, name, journaled) name,
#include "wire/messages.def"
};

const bool fact_journaled[FACTS] = {
#define FACT(id, name, journaled) journaled,
#include "wire/messages.def"
};

const char *const request_names[REQUESTS] = {
#define REQUEST(id, name) name,
#include "wire/messages.def"
};

const char *const agent_in_names[AGENT_INS] = {
#define AGENT_IN(id, name) name,
#include "wire/messages.def"
};

const char *const agent_out_names[AGENT_OUTS] = {
#define AGENT_OUT(id, name) name,
#include "wire/messages.def"
};

static int
message_kind(const struct js *m, const char *const names[], int count)
{
	const char *t = js_str(m, "t");

	for (int i = 0; t && i < count; i++)
		if (strcmp(names[i], t) == 0)
			return i;
	return -1;
}

int
message_fact(const struct js *m)
{
	return message_kind(m, fact_names, FACTS);
}

int
message_request(const struct js *m)
{
	return message_kind(m, request_names, REQUESTS);
}

int
message_agent_in(const struct js *m)
{
	return message_kind(m, agent_in_names, AGENT_INS);
}

int
message_agent_out(const struct js *m)
{
	return message_kind(m, agent_out_names, AGENT_OUTS);
}

struct js *
message_new(const char *name)
{
	struct js *m = js_new();

	js_set_str(m, "t", name);
	return m;
}

struct only {
	const char *allowed;
	const char *offender;
};

static bool
on_key(const char *key, void *arg)
{
	struct only *o = arg;
	size_t len = strlen(key);

	if (strcmp(key, "t") == 0 || strcmp(key, "req") == 0)
		return true;
	for (const char *p = o->allowed; len && (p = strstr(p, key)) != NULL; p++)
		if ((p == o->allowed || p[-1] == ' ') &&
		    (p[len] == ' ' || p[len] == '\0'))
			return true;
	o->offender = key;
	return false;
}

int
message_only(const struct js *m, const char *allowed, struct err *err)
{
	struct only o = {allowed, NULL};

	if (js_each_key(m, on_key, &o))
		return 0;
	return err_set(
	    err, ERR_PROTOCOL, "%s has no member \"%.40s\"", js_str(m, "t"), o.offender);
}
