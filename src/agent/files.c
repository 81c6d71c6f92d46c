/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_LEN_MAX 4096
#define GREP_MEMORY                                                         \
	(512u << 20) /* bytes: an expression can ask for more than there is \
		      */

_Noreturn void
files_refuse(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

const char *
files_relative(const char *path)
{
	static char here[PATH_LEN_MAX];
	size_t n;

	if (path[0] != '/')
		return *path ? path : ".";
	if (!getcwd(here, sizeof here))
		files_refuse("the working folder is gone");
	n = strlen(here);
	if (strncmp(path, here, n) != 0 || (path[n] && path[n] != '/'))
		files_refuse(
		    "%s is outside of the working folder: a path is relative to it, for "
		    "example runbooks/disk.md; for other files use Bash",
		    path);
	path += n + strspn(path + n, "/");
	return *path ? path : ".";
}

/* A kernel, or a container, without openat2: name by name, and no link at all. */
static int
open_by_name(const char *path)
{
	char copy[PATH_LEN_MAX], *save = NULL;
	int fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	snprintf(copy, sizeof copy, "%s", path);
	for (char *name = strtok_r(copy, "/", &save); name && fd >= 0;
	     name = strtok_r(NULL, "/", &save)) {
		struct stat st;
		int next;

		if (strcmp(name, ".") == 0)
			continue;
		next = strcmp(name, "..") == 0
		    ? -1
		    : openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (strcmp(name, "..") == 0)
			errno = EXDEV;
		if (next >= 0 && fstat(next, &st) == 0 && S_ISLNK(st.st_mode)) {
			close(next);
			next = -1;
			errno = EXDEV;
		}
		close(fd);
		fd = next;
	}
	return fd;
}

int
files_open(const char *path, struct stat *st)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	int fd;

	if (strlen(path) >= PATH_LEN_MAX)
		files_refuse("the path is longer than %d bytes", PATH_LEN_MAX);
	fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = open_by_name(path);
	if (fd < 0 && (errno == EXDEV || errno == ELOOP))
		files_refuse("%s leads out of the working folder", path);
	if (fd < 0)
		files_refuse("%s: %s", path, strerror(errno));
	if (fstat(fd, st) < 0)
		files_refuse("%s: %s", path, strerror(errno));
	return fd;
}

/* ---- read ---- */

static FILE *
open_text(const char *path)
{
	char again[64], head[8192];
	struct stat st;
	int fd = files_open(path, &st), in;
	ssize_t n;
	FILE *f;

	if (S_ISDIR(st.st_mode))
		files_refuse("%s is a folder: Glob lists what is in it", path);
	if (!S_ISREG(st.st_mode))
		files_refuse(
		    "%s is no regular file (a FIFO, a socket or a device)", path);
	snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
	in = open(again, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (in < 0)
		files_refuse("%s: %s", path, strerror(errno));
	n = pread(in, head, sizeof head, 0);
	if (n > 0 && memchr(head, '\0', (size_t)n))
		files_refuse("%s is not text: %lld bytes; for example Bash with od or "
			     "strings shows what is in it",
		    path, (long long)st.st_size);
	f = fdopen(in, "r");
	if (!f)
		files_refuse("%s: %s", path, strerror(errno));
	return f;
}

/* One line, numbered; false at the end of the file. */
static bool
copy_line(FILE *f, long number, bool show, size_t *bytes)
{
	int c = getc_unlocked(f);
	size_t len = 0;

	if (c == EOF)
		return false;
	if (show)
		*bytes += (size_t)printf("%6ld\t", number);
	for (; c != EOF && c != '\n'; c = getc_unlocked(f), len++)
		if (show && len < FILES_LINE_MAX)
			putc_unlocked(c, stdout);
	if (!show)
		return true;
	if (len > FILES_LINE_MAX)
		*bytes += (size_t)printf(
		    " [%zu bytes more in this line]", len - FILES_LINE_MAX);
	putc_unlocked('\n', stdout);
	*bytes += (len < FILES_LINE_MAX ? len : FILES_LINE_MAX) + 1;
	return true;
}

static void
files_read(const char *path, long offset, long limit)
{
	FILE *f = open_text(files_relative(path));
	size_t bytes = 0;
	long line = 1;

	if (limit > FILES_LINES_MAX)
		limit = FILES_LINES_MAX;
	while (line < offset && copy_line(f, line, false, &bytes))
		line++;
	if (line < offset)
		files_refuse("%s has only %ld lines", path, line - 1);
	while (line < offset + limit && bytes < FILES_BYTES_MAX &&
	    copy_line(f, line, true, &bytes))
		line++;
	if (ferror(f))
		files_refuse("%s: %s", path, strerror(errno));
	if (getc(f) != EOF)
		printf("[the file goes on: read it from line %ld]\n", line);
	else if (line == 1)
		printf("[the file is empty]\n");
}

/* ---- grep ---- */

static _Noreturn void
files_grep(const char *pattern, const char *path, const char *glob)
{
	static char include[PATH_LEN_MAX + 16];
	const char *argv[12] = {"grep", "-rnHE", "-D", "skip", "--color=never", "-e"};
	struct rlimit memory = {GREP_MEMORY, GREP_MEMORY};
	struct stat st;
	int n = 6;

	argv[n++] = pattern;
	if (*glob) {
		snprintf(include, sizeof include, "--include=%s", glob);
		argv[n++] = include;
	}
	argv[n++] = "--";
	if (*path) {
		path = files_relative(path);
		close(files_open(path, &st));
		if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
			files_refuse("%s is no file and no folder", path);
		if (strcmp(path, ".") != 0)
			argv[n++] = path;
	}
	setrlimit(RLIMIT_AS, &memory);
	execv("/bin/grep", (char *const *)(uintptr_t)argv);
	files_refuse("/bin/grep: %s", strerror(errno));
}

static long
number(const char *text)
{
	long n = atol(text);

	return n > 0 ? n : 1;
}

int
main(int argc, char **argv)
{
	static char out[65536];

	signal(SIGPIPE, SIG_DFL);
	setvbuf(stdout, out, _IOFBF, sizeof out);
	if (argc >= 3 && argc <= 5 && strcmp(argv[1], "read") == 0)
		files_read(argv[2], argc > 3 ? number(argv[3]) : 1,
		    argc > 4 ? number(argv[4]) : FILES_LINES_MAX);
	else if (argc == 5 && strcmp(argv[1], "grep") == 0)
		files_grep(argv[2], argv[3], argv[4]);
	else if (argc == 4 && strcmp(argv[1], "glob") == 0)
		files_glob(argv[2], argv[3]);
	else
		files_refuse("usage: agent-files read|grep|glob ...");
	return fflush(stdout) == 0 ? 0 : 1;
}
