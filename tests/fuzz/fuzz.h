/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz.h: what a fuzz target is.
 *
 * One file a target.  It must accept any bytes; what must hold for all of them
 * is said with must(), which ends the program.  Run by libFuzzer where that is,
 * else by driver.c.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(what)                                                                       \
	do {                                                                             \
		if (!(what)) {                                                           \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, \
			    #what);                                                      \
			abort();                                                         \
		}                                                                        \
	} while (0)

/* The bytes as a string on the heap, cut at a NUL as a C string is; free it. */
static inline char *
fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (text == NULL)
		abort();
	for (size_t i = 0; i < size; i++)
		text[i] = (char)data[i];
	text[size] = '\0';
	return text;
}

#endif
