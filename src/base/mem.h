/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mem.h: allocation that cannot fail.
 *
 * Out of memory aborts: the journal is append-only, so a crash loses nothing.
 * What others can make large never comes here, it lives in a buf with a
 * maximum.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

void *mem_alloc(size_t size);		   /* zeroed */
void *mem_resize(void *p, size_t size);	   /* p may be NULL */
char *mem_dup(const char *s);		   /* NULL stays NULL */
char *mem_dupn(const char *s, size_t len); /* copies len bytes, adds NUL */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
