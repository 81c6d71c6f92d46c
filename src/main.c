/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c: the command line decides the role: console, engine, or a one-shot. */
#include <getopt.h>
#include <locale.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "command.h"
#include "start.h"
#include "wire/messages.h"

struct cli {
	char name[WIRE_NAME_MAX + 1];
	const char *confirm;
	bool json, read_only, linear, offline;
	int verbose;
};

enum long_only {
	OPT_AS = 256,
	OPT_CONFIRM,
	OPT_JSON,
	OPT_LINEAR,
	OPT_OFFLINE,
	OPT_READ_ONLY,
	OPT_VERSION
};

static const struct option long_options[] = {
    {"as", required_argument, NULL, OPT_AS},
    {"confirm", required_argument, NULL, OPT_CONFIRM},
    {"help", no_argument, NULL, 'h'},
    {"json", no_argument, NULL, OPT_JSON},
    {"linear", no_argument, NULL, OPT_LINEAR},
    {"offline", no_argument, NULL, OPT_OFFLINE},
    {"read-only", no_argument, NULL, OPT_READ_ONLY},
    {"verbose", no_argument, NULL, 'v'},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static void
print_help(void)
{
	puts("breakglass: regain control of VM 102 (the devvm) when it is wedged\n"
	     "\n"
	     "  breakglass [--as NAME] [--read-only] [--linear]   the console\n"
	     "  breakglass VERB [--confirm VERB] [--json]         one of the six verbs:");
	for (int v = 0; v < VERBS; v++)
		printf("      %-10s %s\n", verb_rows[v].name, verb_rows[v].does);
	puts(
	    "  breakglass ask TEXT [--json]     a prompt for the agent; its answer on stdout\n"
	    "  breakglass runbook NAME [--offline] [--json]   triage, memory, disk, services, qemu\n"
	    "                                   or one of yours; --offline: without a model\n"
	    "  breakglass agent [auto|cli|api|runbook [ENDPOINT]] [--json]   who answers\n"
	    "  breakglass answer ID y|n         to what the agent asks\n"
	    "  breakglass verdict [--json]      what is wrong and what helps, with the evidence\n"
	    "  breakglass ping [--json]         is an engine there? (starts none)\n"
	    "  breakglass engine [-v]           the engine in the foreground (a pod's main process)\n"
	    "  breakglass help | --version\n"
	    "\n"
	    "  --as NAME      your name in the journal (default: SUDO_USER, USER, uid)\n"
	    "  --linear       no cursor movement: for screen readers and dumb terminals\n"
	    "  -v, -vv        diagnostics in the run directory (engine.log, console.log)\n"
	    "\n"
	    "Exit: 0 done and verified, 1 failed, 64 usage or refused, 69 host or engine\n"
	    "unreachable, 75 busy, 76 outcome unknown, 77 no access.\n"
	    "\n"
	    "Settings (breakglass.conf, or the environment):");
	options_print();
}

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

/* -1: go on; else the exit code. */
static int
parse(struct cli *cli, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "+hv", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_AS:
			snprintf(cli->name, sizeof cli->name, "%s", optarg);
			break;
		case OPT_CONFIRM:
			cli->confirm = optarg;
			break;
		case OPT_JSON:
			cli->json = true;
			break;
		case OPT_LINEAR:
			cli->linear = true;
			break;
		case OPT_OFFLINE:
			cli->offline = true;
			break;
		case OPT_READ_ONLY:
			cli->read_only = true;
			break;
		case 'v':
			cli->verbose++;
			break;
		case 'h':
			print_help();
			return COMMAND_OK;
		case OPT_VERSION:
			puts(PACKAGE_STRING);
			return COMMAND_OK;
		default:
			fputs("Try: breakglass --help\n", stderr);
			return COMMAND_USAGE;
		}
	}
	return -1;
}

/* Options may stand before and behind the word: "breakglass cycle --confirm cycle". */
static int
parse_all(
    struct cli *cli, int argc, char **argv, char **word, char ***rest, int *rest_count)
{
	int rc;

	operator_name(cli->name);
	rc = parse(cli, argc, argv);
	*word = NULL;
	if (rc >= 0 || optind >= argc)
		return rc;
	*word = argv[optind];
	argc -= optind;
	argv += optind;
	optind = 0;
	rc = parse(cli, argc, argv);
	*rest = argv + optind;
	*rest_count = argc - optind;
	/* behind a runbook's name, too; the words of a text are no options */
	if (rc < 0 && strcmp(*word, "runbook") == 0 && *rest_count > 1) {
		optind = 0;
		rc = parse(cli, *rest_count, *rest);
		*rest_count -= optind - 1;
	}
	return rc;
}

/* Becomes the console; the engine is up then, or why it is not has been said. */
static int
run_console(struct cli *cli, const struct options *o)
{
	struct err err;
	char *path = start_socket_path(o), *argv[11];
	int fd = start_connect(o, START_BACKGROUND, cli->verbose, &err), argc = 0;
	static char arg0[] = "breakglass", socket[] = "--socket", name[] = "--name",
		    read_only[] = "--read-only", linear[] = "--linear", vi[] = "--vi",
		    log[] = "--log";

	if (fd < 0) {
		fprintf(stderr, "breakglass: %s\n", err.words);
		free(path);
		return err.code == ERR_DENIED ? COMMAND_NO_ACCESS : COMMAND_UNREACHABLE;
	}
	close(fd); /* the console connects by itself, and again when it must */
	argv[argc++] = arg0;
	argv[argc++] = socket;
	argv[argc++] = path;
	argv[argc++] = name;
	argv[argc++] = cli->name;
	if (cli->read_only)
		argv[argc++] = read_only;
	if (cli->linear)
		argv[argc++] = linear;
	if (strcmp(o->editing, "vi") == 0)
		argv[argc++] = vi;
	for (int i = 0; i < cli->verbose && i < 2; i++)
		argv[argc++] = log;
	argv[argc] = NULL;
	start_become(o, "console", argv, &err);
	fprintf(stderr, "breakglass: %s\n", err.words);
	free(path);
	return COMMAND_FAILED;
}

static int
run_engine(const struct cli *cli, const struct options *o)
{
	char arg0[] = "breakglass-engine", verbose[4] = "-v";
	char *argv[] = {arg0, cli->verbose ? verbose : NULL, NULL};
	struct err err;

	if (cli->verbose > 1)
		snprintf(verbose, sizeof verbose, "-vv");
	start_become(o, "engine", argv, &err);
	fprintf(stderr, "breakglass: %s\n", err.words);
	return COMMAND_FAILED;
}

static char *
join(char **words, int count)
{
	char *text = mem_dup("");

	for (int i = 0; i < count; i++) {
		char *more = mem_printf("%s%s%s", text, i ? " " : "", words[i]);

		free(text);
		text = more;
	}
	return text;
}

static int
run_ask(const struct command_opts *c, char **words, int count)
{
	char *text = join(words, count);
	int rc = COMMAND_USAGE;

	if (*text)
		rc = command_ask(c, text);
	else
		fputs("breakglass ask TEXT: the text is missing\n", stderr);
	free(text);
	return rc;
}

static int
run_answer(const struct command_opts *c, char **words, int count)
{
	if (count == 2 && (strcmp(words[1], "y") == 0 || strcmp(words[1], "n") == 0))
		return command_answer(c, words[0], words[1][0] == 'y');
	fputs("breakglass answer ID y|n: as in breakglass answer q3 y\n", stderr);
	return COMMAND_USAGE;
}

static int
run_word(const struct cli *cli, const struct options *o, const char *word, char **rest,
    int count)
{
	struct command_opts c = {.options = o,
	    .name = cli->name,
	    .confirm = cli->confirm,
	    .json = cli->json,
	    .verbose = cli->verbose};
	int verb = verb_by_name(word, strlen(word));

	if (strcmp(word, "ask") == 0)
		return run_ask(&c, rest, count);
	if (strcmp(word, "runbook") == 0 && count == 1)
		return command_runbook(&c, rest[0], cli->offline);
	if (strcmp(word, "agent") == 0 && count <= 2)
		return command_agent(
		    &c, count > 0 ? rest[0] : NULL, count > 1 ? rest[1] : NULL);
	if (strcmp(word, "answer") == 0)
		return run_answer(&c, rest, count);
	if (strcmp(word, "runbook") == 0) {
		fputs("breakglass runbook NAME: one name is needed\n", stderr);
		return COMMAND_USAGE;
	}
	if (count > 0) {
		fprintf(stderr,
		    "breakglass %s takes no further words; nothing was sent\n", word);
		return COMMAND_USAGE;
	}
	if (verb >= 0)
		return command_verb(&c, (enum verb)verb);
	if (strcmp(word, "ping") == 0)
		return command_ping(&c);
	if (strcmp(word, "verdict") == 0)
		return command_verdict(&c);
	if (strcmp(word, "engine") == 0)
		return run_engine(cli, o);
	if (strcmp(word, "help") == 0) {
		print_help();
		return COMMAND_OK;
	}
	fprintf(stderr,
	    "breakglass: there is no command \"%.40s\"; try: breakglass --help\n", word);
	return COMMAND_USAGE;
}

static void
use_utf8(void)
{
	if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX < 4)
		setlocale(LC_CTYPE, "C.UTF-8");
}

int
main(int argc, char **argv)
{
	struct cli cli = {0};
	struct options o;
	struct err err;
	char *word, **rest = NULL;
	int count = 0, rc;

	use_utf8();
	rc = parse_all(&cli, argc, argv, &word, &rest, &count);
	if (rc >= 0)
		return rc;
	if (options_load(&o, &err) < 0) {
		fprintf(stderr, "breakglass: %s\n", err.words);
		return COMMAND_USAGE;
	}
	rc = word ? run_word(&cli, &o, word, rest, count) : run_console(&cli, &o);
	options_fini(&o);
	return rc;
}
