/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * escape.h: bytes of others made printable ASCII.
 *
 * Whatever comes from qm, from a guest, from /proc or from the ssh client goes
 * through one of these before it reaches a log, a run file or a terminal.
 */
#ifndef HOST_ESCAPE_H
#define HOST_ESCAPE_H

#include <stddef.h>

/*
 * For a quoted field: keeps 0x20-0x7e, writes \\ and \" and \xHH for the rest.
 * Reads at most max bytes of src and adds "..." when there were more.  The
 * result always ends in NUL and never passes size; returns its length.
 */
size_t escape_field(char *dst, size_t size, const void *src, size_t len, size_t max);

/*
 * For a line of shown output: a tab becomes a space, a trailing CR goes away,
 * other control and non-ASCII bytes become \xHH, backslashes stay.  Cut with
 * "..." at size.  Returns the length.
 */
size_t escape_line(char *dst, size_t size, const char *src, size_t len);

/*
 * For key=value: the value bare when it is one plain word, else in double
 * quotes and escaped.  An empty value is "".  Returns the length.
 */
size_t escape_value(char *dst, size_t size, const char *value);

#endif
