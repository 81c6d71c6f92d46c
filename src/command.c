/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "base/text.h"
#include "credential.h"

void
command_make_req(char req[COMMAND_REQ_MAX])
{
	snprintf(
	    req, COMMAND_REQ_MAX, "%lx-%llx", (long)getpid(), (long long)clock_wall_ms());
}

static void
on_clean(void *arg, const char *text, size_t len, uint32_t style)
{
	fwrite(text, 1, len, arg);
}

static void
on_newline(void *arg)
{
	putc('\n', arg);
}

const struct scrub_sink command_paper = {on_clean, on_newline, on_newline};

void
command_say(const char *text)
{
	struct scrub s;

	scrub_init(&s, &command_paper, stderr, SCRUB_PLAIN);
	scrub_feed(&s, text, strlen(text));
	scrub_finish(&s);
	putc('\n', stderr);
}

void
command_print(const char *text)
{
	struct scrub s;

	scrub_init(&s, &command_paper, stdout, SCRUB_PLAIN);
	scrub_feed(&s, text, strlen(text));
	scrub_finish(&s);
	fflush(stdout);
}

int
command_exit_of(const struct err *err)
{
	command_say(err->words);
	switch (err->code) {
	case ERR_DENIED:
		return COMMAND_NO_ACCESS;
	case ERR_BUSY:
		return COMMAND_BUSY;
	case ERR_UNREACHABLE:
		return COMMAND_UNREACHABLE;
	case ERR_USAGE:
		return COMMAND_USAGE;
	default:
		return COMMAND_FAILED;
	}
}

void
command_print_json(const struct js *m)
{
	struct buf b;

	buf_init(&b, 1024 * 1024);
	if (js_print(m, &b) == 0)
		puts(b.data);
	fflush(stdout);
	buf_fini(&b);
}

int
command_begin(struct client *client, const struct command_opts *c, enum start_mode mode,
    bool (*on_fact)(struct client *client, int kind, const struct js *m, void *arg),
    void *arg, struct err *err)
{
	int fd = start_connect(c->options, mode, c->verbose, err), rc;

	if (fd < 0)
		return -1;
	client_init(client, fd, on_fact, arg);
	rc = client_hello(client, c->name, err);
	if (rc == 0)
		rc = credential_run(client, c, COMMAND_HELLO_MS, err);
	if (rc == 1)
		rc = err_set(err, ERR_UNREACHABLE,
		    "the engine did not say hello in 10 s: " CLIENT_HUNG);
	if (rc < 0)
		client_fini(client);
	return rc;
}

char *
command_text(const struct command_opts *c, int count, char **words)
{
	char *text = mem_dup("");

	for (int i = 0; i < count; i++) {
		char *more = mem_printf("%s%s%s", text, i ? " " : "", words[i]);

		free(text);
		text = more;
	}
	if (*text && text_is_utf8(text, strlen(text)))
		return text;
	fprintf(stderr, "breakglass %s TEXT: the text is %s; nothing was sent\n", c->word,
	    *text ? "not UTF-8" : "missing");
	free(text);
	return NULL;
}

void
command_refused(const struct command_opts *c, const struct js *m)
{
	if (c->json)
		command_print_json(m);
	command_say(js_str(m, "text") ? js_str(m, "text") : "refused");
	if (js_str(m, "todo"))
		command_say(js_str(m, "todo"));
}

/* --- a verb --- */

struct verb_command {
	const struct command_opts *c;
	enum verb verb;
	bool greeted;
	char req[COMMAND_REQ_MAX];
	char id[16];  /* of the verb fact that is ours */
	char run[16]; /* of its run */
	struct scrub out;
	struct frame lines;
	int exit;
	bool climbing;	      /* finished; the proof of recovery is awaited */
	char host_todo[320];  /* how our host program is installed; "": it is */
	char unfinished[480]; /* of another verb; "": none is */
	char key[16];	      /* the verb that it calls for, or "" */
};

/* The host program's marks are for the engine; people are shown the rest. */
static bool
on_host_line(char *line, size_t len, void *arg)
{
	struct verb_command *v = arg;

	if (len < 4 || memcmp(line, "#bg ", 4) != 0) {
		scrub_feed(&v->out, line, len);
		scrub_feed(&v->out, "\n", 1);
		fflush(stdout);
	}
	return true;
}

static int
exit_of_host(int code)
{
	/* docs/host-protocol.md */
	switch (code) {
	case 0:
		return COMMAND_OK;
	case 1: /* the worker was lost */
		return COMMAND_UNKNOWN;
	case 2:
		return COMMAND_USAGE;
	case 5:
	case 75:
		return COMMAND_BUSY;
	default:
		return COMMAND_FAILED;
	}
}

static bool
verb_is_over(struct verb_command *v, const struct js *m)
{
	const char *why = js_str(m, "why"), *result = js_str(m, "result");
	char line[64];

	if (js_is(m, "state", "finished")) {
		int code = (int)js_int(m, "exit", 255);

		v->exit = exit_of_host(code);
		if (!verb_rows[v->verb].mutating && code == 0)
			return true;
		snprintf(line, sizeof line, "%s: host program exit %d after %.1f s",
		    verb_rows[v->verb].name, code, (double)js_int(m, "ms", 0) / 1000);
		command_say(line);
		if (result)
			command_say(result);
		v->climbing = code == 0 && v->verb != VERB_STOP;
		return !v->climbing;
	}
	if (js_is(m, "state", "unknown")) {
		command_say(why ? why : "connection lost");
		command_say(
		    "the outcome is unknown: the host finishes alone; breakglass status tells");
		v->exit = COMMAND_UNKNOWN;
		return true;
	}
	if (js_is(m, "state", "refused")) {
		command_say(why ? why : "refused");
		v->exit = !why			    ? COMMAND_USAGE
		    : strstr(why, "holds the slot") ? COMMAND_BUSY
		    : v->run[0] || strncmp(why, "not confirmed", 13) != 0
		    ? COMMAND_UNREACHABLE
		    : COMMAND_USAGE;
		return true;
	}
	return false;
}

static bool
on_verb_fact(struct verb_command *v, const struct js *m)
{
	if (!v->id[0] && js_is(m, "state", "asked") && js_is(m, "req", v->req))
		snprintf(v->id, sizeof v->id, "%s", js_str(m, "id"));
	if (!v->id[0] || !js_is(m, "id", v->id))
		return true;
	if (v->c->json)
		command_print_json(m);
	if (js_is(m, "state", "sent"))
		snprintf(v->run, sizeof v->run, "%s",
		    js_str(m, "run") ? js_str(m, "run") : "");
	return !verb_is_over(v, m);
}

/* A member that may be text or a number. */
static const char *
value_of(const struct js *m, const char *key, char *out, size_t size)
{
	if (js_str(m, key) && js_str(m, key)[0])
		snprintf(out, size, "%.60s", js_str(m, key));
	else if (js_has(m, key) && !js_str(m, key))
		snprintf(out, size, "%lld", (long long)js_int(m, key, 0));
	else
		snprintf(out, size, "-");
	return out;
}

/* How far the devvm has come (quiet: unsaid); returns whether every rung is reached. */
static bool
say_rungs(const struct js *rungs, bool quiet)
{
	size_t ok = 0;
	char line[80];

	for (size_t i = 0; i < js_len(rungs); i++) {
		struct js *r = js_at(rungs, i);

		if (!js_bool(r, "ok", false))
			continue;
		ok++;
		snprintf(line, sizeof line, "  %-10.20s %8.1f s",
		    js_str(r, "rung") ? js_str(r, "rung") : "?",
		    (double)js_int(r, "ms", 0) / 1000);
		if (!quiet)
			command_say(line);
	}
	return ok == js_len(rungs);
}

static void
say_table(const struct js *table)
{
	char before[64], after[64], line[240];

	for (size_t i = 0; i < js_len(table); i++) {
		struct js *r = js_at(table, i);

		snprintf(line, sizeof line, "  %-14.30s %s -> %s%s",
		    js_str(r, "what") ? js_str(r, "what") : "",
		    value_of(r, "before", before, sizeof before),
		    value_of(r, "after", after, sizeof after),
		    !js_has(r, "ok")		  ? ""
			: js_bool(r, "ok", false) ? "  ok"
						  : "  NOT ok");
		command_say(line);
	}
}

static bool
on_proof(struct verb_command *v, const struct js *m)
{
	const char *text = js_str(m, "text"), *end = js_str(m, "end");
	bool all;

	if (v->c->json)
		command_print_json(m);
	if (!end && !js_bool(m, "done", false))
		return true;
	all = say_rungs(js_get_array(m, "rungs"), v->c->json);
	if (!v->c->json)
		say_table(js_get_array(m, "table"));
	if (text)
		command_say(text);
	if (v->host_todo[0] && !v->c->json) {
		command_say("The host program on pve is old. Ours is installed by:");
		command_say(v->host_todo);
	}
	v->exit = (end ? strcmp(end, "healthy") == 0 : all) ? COMMAND_OK : COMMAND_FAILED;
	return false;
}

static void
on_unfinished(struct verb_command *v, const struct js *m)
{
	const char *text = js_str(m, "text"), *key = js_str(m, "key");

	v->unfinished[0] = v->key[0] = '\0';
	if (!text || js_bool(m, "settled", false) || (v->id[0] && js_is(m, "id", v->id)))
		return;
	snprintf(v->unfinished, sizeof v->unfinished, "%s", text);
	snprintf(v->key, sizeof v->key, "%s", key ? key : "");
}

static void
say_unfinished(const struct verb_command *v)
{
	int key = verb_by_name(v->key, strlen(v->key));
	char line[64];

	if (!v->unfinished[0] || v->c->json)
		return;
	command_say(v->unfinished);
	if (key < 0)
		return;
	snprintf(line, sizeof line, "Next: breakglass %s%s%s", v->key,
	    verb_rows[key].mutating ? " --confirm " : "",
	    verb_rows[key].mutating ? v->key : "");
	command_say(line);
}

static bool
verb_on_fact(struct client *client, int kind, const struct js *m, void *arg)
{
	struct verb_command *v = arg;
	struct buf data;

	if (kind == FACT_STATE && js_is(m, "what", "vm"))
		snprintf(v->host_todo, sizeof v->host_todo, "%s",
		    js_is(m, "host_program", "old") && js_str(m, "host_todo")
			? js_str(m, "host_todo")
			: "");
	if (kind == FACT_STATE && js_is(m, "what", "unfinished"))
		on_unfinished(v, m);
	if (kind == FACT_CAUGHT_UP) {
		v->greeted = true;
		return false;
	}
	if (!v->greeted)
		return true;
	switch (kind) {
	case FACT_VERB:
		return on_verb_fact(v, m);
	case FACT_OUTPUT:
		if (!v->run[0] || !js_is(m, "id", v->run))
			return true;
		if (v->c->json) {
			command_print_json(m);
			return true;
		}
		buf_init(&data, FRAME_LINE_MAX);
		if (js_bytes(m, "data", &data) == 0 && data.len)
			frame_feed(&v->lines, data.data, data.len, on_host_line, v);
		buf_fini(&data);
		return true;
	case FACT_STATE:
		if (v->climbing && js_is(m, "what", "proof"))
			return on_proof(v, m);
		return true;
	case FACT_ERROR:
		/* A refusal of our request; its verb fact has said the same, if there was
		 * one. */
		if (js_is(m, "req", v->req) && !v->id[0]) {
			command_refused(v->c, m);
			v->exit = COMMAND_USAGE;
			return false;
		}
		return true;
	default:
		return true;
	}
}

int
command_verb(const struct command_opts *c, enum verb verb)
{
	struct verb_command v = {.c = c, .verb = verb, .exit = COMMAND_UNREACHABLE};
	struct client client;
	struct err err = {0};
	struct js *m;

	if (verb_rows[verb].mutating &&
	    (!c->confirm || strcmp(c->confirm, verb_rows[verb].name) != 0)) {
		fprintf(stderr,
		    "breakglass: %s will %s;\nit %s.\nTo do it: breakglass %s --confirm %s\n",
		    verb_rows[verb].name, verb_rows[verb].does, verb_rows[verb].limits,
		    verb_rows[verb].name, verb_rows[verb].name);
		return COMMAND_USAGE;
	}
	if (command_begin(&client, c, START_ONE_SHOT, verb_on_fact, &v, &err) < 0)
		return command_exit_of(&err);
	frame_init(&v.lines, FRAME_LINE_MAX);
	scrub_init(&v.out, &command_paper, stdout, SCRUB_PLAIN);
	m = message_new(request_names[REQUEST_VERB]);
	command_make_req(v.req);
	js_set_str(m, "req", v.req);
	js_set_str(m, "verb", verb_rows[verb].name);
	js_set_str(m, "confirm", c->confirm);
	if (client_send(&client, m, &err) == 0 && client_run(&client, -1, &err) == 0)
		err.words[0] = '\0';
	if (err.words[0] && v.exit != COMMAND_OK)
		v.exit = command_exit_of(&err);
	if (v.exit == COMMAND_UNREACHABLE && v.run[0] && verb_rows[verb].mutating)
		v.exit = COMMAND_UNKNOWN; /* sent: the host finishes it alone */
	scrub_finish(&v.out);
	say_unfinished(&v);
	frame_fini(&v.lines);
	client_fini(&client);
	return v.exit;
}

/* --- ping --- */

static bool
ping_on_fact(struct client *client, int kind, const struct js *m, void *arg)
{
	const struct command_opts *c = *(const struct command_opts **)arg;

	if (kind != FACT_WELCOME)
		return true;
	if (c->json)
		command_print_json(m);
	else
		printf("engine %s, pid %lld, up since %s, incident %s\n",
		    js_str(m, "version") ? js_str(m, "version") : "?",
		    (long long)js_int(m, "pid", 0),
		    js_str(m, "started") ? js_str(m, "started") : "?",
		    js_str(m, "incident") ? js_str(m, "incident") : "none");
	return false;
}

int
command_ping(const struct command_opts *c)
{
	struct client client;
	struct err err;

	if (command_begin(&client, c, START_NEVER, ping_on_fact, &c, &err) < 0)
		return command_exit_of(&err);
	client_fini(&client);
	return COMMAND_OK;
}
