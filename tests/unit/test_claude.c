/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where claude is looked for, and in which order. */
#include <sys/stat.h>

#include "base/claude.h"
#include "base/mem.h"
#include "scratch.h"

static char *path_was;

static void
init(void)
{
	path_was = mem_dup(getenv("PATH"));
}

/* The folder's end needs its rm. */
static void
fini(void)
{
	setenv("PATH", path_was, 1);
	free(path_was);
}

/* dir/a/b/claude is a program then; new string. */
static char *
program(const char *dir, const char *folder, mode_t mode)
{
	char *path = mem_printf("%s/%s/claude", dir, folder);
	FILE *f;

	for (char *p = path + strlen(dir) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fclose(f);
	cr_assert_eq(chmod(path, mode), 0);
	return path;
}

static void
finds(const char *configured, const char *path)
{
	char *found = claude_find(configured, "1.2.3");

	if (path)
		cr_assert_str_eq(found ? found : "none", path);
	else
		cr_assert_null(found, "%s", found);
	free(found);
}

Test(claude, is_the_configured_one_or_none, .init = init, .fini = fini)
{
	const char *dir = scratch();
	char *there = program(dir, "bin", 0755), *plain = program(dir, "doc", 0644);

	setenv("PATH", "/nonexistent", 1);
	finds(there, there);
	finds(plain, NULL);
	finds(dir, NULL);
	free(there);
	free(plain);
}

Test(claude, is_the_first_program_in_path_and_else_that_version_in_the_cache,
    .init = init, .fini = fini)
{
	const char *dir = scratch();
	char *plain = program(dir, "a", 0644), *first = program(dir, "b", 0755),
	     *second = program(dir, "c", 0755),
	     *home = program(dir, ".cache/breakglass/claude/1.2.3", 0755),
	     *cache = program(dir, "x/breakglass/claude/1.2.3", 0755),
	     *other = program(dir, "y/breakglass/claude/1.2.4", 0755),
	     *path = mem_printf("b:.:%s/a:%s/b:%s/c", dir, dir, dir),
	     *x = mem_printf("%s/x", dir), *y = mem_printf("%s/y", dir);

	cr_assert_eq(chdir(dir), 0);
	setenv("PATH", path, 1);
	setenv("HOME", dir, 1);
	unsetenv("XDG_CACHE_HOME");
	finds("", first);
	finds(NULL, first);
	cr_assert_eq(unlink(first), 0);
	finds("", second);
	cr_assert_eq(unlink(second), 0);
	finds("", home);
	setenv("XDG_CACHE_HOME", x, 1);
	finds("", cache);
	setenv("XDG_CACHE_HOME", y, 1);
	finds("", NULL);
	unsetenv("PATH");
	finds("", NULL);
	free(plain);
	free(first);
	free(second);
	free(home);
	free(cache);
	free(other);
	free(path);
	free(x);
	free(y);
}
