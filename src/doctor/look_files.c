/* SPDX-License-Identifier: GPL-3.0-or-later */
/* look_files.c: the key, the two directories and the disk behind them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/rundir.h"
#include "doctor/fingerprint.h"
#include "doctor/judge.h"
#include "doctor/looks.h"
#include "engine/remote/remote.h"
#include "engine/remote/secret.h"
#include "engine/remote/ssh_agent.h"

#define AGENT_MS 3000
#define PROBE_BYTES 4096
#define SOCKET_BELOW "/agent/agent.sock" /* the longest path below the run directory */

/* The nearest directory above path that is there; new string. */
char *
looks_above(const char *path)
{
	char *at = mem_dup(path), *slash;
	struct stat st;

	while (stat(at, &st) < 0 && (slash = strrchr(at, '/')) != NULL && slash > at)
		*slash = '\0';
	if (stat(at, &st) < 0) {
		free(at);
		at = mem_dup("/");
	}
	return at;
}

bool
looks_another(const char *dir, uid_t *owner)
{
	struct stat st;

	if (lstat(dir, &st) < 0 || st.st_uid == geteuid())
		return false;
	*owner = st.st_uid;
	return true;
}

/* Whose it is has an engine that may run there: nothing is taken from it. */
static void
say_another(const char *dir, uid_t owner, const char *setting, struct said *said)
{
	said_fail(said, "%s belongs to uid %ld, not to us (%ld)", dir, (long)owner,
	    (long)geteuid());
	said_do(said, "run doctor as uid %ld, or set %s to a directory of yours",
	    (long)owner, setting);
}

/* ---- the key ---- */

static void
look_ssh_agent(struct pen *pen)
{
	const char *sock = getenv("SSH_AUTH_SOCK");
	struct said said = {0};
	struct err err;
	int fd;

	if (!sock || sock[0] != '/') {
		said_fail(
		    &said, "key_path is \"agent\", and SSH_AUTH_SOCK names no socket");
		said_run(&said, "eval \"$(ssh-agent)\"; ssh-add");
	} else if ((fd = ssh_agent_open(sock, clock_mono_ms() + AGENT_MS, &err)) < 0) {
		said_err(&said, RESULT_FAIL, &err, "ssh-add, then doctor again");
	} else {
		close(fd);
		said_pass(&said, "your ssh-agent's, at %s: it holds keys", sock);
		js_set_str(said_values(&said), "kind", "agent");
	}
	pen_put(pen, CHECK_KEY, &said);
}

static void
say_key(const char *path, const struct secret *key, struct said *said)
{
	char type[FINGERPRINT_TYPE_MAX], print[FINGERPRINT_MAX];
	char *real = realpath(path, NULL);
	struct stat st = {0};

	stat(path, &st);
	said_pass(said, "%s", path);
	if (real && strcmp(real, path) != 0)
		said_more(said, " (%s, %s)", real,
		    strstr(real, "/..") ? "a mounted secret" : "by a link");
	said_more(said, ", mode %04o", (unsigned)(st.st_mode & 07777));
	js_set_str(said_values(said), "kind", "file");
	if (fingerprint_of_private(secret_text(key), type, print)) {
		said_more(said, ", %s %s", type, print);
		js_set_str(said->values, "type", type);
		js_set_str(said->values, "fingerprint", print);
	}
	free(real);
}

void
look_key(struct pen *pen, const struct options *o)
{
	struct secret *key;
	struct said said = {0};
	struct err err;
	uid_t owner;

	if (looks_engine_of(o, &owner))
		pen_note(pen, (int64_t)owner); /* what it has learnt is not ours either */
	if (strcmp(o->key_path, "agent") == 0) {
		look_ssh_agent(pen);
		return;
	}
	if (looks_not_ours(o, o->key_path, "key_path", &said)) {
		pen_put(pen, CHECK_KEY, &said);
		return;
	}
	key = secret_load_key(o->key_path, &err);
	if (key && remote_check_key(key, o->key_path, &err) == 0)
		say_key(o->key_path, key, &said);
	else
		said_err(&said, RESULT_FAIL, &err,
		    "look at that file, or name another one: key_path in breakglass.conf");
	secret_free(key);
	pen_put(pen, CHECK_KEY, &said);
}

/* ---- the run directory ---- */

/* What is not there is made by the engine, if it can. */
static void
can_be_made(const char *dir, const char *setting, struct said *said)
{
	char *above = looks_above(dir), word[SAID_WORD_MAX];

	if (access(above, W_OK | X_OK) == 0)
		said_pass(said, "%s is not there yet: the engine makes it", dir);
	else {
		said_fail(said, "%s cannot be made: %s is not writable by uid %ld", dir,
		    above, (long)geteuid());
		said_do(said,
		    "sudo install -d -m 700 -o %ld %s, or set %s to a directory of yours",
		    (long)geteuid(), said_word(dir, word), setting);
	}
	free(above);
}

void
look_run_dir(struct pen *pen, const struct options *o)
{
	char *dir = options_run_dir(o);
	struct said said = {0};
	struct stat st;
	struct err err;
	uid_t owner = geteuid();
	gid_t gid;

	if (strlen(dir) + strlen(SOCKET_BELOW) > FD_SOCKET_PATH_MAX) {
		said_fail(&said, "%s is too long a path for sockets", dir);
		said_do(&said, "set run_dir to one of at most %zu bytes",
		    (size_t)FD_SOCKET_PATH_MAX - strlen(SOCKET_BELOW));
	} else if (rundir_group(o->operators_group, &gid, &err) < 0 ||
	    rundir_check(dir, gid, &owner, &err) < 0) {
		if (geteuid() == 0 && looks_another(dir, &owner))
			say_another(dir, owner, "run_dir", &said);
		else
			said_err(&said, RESULT_FAIL, &err,
			    "set run_dir to a directory of yours");
	} else if (lstat(dir, &st) < 0)
		can_be_made(dir, "run_dir", &said);
	else if (owner == geteuid() && gid == RUNDIR_NO_GROUP &&
	    rundir_make(dir, gid, &err) < 0) /* it is there: it is only looked at */
		said_err(&said, RESULT_FAIL, &err, "set run_dir to a directory of yours");
	else if (owner != geteuid())
		said_pass(&said,
		    "%s is uid %ld's, whose engine you reach by your group; key and journal are "
		    "that uid's: doctor is best run by it",
		    dir, (long)owner);
	else
		said_pass(&said, "%s, mode %04o", dir, (unsigned)(st.st_mode & 07777));
	pen_put(pen, CHECK_RUN_DIR, &said);
	free(dir);
}

/* ---- the journal's directory and its disk ---- */

/* As the engine asks of it; it is not made here. */
static bool
is_sound(const char *dir, bool own, struct said *said)
{
	char word[SAID_WORD_MAX];
	struct stat st;

	said_word(dir, word);
	if (lstat(dir, &st) < 0)
		return true;
	if (!S_ISDIR(st.st_mode)) {
		said_fail(said, "%s is not a directory", dir);
		said_do(said, "mv %s elsewhere: the engine makes the directory", word);
	} else if (st.st_uid != geteuid() && (own || st.st_uid != 0)) {
		say_another(dir, st.st_uid, "sessions_dir", said);
	} else if (own && (st.st_mode & 077)) {
		said_fail(said, "%s is open to others (mode %04o)", dir,
		    (unsigned)(st.st_mode & 07777));
		said_run(said, "chmod 700 %s", word);
	} else if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX)) {
		said_fail(said, "others can write in %s (mode %04o)", dir,
		    (unsigned)(st.st_mode & 07777));
		said_run(said, "chmod go-w %s", word);
	} else
		return true;
	return false;
}

static void
look_sessions(struct pen *pen, const char *dir)
{
	char *incidents = mem_printf("%s/incidents", dir);
	struct said said = {0};
	struct stat st;

	if (is_sound(dir, false, &said) && is_sound(incidents, true, &said)) {
		if (lstat(dir, &st) < 0)
			can_be_made(dir, "sessions_dir", &said);
		else
			said_pass(
			    &said, "%s, mode %04o", dir, (unsigned)(st.st_mode & 07777));
	}
	pen_put(pen, CHECK_SESSIONS, &said);
	free(incidents);
}

/*
 * A file without a name is written and synced; 0, or an errno.  Where the disk hangs this
 * process ends in the sync, and nothing of it may be left.
 */
static int
try_write(const char *dir, int64_t *ms)
{
	char *path = mem_printf("%s/.doctor-XXXXXX", dir);
	char block[PROBE_BYTES] = {0};
	int64_t began = clock_mono_ms();
	int fd = mkostemp(path, O_CLOEXEC), rc = fd < 0 ? errno : 0;

	if (fd >= 0) {
		unlink(path);
		if (fd_write_all(fd, block, sizeof block) < 0 || fsync(fd) < 0)
			rc = errno;
		close(fd);
	}
	*ms = clock_mono_ms() - began;
	free(path);
	return rc;
}

/* Ours holds what we drill and learn; what a recovery writes is not in it. */
static void
look_no_disk(struct pen *pen, uid_t owner)
{
	static const enum check checks[] = {CHECK_SESSIONS, CHECK_DISK};
	struct said said = {0};

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		said_skip(&said,
		    "the journal is kept by the engine of uid %ld, where that one may write: "
		    "sudo -u '#%ld' breakglass doctor",
		    (long)owner, (long)owner);
		pen_put(pen, checks[i], &said);
	}
}

void
look_disk(struct pen *pen, const struct options *o)
{
	char *at = looks_above(o->sessions_dir);
	struct disk_facts f = {.dir = o->sessions_dir, .free_inodes = -1};
	struct said said = {0};
	struct statvfs v;
	uid_t owner, other;

	if (looks_engine_of(o, &owner) && !looks_another(o->sessions_dir, &other)) {
		look_no_disk(pen, owner);
		free(at);
		return;
	}
	look_sessions(pen, o->sessions_dir);
	f.there = strcmp(at, o->sessions_dir) == 0;
	if (statvfs(at, &v) == 0) {
		f.free_bytes = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
		f.free_inodes = v.f_files ? (int64_t)v.f_favail : -1;
	}
	if (f.there)
		f.write_errno = try_write(at, &f.fsync_ms);
	judge_disk(&f, &said);
	pen_put(pen, CHECK_DISK, &said);
	free(at);
}

/* ---- nothing that a recovery needs lies on another machine's disk ---- */

static const char *
network_of(long type)
{
	switch ((unsigned long)type & 0xffffffffu) {
	case 0x6969:
		return "NFS";
	case 0x517b:
	case 0xff534d42:
	case 0xfe534d42:
		return "SMB";
	case 0x00c36400:
		return "Ceph";
	case 0x5346414f:
		return "AFS";
	case 0x0bd00bd0:
		return "Lustre";
	case 0x01021997:
		return "9p";
	case 0x65735546:
		return "FUSE";
	default:
		return NULL;
	}
}

void
look_local(struct pen *pen, const struct options *o)
{
	char *run = options_run_dir(o);
	const char *const paths[] = {o->key_path, run, o->sessions_dir,
	    doctor_libexec_dir(o), doctor_data_dir(o), o->pve_hostkey, o->devvm_hostkey};
	struct said said = {0};
	bool bad = false;

	said_pass(&said, "key, programs, sockets and journal");
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		char *at = paths[i][0] == '/' ? looks_above(paths[i]) : NULL;
		const char *net;
		struct statfs fs;

		net = at && statfs(at, &fs) == 0 ? network_of((long)fs.f_type) : NULL;
		if (net && !bad)
			said_warn(
			    &said, "%s lies on %s: gone when that is", paths[i], net);
		else if (net)
			said_more(&said, "; %s on %s", paths[i], net);
		bad = bad || net;
		free(at);
	}
	if (bad)
		said_do(&said, "put them on a disk of this machine");
	pen_put(pen, CHECK_LOCAL, &said);
	free(run);
}
