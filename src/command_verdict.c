/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command_verdict.c: what is wrong and what helps, for a shell or a script.
 *
 * Asks for forensics and waits for the verdict that the climb of the devvm's ssh
 * completes.  Where the PVE host does not answer the engine still has a verdict.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"

/* Of a capture (60 s) and a climb (20 s), which the engine ends; then we are alone. */
#define VERDICT_WAIT_MS 100000

struct verdict_command {
	const struct command_opts *c;
	bool greeted;
	char req[COMMAND_REQ_MAX];
	char id[16]; /* of our forensics; "": not asked yet */
	int exit;
};

static void
print_member(const struct js *m, const char *key, const char *label)
{
	const char *text = js_str(m, key);

	if (!text || !*text)
		return;
	if (label)
		command_print(label);
	command_print(text);
	command_print("\n");
}

static void
print_verdict(const struct js *m)
{
	const struct js *lines = js_get_array(m, "evidence"),
			*nots = js_get_array(m, "not");

	print_member(m, "word", NULL);
	print_member(m, "why", "  ");
	for (size_t i = 0; i < js_len(lines); i++) {
		size_t len = 0;
		const char *line = js_at_str(lines, i, &len);

		if (!line)
			continue;
		command_print("    ");
		command_print(line);
		command_print("\n");
	}
	print_member(m, "todo", "  to do: ");
	print_member(m, "advice", "  advice: ");
	for (size_t i = 0; i < js_len(nots); i++) {
		const struct js *row = js_at(nots, i);
		const char *verb = js_str(row, "verb");

		command_print("  not ");
		command_print(verb ? verb : "?");
		print_member(row, "why", ": ");
	}
	if (js_bool(m, "partial", false))
		command_print("  this is all that could be measured now\n");
}

static bool
verdict_on_verdict(struct verdict_command *v, const struct js *m)
{
	if (!v->id[0] || !js_is(m, "id", v->id))
		return true;
	if (v->c->json)
		command_print_json(m);
	if (js_bool(m, "climbing", false)) {
		if (!v->c->json)
			command_say(
			    "captured; now the devvm's ssh, rung by rung (at most 20 s) …");
		return true;
	}
	if (!v->c->json)
		print_verdict(m);
	v->exit = js_is(m, "word", "healthy") ? COMMAND_OK : COMMAND_FAILED;
	return false;
}

static bool
verdict_on_fact(struct client *client, int kind, const struct js *m, void *arg)
{
	struct verdict_command *v = arg;

	if (kind == FACT_CAUGHT_UP) {
		v->greeted = true;
		return false;
	}
	if (!v->greeted)
		return true;
	if (kind == FACT_VERB && js_is(m, "state", "asked") && js_is(m, "req", v->req))
		snprintf(v->id, sizeof v->id, "%s", js_str(m, "id"));
	if (kind == FACT_ERROR && js_is(m, "req", v->req) && !v->id[0]) {
		command_refused(v->c, m);
		v->exit = COMMAND_USAGE;
		return false;
	}
	return kind == FACT_VERDICT ? verdict_on_verdict(v, m) : true;
}

int
command_verdict(const struct command_opts *c)
{
	struct verdict_command v = {.c = c, .exit = COMMAND_UNREACHABLE};
	struct client client;
	struct err err = {0};
	struct js *m;
	int rc;

	if (command_begin(&client, c, START_ONE_SHOT, verdict_on_fact, &v, &err) < 0)
		return command_exit_of(&err);
	m = message_new(request_names[REQUEST_VERB]);
	command_make_req(v.req);
	js_set_str(m, "req", v.req);
	js_set_str(m, "verb", verb_rows[VERB_FORENSICS].name);
	if (!c->json)
		command_say("capturing on the PVE host (about 8 s at most) …");
	if (client_send(&client, m, &err) < 0)
		goto out;
	rc = client_run(&client, VERDICT_WAIT_MS, &err);
	if (rc == 1)
		err_set(&err, ERR_UNREACHABLE,
		    "the engine answers, and gave no verdict in 100 s: what it waits for is "
		    "in \"breakglass state\"");
	else if (rc == 0)
		err.words[0] = '\0';
out:
	if (err.words[0])
		v.exit = command_exit_of(&err);
	client_fini(&client);
	return v.exit;
}
