/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a model writes, and what it reads: the input of a tool, a pattern of Glob
 * (the first line) with a path (the second), and an output with nothing unseen in
 * it, bounded, and in one block that it cannot close.
 */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "agent/files_match.h"
#include "base/scrub.h"
#include "base/text.h"
#include "engine/agent/tools_int.h"
#include "fuzz/fuzz.h"

#define SEEN_MAX 600 /* bytes: so small that short inputs meet it */

static void
check_input(const uint8_t *data, size_t size)
{
	for (int k = 0; k < TOOL_KINDS; k++) {
		struct tool_input in = {0};
		struct err err;
		const char *command;

		if (tools_input_check(
			tool_names[k], (const char *)data, size, &in, &err) < 0) {
			must(err.words[0] && !in.input);
			continue;
		}
		must(in.limit_ms > 0 && in.limit_ms <= TOOL_LIMIT_MAX_MS && in.keep > 0);
		command = js_str(in.input,
		    k == TOOL_BASH	 ? "command"
			: k == TOOL_READ ? "path"
					 : "pattern");
		must(command && *command);
		js_free(in.input);
	}
}

static void
check_match(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *path = strchr(text, '\n');
	static struct files_match m;

	if (path) {
		*path++ = '\0';
		if (!files_match_compile(&m, text) && files_match(&m, path)) {
			/* what fits a pattern fits any run in front of it, too */
			char *more = malloc(strlen(text) + 3);

			sprintf(more, "**%s", text);
			must(strlen(more) > FILES_PATTERN_MAX || text[0] == '*' ||
			    text[0] == '/' ||
			    (!files_match_compile(&m, more) && files_match(&m, path)));
			free(more);
		}
	}
	free(text);
}

static void
check_seen(const struct buf *b)
{
	int ours = 0;

	must(text_is_utf8(b->data, b->len) && strlen(b->data) == b->len);
	for (size_t i = 0; i < b->len;) {
		const char *p = b->data + i;
		uint32_t cp;

		i += text_decode(p, b->len - i, &cp);
		must(cp == '\n' || cp == '\t' || scrub_is_plain(cp));
		if (cp == '<' && strncmp(p + 1, "⟩", strlen("⟩")) != 0)
			ours += strncasecmp(p + 1 + strspn(p + 1, " \t/"), "breakglass-",
				    11) == 0;
	}
	must(ours == 2);
}

static void
check_show(const uint8_t *data, size_t size)
{
	struct show_kept kept[2];
	struct show show = {.status = "exit status 0", .kept = kept, .max = SEEN_MAX};
	struct buf out;
	size_t half = size / 3, step = size ? data[0] % 97 + 1 : 1;

	show_kept_init(&kept[0], SEEN_MAX);
	show_kept_init(&kept[1], SEEN_MAX);
	for (size_t i = 0; i < size; i += step)
		show_kept_add(&kept[i < half], (const char *)data + i,
		    size - i < step ? size - i : step);
	must(kept[0].bytes + kept[1].bytes == size);
	tools_show(&show, &out);
	must(out.len < SEEN_MAX + 1200);
	check_seen(&out);
	buf_fini(&out);
	show_kept_fini(&kept[0]);
	show_kept_fini(&kept[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_input(data, size);
	check_match(data, size);
	check_show(data, size);
	return 0;
}
