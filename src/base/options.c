/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/options.h"

#include <arpa/inet.h>
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
#include "base/options_int.h"

#define OPTION_INT_MAX INT_MAX /* no port, time, count or uid of ours is larger */
#define OPTION_LINE_MAX 4096   /* bytes read before a line is called too long */

static const struct option_row rows[] = {
#define OPTION(name, type, env, def, meaning) \
	{#name, TYPE_##type, env, def, meaning, offsetof(struct options, name)},
#include "base/options.def"
};

/* One file that is being read. */
struct load {
	struct options *o;
	FILE *file;
	struct option_endpoint *section; /* NULL: the settings above all sections */
	int line;
	int bad_line; /* the first that is wrong; 0: none so far */
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
set_int(long *to, const char *name, const char *value, struct err *err)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	if (errno || end == value || *end || n < 0 || n > OPTION_INT_MAX)
		return err_set(err, ERR_USAGE,
		    "%s must be a number from 0 to %d, not \"%s\"", name, OPTION_INT_MAX,
		    value);
	*to = n;
	return 0;
}

/* Digits, a point, digits; strtod would ask the locale which sign the point is. */
static int
set_usd(double *to, const char *name, const char *value, struct err *err)
{
	size_t whole = strspn(value, "0123456789"), part;
	double n = 0, unit = 1;

	part = value[whole] == '.' ? strspn(value + whole + 1, "0123456789") : 0;
	if (whole == 0 || whole > 6 || part > 6 ||
	    value[whole + (value[whole] == '.') + part] != '\0')
		return err_set(err, ERR_USAGE,
		    "%s must be an amount like 0.25, not \"%s\"", name, value);
	for (size_t i = 0; i < whole; i++)
		n = n * 10 + (value[i] - '0');
	for (size_t i = 1; i <= part; i++)
		n += (value[whole + i] - '0') * (unit /= 10);
	*to = n;
	return 0;
}

static int
set_switch(int *to, const char *name, const char *value, struct err *err)
{
	if (*value && strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return err_set(
		    err, ERR_USAGE, "%s must be yes or no, not \"%s\"", name, value);
	*to = *value ? *value == 'y' : -1;
	return 0;
}

int
option_set(void *base, const struct option_row *row, const char *value, struct err *err)
{
	void *field = (char *)base + row->offset;
	char **s = field;

	switch (row->type) {
	case TYPE_INT:
		return set_int(field, row->name, value, err);
	case TYPE_USD:
		return set_usd(field, row->name, value, err);
	case TYPE_SWITCH:
		return set_switch(field, row->name, value, err);
	case TYPE_KIND:
		if (strcmp(value, "vendor") != 0 && strcmp(value, "portable") != 0)
			return err_set(err, ERR_USAGE,
			    "%s must be vendor or portable, not \"%s\"", row->name,
			    value);
		break;
	case TYPE_STR:
	case TYPE_PATH:
		break;
	}
	free(*s);
	*s = row->type == TYPE_PATH ? option_path(value) : mem_dup(value);
	return 0;
}

void
option_fini(void *base, const struct option_row *row)
{
	char **s = (char **)((char *)base + row->offset);

	if (row->type == TYPE_INT || row->type == TYPE_SWITCH || row->type == TYPE_USD)
		return;
	free(*s);
	*s = NULL;
}

void
option_print(const struct option_row *row)
{
	printf("  %-26s ", row->name);
	if (row->env)
		printf("%s\n  %-26s ", row->env, "");
	printf("%s", row->meaning);
	if (row->def[0])
		printf(" (%s)", row->def);
	putchar('\n');
}

/* "[endpoint NAME]" and nothing else; text behind it is a comment to inih. */
static int
load_section(struct load *l, const char *line)
{
	static const char word[] = "[endpoint ";
	size_t n = strcspn(line, "]");

	if (strncmp(line, word, sizeof word - 1) != 0 || line[n] != ']')
		return err_set(l->err, ERR_USAGE,
		    "there is only the section [endpoint NAME], not \"%.64s\"", line);
	l->section =
	    options_endpoint(l->o, line + sizeof word - 1, n - (sizeof word - 1), l->err);
	return l->section ? 0 : -1;
}

/* One line without the white space before it: to inih that would go on with a value. */
static size_t
load_line(struct load *l, char *line)
{
	size_t n = 0;
	int c;

	while ((c = getc(l->file)) != EOF && c != '\n') {
		if (n == 0 && (c == ' ' || c == '\t'))
			continue;
		if (n < OPTION_LINE_MAX)
			line[n++] = (char)c;
	}
	line[n] = '\0';
	l->line++;
	if (l->line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
		memmove(line, line + 3, n + 1 - 3), n -= 3;
	return c == EOF && n == 0 ? (size_t)EOF : n;
}

/* For inih, which would cut a long line in two and a long section's name short. */
static char *
on_line(char *out, int size, void *arg)
{
	char line[OPTION_LINE_MAX + 1];
	struct load *l = arg;
	size_t n = l->bad_line ? (size_t)EOF : load_line(l, line);
	int rc = 0;

	if (n == (size_t)EOF)
		return NULL;
	if (strlen(line) != n)
		rc = err_set(l->err, ERR_USAGE, "a NUL byte: this is no text file");
	else if (n + 2 > (size_t)size)
		rc = err_set(
		    l->err, ERR_LIMIT, "the line is longer than %d bytes", size - 2);
	else if (line[0] == '[')
		rc = load_section(l, line);
	if (rc < 0) {
		l->bad_line = l->line;
		return NULL;
	}
	snprintf(out, (size_t)size, "%s\n", line);
	return out;
}

static int
on_ini(void *arg, const char *section, const char *name, const char *value)
{
	struct load *l = arg;
	int rc = -1;

	if (l->bad_line)
		return 0;
	if (l->section) {
		rc = options_endpoint_set(l->section, name, value ? value : "", l->err);
	} else {
		size_t i = 0;

		while (i < ARRAY_LEN(rows) && strcmp(rows[i].name, name) != 0)
			i++;
		if (i < ARRAY_LEN(rows))
			rc = option_set(l->o, &rows[i], value ? value : "", l->err);
		else
			err_set(l->err, ERR_USAGE, "there is no setting \"%s\"", name);
	}
	if (rc < 0)
		l->bad_line = l->line;
	return rc == 0;
}

static int
load_open(struct load *l, struct err *err)
{
	int rc = ini_parse_stream(on_line, l, on_ini, l);

	if (rc == 0 && l->bad_line == 0)
		return 0;
	if (l->bad_line == 0) {
		l->bad_line = rc;
		err_set(err, ERR_USAGE, "not \"key = value\"");
	}
	return -1;
}

static int
load_file(struct options *o, const char *file, int must, struct err *err)
{
	struct load l = {.o = o, .err = err};
	int rc;

	l.file = fopen(file, "re");
	if (!l.file && !must && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!l.file)
		return err_sys(err, errno, "read %s", file);
	rc = load_open(&l, err);
	if (rc == 0 && ferror(l.file))
		rc = err_sys(err, errno, "read %s", file);
	else if (rc < 0)
		err_wrap(err, "%s line %d", file, l.bad_line);
	fclose(l.file);
	return rc;
}

void
options_files(char *files[OPTIONS_FILES])
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *named = getenv("BREAKGLASS_CONFIG");
	char *home = options_home();

	files[0] = mem_dup(BG_SYSCONFDIR "/breakglass.conf");
	files[1] = xdg && *xdg ? mem_printf("%s/breakglass.conf", xdg)
			       : mem_printf("%s/.config/breakglass.conf", home);
	files[2] = named && *named ? mem_dup(named) : NULL;
	free(home);
}

static int
load_files(struct options *o, struct err *err)
{
	char *files[OPTIONS_FILES];
	const char *named;
	int rc = 0;

	options_files(files);
	named = files[OPTIONS_FILES - 1];
	for (int i = 0; i < OPTIONS_FILES && rc == 0; i++)
		if (files[i])
			rc = load_file(o, files[i], files[i] == named, err);
	if (rc < 0 && err->code == ERR_SYSTEM)
		err_wrap(err, "the settings (%s)",
		    named ? "mend that, or unset BREAKGLASS_CONFIG" : "mend that");
	for (int i = 0; i < OPTIONS_FILES; i++)
		free(files[i]);
	return rc;
}

/* Said now: a name that only fails to connect is found out in the incident. */
static int
host_check(const char *name, const char *value, struct err *err)
{
	char text[INET6_ADDRSTRLEN] = "";
	size_t n = strcspn(value, "%"); /* fe80::1%eth0 has a scope */
	struct in6_addr a6;
	struct in_addr a4;

	if (n < sizeof text)
		memcpy(text, value, n);
	if ((!value[n] && inet_pton(AF_INET, text, &a4) == 1) ||
	    (inet_pton(AF_INET6, text, &a6) == 1 && (!value[n] || value[n + 1])))
		return 0;
	return err_set(err, ERR_USAGE,
	    "%s must be an address like 192.168.1.127 or fd00::7, not \"%.64s\": "
	    "no name is ever looked up",
	    name, value);
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
	if (host_check("pve_host", o->pve_host, err) < 0 ||
	    host_check("devvm_host", o->devvm_host, err) < 0 ||
	    options_endpoints_check(o, err) < 0)
		goto fail;
	return 0;
fail:
	options_fini(o);
	return -1;
}

void
options_fini(struct options *o)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		option_fini(o, &rows[i]);
	options_endpoints_fini(o);
}

void
options_print(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		option_print(&rows[i]);
	puts("\nIn a section [endpoint NAME] of breakglass.conf:");
	options_endpoints_print();
}

char *
options_run_dir(const struct options *o)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (o->run_dir[0])
		return mem_dup(o->run_dir);
	if (xdg && xdg[0] == '/' && stat(xdg, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid() &&
	    access(xdg, W_OK) == 0) /* after su it is another's */
		return mem_printf("%s/breakglass", xdg);
	return mem_printf("/tmp/breakglass-%ld", (long)getuid());
}
