/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view_help.h"

#include <stdio.h>
#include <string.h>

#include "console/keymap.h"
#include "console/view_page.h"
#include "wire/verbs.h"

static void
title(struct lines *l, const char *text)
{
	lines_break(l);
	l->indent[0] = '\0';
	lines_str(l, LOOK_NAME, text);
	lines_break(l);
}

static void
row(struct lines *l, const struct keymap_row *k)
{
	int verb = keymap_verb(k->action);
	char key[48], twin[8];

	key[0] = '\0';
	if (k->fkey > 0)
		snprintf(key, sizeof key, "F%d", k->fkey);
	else if (k->keys)
		snprintf(key, sizeof key, "%s", k->keys);
	else
		snprintf(key, sizeof key, "/%s%s%s", k->slash, k->args ? " " : "",
		    k->args ? k->args : "");
	snprintf(l->indent, sizeof l->indent, "%*s", l->width < 60 ? 4 : 13, "");
	lines_str(l, LOOK_STRONG, key);
	for (int i = canvas_width(key, strlen(key)); i < (l->width < 60 ? 3 : 12); i++)
		lines_str(l, LOOK_PLAIN, " ");
	lines_str(l, LOOK_PLAIN, " ");
	lines_str(l, LOOK_PLAIN, verb >= 0 ? verb_rows[verb].does : k->help);
	if (verb >= 0) {
		lines_str(l, LOOK_QUIET, " (");
		lines_str(l, LOOK_QUIET, verb_rows[verb].limits);
		lines_str(l, LOOK_QUIET, ")");
	}
	if (k->fkey > 0 && k->fkey <= 10) {
		snprintf(twin, sizeof twin, "Esc %d", k->fkey % 10);
		lines_str(l, LOOK_QUIET, "  also: ");
		lines_str(l, LOOK_QUIET, twin);
		if (k->keys) {
			lines_str(l, LOOK_QUIET, ", ");
			lines_str(l, LOOK_QUIET, k->keys);
		}
	}
	if (k->slash && (k->fkey > 0 || k->keys)) {
		lines_str(l, LOOK_QUIET, k->fkey > 0 ? ", /" : "  also: /");
		lines_str(l, LOOK_QUIET, k->slash);
	}
	lines_break(l);
}

void
view_help_render(struct lines *l)
{
	lines_str(l, LOOK_STRONG,
	    "breakglass gets VM 102 back when it hangs while the PVE host is well.");
	lines_break(l);
	title(l, "F-keys (Esc, then the digit, does the same; so do the slash commands)");
	for (size_t i = 0; i < keymap_count; i++)
		if (keymap_rows[i].fkey > 0)
			row(l, &keymap_rows[i]);
	title(l, "Other keys and commands");
	for (size_t i = 0; i < keymap_count; i++)
		if (keymap_rows[i].fkey == 0)
			row(l, &keymap_rows[i]);
	title(l, "Which one?");
	lines_str(l, LOOK_PLAIN,
	    "F3 captures the evidence, and the verdict names the key, why, and what not to "
	    "press; /verdict shows all of it. In short: a QEMU that hangs or does no I/O: F7 "
	    "cycle. A hung guest in a healthy QEMU, no staged config: F6 reset. Stopped or "
	    "paused: F4 start. Slow but alive: ask the agent, or repair over SSH; a soft fix "
	    "beats a power verb.");
	lines_break(l);
	title(l, "When the PVE host is silent too");
	lines_str(l, LOOK_PLAIN,
	    "That is the cold case, outside of breakglass: log in to the hypervisor "
	    "by plain ssh on its emergency port, or through its iDRAC.");
	lines_break(l);
}

void
view_help_draw(struct canvas *c, struct rect r, struct page_at *at)
{
	struct lines l;

	lines_init(&l, view_page_cols(r));
	view_help_render(&l);
	view_page_draw(c, r, "help", &l, at);
	lines_fini(&l);
}
