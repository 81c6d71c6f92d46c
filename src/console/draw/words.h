/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * words.h: times and sizes as people say them, and one number for what is said.
 *
 * Ages go in coarse steps, so that an idle screen has next to nothing to send:
 * what is shown changes every 20 s in the first minute, then every minute.
 */
#ifndef CONSOLE_WORDS_H
#define CONSOLE_WORDS_H

#include <stddef.h>
#include <stdint.h>

char *words_age(int64_t ms, char *out, size_t size);  /* "now", "20 s ago", "3 min ago" */
char *words_span(int64_t ms, char *out, size_t size); /* "12 s", "3 min 20 s" */
char *words_bytes(int64_t n, char *out, size_t size); /* "812 B", "4.2 KiB" */
char *words_count(int64_t n, char *out, size_t size); /* "812", "12k", "1.2M" */

/* FNV-1a, the end of text included: a chain of them tells "a", "bc" from "ab", "c". */
#define WORDS_HASH 14695981039346656037u /* before the first */
uint64_t words_hash(uint64_t before, const char *text);

#endif
