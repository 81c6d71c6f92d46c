/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command.h: one-shot commands for a shell or a script.
 *
 * Each is a client of an engine like a console, with an exit code:
 * 0 done and verified, 1 failed, 64 usage or refused, 69 host or engine
 * unreachable, 75 busy, 76 outcome unknown, 77 no access.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>

#include "base/err.h"
#include "base/options.h"
#include "base/scrub.h"
#include "wire/json.h"
#include "wire/verbs.h"

#define COMMAND_HELLO_MS 10000
#define COMMAND_REQ_MAX 32

enum command_exit {
	COMMAND_OK = 0,
	COMMAND_FAILED = 1,
	COMMAND_USAGE = 64,
	COMMAND_UNREACHABLE = 69,
	COMMAND_BUSY = 75,
	COMMAND_UNKNOWN = 76,
	COMMAND_NO_ACCESS = 77
};

struct command_opts {
	const struct options *options;
	const char *name;    /* operator's */
	const char *confirm; /* --confirm WORD, or NULL */
	bool json;	     /* facts as JSON lines instead of words */
	int verbose;
};

int command_verb(const struct command_opts *c, enum verb verb);
int command_ask(const struct command_opts *c, const char *text);
int command_runbook(const struct command_opts *c, const char *name, bool offline);

/* driver NULL: only who answers now. endpoint may be NULL. */
int command_agent(const struct command_opts *c, const char *driver, const char *endpoint);
int command_answer(const struct command_opts *c, const char *id, bool yes);
int command_ping(const struct command_opts *c);
int command_verdict(const struct command_opts *c);

/* --- what the commands share --- */

/* Our request's own id: facts of an earlier one with the same id are not ours. */
void command_make_req(char req[COMMAND_REQ_MAX]);

/* Prints clean text; a lone CR starts the line anew, on paper a new line. */
extern const struct scrub_sink command_paper;

/* A line for the person, on standard error; text for the answer, on standard output.
 * Both through the sanitiser. */
void command_say(const char *text);
void command_print(const char *text);
void command_print_json(const struct js *m);

int command_exit_of(const struct err *err); /* says it, and the exit code for it */

#endif
