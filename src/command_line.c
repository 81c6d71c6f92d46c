/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command_line.c: what the words and options of a command line mean. */
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "command.h"

#define LONG_ONLY 256 /* getopt's value of the first option without a letter */
#define OPT_AS (LONG_ONLY + OPTS)
#define OPT_VERSION (LONG_ONLY + OPTS + 1)

static const struct option long_options[] = {
    {"as", required_argument, NULL, OPT_AS},
    {"confirm", required_argument, NULL, LONG_ONLY + OPT_CONFIRM},
    {"credential-fd", required_argument, NULL, LONG_ONLY + OPT_CREDENTIAL_FD},
    {"follow", no_argument, NULL, LONG_ONLY + OPT_FOLLOW},
    {"help", no_argument, NULL, 'h'},
    {"json", no_argument, NULL, LONG_ONLY + OPT_JSON},
    {"linear", no_argument, NULL, LONG_ONLY + OPT_LINEAR},
    {"offline", no_argument, NULL, LONG_ONLY + OPT_OFFLINE},
    {"read-only", no_argument, NULL, LONG_ONLY + OPT_READ_ONLY},
    {"since", required_argument, NULL, LONG_ONLY + OPT_SINCE},
    {"speed", required_argument, NULL, LONG_ONLY + OPT_SPEED},
    {"tail", required_argument, NULL, LONG_ONLY + OPT_TAIL},
    {"theme", required_argument, NULL, LONG_ONLY + OPT_THEME},
    {"verbose", no_argument, NULL, 'v'},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static void
operator_name(char out[WIRE_NAME_MAX + 1])
{
	const char *name = getenv("SUDO_USER");
	struct passwd *pw;

	if (!name || !*name)
		name = getenv("USER");
	if ((!name || !*name) && (pw = getpwuid(getuid())) != NULL)
		name = pw->pw_name;
	if (name && *name)
		snprintf(out, WIRE_NAME_MAX + 1, "%s", name);
	else
		snprintf(out, WIRE_NAME_MAX + 1, "uid%ld", (long)getuid());
}

/* permute: options may stand behind words, too. */
static int
parse(struct command_opts *c, int argc, char **argv, bool permute)
{
	struct err err;
	int opt;

	optind = 0; /* anew, whatever was parsed before */
	opterr = 0;
	while ((opt = getopt_long(
		    argc, argv, permute ? "hv" : "+hv", long_options, NULL)) != -1) {
		if (opt >= LONG_ONLY && opt < LONG_ONLY + OPTS) {
			c->given |= 1U << (opt - LONG_ONLY);
			c->value[opt - LONG_ONLY] = optarg;
		} else if (opt == OPT_AS) {
			snprintf(c->name, sizeof c->name, "%s", optarg);
		} else if (opt == OPT_VERSION) {
			c->version = true;
		} else if (opt == 'v') {
			c->verbose++;
		} else if (opt == 'h') {
			c->help = true;
		} else {
			err_option(&err, argv[optind > 0 ? optind - 1 : 0]);
			fprintf(stderr, "%s: %s\nTry: breakglass --help\n", argv[0],
			    err.words);
			return -1;
		}
	}
	c->confirm = c->value[OPT_CONFIRM];
	c->json = c->given & 1U << OPT_JSON;
	return 0;
}

static const char *
option_name(int opt)
{
	const struct option *o = long_options;

	while (o->name && o->val != LONG_ONLY + opt)
		o++;
	return o->name ? o->name : "?";
}

/* An option that means nothing here was meant to mean something. */
static int
check_options(const struct command_opts *c, const struct command *row)
{
	unsigned takes =
	    row ? row->options : 1U << OPT_LINEAR | 1U << OPT_READ_ONLY | 1U << OPT_THEME;

	if (row && row->words_max == COMMAND_RAW)
		takes |= 1U << OPT_JSON; /* handed on */
	else if (row && row->group != GROUP_RECORD && row->group != GROUP_REHEARSE &&
	    row->group != GROUP_ENGINE)
		takes |= 1U << OPT_CREDENTIAL_FD; /* whatever asks an engine */
	for (int o = 0; o < OPTS; o++) {
		if (!(c->given & ~takes & 1U << o))
			continue;
		fprintf(stderr, "breakglass%s%s takes no --%s; nothing was sent\n",
		    row ? " " : "", row ? c->word : "", option_name(o));
		return -1;
	}
	return 0;
}

static int
check_words(const struct command_opts *c, const struct command *row, int count)
{
	if (row->words_max == COMMAND_RAW ||
	    (count >= row->words_min &&
		(row->words_max == COMMAND_TEXT || count <= row->words_max)))
		return 0;
	if (row->words_max == 0)
		fprintf(stderr,
		    "breakglass %s takes no further words; nothing was sent\n", c->word);
	else
		command_usage(row);
	return -1;
}

int
command_parse(struct command_opts *c, int argc, char **argv, const struct command **found,
    int *count, char ***words)
{
	static char arg0[] = "breakglass";
	const struct command *row;
	struct err err;

	*found = NULL;
	*count = 0;
	operator_name(c->name);
	if (parse(c, argc, argv, false) < 0)
		return -1;
	argc -= optind;
	argv += optind;
	if (argc == 0 || c->help || c->version)
		return c->help || c->version ? 0 : check_options(c, NULL);
	row = *found = command_by_word(argv[0]);
	if (!row) {
		err_set(&err, ERR_USAGE, "there is no command \"%.40s\"", argv[0]);
		fprintf(stderr, "breakglass: %s; try: breakglass --help\n", err.words);
		return -1;
	}
	c->word = argv[0];
	argv[0] = arg0; /* getopt's complaints begin with it */
	optind = 1;
	if (row->words_max != COMMAND_RAW &&
	    parse(c, argc, argv, row->words_max != COMMAND_TEXT) < 0)
		return -1;
	*count = argc - optind;
	*words = argv + optind;
	if (c->help || c->version)
		return 0;
	return check_options(c, row) < 0 ? -1 : check_words(c, row, *count);
}
