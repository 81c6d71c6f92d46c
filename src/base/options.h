/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * options.h: the settings, read once.
 *
 * Order, later beats earlier: defaults of options.def, SYSCONFDIR/breakglass.conf,
 * ~/.config/breakglass.conf (XDG_CONFIG_HOME honoured), the file that
 * BREAKGLASS_CONFIG names, the environment.  An unknown key, a number that is
 * none and an unreadable named file are errors: they name file and line.
 *
 * A section [endpoint NAME] of a file describes one server of the Messages API;
 * their order is that of preference.  A later file's section of the same name
 * changes the earlier one's keys.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/err.h"

#define OPTION_TYPE_STR const char *
#define OPTION_TYPE_PATH const char *
#define OPTION_TYPE_INT long
#define OPTION_TYPE_KIND const char *
#define OPTION_TYPE_SWITCH int /* 1, 0, or -1: as the kind has it */
#define OPTION_TYPE_USD double

#define OPTIONS_ENDPOINTS_MAX 8
#define OPTIONS_ENDPOINT_NAME_MAX 32 /* bytes: a-z, 0-9, - */

struct option_endpoint {
	const char *name;
#define ENDPOINT(key, type, def, meaning) OPTION_TYPE_##type key;
#include "base/options.def"
};

struct options {
#define OPTION(name, type, env, def, meaning) OPTION_TYPE_##type name;
#include "base/options.def"
	struct option_endpoint endpoints[OPTIONS_ENDPOINTS_MAX];
	int n_endpoints;
};

/* Fills o (all strings are owned by it, never NULL) or returns -1. */
int options_load(struct options *o, struct err *err) MUST_CHECK;
void options_fini(struct options *o);

/* Prints every option with environment name, default and meaning (for --help). */
void options_print(void);

/*
 * run_dir with its default worked out: new string, caller frees.  Falls back to
 * /tmp/breakglass-UID when XDG_RUNTIME_DIR is unset, no directory, or another's.
 */
char *options_run_dir(const struct options *o);

#define OPTIONS_FILES 3

/*
 * The files that options_load reads, in its order, whether they are there or not; the
 * last is the one that BREAKGLASS_CONFIG names, or NULL.  New strings.
 */
void options_files(char *files[OPTIONS_FILES]);

/* The home directory: HOME, else the passwd entry, else "/".  New string. */
char *options_home(void);

#endif
