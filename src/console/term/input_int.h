/* SPDX-License-Identifier: GPL-3.0-or-later */
/* input_int.h: what input.c and input_protocol.c share, and nobody else. */
#ifndef CONSOLE_INPUT_INT_H
#define CONSOLE_INPUT_INT_H

#include "console/term/input.h"

void input_emit(struct input_reader *r, enum input_kind kind, int n);
void input_emit_char(struct input_reader *r, const char *text, size_t len);

/* The parameters of "CSI code;modifiers u" or "CSI 27;modifiers;code ~". */
void input_protocol(struct input_reader *r, const char *params);

/* Do these parameters say that a key went up? */
bool input_is_release(const char *params);

#endif
