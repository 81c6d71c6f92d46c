/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tail_command.c: what a run is, in one line and as it was sent, with its input. */
#include <stdio.h>
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

/* --- standard input --- */

/* Lines behind the command. */
static void
append(struct tail *t, struct tail_run *r, const char *text)
{
	const char *before = r->command ? r->command : r->what;
	char *all = mem_printf("%s%s", before, text);
	size_t grown = strlen(all) - (r->command ? strlen(r->command) : 0);

	for (const char *lf = strchr(text, '\n'); lf; lf = strchr(lf + 1, '\n'))
		r->more++;
	free(r->command);
	r->command = all;
	r->bytes += grown;
	t->bytes += grown;
}

void
tail_command_is_cut(struct tail *t, struct tail_run *r, int64_t bytes)
{
	char text[64];

	snprintf(text, sizeof text, "\n[not all of it: %lld bytes]", (long long)bytes);
	append(t, r, text);
}

static void
append_clean(struct tail *t, struct tail_run *r, const char *text, size_t len)
{
	static const struct scrub_sink sink = {on_text, on_newline, on_restart};
	struct buf all;
	struct scrub s;

	buf_init(&all, 4 * TAIL_COMMAND_MAX);
	scrub_init(&s, &sink, &all, SCRUB_PLAIN);
	scrub_feed(&s, text, len);
	scrub_finish(&s);
	append(t, r, buf_str(&all));
	buf_fini(&all);
}

bool
tail_input(struct tail *t, struct tail_run *r, const struct js *fact)
{
	int64_t off = js_int(fact, "off", 0), room = TAIL_COMMAND_MAX - r->in;
	struct buf data;
	size_t keep;

	if (r->stub || off < r->in)
		return false; /* it was here, or comes with the beginning */
	buf_init(&data, 256 * 1024);
	if (js_bool(fact, "cut", false)) {
		append(t, r, "\n[the rest of its standard input is not on record]");
		r->in++;
	} else if (js_bytes(fact, "data", &data) == 0) {
		keep = room <= 0 ? 0 : (int64_t)data.len < room ? data.len : (size_t)room;
		if (off == 0)
			append(t, r, "\n[standard input:]\n");
		append_clean(t, r, data.data, keep);
		if (room >= 0 &&
		    keep < data.len) /* said once: then there is less than none */
			append(t, r, "\n[more standard input: the journal has it]");
		r->in = off + (int64_t)data.len;
	}
	buf_fini(&data);
	return true;
}
