/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * terminal.h: what the terminal is, from the environment and the terminal database.
 *
 * The compiled entry is read here (term(5)), without ncurses: that library is the
 * console's, and it would act on what it reads.
 */
#ifndef DOCTOR_TERMINAL_H
#define DOCTOR_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "doctor/said.h"

#define TERMINAL_ENTRY_MAX 32768

/* Colours of a compiled entry, 0 none; moves: it can clear and address.  -1: no entry. */
int terminal_entry(const unsigned char *entry, size_t len, bool *moves);

/* Standard output's, or what of it can be said without one. */
void terminal_look(bool utf8, const char *locale, struct said *out);

#endif
