/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usual_read.c: the newest journals, read in the thread pool; nothing here has a loop. */
#include <sys/stat.h>

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/power/usual.h"
#include "wire/journal_file.h"

#define LOOK_EVERY 512 /* lines between two looks at the clock */

/* How many bytes it has, or -1: no regular file. */
static int64_t
file_bytes(const char *sessions_dir, const char *id)
{
	char *path = journal_path(sessions_dir, id);
	struct stat st;
	int64_t bytes = -1;

	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
		bytes = st.st_size;
	free(path);
	return bytes;
}

static bool
is_over(const struct usual_read *r)
{
	return atomic_load(&r->cancelled) || clock_mono_ms() > r->until_ms;
}

static void
read_one(const struct usual_read *r, const char *id, struct usual_sum *sum)
{
	char *path = journal_path(r->sessions_dir, id);
	struct journal_file *f;
	const char *line;
	struct err err;
	unsigned n = 0;
	size_t len;

	f = journal_file_open(path, &err);
	free(path);
	if (!f)
		return;
	while ((++n % LOOK_EVERY || !is_over(r)) &&
	    journal_file_next(f, &line, &len, &err) == 1)
		usual_sum_line(sum, line, len);
	usual_sum_end(sum);
	journal_file_close(f);
}

/* Before those that were read already, which are newer: the last of all count. */
static void
read_older(struct usual_read *r, const char *id)
{
	struct usual_sum sum;

	usual_sum_init(&sum);
	read_one(r, id, &sum);
	usual_sum_add(&sum, &r->sum);
	r->sum = sum;
}

/*
 * Newest first while there is room and time; one that is too large leaves room for
 * older ones.
 */
void
usual_read_all(struct usual_read *r)
{
	int64_t left = USUAL_BYTES_MAX;
	size_t count = 0, n = 0;
	char **ids = NULL;
	struct err err;

	if (journal_ids(r->sessions_dir, &ids, &count, &err) < 0)
		return;
	for (size_t i = count; i-- > 0 && n < USUAL_FILES_MAX && !is_over(r);) {
		int64_t bytes = file_bytes(r->sessions_dir, ids[i]);

		if (bytes <= 0 || bytes > left)
			continue;
		left -= bytes;
		n++;
		read_older(r, ids[i]);
	}
	journal_ids_free(ids, count);
}
