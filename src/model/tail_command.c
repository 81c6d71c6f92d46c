/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tail_command.c: what a run is, in one line and as it was sent. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/tail_int.h"

static void
on_text(void *arg, const char *text, size_t len, uint32_t style)
{
	buf_add_some(arg, text, len);
}

static void
on_newline(void *arg)
{
	buf_add_some(arg, "\n", 1);
}

static void
on_restart(void *arg)
{
}

/* Clean lines; more than TAIL_COMMAND_MAX is cut, visibly. */
static void
clean(struct buf *out, const char *text, size_t len)
{
	static const struct scrub_sink sink = {on_text, on_newline, on_restart};
	size_t keep = len <= TAIL_COMMAND_MAX ? len : text_cut(text, TAIL_COMMAND_MAX);
	struct scrub s;

	scrub_init(&s, &sink, out, SCRUB_PLAIN);
	scrub_feed(&s, text, keep);
	scrub_finish(&s);
	if (keep < len)
		buf_add_some(out, "…", strlen("…"));
	while (out->len > 0 &&
	    (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == ' '))
		out->data[--out->len] = '\0';
}

/* The engine's own scripts begin with ": what for;": that says it, the rest is sh. */
static size_t
own_words(const struct tail_run *r, const char **text, size_t len)
{
	const char *end = memchr(*text, ';', len);
	size_t n = end ? (size_t)(end - *text) : len;

	if (strcmp(r->asked, "engine") != 0 || n < 3 || memcmp(*text, ": ", 2) != 0)
		return 0;
	*text += 2;
	return n - 2;
}

void
tail_command(struct tail_run *r, const char *text, size_t len)
{
	const char *line = text, *lf;
	struct buf all;
	size_t n = own_words(r, &line, len);

	buf_init(&all, 4 * TAIL_COMMAND_MAX);
	clean(&all, text, len);
	if (n == 0) {
		line = buf_str(&all);
		while (*line == '\n' || *line == ' ')
			line++;
		lf = strchr(line, '\n');
		n = lf ? (size_t)(lf - line) : strlen(line);
		for (; lf; lf = strchr(lf + 1, '\n'))
			r->more++;
	}
	scrub_label(line, n, r->what, sizeof r->what);
	if (strcmp(r->what, buf_str(&all)) != 0)
		r->command = mem_dup(buf_str(&all));
	r->bytes += r->command ? strlen(r->command) : 0;
	buf_fini(&all);
}
