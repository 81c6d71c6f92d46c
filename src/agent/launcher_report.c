/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What of a box this machine has: put on in a child, and tried there.
 *
 * A mechanism counts when it was seen to refuse something.  Everything else is named
 * as open, for the status line: nobody should think that he is behind a wall which is
 * not there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/launcher_box.h"

#define SOCKETS_MAX 64
#define PATH_LEN_MAX 128
#define EXIT_SETUP 71
#define CANARY_PORT 9 /* discard: nobody is there, and it is no port of ours */
#define REPORT_S 5    /* what is waited for so long is no answer */

/* Sockets of others that could be seen before the box was put on. */
static char sockets[SOCKETS_MAX][PATH_LEN_MAX];
static int socket_count;

static void
word(const char *text)
{
	printf("word %s\n", text);
}

static void
left_open(const char *text)
{
	printf("open %s\n", text);
}

static bool
is_refused(int rc)
{
	return rc < 0 && (errno == EACCES || errno == EPERM || errno == ENOENT);
}

static bool
can_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
has_socket(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Those of a rule are meant to be reached. */
static bool
is_of_a_rule(const struct box *b, const char *path)
{
	for (int i = 0; i < b->n; i++) {
		size_t n = strlen(b->rules[i].path);

		if (strncmp(path, b->rules[i].path, n) == 0 &&
		    (path[n] == '/' || path[n] == '\0'))
			return true;
	}
	return false;
}

static void
collect_sockets(const struct box *b)
{
	char line[512];
	FILE *f = fopen("/proc/net/unix", "re");

	while (f && socket_count < SOCKETS_MAX && fgets(line, sizeof line, f)) {
		char *path = strchr(line, '/');
		struct stat st;

		line[strcspn(line, "\n")] = '\0';
		if (!path || strlen(path) >= PATH_LEN_MAX || is_of_a_rule(b, path) ||
		    stat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
			continue;
		strcpy(sockets[socket_count++], path);
	}
	if (f)
		fclose(f);
}

static void
try_files(const struct box *b)
{
	bool held = !can_open("/", O_RDONLY | O_DIRECTORY);

	if (b->abi && held) {
		char text[32];

		snprintf(text, sizeof text, "Landlock %d", b->abi);
		word(text);
	}
	if (b->has_view)
		word("own view of the files");
	if (!held && !b->has_view)
		left_open("files of this uid");
	if (!held && b->has_view)
		left_open("the agent's own folder");
	if (b->abi < 3 && !b->has_view && held)
		left_open("truncating files");
}

static void
try_sockets(const struct box *b)
{
	int seen = 0;
	struct stat st;

	for (int i = 0; i < socket_count; i++)
		seen += stat(sockets[i], &st) == 0;
	if (b->abi < 9 && seen)
		left_open("UNIX sockets of this uid");
	if (b->abi < 6 && !b->has_net)
		left_open("abstract sockets");
}

/* The parent stands for all others of this uid: it is outside of the box. */
static void
try_processes(const struct box *b)
{
	char path[64];

	if (!is_refused(kill(getppid(), 0)))
		left_open("signals");
	snprintf(path, sizeof path, "/proc/%ld/mem", (long)getppid());
	if (can_open(path, O_RDONLY))
		left_open("memory of this uid's processes");
	if (b->privileged)
		left_open("root's privileges");
}

/* On its way counts: nothing refused it, and nobody waits for who drops it. */
static bool
can_connect(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(CANARY_PORT),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool can;

	if (fd < 0)
		return false;
	can = !is_refused(connect(fd, (struct sockaddr *)&to, sizeof to));
	close(fd);
	return can;
}

static void
try_net(const struct box *b)
{
	char text[64];

	if (b->net == BOX_NET_ANY)
		return;
	if (b->net == BOX_NET_PORT) {
		snprintf(text, sizeof text, "TCP to port %d%s", b->port,
		    b->names ? " and UDP" : "");
		word(text);
	}
	if (can_connect())
		left_open("TCP");
	if (has_socket(AF_INET, SOCK_DGRAM))
		left_open("UDP");
	if (b->net == BOX_NET_NONE && !has_socket(AF_INET, SOCK_STREAM) &&
	    !has_socket(AF_INET6, SOCK_STREAM) && !has_socket(AF_INET, SOCK_DGRAM))
		word("no IP");
}

/* /dev/zero that can be written is shared memory, too. */
static bool
can_share(void)
{
	void *p = mmap(NULL, 1, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("", MFD_CLOEXEC);

	if (p != MAP_FAILED)
		munmap(p, 1);
	if (fd >= 0)
		close(fd);
	return p != MAP_FAILED || fd >= 0 || can_open("/dev/zero", O_RDWR);
}

static void
try_memory(const struct box *b)
{
	char text[64];

	if (!b->memory)
		return;
	snprintf(text, sizeof text, "memory %llu MiB a process", b->memory >> 20);
	word(text);
	if (b->counted && can_share())
		left_open("memory that is not counted");
}

static int
report(struct box *b)
{
	signal(SIGALRM, SIG_DFL);
	alarm(REPORT_S);
	collect_sockets(b);
	if (box_put_on(b) < 0) {
		fprintf(stderr, "launcher: cannot %s: %s\n", b->failed, strerror(errno));
		return EXIT_SETUP;
	}
	try_files(b);
	if (b->has_seccomp)
		word("seccomp");
	else
		left_open("system calls");
	try_net(b);
	try_memory(b);
	try_processes(b);
	try_sockets(b);
	return fflush(stdout) == 0 ? 0 : EXIT_SETUP;
}

int
box_report(struct box *b)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(report(b));
	if (pid < 0)
		return EXIT_SETUP;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SETUP;
}
