/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * qemu-fake: as much of a QEMU as breakglass-pve looks at.
 *
 *   qemu-fake -id 102 -pidfile FILE -qmp SOCKET -qga SOCKET -mode FILE -daemonize
 *             [-disk FILE]
 *
 * One QMP client at a time, as the real one.  FILE holds words that are read at
 * each request: a status word (running, paused, io-error ...), and any of
 *   stalled   disk queues in use, no counter moves
 *   silent    clients are accepted late: no greeting (the loop itself runs on)
 *   frozen    the agent says that file systems are frozen
 *   noagent   the agent does not answer
 *   jobs      a backup job runs
 *   nodisk    the guest has asked for nothing yet
 *   stubborn  SIGTERM is ignored (read at start)
 *   slowfork  it becomes a daemon slowly: its parent is there for a while (read at start)
 * and of what a QMP can do to its client:
 *   mute      accepts, greets nobody and answers nothing
 *   deaf      greets, and answers nothing
 *   garbage   greets in something that is not JSON
 *   endless   sends bytes without a line's end for as long as somebody reads
 *   longline  its greeting is one line of 1 GiB
 *   flood     greets, then sends empty lines for as long as somebody reads
 *   events    greets, then sends events for as long as somebody reads
 * SIGUSR1 is the reset button: queues begin again.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct peer {
	int listener;
	int fd;
	char line[4096];
	size_t len;
};

static const char *mode_path;
static unsigned long long ops = 1000;
static volatile sig_atomic_t was_reset;

static void
on_usr1(int sig)
{
	was_reset = 1;
}

static bool
mode(const char *word)
{
	char text[256] = "", *save = NULL;
	FILE *f = fopen(mode_path, "r");

	if (f == NULL)
		return false;
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	fclose(f);
	for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		if (strcmp(w, word) == 0)
			return true;
	return false;
}

static void
set_mode(const char *text)
{
	FILE *f = fopen(mode_path, "w");

	if (f == NULL)
		return;
	fprintf(f, "%s\n", text);
	fclose(f);
}

static const char *
status(void)
{
	static const char *const words[] = {"paused", "io-error", "prelaunch", "shutdown",
	    "inmigrate", "internal-error", "guest-panicked"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (mode(words[i]))
			return words[i];
	return "running";
}

static void
say(struct peer *p, const char *text)
{
	dprintf(p->fd, "%s\r\n", text);
}

/* For tests of what is asked at all: one line a command, in FILE.asked. */
static void
record(const char *line)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s.asked", mode_path);
	f = fopen(path, "a");
	if (f == NULL)
		return;
	fprintf(f, "%s\n", line);
	fclose(f);
}

static void
answer_qmp(struct peer *p, const char *line)
{
	char reply[1024];
	bool stalled = mode("stalled");

	record(line);

	if (was_reset)
		ops = 0;
	was_reset = 0;
	if (!stalled)
		ops += 7;
	if (mode("nodisk"))
		ops = 0;
	if (strstr(line, "\"qmp_capabilities\"") || strstr(line, "\"system_reset\"")) {
		say(p, "{\"return\": {}}");
	} else if (strstr(line, "\"query-status\"")) {
		snprintf(reply, sizeof(reply),
		    "{\"return\": {\"status\": \"%s\", \"running\": %s}}", status(),
		    strcmp(status(), "running") == 0 ? "true" : "false");
		say(p, reply);
	} else if (strstr(line, "\"query-blockstats\"")) {
		snprintf(reply, sizeof(reply),
		    "{\"return\": [{\"device\": \"drive0\", \"parent\": {\"stats\": "
		    "{\"wr_operations\": 9}}, \"stats\": {\"rd_operations\": %llu, "
		    "\"wr_operations\": %llu, \"flush_operations\": 3, \"idle_time_ns\": "
		    "%llu}}]}",
		    ops, ops, stalled ? 16000000000ULL : 5000000ULL);
		say(p, reply);
	} else if (strstr(line, "\"x-query-virtio\"")) {
		say(p,
		    "{\"return\": [{\"name\": \"virtio-blk\", \"path\": "
		    "\"/machine/peripheral/d0/virtio-backend\"}]}");
	} else if (strstr(line, "\"x-query-virtio-queue-status\"")) {
		if (!strstr(line, "\"queue\":0}"))
			say(p,
			    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}");
		snprintf(reply, sizeof(reply),
		    "{\"return\": {\"inuse\": %d, \"used-idx\": %llu}}", stalled,
		    ops % 65536);
		if (strstr(line, "\"queue\":0}"))
			say(p, reply);
	} else if (strstr(line, "\"query-block-jobs\"")) {
		say(p,
		    mode("jobs") ? "{\"return\": [{\"type\": \"backup\", \"device\": "
				   "\"drive0\", \"len\": 9}]}"
				 : "{\"return\": []}");
	} else if (strstr(line, "\"cont\"")) {
		set_mode("running");
		say(p, "{\"return\": {}}");
	} else if (strstr(line, "\"quit\"")) {
		say(p, "{\"return\": {}}");
		exit(0);
	} else
		say(p, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}");
}

static void
answer_qga(struct peer *p, const char *line)
{
	const char *id = strstr(line, "\"id\":");
	char reply[128];

	if (strstr(line, "\"guest-sync\"") && id != NULL) {
		snprintf(reply, sizeof(reply), "{\"return\": %d}", atoi(id + 5));
		say(p, reply);
	} else if (strstr(line, "guest-fsfreeze-status"))
		say(p,
		    mode("frozen") ? "{\"return\": \"frozen\"}"
				   : "{\"return\": \"thawed\"}");
	else if (strstr(line, "guest-fsfreeze-thaw")) {
		set_mode("running");
		say(p, "{\"return\": 1}");
	}
}

/* Until the client has had enough: it closes, or its buffer is full for a second. */
static void
pour(struct peer *p, const char *bytes, size_t len, unsigned long long most)
{
	struct pollfd f = {.fd = p->fd, .events = POLLOUT};

	while (most > 0 && poll(&f, 1, 1000) == 1) {
		ssize_t n = send(p->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			break;
		most -= n > 0 && (unsigned long long)n < most ? (unsigned long long)n : 0;
	}
	close(p->fd);
	p->fd = -1;
}

static void
pour_text(struct peer *p, const char *text, unsigned long long most)
{
	static char bytes[64 * 1024];
	size_t len = strlen(text), n = sizeof(bytes) / len * len;

	for (size_t i = 0; i < n; i++)
		bytes[i] = text[i % len];
	pour(p, bytes, n, most);
}

/* The ill ways of a monitor; false: it is well. */
static bool
greet_ill(struct peer *p)
{
	if (mode("garbage"))
		say(p, "220 mail.example ESMTP");
	else if (mode("endless"))
		pour_text(p, "x", ~0ULL);
	else if (mode("longline")) {
		if (send(p->fd, "{\"QMP\": \"", 9, MSG_NOSIGNAL) == 9)
			pour_text(p, "y", 1ULL << 30);
	} else
		return mode("mute");
	return true;
}

static int
listen_at(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(sa.sun_path))
		exit(1);
	strcpy(sa.sun_path, path);
	(void)unlink(path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 1) < 0)
		exit(1);
	return fd;
}

static void
on_ready(struct peer *p, bool qmp)
{
	ssize_t n;
	char *nl;

	if (p->fd < 0) {
		p->fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
		p->len = 0;
		if (!qmp || p->fd < 0 || greet_ill(p))
			return;
		say(p,
		    "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, "
		    "\"capabilities\": [\"oob\"]}}");
		if (mode("flood"))
			pour_text(p, "\n", ~0ULL);
		else if (mode("events"))
			pour_text(p, "{\"event\": \"NIC_RX_FILTER_CHANGED\"}\r\n", ~0ULL);
		return;
	}
	n = read(p->fd, p->line + p->len, sizeof(p->line) - 1 - p->len);
	if (n <= 0) {
		close(p->fd);
		p->fd = -1;
		return;
	}
	p->len += (size_t)n;
	p->line[p->len] = '\0';
	while ((nl = strchr(p->line, '\n')) != NULL) {
		*nl = '\0';
		if (qmp && !mode("mute") && !mode("deaf"))
			answer_qmp(p, p->line);
		else if (qmp)
			; /* it says nothing to anything */
		else if (!mode("noagent"))
			answer_qga(p, p->line);
		p->len -= (size_t)(nl + 1 - p->line);
		memmove(p->line, nl + 1, p->len + 1);
	}
}

static void
serve(struct peer *qmp, struct peer *qga)
{
	for (;;) {
		struct pollfd f[2] = {
		    {.fd = qmp->fd >= 0 ? qmp->fd : qmp->listener, .events = POLLIN},
		    {.fd = qga->fd >= 0 ? qga->fd : qga->listener, .events = POLLIN}};

		if (mode("silent"))
			f[0].fd = -1;
		if (poll(f, 2, 50) <= 0)
			continue;
		if (f[0].revents)
			on_ready(qmp, true);
		if (f[1].revents)
			on_ready(qga, false);
	}
}

/* As QEMU's -daemonize: the parent ends when the pidfile is there. */
static void
daemonize(const char *pidfile)
{
	int ready[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char byte;
	FILE *f;

	if (pipe2(ready, O_CLOEXEC) < 0 || null < 0)
		exit(1);
	switch (fork()) {
	case -1:
		exit(1);
	case 0:
		break;
	default:
		close(ready[1]);
		_exit(read(ready[0], &byte, 1) == 1 ? 0 : 1);
	}
	(void)setsid();
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	if (mode("slowfork"))
		(void)poll(NULL, 0, 400);
	f = fopen(pidfile, "w");
	if (f == NULL)
		exit(1);
	fprintf(f, "%d\n", (int)getpid());
	fclose(f);
	if (write(ready[1], "x", 1) != 1)
		exit(1);
	close(ready[0]);
	close(ready[1]);
}

int
main(int argc, char **argv)
{
	struct peer qmp = {.fd = -1}, qga = {.fd = -1};
	const char *pidfile = NULL, *qmp_path = NULL, *qga_path = NULL;

	/* a lock of who started us is not ours to keep */
	(void)close_range(3, ~0U, 0);
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "-pidfile") == 0)
			pidfile = argv[i + 1];
		if (strcmp(argv[i], "-qmp") == 0)
			qmp_path = argv[i + 1];
		if (strcmp(argv[i], "-qga") == 0)
			qga_path = argv[i + 1];
		if (strcmp(argv[i], "-mode") == 0)
			mode_path = argv[i + 1];
		if (strcmp(argv[i], "-disk") == 0 &&
		    open(argv[i + 1], O_RDONLY | O_CLOEXEC) < 0)
			return 1;
	}
	if (!pidfile || !qmp_path || !qga_path || !mode_path)
		return 1;
	qmp.listener = listen_at(qmp_path);
	qga.listener = listen_at(qga_path);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, on_usr1);
	if (mode("stubborn"))
		signal(SIGTERM, SIG_IGN);
	daemonize(pidfile);
	serve(&qmp, &qga);
}
