/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * key-helper SOCKET: what claude runs to be told the API key.
 *
 * It knows nothing itself: agent-host, at the other end of SOCKET, looks at
 * who asks and answers claude's own session only.  So the key stands in no
 * environment, no argument and no file that the agent's shell could read.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define KEY_HELPER_WAIT_S 5
#define KEY_MAX 16384 /* bytes, SECRET_MAX */

static int
ask(const char *path, char *key, size_t size)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = KEY_HELPER_WAIT_S};
	size_t len = 0;
	ssize_t n = -1;
	int fd;

	if (strlen(path) >= sizeof sa.sun_path)
		return -1;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
		while (len < size && (n = read(fd, key + len, size - len)) > 0)
			len += (size_t)n;
	close(fd);
	return n == 0 ? (int)len : -1;
}

int
main(int argc, char **argv)
{
	static char key[KEY_MAX];
	int len = argc == 2 ? ask(argv[1], key, sizeof key) : -1;

	if (len <= 0) {
		fputs("key-helper: there is no API key for this process\n", stderr);
		return 1;
	}
	return write(1, key, (size_t)len) == len ? 0 : 1;
}
