/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/mem.h"

#define BLOCK ((size_t)64 * 1024)

struct archive_pack {
	struct archive *out;
	char *top;
	int64_t at_s;
};

static int
pack_failed(struct archive_pack *p, const char *what, struct err *err)
{
	const char *why = archive_error_string(p->out);

	return err_set(err, ERR_SYSTEM, "%s: %s", what, why ? why : "libarchive refused");
}

struct archive_pack *
archive_pack_open(int fd, const char *top, int64_t at_s, struct err *err)
{
	struct archive_pack *p = mem_alloc(sizeof *p);

	p->out = archive_write_new();
	if (!p->out)
		abort(); /* no memory */
	p->top = mem_dup(top);
	p->at_s = at_s;
	if (archive_write_add_filter_gzip(p->out) == ARCHIVE_OK &&
	    archive_write_set_format_pax_restricted(p->out) == ARCHIVE_OK &&
	    archive_write_open_fd(p->out, fd) == ARCHIVE_OK)
		return p;
	pack_failed(p, "begin the archive", err);
	archive_write_free(p->out);
	free(p->top);
	free(p);
	return NULL;
}

static int
pack_header(struct archive_pack *p, const char *name, int64_t size, struct err *err)
{
	struct archive_entry *e = archive_entry_new();
	char *path = mem_printf("%s/%s", p->top, name);
	int rc;

	archive_entry_set_pathname(e, path);
	archive_entry_set_size(e, size);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0600);
	archive_entry_set_mtime(e, p->at_s, 0);
	rc = archive_write_header(p->out, e);
	archive_entry_free(e);
	if (rc != ARCHIVE_OK)
		pack_failed(p, path, err);
	free(path);
	return rc == ARCHIVE_OK ? 0 : -1;
}

static int
pack_data(struct archive_pack *p, const char *name, const void *data, size_t len,
    struct err *err)
{
	if (len > 0 && archive_write_data(p->out, data, len) != (la_ssize_t)len)
		return pack_failed(p, name, err);
	return 0;
}

int
archive_pack_add(struct archive_pack *p, const char *name, const void *data, size_t len,
    struct err *err)
{
	if (pack_header(p, name, (int64_t)len, err) < 0)
		return -1;
	return pack_data(p, name, data, len, err);
}

int
archive_pack_add_fd(
    struct archive_pack *p, const char *name, int fd, int64_t size, struct err *err)
{
	char *block = mem_alloc(BLOCK);
	int64_t at = 0;
	int rc = pack_header(p, name, size, err);

	while (rc == 0 && at < size) {
		int64_t left = size - at;
		ssize_t n =
		    pread(fd, block, left < (int64_t)BLOCK ? (size_t)left : BLOCK, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = err_sys(err, errno, "read %s", name);
		else if (n == 0)
			rc = err_set(err, ERR_SYSTEM, "%s has become shorter", name);
		else
			rc = pack_data(p, name, block, (size_t)n, err);
		at += n > 0 ? n : 0;
	}
	free(block);
	return rc;
}

int
archive_pack_close(struct archive_pack *p, struct err *err)
{
	int rc = 0;

	if (!p)
		return 0;
	if (archive_write_close(p->out) != ARCHIVE_OK)
		rc = pack_failed(p, "end the archive", err);
	archive_write_free(p->out);
	free(p->top);
	free(p);
	return rc;
}
