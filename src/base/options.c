/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/options.h"

#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define OPTION_INT_MAX 1000000 /* no port, time or count of ours is larger */

enum option_type { TYPE_STR, TYPE_PATH, TYPE_INT };

struct option_row {
	const char *name;
	enum option_type type;
	const char *env;
	const char *def;
	const char *meaning;
	size_t offset;
};

static const struct option_row rows[] = {
#define OPTION(name, type, env, def, meaning) \
	{#name, TYPE_##type, env, def, meaning, offsetof(struct options, name)},
#include "base/options.def"
#undef OPTION
};

struct load {
	struct options *o;
	const char *file;
	struct err *err;
};

char *
options_home(void)
{
	const char *home = getenv("HOME");
	struct passwd *pw;

	if (home && home[0] == '/')
		return mem_dup(home);
	pw = getpwuid(getuid());
	return mem_dup(pw && pw->pw_dir ? pw->pw_dir : "/");
}

static char *
option_path(const char *value)
{
	char *home, *path;

	if (strncmp(value, "~/", 2) != 0)
		return mem_dup(value);
	home = options_home();
	path = mem_printf("%s/%s", home, value + 2);
	free(home);
	return path;
}

static int
option_set(
    struct options *o, const struct option_row *row, const char *value, struct err *err)
{
	void *field = (char *)o + row->offset;
	char *end;
	long n;

	if (row->type != TYPE_INT) {
		char **s = field;

		free(*s);
		*s = row->type == TYPE_PATH ? option_path(value) : mem_dup(value);
		return 0;
	}
	errno = 0;
	n = strtol(value, &end, 10);
	if (errno || end == value || *end || n < 0 || n > OPTION_INT_MAX)
		return err_set(err, ERR_USAGE,
		    "%s must be a number from 0 to %d, not \"%s\"", row->name,
		    OPTION_INT_MAX, value);
	*(long *)field = n;
	return 0;
}

static int
on_ini(void *arg, const char *section, const char *name, const char *value)
{
	struct load *l = arg;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (section[0] == '\0' && strcmp(rows[i].name, name) == 0)
			return option_set(l->o, &rows[i], value ? value : "", l->err) ==
			    0;
	err_set(l->err, ERR_USAGE, "there is no setting \"%s\"", name);
	return 0;
}

static int
load_file(struct options *o, const char *file, int must, struct err *err)
{
	struct load l = {o, file, err};
	struct stat st;
	int rc;

	if (!must && stat(file, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	err->words[0] = '\0';
	rc = ini_parse(file, on_ini, &l);
	if (rc < 0)
		return err_sys(err, errno, "read %s", file);
	if (rc > 0) {
		if (!err->words[0])
			err_set(err, ERR_USAGE, "not \"key = value\"");
		return err_wrap(err, "%s line %d", file, rc);
	}
	return 0;
}

static int
load_files(struct options *o, struct err *err)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *named = getenv("BREAKGLASS_CONFIG");
	char *home = options_home();
	char *file;
	int rc;

	rc = load_file(o, BG_SYSCONFDIR "/breakglass.conf", 0, err);
	if (rc == 0) {
		file = xdg && *xdg ? mem_printf("%s/breakglass.conf", xdg)
				   : mem_printf("%s/.config/breakglass.conf", home);
		rc = load_file(o, file, 0, err);
		free(file);
	}
	if (rc == 0 && named && *named)
		rc = load_file(o, named, 1, err);
	free(home);
	return rc;
}

int
options_load(struct options *o, struct err *err)
{
	memset(o, 0, sizeof *o);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (option_set(o, &rows[i], rows[i].def, err) < 0)
			abort(); /* the table itself is wrong */
	if (load_files(o, err) < 0)
		goto fail;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *value = getenv(rows[i].env);

		if (value && option_set(o, &rows[i], value, err) < 0) {
			err_wrap(err, "environment variable %s", rows[i].env);
			goto fail;
		}
	}
	return 0;
fail:
	options_fini(o);
	return -1;
}

void
options_fini(struct options *o)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char **s = (char **)((char *)o + rows[i].offset);

		if (rows[i].type == TYPE_INT)
			continue;
		free(*s);
		*s = NULL;
	}
}

void
options_print(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		printf("  %-26s %s\n  %-26s %s%s%s%s\n", rows[i].name, rows[i].env, "",
		    rows[i].meaning, rows[i].def[0] ? " (" : "", rows[i].def,
		    rows[i].def[0] ? ")" : "");
}

char *
options_run_dir(const struct options *o)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (o->run_dir[0])
		return mem_dup(o->run_dir);
	if (xdg && xdg[0] == '/' && stat(xdg, &st) == 0 && S_ISDIR(st.st_mode) &&
	    access(xdg, W_OK) == 0)
		return mem_printf("%s/breakglass", xdg);
	return mem_printf("/tmp/breakglass-%ld", (long)getuid());
}
