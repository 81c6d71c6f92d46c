/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sections [endpoint NAME], the second group of rows of options.def. */
#include <stdio.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/options_int.h"

static const struct option_row rows[] = {
#define ENDPOINT(name, type, def, meaning) \
	{#name, TYPE_##type, NULL, def, meaning, offsetof(struct option_endpoint, name)},
#include "base/options.def"
};

static bool
name_is_good(const char *name, size_t len)
{
	return len > 0 && len <= OPTIONS_ENDPOINT_NAME_MAX &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") >= len &&
	    name[0] != '-';
}

struct option_endpoint *
options_endpoint(struct options *o, const char *name, size_t len, struct err *err)
{
	struct option_endpoint *ep;

	if (!name_is_good(name, len)) {
		err_set(err, ERR_USAGE,
		    "an endpoint's name is 1 to %d of a-z, 0-9 and -, not \"%.*s\"",
		    OPTIONS_ENDPOINT_NAME_MAX, (int)(len < 64 ? len : 64), name);
		return NULL;
	}
	for (int i = 0; i < o->n_endpoints; i++) {
		if (strlen(o->endpoints[i].name) == len &&
		    memcmp(o->endpoints[i].name, name, len) == 0)
			return &o->endpoints[i];
	}
	if (o->n_endpoints == OPTIONS_ENDPOINTS_MAX) {
		err_set(err, ERR_LIMIT, "more than %d endpoints: leave some out",
		    OPTIONS_ENDPOINTS_MAX);
		return NULL;
	}
	ep = &o->endpoints[o->n_endpoints++];
	ep->name = mem_dupn(name, len);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (option_set(ep, &rows[i], rows[i].def, err) < 0)
			abort(); /* the table itself is wrong */
	return ep;
}

int
options_endpoint_set(
    struct option_endpoint *ep, const char *key, const char *value, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].name, key) == 0)
			return option_set(ep, &rows[i], value, err);
	}
	return err_set(err, ERR_USAGE, "an endpoint has no setting \"%s\"", key);
}

int
options_endpoints_check(const struct options *o, struct err *err)
{
	for (int i = 0; i < o->n_endpoints; i++) {
		const struct option_endpoint *ep = &o->endpoints[i];

		if (!ep->url[0] && strcmp(ep->kind, "portable") == 0)
			return err_set(err, ERR_USAGE,
			    "[endpoint %s] has no url: a portable one needs it",
			    ep->name);
	}
	return 0;
}

void
options_endpoints_fini(struct options *o)
{
	for (int e = 0; e < o->n_endpoints; e++) {
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			option_fini(&o->endpoints[e], &rows[i]);
		free((void *)(uintptr_t)o->endpoints[e].name);
	}
	memset(o->endpoints, 0, sizeof o->endpoints);
	o->n_endpoints = 0;
}

void
options_endpoints_print(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		option_print(&rows[i]);
}
