/* SPDX-License-Identifier: GPL-3.0-or-later */
/* look_config.c: the settings, who may change them, and who may be an operator. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "doctor/looks.h"
#include "engine/people/list.h"
#include "engine/people/trusted.h"
#include "engine/remote/hostkeys.h"
#include "engine/remote/redact.h"
#include "wire/htpasswd.h"

#define ENV_PREFIX "BREAKGLASS_"
#define NAME_MAX_ 64 /* bytes of a strange name that are told */

extern char **environ;

/* ---- the settings ---- */

/* Whoever writes it names programs that we run. */
static bool
is_safe(const char *path, struct said *said)
{
	char word[SAID_WORD_MAX];
	struct stat st;

	said_word(path, word);
	if (stat(path, &st) < 0)
		return true;
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		said_fail(said,
		    "%s belongs to uid %ld, who can have any program run by its settings",
		    path, (long)st.st_uid);
		/* the machine's is root's, whoever's engine it is */
		said_run(said, "sudo chown %ld %s",
		    strncmp(path, "/etc/", 5) == 0 ? 0 : (long)geteuid(), word);
		return false;
	}
	if (st.st_mode & 022) {
		said_fail(said,
		    "%s can be changed by others (mode %04o), who can have any program run by its "
		    "settings",
		    path, (unsigned)(st.st_mode & 07777));
		said_run(said, "chmod go-w %s", word);
		return false;
	}
	return true;
}

static bool
is_setting(const char *name, size_t len)
{
	static const char *const names[] = {
#define OPTION(name, type, env, def, meaning) env,
#include "base/options.def"
	    "BREAKGLASS_CONFIG", "BREAKGLASS_SOCKET", "BREAKGLASS_BOX"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return true;
	return false;
}

/* How many settings the environment has; strange: the first name that is none. */
static int
count_environment(char strange[NAME_MAX_])
{
	int n = 0;

	strange[0] = '\0';
	for (char **e = environ; *e; e++) {
		size_t len = strcspn(*e, "=");

		if (strncmp(*e, ENV_PREFIX, strlen(ENV_PREFIX)) != 0)
			continue;
		if (is_setting(*e, len))
			n++;
		else if (!strange[0])
			snprintf(strange, NAME_MAX_, "%.*s", (int)len, *e);
	}
	return n;
}

/* A whole name that a shell has for a variable's. */
static bool
is_name(const char *name)
{
	size_t n = strspn(
	    name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return name[n] == '\0' && n < NAME_MAX_ - 1;
}

/*
 * What would end the start of an engine, beside what the reader of settings refuses.  All
 * files are read, whatever is wrong with the one before: the climbs read them again, and
 * must not hang.
 */
static bool
is_startable(const struct options *o, struct said *said)
{
	const struct {
		const char *host, *file;
	} pins[] = {{"pve", o->pve_hostkey}, {"devvm", o->devvm_hostkey}};
	struct hostkeys *keys = hostkeys_new(NULL);
	struct redact *r;
	struct err err;
	uid_t owner;
	bool theirs = looks_engine_of(o, &owner), ok = true;
	char todo[96];

	for (size_t i = 0; i < ARRAY_LEN(pins); i++) {
		if (!pins[i].file[0] ||
		    hostkeys_pin(keys, pins[i].host, pins[i].file, &err) == 0)
			continue;
		snprintf(todo, sizeof todo,
		    "put the host's public key there, or take %s_hostkey out",
		    pins[i].host);
		if (ok)
			said_err(said, RESULT_FAIL, &err, todo);
		ok = false;
	}
	r = redact_new(o->redact, &err);
	if (!r && ok)
		said_err(said, RESULT_FAIL, &err, "mend that file, or take redact out");
	ok = ok && r;
	redact_free(r);
	hostkeys_free(keys);
	if (!ok && theirs) /* another uid's engine reads them, and we need not */
		said_fini(said);
	return ok || theirs;
}

/* For the climbs, whose mends name it. */
static bool
has_bootstrap(const struct options *o)
{
	char *path = mem_printf("%s/contrib/bootstrap", doctor_data_dir(o));
	bool has = access(path, X_OK) == 0;

	free(path);
	return has;
}

void
look_config(struct pen *pen, const struct options *o)
{
	struct said said = {0}, good = {0};
	char *files[OPTIONS_FILES], strange[NAME_MAX_];
	int n = count_environment(strange), found = 0;
	bool ok;

	ok = is_startable(o, &said);
	options_files(files);
	said_pass(&good, "%s", "");
	for (int i = 0; i < OPTIONS_FILES; i++) {
		if (!files[i] || access(files[i], F_OK) < 0)
			continue;
		said_more(&good, "%s%s", found++ ? ", " : "", files[i]);
		ok = is_safe(files[i], &said) && ok;
	}
	if (!found)
		said_more(&good, "no file");
	said_more(&good, "; %d from the environment", n);
	if (ok) {
		said = good;
		if (strange[0]) {
			said.result = RESULT_WARN;
			said_more(&said, "; %s is no setting of ours", strange);
			if (is_name(strange))
				said_run(&said, "unset %s", strange);
			else
				said_do(&said, "take that name out of the environment");
		}
	}
	pen_note(pen, has_bootstrap(o));
	pen_put(pen, CHECK_CONFIG, &said);
	for (int i = 0; i < OPTIONS_FILES; i++)
		free(files[i]);
}

/* ---- who may be an operator ---- */

static void
look_operators(struct pen *pen, const struct options *o)
{
	struct said said = {0};
	struct list *list = mem_alloc(sizeof *list);
	struct err err;
	uid_t owner;
	size_t len;
	char *text = NULL;

	if (!o->operators[0])
		said_pass(&said, "none: whoever is uid %ld is an operator",
		    looks_engine_of(o, &owner) ? (long)owner : (long)geteuid());
	else if (looks_not_ours(o, o->operators, "operators", &said))
		;
	else if ((text = trusted_read(o->operators, false, LIST_FILE_MAX, &len, &err)) ==
		NULL ||
	    list_parse(list, text, len, &err) < 0) {
		said_err(&said, RESULT_FAIL, &err, "mend that line; docs/operators.md");
		if (text)
			said_more(&said, " (%s)", o->operators);
	} else if (list->count == 0) {
		said_fail(&said, "%s names nobody: nobody gets in", o->operators);
		said_do(&said, "write a line for each operator; docs/operators.md");
	} else
		said_pass(&said, "%s, %d lines", o->operators, list->count);
	pen_put(pen, CHECK_OPERATORS, &said);
	free(text);
	free(list);
}

static void
look_passwords(struct pen *pen, const struct options *o)
{
	struct htpasswd *h = mem_alloc(sizeof *h);
	struct said said = {0};
	struct err err;
	size_t len = 0;
	char *text = NULL;

	if (!o->credentials[0])
		said_pass(&said, "none");
	else if (looks_not_ours(o, o->credentials, "credentials", &said))
		;
	else if ((text = trusted_read(
		      o->credentials, true, HTPASSWD_FILE_MAX, &len, &err)) == NULL ||
	    htpasswd_parse(h, text, len, &err) < 0) {
		said_err(&said, RESULT_FAIL, &err,
		    "make that line anew: htpasswd -B FILE NAME; docs/operators.md");
		if (text)
			said_more(&said, " (%s)", o->credentials);
	} else if (!o->operators[0]) {
		said_warn(&said, "%s is never asked: there is no operator list",
		    o->credentials);
		said_do(&said, "set operators, or take credentials out");
	} else
		said_pass(&said, "%s, %d names", o->credentials, h->count);
	pen_put(pen, CHECK_CREDENTIALS, &said);
	if (text)
		explicit_bzero(text, len);
	free(text);
	explicit_bzero(h, sizeof *h);
	free(h);
}

void
look_people(struct pen *pen, const struct options *o)
{
	look_operators(pen, o);
	look_passwords(pen, o);
}
