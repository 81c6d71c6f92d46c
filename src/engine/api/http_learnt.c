/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where each host answered last: what is left of DNS when DNS is gone. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/api/http_int.h"

static void
learnt_key(const struct http_where *w, char *out, size_t size)
{
	snprintf(out, size, "%.240s:%d", w->host, w->port);
}

void
http_learn(struct http_learnt *l, const struct http_where *w, const char *address)
{
	char key[HTTP_HOST_MAX];
	size_t i;

	if (w->is_literal || !http_is_literal(address))
		return;
	learnt_key(w, key, sizeof key);
	for (i = 0; i < ARRAY_LEN(l->row) && strcmp(l->row[i].host, key) != 0; i++)
		;
	if (i == ARRAY_LEN(l->row))
		i = l->next++ % ARRAY_LEN(l->row);
	snprintf(l->row[i].host, sizeof l->row[i].host, "%s", key);
	snprintf(l->row[i].address, sizeof l->row[i].address, "%s", address);
}

const char *
http_learnt(const struct http_learnt *l, const struct http_where *w)
{
	char key[HTTP_HOST_MAX];

	learnt_key(w, key, sizeof key);
	for (size_t i = 0; i < ARRAY_LEN(l->row); i++) {
		if (strcmp(l->row[i].host, key) == 0)
			return l->row[i].address;
	}
	return NULL;
}
