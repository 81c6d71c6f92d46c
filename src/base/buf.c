/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BUF_FIRST 256 /* bytes of the first allocation */

void
buf_init(struct buf *b, size_t max_bytes)
{
	memset(b, 0, sizeof *b);
	b->max = max_bytes;
}

void
buf_fini(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->size = 0;
}

static int
buf_room(struct buf *b, size_t len)
{
	size_t want;

	if (len > b->max - b->len)
		return -1;
	want = b->len + len + 1;
	if (want > b->size) {
		size_t size = b->size ? b->size : BUF_FIRST;

		while (size < want)
			size *= 2;
		b->data = mem_resize(b->data, size);
		b->size = size;
	}
	return 0;
}

int
buf_add(struct buf *b, const void *data, size_t len)
{
	if (buf_room(b, len) < 0)
		return -1;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int
buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || buf_room(b, (size_t)n) < 0)
		return -1;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

size_t
buf_add_some(struct buf *b, const void *data, size_t len)
{
	if (len > b->max - b->len)
		len = b->max - b->len;
	return buf_add(b, data, len) == 0 ? len : 0;
}

void
buf_drop(struct buf *b, size_t len)
{
	if (len >= b->len) {
		buf_clear(b);
		return;
	}
	memmove(b->data, b->data + len, b->len - len + 1);
	b->len -= len;
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

const char *
buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}
