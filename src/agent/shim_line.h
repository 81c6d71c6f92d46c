/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shim_line.h: what the shim makes of its command line; pure, and without a library.
 */
#ifndef AGENT_SHIM_LINE_H
#define AGENT_SHIM_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define SHIM_COMMAND_MAX (32 * 1024) /* bytes: WIRE_COMMAND_MAX */
#define SHIM_LINE_MAX (SHIM_COMMAND_MAX / 3 * 4 + 256)

/* NULL, or what is wrong with this command line, for "ssh: %s. Allowed: ...". */
const char *shim_wrong(int argc, char *const *argv);

/*
 * The two lines that ask for words on that host, into out (SHIM_LINE_MAX bytes): their
 * length, or 0 when the words are longer than SHIM_COMMAND_MAX.  OpenSSH joins its
 * arguments with single spaces; so do we, bytes unchanged.
 */
size_t shim_line(const char *host, char *const *words, bool has_input, char *out);

/*
 * The two lines that tell the engine of a command line that was refused here, for its
 * record, into out (SHIM_LINE_MAX bytes); of the words at most SHIM_SHOWN_MAX bytes.
 */
#define SHIM_SHOWN_MAX 300
size_t shim_refusal(const char *why, int argc, char *const *argv, char *out);

/* The text of a "denied" line (JSON, with its NUL), in place; NULL: it has none. */
char *shim_denied(char *line);

#endif
