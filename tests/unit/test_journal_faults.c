/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_journal_faults.c: each system call that the journal makes fails once, or
 * from there on until the disk is well again.
 *
 * One incident is scripted over two engines.  The linker puts the functions below
 * between the engine and the C library (--wrap); they count the calls that mean a
 * journal, and the N-th one goes wrong.  N grows until the script ends without it.
 * After each: nobody crashed, whoever listened was told, and with the disk well
 * again every record that was told is in a file, once, in an unbroken chain.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "engine/record/incident.h"
#include "engine/remote/run.h"
#include "wire/chain.h"

#define FDS 1024
#define SHORT (-1) /* half of it, instead of an errno */
#define MARK "bg-faults-"

/* --- the disk --- */

static struct {
	atomic_int calls;
	int at, error;	 /* the at-th call goes wrong, with this */
	bool on;	 /* and all behind it, until it is well again */
	atomic_bool hit; /* it did */
	char what[24];	 /* and this was it */
	atomic_bool ours[FDS];
} disk;

static int
disk_fails(const char *what)
{
	int n = ++disk.calls;

	if (disk.at == 0 || n < disk.at || (n > disk.at && !disk.on))
		return 0;
	if (n == disk.at)
		snprintf(disk.what, sizeof disk.what, "%s", what);
	disk.hit = true;
	if (disk.error != SHORT)
		errno = disk.error;
	return disk.error;
}

static bool
is_ours(int fd)
{
	return fd >= 0 && fd < FDS && disk.ours[fd];
}

int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
int __real_fstat(int fd, struct stat *st);
int __real_flock(int fd, int how);
ssize_t __real_pread(int fd, void *to, size_t len, off_t at);
ssize_t __real_pwrite(int fd, const void *from, size_t len, off_t at);
int __real_ftruncate(int fd, off_t len);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
off_t __real_lseek(int fd, off_t at, int whence);
int __real_scandir(const char *dir, struct dirent ***names,
    int (*want)(const struct dirent *),
    int (*cmp)(const struct dirent **, const struct dirent **));

int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_flock(int fd, int how);
ssize_t __wrap_pread(int fd, void *to, size_t len, off_t at);
ssize_t __wrap___pread_chk(int fd, void *to, size_t len, off_t at, size_t room);
ssize_t __wrap_pwrite(int fd, const void *from, size_t len, off_t at);
int __wrap_ftruncate(int fd, off_t len);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
off_t __wrap_lseek(int fd, off_t at, int whence);
int __wrap_scandir(const char *dir, struct dirent ***names,
    int (*want)(const struct dirent *),
    int (*cmp)(const struct dirent **, const struct dirent **));

int
__wrap_open(const char *path, int flags, ...)
{
	bool ours = strstr(path, MARK) != NULL;
	va_list ap;
	int mode, fd;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	if (ours && disk_fails("open") > 0)
		return -1;
	fd = __real_open(path, flags, mode);
	if (fd >= 0 && fd < FDS)
		disk.ours[fd] = ours;
	return fd;
}

int
__wrap_close(int fd)
{
	bool ours = is_ours(fd);

	if (ours)
		disk.ours[fd] = false;
	if (__real_close(fd) < 0)
		return -1;
	return ours && disk_fails("close") > 0 ? -1 : 0;
}

int
__wrap_fstat(int fd, struct stat *st)
{
	return is_ours(fd) && disk_fails("fstat") > 0 ? -1 : __real_fstat(fd, st);
}

int
__wrap_flock(int fd, int how)
{
	return is_ours(fd) && disk_fails("flock") > 0 ? -1 : __real_flock(fd, how);
}

ssize_t
__wrap_pread(int fd, void *to, size_t len, off_t at)
{
	int error = is_ours(fd) ? disk_fails("pread") : 0;

	if (error > 0)
		return -1;
	return __real_pread(fd, to, error == SHORT && len > 1 ? len / 2 : len, at);
}

ssize_t
__wrap___pread_chk(int fd, void *to, size_t len, off_t at, size_t room)
{
	return __wrap_pread(fd, to, len, at);
}

ssize_t
__wrap_pwrite(int fd, const void *from, size_t len, off_t at)
{
	int error = is_ours(fd) ? disk_fails("pwrite") : 0;

	/* A disk that is full takes what still fits. */
	if (error == ENOSPC && len > 1 && __real_pwrite(fd, from, len / 3, at) < 0)
		return -1;
	errno = error;
	if (error > 0)
		return -1;
	return __real_pwrite(fd, from, error == SHORT && len > 1 ? len / 2 : len, at);
}

int
__wrap_ftruncate(int fd, off_t len)
{
	return is_ours(fd) && disk_fails("ftruncate") > 0 ? -1
							  : __real_ftruncate(fd, len);
}

/* What was never synced may be gone after a sync that failed: here it always is. */
static void
disk_loses(int fd, off_t from)
{
	static const char zeros[4096];
	struct stat st;

	cr_assert_eq(__real_fstat(fd, &st), 0);
	while (from < st.st_size) {
		size_t n = sizeof zeros;

		if (st.st_size - from < (off_t)n)
			n = (size_t)(st.st_size - from);
		from += __real_pwrite(fd, zeros, n, from);
	}
}

int
__wrap_fdatasync(int fd)
{
	static struct {
		ino_t file;
		off_t size;
	} synced; /* a script writes one file at a time */
	struct stat st;

	if (!is_ours(fd))
		return __real_fdatasync(fd);
	cr_assert_eq(__real_fstat(fd, &st), 0);
	if (disk_fails("fdatasync") > 0) {
		if (disk.error != EINTR)
			disk_loses(fd, synced.file == st.st_ino ? synced.size : 0);
		errno = disk.error;
		return -1;
	}
	synced.file = st.st_ino;
	synced.size = st.st_size;
	return __real_fdatasync(fd);
}

int
__wrap_fsync(int fd)
{
	return is_ours(fd) && disk_fails("fsync") > 0 ? -1 : __real_fsync(fd);
}

off_t
__wrap_lseek(int fd, off_t at, int whence)
{
	return is_ours(fd) && disk_fails("lseek") > 0 ? -1 : __real_lseek(fd, at, whence);
}

int
__wrap_scandir(const char *dir, struct dirent ***names,
    int (*want)(const struct dirent *),
    int (*cmp)(const struct dirent **, const struct dirent **))
{
	return strstr(dir, MARK) && disk_fails("scandir") > 0
	    ? -1
	    : __real_scandir(dir, names, want, cmp);
}

/* Two incidents of one engine begin within a second, and chance does not tell them apart.
 */
static unsigned char engines;
ssize_t __wrap_getrandom(void *to, size_t len, unsigned flags);

ssize_t
__wrap_getrandom(void *to, size_t len, unsigned flags)
{
	memset(to, engines, len);
	return (ssize_t)len;
}

/* --- an engine's incident --- */

struct rig {
	uv_loop_t loop;
	uv_timer_t limit;
	struct incident *incident;
	struct runs *runs;
	bool ready, synced, memory;
	struct buf *told; /* every record that was told with an h */
};

static char where[64]; /* for the words of an assertion */

static void
on_release(struct line *l, void *arg)
{
	struct rig *r = arg;
	char h[CHAIN_HEX + 1];
	size_t body;

	if (chain_split(l->data, l->len - 1, &body, h))
		cr_assert_eq(buf_add(r->told, l->data, l->len), 0);
	if (memmem(l->data, l->len, "\"what\":\"journal\",\"state\":\"memory\"", 33))
		r->memory = true;
}

static void
on_found(const struct js *record, void *arg)
{
}

static void
on_ready(void *arg)
{
	((struct rig *)arg)->ready = true;
}

static void
on_sync(bool on_disk, const char *why, void *arg)
{
	((struct rig *)arg)->synced = true;
}

static const struct incident_events events = {on_release, on_found, on_ready, NULL};

static void
on_limit(uv_timer_t *t)
{
	cr_assert_fail("nothing came within 5 s: %s", where);
}

static void
rig_start(struct rig *r, const char *dir, struct buf *told)
{
	memset(r, 0, sizeof *r);
	engines--; /* 0xff first */
	r->told = told;
	uv_loop_init(&r->loop);
	uv_timer_init(&r->loop, &r->limit);
	uv_timer_start(&r->limit, on_limit, 5000, 0);
	r->incident = incident_new(&r->loop, dir, &events, r);
	r->runs = runs_new(&r->loop, r->incident);
	incident_start(r->incident);
	while (!r->ready)
		uv_run(&r->loop, UV_RUN_ONCE);
}

static void
rig_end(struct rig *r)
{
	runs_free(r->runs);
	incident_free(r->incident, 1000);
	uv_close((uv_handle_t *)&r->limit, NULL);
	while (uv_run(&r->loop, UV_RUN_NOWAIT))
		continue;
	cr_assert_eq(uv_loop_close(&r->loop), 0, "something was left open: %s", where);
}

static void
note(struct rig *r, const char *text)
{
	struct js *f = incident_fact(FACT_NOTE, "anna");

	js_set_str(f, "text", text);
	incident_emit(r->incident, FACT_NOTE, f);
}

static void
sync_it(struct rig *r)
{
	r->synced = false;
	incident_sync(r->incident, on_sync, r);
	while (!r->synced)
		uv_run(&r->loop, UV_RUN_ONCE);
}

static void
output(struct rig *r)
{
	struct run *run = run_begin(r->runs,
	    &(struct run_info){.asked = "agent",
		.by = "agent",
		.host = "devvm",
		.what = "cat",
		.what_len = 3});
	char block[3000];

	memset(block, 'x', sizeof block);
	run_output(run, 1, block, sizeof block);
	run_exit(run, 0);
}

/* The disk is well: all is written once it is asked to. */
static void
heal(struct rig *r)
{
	disk.on = false;
	sync_it(r);
	while (incident_pressure(r->incident) > 0 ||
	    incident_journal(r->incident) != JOURNAL_OK) {
		incident_retry(r->incident);
		uv_run(&r->loop, UV_RUN_ONCE);
	}
}

/* Returns whether the memory-only banner was seen where it could be. */
static bool
script(const char *dir, struct buf *told)
{
	struct rig r;
	bool memory;

	rig_start(&r, dir, told);
	note(&r, "a1");
	sync_it(&r);
	output(&r);
	note(&r, "a2");
	sync_it(&r);
	heal(&r);
	incident_close(r.incident, "anna", "done");
	note(&r, "b1");
	heal(&r);
	rig_end(&r);
	memory = r.memory;
	rig_start(&r, dir, told);
	note(&r, "b2");
	sync_it(&r);
	note(&r, "b3");
	heal(&r);
	rig_end(&r);
	return memory || r.memory;
}

/* --- what is in the files then --- */

struct found {
	struct buf all;
	int lines;
};

static void
look_at_line(const char *line, size_t len, char *head, uint64_t *seq)
{
	char h[CHAIN_HEX + 1];
	size_t body;

	cr_assert(chain_split(line, len, &body, h), "a line without h: %s: %.*s", where,
	    (int)len, line);
	chain_next(head, line, body);
	cr_assert_str_eq(head, h, "the chain: %s: %.*s", where, (int)len, line);
	cr_assert_eq(journal_line_seq(line, len), *seq + 1, "a gap: %s: %.*s", where,
	    (int)len, line);
	++*seq;
}

static void
look_at_file(const char *path, struct found *f)
{
	char head[CHAIN_HEX + 1], *text, *p, *lf;
	uint64_t seq = 0;
	struct err err;
	size_t len;

	text = fd_read_file(path, 16 * 1024 * 1024, &len, &err);
	cr_assert_not_null(text, "%s: %s", where, err.words);
	chain_begin(head);
	for (p = text; (lf = memchr(p, '\n', len - (size_t)(p - text))) != NULL;
	     p = lf + 1) {
		look_at_line(p, (size_t)(lf - p), head, &seq);
		f->lines++;
	}
	cr_assert_eq(p, text + len, "a torn end: %s", where);
	cr_assert_eq(buf_add(&f->all, text, len), 0);
	free(text);
}

static void
look_at_all(const char *dir, const struct buf *told)
{
	static const char *const notes[] = {"a1", "a2", "b1", "b2", "b3"};
	char sub[128], path[400], needle[32];
	struct found f = {0};
	struct dirent *d;
	DIR *all;

	snprintf(sub, sizeof sub, "%s/incidents", dir);
	buf_init(&f.all, 16 * 1024 * 1024);
	all = opendir(sub);
	cr_assert_not_null(all, "%s", where);
	while ((d = readdir(all)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", sub, d->d_name);
		if (d->d_name[0] != '.')
			look_at_file(path, &f);
		if (d->d_name[0] != '.')
			unlink(path);
	}
	closedir(all);
	for (const char *p = buf_str(told), *lf; (lf = strchr(p, '\n')); p = lf + 1)
		cr_assert(memmem(f.all.data, f.all.len, p, (size_t)(lf - p)),
		    "told, but in no file: %s: %.*s", where, (int)(lf - p), p);
	for (size_t i = 0; i < 5; i++) {
		snprintf(needle, sizeof needle, "\"text\":\"%s\"", notes[i]);
		cr_assert(strstr(buf_str(&f.all), needle), "%s: no %s", where, needle);
		cr_assert_null(strstr(strstr(f.all.data, needle) + 1, needle),
		    "%s: %s twice", where, needle);
	}
	rmdir(sub);
	buf_fini(&f.all);
}

static bool
banner_is_due(int error)
{
	static const char *const calls[] = {"pwrite", "fdatasync", "fsync"};

	for (size_t i = 0; i < 3; i++)
		if (strcmp(disk.what, calls[i]) == 0)
			return error != EINTR && error != SHORT;
	return false;
}

/* One run of the script; false: it needed fewer calls than that. */
static bool
fault(int error, int at, bool on)
{
	static const char *const tops[] = {"/dev/shm", "/tmp"};
	char dir[48];
	struct buf told;
	bool memory;

	snprintf(dir, sizeof dir, "%s/" MARK "XXXXXX", tops[access(tops[0], W_OK) < 0]);
	cr_assert_not_null(mkdtemp(dir));
	buf_init(&told, 16 * 1024 * 1024);
	snprintf(where, sizeof where, "call %d, errno %d%s", at, error,
	    on ? " until healed" : "");
	disk.calls = 0;
	disk.hit = false;
	disk.error = error;
	disk.on = on;
	disk.at = at;
	memory = script(dir, &told);
	disk.at = 0;
	snprintf(where + strlen(where), sizeof where - strlen(where), " (%s)", disk.what);
	look_at_all(dir, &told);
	if (disk.hit && banner_is_due(error))
		cr_expect(memory, "no banner: %s", where);
	buf_fini(&told);
	cr_assert_eq(rmdir(dir), 0, "%s: %s", dir, strerror(errno));
	return disk.hit;
}

static void
all_calls(int error, bool on)
{
	int at = 1;

	while (fault(error, at, on))
		at++;
	fprintf(
	    stderr, "# errno %d%s: %d calls\n", error, on ? " until healed" : "", at - 1);
	cr_expect_gt(at, 60, "the script has more calls than that");
}

Test(journal_faults, an_input_output_error_at_any_call_loses_nothing)
{
	all_calls(EIO, false);
	all_calls(EIO, true);
}

Test(journal_faults, a_full_disk_at_any_call_loses_nothing)
{
	all_calls(ENOSPC, false);
	all_calls(ENOSPC, true);
}

Test(journal_faults, an_interrupted_call_is_made_again)
{
	all_calls(EINTR, false);
}

Test(journal_faults, a_short_read_or_write_is_gone_on_with)
{
	all_calls(SHORT, false);
	all_calls(SHORT, true);
}
