/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent-command COMMAND: a command of claude's Bash tool, in a box of its own.
 *
 * claude puts it in front of each command (CLAUDE_CODE_SHELL_PREFIX).  claude itself
 * holds a key and may speak to the API; what it runs may do neither, and cannot look
 * into claude, which is outside of this box.  The box stands in the environment, an
 * option or its value a line, and goes no further.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/launcher_box.h"

#define BOX_ENV "BREAKGLASS_BOX"
#define EXIT_SETUP 71

static int
fail(const char *what, const char *detail)
{
	fprintf(stderr, "agent-command: %s%s\n", what, detail);
	return EXIT_SETUP;
}

static int
read_box(struct box *b, char *text)
{
	char *save = NULL, *name, *value;

	while ((name = strtok_r(text, "\n", &save)) != NULL) {
		text = NULL;
		value = strtok_r(NULL, "\n", &save);
		if (!value || box_option(b, name, value) <= 0)
			return -1;
	}
	return b->on ? 0 : -1;
}

int
main(int argc, char **argv)
{
	static struct box b;
	const char *env = getenv(BOX_ENV);
	char *text = env ? strdup(env) : NULL;

	if (argc != 2)
		return fail("usage: agent-command COMMAND", "");
	if (!text || read_box(&b, text) < 0)
		return fail("no box is given in ", BOX_ENV);
	unsetenv(BOX_ENV);
	if (box_put_on(&b) < 0) {
		fprintf(
		    stderr, "agent-command: cannot %s: %s\n", b.failed, strerror(errno));
		return EXIT_SETUP;
	}
	execl("/bin/bash", "bash", "-c", argv[1], NULL);
	return fail("cannot run /bin/bash: ", strerror(errno));
}
