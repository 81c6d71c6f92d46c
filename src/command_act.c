/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command_act.c: what a script may want of the engine: one request each.
 *
 *   hello ... caught_up -> (the wait for a host's key) -> request, ping
 *       -> error with our req: refused
 *       -> welcome: taken; then the fact that answers it, which may be late
 *          because a fact is told when it is on record
 *
 * The fact is what --json prints; its one line is what a person gets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "command.h"
#include "wire/fact_line.h"

#define ACT_ANSWER_MS 15000 /* for the fact that answers a request which was taken */
#define ACT_KEY_MS 15000    /* for a host to show its key */

struct act;

/* Whether fact m is the answer. */
typedef bool act_answer_fn(const struct act *a, int kind, const struct js *m);

struct act {
	const struct command_opts *c;
	act_answer_fn *is_answer;
	const char *word;     /* what the answer is compared with */
	bool needs_incident;  /* nothing can be meant where none is open */
	bool no_answer_is_ok; /* it may change nothing, then nothing is told */
	char req[COMMAND_REQ_MAX];
	char you[WIRE_NAME_MAX + 1]; /* who the engine says we are */
	bool greeted, incident, taken;
	bool key_awaited; /* the host of accept-key has not shown one yet */
	struct js *answer;
	int exit;
};

/* A copy: the fact is lent. */
static struct js *
copy(const struct js *m)
{
	struct js *j = NULL;
	struct buf text;
	struct err err;

	buf_init(&text, FRAME_LINE_MAX);
	if (js_print(m, &text) == 0)
		j = js_parse(text.data, text.len, &err);
	buf_fini(&text);
	return j;
}

static void
act_keep(struct act *a, const struct js *m)
{
	js_free(a->answer);
	a->answer = copy(m);
}

/* Before the request: where are we? */
static bool
act_on_greeting(struct act *a, int kind, const struct js *m)
{
	if (kind == FACT_WELCOME) {
		a->incident = js_has(m, "incident");
		snprintf(a->you, sizeof a->you, "%s",
		    js_str(m, "you") ? js_str(m, "you") : "");
	}
	a->greeted |= kind == FACT_CAUGHT_UP;
	return !a->greeted;
}

static bool
act_on_fact(struct client *client, int kind, const struct js *m, void *arg)
{
	struct act *a = arg;

	if (kind == FACT_STATE && js_is(m, "what", "link") && a->word &&
	    js_is(m, "host", a->word))
		a->key_awaited = !js_has(m, "fingerprint") && !js_is(m, "state", "down");
	if (!a->greeted)
		return act_on_greeting(a, kind, m);
	if (!a->req[0])
		return a->key_awaited;
	if (kind == FACT_ERROR && js_is(m, "req", a->req)) {
		command_refused(a->c, m);
		a->exit = COMMAND_USAGE;
		return false;
	}
	if (a->is_answer(a, kind, m))
		act_keep(a, m);
	a->taken |= kind == FACT_WELCOME;
	return !a->taken || (!a->answer && !a->no_answer_is_ok);
}

static void
act_print(const struct act *a)
{
	struct buf line;

	if (!a->answer)
		return;
	if (a->c->json) {
		command_print_json(a->answer);
		return;
	}
	buf_init(&line, FACT_LINE_MAX + 1);
	if (fact_line(a->answer, &line) && buf_add(&line, "\n", 1) == 0)
		command_print(buf_str(&line));
	buf_fini(&line);
}

/* Sends the request (takes it) and waits for what answers it; the exit code. */
static int
act_send(struct act *a, struct client *client, struct js *request)
{
	struct err err;
	int rc;

	command_make_req(a->req);
	js_set_str(request, "req", a->req);
	if (client_send(client, request, &err) < 0 ||
	    client_send(client, message_new(request_names[REQUEST_PING]), &err) < 0 ||
	    (rc = client_run(client, ACT_ANSWER_MS, &err)) < 0)
		return a->exit == COMMAND_USAGE ? a->exit : command_exit_of(&err);
	if (rc == 0)
		return a->exit;
	if (!a->taken) {
		err_set(
		    &err, ERR_UNREACHABLE, "the engine does not answer: " CLIENT_HUNG);
		return command_exit_of(&err);
	}
	command_say("the engine has taken it; what came of it was not told in 15 s");
	return COMMAND_UNKNOWN;
}

static int
act_run(struct act *a, enum start_mode mode, struct js *request)
{
	struct client client;
	struct err err;
	int rc;

	if (command_begin(&client, a->c, mode, act_on_fact, a, &err) < 0) {
		js_free(request);
		return command_exit_of(&err);
	}
	if (a->needs_incident && !a->incident) {
		command_say("no incident is open: nothing was sent");
		js_free(request);
		client_fini(&client);
		return COMMAND_USAGE;
	}
	/* an engine that has just started connects first; its refusal says the rest */
	if (a->key_awaited && client_run(&client, ACT_KEY_MS, &err) < 0) {
		js_free(request);
		client_fini(&client);
		return command_exit_of(&err);
	}
	rc = act_send(a, &client, request);
	if (rc == COMMAND_OK)
		act_print(a);
	js_free(a->answer);
	client_fini(&client);
	return rc;
}

/* --- the requests --- */

static bool
is_note_of_key(const struct act *a, int kind, const struct js *m)
{
	const char *text = js_str(m, "text");

	return kind == FACT_NOTE && js_is(m, "by", a->you) && text &&
	    strncmp(text, "accepted the host key", 21) == 0;
}

int
command_accept_key(const struct command_opts *c, int count, char **words)
{
	struct act a = {.c = c, .is_answer = is_note_of_key, .word = words[0]};
	struct js *m = message_new(request_names[REQUEST_ACCEPT_KEY]);

	js_set_str(m, "host", words[0]);
	js_set_str(m, "fingerprint", words[1]);
	return act_run(&a, START_ONE_SHOT, m);
}

static bool
is_answered(const struct act *a, int kind, const struct js *m)
{
	return kind == FACT_ANSWERED && js_is(m, "id", a->word);
}

int
command_answer(const struct command_opts *c, int count, char **words)
{
	struct act a = {.c = c, .is_answer = is_answered, .word = words[0]};
	struct js *m;

	if (strcmp(words[1], "y") != 0 && strcmp(words[1], "n") != 0) {
		fputs("breakglass answer ID y|n: as in breakglass answer q3 y\n", stderr);
		return COMMAND_USAGE;
	}
	m = message_new(request_names[REQUEST_ANSWER]);
	js_set_str(m, "id", words[0]);
	js_set_bool(m, "yes", words[1][0] == 'y');
	return act_run(&a, START_ONE_SHOT, m);
}

static bool
is_autonomy(const struct act *a, int kind, const struct js *m)
{
	return kind == FACT_STATE && js_is(m, "what", "autonomy") &&
	    js_is(m, "level", a->word);
}

int
command_autonomy(const struct command_opts *c, int count, char **words)
{
	struct act a = {.c = c, .is_answer = is_autonomy, .word = words[0]};
	struct js *m = message_new(request_names[REQUEST_AUTONOMY]);

	js_set_str(m, "level", words[0]);
	return act_run(&a, START_NEVER, m);
}

static bool
is_cancelled(const struct act *a, int kind, const struct js *m)
{
	return kind == FACT_CANCELLED;
}

int
command_cancel(const struct command_opts *c, int count, char **words)
{
	struct act a = {.c = c, .is_answer = is_cancelled};

	return act_run(&a, START_NEVER, message_new(request_names[REQUEST_CANCEL]));
}

static bool
is_kill(const struct act *a, int kind, const struct js *m)
{
	return kind == FACT_STATE && js_is(m, "what", "kill") &&
	    js_bool(m, "on", false) == (a->word == NULL);
}

int
command_kill(const struct command_opts *c, int count, char **words)
{
	struct act a = {.c = c, .is_answer = is_kill, .word = count ? words[0] : NULL};
	struct js *m;

	if (count && strcmp(words[0], "off") != 0) {
		fputs("breakglass kill, or breakglass kill off\n", stderr);
		return COMMAND_USAGE;
	}
	m = message_new(request_names[REQUEST_KILL]);
	js_set_bool(m, "on", count == 0);
	return act_run(&a, START_NEVER, m);
}

/* Its end, or that the host is being asked to end what lives of it. */
static bool
is_ended(const struct act *a, int kind, const struct js *m)
{
	const struct js *runs = js_get_array(m, "runs");

	if (kind == FACT_TOOL_END && js_is(m, "id", a->word))
		return true;
	if (kind != FACT_STATE || !js_is(m, "what", "left"))
		return false;
	for (size_t i = 0; i < js_len(runs); i++)
		if (js_is(js_at(runs, i), "id", a->word))
			return true;
	return false;
}

int
command_end(const struct command_opts *c, int count, char **words)
{
	struct act a = {.c = c, .is_answer = is_ended, .word = words[0]};
	struct js *m = message_new(request_names[REQUEST_END]);

	js_set_str(m, "id", words[0]);
	return act_run(&a, START_NEVER, m);
}

static bool
is_incident(const struct act *a, int kind, const struct js *m)
{
	return kind == FACT_INCIDENT && js_is(m, "state", a->word);
}

int
command_incident(const struct command_opts *c, int count, char **words)
{
	bool new = strcmp(words[0], "new") == 0;
	struct act a = {.c = c,
	    .is_answer = is_incident,
	    .word = new ? "opened" : "closed",
	    .needs_incident = !new};
	struct js *m;

	if (!new &&strcmp(words[0], "close") != 0) {
		fputs("breakglass incident new|close: one of these two\n", stderr);
		return COMMAND_USAGE;
	}
	m = message_new(request_names[REQUEST_NEW_INCIDENT]);
	js_set_str(m, "state", words[0]);
	return act_run(&a, START_ONE_SHOT, m);
}

static bool
is_our_note(const struct act *a, int kind, const struct js *m)
{
	return kind == FACT_NOTE && js_is(m, "by", a->you) && js_is(m, "text", a->word);
}

int
command_note(const struct command_opts *c, int count, char **words)
{
	char *text = command_text(c, count, words);
	struct act a = {.c = c, .is_answer = is_our_note, .word = text};
	struct js *m;
	int rc;

	if (!text)
		return COMMAND_USAGE;
	m = message_new(request_names[REQUEST_NOTE]);
	js_set_str(m, "text", text);
	rc = act_run(&a, START_ONE_SHOT, m);
	free(text);
	return rc;
}

static bool
is_journal(const struct act *a, int kind, const struct js *m)
{
	return kind == FACT_STATE && js_is(m, "what", "journal");
}

int
command_retry(const struct command_opts *c, int count, char **words)
{
	struct act a = {.c = c, .is_answer = is_journal};
	struct js *m = message_new(request_names[REQUEST_JOURNAL]);

	js_set_bool(m, "retry", true);
	return act_run(&a, START_NEVER, m);
}

/* --- who answers --- */

static void
agent_print(const struct js *state)
{
	static const struct {
		const char *key, *label;
	} rows[] = {{"state", "state"}, {"driver", "driver"}, {"endpoint", "endpoint"},
	    {"model", "model"}, {"route", "not the first choice"}, {"back", "way back"},
	    {"why", "why"}, {"todo", "to do"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *text = js_str(state, rows[i].key);

		if (!text || !*text)
			continue;
		command_print(rows[i].label);
		command_print(": ");
		command_print(text);
		command_print("\n");
	}
}

struct agent_command {
	const struct command_opts *c;
	bool greeted;
	char req[COMMAND_REQ_MAX];
	struct js *state; /* the last word about the agent */
	int exit;
};

/* The welcome that answers our ping comes when our request has been dealt with. */
static bool
agent_on_fact(struct client *client, int kind, const struct js *m, void *arg)
{
	struct agent_command *a = arg;

	if (kind == FACT_STATE && js_is(m, "what", "agent")) {
		js_free(a->state);
		a->state = copy(m);
	}
	if (kind == FACT_CAUGHT_UP) {
		a->greeted = true;
		return false;
	}
	if (!a->greeted)
		return true;
	if (kind == FACT_ERROR && js_is(m, "req", a->req)) {
		command_refused(a->c, m);
		a->exit = COMMAND_USAGE;
		return false;
	}
	if (kind != FACT_WELCOME)
		return true;
	a->exit = COMMAND_OK;
	return false;
}

static int
agent_send(struct client *client, struct agent_command *a, int count, char **words,
    struct err *err)
{
	struct js *m = message_new(request_names[REQUEST_AGENT]);

	command_make_req(a->req);
	js_set_str(m, "req", a->req);
	js_set_str(m, "driver", words[0]);
	if (count > 1)
		js_set_str(m, "endpoint", words[1]);
	return client_send(client, m, err);
}

int
command_agent(const struct command_opts *c, int count, char **words)
{
	struct agent_command a = {.c = c, .exit = COMMAND_UNREACHABLE};
	struct client client;
	struct err err;
	int rc;

	if (command_begin(&client, c, START_ONE_SHOT, agent_on_fact, &a, &err) < 0)
		return command_exit_of(&err);
	rc = count > 0 ? agent_send(&client, &a, count, words, &err) : 0;
	if (rc == 0)
		rc = client_send(&client, message_new(request_names[REQUEST_PING]), &err);
	if (rc == 0 && (rc = client_run(&client, COMMAND_HELLO_MS, &err)) == 1)
		rc = err_set(
		    &err, ERR_UNREACHABLE, "the engine does not answer: " CLIENT_HUNG);
	if (rc < 0 && a.exit == COMMAND_UNREACHABLE)
		a.exit = command_exit_of(&err);
	if (a.exit == COMMAND_OK && a.state && c->json)
		command_print_json(a.state);
	else if (a.exit == COMMAND_OK && a.state)
		agent_print(a.state);
	else if (a.exit == COMMAND_OK)
		command_say("the engine has not said who answers");
	js_free(a.state);
	client_fini(&client);
	return a.exit;
}
