/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command_ask.c: the agent, for a shell or a script: a prompt, a runbook. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scrub.h"
#include "command.h"

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
	if (kind == FACT_PROMPT && a->turn == 0 && js_is(m, "by", client->you))
		a->turn = js_int(m, "turn", 0);
	if (kind == FACT_ERROR && js_is(m, "req", a->req)) {
		command_refused(a->c, m);
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

	if (command_begin(&client, c, START_ONE_SHOT, ask_on_fact, &a, &err) < 0) {
		js_free(request);
		return command_exit_of(&err);
	}
	scrub_init(&a.out, &command_paper, stdout, SCRUB_PLAIN);
	command_make_req(a.req);
	js_set_str(request, "req", a.req);
	if ((client_send(&client, request, &err) < 0 ||
		client_run(&client, -1, &err) < 0) &&
	    a.exit == COMMAND_UNREACHABLE)
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
