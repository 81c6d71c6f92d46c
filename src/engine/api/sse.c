/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/api/sse.h"

#include <string.h>

#include "base/text.h"

static const char bom[] = "\xef\xbb\xbf";

void
sse_init(struct sse *s, size_t max_event)
{
	memset(s, 0, sizeof *s);
	buf_init(&s->line, max_event);
	buf_init(&s->data, max_event);
	s->retry_ms = -1;
}

void
sse_fini(struct sse *s)
{
	buf_fini(&s->line);
	buf_fini(&s->data);
}

/* A name longer than we keep is cut between two characters. */
static void
keep(char *to, const char *value, size_t len)
{
	if (len > SSE_NAME_MAX)
		len = text_cut(value, SSE_NAME_MAX);
	memcpy(to, value, len);
	to[len] = '\0';
}

static void
on_retry(struct sse *s, const char *value, size_t len)
{
	int64_t ms = 0;

	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return;
		if (ms < INT32_MAX)
			ms = ms * 10 + (value[i] - '0');
	}
	if (len)
		s->retry_ms = ms;
}

static int
on_field(struct sse *s, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	size_t name = colon ? (size_t)(colon - line) : len;
	const char *value = colon ? colon + 1 : line + len;
	size_t left = (size_t)(line + len - value);

	if (left && *value == ' ') {
		value++;
		left--;
	}
	if (name == 4 && memcmp(line, "data", 4) == 0) {
		/* the line end between two data lines; the last one gets none */
		if (s->has_data && buf_add(&s->data, "\n", 1) < 0)
			return -1;
		s->has_data = true;
		return buf_add(&s->data, value, left);
	}
	if (name == 5 && memcmp(line, "event", 5) == 0)
		keep(s->name, value, left);
	else if (name == 2 && memcmp(line, "id", 2) == 0 && !memchr(value, 0, left))
		keep(s->id, value, left);
	else if (name == 5 && memcmp(line, "retry", 5) == 0)
		on_retry(s, value, left);
	return 0;
}

static bool
dispatch(struct sse *s, sse_event_fn *fn, void *arg)
{
	bool go_on = true;

	if (s->has_data) {
		struct sse_event e = {s->name, s->id, buf_str(&s->data), s->data.len};

		s->events++;
		go_on = fn(&e, arg);
	}
	buf_clear(&s->data);
	s->has_data = false;
	s->name[0] = '\0';
	return go_on;
}

static int
on_line(struct sse *s, const char *line, size_t len, sse_event_fn *fn, void *arg)
{
	if (len == 0)
		return dispatch(s, fn, arg) ? 0 : 1;
	if (line[0] == ':') {
		s->comments++;
		return 0;
	}
	return on_field(s, line, len);
}

static size_t
to_line_end(const char *p, size_t len)
{
	const char *lf = memchr(p, '\n', len);
	const char *cr = memchr(p, '\r', lf ? (size_t)(lf - p) : len);

	return cr ? (size_t)(cr - p) : lf ? (size_t)(lf - p) : len;
}

/* How many bytes of a BOM stand here; a BOM that breaks off is the line's begin. */
static size_t
past_bom(struct sse *s, const char *data, size_t len)
{
	size_t n = 0;

	while (n < len && s->begin < 3 && data[n] == bom[s->begin]) {
		s->begin++;
		n++;
	}
	if (n < len && s->begin < 3) {
		(void)buf_add_some(&s->line, bom, s->begin);
		s->begin = 3;
	}
	return n;
}

/* One line, with what was kept of it; takes *n bytes of data. */
static int
feed_line(
    struct sse *s, const char *data, size_t len, size_t *n, sse_event_fn *fn, void *arg)
{
	size_t end = to_line_end(data, len);
	int rc;

	*n = end;
	if (end == len)
		return buf_add(&s->line, data, end);
	s->after_cr = data[end] == '\r';
	*n = end + 1;
	if (s->line.len == 0)
		return end > s->data.max ? -1 : on_line(s, data, end, fn, arg);
	if (buf_add(&s->line, data, end) < 0)
		return -1;
	rc = on_line(s, s->line.data, s->line.len, fn, arg);
	buf_clear(&s->line);
	return rc;
}

int
sse_feed(struct sse *s, const char *data, size_t len, sse_event_fn *fn, void *arg,
    struct err *err)
{
	size_t n;
	int rc = 0;

	if (s->begin < 3) {
		n = past_bom(s, data, len);
		data += n;
		len -= n;
	}
	while (len && rc == 0 && !s->failed) {
		if (s->after_cr) {
			s->after_cr = false;
			if (*data == '\n') {
				data++;
				len--;
				continue;
			}
		}
		rc = feed_line(s, data, len, &n, fn, arg);
		data += n;
		len -= n;
	}
	s->failed = s->failed || rc < 0;
	if (s->failed)
		return err_set(
		    err, ERR_LIMIT, "an event is longer than %zu bytes", s->data.max);
	return rc;
}

bool
sse_end(struct sse *s)
{
	bool cut = s->line.len || s->has_data || s->name[0];

	buf_clear(&s->line);
	buf_clear(&s->data);
	s->has_data = false;
	s->name[0] = '\0';
	return cut;
}
