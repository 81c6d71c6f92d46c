/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify_file.c: a whole file through the check, and what its exit code is. */
#include "record/record.h"
#include "record/verify.h"
#include "wire/journal_file.h"

int
verify_file(struct verify *v, const char *path, struct err *err)
{
	struct journal_file *f = journal_file_open(path, err);
	const char *line;
	size_t len;
	int rc;

	if (!f)
		return -1;
	while ((rc = journal_file_next(f, &line, &len, err)) > 0)
		verify_line(v, line, len, journal_file_began(f));
	verify_finish(v, journal_file_at(f) + journal_file_torn(f), journal_file_torn(f));
	journal_file_close(f);
	return rc;
}

int
verify_exit(const struct verify *v)
{
	if (v->damaged)
		return RECORD_FAILED;
	return v->end == END_NONE || v->unchained ? RECORD_UNPROVEN : RECORD_OK;
}
