/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_keys.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "console/action/keymap.h"
#include "wire/verbs.h"

/* From roomy to tight: "F7 cycle", "F7cycle", and "7 cycle" behind one "Esc". */
enum form { ROOMY, TIGHT, TWINS };

/* Where not all fit, the keys of the rescue come first. */
static const enum action ranked[] = {ACTION_VERB_CYCLE, ACTION_VERB_STATUS, ACTION_HELP,
    ACTION_VERB_FORENSICS, ACTION_CANCEL, ACTION_VERB_START, ACTION_DETACH,
    ACTION_VERB_STOP, ACTION_VERB_RESET};

/* Behind Esc at 40 columns there is room for four: the state is read by itself. */
static const enum action ranked_twins[] = {ACTION_VERB_CYCLE, ACTION_HELP,
    ACTION_VERB_FORENSICS, ACTION_DETACH, ACTION_VERB_STATUS, ACTION_CANCEL,
    ACTION_VERB_START, ACTION_VERB_STOP, ACTION_VERB_RESET};

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

/* The F-key that the verdict advises and that acts; 0: none. */
static int
advised(const struct screen *s)
{
	const struct verdict *v = &s->model.verdict;
	int verb = verdict_advice(v);

	if (verb < 0 || !verb_rows[verb].mutating ||
	    !verdict_is_fresh(v, model_now(&s->model, s->now)))
		return 0;
	return verb_rows[verb].fkey;
}

/* The actions that fit into cols, as bits; *all: every one does.  first: its F-key. */
static unsigned long
choose(int cols, enum form form, int first, bool *all)
{
	unsigned long chosen = 0;

	*all = true;
	for (size_t i = 0; i < keymap_count && first > 0; i++)
		if (keymap_rows[i].fkey == first && keymap_rows[i].bar) {
			cols -= key_cols(&keymap_rows[i], form);
			chosen |= 1ul << first;
		}
	for (size_t i = 0; i < ARRAY_LEN(ranked); i++) {
		const struct keymap_row *k =
		    keymap_row(form == TWINS ? ranked_twins[i] : ranked[i]);

		if (k->fkey == first)
			continue;
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
	int col = 0, first = advised(s);
	unsigned long chosen;
	bool all;

	chosen = choose(r.cols - (form == TWINS ? 5 : 0), form, first, &all);
	if (!all && form == ROOMY)
		chosen = choose(r.cols, form = TIGHT, first, &all);
	if (!all && form == TIGHT)
		chosen = choose(r.cols - 5, form = TWINS, first, &all);
	if (form == TWINS)
		col = 1 +
		    canvas_text(c, r, 0, 0, s->esc_armed ? LOOK_KEY : LOOK_STRONG,
			s->esc_armed ? "Esc…" : "Esc+");
	for (size_t i = 0; i < keymap_count; i++) {
		const struct keymap_row *k = &keymap_rows[i];
		uint32_t lit = k->fkey == first ? LOOK_DANGER : LOOK_PLAIN;
		char name[8];

		if (!k->bar || !(chosen & 1ul << k->fkey))
			continue;
		key_name(k, form, name);
		col = canvas_text(c, r, 0, col,
		    lit			? lit
			: form == TIGHT ? LOOK_BAR
					: LOOK_STRONG,
		    name);
		col = canvas_text(c, r, 0, col, lit, form == TIGHT ? "" : " ");
		col = canvas_text(c, r, 0, col, lit, k->bar) + (form == ROOMY ? 2 : 1);
	}
}
