/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command.h: one-shot commands for a shell or a script.
 *
 * Each is a client of an engine like a console, with an exit code:
 * 0 done and verified, 1 failed, 64 usage or refused, 69 host or engine
 * unreachable, 75 busy, 76 outcome unknown, 77 no access.
 *
 * A command is a row of the table in commands.c: its word, the words and options
 * that it takes, its line of the help, its function.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>

#include "base/err.h"
#include "base/options.h"
#include "base/scrub.h"
#include "client.h"
#include "start.h"
#include "wire/json.h"
#include "wire/messages.h"
#include "wire/verbs.h"

#define COMMAND_HELLO_MS 10000
#define COMMAND_REQ_MAX 32
#define COMMAND_TEXT (-1) /* words_max: all further words are one text */
#define COMMAND_RAW (-2)  /* words_max: another program's, options and all */

enum command_exit {
	COMMAND_OK = 0,
	COMMAND_FAILED = 1,
	COMMAND_USAGE = 64,
	COMMAND_UNREACHABLE = 69,
	COMMAND_BUSY = 75,
	COMMAND_UNKNOWN = 76,
	COMMAND_NO_ACCESS = 77
};

/* The options that not every command takes; 1 << OPT_… in a row's options. */
enum command_opt {
	OPT_CONFIRM,
	OPT_CREDENTIAL_FD,
	OPT_FOLLOW,
	OPT_JSON,
	OPT_LINEAR,
	OPT_OFFLINE,
	OPT_READ_ONLY,
	OPT_SINCE,
	OPT_SPEED,
	OPT_TAIL,
	OPT_THEME,
	OPTS
};

/* The command line, understood. */
struct command_opts {
	const struct options *options;
	const char *word;	      /* of the command */
	char name[WIRE_NAME_MAX + 1]; /* operator's */
	const char *value[OPTS];      /* of an option that has one, or NULL */
	unsigned given;		      /* 1 << OPT_… */
	const char *confirm;	      /* --confirm WORD, or NULL */
	bool json;		      /* facts as JSON lines instead of words */
	int verbose;
	bool help, version;
};

enum command_group {
	GROUP_VERBS,
	GROUP_AGENT,
	GROUP_CASE,
	GROUP_RECORD,
	GROUP_REHEARSE,
	GROUP_ENGINE,
	GROUPS
};

struct command {
	const char *word;
	enum command_group group;
	int words_min, words_max;
	unsigned options;
	const char *args; /* what follows the word, for people */
	const char *does; /* a line of the help */
	int (*run)(const struct command_opts *c, int count, char **words);
};

extern const struct command commands[]; /* the last one's word is NULL */

/* The row of a word (of a verb, too), or NULL. */
const struct command *command_by_word(const char *word);

/*
 * Understands argv: options may stand before and behind the word and its words, but
 * what follows the first word of a text, and all that follows the word of another
 * program, is left as it is.  found is NULL where there is no word: the console.
 * 0, or -1: what is wrong has been said, COMMAND_USAGE is due.
 */
int command_parse(struct command_opts *c, int argc, char **argv,
    const struct command **found, int *count, char ***words) MUST_CHECK;

void command_help(void);
void command_usage(const struct command *row); /* how it is called, on standard error */

int command_verb(const struct command_opts *c, enum verb verb);
int command_ask(const struct command_opts *c, const char *text);
int command_runbook(const struct command_opts *c, const char *name, bool offline);

int command_ping(const struct command_opts *c);
int command_verdict(const struct command_opts *c);

/* command_complete.c: for the completion of a shell. */
int command_complete(const char *what);

/* command_act.c: one request, and the fact that answers it. */
int command_accept_key(const struct command_opts *c, int count, char **words);
int command_agent(const struct command_opts *c, int count, char **words);
int command_answer(const struct command_opts *c, int count, char **words);
int command_autonomy(const struct command_opts *c, int count, char **words);
int command_cancel(const struct command_opts *c, int count, char **words);
int command_kill(const struct command_opts *c, int count, char **words);
int command_end(const struct command_opts *c, int count, char **words);
int command_incident(const struct command_opts *c, int count, char **words);
int command_note(const struct command_opts *c, int count, char **words);
int command_retry(const struct command_opts *c, int count, char **words);

/* command_state.c: what is true now.  command_events.c: what happens. */
int command_state(const struct command_opts *c, int count, char **words);
int command_who(const struct command_opts *c, int count, char **words);
int command_events(const struct command_opts *c, int count, char **words);

/* --- what the commands share --- */

/*
 * A connection to the engine (mode: which one), greeted: the state facts of the
 * present have come as on_fact, up to caught_up, where on_fact has to stop.  0, or -1
 * with err: nothing is left to do then.  client_fini ends it.
 */
int command_begin(struct client *client, const struct command_opts *c,
    enum start_mode mode,
    bool (*on_fact)(struct client *client, int kind, const struct js *m, void *arg),
    void *arg, struct err *err) MUST_CHECK;

/* All of the words as one text; new string.  NULL: it is empty or not UTF-8, and that
 * has been said. */
char *command_text(const struct command_opts *c, int count, char **words) MUST_CHECK;

/* An error fact that answers our request: said, and with --json printed. */
void command_refused(const struct command_opts *c, const struct js *m);

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
