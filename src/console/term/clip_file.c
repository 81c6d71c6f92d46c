/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/term/clip_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "console/action/action.h"
#include "console/term/aside.h"
#include "console/term/clip.h"

#define LIMIT_MS 2000 /* a disk that takes longer is not asked again */
#define NUMBERS 1000  /* files of one name */
#define NAME_MAX_BYTES 60

/* A name that is one of a file, whatever it was made from. */
static void
clean_name(const char *name, char out[NAME_MAX_BYTES + 1])
{
	size_t n = 0;

	for (; *name && n < NAME_MAX_BYTES; name++) {
		char c = *name;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '-' || (c == '.' && n > 0);

		out[n++] = plain ? c : '-';
	}
	if (n == 0)
		out[n++] = '-';
	out[n] = '\0';
}

/* A file that is there already is never touched, nor is what a link points to. */
static int
open_new(const char *dir, const char *id, const char *name, char **path)
{
	const char *dot = strrchr(name, '.');
	int stem = dot ? (int)(dot - name) : (int)strlen(name), fd = -1;

	for (int i = 1; i <= NUMBERS; i++) {
		char number[16] = "";

		if (i > 1)
			snprintf(number, sizeof number, "-%d", i);
		*path = mem_printf("%s/%s%s%.*s%s%s", dir, id, id[0] ? "-" : "", stem,
		    name, number, dot ? dot : "");
		fd = open(
		    *path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
		free(*path);
		*path = NULL;
	}
	errno = EEXIST;
	return -1;
}

static char *
write_in(const char *dir, const char *id, const char *name, const char *text, size_t len,
    struct err *err)
{
	char *path = NULL;
	int fd = open_new(dir, id, name, &path), saved = errno;
	bool ok = fd >= 0 && fd_write_all(fd, text, len) == 0;

	if (fd >= 0 && !ok)
		saved = errno;
	if (fd >= 0 && close(fd) < 0 && ok) {
		ok = false;
		saved = errno;
	}
	if (ok)
		return path;
	if (fd >= 0)
		unlink(path);
	err_sys(err, saved, "no file can be written in %.200s", dir);
	free(path);
	return NULL;
}

struct errand {
	const char *dir, *id, *name, *text;
	size_t len;
};

/* "+" and the path, or "-" and why not. */
static void
write_there(void *arg, int out)
{
	const struct errand *e = arg;
	struct err err = {0};
	char *path = write_in(e->dir, e->id, e->name, e->text, e->len, &err);
	const char *words = path ? path : err.words;

	if (fd_write_all(out, path ? "+" : "-", 1) < 0 ||
	    fd_write_all(out, words, strlen(words)) < 0)
		return; /* nobody listens any more */
}

/* late: the disk did not answer. */
static char *
write_aside(struct errand *e, bool *late, struct err *err)
{
	struct buf said;
	char *path = NULL;

	buf_init(&said, 8192);
	*late = aside_run(write_there, e, LIMIT_MS, &said) == ASIDE_LATE;
	if (*late)
		err_set(err, ERR_SYSTEM, "the disk of %.200s does not answer", e->dir);
	else if (said.len > 1 && said.data[0] == '+')
		path = mem_dup(buf_str(&said) + 1);
	else
		err_set(err, ERR_SYSTEM, "%s",
		    said.len > 1 ? buf_str(&said) + 1 : "no process can be started");
	buf_fini(&said);
	return path;
}

char *
clip_file_write(struct action_context *a, const char *name, const char *text, size_t len,
    struct err *err)
{
	const char *id = a->screen->model.incident.id, *run = getenv("XDG_RUNTIME_DIR");
	const char *dirs[] = {a->clip ? a->clip->dir : NULL, getenv("HOME"), run, "/tmp"};
	static bool hung[ARRAY_LEN(dirs)];
	char clean[NAME_MAX_BYTES + 1], safe[NAME_MAX_BYTES + 1] = "", *path = NULL, *own;

	/* In a replay the id is whatever somebody's file says. */
	if (id[0])
		clean_name(id, safe);
	own = mem_printf("breakglass-%s", safe);
	clean_name(name, clean);
	for (size_t i = 0; i < ARRAY_LEN(dirs) && !path; i++)
		if (dirs[i] && dirs[i][0] == '/' && !hung[i]) {
			struct errand e = {
			    dirs[i], i == 0 ? safe : own, clean, text, len};

			path = write_aside(&e, &hung[i], err);
		}
	free(own);
	return path;
}
