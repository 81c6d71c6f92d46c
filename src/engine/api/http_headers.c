/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The headers of one answer, as text; a later answer (behind a 1xx) begins anew. */
#include <string.h>
#include <strings.h>

#include "engine/api/http_int.h"

void
http_headers_init(struct http_headers *h)
{
	h->status = 0;
	buf_init(&h->text, HTTP_HEADERS_MAX);
}

void
http_headers_fini(struct http_headers *h)
{
	buf_fini(&h->text);
}

/* "HTTP/1.1 200 OK" */
static int
status_line(struct http_headers *h, const char *line, size_t len)
{
	const char *at = memchr(line, ' ', len);
	int status = 0;

	if (!at || len - (size_t)(at - line) < 4)
		return -1;
	for (int i = 1; i <= 3; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		status = status * 10 + (at[i] - '0');
	}
	h->status = status;
	buf_clear(&h->text);
	return 0;
}

int
http_headers_line(struct http_headers *h, const char *line, size_t len)
{
	while (len && line[len - 1] && strchr(" \t\r\n", line[len - 1]))
		len--;
	if (len == 0)
		return h->status >= 200;
	if (len > 5 && strncasecmp(line, "HTTP/", 5) == 0)
		return status_line(h, line, len);
	/* A NUL would end the value early for all who read it. */
	if (memchr(line, '\0', len))
		return 0;
	if (buf_add(&h->text, line, len) < 0 || buf_add(&h->text, "", 1) < 0)
		return -1;
	return 0;
}

const char *
http_header(const struct http_headers *h, const char *name)
{
	size_t n = strlen(name);
	const char *found = NULL;

	for (size_t i = 0; i < h->text.len; i += strlen(h->text.data + i) + 1) {
		const char *line = h->text.data + i;

		if (strncasecmp(line, name, n) == 0 && line[n] == ':')
			found = line + n + 1 + strspn(line + n + 1, " \t");
	}
	return found;
}
