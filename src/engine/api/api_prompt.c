/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a prompt says to the model: first what the engine knows, in a block that
 * is marked as the engine's (agents/breakglass.md explains it), then the
 * operator's words as they were typed.  And a digest of what was, for a
 * conversation that has to begin afresh because the old one fills the context.
 */
#include "engine/api/api_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define BEGIN "<breakglass-notes>\n"
#define END "</breakglass-notes>\n\n"
#define LINE_MAX_BYTES 1500 /* of one line of the digest */
#define ASKED_MAX 300	    /* bytes of a prompt that a notice quotes */

static void
add(struct buf *out, const char *text)
{
	buf_add_some(out, text, strlen(text));
}

/* Text of the block can neither end it nor begin another. */
static void
add_plain(struct buf *out, const char *text, size_t len)
{
	static const char mark[] = "breakglass";
	size_t i = 0;

	while (i < len) {
		const char *lt = memchr(text + i, '<', len - i);
		size_t at = lt ? (size_t)(lt - text) : len;
		size_t name = at + 1 < len && text[at + 1] == '/' ? at + 2 : at + 1;

		buf_add_some(out, text + i, at - i);
		if (at < len) {
			bool is_mark = len - at > name - at &&
			    len - name >= sizeof mark - 1 &&
			    memcmp(text + name, mark, sizeof mark - 1) == 0;

			buf_add_some(out, is_mark ? "(" : "<", 1);
		}
		i = at + 1;
	}
}

void
api_prompt_compose(struct agent_api *c, const struct agent_prompt *p)
{
	size_t quoted = p->len > ASKED_MAX ? text_cut(p->text, ASKED_MAX) : p->len;

	buf_clear(&c->prompt);
	if (p->context && *p->context) {
		add(&c->prompt, BEGIN);
		add_plain(&c->prompt, p->context, strlen(p->context));
		add(&c->prompt, "\n" END);
	}
	buf_add_some(&c->prompt, p->text, p->len);
	if (p->runbook && p->runbook_text) {
		add(&c->prompt, "\n\n");
		add(&c->prompt, p->runbook_text);
	}
	free(c->asked);
	c->asked = mem_dupn(p->text, quoted);
	api_digest_add(c, "Operator", p->text, p->len);
}

/* One line an entry; the oldest go when there are too many. */
void
api_digest_add(struct agent_api *c, const char *what, const char *text, size_t len)
{
	char line[LINE_MAX_BYTES + 64];
	size_t n = (size_t)snprintf(line, sizeof line - LINE_MAX_BYTES, "%s: ", what);
	size_t keep = len > LINE_MAX_BYTES - 8 ? text_cut(text, LINE_MAX_BYTES - 8) : len;

	for (size_t i = 0; i < keep; i++)
		line[n++] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
	if (keep < len) {
		memcpy(line + n, " ...", 4);
		n += 4;
	}
	line[n++] = '\n';
	while (c->digest.len + n > API_DIGEST_MAX) {
		const char *lf = memchr(c->digest.data, '\n', c->digest.len);

		buf_drop(
		    &c->digest, lf ? (size_t)(lf - c->digest.data) + 1 : c->digest.len);
	}
	buf_add_some(&c->digest, line, n);
}

/* Whole lines, the newest most bytes of them. */
void
api_digest_compose(struct agent_api *c, size_t most, struct buf *out)
{
	const char *from = buf_str(&c->digest), *lf;
	size_t skip = c->digest.len > most ? c->digest.len - most : 0;

	if (skip) {
		lf = memchr(from + skip, '\n', c->digest.len - skip);
		skip = lf ? (size_t)(lf - from) + 1 : c->digest.len;
	}
	add(out, BEGIN);
	add(out,
	    "This conversation begins anew, because the one before filled your context. "
	    "What happened so far, oldest first, as the engine recorded it:\n");
	add_plain(out, from + skip, c->digest.len - skip);
	if (c->ran)
		add(out,
		    "You were in the middle of the operator's last prompt, which follows "
		    "again: go on with it, do not begin it anew.\n");
	add(out, END);
	buf_add_some(out, c->prompt.data, c->prompt.len);
}
