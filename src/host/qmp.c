/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/mono.h"
#include "host/qmp.h"

#define RETRY_MS 50 /* a full backlog answers EAGAIN; it says nothing when it empties */

/* What the first level of a line holds. */
struct kind {
	bool greeting;
	bool reply;
	bool error;
};

static void
on_kind(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct kind *k = arg;

	k->greeting |= strncmp(path, "QMP.", 4) == 0;
	k->error |= strncmp(path, "error.", 6) == 0;
}

/* An empty "return": {} has no scalar to tell of it, so the text is looked at. */
static struct kind
line_kind(const char *line, size_t len)
{
	struct kind k = {0};
	const char *p = line;

	(void)jwalk(line, len, on_kind, &k);
	while (p < line + len && (*p == '{' || *p == ' ' || *p == '\xff' || *p == '\r'))
		p++;
	if ((size_t)(line + len - p) > 8)
		k.reply = memcmp(p, "\"return\"", 8) == 0;
	return k;
}

static int
wait_fd(int fd, short events, long long deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		long long left = deadline - mono_ms();
		int rc;

		if (left <= 0)
			return -1;
		rc = poll(&p, 1, (int)left);
		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return -1;
	}
}

/* The next whole line, at buf's begin, its length in *len; -1: none in time. */
static int
next_line(struct qmp *q, size_t *len, long long deadline)
{
	for (;;) {
		char *nl = q->len ? memchr(q->buf, '\n', q->len) : NULL;
		ssize_t n;

		if (nl != NULL) {
			*len = (size_t)(nl - q->buf);
			return 0;
		}
		if (q->len == QMP_REPLY_MAX || wait_fd(q->fd, POLLIN, deadline) < 0)
			return -1;
		n = read(q->fd, q->buf + q->len, QMP_REPLY_MAX - q->len);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return -1;
		if (n > 0)
			q->len += (size_t)n;
	}
}

static void
drop_line(struct qmp *q, size_t len)
{
	q->len -= len + 1;
	memmove(q->buf, q->buf + len + 1, q->len);
}

static int
send_line(struct qmp *q, const char *text, long long deadline)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "%s\n", text), sent = 0;

	if (n < 0 || n >= (int)sizeof(line))
		return -1;
	while (sent < n) {
		ssize_t rc = send(q->fd, line + sent, (size_t)(n - sent), MSG_NOSIGNAL);

		if (rc > 0)
			sent += (int)rc;
		else if (errno == EAGAIN) {
			if (wait_fd(q->fd, POLLOUT, deadline) < 0)
				return -1;
		} else if (errno != EINTR)
			return -1;
	}
	return 0;
}

static enum qmp_open
dial(struct qmp *q, const char *path, long long deadline)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	q->fd = -1;
	q->len = 0;
	q->buf = NULL;
	if (*path == '\0' || strlen(path) >= sizeof(sa.sun_path))
		return QMP_OPEN_NONE;
	strcpy(sa.sun_path, path);
	q->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	q->buf = malloc(QMP_REPLY_MAX);
	if (q->fd < 0 || q->buf == NULL)
		return QMP_OPEN_NONE;
	while (connect(q->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return QMP_OPEN_NONE;
		if (mono_ms() + RETRY_MS >= deadline)
			return QMP_OPEN_SILENT;
		mono_nap(RETRY_MS);
	}
	return QMP_OPEN_OK;
}

enum qmp_open
qmp_open(struct qmp *q, const char *path, int limit_ms)
{
	long long deadline = mono_ms() + limit_ms;
	enum qmp_open rc = dial(q, path, deadline);
	struct kind k;
	size_t len;

	if (rc != QMP_OPEN_OK)
		return rc;
	if (next_line(q, &len, deadline) < 0)
		return QMP_OPEN_SILENT;
	k = line_kind(q->buf, len);
	drop_line(q, len);
	if (!k.greeting)
		return QMP_OPEN_NONE;
	if (qmp_call(q, "{\"execute\":\"qmp_capabilities\"}", (int)(deadline - mono_ms()),
		NULL, NULL) != 0)
		return QMP_OPEN_SILENT;
	return QMP_OPEN_OK;
}

struct sync {
	long long want;
	bool seen;
};

static void
on_sync(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct sync *s = arg;
	char text[24];

	if (strcmp(path, "return") != 0 || len >= sizeof(text))
		return;
	memcpy(text, value, len);
	text[len] = '\0';
	s->seen = atoll(text) == s->want;
}

/* Replies to a client before us may still be on their way; the id tells ours. */
enum qmp_open
qga_open(struct qmp *q, const char *path, int limit_ms)
{
	long long deadline = mono_ms() + limit_ms;
	struct sync s = {.want = getpid()};
	enum qmp_open rc = dial(q, path, deadline);
	char command[96];
	size_t len;

	if (rc != QMP_OPEN_OK)
		return rc;
	snprintf(command, sizeof(command),
	    "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":%lld}}", s.want);
	if (send_line(q, command, deadline) < 0)
		return QMP_OPEN_SILENT;
	while (!s.seen) {
		if (next_line(q, &len, deadline) < 0)
			return QMP_OPEN_SILENT;
		(void)jwalk(q->buf, len, on_sync, &s);
		drop_line(q, len);
	}
	return QMP_OPEN_OK;
}

int
qmp_call(struct qmp *q, const char *command, int limit_ms, jwalk_fn *fn, void *arg)
{
	long long deadline = mono_ms() + limit_ms;
	struct kind k;
	size_t len;

	if (q->fd < 0 || send_line(q, command, deadline) < 0)
		return -1;
	for (;;) {
		if (next_line(q, &len, deadline) < 0)
			return -1;
		k = line_kind(q->buf, len);
		if (k.reply && fn != NULL)
			(void)jwalk(q->buf, len, fn, arg);
		drop_line(q, len);
		if (k.reply || k.error)
			return k.error && !k.reply;
	}
}

void
qmp_close(struct qmp *q)
{
	if (q->fd >= 0)
		close(q->fd);
	free(q->buf);
	q->fd = -1;
	q->buf = NULL;
	q->len = 0;
}
