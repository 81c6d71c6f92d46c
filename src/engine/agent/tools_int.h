/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tools_int.h: what tools.c, tools_input.c and tools_show.c share, and nobody else. */
#ifndef ENGINE_TOOLS_INT_H
#define ENGINE_TOOLS_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/agent/tools_visible.h"
#include "wire/json.h"

enum tool_kind { TOOL_BASH, TOOL_READ, TOOL_GREP, TOOL_GLOB, TOOL_KINDS };

extern const char *const tool_names[TOOL_KINDS];

/* ---- tools_input.c ---- */

#define TOOL_INPUT_MAX (256 * 1024)  /* bytes of JSON: more is refused unread */
#define TOOL_COMMAND_MAX (32 * 1024) /* bytes */
#define TOOL_WORD_MAX 4000	     /* bytes of a path or a pattern */
#define TOOL_LIMIT_MS 120000
#define TOOL_LIMIT_MAX_MS 600000
#define TOOL_FILES_MS 10000 /* of Read, Grep and Glob */

struct tool_input {
	enum tool_kind kind;
	struct js *input; /* only what is known and given; the caller frees it */
	int64_t limit_ms;
	int64_t keep; /* bytes of output */
};

/*
 * Strictly: a JSON object with the tool's members and no other, each of its kind;
 * no NUL, no half of a surrogate pair.  -1 with words for the model.
 */
int tools_input_check(const char *name, const char *text, size_t len,
    struct tool_input *in, struct err *err) MUST_CHECK;

/* ---- tools_show.c ---- */

#define SHOW_MAX 30000		   /* bytes that the model reads of one output */
#define SHOW_READ_MAX (300 * 1000) /* ... of a file, which has bounds of its own */

/* One stream of an output: its first and last bytes. */
struct show_kept {
	uint64_t bytes;
	size_t max; /* of the head; of the tail half of it */
	struct buf head, tail;
};

void show_kept_init(struct show_kept *k, size_t max);
void show_kept_fini(struct show_kept *k);
void show_kept_add(struct show_kept *k, const char *data, size_t len);

struct show {
	const char *status;	      /* a sentence of ours, or NULL */
	const char *run;	      /* the journal's name of it, or NULL */
	const struct show_kept *kept; /* two: standard output and error */
	size_t max;		      /* bytes of both */
};

/* Appends the marked block, with a tag that nobody could know before. */
void tools_show(const struct show *s, struct buf *out);

#endif
