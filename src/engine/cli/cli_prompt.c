/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a prompt says to claude: first what the engine knows, in a block that is
 * marked as the engine's (agents/breakglass.md explains it), then the operator's
 * words as they were typed.
 */
#include "engine/cli/cli_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wire/messages.h"

#define BEGIN "<breakglass-notes>\n"
#define END "</breakglass-notes>\n\n"
#define COMPOSED_MAX (4 * WIRE_PROMPT_MAX)

/* When too many wait, the oldest goes: the newest are what is true. */
void
cli_note_add(struct agent_cli *c, const char *text)
{
	size_t len = strlen(text);
	const char *lf;

	if (len + 1 > CLI_NOTES_MAX)
		return;
	while (c->notes.len + len + 1 > CLI_NOTES_MAX) {
		lf = memchr(c->notes.data, '\n', c->notes.len);
		buf_drop(&c->notes, lf ? (size_t)(lf - c->notes.data) + 1 : c->notes.len);
	}
	buf_add_some(&c->notes, text, len);
	buf_add_some(&c->notes, "\n", 1);
}

/* Text of the block can neither end it nor begin another. */
static void
add_plain(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool is_mark = strncmp(text + i, "<breakglass", 11) == 0 ||
		    strncmp(text + i, "</breakglass", 12) == 0;

		buf_add_some(out, is_mark ? "(" : text + i, 1);
	}
}

static void
add_notes(struct agent_cli *c, struct buf *out)
{
	if (!c->context && !c->notes.len)
		return;
	buf_add_some(out, BEGIN, strlen(BEGIN));
	if (c->context) {
		add_plain(out, c->context, strlen(c->context));
		buf_add_some(out, "\n", 1);
	}
	add_plain(out, buf_str(&c->notes), c->notes.len);
	buf_add_some(out, END, strlen(END));
}

void
cli_prompt_keep(struct agent_cli *c, const struct agent_prompt *p)
{
	c->context = mem_dup(p->context);
	if (!p->runbook || !p->runbook_text) {
		c->prompt = mem_dupn(p->text, p->len);
		c->prompt_len = p->len;
		return;
	}
	c->prompt = mem_printf("%.*s\n\n%s", (int)p->len, p->text, p->runbook_text);
	c->prompt_len = strlen(c->prompt);
}

void
cli_prompt_compose(struct agent_cli *c, struct buf *out)
{
	buf_init(out, COMPOSED_MAX);
	add_notes(c, out);
	buf_clear(&c->notes);
	buf_add_some(out, c->prompt, c->prompt_len);
}

void
cli_prompt_forget(struct agent_cli *c)
{
	free(c->prompt);
	free(c->context);
	c->prompt = c->context = NULL;
	c->sent = false;
}
