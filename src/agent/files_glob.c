/* SPDX-License-Identifier: GPL-3.0-or-later */
/* files_glob.c: the files below the working folder whose path fits a pattern, sorted. */
#include "agent/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/files_match.h"

#define DEPTH_MAX 32
#define SEEN_MAX 200000 /* entries looked at */
#define FOUND_MAX 20000 /* paths kept to be sorted */
#define PATH_LEN_MAX 4096

struct walk {
	struct files_match match;
	char path[PATH_LEN_MAX]; /* of where we are, below the folder that was named */
	char **found;
	size_t n, seen;
	bool cut;
};

static bool
is_folder(int dir, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode);
}

static void
keep(struct walk *w)
{
	if (!files_match(&w->match, w->path))
		return;
	if (w->n == FOUND_MAX) {
		w->cut = true;
		return;
	}
	w->found[w->n] = strdup(w->path);
	if (!w->found[w->n++])
		abort();
}

static void
walk_folder(struct walk *w, int fd, size_t len, int depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;

	if (!d) {
		close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL && !w->cut) {
		size_t n = strlen(e->d_name);
		int below;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (++w->seen > SEEN_MAX || len + n + 2 > sizeof w->path) {
			w->cut = true;
			break;
		}
		memcpy(w->path + len, e->d_name, n + 1);
		if (!is_folder(fd, e)) {
			keep(w);
			continue;
		}
		below = openat(
		    fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			continue;
		if (depth == DEPTH_MAX) {
			close(below);
			w->cut = true;
			break;
		}
		memcpy(w->path + len + n, "/", 2);
		walk_folder(w, below, len + n + 1, depth + 1);
	}
	closedir(d);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
open_folder(const char *path)
{
	char again[64];
	struct stat st;
	int fd = files_open(path, &st), in;

	if (!S_ISDIR(st.st_mode))
		files_refuse("%s is no folder", path);
	snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
	in = open(again, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (in < 0)
		files_refuse("%s: %s", path, strerror(errno));
	close(fd);
	return in;
}

void
files_glob(const char *pattern, const char *path)
{
	static struct walk w;
	const char *from = *path ? files_relative(path) : ".";
	const char *why = files_match_compile(&w.match, pattern);
	bool here = strcmp(from, ".") == 0;

	if (why)
		files_refuse("%s", why);
	w.found = calloc(FOUND_MAX, sizeof *w.found);
	if (!w.found)
		abort();
	walk_folder(&w, open_folder(from), 0, 0);
	qsort(w.found, w.n, sizeof *w.found, compare);
	for (size_t i = 0; i < w.n && i < FILES_FOUND_MAX; i++)
		printf("%s%s%s\n", here ? "" : from,
		    here || from[strlen(from) - 1] == '/' ? "" : "/", w.found[i]);
	if (w.n > FILES_FOUND_MAX)
		printf("[%zu more%s: narrow the pattern]\n", w.n - FILES_FOUND_MAX,
		    w.cut ? " and others" : "");
	else if (w.cut)
		printf("[there are more files than were looked at: name a folder]\n");
	if (w.n == 0)
		printf("[no file fits the pattern]\n");
}
