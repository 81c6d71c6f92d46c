/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command_events.c: the facts of the incident, one a line, as they are told.
 *
 * Each record is printed exactly once, over everything that may happen to a
 * connection: an engine that dies and is followed by another, one that lets go of a
 * reader that is too slow, and output that it skips for one.  Whenever a number is
 * missing the connection is made anew and continues behind the last record that was
 * printed; a replay waits for its reader and skips nothing.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "command.h"
#include "credential.h"
#include "wire/fact_line.h"

#define EVENTS_LOOK_MS 200   /* how often a follower looks for the next engine */
#define EVENTS_TAIL_MAX 5000 /* what an engine sends at most */

struct events {
	const struct command_opts *c;
	bool follow;
	char incident[64]; /* of the last record; "": none yet */
	int64_t last;	   /* seq of the last record that is printed */
	int64_t gap;	   /* the number behind which one is missing for good; -1 */
	int64_t pid;	   /* of the engine we were told by; 0: none yet */
	char next[64];	   /* the incident that the engine has now, "": none */
	char told_by[32];  /* when the engine that told the last record had started */
	int64_t next_last;
	int64_t next_pid;
	bool caught_up, again, lost;
	int write_error;
};

static void
events_print(struct events *e, const struct js *m)
{
	struct buf line;

	buf_init(&line, 1024 * 1024);
	if (e->c->json) {
		if (js_print(m, &line) == 0 && buf_add(&line, "\n", 1) == 0)
			fwrite(line.data, 1, line.len, stdout);
	} else if (fact_line(m, &line) && buf_add(&line, "\n", 1) == 0) {
		command_print(line.data);
	}
	buf_fini(&line);
	if (fflush(stdout) != 0)
		e->write_error = errno;
}

/* Facts that tell nothing to who keeps the others. */
static bool
is_of_the_wire(int kind)
{
	return kind < 0 || kind == FACT_DELTA || kind == FACT_SHELL_END ||
	    kind == FACT_SHELL_OUTPUT || kind == FACT_WELCOME;
}

static bool
on_record(struct events *e, int kind, const struct js *m, int64_t seq)
{
	if (kind == FACT_INCIDENT && js_is(m, "state", "opened") && js_str(m, "id") &&
	    !js_is(m, "id", e->incident)) {
		snprintf(e->incident, sizeof e->incident, "%s", js_str(m, "id"));
		e->last = e->gap = seq - 1;
	}
	if (seq <= e->last)
		return true;
	if (seq > e->last + 1 && e->caught_up && e->gap != e->last) {
		e->gap = e->last; /* missing in the file too: then it is so */
		e->again = true;
		return false;
	}
	events_print(e, m);
	e->last = seq;
	return !e->write_error;
}

/* What we have of an engine that died is more than what is on record. */
static void
on_welcome(struct events *e, const struct js *m)
{
	int64_t since = js_int(m, "since", e->last);
	char line[200];

	snprintf(e->told_by, sizeof e->told_by, "%s",
	    js_str(m, "started") ? js_str(m, "started") : "");
	if (since >= e->last)
		return;
	snprintf(line, sizeof line,
	    "the record goes on behind %lld, before what was told (%lld): the rest was in memory only",
	    (long long)since, (long long)e->last);
	command_say(line);
	e->last = since;
}

static bool
events_on_fact(struct client *client, int kind, const struct js *m, void *arg)
{
	struct events *e = arg;
	int64_t seq = js_int(m, "seq", 0);

	if (kind == FACT_CAUGHT_UP) {
		e->caught_up = true;
		return e->follow;
	}
	if (kind == FACT_WELCOME)
		on_welcome(e, m);
	if (seq > 0)
		return on_record(e, kind, m, seq);
	if (!e->caught_up || is_of_the_wire(kind))
		return true;
	if (kind == FACT_SKIPPED) {
		e->again = true; /* the replay has it, as far as it is on record */
		return false;
	}
	events_print(e, m);
	return !e->write_error;
}

static bool
probe_on_fact(struct client *client, int kind, const struct js *m, void *arg)
{
	struct events *e = arg;

	if (kind != FACT_WELCOME)
		return true;
	snprintf(e->next, sizeof e->next, "%s",
	    js_str(m, "incident") ? js_str(m, "incident") : "");
	e->next_last = js_int(m, "last", 0);
	e->next_pid = js_int(m, "pid", 0);
	return false;
}

/* Where to go on: in the same incident behind what we have, in another from its start. */
static void
events_place(struct events *e)
{
	int64_t tail = e->c->value[OPT_TAIL] ? atoll(e->c->value[OPT_TAIL]) : -1,
		since = e->c->value[OPT_SINCE] ? atoll(e->c->value[OPT_SINCE]) : 0;

	char line[200] = "";

	if (!e->pid) {
		e->last = tail >= 0 ? e->next_last - tail : since;
		e->last = e->last < 0	     ? 0
		    : e->last > e->next_last ? e->next_last
					     : e->last;
	} else if (strcmp(e->next, e->incident) != 0) {
		if (e->next[0])
			snprintf(line, sizeof line,
			    "incident %s is open now: from its start", e->next);
		e->last = 0;
	}
	if (line[0])
		command_say(line);
	if (e->pid && e->pid != e->next_pid) {
		snprintf(line, sizeof line,
		    "another engine is here (pid %lld): going on behind %lld",
		    (long long)e->next_pid, (long long)e->last);
		command_say(line);
	}
	snprintf(e->incident, sizeof e->incident, "%s", e->next);
	e->pid = e->next_pid;
	e->lost = false;
}

/* One connection, to its end.  0: ours; -1: lost, err says why. */
static int
events_connect(struct events *e, struct err *err)
{
	struct client client;
	int fd, rc;

	if (command_begin(&client, e->c, START_NEVER, probe_on_fact, e, err) < 0)
		return -1;
	client_fini(&client);
	events_place(e);
	if ((fd = start_connect(e->c->options, START_NEVER, 0, err)) < 0)
		return -1;
	client_init(&client, fd, events_on_fact, e);
	client.reader_fd = STDOUT_FILENO;
	e->caught_up = e->again = false;
	rc = client_hello_since(&client, e->c->name,
	    &(struct client_past){.incident = e->incident[0] ? e->incident : NULL,
		.started = e->told_by[0] ? e->told_by : NULL,
		.since = e->last},
	    err);
	if (rc == 0)
		rc = credential_run(&client, e->c, -1, err);
	client_fini(&client);
	return rc < 0 ? -1 : 0;
}

static bool
reader_is_gone(int64_t wait_ms)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	return poll(&p, 1, (int)wait_ms) > 0 &&
	    (p.revents & (POLLERR | POLLHUP | POLLNVAL));
}

/* Over the ends of engines and connections. */
static int
events_follow(struct events *e)
{
	struct err err;

	for (;;) {
		int rc = events_connect(e, &err);

		if (e->write_error || (rc == 0 && !e->again))
			return COMMAND_OK;
		if (rc < 0 && !e->pid && err.code == ERR_UNREACHABLE)
			command_say(
			    "no engine runs here: a console or a verb starts one");
		if (rc < 0 && (!e->pid || err.code != ERR_UNREACHABLE))
			return command_exit_of(&err);
		if (rc < 0 && !e->lost)
			command_say("the engine has gone, or has let go of a reader that "
				    "is too slow; waiting for one");
		e->lost = rc < 0;
		if (reader_is_gone(e->lost ? EVENTS_LOOK_MS : 0))
			return COMMAND_OK;
	}
}

static bool
is_number(const char *text)
{
	return !text ||
	    (*text && strlen(text) < 16 && strspn(text, "0123456789") == strlen(text));
}

int
command_events(const struct command_opts *c, int count, char **words)
{
	struct events e = {.c = c, .gap = -1, .follow = c->given & 1U << OPT_FOLLOW};
	struct err err;
	int rc;

	if (!is_number(c->value[OPT_SINCE]) || !is_number(c->value[OPT_TAIL]) ||
	    (c->value[OPT_SINCE] && c->value[OPT_TAIL])) {
		fputs("breakglass events: --since SEQ or --tail N, a number\n", stderr);
		return COMMAND_USAGE;
	}
	signal(SIGPIPE, SIG_IGN); /* a reader that leaves is no fault */
	if (e.follow) {
		rc = events_follow(&e);
	} else {
		rc = events_connect(&e, &err) == 0 ? COMMAND_OK : command_exit_of(&err);
		if (rc == COMMAND_UNREACHABLE)
			command_say("what is on record: breakglass journal");
	}
	if (!e.write_error || e.write_error == EPIPE)
		return rc;
	err_sys(&err, e.write_error, "write");
	return command_exit_of(&err);
}
