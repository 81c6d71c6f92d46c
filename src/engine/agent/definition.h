/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * definition.h: the agent's definition, agents/NAME.md, for every driver.
 *
 * A file of ours or the site's: frontmatter between two lines "---" with
 * name, description, model and tools, one "key: value" a line, then the prompt
 * to its end.  Unknown keys are left alone.
 */
#ifndef ENGINE_DEFINITION_H
#define ENGINE_DEFINITION_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define DEFINITION_MAX (64 * 1024) /* bytes of the file */

struct definition {
	char *name; /* lower case letters, digits and dashes */
	char *description;
	char *model;  /* "" when the file names none */
	char *tools;  /* "Bash,Read,Grep,Glob" */
	char *prompt; /* never empty */
};

/* Fills d, which is untouched on failure. */
int definition_parse(
    struct definition *d, const char *text, size_t len, struct err *err) MUST_CHECK;

/* Reads DIR/NAME.md; name is checked first, it can leave no folder. */
int definition_load(
    struct definition *d, const char *dir, const char *name, struct err *err) MUST_CHECK;

void definition_fini(struct definition *d);

/* Appends what the CLI's --agents takes. */
int definition_cli_agents(const struct definition *d, struct buf *out) MUST_CHECK;

#endif
