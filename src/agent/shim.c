/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The `ssh` that the agent sees: "ssh devvm COMMAND" and "ssh pve VERB".
 *
 * It holds no key and opens no network: it hands the command to the engine's
 * broker over $BREAKGLASS_SOCKET and passes standard input, both output
 * streams and the exit status through, byte for byte.  What the two hosts
 * allow is the broker's to say; here only what is no such command at all is
 * refused.  Static and without a library, because every command of the agent
 * starts one.  docs/protocol.md, "Agent side, shim" is what it speaks.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/shim_line.h"
#include "wire/verbs.h"

#define SHIM_FRAME_MAX (32 * 1024) /* bytes of one frame's content: WIRE_CHUNK_MAX */
#define SHIM_WORDS_MAX 1024	   /* bytes kept of a refusal's sentence */
#define FRAME_HEAD 5		   /* kind and length */
#define EXIT_REFUSED 64
#define EXIT_UNREACHABLE 69
#define EXIT_BUSY 75
#define EXIT_LOST 255 /* as OpenSSH says that the connection, not the command, failed */

struct shim {
	int sock;
	int in; /* what to forward, or -1 */
	/* towards the engine: one frame at a time, so that a slow engine holds back our
	 * reader */
	unsigned char out[FRAME_HEAD + SHIM_FRAME_MAX];
	size_t out_len, out_done;
	/* from the engine: the frame in progress */
	unsigned char head[FRAME_HEAD];
	size_t head_len;
	uint32_t left;
	unsigned char words[SHIM_WORDS_MAX];
	size_t words_len;
	int closed;	 /* what was asked did not get to the engine */
	int denied;	 /* one line of JSON comes, in place of frames */
	int errors_gone; /* nobody reads our standard error any more */
};

static struct shim shim = {
    .sock = -1, .in = -1}; /* static: a big stack costs page faults */

/* For the record, and only if that can be had at once. */
static void
shim_report(const char *why, int argc, char **argv)
{
	static char line[SHIM_LINE_MAX];
	const char *path = getenv("BREAKGLASS_SOCKET");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd;

	if (!path || !*path || strlen(path) >= sizeof sa.sun_path)
		return;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
		send(fd, line, shim_refusal(why, argc, argv, line), MSG_NOSIGNAL);
	close(fd);
}

static _Noreturn void
shim_refuse(const char *what, int argc, char **argv)
{
	shim_report(what, argc, argv);
	fprintf(stderr,
	    "ssh: %s. Allowed: ssh devvm COMMAND, and ssh pve VERB with one of", what);
	for (int v = 0; v < VERBS; v++)
		fprintf(stderr, " %s", verb_rows[v].name);
	fprintf(stderr, ".\n");
	exit(EXIT_REFUSED);
}

static _Noreturn void
shim_fail(int status, const char *what)
{
	fprintf(stderr, "ssh: %s\n", what);
	exit(status);
}

static int
write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
			struct pollfd pfd = {.fd = fd, .events = POLLOUT};

			if (errno == EAGAIN)
				poll(&pfd, 1, -1);
			continue;
		}
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
shim_connect(void)
{
	const char *path = getenv("BREAKGLASS_SOCKET");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd;

	if (!path || !*path || strlen(path) >= sizeof sa.sun_path)
		shim_fail(EXIT_UNREACHABLE,
		    "BREAKGLASS_SOCKET names no socket: this ssh works only under breakglass");
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0)
		shim_fail(EXIT_UNREACHABLE,
		    "the breakglass engine does not answer: nothing was run; try again");
	return fd;
}

/*
 * Only a pipe or a file is input.  The agent's shell may leave us a socket
 * whose end never comes, or a terminal: reading that would wait for ever.  That
 * there is none is told with the command: such a command can be kept on a leash.
 */
static void
shim_open_input(struct shim *s)
{
	struct stat st;

	if (fstat(0, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode)))
		s->in = 0;
}

static void
shim_ask(struct shim *s, const char *host, char **words)
{
	static char line[SHIM_LINE_MAX];
	size_t len = shim_line(host, words, s->in >= 0, line);

	if (len == 0)
		shim_fail(EXIT_REFUSED,
		    "the command is longer than 32768 bytes: send a script on standard "
		    "input instead, ssh devvm sh -s <SCRIPT");
	if (write_all(s->sock, line, len) < 0)
		s->closed = 1; /* it may have said why */
}

static void
out_frame(struct shim *s, size_t len)
{
	s->out[0] = 'i';
	s->out[1] = (unsigned char)(len >> 24);
	s->out[2] = (unsigned char)(len >> 16);
	s->out[3] = (unsigned char)(len >> 8);
	s->out[4] = (unsigned char)len;
	s->out_len = FRAME_HEAD + len;
	s->out_done = 0;
}

static void
shim_on_input(struct shim *s)
{
	ssize_t n = read(s->in, s->out + FRAME_HEAD, SHIM_FRAME_MAX);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0)
		s->in = -1;
	out_frame(s, n > 0 ? (size_t)n : 0);
}

/* A failure here shows again when we read: the engine may have said why. */
static void
shim_send(struct shim *s)
{
	ssize_t n = send(s->sock, s->out + s->out_done, s->out_len - s->out_done,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		s->in = -1;
		s->out_len = s->out_done = 0;
		return;
	}
	s->out_done += (size_t)n;
	if (s->out_done == s->out_len)
		s->out_len = s->out_done = 0;
}

/* Whoever read our output has gone: end as a program does that nobody reads. */
static _Noreturn void
shim_end_unread(void)
{
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
	exit(128 + SIGPIPE);
}

static void
shim_content(struct shim *s, const unsigned char *data, size_t len)
{
	if (s->head[0] == 'o') {
		if (write_all(1, data, len) < 0)
			shim_end_unread();
	} else if (s->head[0] == 'e') {
		if (!s->errors_gone && write_all(2, data, len) < 0)
			s->errors_gone = 1;
	} else {
		size_t room = sizeof s->words - s->words_len;

		len = len < room ? len : room;
		memcpy(s->words + s->words_len, data, len);
		s->words_len += len;
	}
}

static int
words_status(const struct shim *s)
{
	return s->words_len >= 4 ? s->words[3] : EXIT_LOST;
}

/* One of the frames that end a run is whole. */
static void
shim_frame_end(struct shim *s)
{
	size_t skip = s->head[0] == 'f' && s->words_len >= 4 ? 4 : 0;

	switch (s->head[0]) {
	case 'x':
		exit(words_status(s));
	case 'r':
	case 'f':
		fprintf(
		    stderr, "ssh: %.*s\n", (int)(s->words_len - skip), s->words + skip);
		exit(s->head[0] == 'r' ? EXIT_REFUSED : words_status(s));
	}
}

/* It is let in no further: a line of JSON says why, and nothing was run. */
static void
shim_on_denied(struct shim *s, const unsigned char *p, size_t len)
{
	const unsigned char *lf = memchr(p, '\n', len);
	size_t n = lf ? (size_t)(lf - p) : len, room = sizeof s->words - 1 - s->words_len;
	char *text;

	n = n < room ? n : room;
	memcpy(s->words + s->words_len, p, n);
	s->words_len += n;
	if (!lf)
		return;
	s->words[s->words_len] = '\0';
	text = shim_denied((char *)s->words);
	shim_fail(EXIT_BUSY, text ? text : "the engine refuses: nothing was run");
}

static void
shim_receive(struct shim *s, const unsigned char *p, size_t len)
{
	if (s->denied || (s->head_len == 0 && s->left == 0 && *p == '{')) {
		s->denied = 1;
		shim_on_denied(s, p, len);
		return;
	}
	while (len > 0) {
		size_t n;

		if (s->head_len < FRAME_HEAD) {
			s->head[s->head_len++] = *p++;
			len--;
			if (s->head_len < FRAME_HEAD)
				continue;
			s->left = (uint32_t)s->head[1] << 24 |
			    (uint32_t)s->head[2] << 16 | (uint32_t)s->head[3] << 8 |
			    s->head[4];
			if (s->left > SHIM_FRAME_MAX)
				shim_fail(EXIT_LOST,
				    "the engine sent a frame that is too long");
		}
		n = len < s->left ? len : s->left;
		shim_content(s, p, n);
		p += n;
		len -= n;
		s->left -= (uint32_t)n;
		if (s->left == 0) {
			shim_frame_end(s);
			s->head_len = 0;
		}
	}
}

static void
shim_on_socket(struct shim *s)
{
	static unsigned char data[FRAME_HEAD + SHIM_FRAME_MAX];
	ssize_t n = recv(s->sock, data, sizeof data, MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0 && (s->closed || s->denied))
		shim_fail(EXIT_LOST, "the engine closed the connection: nothing was run");
	if (n <= 0)
		shim_fail(EXIT_LOST,
		    "the engine went away before the command ended; whether it finished is unknown");
	shim_receive(s, data, (size_t)n);
}

static _Noreturn void
shim_relay(struct shim *s)
{
	for (;;) {
		struct pollfd fds[2] = {{.fd = s->sock, .events = POLLIN},
		    {.fd = s->out_len ? -1 : s->in, .events = POLLIN}};

		if (s->out_len)
			fds[0].events |= POLLOUT;
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
			shim_on_socket(s);
		if (s->out_len)
			shim_send(s);
		else if (fds[1].revents)
			shim_on_input(s);
	}
}

int
main(int argc, char **argv)
{
	const char *wrong = shim_wrong(argc, argv);

	signal(SIGPIPE, SIG_IGN);
	if (wrong)
		shim_refuse(wrong, argc, argv);
	shim.sock = shim_connect();
	shim_open_input(&shim);
	shim_ask(&shim, argv[1], argv + 2);
	if (shim.in < 0)
		out_frame(&shim, 0);
	shim_relay(&shim);
}
