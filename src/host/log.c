/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/escape.h"
#include "host/log.h"
#include "host/mono.h"
#include "host/probe.h"
#include "host/site.h"

#define LOG_LINE_MAX 1024 /* bytes */
#define LOG_PRIORITY 85	  /* authpriv.notice */
#define FILE_MS 500	  /* a disk that needs longer writes it when it can */
#define SYSLOG_MS 200	  /* a socket that is full */

static void
make_parent(const char *path)
{
	char dir[SITE_PATH_MAX];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL || slash == dir)
		return;
	*slash = '\0';
	(void)mkdir(dir, 0700);
}

/* Only who still has the file of that name moves it away: two may be here at once. */
static void
rotate(const struct site *s, int fd)
{
	char old[SITE_PATH_MAX + 4];
	struct stat st, named;

	if (fstat(fd, &st) < 0 || st.st_size <= LOG_FILE_MAX ||
	    stat(s->log, &named) < 0 || named.st_ino != st.st_ino)
		return;
	snprintf(old, sizeof(old), "%s.1", s->log);
	(void)rename(s->log, old);
}

static int
to_file(const struct site *s, const char *text, pid_t pid)
{
	char line[LOG_LINE_MAX + 64], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	ssize_t rc;
	int fd, n;

	make_parent(s->log);
	fd = open(s->log,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	n = snprintf(
	    line, sizeof(line), "%s breakglass-pve[%d] %s\n", stamp, (int)pid, text);
	rc = write(fd, line, (size_t)n);
	rotate(s, fd);
	close(fd);
	return rc == n ? 0 : -1;
}

/*
 * In a child that nobody waits for any longer than a moment: opening or writing
 * a file can hang with its disk, and the verb must not.  It is not killed then,
 * so on a disk that is only slow the line still comes, once.
 */
static int
to_file_bounded(const struct site *s, const char *text)
{
	long long deadline = mono_ms() + FILE_MS;
	pid_t own = getpid(), pid = fork(), got = 0;
	int status = -1;

	if (pid < 0)
		return to_file(s, text, own);
	if (pid == 0) {
		(void)setsid();
		/* sshd waits for whoever has its pipes: not for a disk */
		probe_close_from(0);
		_exit(to_file(s, text, own) < 0);
	}
	while ((got = waitpid(pid, &status, WNOHANG)) == 0 && mono_ms() < deadline)
		mono_nap(1);
	return got == pid && status == 0 ? 0 : -1;
}

static void
to_syslog(const struct site *s, const char *text, const char *more)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char line[LOG_LINE_MAX + 64];
	int fd, n;

	if (s->syslog[0] == '\0' || strlen(s->syslog) >= sizeof(sa.sun_path))
		return;
	strcpy(sa.sun_path, s->syslog);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	n = snprintf(line, sizeof(line), "<%d>breakglass-pve[%d]: %s%s", LOG_PRIORITY,
	    (int)getpid(), text, more);
	if (sendto(fd, line, (size_t)n, MSG_NOSIGNAL, (struct sockaddr *)&sa,
		sizeof(sa)) < 0 &&
	    errno == EAGAIN) {
		/* poll tells of room only on a connected socket */
		struct pollfd p = {.fd = fd, .events = POLLOUT};

		(void)connect(fd, (struct sockaddr *)&sa, sizeof(sa));
		(void)poll(&p, 1, SYSLOG_MS);
		(void)send(fd, line, (size_t)n, MSG_NOSIGNAL);
	}
	close(fd);
}

int
log_line(const struct site *s, const char *fmt, ...)
{
	char raw[LOG_LINE_MAX], text[LOG_LINE_MAX];
	int rc = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	escape_line(text, sizeof(text), raw, strlen(raw));
	if (s->log[0] != '\0')
		rc = to_file_bounded(s, text);
	to_syslog(s, text, rc < 0 ? " (the log file did not take this)" : "");
	return rc;
}
