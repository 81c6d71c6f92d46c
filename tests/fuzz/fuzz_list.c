/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An operator list of any bytes: void with a clean reason, or lines that let in whom
 * they name and nobody else.
 */
#include <string.h>

#include "engine/people/list.h"
#include "fuzz/fuzz.h"

static void
check_line(const struct list *l, const struct list_line *at)
{
	must(at->kind < LIST_KINDS && at->number > 0);
	must(memchr(at->what, '\0', sizeof at->what));
	must(memchr(at->name, '\0', sizeof at->name));
	must(at->kind == LIST_UID || at->what[0]);
	for (const char *p = at->name; *p; p++)
		must(*p >= 0x20 && *p != 0x7f);
	if (at->kind == LIST_NAME)
		must(list_find_name(l, at->what));
}

/* Who fits no line by what is known of him is let in by none. */
static void
check_stranger(const struct list *l)
{
	struct who_seen seen = {.uid = 4242424, .login = -1};
	const struct list_line *line;
	bool read_only;

	strcpy(seen.user, "no one of them");
	if (list_find(l, seen.uid, &seen, &line) == LIST_FITS)
		must(line->kind == LIST_UID && line->uid == seen.uid);
	line = list_find_uid(l, seen.uid, &read_only);
	must(!line || (line->kind == LIST_UID && line->uid == seen.uid));
	must(!line || !line->read_only || read_only);
	seen.gone = true;
	if (list_find(l, seen.uid, &seen, &line) == LIST_FITS)
		must(line->kind == LIST_UID && line->uid == seen.uid);
	must(!list_find_name(l, "") && !list_find_name(l, "no one of them"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct list l;
	struct err err = {0};

	if (list_parse(&l, (const char *)data, size, &err) < 0) {
		must(l.count == 0 && err.words[0]);
		for (const char *p = err.words; *p; p++)
			must(*p >= 0x20 && *p < 0x7f);
	}
	must(l.count >= 0 && l.count <= LIST_LINES_MAX);
	for (int i = 0; i < l.count; i++)
		check_line(&l, &l.line[i]);
	check_stranger(&l);
	return 0;
}
