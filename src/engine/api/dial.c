/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/api/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIAL_ADDRESS_MAX 64   /* bytes of "fe80::1%interface" and NUL */
#define DIAL_UNACKED_MS 15000 /* a host that acknowledges nothing for so long is gone */

static socklen_t
dial_parse(const char *address, int port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
	char text[DIAL_ADDRESS_MAX];
	char *scope;

	memset(ss, 0, sizeof *ss);
	if (port < 1 || port > 65535 || strlen(address) >= sizeof text)
		return 0;
	strcpy(text, address);
	scope = strchr(text, '%');
	if (scope)
		*scope++ = '\0';
	if (!scope && inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		return sizeof *in;
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		return 0;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	if (scope && (in6->sin6_scope_id = if_nametoindex(scope)) == 0)
		return 0;
	return sizeof *in6;
}

static void
dial_tune(int fd)
{
	int on = 1, unacked_ms = DIAL_UNACKED_MS;

	/* None of these is worth failing for. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(
	    fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms, sizeof unacked_ms);
}

int
dial_begin(const char *address, int port, int *errnum)
{
	struct sockaddr_storage ss;
	socklen_t len = dial_parse(address, port, &ss);
	int fd;

	*errnum = 0;
	if (len == 0)
		return -1;
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		*errnum = errno;
		return -1;
	}
	dial_tune(fd);
	if (connect(fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS) {
		*errnum = errno;
		close(fd);
		return -1;
	}
	return fd;
}

int
dial_start(const char *address, int port, struct err *err)
{
	int errnum, fd = dial_begin(address, port, &errnum);

	if (fd < 0 && errnum == 0)
		return err_set(err, ERR_USAGE,
		    "address \"%s\" port %d is no literal IP address "
		    "and port: names are never looked up, configure numbers",
		    address, port);
	if (fd < 0)
		dial_words(errnum, err);
	return fd;
}

int
dial_words(int errnum, struct err *err)
{
	switch (errnum) {
	case ECONNREFUSED:
		return err_set(err, ERR_UNREACHABLE,
		    "refused the connection: is sshd running "
		    "there, on that port?");
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
		return err_set(err, ERR_UNREACHABLE,
		    "cannot be reached from here (%s): is it "
		    "switched off, or is there no route to it?",
		    strerror(errnum));
	case ETIMEDOUT:
		return err_set(err, ERR_UNREACHABLE,
		    "does not answer: is it switched off, "
		    "hung, or cut off by a firewall?");
	case ECONNRESET:
	case EPIPE:
		return err_set(err, ERR_UNREACHABLE, "closed the connection");
	case EACCES:
	case EPERM:
		return err_set(err, ERR_UNREACHABLE,
		    "cannot be reached: this machine's own "
		    "firewall or network policy forbids it (%s)",
		    strerror(errnum));
	default:
		return err_sys(err, errnum, "cannot be reached");
	}
}

int
dial_finish(int fd, struct err *err)
{
	int errnum = 0;
	socklen_t len = sizeof errnum;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
		errnum = errno;
	return errnum ? dial_words(errnum, err) : 0;
}

void
dial_quickack(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

int
dial_dup(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}
