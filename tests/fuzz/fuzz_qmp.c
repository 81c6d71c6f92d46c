/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The QMP reader: what QEMU or a guest agent sends is walked, and read line by
 * line from a socket that ends.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "host/jwalk.h"
#include "host/qmp.h"

struct seen {
	const char *begin; /* NULL: the text is somebody else's */
	const char *end;
	unsigned long sum;
};

static void
on_scalar(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct seen *s = arg;

	must(strlen(path) < JWALK_PATH_MAX);
	if (s->begin != NULL)
		must(value >= s->begin && value + len <= s->end);
	for (size_t i = 0; i < len; i++)
		s->sum += (unsigned char)value[i];
}

static void
read_as_replies(const uint8_t *data, size_t size)
{
	struct seen s = {0};
	struct qmp q = {.fd = -1};
	int fds[2];

	if (size > 32 * 1024)
		return;
	must(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	must(write(fds[1], data, size) == (ssize_t)size);
	must(shutdown(fds[1], SHUT_WR) == 0);
	q.fd = fds[0];
	q.buf = malloc(QMP_REPLY_MAX);
	must(q.buf != NULL);
	for (int i = 0; i < 4; i++)
		(void)qmp_call(&q, "{\"execute\":\"query-status\"}", 1000, on_scalar, &s);
	must(q.len <= QMP_REPLY_MAX);
	qmp_close(&q);
	close(fds[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen s = {(const char *)data, (const char *)data + size, 0};

	(void)jwalk((const char *)data, size, on_scalar, &s);
	read_as_replies(data, size);
	return 0;
}
