/* SPDX-License-Identifier: GPL-3.0-or-later */
/* broker_agent.c: what the agent may do by itself, what it must ask, and its runs. */
#include "engine/remote/broker_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/later.h"

static void
on_refused(void *arg)
{
	struct broker_run *run = arg;

	if (run->shim)
		run->shim->end(true, 64, run->refusal, run->arg);
	broker_run_drop(run);
}

static void
agent_refuse(struct broker_run *run, const char *host, size_t host_len,
    const char *command, size_t len, const char *why)
{
	struct js *f = incident_fact(FACT_ERROR, "agent");
	size_t cut = text_cut(command, len < 200 ? len : 200);
	char where[24];

	snprintf(
	    where, sizeof where, "ssh %.*s", (int)(host_len < 16 ? host_len : 16), host);
	js_set_str(f, "where", where);
	js_set_bytes(f, "command", command, cut);
	js_set_str(f, "text", why);
	if (run->broker->turn)
		js_set_int(f, "turn", run->broker->turn);
	incident_emit(run->broker->cfg.incident, FACT_ERROR, f);
	run->refusal = mem_dup(why);
	later(run->broker->cfg.loop, on_refused, run);
}

bool
broker_run_tell(struct broker_run *run, int stream, const char *data, size_t len)
{
	return run->shim && run->shim->output(stream, data, len, run->arg);
}

void
broker_run_over(struct broker_run *run, bool refused, int exit, const char *why)
{
	if (run->shim)
		run->shim->end(refused, refused ? 64 : exit, why, run->arg);
	broker_run_drop(run);
}

/* --- an operator is asked --- */

/* What the agent may do at a host besides the verbs of verbs.def. */
static const struct allowed devvm_allowed = {AUTONOMY_OBSERVE, AUTONOMY_REPAIR};

enum may { MAY_NOT, MAY_ASK, MAY };

static enum may
may(const struct allowed *a, enum autonomy level)
{
	return level >= a->itself ? MAY : level >= a->asks ? MAY_ASK : MAY_NOT;
}

static void agent_begin(struct broker_run *run);

static void
on_answer(bool yes, const char *why, void *arg)
{
	struct broker_run *run = arg;
	char text[320];

	run->ask = NULL;
	if (yes) {
		agent_begin(run);
		return;
	}
	snprintf(
	    text, sizeof text, "an operator was asked and did not allow it: %s", why);
	agent_refuse(run, run->verb_asked ? "pve" : "devvm", run->verb_asked ? 3 : 5,
	    run->command, run->command_len, text);
}

static void
agent_ask(struct broker_run *run, const char *text)
{
	const char *verb = run->verb_asked ? verb_rows[run->verb].name : NULL;

	run->ask = asks_ask(run->broker->cfg.asks,
	    &(struct ask_what){.kind = verb ? "verb" : "devvm",
		.text = text,
		.asked = "agent",
		.host = verb ? "pve" : "devvm",
		.command = verb ? NULL : run->command,
		.command_len = run->command_len,
		.verb = verb,
		.turn = run->turn},
	    on_answer, run);
}

/* Nobody waits for the answer any more. */
static void
agent_withdraw(struct broker_run *run, const char *why)
{
	ask_withdraw(run->ask, why);
	run->ask = NULL;
	agent_refuse(run, run->verb_asked ? "pve" : "devvm", run->verb_asked ? 3 : 5,
	    run->command, run->command_len, why);
}

void
broker_withdraw(struct broker *b, int but_turn, const char *why)
{
	for (struct broker_run *run = b->runs; run; run = run->next)
		if (run->ask && (but_turn < 0 || run->turn != but_turn))
			agent_withdraw(run, why);
}

/* --- the hour's cap --- */

static void broker_tell_hour(struct broker *b);

static void
on_hour(uv_timer_t *t)
{
	broker_tell_hour(t->data);
}

static void
broker_tell_hour(struct broker *b)
{
	int64_t now = clock_wall_ms(), next = verb_cap_next_ms(&b->cap, now);

	if (b->cfg.on_verbs_hour)
		b->cfg.on_verbs_hour(verb_cap_used(&b->cap, now),
		    (int)b->cfg.options->agent_verbs_per_hour, b->cfg.arg);
	if (next)
		uv_timer_start(&b->hour, on_hour, (uint64_t)next + 1, 0);
}

void
broker_verb_counts(struct broker *b)
{
	verb_cap_add(&b->cap, clock_wall_ms());
	broker_tell_hour(b);
}

void
broker_found(struct broker *b, const struct js *record)
{
	verb_cap_found(&b->cap, record);
	left_found(b->left, record);
}

void
broker_found_end(struct broker *b)
{
	left_found_end(b->left);
	broker_tell_hour(b);
}

/* --- what the agent asks for --- */

static void
agent_begin(struct broker_run *run)
{
	struct broker *b = run->broker;

	if (run->verb_asked) {
		run->is_verb = true;
		b->on_verb(run->verb, run->turn, run, b->on_verb_arg);
		return;
	}
	broker_run_start(run,
	    &(struct run_info){.asked = "agent",
		.by = "agent",
		.host = "devvm",
		.what = run->command,
		.what_len = run->command_len,
		.turn = run->turn},
	    BROKER_CONNECT_MS);
	if (run->input_ended && run->channel)
		remote_run_input_end(run->channel);
}

static void
agent_pve_capped(struct broker_run *run)
{
	struct broker *b = run->broker;
	const struct verb_row *row = &verb_rows[run->verb];
	int used = verb_cap_used(&b->cap, clock_wall_ms());
	int max = (int)b->cfg.options->agent_verbs_per_hour;
	char text[320];

	if (!row->mutating || used < max) {
		agent_begin(run);
		return;
	}
	if (max == 0)
		snprintf(text, sizeof text,
		    "The agent wants to %s VM %d: it may send no mutating verb by itself "
		    "(agent_verbs_per_hour 0).  May it?",
		    row->name, VERB_VMID);
	else
		snprintf(text, sizeof text,
		    "The agent wants to %s VM %d, and has sent %d mutating verb%s within the "
		    "hour (agent_verbs_per_hour %d).  May it once more?",
		    row->name, VERB_VMID, used, used == 1 ? "" : "s", max);
	agent_ask(run, text);
}

static void
agent_pve(struct broker_run *run)
{
	struct broker *b = run->broker;
	int verb = verb_by_name(run->command, run->command_len);
	char text[320];

	if (verb < 0) {
		agent_refuse(run, "pve", 3, run->command, run->command_len,
		    "ssh pve takes exactly one of: status forensics start stop reset cycle");
		return;
	}
	run->verb = (enum verb)verb;
	run->verb_asked = true;
	switch (may(&verb_rows[verb].allowed, b->autonomy)) {
	case MAY:
		agent_pve_capped(run);
		return;
	case MAY_ASK:
		snprintf(text, sizeof text,
		    "The agent wants to %s VM %d (autonomy %s): %s.  May it?",
		    verb_rows[verb].name, VERB_VMID, autonomy_name(b->autonomy),
		    verb_rows[verb].does);
		agent_ask(run, text);
		return;
	case MAY_NOT:
		break;
	}
	snprintf(text, sizeof text,
	    "an operator set the autonomy to %s: \"ssh pve %s\" is for operators now; "
	    "allowed: ssh pve status, ssh pve forensics",
	    autonomy_name(b->autonomy), verb_rows[verb].name);
	agent_refuse(run, "pve", 3, run->command, run->command_len, text);
}

static void
agent_devvm(struct broker_run *run)
{
	enum may m = may(&devvm_allowed, run->broker->autonomy);
	size_t len = run->command_len;

	if (len == 0 || len > WIRE_COMMAND_MAX)
		agent_refuse(run, "devvm", 5, run->command, len,
		    len ? "the command is longer than 64 KiB: send a file through standard input"
			: "ssh devvm needs a command: ssh devvm 'uptime; df -h'");
	else if (m == MAY)
		agent_begin(run);
	else if (len > WIRE_CHUNK_MAX)
		agent_refuse(run, "devvm", 5, run->command, len,
		    "an operator set the autonomy to observe and would have to read this "
		    "command, which is longer than 32 KiB: make it shorter");
	else
		agent_ask(run,
		    "The agent wants to run a command on the devvm (autonomy observe).  May it?");
}

struct broker_run *
broker_agent_run(struct broker *b, const struct broker_agent_ask *ask,
    const struct broker_run_events *events, void *arg)
{
	struct broker_run *run = broker_run_new(b, DOOR_DEVVM_AGENT, arg);

	run->agent = true;
	run->shim = events;
	run->turn = b->turn;
	run->has_input = ask->has_input;
	run->command = mem_dupn(ask->command, ask->len);
	run->command_len = ask->len;
	if (ask->host_len == 5 && memcmp(ask->host, "devvm", 5) == 0)
		agent_devvm(run);
	else if (ask->host_len == 3 && memcmp(ask->host, "pve", 3) == 0)
		agent_pve(run);
	else
		agent_refuse(run, ask->host, ask->host_len, run->command,
		    run->command_len,
		    "there are two hosts: ssh devvm COMMAND, and ssh pve VERB");
	return run;
}

/* Of one that an operator is asked about it waits; a leashed one has none. */
int
broker_run_input(struct broker_run *run, const void *data, size_t len)
{
	if (run->ask && run->has_input)
		return -1;
	if (!run->channel || (run->agent && !run->has_input))
		return 0;
	return remote_run_input(run->channel, data, len);
}

void
broker_run_input_end(struct broker_run *run)
{
	if (run->agent && !run->has_input)
		return;
	run->input_ended = true;
	if (run->channel)
		remote_run_input_end(run->channel);
}

void
broker_run_abandon(struct broker_run *run)
{
	run->shim = NULL;
	if (run->is_verb)
		return; /* goes on; broker_run_over drops it */
	if (run->ask)
		agent_withdraw(run, "the agent went away and waits no more");
	else if (run->channel)
		broker_run_stop(run, "the agent went away");
}

void
broker_set_turn(struct broker *b, int turn)
{
	b->turn = turn;
	broker_withdraw(b, turn, "the turn that asked has ended");
}

void
broker_stop_agent(struct broker *b, const char *why)
{
	broker_withdraw(b, -1, why);
	for (struct broker_run *run = b->runs; run; run = run->next) {
		if (run->door == DOOR_DEVVM_AGENT && run->channel)
			broker_run_stop(run, why);
		else if (run->mutating && run->agents && run->record)
			left_verb(
			    b->left, run_id(run->record), verb_rows[run->verb].name);
	}
	left_look(b->left);
}

void
broker_left_ids(const struct broker *b, struct js *array)
{
	left_ids(b->left, array);
}
