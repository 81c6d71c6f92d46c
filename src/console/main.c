/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c: the console's own program; "breakglass" becomes it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "console/draw/canvas.h"
#include "console/replay/cast.h"
#include "console/console.h"
#include "console/view/help_text.h"
#include "console/replay/player.h"
#include "console/term/tty.h"
#include "console/draw/theme.h"
#include "wire/journal_file.h"

#define HELP_COLS 78
#define EXIT_USAGE 64 /* no such incident, too */

struct arguments {
	struct console_opts console;
	const char *replay; /* what was asked for */
	const char *cast, *size;
	const char *help_on; /* a topic of the help: printed, and that is all */
	int log;
};

/* Also the cases of a switch: no two can be the same. */
enum {
	ARG_CAST = 256,
	ARG_COPY,
	ARG_HELP_ON,
	ARG_HISTORY,
	ARG_LINEAR,
	ARG_LOG,
	ARG_NAME,
	ARG_PAGER,
	ARG_READ_ONLY,
	ARG_REPLAY,
	ARG_SESSIONS,
	ARG_SIZE,
	ARG_SOCKET,
	ARG_SPEED,
	ARG_STARTER,
	ARG_THEME,
	ARG_VI,
};

static const struct option long_options[] = {
    {"cast", required_argument, NULL, ARG_CAST},
    {"copy", required_argument, NULL, ARG_COPY},
    {"help-on", required_argument, NULL, ARG_HELP_ON},
    {"history", required_argument, NULL, ARG_HISTORY},
    {"linear", no_argument, NULL, ARG_LINEAR},
    {"log", no_argument, NULL, ARG_LOG},
    {"name", required_argument, NULL, ARG_NAME},
    {"pager", required_argument, NULL, ARG_PAGER},
    {"read-only", no_argument, NULL, ARG_READ_ONLY},
    {"replay", required_argument, NULL, ARG_REPLAY},
    {"sessions", required_argument, NULL, ARG_SESSIONS},
    {"size", required_argument, NULL, ARG_SIZE},
    {"socket", required_argument, NULL, ARG_SOCKET},
    {"speed", required_argument, NULL, ARG_SPEED},
    {"starter", required_argument, NULL, ARG_STARTER},
    {"theme", required_argument, NULL, ARG_THEME},
    {"vi", no_argument, NULL, ARG_VI},
    {0},
};

/* console.log beside the socket, in a directory that is ours alone. */
static void
open_log(const char *socket_path, int level)
{
	const char *slash = socket_path ? strrchr(socket_path, '/') : NULL;
	char *path;

	if (level == 0 || !slash)
		return;
	path = mem_printf("%.*s/console.log", (int)(slash - socket_path), socket_path);
	log_open(path, level);
	free(path);
}

/* 1 to 64, or that all comes at once. */
static int
read_speed(struct arguments *a, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (strcmp(text, "instant") == 0)
		a->console.speed = 0;
	else if (end == text || *end != '\0' || n < 0 || n > PLAYER_SPEED_MAX)
		return fprintf(stderr, "breakglass: --speed takes 1 to %d, or instant\n",
			   PLAYER_SPEED_MAX),
		       -1;
	else
		a->console.speed = (int)n;
	return 0;
}

static int
read_theme(const char *name)
{
	struct err err;

	if (theme_use_name(name))
		return 0;
	err_set(&err, ERR_USAGE,
	    "there is no theme %.40s: dark, light, mono, contrast or auto", name);
	fprintf(stderr, "breakglass: %s\n", err.words);
	return -1;
}

static int
read_argument(struct arguments *a, int c, char *value)
{
	switch (c) {
	case ARG_CAST:
		a->cast = value;
		return 0;
	case ARG_COPY:
		a->console.copy = value;
		return 0;
	case ARG_HELP_ON:
		a->help_on = value;
		return 0;
	case ARG_HISTORY:
		a->console.history = value;
		return 0;
	case ARG_LINEAR:
		a->console.linear = true;
		return 0;
	case ARG_LOG:
		a->log++;
		return 0;
	case ARG_NAME:
		a->console.name = value;
		return 0;
	case ARG_PAGER:
		a->console.pager = value;
		return 0;
	case ARG_READ_ONLY:
		a->console.read_only = true;
		return 0;
	case ARG_REPLAY:
		a->replay = value;
		return 0;
	case ARG_SESSIONS:
		a->console.sessions = value;
		return 0;
	case ARG_SIZE:
		a->size = value;
		return 0;
	case ARG_SOCKET:
		a->console.socket_path = value;
		return 0;
	case ARG_SPEED:
		return read_speed(a, value);
	case ARG_STARTER:
		a->console.starter = value;
		return 0;
	case ARG_THEME:
		return read_theme(value);
	case ARG_VI:
		a->console.vi = true;
		return 0;
	default:
		return -1;
	}
}

static int
read_arguments(struct arguments *a, int argc, char **argv)
{
	struct err err;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == '?') {
			err_option(&err, argv[optind - 1]);
			fprintf(stderr, "console: %s\n", err.words);
		}
		if (read_argument(a, c, optarg) < 0)
			return -1;
	}
	return a->console.socket_path || a->replay || a->help_on ? 0 : -1;
}

static int
record_cast(const struct arguments *a, const char *path)
{
	int cols = CAST_COLS, rows = CAST_ROWS;
	struct err err = {0};
	char rest;

	if (a->size &&
	    (sscanf(a->size, "%dx%d%c", &cols, &rows, &rest) != 2 || cols < 10 ||
		rows < 3 || cols > CANVAS_COLS_MAX || rows > CANVAS_ROWS_MAX)) {
		fprintf(stderr, "breakglass: --size takes COLSxROWS, as in 80x24\n");
		return EXIT_USAGE;
	}
	if (cast_write(path, a->cast, cols, rows, &err) == 0)
		return 0;
	fprintf(stderr, "breakglass: %s\n", err.words);
	return 1;
}

/* The words of F1, for a shell. */
static int
print_help(const char *topic)
{
	char topics[128];
	struct lines l;
	struct err err;
	bool known;

	tty_utf8();
	lines_init(&l, HELP_COLS);
	known = help_topic(&l, topic);
	for (size_t i = 0; i < l.count; i++)
		printf(
		    "%.*s\n", (int)l.line[i].len, l.line[i].text ? l.line[i].text : "");
	lines_fini(&l);
	if (known)
		return 0;
	help_topics(topics, sizeof topics);
	err_set(&err, ERR_USAGE, "help knows no \"%.40s\"; it knows: %s", topic, topics);
	fprintf(stderr, "breakglass: %s\n", err.words);
	return EXIT_USAGE;
}

static int
show_again(struct arguments *a)
{
	struct err err = {0};
	char *path = journal_find(
	    a->console.sessions ? a->console.sessions : ".", a->replay, &err);
	struct journal_file *file = path ? journal_file_open(path, &err) : NULL;
	int code;

	journal_file_close(file);
	if (!file) {
		fprintf(stderr, "breakglass: %s\n", err.words);
		free(path);
		return !path || err.code == ERR_USAGE ? EXIT_USAGE : 1;
	}
	a->console.replay = path;
	if (a->cast)
		code = record_cast(a, path);
	else
		code = console_main(&a->console);
	free(path);
	return code;
}

int
main(int argc, char **argv)
{
	struct arguments a = {.console = {.name = "operator", .speed = -1, .argv = argv}};

	if (read_arguments(&a, argc, argv) < 0)
		return EXIT_USAGE;
	if (a.help_on)
		return print_help(a.help_on);
	open_log(a.console.socket_path, a.log);
	return a.replay ? show_again(&a) : console_main(&a.console);
}
