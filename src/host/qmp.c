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

/* Makes room behind the unread bytes; false: one line fills all of it. */
static bool
make_room(struct qmp *q)
{
	if (q->at > 0)
		memmove(q->buf, q->buf + q->at, q->len);
	q->at = 0;
	return q->len < QMP_REPLY_MAX;
}

/*
 * The next whole line: lent until the next call, its length in *len; NULL: none
 * in time.  The clock is looked at for each line, because a flood of them never
 * waits.
 */
static char *
next_line(struct qmp *q, size_t *len, long long deadline)
{
	size_t seen = 0;

	while (mono_ms() < deadline) {
		char *line = q->buf + q->at, *nl;
		ssize_t n;

		nl = q->len > seen ? memchr(line + seen, '\n', q->len - seen) : NULL;
		if (nl != NULL) {
			*len = (size_t)(nl - line);
			q->at += *len + 1;
			q->len -= *len + 1;
			return line;
		}
		seen = q->len;
		if (!make_room(q)) {
			q->strange = true;
			return NULL;
		}
		if (wait_fd(q->fd, POLLIN, deadline) < 0)
			return NULL;
		n = read(q->fd, q->buf + q->len, QMP_REPLY_MAX - q->len);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return NULL;
		if (n > 0)
			q->len += (size_t)n;
	}
	return NULL;
}

/* The first byte takes fd along (-1: none); the rest follows without it. */
static ssize_t
send_some(struct qmp *q, char *bytes, size_t n, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec iov = {.iov_base = bytes, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(q->fd, &msg, MSG_NOSIGNAL);
}

static int
send_line(struct qmp *q, const char *text, int fd, long long deadline)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "%s\n", text), sent = 0;

	if (n < 0 || n >= (int)sizeof(line))
		return -1;
	while (sent < n) {
		ssize_t rc =
		    send_some(q, line + sent, (size_t)(n - sent), sent > 0 ? -1 : fd);

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

	memset(q, 0, sizeof(*q));
	q->fd = -1;
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
	const char *line;
	size_t len;

	if (rc != QMP_OPEN_OK)
		return rc;
	line = next_line(q, &len, deadline);
	if (line == NULL)
		return q->strange ? QMP_OPEN_STRANGE : QMP_OPEN_SILENT;
	if (!line_kind(line, len).greeting)
		return QMP_OPEN_STRANGE;
	if (qmp_call(q, "{\"execute\":\"qmp_capabilities\"}", (int)(deadline - mono_ms()),
		NULL, NULL) != 0)
		return q->strange ? QMP_OPEN_STRANGE : QMP_OPEN_SILENT;
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
	const char *line;
	char command[96];
	size_t len;

	if (rc != QMP_OPEN_OK)
		return rc;
	snprintf(command, sizeof(command),
	    "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":%lld}}", s.want);
	if (send_line(q, command, -1, deadline) < 0)
		return QMP_OPEN_SILENT;
	while (!s.seen) {
		line = next_line(q, &len, deadline);
		if (line == NULL)
			return QMP_OPEN_SILENT;
		(void)jwalk(line, len, on_sync, &s);
	}
	return QMP_OPEN_OK;
}

int
qmp_call_fd(
    struct qmp *q, const char *command, int fd, int limit_ms, jwalk_fn *fn, void *arg)
{
	long long deadline = mono_ms() + limit_ms;
	const char *line;
	struct kind k;
	size_t len;

	if (q->until > 0 && q->until < deadline)
		deadline = q->until;
	if (q->fd < 0 || send_line(q, command, fd, deadline) < 0)
		return -1;
	for (;;) {
		line = next_line(q, &len, deadline);
		if (line == NULL)
			return -1;
		k = line_kind(line, len);
		if (k.reply && fn != NULL)
			(void)jwalk(line, len, fn, arg);
		if (k.reply || k.error)
			return k.error && !k.reply;
	}
}

int
qmp_call(struct qmp *q, const char *command, int limit_ms, jwalk_fn *fn, void *arg)
{
	return qmp_call_fd(q, command, -1, limit_ms, fn, arg);
}

void
qmp_close(struct qmp *q)
{
	if (q->fd >= 0)
		close(q->fd);
	free(q->buf);
	q->fd = -1;
	q->buf = NULL;
	q->at = q->len = 0;
}
