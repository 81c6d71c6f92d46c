/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/term/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define GAP 65536 /* written bytes in front of those that wait */

void
waiting_add(struct waiting *w, const char *data, size_t len)
{
	if (w->at == w->len)
		w->at = w->len = 0;
	if (w->at > GAP) {
		memmove(w->data, w->data + w->at, w->len - w->at);
		w->len -= w->at;
		w->at = 0;
	}
	if (w->len + len > w->size) {
		w->size = w->len + len + 4096;
		w->data = mem_resize(w->data, w->size);
	}
	memcpy(w->data + w->len, data, len);
	w->len += len;
}

void
waiting_drop(struct waiting *w)
{
	w->at = w->len = 0;
}

void
waiting_fini(struct waiting *w)
{
	free(w->data);
	w->data = NULL;
	w->at = w->len = w->size = 0;
}

long
waiting_write(struct waiting *w, int fd)
{
	while (w->at < w->len) {
		ssize_t n = write(fd, w->data + w->at, w->len - w->at);

		if (n > 0)
			w->at += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno == EAGAIN)
			break;
		else
			return -1;
	}
	return (long)(w->len - w->at);
}
