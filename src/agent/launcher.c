/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door through which every child of breakglass is started.
 *
 *     launcher [--parent PID] [--cwd DIR] [--keep FD]... [--oom N]
 *              [--tree FD] [--env NAME=VALUE]... [--pass NAME]...
 *              [BOX OPTION VALUE]... -- PROGRAM [ARGUMENT]...
 *     launcher [BOX OPTION VALUE]... --report -
 *
 * The program gets a session of its own, ends when the one who started it
 * ends, and inherits nothing: no descriptor above 2 but those named, no
 * environment but what is given here (--pass: as it is in our own, for a value that
 * may stand in no argument), no blocked signal, no core file, no way
 * to more privileges.  With --tree the launcher stays, ends all that PROGRAM
 * started, and says on FD how it ended (launcher_tree.h).  What else holds PROGRAM is
 * in launcher_box.h; --report says what of it this machine has.  Exit status 71: it could
 * not be set up so; 126 or 127: PROGRAM could not be run.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/launcher_box.h"
#include "agent/launcher_tree.h"
#include "base/self.h"

#define LAUNCHER_KEEP_MAX 8
#define LAUNCHER_ENV_MAX 64
#define LAUNCHER_OOM_LIMIT 1000
#define EXIT_SETUP 71

struct launch {
	long parent; /* who must still be our parent; 0: not checked */
	const char *cwd;
	const char *oom;
	int keep[LAUNCHER_KEEP_MAX];
	int keeps;
	int tree; /* -1: the launcher becomes PROGRAM */
	char *env[LAUNCHER_ENV_MAX + 1];
	int envs;
	bool report;
	struct box box;
	char **argv;
};

static _Noreturn void
fail(int status, const char *what, const char *detail)
{
	fprintf(stderr, "launcher: %s%s\n", what, detail);
	exit(status);
}

static long
number(const char *text, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 0 || n > max)
		fail(EXIT_SETUP, "not a number in range: ", text);
	return n;
}

/* "NAME=VALUE" of our own environment, or NULL. */
static char *
own_env(const char *name)
{
	size_t n = strlen(name);

	for (char **e = environ; *e; e++) {
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e;
	}
	return NULL;
}

static void
option(struct launch *l, const char *name, char *value)
{
	if (strcmp(name, "--parent") == 0)
		l->parent = number(value, 0x7fffffff);
	else if (strcmp(name, "--cwd") == 0)
		l->cwd = value;
	else if (strcmp(name, "--oom") == 0) {
		number(value, LAUNCHER_OOM_LIMIT);
		l->oom = value;
	} else if (strcmp(name, "--keep") == 0 && l->keeps < LAUNCHER_KEEP_MAX)
		l->keep[l->keeps++] = (int)number(value, 0x7fffffff);
	else if (strcmp(name, "--tree") == 0 && l->keeps < LAUNCHER_KEEP_MAX)
		l->tree = l->keep[l->keeps++] = (int)number(value, 0x7fffffff);
	else if (strcmp(name, "--env") == 0 && l->envs < LAUNCHER_ENV_MAX &&
	    strchr(value, '='))
		l->env[l->envs++] = value;
	else if (strcmp(name, "--pass") == 0 && l->envs < LAUNCHER_ENV_MAX &&
	    own_env(value))
		l->env[l->envs++] = own_env(value);
	else if (strcmp(name, "--report") == 0)
		l->report = true;
	else if (box_option(&l->box, name, value) <= 0)
		fail(EXIT_SETUP, "unknown, malformed or one too many: ", name);
}

static void
parse(struct launch *l, char **argv)
{
	for (argv++; *argv && strcmp(*argv, "--") != 0; argv += 2) {
		if (!argv[1])
			fail(EXIT_SETUP, "no value behind ", *argv);
		option(l, argv[0], argv[1]);
	}
	if (l->report && !*argv)
		return;
	if (!*argv || !argv[1])
		fail(EXIT_SETUP,
		    "usage: launcher [OPTION VALUE]... -- PROGRAM [ARGUMENT]...", "");
	l->argv = argv + 1;
}

/*
 * The signal is asked for first and the parent looked at after it: whichever
 * way a death of the parent falls between the two, we end.
 */
static void
die_with_parent(const struct launch *l)
{
	if (self_end_with_parent(SIGTERM) < 0)
		fail(EXIT_SETUP, "cannot tie the child to its parent: ", strerror(errno));
	if (l->parent && getppid() != l->parent)
		fail(EXIT_SETUP, "the parent is gone", "");
}

static int
compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void
close_from(int first, int last)
{
	if (first > last || self_close((unsigned)first, (unsigned)last) == 0)
		return;
	/* A kernel without close_range: what the limit lets be open. */
	if (last > sysconf(_SC_OPEN_MAX))
		last = (int)sysconf(_SC_OPEN_MAX);
	for (int fd = first; fd <= last; fd++)
		close(fd);
}

static void
close_others(struct launch *l)
{
	int next = 3;

	qsort(l->keep, (size_t)l->keeps, sizeof l->keep[0], compare);
	for (int i = 0; i < l->keeps; i++) {
		if (l->keep[i] < next)
			continue;
		close_from(next, l->keep[i] - 1);
		fcntl(l->keep[i], F_SETFD, 0);
		next = l->keep[i] + 1;
	}
	close_from(next, 0x7fffffff);
}

/*
 * Best effort: a kernel or a container may forbid it, and that is no reason to stop.
 * Where we were given more already (a pod is, by what it asked for), less is refused:
 * then all of it, for who gave it gave the engine as much.
 */
static void
be_first_for_the_oom_killer(const struct launch *l)
{
	int fd = l->oom ? open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	if (write(fd, l->oom, strlen(l->oom)) < 0 && errno == EACCES &&
	    write(fd, "1000", 4) < 0)
		errno = 0;
	close(fd);
}

static void
default_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int
main(int argc, char **argv)
{
	static struct launch l = {
	    .tree = -1}; /* its unused slots are NULL, which ends env */
	struct rlimit no_core = {0, 0};

	(void)argc;
	parse(&l, argv);
	if (l.report)
		_exit(box_report(&l.box)); /* without a look for leaks */
	die_with_parent(&l);
	setsid(); /* fails only for one that leads a session already */
	close_others(&l);
	umask(077);
	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || self_no_new_privileges() < 0)
		fail(EXIT_SETUP,
		    "cannot drop core files and privileges: ", strerror(errno));
	be_first_for_the_oom_killer(&l);
	if (l.tree >= 0 && launcher_tree(l.tree) < 0)
		fail(EXIT_SETUP, "cannot stay with the program: ", strerror(errno));
	/* It binds PROGRAM and not its warden. */
	if (box_put_on(&l.box) < 0) {
		fprintf(
		    stderr, "launcher: cannot %s: %s\n", l.box.failed, strerror(errno));
		return EXIT_SETUP;
	}
	if (l.cwd && chdir(l.cwd) < 0)
		fail(EXIT_SETUP, "cannot enter the working folder: ", strerror(errno));
	default_signals();
	execve(l.argv[0], l.argv, l.env);
	fprintf(stderr, "launcher: cannot run %s: %s\n", l.argv[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
