/* SPDX-License-Identifier: GPL-3.0-or-later */
/* doctor --offline: what the guard lets through, and what the kernel refuses. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor/guard.h"

static struct guard_rules
rules_of(const char *host, int port)
{
	struct guard_rules r = {0};
	struct sockaddr_in *a = (struct sockaddr_in *)&r.hosts[0];

	a->sin_family = AF_INET;
	a->sin_port = htons((uint16_t)port);
	inet_pton(AF_INET, host, &a->sin_addr);
	strcpy(r.sockets[0], "/run/b/console.sock");
	return r;
}

static bool
may(const struct guard_rules *r, const char *host, int port, char text[GUARD_TEXT_MAX])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	inet_pton(AF_INET, host, &a.sin_addr);
	return guard_may(r, (struct sockaddr *)&a, sizeof a, text);
}

Test(guard, lets_the_hosts_and_our_sockets_and_names_the_rest)
{
	struct guard_rules r = rules_of("10.0.10.10", 22);
	struct sockaddr_un u = {.sun_family = AF_UNIX, .sun_path = "/run/b/console.sock"};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6,
	    .sin6_port = htons(53),
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	char text[GUARD_TEXT_MAX];

	cr_assert(may(&r, "10.0.10.10", 22, text));
	cr_assert_str_eq(text, "10.0.10.10 port 22");
	cr_assert(!may(&r, "10.0.10.10", 23, text));
	cr_assert(!may(&r, "10.0.10.11", 22, text));
	cr_assert(!guard_may(&r, (struct sockaddr *)&six, sizeof six, text));
	cr_assert_str_eq(text, "::1 port 53");
	cr_assert(guard_may(&r, (struct sockaddr *)&u, sizeof u, text));
	strcpy(u.sun_path, "/run/nscd/socket");
	cr_assert(!guard_may(&r, (struct sockaddr *)&u, sizeof u, text));
	cr_assert_str_eq(text, "unix:/run/nscd/socket");
	memcpy(u.sun_path, "\0bus", 4);
	cr_assert(!guard_may(&r, (struct sockaddr *)&u, sizeof(sa_family_t) + 4, text));
	cr_assert_str_eq(text, "unix:@bus");
	cr_assert(!guard_may(&r, (struct sockaddr *)&u, 1, text));
}

/* What a process meets that has it on; 0: all as it must be. */
static int
behind_the_guard(void)
{
	struct guard_rules r = rules_of("127.0.0.1", 9);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct guard_asked asked[GUARD_ASKED_MAX];
	struct addrinfo *info = NULL;
	struct err err;
	unsigned n, refused = 0;
	int fd;

	if (guard_begin(&r, &err) < 0)
		return 77;
	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return 1; /* it is let */
	if (send(fd, "x", 1, 0) != 1)
		return 2; /* and so is what goes over it */
	a.sin_port = htons(10);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 || errno != EACCES)
		return 3;
	if (sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof a) == 1 ||
	    errno != EACCES)
		return 4;
	getaddrinfo("breakglass.invalid", NULL, NULL, &info);
	if (listen(socket(AF_INET, SOCK_STREAM, 0), 1) == 0)
		return 5;
	n = guard_asked(asked);
	for (unsigned i = 0; i < n; i++)
		refused += !asked[i].let;
	if (n < 2 || !asked[0].let || strcmp(asked[0].text, "127.0.0.1 port 9") != 0)
		return 6;
	return refused >= 1 && strcmp(asked[1].text, "127.0.0.1 port 10") == 0 &&
		asked[1].times == 2
	    ? 0
	    : 7;
}

Test(guard, the_kernel_refuses_what_it_must_and_all_is_named)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(behind_the_guard());
	waitpid(pid, &status, 0);
	cr_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		cr_skip_test("no seccomp with a listener here");
	cr_assert_eq(WEXITSTATUS(status), 0, "step %d", WEXITSTATUS(status));
}

Test(guard, a_child_has_no_ip)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		guard_shut();
		_exit(socket(AF_UNIX, SOCK_STREAM, 0) < 0	? 1
			: socket(AF_INET, SOCK_DGRAM, 0) >= 0	? 2
			: socket(AF_INET6, SOCK_STREAM, 0) >= 0 ? 3
								: 0);
	}
	waitpid(pid, &status, 0);
	cr_assert_eq(status, 0);
}
