/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The run directory of an engine, its lock and its socket: what is found there, and
 * what becomes of it behind the engine's back.
 *
 * The linker puts the functions below between the program and the C library; a call for
 * a path or a file of the test's own goes wrong when the test says so.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/rundir.h"
#include "engine/place.h"
#include "heap.h"
#include "scratch.h"
#include "zero.h"

static struct {
	const char *call; /* this one fails, of those whose turn it is */
	int after, times, error;
	const char *of;	    /* lstat: of this path's end; NULL: any */
	uid_t uid;	    /* stat: added to the owner */
	dev_t dev;	    /* lstat: added to the device */
	mode_t mode;	    /* lstat: instead of the mode, where it is not 0 */
	const char *remove; /* flock: this file goes before it */
	int pid;	    /* of a peer, where it is not 0 */
} site;
static int polls;

static bool
strikes(const char *call)
{
	if (!site.call || strcmp(site.call, call) != 0)
		return false;
	if (site.after > 0) {
		site.after--;
		return false;
	}
	if (site.times <= 0)
		return false;
	site.times--;
	errno = site.error;
	return true;
}

int __real_lstat(const char *path, struct stat *st);
int __real_fstat(int fd, struct stat *st);
int __real_flock(int fd, int how);
int __real_open(const char *path, int flags, ...);
int __real_ftruncate(int fd, off_t len);
ssize_t __real_pwrite(int fd, const void *from, size_t len, off_t at);
ssize_t __real_pread(int fd, void *to, size_t len, off_t at);
int __real_lchown(const char *path, uid_t uid, gid_t gid);
int __real_chmod(const char *path, mode_t mode);
int __real_unlink(const char *path);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __real_poll(void *fds, unsigned long n, int ms);

int __wrap_lstat(const char *path, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_flock(int fd, int how);
int __wrap_open(const char *path, int flags, ...);
int __wrap_ftruncate(int fd, off_t len);
ssize_t __wrap_pwrite(int fd, const void *from, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t len, off_t at);
ssize_t __wrap___pread_chk(int fd, void *to, size_t len, off_t at, size_t room);
int __wrap_lchown(const char *path, uid_t uid, gid_t gid);
int __wrap_chmod(const char *path, mode_t mode);
int __wrap_unlink(const char *path);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_poll(void *fds, unsigned long n, int ms);

static bool
ends(const char *path, const char *with)
{
	size_t a = strlen(path), b = with ? strlen(with) : 0;

	return a >= b && strcmp(path + a - b, with ? with : "") == 0;
}

int
__wrap_lstat(const char *path, struct stat *st)
{
	bool meant = ends(path, site.of);

	if (meant && strikes("lstat"))
		return -1;
	if (__real_lstat(path, st) < 0)
		return -1;
	if (meant && site.of) {
		st->st_uid += site.uid;
		st->st_dev += site.dev;
		if (site.mode)
			st->st_mode = site.mode;
	}
	return 0;
}

int
__wrap_fstat(int fd, struct stat *st)
{
	if (strikes("fstat"))
		return -1;
	if (__real_fstat(fd, st) < 0)
		return -1;
	if (!site.of)
		st->st_uid += site.uid;
	return 0;
}

int
__wrap_flock(int fd, int how)
{
	if (site.remove) {
		const char *path = site.remove;

		site.remove = NULL;
		cr_assert_eq(__real_unlink(path), 0);
	}
	return strikes("flock") ? -1 : __real_flock(fd, how);
}

int
__wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	return strikes("open") ? -1 : __real_open(path, flags, mode);
}

int
__wrap_ftruncate(int fd, off_t len)
{
	return strikes("ftruncate") ? -1 : __real_ftruncate(fd, len);
}

ssize_t
__wrap_pwrite(int fd, const void *from, size_t len, off_t at)
{
	if (strikes("pwrite"))
		return site.error ? -1 : 0;
	return __real_pwrite(fd, from, len, at);
}

ssize_t
__wrap_pread(int fd, void *to, size_t len, off_t at)
{
	return strikes("pread") ? -1 : __real_pread(fd, to, len, at);
}

ssize_t
__wrap___pread_chk(int fd, void *to, size_t len, off_t at, size_t room)
{
	return __wrap_pread(fd, to, len, at);
}

int
__wrap_lchown(const char *path, uid_t uid, gid_t gid)
{
	return strikes("lchown") ? -1 : __real_lchown(path, uid, gid);
}

int
__wrap_chmod(const char *path, mode_t mode)
{
	return strikes("chmod") ? -1 : __real_chmod(path, mode);
}

int
__wrap_unlink(const char *path)
{
	return strikes("unlink") ? -1 : __real_unlink(path);
}

int
__wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	if (name == SO_PEERCRED && strikes("peer"))
		return -1;
	if (__real_getsockopt(fd, level, name, value, len) < 0)
		return -1;
	if (name == SO_PEERCRED && site.pid)
		((struct ucred *)value)->pid = site.pid < 0 ? 0 : site.pid;
	return 0;
}

int
__wrap_poll(void *fds, unsigned long n, int ms)
{
	polls += n == 0;
	return __real_poll(fds, n, ms);
}

static void
fails_next(const char *call, int after, int error)
{
	site.call = call;
	site.after = after;
	site.times = 1;
	site.error = error;
}

static struct place place;
static struct err err;
static int fds;

static void
begin(void)
{
	fds = open_fds();
	memset(&place, 0xff, sizeof place);
	place_init(&place, mem_printf("%s/run", scratch()));
}

static void
end(void)
{
	memset(&site, 0, sizeof site);
	place_close(&place);
	place_fini(&place);
	AT_END(open_fds() == fds, "a descriptor is left open");
}

TestSuite(place, .init = begin, .fini = end, .timeout = 30);

static void
taken(void)
{
	cr_assert_eq(place_take(&place, "", &err), 0, "%s", err.words);
	cr_assert_geq(place.lock_fd, 0);
}

static void
refused(enum err_code code, const char *words)
{
	memset(&err, 0, sizeof err);
	cr_assert_eq(place_take(&place, "", &err), -1);
	cr_assert_eq(place.lock_fd, -1);
	cr_assert_eq(err.code, code, "%s", err.words);
	cr_assert(strstr(err.words, words), "%s", err.words);
}

static int
listens(void)
{
	int fd = place_listen(&place, &err);

	cr_assert_geq(fd, 0, "%s", err.words);
	return fd;
}

static void
does_not_listen(enum err_code code, const char *words)
{
	memset(&err, 0, sizeof err);
	cr_assert_eq(place_listen(&place, &err), -1);
	cr_assert_eq(err.code, code, "%s", err.words);
	cr_assert(strstr(err.words, words), "%s", err.words);
}

/* A lock as another engine holds it: by another open of the file. */
static int
other_lock(void)
{
	int fd = open(place.lock, O_RDWR | O_CREAT, 0600);

	cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	return fd;
}

Test(place, begins_with_nothing)
{
	cr_assert(place.dev == 0 && place.ino == 0);
	cr_assert_eq(place.lock_fd, -1);
	cr_assert_eq(place.gid, RUNDIR_NO_GROUP);
}

static void
one_life(void)
{
	struct place p;
	int fd;

	place_init(&p, mem_dup(place.dir));
	cr_assert_eq(place_take(&p, "", &err), 0, "%s", err.words);
	fd = place_listen(&p, &err);
	cr_assert_geq(fd, 0);
	close(fd);
	place_close(&p);
	place_fini(&p);
}

Test(place, what_it_took_it_gives_back)
{
	GIVES_BACK(one_life());
}

Test(place, is_made_and_locked_with_our_pid_in_it)
{
	char text[32] = "", want[32];
	struct stat st;
	int fd;

	taken();
	cr_assert_eq(stat(place.dir, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0700);
	cr_assert_eq(stat(place.lock, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	fd = open(place.lock, O_RDWR);
	cr_assert_gt(read(fd, text, sizeof text - 1), 0);
	snprintf(want, sizeof want, "%ld\n", (long)getpid());
	cr_assert_str_eq(text, want);
	cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), -1);
	close(fd);
}

Test(place, what_is_no_lock_of_an_engine_ends_the_start)
{
	char other[64];
	int fd;

	cr_assert_eq(mkdir(place.dir, 0700), 0);
	cr_assert_eq(symlink("/tmp/elsewhere", place.lock), 0);
	refused(ERR_DENIED, "is a link or a directory");
	cr_assert_eq(unlink(place.lock), 0);
	cr_assert_eq(mkdir(place.lock, 0700), 0);
	refused(ERR_DENIED, "is a link or a directory");
	cr_assert_eq(rmdir(place.lock), 0);
	cr_assert_eq(mkfifo(place.lock, 0600), 0);
	refused(ERR_DENIED, "is not as an engine makes it");
	cr_assert_eq(unlink(place.lock), 0);
	for (mode_t bit = 1; bit < 0100; bit <<= 1) {
		fd = open(place.lock, O_RDWR | O_CREAT, 0600);
		cr_assert_eq(fchmod(fd, 0600 | bit), 0);
		close(fd);
		refused(ERR_DENIED, "is not as an engine makes it");
		snprintf(other, sizeof other, "mode %04o,", 0600 | bit);
		cr_assert(strstr(err.words, other), "%s", err.words);
	}
	cr_assert_eq(chmod(place.lock, 0600), 0);
	snprintf(other, sizeof other, "%s.name", place.lock);
	cr_assert_eq(link(place.lock, other), 0);
	refused(ERR_DENIED, "2 names): rm ");
	cr_assert_eq(unlink(other), 0);
	site.uid = 5;
	refused(ERR_DENIED, "is not as an engine makes it");
	site.uid = 0;
	fails_next("fstat", 0, EIO);
	refused(ERR_SYSTEM, "look at ");
	fails_next("open", 0, EROFS);
	refused(ERR_SYSTEM, "open ");
	taken();
}

Test(place, a_lock_that_cannot_be_written_is_none)
{
	fails_next("ftruncate", 0, EIO);
	refused(ERR_SYSTEM, "write ");
	fails_next("pwrite", 0, ENOSPC);
	refused(ERR_SYSTEM, "write ");
	fails_next("pwrite", 0, 0);
	refused(ERR_SYSTEM, "write ");
	taken();
}

Test(place, the_directory_must_be_ours)
{
	cr_assert_eq(place_take(&place, "no-such-group-here", &err), -1);
	cr_assert_eq(err.code, ERR_DENIED);
	cr_assert_eq(place.lock_fd, -1);
	cr_assert_eq(mkdir(place.dir, 0700), 0);
	cr_assert_eq(chmod(place.dir, 0755), 0);
	refused(ERR_DENIED, "chmod 700 ");
	cr_assert_eq(chmod(place.dir, 0700), 0);
	taken();
}

Test(place, one_that_is_just_leaving_is_waited_for)
{
	int zero;

	fails_next("flock", 0, EWOULDBLOCK);
	site.times = 3;
	taken();
	cr_assert_eq(polls, 3);
	close(place.lock_fd);
	zero = zero_free();
	fails_next("flock", 0, EWOULDBLOCK);
	taken();
	cr_assert_eq(polls, 4);
	close(place.lock_fd);
	place.lock_fd = -1;
	zero_back(zero); /* it was opened once */
}

Test(place, a_lock_that_nobody_lets_go_of_is_told_with_what_stands_in_it)
{
	int64_t began = clock_mono_ms();
	int fd;

	cr_assert_eq(mkdir(place.dir, 0700), 0);
	fd = other_lock();
	cr_assert_eq(write(fd, "4711\nmore", 9), 9);
	refused(ERR_BUSY, "(pid 4711)");
	cr_assert_geq(clock_mono_ms() - began, 5900);
	close(fd);
}

Test(place, an_engine_that_listens_is_told_at_once)
{
	struct place other;
	char pid[64];
	int fd, sock;

	cr_assert_eq(mkdir(place.dir, 0700), 0);
	place_init(&other, mem_dup(place.dir));
	cr_assert_eq(place_take(&other, "", &err), 0);
	sock = place_listen(&other, &err);
	cr_assert_geq(sock, 0);
	snprintf(pid, sizeof pid, "(pid %ld)", (long)getpid());
	refused(ERR_BUSY, pid);
	cr_assert_eq(polls, 0);
	site.pid = 4712;
	refused(ERR_BUSY, "(pid 4712)");
	/* whose peer says nothing of itself: its lock does */
	site.pid = -1;
	snprintf(pid, sizeof pid, "(pid %ld)", (long)getpid());
	refused(ERR_BUSY, pid);
	cr_assert_eq(polls, 0, "it listens all the same");
	site.pid = 0;
	fails_next("peer", 0, EIO);
	site.times = 2;
	refused(ERR_BUSY, pid);
	site.pid = -1;
	fails_next("pread", 0, EIO);
	refused(ERR_BUSY, "(pid )");
	site.pid = 0;
	/* its lock was removed, and it has not seen that yet */
	cr_assert_eq(unlink(place.lock), 0);
	refused(ERR_BUSY, "an engine runs already");
	fd = other_lock();
	close(fd);
	close(sock);
	place_close(&other);
	place_fini(&other);
	taken();
}

Test(place, a_lock_that_goes_away_meanwhile_is_made_anew)
{
	struct stat a, b;

	site.remove = place.lock;
	taken();
	cr_assert_eq(fstat(place.lock_fd, &a), 0);
	cr_assert_eq(stat(place.lock, &b), 0);
	cr_assert_eq(a.st_ino, b.st_ino);
}

Test(place, a_lock_that_cannot_be_found_again_is_taken_anew)
{
	static const char *const how[] = {"fstat", "lstat"};

	for (int i = 0; i < 2; i++) {
		site.of = "engine.lock";
		fails_next(
		    how[i], i == 0 ? 1 : 0, EIO); /* the first fstat is check_lock's */
		taken();
		cr_assert_eq(site.times, 0);
		close(place.lock_fd);
		place.lock_fd = -1;
	}
}

Test(place, the_socket_is_ours_alone)
{
	struct stat st;
	int fd;

	taken();
	fd = listens();
	cr_assert_eq(lstat(place.socket, &st), 0);
	cr_assert(S_ISSOCK(st.st_mode));
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert(place.ino == st.st_ino && place.dev == st.st_dev);
	close(fd);
	fd = listens(); /* a dead engine's lies there */
	close(fd);
	place_close(&place);
	cr_assert_eq(lstat(place.socket, &st), -1);
	place_close(&place);
}

Test(place, what_lies_there_and_is_no_socket_is_left_alone)
{
	struct stat st;

	taken();
	cr_assert_eq(mkdir(place.socket, 0700), 0);
	does_not_listen(ERR_DENIED, "is not a socket: rm -r ");
	cr_assert_eq(lstat(place.socket, &st), 0);
	cr_assert_eq(rmdir(place.socket), 0);
	close(listens());
	fails_next("unlink", 0, EROFS);
	does_not_listen(ERR_SYSTEM, "remove ");
}

Test(place, a_socket_that_did_not_become_ours_is_taken_away)
{
	struct stat st;
	char away[80];
	int zero;

	taken();
	site.of = "console.sock";
	fails_next("lstat", 1, EIO);
	does_not_listen(ERR_SYSTEM, "look at ");
	cr_assert_eq(__real_lstat(place.socket, &st), -1);
	site.uid = 3;
	does_not_listen(ERR_DENIED, "did not become a socket of ours with mode 0600");
	zero = zero_free();
	does_not_listen(ERR_DENIED, "did not become a socket of ours with mode 0600");
	zero_back(zero);
	site.uid = 0;
	site.mode = S_IFSOCK | 0660;
	does_not_listen(ERR_DENIED, "did not become a socket of ours");
	site.mode = 0;
	close(listens());
	cr_assert_eq(unlink(place.socket), 0);
	site.mode = S_IFREG | 0600; /* only once it is made: there was nothing before */
	does_not_listen(ERR_DENIED, "did not become a socket of ours");
	site.mode = 0;
	snprintf(away, sizeof away, "%s/gone", scratch_dir);
	cr_assert_eq(rename(place.dir, away), 0);
	does_not_listen(ERR_SYSTEM, "listen on ");
}

Test(place, the_operators_group_gets_the_socket)
{
	char group[16];
	struct stat st;

	snprintf(group, sizeof group, "%ld", (long)getegid());
	cr_assert_eq(place_take(&place, group, &err), 0, "%s", err.words);
	cr_assert_eq(place.gid, getegid());
	close(listens());
	cr_assert_eq(lstat(place.socket, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0660);
	cr_assert_eq(st.st_gid, getegid());
	fails_next("lchown", 0, EPERM);
	does_not_listen(ERR_SYSTEM, "to group ");
	fails_next("chmod", 0, EPERM);
	does_not_listen(ERR_SYSTEM, "to group ");
	site.of = "console.sock";
	site.mode = S_IFSOCK | 0600;
	does_not_listen(ERR_DENIED, "with mode 0660");
}

Test(place, a_look_finds_what_was_removed)
{
	char away[80];
	int fd;

	taken();
	fd = listens();
	cr_assert_eq(place_look(&place, &err), PLACE_FINE);
	site.of = "console.sock";
	site.dev = 1;
	cr_assert_eq(place_look(&place, &err), PLACE_AGAIN, "the same number elsewhere");
	site.dev = 0;
	site.of = "engine.lock";
	site.dev = 1;
	cr_assert_eq(place_look(&place, &err), PLACE_TAKEN, "it is locked, by us");
	cr_assert_eq(err.code, ERR_BUSY);
	site.dev = 0;
	cr_assert_eq(unlink(place.socket), 0);
	cr_assert_eq(place_look(&place, &err), PLACE_AGAIN);
	cr_assert_eq(symlink("/tmp", place.socket), 0);
	cr_assert_eq(place_look(&place, &err), PLACE_AGAIN);
	cr_assert_eq(unlink(place.socket), 0);
	close(fd);
	fd = listens();
	cr_assert_eq(place_look(&place, &err), PLACE_FINE);
	cr_assert_eq(unlink(place.lock), 0);
	close(fd);
	cr_assert_eq(unlink(place.socket), 0);
	cr_assert_eq(place_look(&place, &err), PLACE_AGAIN, "%s", err.words);
	cr_assert_eq(access(place.lock, F_OK), 0);
	fd = listens();
	cr_assert_eq(place_look(&place, &err), PLACE_FINE);
	cr_assert_eq(unlink(place.lock), 0);
	cr_assert_eq(mkdir(place.lock, 0700), 0);
	cr_assert_eq(place_look(&place, &err), PLACE_BROKEN);
	cr_assert_eq(rmdir(place.lock), 0);
	snprintf(away, sizeof away, "%s/away", scratch_dir);
	cr_assert_eq(rename(place.dir, away), 0);
	cr_assert_eq(symlink("/tmp", place.dir), 0);
	cr_assert_eq(place_look(&place, &err), PLACE_BROKEN);
	cr_assert_eq(err.code, ERR_DENIED);
	cr_assert_eq(unlink(place.dir), 0);
	cr_assert_eq(place_look(&place, &err), PLACE_AGAIN, "all of it is made anew");
	close(fd);
	close(listens());
}

Test(place, only_our_own_socket_is_taken_away)
{
	struct stat st;
	char other[80];
	int fd;

	taken();
	fd = listens();
	snprintf(other, sizeof other, "%s/other", scratch_dir);
	cr_assert_eq(rename(place.socket, other), 0);
	close(open(place.socket, O_CREAT | O_WRONLY, 0600));
	place_close(&place);
	cr_assert_eq(lstat(place.socket, &st), 0, "it is another's");
	cr_assert_eq(place.ino, 0);
	cr_assert_eq(unlink(place.socket), 0);
	close(fd);
	fd = listens();
	site.of = "console.sock";
	site.dev = 1;
	place_close(&place);
	cr_assert_eq(__real_lstat(place.socket, &st), 0);
	site.dev = 0;
	close(fd);
	fd = listens();
	fails_next("lstat", 0, EIO);
	place_close(&place);
	cr_assert_eq(__real_lstat(place.socket, &st), 0);
	close(fd);
}

Test(place, an_old_error_is_none_of_a_call_that_was_well)
{
	taken();
	close(listens());
	errno = EIO;
	close(listens());
}
