/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * text_find.h: plain text in text: no patterns, any case unless a capital was typed.
 */
#ifndef CONSOLE_TEXT_FIND_H
#define CONSOLE_TEXT_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_FIND_MAX 128 /* characters of what is looked for */

struct text_find {
	uint32_t cp[TEXT_FIND_MAX];
	size_t count; /* 0: nothing is ever found */
	bool any_case;
};

/* Copies text, as much of it as TEXT_FIND_MAX. */
void text_find_init(struct text_find *f, const char *text, size_t len);

/* The first match at or behind from: its byte, and *end, the byte behind it; SIZE_MAX:
 * there is none. */
size_t text_find_next(
    const struct text_find *f, const char *text, size_t len, size_t from, size_t *end);

#endif
