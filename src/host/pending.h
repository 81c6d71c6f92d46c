/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pending.h: what qm config and qm pending print, shown without secrets.
 *
 * "qm pending" has lines "cur KEY: VALUE", "new KEY: VALUE" and "del KEY"; only
 * keys with a new or a del line are staged, and only they are shown.
 */
#ifndef HOST_PENDING_H
#define HOST_PENDING_H

#include <stddef.h>

struct out;

/* Prints the staged keys (current line first); returns how many there are. */
int pending_print(struct out *o, const char *text, size_t len);

/* Prints "KEY: VALUE" lines; values that may be secrets are named only. */
void config_print(struct out *o, const char *text, size_t len);

#endif
