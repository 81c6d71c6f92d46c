/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/record/mirror_log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define PRIORITY (10 << 3 | 5) /* authpriv, notice */
#define RETRY_MS 1000

struct mirror_log {
	uv_timer_t retry;
	struct sockaddr_un to; /* sun_path "": none */
	int fd;		       /* -1: not connected */
	char *waiting[MIRROR_LOG_WAIT];
	int first, count;
	unsigned dropped;
};

/* 0; or errno. */
static int
syslog_connect(struct mirror_log *l)
{
	if (l->fd >= 0)
		return 0;
	l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return errno;
	if (connect(l->fd, (struct sockaddr *)&l->to, sizeof l->to) == 0)
		return 0;
	close(l->fd);
	l->fd = -1;
	return errno;
}

/* Whether it was taken.  Who listened may have been started anew: one more try. */
static bool
log_send(struct mirror_log *l, const char *line)
{
	for (int i = 0; i < 2; i++) {
		if (syslog_connect(l) != 0)
			return false;
		if (send(l->fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return true;
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
			return false;
		close(l->fd);
		l->fd = -1;
	}
	return false;
}

/* Printable ASCII: whoever reads a system log does so on a terminal. */
static char *
plain_line(const char *line)
{
	char *out = mem_alloc(4 * strlen(line) + 1), *p = out;

	for (; *line; line++)
		if (*line >= 0x20 && *line < 0x7f)
			*p++ = *line;
		else
			p += sprintf(p, "\\x%02x", (unsigned char)*line);
	return out;
}

static char *
syslog_line(const char *text)
{
	char stamp[32], *line, *plain;
	time_t now = time(NULL);
	struct tm tm;

	/* the names of the months are those of RFC 3164, whatever the locale */
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	localtime_r(&now, &tm);
	snprintf(stamp, sizeof stamp, "%.3s %2d %02d:%02d:%02d",
	    months + 3 * (tm.tm_mon % 12), tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	line = mem_printf(
	    "<%d>%s breakglass[%ld]: %s", PRIORITY, stamp, (long)getpid(), text);
	plain = plain_line(line);
	free(line);
	return plain;
}

static void
log_drop_first(struct mirror_log *l)
{
	free(l->waiting[l->first]);
	l->first = (l->first + 1) % MIRROR_LOG_WAIT;
	l->count--;
}

static void
log_flush(struct mirror_log *l)
{
	while (l->count > 0 && log_send(l, l->waiting[l->first]))
		log_drop_first(l);
	if (l->count > 0 || l->dropped == 0)
		return;
	char *text =
	    mem_printf("%u anchors were not taken and are missing here", l->dropped);
	char *line = syslog_line(text);

	if (log_send(l, line))
		l->dropped = 0;
	free(line);
	free(text);
}

static void
on_retry(uv_timer_t *timer)
{
	struct mirror_log *l = timer->data;

	log_flush(l);
	if (l->count == 0 && l->dropped == 0)
		uv_timer_stop(timer);
}

struct mirror_log *
mirror_log_new(uv_loop_t *loop, const char *path)
{
	struct mirror_log *l = mem_alloc(sizeof *l);

	l->fd = -1;
	l->to.sun_family = AF_UNIX;
	if (strlen(path) < sizeof l->to.sun_path)
		memcpy(l->to.sun_path, path, strlen(path));
	else
		LOG("mirror", "the path of syslog is too long: %s", path);
	uv_timer_init(loop, &l->retry);
	uv_unref((uv_handle_t *)&l->retry);
	l->retry.data = l;
	return l;
}

void
mirror_log_say(struct mirror_log *l, const char *text)
{
	if (!l->to.sun_path[0])
		return;
	if (l->count == MIRROR_LOG_WAIT) {
		/* the newest say more about where the record ends */
		log_drop_first(l);
		l->dropped++;
	}
	l->waiting[(l->first + l->count++) % MIRROR_LOG_WAIT] = syslog_line(text);
	log_flush(l);
	if (l->count > 0 && !uv_is_active((uv_handle_t *)&l->retry))
		uv_timer_start(&l->retry, on_retry, RETRY_MS, RETRY_MS);
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
mirror_log_free(struct mirror_log *l)
{
	log_flush(l);
	while (l->count > 0)
		log_drop_first(l);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	uv_close((uv_handle_t *)&l->retry, on_closed);
}
