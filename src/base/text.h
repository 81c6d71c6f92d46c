/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text.h: UTF-8, strictly (RFC 3629: no overlong form, no surrogate). */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_REPLACEMENT 0xfffd

bool text_is_utf8(const char *s, size_t len);

/*
 * Reads one code point; len must be at least 1.  Returns how many bytes it took;
 * a byte that starts no valid sequence is one byte and U+FFFD.
 */
size_t text_decode(const char *s, size_t len, uint32_t *cp);

/* Writes cp as UTF-8 to out (at least 4 bytes); returns how many. */
size_t text_encode(uint32_t cp, char *out);

/*
 * The largest length <= len at which s can be cut without splitting a sequence
 * that more bytes could still complete.
 */
size_t text_cut(const char *s, size_t len);

/* Each byte that is no UTF-8, of a file's name or cut in the middle, becomes "?". */
void text_only_utf8(char *text);

/* What a POSIX shell takes as it stands. */
#define TEXT_SHELL_PLAIN                                                 \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
	"_./:@%+,=-"

/* As one word for a POSIX shell: as it is when it is plain, else in quotes; free(). */
char *text_shell_word(const char *text);

#endif
