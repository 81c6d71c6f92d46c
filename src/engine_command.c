/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine_command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "init.h"
#include "replace.h"
#include "start.h"

#define ENGINE_WORDS_MAX 16

enum mode { MODE_BE, MODE_ENSURE, MODE_REPLACE };

struct engine_args {
	enum mode mode;
	bool now, background, help, weak;
	int verbose;
};

static const struct option long_options[] = {
    {"background", no_argument, NULL, 'b'},
    {"ensure", no_argument, NULL, 'e'},
    {"help", no_argument, NULL, 'h'},
    {"now", no_argument, NULL, 'n'},
    {"replace", no_argument, NULL, 'r'},
    {"verbose", no_argument, NULL, 'v'},
    {"weak", no_argument, NULL, 'w'},
    {0},
};

static int
bad_words(const char *word)
{
	struct err err;

	err_set(&err, ERR_USAGE, "%.60s", word ? word : "");
	fprintf(stderr,
	    "breakglass engine%s%s: it takes -v, --weak, --ensure, or --replace "
	    "[--now] [--background]; nothing was started\n",
	    word ? ": not " : "", err.words);
	return COMMAND_USAGE;
}

static bool
takes_option(struct engine_args *a, int c)
{
	if (c == 'b')
		a->background = true;
	else if (c == 'e' && a->mode != MODE_REPLACE)
		a->mode = MODE_ENSURE;
	else if (c == 'h')
		a->help = true;
	else if (c == 'n')
		a->now = true;
	else if (c == 'r' && a->mode != MODE_ENSURE)
		a->mode = MODE_REPLACE;
	else if (c == 'v')
		a->verbose++;
	else if (c == 'w')
		a->weak = true;
	else
		return false;
	return true;
}

/* argv[0] is the word "engine" or the program: getopt begins behind it. */
static int
parse(struct engine_args *a, int argc, char **argv)
{
	char arg0[] = "engine", *words[ENGINE_WORDS_MAX + 2] = {arg0};
	int c;

	if (argc > ENGINE_WORDS_MAX)
		return bad_words(NULL);
	for (int i = 0; i < argc; i++)
		words[i + 1] = argv[i];
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc + 1, words, "hv", long_options, NULL)) != -1)
		if (!takes_option(a, c))
			return bad_words(words[optind - 1]);
	if (optind <= argc)
		return bad_words(words[optind]);
	if ((a->now || a->background) && a->mode != MODE_REPLACE)
		return bad_words(NULL);
	return 0;
}

static int
be_engine(const struct options *o, int verbose)
{
	char arg0[] = "breakglass-engine", level[4] = "-v";
	char *args[] = {arg0, verbose ? level : NULL, NULL};
	struct err err;
	int code;

	if (verbose > 1)
		snprintf(level, sizeof level, "-vv");
	if (init_is_needed() && (code = init_fork()) >= 0)
		return code;
	start_become(o, "engine", args, &err);
	fprintf(stderr, "breakglass: %s\n", err.words);
	return COMMAND_FAILED;
}

static int
ensure(const struct options *o, int verbose)
{
	struct err err;
	int fd = start_connect(o, START_BACKGROUND, verbose, &err);

	if (fd >= 0) {
		close(fd);
		return COMMAND_OK;
	}
	fprintf(stderr, "breakglass: %s\n", err.words);
	return err.code == ERR_DENIED ? COMMAND_NO_ACCESS
	    : err.code == ERR_BUSY    ? COMMAND_BUSY
				      : COMMAND_UNREACHABLE;
}

int
engine_command(const struct options *o, int verbose, int argc, char **argv)
{
	struct engine_args a = {.verbose = verbose};
	enum replace_next next;
	int rc;

	if (parse(&a, argc, argv) != 0)
		return COMMAND_USAGE;
	if (a.help) {
		command_help();
		return COMMAND_OK;
	}
	if (a.weak)
		setenv("BREAKGLASS_WEAK", "yes",
		    1); /* for the engine that we start or become */
	if (a.mode == MODE_ENSURE)
		return ensure(o, a.verbose);
	if (a.mode == MODE_REPLACE) {
		rc = replace_engine(&(struct replace_opts){.options = o,
					.now = a.now,
					.background = a.background,
					.verbose = a.verbose},
		    &next);
		if (next == REPLACE_DONE)
			return rc;
	}
	return be_engine(o, a.verbose);
}
