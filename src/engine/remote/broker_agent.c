/* SPDX-License-Identifier: GPL-3.0-or-later */
/* broker_agent.c: what the agent may do by itself, what it must ask, and its runs. */
#include "engine/remote/broker_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/later.h"

#define INPUT_READ_S 30 /* what an operator is to read has ended by then ... */
#define INPUT_LOOK_MS 500

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

static void agent_begin(struct broker_run *run);

static const char *
host_of(const struct broker_run *run)
{
	return host_rows[run->policy.host].name;
}

static void
agent_no(struct broker_run *run, const char *why)
{
	agent_refuse(
	    run, host_of(run), strlen(host_of(run)), run->command, run->command_len, why);
}

/* The kill switch may have been pulled while it waited. */
static void
agent_may(struct broker_run *run)
{
	if (run->broker->killed_by[0])
		agent_no(run, POLICY_KILLED);
	else
		agent_begin(run);
}

static void
on_answer(bool yes, const char *why, void *arg)
{
	struct broker_run *run = arg;
	char text[320];

	run->ask = NULL;
	if (yes) {
		agent_may(run);
		return;
	}
	snprintf(
	    text, sizeof text, "an operator was asked and did not allow it: %s", why);
	agent_no(run, text);
}

static void
agent_ask(struct broker_run *run)
{
	int verb = run->policy.verb;
	const char *name = verb >= 0 ? verb_rows[verb].name : NULL;

	run->ask = asks_ask(run->broker->cfg.asks,
	    &(struct ask_what){.kind = name ? "verb" : "devvm",
		.text = run->policy.text,
		.asked = "agent",
		.host = host_of(run),
		.command = name ? NULL : run->command,
		.command_len = run->command_len,
		.has_input = !name && run->has_input,
		.input = run->input.data,
		.input_len = run->input.len,
		.verb = name,
		.turn = run->turn},
	    on_answer, run);
}

/* It has not begun, and something is waited for. */
static bool
agent_waits(const struct broker_run *run)
{
	return run->ask || run->probing || run->reading_ms;
}

/* Nobody waits for the answer any more. */
static void
agent_withdraw(struct broker_run *run, const char *why)
{
	ask_withdraw(run->ask, why);
	run->ask = NULL;
	run->probing = false;
	run->reading_ms = 0;
	agent_no(run, why);
}

/* The agent's questions that are of no use any more. */
static void
withdraw(struct broker *b, int but_turn, const char *why)
{
	for (struct broker_run *run = b->runs; run; run = run->next)
		if (agent_waits(run) && (but_turn < 0 || run->turn != but_turn))
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

/* What was read of it before it ran. */
static int
agent_forward_input(struct broker_run *run)
{
	run_input(run->record, run->input.data, run->input.len);
	return remote_run_input(run->channel, run->input.data, run->input.len);
}

static void
agent_begin(struct broker_run *run)
{
	struct broker *b = run->broker;

	if (run->policy.verb >= 0) {
		run->verb = (enum verb)run->policy.verb;
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
		.has_input = run->has_input,
		.turn = run->turn},
	    BROKER_CONNECT_MS);
	if (run->channel && run->input.len && agent_forward_input(run) < 0)
		LOG("broker", "%s goes without its input", broker_run_id(run));
	if (run->input_ended && run->channel)
		remote_run_input_end(run->channel);
}

/* As things are at this moment: while it waited, they may have changed. */
static void
agent_policy(struct broker_run *run, const char *host, size_t host_len)
{
	struct policy_now now = broker_policy_now(run->broker);

	policy_of_agent(&now,
	    &(struct policy_ask){.host = host,
		.host_len = host_len,
		.command = run->command,
		.len = run->command_len,
		.has_input = run->has_input,
		.input_len = run->input.len},
	    &run->policy);
}

/*
 * An operator reads the standard input with the command: a script there is the command.
 * So it is read to its end first, and is at most what the policy lets him be asked.
 */
static void
agent_read_first(struct broker_run *run)
{
	uv_timer_t *t = &run->broker->input;

	run->reading_ms = clock_mono_ms();
	if (!uv_is_active((uv_handle_t *)t))
		uv_timer_start(t, broker_on_input_late, INPUT_LOOK_MS, INPUT_LOOK_MS);
}

/* What the policy says, now or after a probe. */
static void
agent_obey(struct broker_run *run)
{
	switch (run->policy.says) {
	case POLICY_REFUSE:
		agent_no(run, run->policy.text);
		break;
	case POLICY_ASK:
		if (run->policy.verb < 0 && run->has_input && !run->input_ended)
			agent_read_first(run);
		else
			agent_ask(run);
		break;
	case POLICY_PROBE:
		run->probing = true;
		run->broker->probe(run->broker->probe_arg);
		break;
	case POLICY_RUN:
		agent_begin(run);
		break;
	}
}

void
broker_probed(struct broker *b, bool healthy, int64_t took_ms)
{
	struct broker_run *next;

	for (struct broker_run *run = b->runs; run; run = next) {
		next = run->next;
		if (!run->probing)
			continue;
		run->probing = false;
		agent_policy(run, host_of(run), strlen(host_of(run)));
		if (run->policy.says == POLICY_PROBE)
			policy_probed(&run->policy, healthy, (long)took_ms);
		agent_obey(run);
	}
}

void
broker_agent_refused(struct broker *b, const char *why, const char *what, size_t len)
{
	refusals_tell(&b->refusals, b->cfg.incident, FACT_ERROR, "agent", why, what, len);
}

bool
broker_is_probing(const struct broker *b)
{
	for (const struct broker_run *run = b->runs; run; run = run->next)
		if (run->probing)
			return true;
	return false;
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
	agent_policy(run, ask->host, ask->host_len);
	if (run->policy.host < 0)
		agent_refuse(run, ask->host, ask->host_len, run->command,
		    run->command_len, run->policy.text);
	else
		agent_obey(run);
	return run;
}

void
broker_on_input_late(uv_timer_t *t)
{
	struct broker *b = t->data;
	long ask =
	    (long)b->cfg.options->ask_seconds; /* ... or as an answer is waited for */
	long limit = ask > 0 && ask < INPUT_READ_S ? ask : INPUT_READ_S;
	int64_t late = clock_mono_ms() - limit * 1000;
	bool any = false;
	char why[160];

	snprintf(why, sizeof why,
	    "its standard input had not ended after %ld s, and at observe an operator has to "
	    "read it: put it into a file first",
	    limit);

	for (struct broker_run *run = b->runs; run; run = run->next) {
		if (run->reading_ms && run->reading_ms < late)
			agent_withdraw(run, why);
		any |= run->reading_ms != 0;
	}
	if (!any)
		uv_timer_stop(t);
}

/* As the policy has it now, with what has come: it may have become too long to be read,
 * or the autonomy may have been raised. */
static int
agent_reads(struct broker_run *run, const void *data, size_t len)
{
	if (buf_add(&run->input, data, len) < 0)
		return -1;
	agent_policy(run, host_of(run), strlen(host_of(run)));
	if (run->policy.says == POLICY_ASK && !run->input_ended)
		return 0;
	run->reading_ms = 0;
	agent_obey(run);
	return 0;
}

/* Of one that an operator is asked about it waits; a leashed one has none.  What is
 * taken leaves with the loop's next turn: the record of it goes first. */
int
broker_run_input(struct broker_run *run, const void *data, size_t len)
{
	if (run->agent && (!run->has_input || run->input_ended))
		return 0;
	if (run->ask || run->probing)
		return -1;
	if (run->reading_ms)
		return agent_reads(run, data, len);
	if (!run->channel)
		return 0;
	if (remote_run_input(run->channel, data, len) < 0)
		return -1;
	if (run->agent)
		run_input(run->record, data, len);
	return 0;
}

void
broker_run_input_end(struct broker_run *run)
{
	if (run->agent && !run->has_input)
		return;
	run->input_ended = true;
	if (run->reading_ms)
		(void)agent_reads(run, "", 0);
	if (run->channel)
		remote_run_input_end(run->channel);
}

void
broker_run_abandon(struct broker_run *run)
{
	run->shim = NULL;
	if (run->is_verb)
		return; /* goes on; broker_run_over drops it */
	if (agent_waits(run))
		agent_withdraw(run, "the agent went away and waits no more");
	else if (run->channel)
		broker_run_stop(run, "the agent went away");
}

void
broker_set_turn(struct broker *b, int turn)
{
	b->turn = turn;
	withdraw(b, turn, "the turn that asked has ended");
}

void
broker_stop_agent(struct broker *b, const char *why)
{
	withdraw(b, -1, why);
	for (struct broker_run *run = b->runs; run; run = run->next) {
		if (run->door == DOOR_DEVVM_AGENT && run->channel)
			broker_run_stop(run, why);
		else if (run->mutating && run->agents && run->record && !run->sent)
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
