/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/checks.h"

#include <string.h>

#define NETWORK "it needs the network, and no key that acts needs it"
#define AGENT "it is about the agent, and no key that acts needs one"

static const struct {
	const char *word, *title;
} groups[IN_GROUPS] = {
    [IN_MACHINE] = {"machine", "This machine"},
    [IN_ENGINE] = {"engine", "The engine"},
    [IN_DEVVM] = {"devvm", "The devvm"},
    [IN_PVE] = {"pve", "The PVE host"},
    [IN_AGENT] = {"agent", "The agent"},
    [IN_PRACTICE] = {"practice", "Practice"},
    [IN_OFFLINE] = {"offline", "Nothing from outside"},
};

const struct check_row check_rows[CHECKS] = {
    [CHECK_CONFIG] = {IN_MACHINE, "config", "settings", NULL},
    [CHECK_KEY] = {IN_MACHINE, "key", "SSH key", NULL},
    [CHECK_CUSTODY] = {IN_MACHINE, "custody", "custody", NULL},
    [CHECK_MEMORY] = {IN_MACHINE, "memory", "locked memory", NULL},
    [CHECK_RUN_DIR] = {IN_MACHINE, "run_dir", "run directory", NULL},
    [CHECK_SESSIONS] = {IN_MACHINE, "sessions_dir", "journal directory", NULL},
    [CHECK_DISK] = {IN_MACHINE, "disk", "journal disk", NULL},
    [CHECK_LOCAL] = {IN_MACHINE, "local", "files on local disks", NULL},
    [CHECK_OPERATORS] = {IN_MACHINE, "operators", "operator list", NULL},
    [CHECK_CREDENTIALS] = {IN_MACHINE, "credentials", "emergency passwords", NULL},
    [CHECK_TIME] = {IN_MACHINE, "time", "time service", NULL},
    [CHECK_TERMINAL] = {IN_MACHINE, "terminal", "terminal", NULL},
    [CHECK_ENGINE] = {IN_ENGINE, "running", "running engine", NULL},
    [CHECK_KILL] = {IN_ENGINE, "kill", "kill switch", NULL},
    [CHECK_LISTENING] = {IN_ENGINE, "listening", "open ports", NULL},
    [CHECK_DEVVM_ADDRESS] = {IN_DEVVM, "address", "address", NULL},
    [CHECK_DEVVM_CONNECTION] = {IN_DEVVM, "connection", "connection", NULL},
    [CHECK_DEVVM_HOSTKEY] = {IN_DEVVM, "hostkey", "host key", NULL},
    [CHECK_DEVVM_LOGIN] = {IN_DEVVM, "login", "login", NULL},
    [CHECK_DEVVM_SOURCE] = {IN_DEVVM, "source", "address it sees", NULL},
    [CHECK_DEVVM_EXEC] = {IN_DEVVM, "exec", "command", NULL},
    [CHECK_DEVVM_CLOCK] = {IN_DEVVM, "clock", "clock", NULL},
    [CHECK_DEVVM_SUDO] = {IN_DEVVM, "sudo", "sudo", NULL},
    [CHECK_DEVVM_DISK] = {IN_DEVVM, "disk", "disk write", NULL},
    [CHECK_PVE_ADDRESS] = {IN_PVE, "address", "address", NULL},
    [CHECK_PVE_CONNECTION] = {IN_PVE, "connection", "connection", NULL},
    [CHECK_PVE_HOSTKEY] = {IN_PVE, "hostkey", "host key", NULL},
    [CHECK_PVE_LOGIN] = {IN_PVE, "login", "login", NULL},
    [CHECK_PVE_SOURCE] = {IN_PVE, "source", "address it sees", NULL},
    [CHECK_PVE_EXEC] = {IN_PVE, "status", "verb status", NULL},
    [CHECK_PVE_CLOCK] = {IN_PVE, "clock", "clock", NULL},
    [CHECK_PVE_PROGRAM] = {IN_PVE, "program", "host program", NULL},
    [CHECK_PVE_FORCED] = {IN_PVE, "forced", "forced command", NULL},
    [CHECK_DRIVER] = {IN_AGENT, "driver", "who answers", AGENT},
    [CHECK_CLAUDE] = {IN_AGENT, "claude", "claude", AGENT},
    [CHECK_CLAUDE_KEY] = {IN_AGENT, "credential", "claude's credential", AGENT},
    [CHECK_ENDPOINT] = {IN_AGENT, "endpoint", "endpoint", NETWORK},
    [CHECK_SANDBOX] = {IN_AGENT, "sandbox", "sandbox", AGENT},
    [CHECK_DEFINITION] = {IN_AGENT, "definition", "definition", AGENT},
    [CHECK_RUNBOOKS] = {IN_AGENT, "runbooks", "runbooks", AGENT},
    [CHECK_DRILL_LAB] = {IN_PRACTICE, "drill", "last drill", NULL},
    [CHECK_DRILL_SITE] = {IN_PRACTICE, "drill_site", "last site drill", NULL},
    [CHECK_LAST_STATUS] = {IN_PRACTICE, "status", "last real status", NULL},
    [CHECK_CALLS] = {IN_OFFLINE, "calls", "asked for", NULL},
};

const char *
group_word(enum group g)
{
	return groups[g].word;
}

const char *
group_title(enum group g)
{
	return groups[g].title;
}

int
check_by_word(const char *group, const char *word)
{
	for (int c = 0; c < CHECKS; c++)
		if (strcmp(check_rows[c].word, word) == 0 &&
		    strcmp(groups[check_rows[c].group].word, group) == 0)
			return c;
	return -1;
}
