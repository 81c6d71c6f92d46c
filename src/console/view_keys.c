/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view_keys.h"

#include <stdio.h>
#include <string.h>

#include "console/keymap.h"

/* From roomy to tight: "F7 cycle", "F7cycle", and "7 cycle" behind one "Esc". */
enum form { ROOMY, TIGHT, TWINS };

/* Where not all fit, the keys of the rescue come first. */
static const enum action ranked[] = {ACTION_VERB_CYCLE, ACTION_VERB_STATUS, ACTION_HELP,
    ACTION_VERB_FORENSICS, ACTION_CANCEL, ACTION_VERB_START, ACTION_DETACH,
    ACTION_VERB_STOP, ACTION_VERB_RESET};

static int
key_name(const struct keymap_row *k, enum form form, char out[8])
{
	if (form == TWINS)
		return snprintf(out, 8, "%d", k->fkey % 10);
	return snprintf(out, 8, "F%d", k->fkey);
}

static int
key_cols(const struct keymap_row *k, enum form form)
{
	char name[8];

	return key_name(k, form, name) + (form != TIGHT) + (int)strlen(k->bar) +
	    (form == ROOMY ? 2 : 1);
}

/* The actions that fit into cols, as bits; *all: every one does. */
static unsigned long
choose(int cols, enum form form, bool *all)
{
	unsigned long chosen = 0;

	*all = true;
	for (size_t i = 0; i < sizeof ranked / sizeof ranked[0]; i++) {
		const struct keymap_row *k = keymap_row(ranked[i]);

		if (key_cols(k, form) - 1 > cols) {
			*all = false;
			continue;
		}
		cols -= key_cols(k, form);
		chosen |= 1ul << k->fkey;
	}
	return chosen;
}

void
view_keys_draw(const struct screen *s, struct canvas *c, struct rect r)
{
	enum form form = s->few_keys || s->esc_armed ? TWINS : ROOMY;
	unsigned long chosen;
	bool all;
	int col = 0;

	chosen = choose(r.cols - (form == TWINS ? 5 : 0), form, &all);
	if (!all && form == ROOMY)
		chosen = choose(r.cols, form = TIGHT, &all);
	if (!all && form == TIGHT)
		chosen = choose(r.cols - 5, form = TWINS, &all);
	if (form == TWINS)
		col = 1 +
		    canvas_text(c, r, 0, 0, s->esc_armed ? LOOK_KEY : LOOK_STRONG,
			s->esc_armed ? "Esc…" : "Esc+");
	for (size_t i = 0; i < keymap_count; i++) {
		const struct keymap_row *k = &keymap_rows[i];
		char name[8];

		if (!k->bar || !(chosen & 1ul << k->fkey))
			continue;
		key_name(k, form, name);
		col = canvas_text(
		    c, r, 0, col, form == TIGHT ? LOOK_BAR : LOOK_STRONG, name);
		col += form != TIGHT;
		col = canvas_text(c, r, 0, col, LOOK_PLAIN, k->bar) +
		    (form == ROOMY ? 2 : 1);
	}
}
