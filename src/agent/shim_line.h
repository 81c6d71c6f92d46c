/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shim_line.h: what the shim makes of its command line; pure, and without a library.
 */
#ifndef AGENT_SHIM_LINE_H
#define AGENT_SHIM_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define SHIM_COMMAND_MAX (64 * 1024) /* bytes: WIRE_COMMAND_MAX */
#define SHIM_LINE_MAX (SHIM_COMMAND_MAX / 3 * 4 + 256)

/* NULL, or what is wrong with this command line, for "ssh: %s. Allowed: ...". */
const char *shim_wrong(int argc, char *const *argv);

/*
 * The two lines that ask for words on that host, into out (SHIM_LINE_MAX bytes): their
 * length, or 0 when the words are longer than SHIM_COMMAND_MAX.  OpenSSH joins its
 * arguments with single spaces; so do we, bytes unchanged.
 */
size_t shim_line(const char *host, char *const *words, bool has_input, char *out);

#endif
