/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * commands.c: the table of commands, and the help that is made of it.
 *
 * build-aux/check-tables holds man/breakglass.1 against the rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "become.h"
#include "command.h"

#define HELP_COLS 79
#define HELP_TEXT 27 /* the column of what a command does */

#define JSON (1U << OPT_JSON)

static int
run_verb(const struct command_opts *c, int count, char **words)
{
	return command_verb(c, (enum verb)verb_by_name(c->word, strlen(c->word)));
}

static int
run_ask(const struct command_opts *c, int count, char **words)
{
	char *text = command_text(c, count, words);
	int rc = text ? command_ask(c, text) : COMMAND_USAGE;

	free(text);
	return rc;
}

static int
run_runbook(const struct command_opts *c, int count, char **words)
{
	return command_runbook(c, words[0], c->given & 1U << OPT_OFFLINE);
}

static int
run_verdict(const struct command_opts *c, int count, char **words)
{
	return command_verdict(c);
}

static int
run_ping(const struct command_opts *c, int count, char **words)
{
	return command_ping(c);
}

static int
run_help(const struct command_opts *c, int count, char **words)
{
	if (count > 0)
		return become_help(c, words[0]);
	command_help();
	return COMMAND_OK;
}

/* keep sorted within a group; the six verbs are rows of verbs.def */
const struct command commands[] = {
    {"agent", GROUP_AGENT, 0, 2, JSON, "[DRIVER [ENDPOINT]]",
	"who answers; from now on auto, cli, api or runbook", command_agent},
    {"answer", GROUP_AGENT, 2, 2, JSON, "ID y|n", "to what the agent asks",
	command_answer},
    {"ask", GROUP_AGENT, 1, COMMAND_TEXT, JSON, "TEXT",
	"a prompt for the agent; its answer on standard output", run_ask},
    {"autonomy", GROUP_AGENT, 1, 1, JSON, "LEVEL",
	"what it may do from now on: observe, repair or autonomous", command_autonomy},
    {"cancel", GROUP_AGENT, 0, 0, JSON, "", "stop the agent's turn", command_cancel},
    {"end", GROUP_AGENT, 1, 1, JSON, "RUN",
	"a command that runs on a host; never a mutating verb", command_end},
    {"kill", GROUP_AGENT, 0, 1, JSON, "[off]",
	"kill switch: the agent ends at once and is refused; off lifts it", command_kill},
    {"runbook", GROUP_AGENT, 1, 1, JSON | 1U << OPT_OFFLINE, "NAME [--offline]",
	"triage, memory, disk, services, qemu or one of yours; --offline: without a "
	"model",
	run_runbook},
    {"accept-key", GROUP_CASE, 2, 2, JSON, "HOST FINGERPRINT",
	"take a host's new key for good: devvm or pve, as it was shown",
	command_accept_key},
    {"events", GROUP_CASE, 0, 0,
	JSON | 1U << OPT_FOLLOW | 1U << OPT_SINCE | 1U << OPT_TAIL,
	"[--follow] [--since SEQ | --tail N]",
	"what was told in this incident, and what is told from now on", command_events},
    {"incident", GROUP_CASE, 1, 1, JSON, "new|close",
	"open another incident; close this one", command_incident},
    {"note", GROUP_CASE, 1, COMMAND_TEXT, JSON, "TEXT", "a line for the journal",
	command_note},
    {"ping", GROUP_CASE, 0, 0, JSON, "", "is an engine there? (starts none)", run_ping},
    {"retry", GROUP_CASE, 0, 0, JSON, "",
	"write what waits in memory into the journal now, if a disk takes it",
	command_retry},
    {"state", GROUP_CASE, 0, 1, JSON, "[WHAT]",
	"what is true now: vm, link, slot, agent, ...", command_state},
    {"verdict", GROUP_CASE, 0, 0, JSON, "",
	"what is wrong and what helps, with the evidence", run_verdict},
    {"who", GROUP_CASE, 0, 0, JSON, "", "who is attached, with which proof, and drives",
	command_who},
    {"export", GROUP_RECORD, 0, COMMAND_RAW, JSON, "[ID] [-o FILE] [--asciicast]",
	"an incident as one file for a ticket", become_record},
    {"incidents", GROUP_RECORD, 0, COMMAND_RAW, JSON, "[--all]",
	"the incidents on record", become_record},
    {"journal", GROUP_RECORD, 0, COMMAND_RAW, JSON, "[ID] | verify [ID|FILE...]",
	"what is on record, readable; is it whole and unchanged?", become_record},
    {"replay", GROUP_RECORD, 0, 1, 1U << OPT_LINEAR | 1U << OPT_SPEED | 1U << OPT_THEME,
	"[ID] [--speed N]", "an incident again, in the same panes", become_replay},
    {"report", GROUP_RECORD, 0, COMMAND_RAW, JSON, "[ID] [-o FILE]",
	"a post-mortem in Markdown", become_record},
    {"doctor", GROUP_REHEARSE, 0, 0, JSON | 1U << OPT_OFFLINE, "[--offline]",
	"look at everything that a recovery will need; each line with its mend",
	become_doctor},
    {"drill", GROUP_REHEARSE, 0, COMMAND_RAW, JSON | 1U << OPT_LINEAR,
	"[WEDGE] [--auto] [--keep] | --list | --site",
	"rehearse a recovery in a lab on this machine; or look at the real site, and "
	"change nothing",
	become_drill},
    {"engine", GROUP_ENGINE, 0, COMMAND_RAW, 0, "[--ensure | --replace [--now]]",
	"be it in the foreground; have one; put a new one in", become_engine},
    {"help", GROUP_ENGINE, 0, 1, 0, "[TOPIC]",
	"this; or of the screen: keys, verbs, browse, replay, linear, cold", run_help},
    {NULL},
};

const struct command *
command_by_word(const char *word)
{
	static const struct command verb = {"", GROUP_VERBS, 0, 0,
	    JSON | 1U << OPT_CONFIRM, "[--confirm VERB]", "", run_verb};

	for (const struct command *row = commands; row->word; row++)
		if (strcmp(row->word, word) == 0)
			return row;
	return verb_by_name(word, strlen(word)) < 0 ? NULL : &verb;
}

void
command_usage(const struct command *row)
{
	fprintf(stderr, "breakglass %s %s: %s\n", row->word, row->args, row->does);
}

/* "  head   text", the text wrapped. */
static void
help_row(const char *head, const char *text)
{
	int col = printf("  %-*s", HELP_TEXT - 3, head);

	if (col > HELP_TEXT - 1) {
		putchar('\n');
		col = 0;
	}
	while (*text) {
		int len = (int)strcspn(text, " ");

		if (col > HELP_TEXT && col + 1 + len > HELP_COLS) {
			putchar('\n');
			col = 0;
		}
		col += printf(
		    "%*s%.*s", col < HELP_TEXT ? HELP_TEXT - col : 1, "", len, text);
		text += len;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void
help_commands(void)
{
	static const char *const titles[GROUPS] = {
	    [GROUP_AGENT] = "The agent:",
	    [GROUP_CASE] = "The case in hand:",
	    [GROUP_RECORD] =
		"What was (ID: an incident's, its beginning, a file, or last):",
	    [GROUP_REHEARSE] = "Before it happens:",
	    [GROUP_ENGINE] = "The engine, and this page:",
	};
	char head[80];

	for (int g = GROUP_VERBS + 1; g < GROUPS; g++) {
		if (!titles[g])
			continue;
		printf("\n%s\n", titles[g]);
		for (const struct command *row = commands; row->word; row++) {
			if ((int)row->group != g)
				continue;
			snprintf(head, sizeof head, "%s %s", row->word, row->args);
			help_row(head, row->does);
		}
	}
}

void
command_help(void)
{
	puts("breakglass: regain control of VM 102 (the devvm) when it is wedged\n"
	     "\n"
	     "breakglass [--as NAME] [--read-only] [--linear]      the console\n"
	     "breakglass COMMAND ...\n"
	     "\n"
	     "The six verbs; the last four need --confirm and the verb again:");
	for (int v = 0; v < VERBS; v++)
		help_row(verb_rows[v].name, verb_rows[v].does);
	help_commands();
	puts(
	    "\nOptions, before or behind the command (a text begins with its first word):");
	help_row("--as NAME", "your name in the journal (default: SUDO_USER, USER, uid)");
	help_row("--confirm VERB", "must repeat a mutating verb, or nothing is sent");
	help_row("--credential-fd N",
	    "NAME:PASSWORD is read there, where the operator list "
	    "does not name you; else it is typed");
	help_row("--json", "JSON lines instead of text, docs/json.md");
	help_row("--linear", "no cursor movement: for screen readers and dumb terminals");
	help_row("-v, -vv", "diagnostics in the run directory (engine.log, console.log)");
	help_row("--version", "of this program");
	puts(
	    "\n"
	    "Exit: 0 done and verified, 1 failed, 64 usage or refused, 69 host or engine\n"
	    "unreachable, 75 busy, 76 outcome unknown, 77 no access.\n"
	    "\n"
	    "Settings (breakglass.conf, or the environment):");
	options_print();
}
