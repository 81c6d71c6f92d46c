/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_detail.h"

#include <stdio.h>
#include <string.h>

#include "console/view/view_page.h"
#include "console/view/view_proof.h"
#include "console/view/view_verdict.h"
#include "console/draw/words.h"

static void
title(struct lines *l, const char *text)
{
	if (l->count > 0)
		lines_break(l);
	l->indent[0] = '\0';
	lines_str(l, LOOK_NAME, text);
	lines_break(l);
	snprintf(l->indent, sizeof l->indent, "  ");
}

static void
say(struct lines *l, const char *before, const char *text)
{
	if (!text[0])
		return;
	lines_str(l, LOOK_PLAIN, "  ");
	lines_str(l, LOOK_QUIET, before);
	lines_str(l, LOOK_PLAIN, text);
	lines_break(l);
}

static void
say_verdict(struct lines *l, const struct model *m, int64_t now, bool keys)
{
	const struct verdict *v = &m->verdict;
	char age[32], text[160];

	title(l, "What is wrong with VM 102");
	if (!v->known) {
		say(l, "",
		    "No verdict yet: F3 (/forensics) captures the evidence for one.");
		return;
	}
	view_verdict_render(l, v, keys ? VIEW_ROWS_ALL : 0);
	snprintf(l->indent, sizeof l->indent, "  ");
	if (now >= v->checked) {
		snprintf(text, sizeof text, "%s%s",
		    words_age(now - v->checked, age, sizeof age),
		    v->outdated ? ", and a verb was sent since" : "");
		say(l, "as of ", text);
	}
	if (v->host_word[0] && strcmp(v->host_word, v->word) != 0)
		say(l, "the PVE host alone calls it ", v->host_word);
}

static void
say_start(struct lines *l, const struct vm *vm)
{
	if (!vm->cannot_start && !vm->lock_holder[0] && !vm->ha)
		return;
	title(l, "What stands in the way");
	if (vm->cannot_start)
		say(l, "a start would fail: ",
		    vm->startable_why[0] ? vm->startable_why : "the host says so");
	if (vm->lock_holder[0])
		say(l, "the config's lock is held by ", vm->lock_holder);
	if (vm->ha)
		say(l, "", "the HA manager runs this VM");
}

static void
say_unfinished(struct lines *l, const struct vm_unfinished *u)
{
	if (!u->verb[0])
		return;
	title(l, "A verb whose end is not on record");
	say(l, "verb: ", u->verb);
	say(l, "asked by: ", u->by);
	say(l, "at: ", u->at);
	say(l, "outcome: ", u->outcome);
	say(l, "", u->text);
	say(l, "now: ", u->now);
	say(l, "next: ", u->key[0] ? u->key : "nothing to press");
}

static void
say_host(struct lines *l, const struct vm *vm)
{
	if (strcmp(vm->host_program, "old") != 0)
		return;
	title(l, "The host program on pve is old");
	say(l, "",
	    "Its verbs work, but they end with the connection that reads them: a cycle that is "
	    "cut in the middle leaves VM 102 off. The engine keeps the connection until a verb "
	    "has ended; do not stop the engine before. Verdict and proof are limited.");
	if (!vm->host_todo[0])
		return;
	lines_str(l, LOOK_PLAIN, "  Ours is installed by:");
	lines_break(l);
	l->indent[0] = '\0'; /* so that it can be copied */
	l->keep_blanks = true;
	lines_str(l, LOOK_CODE, vm->host_todo);
	lines_break(l);
	l->keep_blanks = false;
}

void
view_detail_render(struct lines *l, const struct model *m, int64_t now, bool keys)
{
	say_verdict(l, m, now, keys);
	say_start(l, &m->vm);
	say_unfinished(l, &m->vm.unfinished);
	say_host(l, &m->vm);
	if (m->vm.proof.known && strcmp(m->vm.proof.when, "after") == 0) {
		title(l, "The last proof of recovery");
		l->indent[0] = '\0';
		view_proof_render(l, &m->vm.proof, 0, now);
	}
}

void
view_detail_draw(struct canvas *c, struct rect r, const struct model *m, int64_t now,
    struct page_at *at)
{
	struct lines l;

	lines_init(&l, view_page_cols(r));
	view_detail_render(&l, m, now, true);
	view_page_draw(c, r, "verdict", &l, at);
	lines_fini(&l);
}
