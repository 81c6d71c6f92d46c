/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/prompt/recall.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "console/term/aside.h"

#define LIMIT_MS 2000	      /* a disk that takes longer is not asked again */
#define LOCK_TRIES 25	      /* milliseconds: a lock is held for less than one */
#define WAIT_MAX (192 * 1024) /* bytes that wait for the file, in memory */
/* A file is made anew when it is over what is kept by this much. */
#define SLACK_BYTES (64 * 1024)
#define SLACK_ENTRIES 250

struct recall {
	char *path;
	char why[200];
	bool hung;	    /* its disk: not asked again */
	struct buf waiting; /* escaped lines that are not in the file */
};

struct recall *
recall_new(const char *path)
{
	struct recall *r = mem_alloc(sizeof *r);

	if (path && path[0])
		r->path = mem_dup(path);
	buf_init(&r->waiting, WAIT_MAX);
	return r;
}

const char *
recall_why(const struct recall *r)
{
	return r->why;
}

bool
recall_wants(const char *text)
{
	return text[0] && text[0] != ' ' && text[0] != '\t' && text[0] != '\n';
}

/* --- lines of the file --- */

/* "a\b" and a line end become "a\\b\n"; what is no text is left out. */
static int
escape(struct buf *out, const char *text)
{
	for (; *text; text++) {
		const char *as = NULL;

		if (*text == '\n')
			as = "\\n";
		else if (*text == '\\')
			as = "\\\\";
		else if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
			continue;
		if (as ? buf_add_str(out, as) < 0 : buf_add(out, text, 1) < 0)
			return -1;
	}
	return buf_add(out, "\n", 1);
}

/* In place; false: not a line that we have written. */
static bool
unescape(char *line)
{
	char *to = line;

	if (!text_is_utf8(line, strlen(line)))
		return false;
	for (const char *p = line; *p; p++) {
		if (*p == '\\') {
			p++;
			if (*p != 'n' && *p != '\\')
				return false;
			*to++ = *p == 'n' ? '\n' : '\\';
		} else if ((unsigned char)*p >= 0x20 || *p == '\t') {
			if (*p != 0x7f)
				*to++ = *p;
		}
	}
	*to = '\0';
	return recall_wants(line);
}

/* --- the file --- */

static int
refuse(struct recall *r, const char *why)
{
	if (strcmp(r->why, why) != 0)
		LOG("console", "%s is not used, what is typed is not kept: %s", r->path,
		    why);
	snprintf(r->why, sizeof r->why, "%s", why);
	return -1;
}

/* Ours alone, a file, and not through a link. */
static int
check(struct recall *r, int fd, struct stat *st)
{
	if (fstat(fd, st) < 0)
		return refuse(r, strerror(errno));
	if (!S_ISREG(st->st_mode))
		return refuse(r, "it is no file");
	if (st->st_uid != geteuid())
		return refuse(r, "it belongs to somebody else");
	if (st->st_nlink > 1)
		return refuse(r, "it has another name, too");
	if ((st->st_mode & 077) && fchmod(fd, 0600) < 0)
		return refuse(r, "others can read it");
	return 0;
}

/* Its folder is made where it is missing; one that others can write is not used. */
static int
check_folder(struct recall *r)
{
	char *dir = mem_dup(r->path), *slash = strrchr(dir, '/');
	struct err err = {0};
	int rc = 0;

	if (slash && slash != dir) {
		*slash = '\0';
		rc = fd_safe_dir(dir, &err);
	}
	free(dir);
	return rc < 0 ? refuse(r, err.words) : 0;
}

static int
open_file(struct recall *r, int flags, struct stat *st)
{
	int fd =
	    open(r->path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);

	if (fd < 0)
		return refuse(r, errno == ELOOP ? "it is a link" : strerror(errno));
	if (check(r, fd, st) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
lock(int fd, int tries)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (;;) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return 0; /* a file system without locks: better than nothing */
		if (--tries <= 0)
			return -1;
		nanosleep(&ms, NULL);
	}
}

/* Open and locked, and still the file of that name: another may have made it anew. */
static int
open_locked(struct recall *r, struct stat *st, int tries)
{
	if (check_folder(r) < 0)
		return -1;
	for (int i = 0; i < 4; i++) {
		int fd = open_file(r, O_RDWR | O_APPEND | O_CREAT, st);
		struct stat now;

		if (fd < 0)
			return -1;
		if (lock(fd, tries) < 0) { /* what waits is written the next time */
			close(fd);
			return tries > 1 ? refuse(r, "somebody holds its lock") : -1;
		}
		if (fstat(fd, st) == 0 && lstat(r->path, &now) == 0 &&
		    now.st_dev == st->st_dev && now.st_ino == st->st_ino)
			return fd;
		close(fd);
	}
	return refuse(r, "it changes all the time");
}

/* The end of the file, at most so much as is kept; what is cut goes. New string. */
static char *
read_end(int fd, off_t size)
{
	off_t from = size > RECALL_BYTES_MAX ? size - RECALL_BYTES_MAX : 0;
	char *text = mem_alloc(RECALL_BYTES_MAX + 1), *lf;
	size_t have = 0;
	ssize_t n;

	while (have < RECALL_BYTES_MAX &&
	    (n = pread(fd, text + have, RECALL_BYTES_MAX - have, from + (off_t)have)) > 0)
		have += (size_t)n;
	for (size_t i = 0; i < have; i++)
		if (text[i] == '\0')
			text[i] = '\x01';
	text[have] = '\0';
	if (from > 0) { /* the first line is half of one */
		lf = strchr(text, '\n');
		memmove(text, lf ? lf + 1 : text + have, strlen(lf ? lf + 1 : "") + 1);
	}
	return text;
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* The lines of it that are kept: the last ones. */
static char *
skip_old(char *text)
{
	for (size_t n = count_lines(text); n > RECALL_ENTRIES_MAX; n--)
		text = strchr(text, '\n') + 1;
	return text;
}

/* --- in a child --- */

struct errand {
	struct recall *r;
	int tries; /* 1 where a key waits for us */
};

/* "+" and a text, or "-" and why not. */
static void
answer(int out, const char *why, const char *text)
{
	const char *rest = why[0] ? why : text;

	if (fd_write_all(out, why[0] ? "-" : "+", 1) < 0 ||
	    fd_write_all(out, rest, strlen(rest)) < 0)
		return; /* nobody listens any more */
}

static void
load_there(void *arg, int out)
{
	struct errand *e = arg;
	struct stat st;
	char *text = NULL;
	int fd;

	e->r->why[0] = '\0';
	fd = access(e->r->path, F_OK) < 0 ? -1 : open_file(e->r, O_RDONLY, &st);
	if (fd >= 0)
		text = read_end(fd, st.st_size);
	answer(out, e->r->why, text ? text : "");
}

/* The child's answer without its sign, or NULL: r says why.  New string. */
static char *
ask(struct recall *r, aside_fn *fn, int tries)
{
	struct errand e = {r, tries};
	struct buf said;
	char *text = NULL;

	if (r->hung)
		return NULL;
	buf_init(&said, RECALL_BYTES_MAX + 512);
	if (aside_run(fn, &e, LIMIT_MS, &said) == ASIDE_LATE) {
		r->hung = true;
		refuse(r, "its disk does not answer");
	} else if (said.len == 0) {
		refuse(r, "no process can be started");
	} else if (said.data[0] == '+') {
		text = mem_dup(buf_str(&said) + 1);
	} else if (said.len > 1) {
		refuse(r, buf_str(&said) + 1);
	}
	buf_fini(&said);
	return text;
}

void
recall_load(struct recall *r, recall_fn *fn, void *arg)
{
	char *text, *line, *next;

	if (!r->path)
		return;
	text = ask(r, load_there, 1);
	if (!text)
		return;
	for (line = skip_old(text); *line; line = next) {
		next = strchr(line, '\n');
		if (!next)
			break; /* without an end: it is being written */
		*next++ = '\0';
		if (unescape(line))
			fn(line, arg);
	}
	free(text);
}

/* What is kept, in a new file in place of the old one, whose lock is held. */
static void
trim(const struct recall *r, int fd, off_t size)
{
	char *text = read_end(fd, size), *keep = skip_old(text), *path;
	int to;

	if (size <= RECALL_BYTES_MAX + SLACK_BYTES &&
	    count_lines(text) <= RECALL_ENTRIES_MAX + SLACK_ENTRIES) {
		free(text);
		return;
	}
	path = mem_printf("%s.%ld", r->path, (long)getpid());
	unlink(path); /* of one with our number, who is gone */
	to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to >= 0) {
		bool whole = fd_write_all(to, keep, strlen(keep)) == 0;

		if (close(to) < 0 || !whole || rename(path, r->path) < 0)
			unlink(path);
	}
	free(path);
	free(text);
}

static void
write_there(struct recall *r, int tries)
{
	struct stat st;
	char last = '\n';
	int fd;

	fd = open_locked(r, &st, tries);
	if (fd < 0)
		return;
	/* What a full disk has left of somebody's line is no part of ours. */
	if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n' &&
	    fd_write_all(fd, "\n", 1) < 0)
		last = '\0';
	if (last == '\0' || fd_write_all(fd, buf_str(&r->waiting), r->waiting.len) < 0) {
		refuse(r, strerror(errno));
		if (ftruncate(fd, st.st_size) < 0)
			LOG("console", "%s: %s", r->path, strerror(errno));
	} else {
		buf_clear(&r->waiting);
		r->why[0] = '\0';
		if (fstat(fd, &st) == 0)
			trim(r, fd, st.st_size);
	}
	close(fd);
}

static void
flush_there(void *arg, int out)
{
	struct errand *e = arg;
	bool written;

	e->r->why[0] = '\0';
	write_there(e->r, e->tries);
	written = e->r->waiting.len == 0;
	if (written || e->r->why[0])
		answer(out, e->r->why, "");
	else if (fd_write_all(out, "-", 1) < 0)
		return; /* it waits for the next time */
}

static void
flush(struct recall *r, int tries)
{
	char *text;

	if (!r->path || r->waiting.len == 0)
		return;
	text = ask(r, flush_there, tries);
	if (!text)
		return;
	buf_clear(&r->waiting);
	r->why[0] = '\0';
	free(text);
}

void
recall_add(struct recall *r, const char *text)
{
	size_t before = r->waiting.len;

	if (!r->path || !recall_wants(text))
		return;
	if (escape(&r->waiting, text) < 0)
		r->waiting.len = before; /* too long, or too much waits */
	flush(r, 1);
}

void
recall_free(struct recall *r)
{
	if (!r)
		return;
	flush(r, LOCK_TRIES);
	buf_fini(&r->waiting);
	free(r->path);
	free(r);
}
