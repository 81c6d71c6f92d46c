/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * player_find.c: looking for text in the whole journal.
 *
 * A line's bytes are searched first, for the text as JSON spells it; only what is
 * found there is parsed, to see that it stands in a string and not in the format.
 * Backwards goes in blocks that are read forwards.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/scrub.h"
#include "console/replay/player_int.h"
#include "wire/messages.h"

#define BLOCK 512		      /* records that are read at once */
#define SLICE_BYTES (8 * 1024 * 1024) /* looked through in one call */

/* --- one record --- */

/* In any case of ASCII letters; hay has no NUL at its end. */
static bool
holds(const char *hay, size_t len, const char *needle)
{
	size_t n = strlen(needle);
	char first = (char)tolower((unsigned char)needle[0]);

	for (size_t i = 0; n > 0 && i + n <= len; i++)
		if (tolower((unsigned char)hay[i]) == first &&
		    strncasecmp(hay + i, needle, n) == 0)
			return true;
	return false;
}

struct looking {
	const struct js *obj;
	const char *text;
	bool found;
};

static bool is_in(const struct js *obj, const char *text);

static bool
look_member(const char *key, void *arg)
{
	static const char *const not_text[] = {"t", "h", "data_b64"};
	struct looking *l = arg;
	const struct js *list = js_get_array(l->obj, key), *child = js_get(l->obj, key);
	size_t len;
	const char *s = js_strn(l->obj, key, &len);

	for (size_t i = 0; i < sizeof not_text / sizeof not_text[0]; i++)
		if (strcmp(key, not_text[i]) == 0)
			return true;
	l->found = (s && holds(s, len, l->text)) || (child && is_in(child, l->text));
	for (size_t i = 0; i < js_len(list) && !l->found; i++) {
		const struct js *one = js_at(list, i);

		s = js_at_str(list, i, &len);
		l->found = (s && holds(s, len, l->text)) || (one && is_in(one, l->text));
	}
	return !l->found;
}

static bool
is_in(const struct js *obj, const char *text)
{
	struct looking l = {obj, text, false};

	js_each_key(obj, look_member, &l);
	return l.found;
}

/* How JSON writes it: what stands between the quotes. */
static char *
spelled(const char *text)
{
	struct js *m = js_new();
	struct buf b;
	char *out;

	js_set_str(m, "x", text);
	buf_init(&b, 8 * PLAYER_FIND_MAX);
	if (js_print(m, &b) < 0 || b.len < 8)
		out = mem_dup(text);
	else
		out = mem_printf("%.*s", (int)b.len - 8, b.data + 6); /* {"x":" and "} */
	buf_fini(&b);
	js_free(m);
	return out;
}

/* --- many --- */

static bool
matches(struct player *p, size_t mark, const char *line, size_t len, const char *raw)
{
	struct err err;
	struct js *fact;
	bool found;

	if (p->reel->marks[mark].kind == REEL_BAD || !holds(line, len, raw))
		return false;
	fact = js_parse(line, len, &err);
	found = fact && is_in(fact, p->find.text);
	js_free(fact);
	return found;
}

/* The first (dir 1) or last one among these marks; SIZE_MAX: none. */
static size_t
look_block(struct player *p, size_t from, size_t to, const char *raw)
{
	size_t found = SIZE_MAX;

	for (size_t i = from; i < to; i++) {
		size_t len = 0;
		const char *line = i == from ? reel_line(p->reel, i, &len)
					     : reel_next_line(p->reel, &len);

		if (!line)
			break;
		if (!matches(p, i, line, len, raw))
			continue;
		found = i;
		if (p->find.dir > 0)
			break;
	}
	return found;
}

static void
found(struct player *p, size_t mark)
{
	struct js *fact = reel_read(p->reel, mark);
	int kind = fact ? message_fact(fact) : -1;
	bool output = kind == FACT_OUTPUT || kind == FACT_TOOL;
	char text[64];

	scrub_label(p->find.text, strlen(p->find.text), text, sizeof text);
	js_free(fact);
	p->find.dir = 0;
	p->paused = true; /* what was looked for is to be read */
	player_show(p, mark, output);
	player_say(p, "Found %s in record %zu of %zu (%s). f looks on, b back.", text,
	    mark + 1, p->reel->count, kind >= 0 ? fact_names[kind] : "?");
}

void
player_find_on(struct player *p)
{
	struct player_find *f = &p->find;
	char *raw = spelled(f->text);
	int64_t bytes = 0;

	while (f->dir && bytes < SLICE_BYTES) {
		size_t from = f->dir > 0 ? f->next
		    : f->next > BLOCK	 ? f->next - BLOCK
					 : 0;
		size_t to = f->dir < 0 ? f->next : from + BLOCK, hit;

		if (to > p->reel->count)
			to = p->reel->count;
		if (from >= to) {
			if (f->dir > 0 && p->reading)
				break; /* the rest of the file is not known yet */
			player_say(
			    p, "Not found %s here.", f->dir > 0 ? "after" : "before");
			f->dir = 0;
			break;
		}
		bytes += reel_bytes(p->reel, from, to);
		hit = look_block(p, from, to, raw);
		f->next = f->dir > 0 ? to : from;
		if (hit != SIZE_MAX)
			found(p, hit);
	}
	free(raw);
}

void
player_find(struct player *p, const char *text, int dir)
{
	struct player_find *f = &p->find;

	if (text[0])
		snprintf(f->text, sizeof f->text, "%s", text);
	if (!f->text[0]) {
		player_say(p, "What? Press / and type it.");
		return;
	}
	f->dir = dir;
	f->next = dir > 0 ? p->next : p->next > 0 ? p->next - 1 : 0;
}
