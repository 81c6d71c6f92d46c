/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pve.c: breakglass-pve, the forced command on the PVE host.
 *
 * authorized_keys gives it the request of an ssh client in SSH_ORIGINAL_COMMAND.
 * One of six words is done; anything else is refused in one constant line and
 * logged in one escaped line.  No shell, no environment, no library.
 *
 *   request.c   which verb is it            front.c   gets a worker going,
 *   site.c      where things are            follow.c  and shows its run
 *   status.c    status                      worker.c  the part that finishes
 *   forensics.c capture, ask.c QMP + agent  power.c   start stop reset cycle:
 *   look.c      what the host shows         start.c stop.c reset.c
 *   shot.c      screen and link, over QMP   preflight.c could a start work:
 *   screen.c pci.c rrd.c gdb.c  what others   holder.c ha.c space.c
 *   say, read; tell.c  said again           qm.c      run qm
 *   volumes.c   is what a start needs there lock.c    one at a time
 *   verdict.c   evidence -> one word
 *   qemu.c      which process, kill.c end it  unlock.c  --remove-lock
 *   probe.c     what may hang, with a limit   job.c     a verb's words
 *   run.c       what stays on the host      run_now.c now and last
 *   qmp.c jwalk.c pending.c escape.c out.c log.c proc.c  small parts
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/codes.h"
#include "host/escape.h"
#include "host/job.h"
#include "host/lock.h"
#include "host/log.h"
#include "host/request.h"
#include "host/unlock.h"

#define REQUEST_LOGGED_MAX 64 /* bytes of a refused request that the log shows */
#define STATUS_PLACES 8	      /* calls at once; the engine has one or two */
#define STATUS_WAIT_MS 3000
#define STATUS_LIFE_S 30 /* a reader that never reads must not keep us */

static void
sane_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
			_exit(CODE_FAULT);
}

/* The client may set LC_* and LANG through sshd; nothing of it is kept. */
static void
sane_environment(void)
{
	clearenv();
	if (setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) < 0 ||
	    setenv("LC_ALL", "C", 1) < 0 || setenv("HOME", "/root", 1) < 0)
		_exit(CODE_FAULT);
	umask(077);
	if (chdir("/") < 0)
		_exit(CODE_FAULT);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

static int
reject(const struct site *s, const char *request, const char *from)
{
	char shown[REQUEST_LOGGED_MAX * 4 + 4];
	static const char reply[] = REQUEST_REFUSAL "\n";
	size_t len = request ? strlen(request) : 0;
	ssize_t rc;

	escape_field(
	    shown, sizeof(shown), request ? request : "", len, REQUEST_LOGGED_MAX);
	if (request == NULL)
		log_line(s, "rejected: no command (a shell was asked for) from=%s", from);
	else
		log_line(
		    s, "rejected: request=\"%s\" bytes=%zu from=%s", shown, len, from);
	rc = write(2, reply, sizeof(reply) - 1);
	(void)rc;
	return CODE_REJECTED;
}

static int
do_status(struct job *j)
{
	int rc;

	alarm(STATUS_LIFE_S);
	/* held by this process until it ends */
	if (lock_place(j->site, "status", STATUS_PLACES, STATUS_WAIT_MS) == -1)
		return front_crowded(j);
	out_mark(&j->out, "run id=%s verb=status version=%s", j->now.id, VERSION);
	job_say_clock(j);
	out_fact(&j->out, "from", j->from);
	rc = status_do(j);
	job_log(j, rc, out_ms(&j->out));
	out_mark(&j->out, "result verb=status rc=%d ms=%lld state=%s pid=%lld", rc,
	    out_ms(&j->out), j->state, j->pid);
	return rc;
}

static int
do_verb(struct job *j, const char *site_path)
{
	char self[SITE_PATH_MAX];
	ssize_t n;

	if (j->verb == VERB_STATUS)
		return do_status(j);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	alarm((unsigned)(j->site->follow_ms / 1000 + 60));
	return front_start(j, self, site_path);
}

static void
init_job(struct job *j, const struct site *s, enum verb verb, const char *id)
{
	memset(j, 0, sizeof(*j));
	j->site = s;
	j->verb = verb;
	j->now.at = time(NULL);
	snprintf(j->now.verb, sizeof(j->now.verb), "%s", verb_rows[verb].name);
	if (id != NULL)
		snprintf(j->now.id, sizeof(j->now.id), "%s", id);
	else
		run_name(j->now.id, sizeof(j->now.id), verb_rows[verb].name);
	out_init(&j->out, 1);
}

/* The address in SSH_CONNECTION, or "local". */
static void
copy_from(char *dst, size_t size, const char *connection)
{
	size_t len = connection ? strcspn(connection, " ") : 0;

	if (len == 0)
		snprintf(dst, size, "local");
	else
		escape_field(dst, size, connection, len, 64);
}

static int
do_worker(const struct site *s, const struct request *r)
{
	struct job job;

	init_job(&job, s, r->verb, r->id);
	snprintf(job.from, sizeof(job.from), "%s", r->from ? r->from : "local");
	return worker_main(&job);
}

/* A fault of the installation: what authorized_keys or the site file says is wrong. */
static int
fault(const struct site *s, const char *why, const char *from)
{
	char shown[500];

	escape_line(shown, sizeof(shown), why, strlen(why)); /* it may name a file */
	fprintf(stderr, "breakglass-pve: %s\n", shown);
	log_line(s, "fault: %s from=%s", shown, from);
	return CODE_FAULT;
}

int
main(int argc, char **argv)
{
	const char *original;
	char why[400], from[80];
	struct request req;
	struct site site;
	struct job job;

	sane_descriptors();
	/* the strings stay where exec put them, also without an environment */
	original = getenv("SSH_ORIGINAL_COMMAND");
	copy_from(from, sizeof(from), getenv("SSH_CONNECTION"));
	sane_environment();
	request_read(argc, argv, original, &req);
	site_defaults(&site);
	if (req.kind == REQUEST_VERSION)
		return printf("breakglass-pve %s\n", VERSION) < 0;
	if (req.kind == REQUEST_USAGE)
		return fault(&site,
		    "usage: breakglass-pve [--site FILE], as a forced command; or, as root "
		    "on the host: breakglass-pve --remove-lock",
		    from);
	if (req.site != NULL && site_read(&site, req.site, why, sizeof(why)) < 0)
		return fault(&site, why, from);
	if (req.kind == REQUEST_WORKER)
		return do_worker(&site, &req);
	if (req.kind == REQUEST_UNLOCK)
		return unlock_do(&site, geteuid() == 0 || req.site != NULL);
	if (req.kind != REQUEST_VERB)
		return reject(&site, original, from);
	init_job(&job, &site, req.verb, NULL);
	snprintf(job.from, sizeof(job.from), "%s", from);
	return do_verb(&job, req.site);
}
