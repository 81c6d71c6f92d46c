/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command_state.c: what is true now, as the engine tells it to whoever attaches.
 *
 * Of an engine that runs: the present of one that would only be started for the
 * question is that nothing is known yet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "command.h"
#include "wire/fact_line.h"

#define STATES_MAX 64 /* kinds of state, with the hosts of each */

struct state_command {
	const struct command_opts *c;
	const char *what; /* NULL: all of them */
	struct js *states[STATES_MAX];
	size_t count;
};

/* The engine says the present twice, the later one is truer. */
static void
state_keep(struct state_command *s, const struct js *m)
{
	const char *what = js_str(m, "what"), *host = js_str(m, "host");
	struct buf text;
	struct err err;
	struct js *kept;
	size_t i;

	for (i = 0; i < s->count; i++)
		if (js_is(s->states[i], "what", what ? what : "") &&
		    (!host || js_is(s->states[i], "host", host)))
			break;
	if (!what || i == STATES_MAX)
		return;
	buf_init(&text, FRAME_LINE_MAX);
	if (js_print(m, &text) == 0 && (kept = js_parse(text.data, text.len, &err))) {
		js_free(s->states[i]);
		s->states[i] = kept;
		s->count += i == s->count;
	}
	buf_fini(&text);
}

static bool
state_on_fact(struct client *client, int kind, const struct js *m, void *arg)
{
	if (kind == FACT_STATE)
		state_keep(arg, m);
	return kind != FACT_CAUGHT_UP;
}

static int
state_look(struct state_command *s)
{
	struct client client;
	struct err err;

	if (command_begin(&client, s->c, START_NEVER, state_on_fact, s, &err) < 0) {
		if (err.code == ERR_UNREACHABLE)
			command_say(
			    "no engine runs here: a console or a verb starts one");
		return command_exit_of(&err);
	}
	client_fini(&client);
	return COMMAND_OK;
}

static void
state_fini(struct state_command *s)
{
	for (size_t i = 0; i < s->count; i++)
		js_free(s->states[i]);
}

static void
state_print(const struct state_command *s, const struct js *m)
{
	struct buf line;

	if (s->c->json) {
		command_print_json(m);
		return;
	}
	command_print(js_str(m, "what"));
	buf_init(&line, 64 * 1024);
	if (buf_add_str(&line, ": ") == 0)
		fact_members(m, &line);
	if (buf_add(&line, "\n", 1) == 0)
		command_print(buf_str(&line));
	buf_fini(&line);
}

int
command_state(const struct command_opts *c, int count, char **words)
{
	struct state_command s = {.c = c, .what = count > 0 ? words[0] : NULL};
	int rc = state_look(&s);
	bool found = false;

	for (size_t i = 0; rc == COMMAND_OK && i < s.count; i++) {
		if (s.what && !js_is(s.states[i], "what", s.what))
			continue;
		state_print(&s, s.states[i]);
		found = true;
	}
	if (rc == COMMAND_OK && s.what && !found) {
		fprintf(stderr, "the engine has not told this state; it has told:");
		for (size_t i = 0; i < s.count; i++)
			fprintf(stderr, " %s", js_str(s.states[i], "what"));
		putc('\n', stderr);
		rc = COMMAND_FAILED;
	}
	state_fini(&s);
	return rc;
}

/* --- who --- */

static void
who_print_row(const struct js *row)
{
	char clean[5][160], line[900];
	const char *keys[] = {"name", "tty", "proof", "since"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *text = js_str(row, keys[i]);

		scrub_label(
		    text ? text : "", text ? strlen(text) : 0, clean[i], sizeof clean[i]);
	}
	snprintf(line, sizeof line, "%-16s %-8s %-12s %s%s%s\n", clean[0],
	    js_bool(row, "driving", false)	   ? "drives"
		: js_bool(row, "read_only", false) ? "reads"
						   : "watches",
	    clean[1][0] ? clean[1] : "-", clean[2], clean[3][0] ? ", since " : "",
	    clean[3]);
	fputs(line, stdout);
}

int
command_who(const struct command_opts *c, int count, char **words)
{
	struct state_command s = {.c = c};
	int rc = state_look(&s);
	const struct js *here = NULL, *rows;
	struct js *nobody = NULL;

	for (size_t i = 0; i < s.count; i++)
		if (js_is(s.states[i], "what", "here"))
			here = s.states[i];
	if (rc == COMMAND_OK && !here) {
		here = nobody = message_new(fact_names[FACT_STATE]);
		js_set_str(nobody, "what", "here");
		js_set(nobody, "operators", js_array());
	}
	rows = js_get_array(here, "operators");
	if (here && c->json)
		command_print_json(here);
	for (size_t i = 0; here && !c->json && i < js_len(rows); i++)
		who_print_row(js_at(rows, i));
	if (here && !c->json && js_len(rows) == 0)
		command_say("nobody is attached");
	js_free(nobody);
	state_fini(&s);
	return rc;
}
