/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/here.h"

#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void
here_of(const char *address, long port, char *out, size_t size)
{
	/* numbers only: nothing is looked up */
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
			    .ai_socktype = SOCK_DGRAM},
			*to = NULL;
	struct sockaddr_storage own;
	socklen_t len = sizeof own;
	char service[16];
	int fd = -1;

	*out = '\0';
	snprintf(service, sizeof service, "%ld", port);
	if (getaddrinfo(address, service, &hints, &to) != 0)
		return;
	fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* a datagram socket is connected by choosing the way, without a word */
	if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0 &&
	    getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
	    getnameinfo((struct sockaddr *)&own, len, out, (socklen_t)size, NULL, 0,
		NI_NUMERICHOST) != 0)
		*out = '\0';
	if (fd >= 0)
		close(fd);
	freeaddrinfo(to);
}
