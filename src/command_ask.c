/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command_ask.c: the agent, for a shell or a script: a prompt, a runbook, who
 * answers, and an answer to what it asks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scrub.h"
#include "client.h"
#include "command.h"
#include "start.h"

struct ask_command {
	const struct command_opts *c;
	bool greeted;
	char req[COMMAND_REQ_MAX];
	int64_t turn; /* ours, 0: not known yet */
	struct scrub out;
	bool in_line;
	int64_t block;
	size_t off; /* bytes of the open block that are printed */
	int exit;
};

/* Somebody must answer, or it is a no: this command only waits. */
static void
ask_tell_question(const struct js *m)
{
	char line[320];

	command_say(js_str(m, "text") ? js_str(m, "text") : "the agent asks");
	if (js_str(m, "command"))
		command_say(js_str(m, "command"));
	snprintf(line, sizeof line, "To answer: breakglass answer %.15s y|n",
	    js_str(m, "id") ? js_str(m, "id") : "?");
	command_say(line);
}

static void
ask_print(struct ask_command *a, const struct js *m, size_t off)
{
	size_t len = 0, skip;
	const char *text = js_strn(m, "text", &len);

	if (js_int(m, "block", 0) != a->block) {
		a->block = js_int(m, "block", 0);
		a->off = 0;
	}
	if (!text || off > a->off)
		off = a->off; /* a gap: print what there is */
	skip = a->off - off;
	if (!text || skip >= len)
		return;
	scrub_feed(&a->out, text + skip, len - skip);
	fflush(stdout);
	a->off = off + len;
}

static bool
ask_on_turn_fact(struct ask_command *a, int kind, const struct js *m)
{
	const char *text = js_str(m, "text");

	if (a->c->json)
		command_print_json(m);
	switch (kind) {
	case FACT_DELTA:
		if (!a->c->json)
			ask_print(a, m, (size_t)js_int(m, "off", 0));
		return true;
	case FACT_TEXT:
		if (a->c->json || js_bool(m, "thinking", false))
			return true;
		if (js_int(m, "part", 1) == 1)
			ask_print(a, m, 0);
		if (js_int(m, "part", 1) == js_int(m, "parts", 1))
			scrub_feed(&a->out, "\n", 1);
		fflush(stdout);
		return true;
	case FACT_ERROR:
		if (text && !a->c->json)
			command_say(text);
		if (js_str(m, "todo") && !a->c->json)
			command_say(js_str(m, "todo"));
		return true;
	case FACT_ASK:
		if (!a->c->json)
			ask_tell_question(m);
		return true;
	case FACT_DONE:
		a->exit = js_bool(m, "ok", false) ? COMMAND_OK : COMMAND_FAILED;
		return false;
	default:
		return true;
	}
}

static bool
ask_on_fact(struct client *client, int kind, const struct js *m, void *arg)
{
	struct ask_command *a = arg;

	if (kind == FACT_CAUGHT_UP) {
		a->greeted = true;
		return false;
	}
	if (!a->greeted)
		return true;
	if (kind == FACT_PROMPT && a->turn == 0 && js_is(m, "by", a->c->name))
		a->turn = js_int(m, "turn", 0);
	if (kind == FACT_ERROR && js_is(m, "req", a->req)) {
		command_say(js_str(m, "text") ? js_str(m, "text") : "refused");
		a->exit = COMMAND_USAGE;
		return false;
	}
	if (a->turn == 0 || js_int(m, "turn", 0) != a->turn)
		return true;
	return ask_on_turn_fact(a, kind, m);
}

/* Takes request, which begins a turn; prints it to its end. */
static int
follow_turn(const struct command_opts *c, struct js *request)
{
	struct ask_command a = {.c = c, .exit = COMMAND_UNREACHABLE, .block = -1};
	struct client client;
	struct err err;
	int fd = start_connect(c->options, START_ONE_SHOT, c->verbose, &err);

	if (fd < 0) {
		js_free(request);
		return command_exit_of(&err);
	}
	client_init(&client, fd, ask_on_fact, &a);
	scrub_init(&a.out, &command_paper, stdout, SCRUB_PLAIN);
	if (client_hello(&client, c->name, &err) < 0 ||
	    client_run(&client, COMMAND_HELLO_MS, &err) < 0) {
		js_free(request);
		goto out;
	}
	command_make_req(a.req);
	js_set_str(request, "req", a.req);
	if (client_send(&client, request, &err) < 0 || client_run(&client, -1, &err) < 0)
		goto out;
	err.words[0] = '\0';
out:
	if (a.exit == COMMAND_UNREACHABLE)
		a.exit = command_exit_of(&err);
	scrub_finish(&a.out);
	client_fini(&client);
	return a.exit;
}

int
command_ask(const struct command_opts *c, const char *text)
{
	struct js *m = message_new("prompt");

	js_set_bytes(m, "text", text, strlen(text));
	return follow_turn(c, m);
}

int
command_runbook(const struct command_opts *c, const char *name, bool offline)
{
	struct js *m = message_new("runbook");

	js_set_str(m, "name", name);
	if (offline)
		js_set_bool(m, "offline", true);
	return follow_turn(c, m);
}

/* --- who answers, and an answer --- */

struct agent_command {
	const struct command_opts *c;
	bool greeted;
	char req[COMMAND_REQ_MAX];
	struct js *state; /* the last word about the agent */
	int exit;
};

static void
agent_print(const struct agent_command *a)
{
	static const struct {
		const char *key, *label;
	} rows[] = {{"state", "state"}, {"driver", "driver"}, {"endpoint", "endpoint"},
	    {"model", "model"}, {"route", "not the first choice"}, {"back", "way back"},
	    {"why", "why"}, {"todo", "to do"}};

	if (!a->state) {
		command_say("the engine has not said who answers");
		return;
	}
	if (a->c->json) {
		command_print_json(a->state);
		return;
	}
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *text = js_str(a->state, rows[i].key);

		if (!text || !*text)
			continue;
		command_print(rows[i].label);
		command_print(": ");
		command_print(text);
		command_print("\n");
	}
}

/* A copy: the fact is lent. */
static void
agent_keep(struct agent_command *a, const struct js *m)
{
	struct buf text;
	struct err err;

	js_free(a->state);
	a->state = NULL;
	buf_init(&text, FRAME_LINE_MAX);
	if (js_print(m, &text) == 0)
		a->state = js_parse(text.data, text.len, &err);
	buf_fini(&text);
}

/* The welcome that answers our ping comes when our request has been dealt with. */
static bool
agent_on_fact(struct client *client, int kind, const struct js *m, void *arg)
{
	struct agent_command *a = arg;

	if (kind == FACT_STATE && js_is(m, "what", "agent"))
		agent_keep(a, m);
	if (kind == FACT_CAUGHT_UP) {
		a->greeted = true;
		return false;
	}
	if (!a->greeted)
		return true;
	if (kind == FACT_ERROR && js_is(m, "req", a->req)) {
		command_say(js_str(m, "text") ? js_str(m, "text") : "refused");
		if (js_str(m, "todo"))
			command_say(js_str(m, "todo"));
		a->exit = COMMAND_USAGE;
		return false;
	}
	if (kind != FACT_WELCOME)
		return true;
	a->exit = COMMAND_OK;
	return false;
}

/* Takes request (NULL: only look). */
static int
one_request(const struct command_opts *c, struct js *request, bool show)
{
	struct agent_command a = {.c = c, .exit = COMMAND_UNREACHABLE};
	struct client client;
	struct err err = {0};
	int fd = start_connect(c->options, START_ONE_SHOT, c->verbose, &err);

	if (fd < 0) {
		js_free(request);
		return command_exit_of(&err);
	}
	client_init(&client, fd, agent_on_fact, &a);
	if (client_hello(&client, c->name, &err) < 0 ||
	    client_run(&client, COMMAND_HELLO_MS, &err) < 0) {
		js_free(request);
		goto out;
	}
	command_make_req(a.req);
	if (request) {
		js_set_str(request, "req", a.req);
		if (client_send(&client, request, &err) < 0)
			goto out;
	}
	if (client_send(&client, message_new("ping"), &err) == 0 &&
	    client_run(&client, COMMAND_HELLO_MS, &err) == 1)
		err_set(&err, ERR_UNREACHABLE, "the engine does not answer");
out:
	if (a.exit == COMMAND_UNREACHABLE)
		a.exit = command_exit_of(&err);
	else if (a.exit == COMMAND_OK && show)
		agent_print(&a);
	js_free(a.state);
	client_fini(&client);
	return a.exit;
}

int
command_agent(const struct command_opts *c, const char *driver, const char *endpoint)
{
	struct js *m = driver ? message_new("agent") : NULL;

	if (driver)
		js_set_str(m, "driver", driver);
	if (driver && endpoint)
		js_set_str(m, "endpoint", endpoint);
	return one_request(c, m, true);
}

int
command_answer(const struct command_opts *c, const char *id, bool yes)
{
	struct js *m = message_new("answer");

	js_set_str(m, "id", id);
	js_set_bool(m, "yes", yes);
	return one_request(c, m, false);
}
