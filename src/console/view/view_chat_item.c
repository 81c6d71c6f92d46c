/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_chat_item.c: one item of the conversation as lines.
 *
 *   ann> what somebody asks          the agent's answer stands at the edge, unmarked
 *   ✓ devvm: df -h  exit 0, 0.4 s    a run: » at work, ✓ well, ✗ not; └ within another
 *   · done in 42 s, 3 commands       what is said in passing: quiet
 *   ! error devvm: ...               what needs somebody
 *
 * Who speaks and how it went is told by sign and words; the looks only repeat it.
 * Without a pane (linear output) the signs of what is said in passing are left out.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "console/view/view_chat_int.h"
#include "console/view/view_proof.h"
#include "console/view/view_verdict.h"
#include "console/draw/words.h"

#define THOUGHT_MAX 240 /* bytes of a note of the model to itself */

static uint32_t
tone_look(enum item_tone tone)
{
	static const uint32_t looks[] = {LOOK_PLAIN, LOOK_GOOD, LOOK_BAD, LOOK_BUSY};

	return looks[tone];
}

static void
set_indent(struct lines *l, const char *indent)
{
	snprintf(l->indent, sizeof l->indent, "%s", indent);
}

/* The sign of an item that is no answer; its words continue under each other. */
static void
sign(struct lines *l, int rows, uint32_t look, const char *text)
{
	if (rows == 0)
		return;
	lines_sign(l, look, text);
	set_indent(l, "  ");
}

static void
put_words(struct lines *l, uint32_t look, const struct item *it)
{
	lines_put(l, look, buf_str(&it->text), it->text.len);
}

static void
put_place(struct lines *l, const struct item *it)
{
	static const char *const ends[] = {"th", "st", "nd", "rd"};
	char text[64];

	if (it->place <= 1)
		snprintf(text, sizeof text, "  (queued, next; /drop %lld)",
		    (long long)it->turn);
	else
		snprintf(text, sizeof text, "  (queued, %d%s; /drop %lld)", it->place,
		    ends[it->place < 4 ? it->place : 0], (long long)it->turn);
	lines_str(l, LOOK_BUSY, text);
}

static void
render_prompt(struct lines *l, const struct item *it)
{
	bool gone = it->tone == TONE_BAD;

	lines_str(l, LOOK_NAME, it->by[0] ? it->by : "operator");
	lines_str(l, LOOK_NAME, "> ");
	set_indent(l, "  ");
	put_words(l, gone ? LOOK_QUIET : LOOK_STRONG, it);
	if (it->tone == TONE_BUSY)
		put_place(l, it);
	if (gone) {
		lines_str(l, LOOK_QUIET, "  (taken back by ");
		lines_str(l, LOOK_QUIET, it->head);
		lines_str(l, LOOK_QUIET, ", nobody saw it)");
	}
}

/* A note of the model to itself: its first words are enough. */
static void
render_thinking(struct lines *l, const struct item *it, int rows)
{
	size_t len = it->text.len;

	if (len > THOUGHT_MAX)
		len = text_cut(buf_str(&it->text), THOUGHT_MAX);
	sign(l, rows, LOOK_QUIET, "· ");
	lines_str(l, LOOK_QUIET, "thinks: ");
	lines_scrub(l, LOOK_QUIET | STYLE_ITALIC, buf_str(&it->text), len);
	if (len < it->text.len)
		lines_str(l, LOOK_QUIET, " …");
}

static void
render_tool(struct lines *l, const struct item *it)
{
	char size[32];

	if (it->inner)
		lines_sign(l, LOOK_QUIET, "└ ");
	lines_str(l, tone_look(it->tone),
	    it->tone == TONE_BUSY	? "» "
		: it->tone == TONE_GOOD ? "✓ "
					: "✗ ");
	set_indent(l, it->inner ? "    " : "  ");
	lines_str(l, LOOK_CODE, it->head);
	lines_str(l, LOOK_QUIET, "  ");
	if (it->tone == TONE_BUSY) {
		lines_str(l, LOOK_BUSY, "runs");
		return;
	}
	put_words(l, it->tone == TONE_BAD ? LOOK_BAD : LOOK_QUIET, it);
	if (it->bytes > 0) {
		lines_str(l, LOOK_QUIET, ", ");
		lines_str(l, LOOK_QUIET, words_bytes(it->bytes, size, sizeof size));
	}
}

static void
render_verb(struct lines *l, const struct item *it)
{
	lines_str(l, LOOK_STRONG, "VM 102: ");
	lines_str(l, tone_look(it->tone) | STYLE_BOLD, it->head);
	lines_str(l, LOOK_QUIET, it->by[0] ? "  asked by " : "");
	lines_str(l, LOOK_QUIET, it->by);
	if (it->text.len > 0)
		lines_break(l);
	set_indent(l, "    ");
	put_words(l, LOOK_PLAIN, it);
}

static void
render_error(struct lines *l, const struct item *it, int rows)
{
	const char *text = buf_str(&it->text), *todo = strchr(text, '\n');

	sign(l, rows, LOOK_BAD, "! ");
	lines_str(l, LOOK_BAD, "error");
	if (it->head[0]) {
		lines_str(l, LOOK_BAD, " ");
		lines_str(l, LOOK_BAD, it->head);
	}
	lines_str(l, LOOK_BAD, ": ");
	set_indent(l, "  ");
	lines_put(l, LOOK_PLAIN, text, todo ? (size_t)(todo - text) : it->text.len);
	if (todo) {
		lines_break(l);
		lines_str(l, LOOK_STRONG, "  do: ");
		lines_str(l, LOOK_PLAIN, todo + 1);
	}
}

/* What an operator writes down has a name; what the agent asks or left has a head. */
static void
render_note(struct lines *l, const struct item *it)
{
	bool named = it->by[0] && strcmp(it->by, "engine") != 0;

	set_indent(l, "  ");
	if (it->head[0]) {
		lines_str(l, LOOK_BUSY, it->head);
		lines_str(l, LOOK_PLAIN, ": ");
	} else if (named) {
		lines_str(l, LOOK_NAME, it->by);
		lines_str(l, LOOK_PLAIN, " note: ");
	} else {
		lines_str(l, LOOK_PLAIN, "note: ");
	}
	put_words(l, LOOK_PLAIN, it);
}

/* This console's own words; a line that is part of a list has its blanks already. */
static void
render_local(struct lines *l, const struct item *it, int rows)
{
	bool part = buf_str(&it->text)[0] == ' ';

	if (!part)
		sign(l, rows, tone_look(it->tone), it->tone == TONE_BAD ? "! " : "· ");
	put_words(l, tone_look(it->tone), it);
}

void
view_chat_render(struct lines *l, const struct item *it, int rows, int64_t now)
{
	switch (it->kind) {
	case ITEM_PROMPT:
		render_prompt(l, it);
		break;
	case ITEM_TEXT:
		markdown_render(l, buf_str(&it->text), it->text.len);
		break;
	case ITEM_THINKING:
		render_thinking(l, it, rows);
		break;
	case ITEM_TOOL:
		render_tool(l, it);
		break;
	case ITEM_VERB:
		render_verb(l, it);
		break;
	case ITEM_ERROR:
		render_error(l, it, rows);
		break;
	case ITEM_VERDICT:
		view_verdict_render(l, it->verdict, rows);
		break;
	case ITEM_PROOF:
		view_proof_render(l, it->proof, rows, now);
		break;
	case ITEM_NOTE:
		render_note(l, it);
		break;
	case ITEM_LOCAL:
		render_local(l, it, rows);
		break;
	case ITEM_GONE:
		return;
	default:
		sign(l, rows, LOOK_QUIET, "· ");
		put_words(l, LOOK_QUIET, it);
	}
	if (l->open)
		lines_break(l);
	l->indent[0] = '\0';
}
