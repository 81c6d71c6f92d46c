/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An htpasswd file of any bytes: nobody, or names with hashes of bcrypt and nothing
 * else, which print as a file that reads the same; words never have a part of it.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "wire/htpasswd.h"

static void
check_line(const struct htpasswd *h, const struct htpasswd_line *l)
{
	size_t n = strlen(l->name);

	must(n > 0 && n <= WIRE_NAME_MAX && !strchr(l->name, ':'));
	for (size_t i = 0; i < n; i++)
		must(l->name[i] > ' ' && l->name[i] < 0x7f);
	must(strlen(l->hash) == HTPASSWD_HASH);
	must(memcmp(l->hash, "$2y$", 4) == 0 || memcmp(l->hash, "$2b$", 4) == 0);
	must(l->cost >= HTPASSWD_COST_MIN && l->cost <= HTPASSWD_COST_MAX);
	must(htpasswd_find(h, l->name) == l);
	must(htpasswd_is(l->hash, l->hash) && !htpasswd_is(l->hash, NULL));
	must(!htpasswd_is(l->hash, "") && !htpasswd_is(l->hash, l->name));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct htpasswd h, again;
	static char text[2 * HTPASSWD_FILE_MAX];
	struct err err = {0};
	char name[WIRE_NAME_MAX + 8] = "";
	size_t n = 0;

	memcpy(name, data, size < sizeof name - 1 ? size : sizeof name - 1);
	if (htpasswd_parse(&h, (const char *)data, size, &err) < 0) {
		must(h.count == 0 && err.words[0]);
		must(!htpasswd_find(&h, name));
		for (const char *p = err.words; *p; p++)
			must(*p >= 0x20 && *p < 0x7f);
		return 0;
	}
	must(h.count >= 0 && h.count <= HTPASSWD_LINES_MAX);
	for (int i = 0; i < h.count; i++) {
		check_line(&h, &h.line[i]);
		n += (size_t)snprintf(
		    text + n, sizeof text - n, "%s:%s\n", h.line[i].name, h.line[i].hash);
	}
	must(n <= size + 1);
	must(htpasswd_parse(&again, text, n, &err) == 0);
	must(memcmp(&again, &h, sizeof h) == 0);
	must(!htpasswd_find(&h, "") && !htpasswd_find(&h, "no such name"));
	return 0;
}
