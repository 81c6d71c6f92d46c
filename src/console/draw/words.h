/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * words.h: times and sizes as people say them.
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

#endif
