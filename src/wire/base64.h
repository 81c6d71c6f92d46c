/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base64.h: RFC 4648, with padding, no line ends. */
#ifndef WIRE_BASE64_H
#define WIRE_BASE64_H

#include <stddef.h>

#define BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1) /* bytes with the NUL */

/* Writes BASE64_SIZE(len) bytes to out; returns the length without the NUL. */
size_t base64_encode(const void *data, size_t len, char *out);

/* Writes at most len / 4 * 3 bytes to out; returns how many, or -1: not base64. */
long base64_decode(const char *text, size_t len, void *out);

#endif
