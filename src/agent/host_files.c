/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of the working folder, as the engine sends them.
 *
 * They are kept here and written again for each claude, because the agent, which
 * has our uid, could have changed them.  Each is replaced whole, by rename.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

#define FILES_MAX 64
#define FILE_MAX (256 * 1024) /* bytes */
#define NAME_LEN_MAX 80	      /* bytes */

struct host_file {
	struct host_file *next;
	char name[NAME_LEN_MAX + 1];
	struct buf data;
	bool whole;
};

/* At most one folder, nothing hidden, no way up. */
static bool
name_is_good(const char *name)
{
	const char *slash = name ? strchr(name, '/') : NULL,
		   *last = slash ? slash + 1 : name;

	return name && *name && *name != '.' && slash != name && *last && *last != '.' &&
	    !strchr(last, '/') && strlen(name) <= NAME_LEN_MAX &&
	    strspn(name,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") ==
	    strlen(name);
}

/* The folder of a file, opened; what stands in its place and is none is removed. */
static int
folder_open(const struct host *h, const char *name)
{
	char *path = mem_printf("%s/work", h->dir);
	int work = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd;
	const char *slash = strchr(name, '/');
	char *folder = slash ? mem_dupn(name, (size_t)(slash - name)) : NULL;

	free(path);
	if (work < 0 || !folder)
		return work;
	if (mkdirat(work, folder, 0700) < 0 && errno == EEXIST)
		unlinkat(work, folder, 0); /* does nothing to a folder */
	mkdirat(work, folder, 0700);
	fd = openat(work, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	close(work);
	free(folder);
	return fd;
}

static void
file_write(const struct host *h, const struct host_file *f)
{
	const char *slash = strrchr(f->name, '/'), *last = slash ? slash + 1 : f->name;
	char *fresh = mem_printf(".%s.new", last);
	int folder = folder_open(h, f->name), fd = -1;
	bool ok = false;

	if (folder >= 0) {
		unlinkat(folder, fresh, 0);
		fd = openat(folder, fresh,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	if (fd >= 0)
		ok = fd_write_all(fd, buf_str(&f->data), f->data.len) == 0 &&
		    fchmod(fd, 0444) == 0 && renameat(folder, fresh, folder, last) == 0;
	if (!ok)
		LOG("files", "%s cannot be written", f->name);
	if (fd >= 0)
		close(fd);
	if (folder >= 0)
		close(folder);
	free(fresh);
}

void
host_files_write(struct host *h)
{
	for (const struct host_file *f = h->files; f; f = f->next)
		if (f->whole)
			file_write(h, f);
}

static struct host_file *
file_find(struct host *h, const char *name)
{
	struct host_file *f;
	int n = 0;

	for (f = h->files; f; f = f->next, n++)
		if (strcmp(f->name, name) == 0)
			return f;
	if (n >= FILES_MAX)
		return NULL;
	f = mem_alloc(sizeof *f);
	snprintf(f->name, sizeof f->name, "%s", name);
	buf_init(&f->data, FILE_MAX);
	f->next = h->files;
	h->files = f;
	return f;
}

void
host_files_take(struct host *h, const struct js *m)
{
	const char *name = js_str(m, "name");
	struct host_file *f = name_is_good(name) ? file_find(h, name) : NULL;
	int64_t off = js_int(m, "off", -1);

	if (f && off == 0) {
		buf_clear(&f->data);
		f->whole = false;
	}
	if (!f || f->whole || off != (int64_t)f->data.len ||
	    js_bytes(m, "data", &f->data) < 0) {
		LOG("files", "a file of the working folder is not taken");
		return;
	}
	f->whole = js_bool(m, "last", false);
	if (f->whole)
		file_write(h, f);
}

void
host_files_forget(struct host *h)
{
	struct host_file *f;

	while ((f = h->files) != NULL) {
		h->files = f->next;
		buf_fini(&f->data);
		free(f);
	}
}
