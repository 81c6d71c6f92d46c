/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/ssh_agent.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define REQUEST_IDENTITIES 11 /* draft-ietf-sshm-ssh-agent */
#define IDENTITIES_ANSWER 12
#define ANSWER_MAX (256 * 1024) /* as OpenSSH's own client has it */

static int
hung(const char *path, struct err *err)
{
	return err_set(err, ERR_UNREACHABLE,
	    "the ssh-agent at %s does not answer: is it stopped, locked, or does it ask somebody?",
	    path);
}

/* All of len bytes, in or out, by the deadline. */
static int
move(int fd, unsigned char *data, size_t len, short events, int64_t deadline_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	ssize_t n;

	while (len > 0) {
		int64_t left = deadline_ms - clock_mono_ms();

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return -1;
		n = events == POLLIN ? recv(fd, data, len, 0)
				     : send(fd, data, len, MSG_NOSIGNAL);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return -1;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static uint32_t
number(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* How many keys; the rest of the answer is read and not looked at. */
static int
ask(int fd, const char *path, int64_t deadline_ms, uint32_t *keys, struct err *err)
{
	unsigned char question[5] = {0, 0, 0, 1, REQUEST_IDENTITIES}, head[9], rest[512];
	uint32_t len;

	if (move(fd, question, sizeof question, POLLOUT, deadline_ms) < 0 ||
	    move(fd, head, 5, POLLIN, deadline_ms) < 0)
		return hung(path, err);
	len = number(head);
	if (head[4] != IDENTITIES_ANSWER || len < 5 || len > ANSWER_MAX)
		return err_set(err, ERR_UNREACHABLE,
		    "the ssh-agent at %s refuses to name its keys: is it locked (ssh-add -X)?",
		    path);
	if (move(fd, head + 5, 4, POLLIN, deadline_ms) < 0)
		return hung(path, err);
	*keys = number(head + 5);
	for (len -= 5; len > 0;) {
		size_t n = len < sizeof rest ? len : sizeof rest;

		if (move(fd, rest, n, POLLIN, deadline_ms) < 0)
			return hung(path, err);
		len -= (uint32_t)n;
	}
	return 0;
}

static int
reach(const char *path, struct err *err)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	uid_t uid;
	pid_t pid;
	int fd;

	if (strlen(path) >= sizeof to.sun_path)
		return err_set(err, ERR_LIMIT,
		    "SSH_AUTH_SOCK is longer than a socket's name can be");
	strcpy(to.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "make a socket for the ssh-agent");
	if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
		err_set(err, ERR_UNREACHABLE,
		    "no ssh-agent can be reached at %s (%s): start one, and the engine anew",
		    path, strerror(errno));
		close(fd);
		return -1;
	}
	if (fd_peer(fd, &uid, &pid) < 0 || (uid != geteuid() && uid != 0)) {
		err_set(err, ERR_DENIED,
		    "what listens at %s is not an agent of this user", path);
		close(fd);
		return -1;
	}
	return fd;
}

int
ssh_agent_open(const char *path, int64_t deadline_ms, struct err *err)
{
	uint32_t keys = 0;
	int fd = reach(path, err);

	if (fd < 0)
		return -1;
	if (ask(fd, path, deadline_ms, &keys, err) < 0) {
		close(fd);
		return -1;
	}
	if (keys == 0) {
		err_set(err, ERR_UNREACHABLE,
		    "the ssh-agent at %s holds no key: ssh-add the one for the hosts",
		    path);
		close(fd);
		return -1;
	}
	return fd;
}
