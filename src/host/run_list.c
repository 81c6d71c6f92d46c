/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run_list.c: which mutating verbs this host has run, from their files.
 *
 * For whoever holds a journal of his own against the host's record: a verb that
 * is here and not there, or the other way round, is a question.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/probe.h"
#include "host/run.h"

#define LIST_MS 500
#define TAIL 1024 /* bytes at a file's end that hold its result line */
#define ID_CHARS "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-"

/* The name of a verb's run, as run_name made it. */
static int
is_run(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && n - 4 < RUN_ID_MAX && strcmp(d->d_name + n - 4, ".log") == 0 &&
	    strspn(d->d_name, ID_CHARS) == n - 4 &&
	    strstr(d->d_name, "-forensics-") == NULL;
}

int
run_result_parse(const char *text)
{
	const char *at = text, *last = NULL, *rc;

	while ((at = strstr(at, "#bg result ")) != NULL) {
		if (at == text || at[-1] == '\n')
			last = at;
		at++;
	}
	rc = last ? strstr(last, " rc=") : NULL;
	if (rc == NULL || memchr(last, '\n', (size_t)(rc - last)) != NULL ||
	    rc[4] < '0' || rc[4] > '9')
		return -1;
	return (int)strtol(rc + 4, NULL, 10);
}

static int
result_of(const char *dir, const char *name)
{
	char path[SITE_PATH_MAX + RUN_ID_MAX + 32], text[TAIL + 1];
	ssize_t n = -1;
	off_t end;
	int fd;

	snprintf(path, sizeof(path), "%s/runs/%.*s", dir, RUN_ID_MAX + 4, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -1;
	end = lseek(fd, 0, SEEK_END);
	if (end > 0)
		n = pread(fd, text, TAIL, end > TAIL ? end - TAIL : 0);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return run_result_parse(text);
}

static void
list_dir(const char *dir, struct run_list *l)
{
	char path[SITE_PATH_MAX + 16];
	struct dirent **list;
	int n;

	snprintf(path, sizeof(path), "%s/runs", dir);
	n = scandir(path, &list, is_run, alphasort);
	for (int i = n - 1; i >= 0; i--) {
		const char *name = list[i]->d_name;

		if (l->count < RUN_KEEP) {
			struct run_row *row = &l->row[l->count];

			snprintf(row->id, sizeof(row->id), "%.*s", (int)strlen(name) - 4,
			    name);
			row->rc = result_of(dir, name);
			l->count++; /* whole rows only: we may be ended here */
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

struct look {
	const char *dir;
	struct run_list *list; /* shared */
};

static int
look_there(void *arg)
{
	struct look *l = arg;

	list_dir(l->dir, l->list);
	return 0;
}

/* Adds other's rows; both are sorted, the youngest first. */
static void
merge(struct run_list *l, const struct run_list *other)
{
	struct run_list own = *l;
	size_t a = 0, b = 0;

	l->count = 0;
	while (l->count < RUN_KEEP && (a < own.count || b < other->count)) {
		bool mine = b == other->count ||
		    (a < own.count && strcmp(own.row[a].id, other->row[b].id) > 0);

		l->row[l->count++] = mine ? own.row[a++] : other->row[b++];
	}
}

static void
add_dir(const char *dir, struct run_list *l)
{
	struct look look = {dir, probe_shared(sizeof(*look.list))};
	struct probe p = {
	    .name = "runs", .limit_ms = LIST_MS, .fn = look_there, .arg = &look};

	if (dir[0] != '\0') {
		(void)probe_run(&p);
		probe_end(&p);
		merge(l, look.list);
	}
	munmap(look.list, sizeof(*look.list));
}

void
run_list_read(const struct site *s, struct run_list *l)
{
	l->count = 0;
	add_dir(s->run_dir, l);
	add_dir(s->spare_dir, l);
}
