/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * said_block.c: the verdict and the proof of recovery for who listens: a sentence a
 * line, where a screen has labels and columns.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "console/action/keymap.h"
#include "console/linear/said.h"
#include "console/draw/words.h"
#include "wire/verbs.h"

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
say(const char *fmt, ...)
{
	char text[700];
	va_list args;
	size_t len;

	va_start(args, fmt);
	vsnprintf(text, sizeof text - 1, fmt, args);
	va_end(args);
	len = strlen(text);
	if (len > 0 && !strchr(".!?:", text[len - 1]))
		text[len++] = '.';
	said_line("", text, len);
}

void
said_verdict(const struct verdict *v)
{
	char name[32], todo[sizeof v->todo];

	say("Verdict: %s%s%s%s", v->word, v->at[0] ? ", " : "", v->at,
	    v->climbing			 ? ", and it looks further"
		: verdict_is_doubtful(v) ? ", evidence incomplete"
					 : "");
	if (v->why[0])
		say("Why: %s", v->why);
	for (int i = 0; i < v->evidences && !verdict_is_healthy(v); i++)
		say("Seen: %s", v->evidence[i]);
	if (verdict_todo(v, todo, sizeof todo)[0])
		say("Do: %s", todo);
	for (int i = 0; i < v->againsts && !verdict_is_healthy(v); i++)
		say("Not /%s: %s", v->against[i].verb, v->against[i].why);
	keymap_verb_label(verdict_advice(v), false, name, sizeof name);
	if (name[0])
		say("Advised: %s", name);
}

void
said_proof(const struct proof *p)
{
	char span[32] = "";

	if (p->ms >= 0)
		words_span(p->ms, span, sizeof span);
	say("Proof of recovery: %s%s%s%s%s", p->end[0] ? p->end : "not over",
	    span[0] ? ", " : "", span, span[0] && p->verb[0] ? " after the " : "",
	    span[0] ? p->verb : "");
	for (int i = 0; i < p->rows; i++) {
		const struct proof_row *r = &p->row[i];

		if (r->before[0] || r->after[0])
			say("%s: %s before, %s after%s", r->what,
			    r->before[0] ? r->before : "unknown",
			    r->after[0] ? r->after : "unknown",
			    !r->judged	? ""
				: r->ok ? ", ok"
					: ", NOT ok");
	}
	if (p->text[0])
		say("%s", p->text);
}
