/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * buf.h: bytes that grow up to a stated maximum.
 *
 * Everything that comes from outside is collected in one of these.  A buf
 * that would pass its maximum refuses and stays as it was, so hostile input
 * meets ERR_LIMIT and never the OOM killer.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf {
	char *data; /* always NUL-terminated when not NULL; NULs inside are fine */
	size_t len;
	size_t size;
	size_t max;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_fini(struct buf *b); /* releases the bytes; the buf may be used again */

/* Each returns 0, or -1 when the maximum would be passed: then nothing changed. */
int buf_add(struct buf *b, const void *data, size_t len) MUST_CHECK;
int buf_add_str(struct buf *b, const char *s) MUST_CHECK;
int buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* Like buf_add; what does not fit is left out.  Returns the bytes taken. */
size_t buf_add_some(struct buf *b, const void *data, size_t len);

void buf_drop(struct buf *b, size_t len); /* takes len bytes off the front */
void buf_clear(struct buf *b);		  /* empty, memory kept */
const char *buf_str(const struct buf *b); /* lends; "" when empty */

#endif
