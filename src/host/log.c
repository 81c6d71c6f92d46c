/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "host/escape.h"
#include "host/log.h"
#include "host/site.h"

#define LOG_LINE_MAX 1024 /* bytes */
#define LOG_PRIORITY 85	  /* authpriv.notice */

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

static void
to_file(const struct site *s, const char *text)
{
	char line[LOG_LINE_MAX + 64], stamp[32], old[SITE_PATH_MAX + 4];
	time_t now = time(NULL);
	struct stat st;
	struct tm tm;
	ssize_t rc;
	int fd, n;

	if (s->log[0] == '\0')
		return;
	make_parent(s->log);
	fd = open(s->log,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	n = snprintf(
	    line, sizeof(line), "%s breakglass-pve[%d] %s\n", stamp, (int)getpid(), text);
	rc = write(fd, line, (size_t)n);
	(void)rc;
	if (fstat(fd, &st) == 0 && st.st_size > LOG_FILE_MAX) {
		snprintf(old, sizeof(old), "%s.1", s->log);
		(void)rename(s->log, old);
	}
	close(fd);
}

static void
to_syslog(const struct site *s, const char *text)
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
	n = snprintf(line, sizeof(line), "<%d>breakglass-pve[%d]: %s", LOG_PRIORITY,
	    (int)getpid(), text);
	(void)sendto(
	    fd, line, (size_t)n, MSG_NOSIGNAL, (struct sockaddr *)&sa, sizeof(sa));
	close(fd);
}

void
log_line(const struct site *s, const char *fmt, ...)
{
	char raw[LOG_LINE_MAX], text[LOG_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	escape_line(text, sizeof(text), raw, strlen(raw));
	to_file(s, text);
	to_syslog(s, text);
}
