/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c: the console's own program; "breakglass" becomes it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "console/canvas.h"
#include "console/cast.h"
#include "console/console.h"
#include "console/help_text.h"
#include "console/player.h"
#include "console/tty.h"
#include "console/theme.h"
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

static const struct option long_options[] = {
    {"cast", required_argument, NULL, 'c'},
    {"history", required_argument, NULL, 'H'},
    {"copy", required_argument, NULL, 'C'},
    {"help-on", required_argument, NULL, 'o'},
    {"linear", no_argument, NULL, 'l'},
    {"log", no_argument, NULL, 'L'},
    {"name", required_argument, NULL, 'n'},
    {"pager", required_argument, NULL, 'p'},
    {"read-only", no_argument, NULL, 'r'},
    {"replay", required_argument, NULL, 'R'},
    {"sessions", required_argument, NULL, 'S'},
    {"size", required_argument, NULL, 'z'},
    {"socket", required_argument, NULL, 's'},
    {"speed", required_argument, NULL, 'x'},
    {"starter", required_argument, NULL, 'b'},
    {"theme", required_argument, NULL, 't'},
    {"vi", no_argument, NULL, 'v'},
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
	if (theme_use_name(name))
		return 0;
	fprintf(stderr,
	    "breakglass: there is no theme %.40s: dark, light, mono, "
	    "contrast or auto\n",
	    name);
	return -1;
}

static int
read_arguments(struct arguments *a, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'c')
			a->cast = optarg;
		else if (c == 'o')
			a->help_on = optarg;
		else if (c == 'l')
			a->console.linear = true;
		else if (c == 'L')
			a->log++;
		else if (c == 'H')
			a->console.history = optarg;
		else if (c == 'C')
			a->console.copy = optarg;
		else if (c == 'p')
			a->console.pager = optarg;
		else if (c == 'n')
			a->console.name = optarg;
		else if (c == 'r')
			a->console.read_only = true;
		else if (c == 'R')
			a->replay = optarg;
		else if (c == 'S')
			a->console.sessions = optarg;
		else if (c == 'z')
			a->size = optarg;
		else if (c == 's')
			a->console.socket_path = optarg;
		else if (c == 'b')
			a->console.starter = optarg;
		else if (c == 'x' && read_speed(a, optarg) == 0)
			continue;
		else if (c == 't' && read_theme(optarg) == 0)
			continue;
		else if (c == 'v')
			a->console.vi = true;
		else
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
	fprintf(
	    stderr, "breakglass: help knows no \"%.40s\"; it knows: %s\n", topic, topics);
	return EXIT_USAGE;
}

static int
show_again(struct arguments *a)
{
	struct err err = {0};
	char *path = journal_find(
	    a->console.sessions ? a->console.sessions : ".", a->replay, &err);
	int code;

	if (!path) {
		fprintf(stderr, "breakglass: %s\n", err.words);
		return EXIT_USAGE;
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
