/* SPDX-License-Identifier: GPL-3.0-or-later */
/* journal_find.c: which journal a word of an operator means. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wire/journal_file.h"

#define SUFFIX_LEN (sizeof JOURNAL_FILE_SUFFIX - 1)

static bool
ends_in_suffix(const char *name, size_t len)
{
	return len > SUFFIX_LEN &&
	    memcmp(name + len - SUFFIX_LEN, JOURNAL_FILE_SUFFIX, SUFFIX_LEN) == 0;
}

bool
journal_is_id(const char *id, size_t len)
{
	if (len == 0 || len > JOURNAL_FILE_ID_MAX || id[0] < '0' || id[0] > '9')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'A' && id[i] <= 'Z') ||
			(id[i] >= 'a' && id[i] <= 'z') || id[i] == '-'))
			return false;
	return true;
}

/* As the engine looks for them: ids begin with their time, so they sort by it. */
static int
is_journal(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return ends_in_suffix(d->d_name, n) && journal_is_id(d->d_name, n - SUFFIX_LEN);
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

char *
journal_path(const char *sessions_dir, const char *id)
{
	return mem_printf("%s/incidents/%s" JOURNAL_FILE_SUFFIX, sessions_dir, id);
}

int
journal_ids(const char *sessions_dir, char ***ids, size_t *count, struct err *err)
{
	char *dir = mem_printf("%s/incidents", sessions_dir);
	struct dirent **names = NULL;
	int n = scandir(dir, &names, is_journal, by_bytes), rc = 0;

	if (n < 0 && errno != ENOENT)
		rc = err_sys(err, errno, "read the incidents in %s", dir);
	if (rc == 0) {
		*count = n > 0 ? (size_t)n : 0;
		*ids = mem_alloc((*count + 1) * sizeof **ids);
	}
	for (int i = 0; i < n; i++) {
		(*ids)[i] =
		    mem_dupn(names[i]->d_name, strlen(names[i]->d_name) - SUFFIX_LEN);
		free(names[i]);
	}
	free(names);
	free(dir);
	return rc;
}

void
journal_ids_free(char **ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(ids[i]);
	free(ids);
}

/* The one id that this is, or begins; count when none or several do. */
static size_t
find_id(
    char *const *ids, size_t count, const char *what, const char *dir, struct err *err)
{
	size_t len = strlen(what), found = count, hits = 0;

	for (size_t i = 0; i < count; i++) {
		if (strncmp(ids[i], what, len) != 0)
			continue;
		found = i;
		hits++;
		if (ids[i][len] == '\0')
			return i;
	}
	if (hits == 1)
		return found;
	if (hits == 0)
		err_set(err, ERR_USAGE,
		    "no incident in %s has an id that begins with \"%.40s\"; breakglass incidents lists them",
		    dir, what);
	else
		err_set(err, ERR_USAGE,
		    "%zu incidents have an id that begins with \"%.40s\", the newest is %s; give more of it",
		    hits, what, ids[found]);
	return count;
}

char *
journal_find(const char *sessions_dir, const char *what, struct err *err)
{
	char **ids, *path = NULL;
	size_t count, i;

	if (what && (strchr(what, '/') || ends_in_suffix(what, strlen(what))))
		return mem_dup(what);
	if (journal_ids(sessions_dir, &ids, &count, err) < 0)
		return NULL;
	if (count == 0)
		err_set(
		    err, ERR_USAGE, "there is no incident in %s/incidents", sessions_dir);
	else if (!what || !*what || strcmp(what, "last") == 0)
		path = journal_path(sessions_dir, ids[count - 1]);
	else if ((i = find_id(ids, count, what, sessions_dir, err)) < count)
		path = journal_path(sessions_dir, ids[i]);
	journal_ids_free(ids, count);
	return path;
}
