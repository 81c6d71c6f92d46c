/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/room.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/pidfd.h"
#include "base/text.h"
#include "drill/child.h"

#define ROOM_DIR_MAX 60 /* bytes: sockets are below it */
#define ENGINE_UP_MS 10000
#define ENGINE_END_MS 6000 /* it gives itself 4.3 s */
#define STRANGERS_MAX 3	   /* engines that come up one behind the other while it ends */

const char room_own_settings[] =
    "devvm_host, devvm_port, devvm_user, devvm_hostkey, pve_host, pve_port, pve_user, "
    "pve_hostkey, key_path (the lab's); run_dir, sessions_dir (the drill's); operators, "
    "credentials, operators_group (none: whoever began it); agent_uid, agent_dir, "
    "notify_command, syslog (off)";

/* --- who is spoken to --- */

static bool
is_loopback(const char *address)
{
	struct in6_addr a6;
	struct in_addr a4;

	if (inet_pton(AF_INET, address, &a4) == 1)
		return ntohl(a4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &a6) == 1 && IN6_IS_ADDR_LOOPBACK(&a6);
}

/* 0 where both hosts are addresses of the loopback; else ERR_USAGE. */
static int
check_targets(const struct options *o, struct err *err)
{
	const struct {
		const char *name, *value;
	} targets[] = {{"devvm_host", o->devvm_host}, {"pve_host", o->pve_host}};

	for (size_t i = 0; i < ARRAY_LEN(targets); i++)
		if (!is_loopback(targets[i].value))
			return err_set(err, ERR_USAGE,
			    "%s would be %.64s, which is not on this machine: a drill "
			    "speaks to its lab alone; nothing was sent",
			    targets[i].name, targets[i].value);
	return 0;
}

/* --- the settings --- */

static void
set_below(const char *name, const char *dir, const char *leaf)
{
	char *path = mem_printf("%s/%s", dir, leaf);

	setenv(name, path, 1);
	free(path);
}

static void
set_environment(const struct room *r, const struct lab_vars *vars, bool alone)
{
	/* what the lab did not say is the operator's own: room_make refuses it then */
	for (int i = 0; i < LAB_VARS; i++)
		if (vars->value[i])
			setenv(lab_var_names[i], vars->value[i], 1);
	setenv("BREAKGLASS_DEVVM_HOSTKEY", "", 1);
	set_below("BREAKGLASS_RUN_DIR", r->dir, "run");
	set_below("BREAKGLASS_SESSIONS_DIR", r->dir, "sessions");
	/* A list of a team's jump host does not name us by our uid, and often may be read
	 * by its engine alone.  Nobody else reaches the room: it is 0700 and ours. */
	setenv("BREAKGLASS_OPERATORS", "", 1);
	setenv("BREAKGLASS_CREDENTIALS", "", 1);
	setenv("BREAKGLASS_OPERATORS_GROUP", "", 1);
	setenv("BREAKGLASS_AGENT_UID", "0", 1);
	setenv("BREAKGLASS_AGENT_DIR", "", 1);
	setenv("BREAKGLASS_NOTIFY_COMMAND", "", 1);
	setenv("BREAKGLASS_SYSLOG", "", 1);
	if (alone) /* nobody is there who could ask a model */
		setenv("BREAKGLASS_AGENT_DRIVER", "runbook", 1);
}

/* All that a program here is to read goes by one of these names. */
static bool
is_setting(const char *line)
{
	return strncmp(line, "BREAKGLASS_", 11) == 0 ||
	    strncmp(line, "XDG_CONFIG_HOME=", 16) == 0 ||
	    strncmp(line, "XDG_CACHE_HOME=", 15) == 0;
}

/* The settings for a shell that comes later: --keep. */
static int
write_environment(const struct room *r, struct err *err)
{
	char *path = mem_printf("%s/" ROOM_ENV, r->dir);
	FILE *to = fopen(path, "wxe");
	int rc = to ? 0 : err_sys(err, errno, "make %s", path);

	for (char **line = environ; to && *line; line++) {
		const char *value = strchr(*line, '=');
		size_t name = value ? (size_t)(value - *line) : 0;
		char *quoted;

		if (!value || !is_setting(*line) ||
		    strspn(*line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != name)
			continue;
		quoted = text_shell_word(value + 1);
		fprintf(to, "export %.*s=%s\n", (int)name, *line, quoted);
		free(quoted);
	}
	if (to && (fflush(to) != 0 || ferror(to)))
		rc = err_sys(err, errno, "write %s", path);
	if (to)
		fclose(to);
	free(path);
	return rc;
}

/* A port or a key of the operator's would do for a tunnel to what is real. */
static int
check_said(const struct lab_vars *vars, struct err *err)
{
	for (int i = 0; i < LAB_VARS; i++)
		if (!vars->value[i] || !vars->value[i][0])
			return err_set(err, ERR_USAGE,
			    "the lab did not say %s, and the operator's own is not for a "
			    "drill; nothing was sent",
			    lab_var_names[i]);
	return 0;
}

static int
make_dir(struct room *r, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || tmp[0] != '/' || strlen(tmp) > ROOM_DIR_MAX)
		tmp = "/tmp";
	r->dir = mem_printf("%s/breakglass-drill.XXXXXX", tmp);
	if (mkdtemp(r->dir))
		return 0;
	err_sys(err, errno, "make a directory in %s", tmp);
	free(r->dir);
	r->dir = NULL;
	return -1;
}

int
room_make(struct room *r, const struct lab_vars *vars, bool alone, struct err *err)
{
	memset(r, 0, sizeof *r);
	if (make_dir(r, err) < 0)
		return -1;
	set_environment(r, vars, alone);
	if (options_load(&r->config, err) < 0)
		return -1;
	r->configured = 1;
	if (check_targets(&r->config, err) < 0 || check_said(vars, err) < 0)
		return -1;
	return write_environment(r, err);
}

/* --- the engine --- */

/* "+" when it listens; anything else is why it does not. */
static int
await_engine(int fd, struct err *err)
{
	int64_t until = clock_mono_ms() + ENGINE_UP_MS;
	char words[600];
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < sizeof words - 1 && (len == 0 || words[0] != '+')) {
		int64_t left = until - clock_mono_ms();

		if (left <= 0 || child_signal())
			return err_set(err, ERR_UNREACHABLE,
			    "the drill's engine did not come up in 10 s");
		if (!child_wait_fd(fd, left))
			continue;
		n = read(fd, words + len, sizeof words - 1 - len);
		if (n > 0)
			len += (size_t)n;
	}
	words[len] = '\0';
	if (words[0] == '+')
		return 0;
	return err_set(err, ERR_UNREACHABLE, "the drill's engine did not start: %s",
	    len ? words + strspn(words, "0123456789 ") : "it ended at once");
}

int
room_start_engine(struct room *r, int verbose, struct err *err)
{
	const struct options *o = &r->config;
	char *path = mem_printf(
	    "%s/engine", o->libexec_dir[0] ? o->libexec_dir : BG_PKGLIBEXECDIR);
	const char *argv[] = {
	    path, "--ready-fd", "3", verbose ? (verbose > 1 ? "-vv" : "-v") : NULL, NULL};
	int fds[2], rc;

	/* in the foreground, for us: no console starts another in its place */
	if (pipe2(fds, O_CLOEXEC) < 0) {
		free(path);
		return err_sys(err, errno, "make a pipe");
	}
	rc = child_start(&(struct child_opts){.argv = argv,
			     .out = CHILD_HIDDEN,
			     .err = CHILD_HIDDEN,
			     .fd = fds[1],
			     .session = true},
	    &r->engine, err);
	close(fds[1]);
	if (rc == 0)
		rc = await_engine(fds[0], err);
	close(fds[0]);
	free(path);
	return rc;
}

/* Asked, and killed when that was in vain; pidfd: it, whatever becomes of its number. */
static void
end_stranger(int pidfd)
{
	int64_t left = ENGINE_END_MS, until = clock_mono_ms() + left;

	pidfd_kill(pidfd, SIGTERM);
	while (left > 0 && !child_wait_fd(pidfd, left)) /* to be read when it has ended */
		left = until - clock_mono_ms();
	if (left <= 0)
		pidfd_kill(pidfd, SIGKILL);
}

/*
 * Where ours died in the middle, console or command have started another, which is
 * nobody's child and would outlive us for hours.  True: there was one.
 */
static bool
end_other_engine(const struct room *r)
{
	char *path = mem_printf("%s/run/console.sock", r->dir);
	struct err err;
	uid_t uid;
	pid_t pid;
	int fd = fd_connect(path, &err), held = -1;

	free(path);
	if (fd >= 0 && fd_peer(fd, &uid, &pid) == 0 && uid == geteuid() && pid > 0)
		held = pidfd_of(pid);
	if (fd >= 0)
		close(fd);
	if (held < 0)
		return false;
	end_stranger(held);
	close(held);
	return true;
}

void
room_end_engine(struct room *r)
{
	child_end(r->engine, ENGINE_END_MS);
	r->engine = 0;
	for (int i = 0; r->dir && i < STRANGERS_MAX && end_other_engine(r); i++)
		;
}

/* --- its end --- */

static int
on_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	remove(path);
	return 0;
}

void
room_leave(struct room *r, bool keep)
{
	room_end_engine(r);
	if (r->dir && !keep)
		nftw(r->dir, on_file, 16, FTW_DEPTH | FTW_PHYS);
	if (r->configured)
		options_fini(&r->config);
	free(r->dir);
	memset(r, 0, sizeof *r);
}
