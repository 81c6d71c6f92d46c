/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which process is ended: real ones are signalled, what /proc says of them is
 * written by the test.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/proc.h"
#include "host/qemu.h"
#include "host/site.h"

static char base[64];
static struct site site;
static pid_t child;

static void
setup(void)
{
	strcpy(base, "/tmp/bgkill.XXXXXX");
	cr_assert_not_null(mkdtemp(base));
	site_defaults(&site);
	snprintf(site.pidfile, sizeof(site.pidfile), "%s/102.pid", base);
	site.term_ms = 100;
	site.gone_ms = 300;
	proc_root = base;
	child = fork();
	if (child == 0)
		for (;;)
			pause();
}

static void
teardown(void)
{
	char cmd[128];

	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", base);
	cr_assert_eq(system(cmd), 0);
}

TestSuite(host_kill, .init = setup, .fini = teardown);

static void __attribute__((format(printf, 3, 4)))
put(const char *text, size_t len, const char *fmt, ...)
{
	char path[256], *slash;
	va_list ap;
	int fd;

	snprintf(path, sizeof(path), "%s/", base);
	va_start(ap, fmt);
	vsnprintf(path + strlen(path), sizeof(path) - strlen(path), fmt, ap);
	va_end(ap);
	for (slash = path + strlen(base) + 1; (slash = strchr(slash, '/')) != NULL;
	     *slash++ = '/') {
		*slash = '\0';
		mkdir(path, 0700);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, len), (ssize_t)len);
	close(fd);
}

/* A thread as /proc shows it: name, state, start, program, arguments. */
static void
thread(pid_t pid, pid_t tid, char state, int start, const char *exe, const char *pidfile)
{
	char text[512], link[256];
	int n;

	n = snprintf(text, sizeof(text),
	    "%d (kvm) %c 1 1 1 0 -1 0 0 0 0 0 5 5 0 0 20 0 1 0 %d 0 0\n", (int)tid, state,
	    start);
	put(text, (size_t)n, "%d/task/%d/stat", (int)pid, (int)tid);
	if (tid == pid)
		put(text, (size_t)n, "%d/stat", (int)pid);
	put("kvm\n", 4, "%d/task/%d/comm", (int)pid, (int)tid);
	n = snprintf(text, sizeof(text), "/usr/bin/kvm%c-id%c102%c-pidfile%c%s%c", 0, 0,
	    0, 0, pidfile, 0);
	put(text, (size_t)n, "%d/task/%d/cmdline", (int)pid, (int)tid);
	snprintf(link, sizeof(link), "%s/%d/task/%d/exe", base, (int)pid, (int)tid);
	unlink(link);
	cr_assert_eq(symlink(exe, link), 0);
}

static void
pidfile(pid_t pid)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)pid);

	put(text, (size_t)n, "102.pid");
}

static bool
lives(void)
{
	return waitpid(child, NULL, WNOHANG) == 0;
}

#define QEMU "/usr/bin/qemu-system-x86_64"

Test(host_kill, ends_the_process_that_is_proven_ours)
{
	struct qemu q;
	char why[200] = "";

	thread(child, child, 'S', 100, QEMU, site.pidfile);
	pidfile(child);
	qemu_find(&site, &q);
	cr_assert_eq(q.found, QEMU_OURS);
	/* the written /proc never changes, so it counts as a survivor */
	cr_assert_eq(qemu_end(&site, &q, false, why, sizeof(why)), -1);
	cr_assert_not(lives());
}

Test(host_kill, does_not_touch_another_vms_or_a_foreign_program)
{
	struct qemu q;
	char why[200];

	pidfile(child);
	thread(child, child, 'S', 100, QEMU, "/var/run/qemu-server/1021.pid");
	qemu_find(&site, &q);
	cr_assert_eq(q.found, QEMU_FOREIGN);
	cr_assert_eq(qemu_end(&site, &q, true, why, sizeof(why)), -1);
	/* the right arguments, and a program that only has its name */
	thread(child, child, 'S', 100, "/usr/bin/python3", site.pidfile);
	qemu_find(&site, &q);
	cr_assert_eq(q.found, QEMU_FOREIGN);
	cr_assert_eq(qemu_end(&site, &q, true, why, sizeof(why)), -1);
	cr_assert(lives());
}

Test(host_kill, a_program_behind_a_link_is_what_the_kernel_says_it_is)
{
	struct qemu q;

	pidfile(child);
	thread(child, child, 'S', 100, "/opt/qemu-9/qemu-system-x86_64 (deleted)",
	    site.pidfile);
	qemu_find(&site, &q);
	cr_assert_eq(q.found, QEMU_OURS, "an upgraded program is still ours");
	thread(child, child, 'S', 100, "/home/x/kvm-helper", site.pidfile);
	qemu_find(&site, &q);
	cr_assert_eq(q.found, QEMU_FOREIGN);
}

Test(host_kill, does_not_touch_a_pid_that_was_taken_by_another_process)
{
	struct qemu q;
	char why[200];

	thread(child, child, 'S', 100, QEMU, site.pidfile);
	pidfile(child);
	qemu_find(&site, &q);
	/* between look and kill: the same pid, another start time */
	thread(child, child, 'S', 101, QEMU, site.pidfile);
	cr_assert_eq(qemu_end(&site, &q, false, why, sizeof(why)), 0, "ours is gone");
	cr_assert(lives());
}

Test(host_kill, a_dead_main_thread_with_a_thread_in_d_is_not_gone)
{
	struct qemu q;
	char why[200] = "";

	thread(child, child, 'Z', 100, QEMU, site.pidfile);
	thread(child, child + 100000, 'D', 100, QEMU, site.pidfile);
	pidfile(child);
	qemu_find(&site, &q);
	cr_assert_eq(q.found, QEMU_OURS);
	cr_assert_eq(q.leader, 'Z');
	cr_assert_eq(q.threads, 1);
	cr_assert_eq(qemu_end(&site, &q, false, why, sizeof(why)), -1);
	cr_assert_not_null(strstr(why, "waits for the host's storage"), "%s", why);
}

Test(host_kill, a_qemu_without_its_pidfile_is_found)
{
	struct qemu q;

	thread(child, child, 'S', 100, QEMU, site.pidfile);
	qemu_find(&site, &q);
	cr_assert_eq(q.found, QEMU_OURS);
	cr_assert_eq(q.pid, child);
	thread(child, child, 'S', 100, QEMU, "/var/run/qemu-server/1021.pid");
	qemu_find(&site, &q);
	cr_assert_eq(q.found, QEMU_NONE, "another VM's is not");
}

/* What /proc says of the child is taken away while it is waited for. */
static void
dies_later(pid_t pid, int ms)
{
	char path[128];

	if (fork() != 0)
		return;
	usleep((unsigned)ms * 1000);
	snprintf(path, sizeof(path), "%s/%d/stat", base, (int)pid);
	unlink(path);
	_exit(0);
}

Test(host_kill, one_that_gives_back_its_memory_is_waited_for)
{
	struct qemu q;
	char why[400] = "";

	site.gone_ms = 500; /* six times that in all */
	thread(child, child, 'R', 100, QEMU, site.pidfile);
	pidfile(child);
	qemu_find(&site, &q);
	dies_later(child, 700);
	cr_assert_eq(qemu_end(&site, &q, true, why, sizeof(why)), 0, "%s", why);
	cr_assert_not(lives());
}

Test(host_kill, who_survives_says_what_to_do)
{
	struct qemu q;
	char why[400] = "";

	site.gone_ms = 50;
	thread(child, child, 'R', 100, QEMU, site.pidfile);
	pidfile(child);
	qemu_find(&site, &q);
	cr_assert_eq(qemu_end(&site, &q, true, why, sizeof(why)), -1);
	cr_assert_not_null(strstr(why, "then send start"), "%s", why);
}

Test(host_kill, a_host_without_a_process_to_spare_does_not_make_it_stopped)
{
	struct rlimit no = {1024, 1024};
	struct qemu q;

	thread(child, child, 'S', 100, QEMU, site.pidfile);
	pidfile(child);
	/* no file for a child's output, so no child */
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &no), 0);
	qemu_find(&site, &q);
	cr_assert_eq(q.found, QEMU_UNPROVEN);
	cr_assert_eq(q.pid, child);
	cr_assert_eq(q.start, 100);
}
