/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/incident.h"
#include "engine/later.h"
#include "engine/links.h"
#include "engine/run.h"

#define BROKER_CONNECT_MS 10000 /* the agent waits so long for a host */
#define BROKER_PRESSURE_HIGH \
	(1024 * 1024)	     /* bytes waiting for the disk: hosts are read no more */
#define BROKER_HELD_MS 10000 /* nobody reads for so long: the run is ended */
#define BROKER_RELIEF_MS 10  /* how soon that is looked at again */

struct door_row {
	const char *host;
	bool main; /* its state is the host's link state */
};

static const struct door_row doors[DOORS] = {
    [DOOR_DEVVM] = {"devvm", true},
    [DOOR_DEVVM_AGENT] = {"devvm", false},
    [DOOR_DEVVM_SHELL] = {"devvm", false},
    [DOOR_PVE] = {"pve", true},
    [DOOR_PVE_VERB] = {"pve", false},
};

struct broker_run {
	struct broker_run *next;
	struct broker *broker;
	enum door door;
	struct run *record;
	struct remote_run *channel; /* NULL: not started, or over */
	bool mutating;
	bool agent;
	const struct broker_exec_events *exec;
	const struct broker_run_events *shim; /* NULL once abandoned */
	void *arg;
	bool is_verb; /* the agent's "ssh pve VERB": somebody else runs it */
	char *refusal;
	int64_t held_ms; /* since when its reader takes no more; 0: it does */
};

struct broker {
	struct broker_config cfg;
	struct remote *remotes[DOORS];
	bool paused[DOORS];
	struct links_told told[DOORS];
	uv_timer_t relief;
	broker_verb_fn *on_verb;
	void *on_verb_arg;
	enum autonomy autonomy;
	int turn;
	struct broker_run *runs;
	char hostkeys_said[256]; /* the last trouble with keeping host keys */
	struct door_ref {
		struct broker *broker;
		enum door door;
	} refs[DOORS];
};

static const char *const levels[AUTONOMY_LEVELS] = {
    [AUTONOMY_OBSERVE] = "observe",
    [AUTONOMY_REPAIR] = "repair",
    [AUTONOMY_AUTONOMOUS] = "autonomous",
};

const char *
autonomy_name(enum autonomy level)
{
	return levels[level];
}

int
autonomy_by_name(const char *name)
{
	for (int i = 0; i < AUTONOMY_LEVELS; i++)
		if (strcmp(levels[i], name) == 0)
			return i;
	return -1;
}

/* --- links --- */

void
broker_tell_links(struct broker *b)
{
	for (int d = 0; d < DOORS; d++)
		if (doors[d].main)
			links_tell(b->cfg.incident, NULL, b->remotes[d], doors[d].host);
}

static void
on_remote_state(struct remote *r, void *arg)
{
	struct door_ref *ref = arg;
	struct broker *b = ref->broker;

	links_tell_hostkeys(b->cfg.incident, b->cfg.hostkeys, b->hostkeys_said);
	if (!doors[ref->door].main)
		return;
	links_tell(b->cfg.incident, &b->told[ref->door], r, doors[ref->door].host);
	b->cfg.on_link(ref->door, b->cfg.arg);
}

static struct remote *
door_open(struct broker *b, enum door door)
{
	const struct options *o = b->cfg.options;
	bool devvm = strcmp(doors[door].host, "devvm") == 0;
	struct remote_config cfg = {
	    .name = doors[door].host,
	    .address = devvm ? o->devvm_host : o->pve_host,
	    .port = (int)(devvm ? o->devvm_port : o->pve_port),
	    .user = devvm ? o->devvm_user : o->pve_user,
	    .key = b->cfg.key,
	    .key_why = b->cfg.key_why,
	    .hostkeys = b->cfg.hostkeys,
	    .second = !doors[door].main,
	};

	b->refs[door] = (struct door_ref){b, door};
	return remote_new(b->cfg.loop, &cfg, on_remote_state, &b->refs[door]);
}

struct broker *
broker_new(const struct broker_config *cfg)
{
	struct broker *b = mem_alloc(sizeof *b);

	b->cfg = *cfg;
	b->autonomy = AUTONOMY_AUTONOMOUS;
	uv_timer_init(cfg->loop, &b->relief);
	uv_unref((uv_handle_t *)&b->relief);
	b->relief.data = b;
	for (int d = 0; d < DOORS; d++)
		b->remotes[d] = door_open(b, (enum door)d);
	return b;
}

static void
on_broker_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
broker_free(struct broker *b)
{
	struct broker_run *run;

	if (!b)
		return;
	while ((run = b->runs) != NULL) {
		b->runs = run->next;
		free(run->refusal);
		free(run);
	}
	for (int d = 0; d < DOORS; d++)
		remote_free(b->remotes[d]);
	uv_close((uv_handle_t *)&b->relief, on_broker_closed);
}

void
broker_set_verbs(struct broker *b, broker_verb_fn *fn, void *arg)
{
	b->on_verb = fn;
	b->on_verb_arg = arg;
}

void
broker_connect(struct broker *b)
{
	for (int d = 0; d < DOORS; d++)
		remote_want(b->remotes[d], d != DOOR_DEVVM_SHELL);
}

struct remote *
broker_remote(struct broker *b, enum door door)
{
	return b->remotes[door];
}

enum autonomy
broker_autonomy(const struct broker *b)
{
	return b->autonomy;
}

void
broker_set_autonomy(struct broker *b, enum autonomy level, const char *by)
{
	struct js *f = incident_fact(FACT_STATE, by);

	b->autonomy = level;
	js_set_str(f, "what", "autonomy");
	js_set_str(f, "level", levels[level]);
	incident_emit(b->cfg.incident, FACT_STATE, f);
}

int
broker_accept_key(struct broker *b, const char *host, const char *fingerprint,
    const char *by, struct err *err)
{
	struct js *f;
	char text[160];
	bool found = false;

	for (int d = 0; d < DOORS; d++) {
		if (strcmp(doors[d].host, host) != 0 ||
		    !remote_fingerprint(b->remotes[d])[0])
			continue;
		if (remote_accept_key(b->remotes[d], fingerprint, err) < 0 &&
		    doors[d].main)
			return -1;
		found = true;
	}
	if (!found)
		return err_set(
		    err, ERR_USAGE, "%s has shown no host key: nothing to accept", host);
	snprintf(text, sizeof text, "accepted the host key of %.20s: %.80s", host,
	    fingerprint);
	f = incident_fact(FACT_NOTE, by);
	js_set_str(f, "text", text);
	incident_emit(b->cfg.incident, FACT_NOTE, f);
	broker_tell_links(b);
	return 0;
}

/* --- back-pressure: the journal's disk is slower than a host --- */

static void
run_let_go(struct broker_run *run)
{
	if (run->held_ms)
		remote_resume(run->broker->remotes[run->door]);
	run->held_ms = 0;
}

/* True while some run is held for its reader. */
static bool
broker_look_at_held(struct broker *b)
{
	int64_t now = clock_mono_ms();
	bool any = false;

	for (struct broker_run *run = b->runs; run; run = run->next) {
		if (run->held_ms && now - run->held_ms > BROKER_HELD_MS) {
			run_let_go(run);
			broker_run_stop(run, "nobody read its output for 10 s: ended");
		}
		any |= run->held_ms != 0;
	}
	return any;
}

static void
on_relief(uv_timer_t *t)
{
	struct broker *b = t->data;
	bool held = broker_look_at_held(b);

	if (incident_journal(b->cfg.incident) == JOURNAL_OK &&
	    incident_pressure(b->cfg.incident) > BROKER_PRESSURE_HIGH / 2)
		return;
	for (int d = 0; d < DOORS; d++) {
		if (b->paused[d])
			remote_resume(b->remotes[d]);
		b->paused[d] = false;
	}
	if (!held)
		uv_timer_stop(t);
}

static void
run_hold(struct broker_run *run)
{
	if (run->held_ms)
		return;
	run->held_ms = clock_mono_ms();
	remote_pause(run->broker->remotes[run->door]);
	uv_timer_start(
	    &run->broker->relief, on_relief, BROKER_RELIEF_MS, BROKER_RELIEF_MS);
}

void
broker_run_ready(struct broker_run *run)
{
	run_let_go(run);
}

static void
broker_hold(struct broker *b, enum door door)
{
	if (b->paused[door] || incident_journal(b->cfg.incident) != JOURNAL_OK ||
	    incident_pressure(b->cfg.incident) < BROKER_PRESSURE_HIGH)
		return;
	b->paused[door] = true;
	remote_pause(b->remotes[door]);
	uv_timer_start(&b->relief, on_relief, BROKER_RELIEF_MS, BROKER_RELIEF_MS);
}

/* --- runs --- */

static struct broker_run *
run_new(struct broker *b, enum door door, void *arg)
{
	struct broker_run *run = mem_alloc(sizeof *run);

	run->broker = b;
	run->door = door;
	run->arg = arg;
	run->next = b->runs;
	b->runs = run;
	return run;
}

static void
run_drop(struct broker_run *run)
{
	struct broker_run **at = &run->broker->runs;

	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	free(run->refusal);
	free(run);
}

static void
on_channel_sent(struct remote_run *channel, void *arg)
{
	struct broker_run *run = arg;

	if (run->exec && run->exec->sent)
		run->exec->sent(run->arg);
}

static void
on_channel_output(
    struct remote_run *channel, int stream, const char *data, size_t len, void *arg)
{
	struct broker_run *run = arg;

	run_output(run->record, stream, data, len);
	broker_hold(run->broker, run->door);
	if (run->exec)
		run->exec->output(stream, data, len, run->arg);
	else if (run->shim && !run->shim->output(stream, data, len, run->arg))
		run_hold(run);
}

static void
run_record_end(struct broker_run *run, enum remote_end how, int code, const char *why)
{
	if (how == REMOTE_EXITED)
		run_exit(run->record, code);
	else if (how == REMOTE_SIGNALED)
		run_signal(run->record, why);
	else
		run_fail(run->record, why);
	run->record = NULL;
}

static void
on_channel_end(
    struct remote_run *channel, enum remote_end how, int code, const char *why, void *arg)
{
	struct broker_run *run = arg;

	run->channel = NULL;
	run_let_go(run);
	run_record_end(run, how, code, why);
	if (run->exec)
		run->exec->end(how, code, why, run->arg);
	else if (run->shim)
		run->shim->end(false, how == REMOTE_EXITED ? code : 255,
		    how == REMOTE_EXITED ? NULL : why, run->arg);
	run_drop(run);
}

static const struct remote_run_events channel_events = {
    .sent = on_channel_sent, .output = on_channel_output, .end = on_channel_end};

static void
on_stopped(void *arg)
{
	struct broker_run *run = arg;
	const char *why = run->refusal ? run->refusal : "";

	if (run->exec)
		run->exec->end(REMOTE_FAILED, 255, why, run->arg);
	else if (run->shim)
		run->shim->end(false, 255, why, run->arg);
	run_drop(run);
}

/* Its record ends now, its owner is told from the loop. */
static void
run_fail_soon(struct broker_run *run, const char *why)
{
	run_record_end(run, REMOTE_FAILED, 255, why);
	run->refusal = mem_dup(why);
	later(run->broker->cfg.loop, on_stopped, run);
}

static void
run_start(struct broker_run *run, const struct run_info *info, int64_t connect_ms)
{
	struct broker *b = run->broker;

	run->record = run_begin(b->cfg.runs, info);
	if (!b->cfg.key && b->cfg.key_why && b->cfg.key_why[0]) {
		run_fail_soon(run, b->cfg.key_why); /* waiting would not help */
		return;
	}
	run->channel = remote_exec(b->remotes[run->door], info->what, info->what_len,
	    connect_ms, &channel_events, run);
}

struct broker_run *
broker_exec(struct broker *b, enum door door, const struct run_info *info,
    int64_t connect_ms, const struct broker_exec_events *events, void *arg)
{
	struct broker_run *run = run_new(b, door, arg);
	int verb = info->verb ? verb_by_name(info->verb, strlen(info->verb)) : -1;

	run->exec = events;
	run->mutating = verb >= 0 && verb_rows[verb].mutating;
	run_start(run, info, connect_ms);
	return run;
}

const char *
broker_run_id(const struct broker_run *run)
{
	return run->record ? run_id(run->record) : "";
}

void
broker_run_stop(struct broker_run *run, const char *why)
{
	if (run->mutating || !run->channel)
		return;
	run_let_go(run);
	remote_run_close(run->channel);
	run->channel = NULL;
	run_fail_soon(run, why);
}

int
broker_stop_id(struct broker *b, const char *id, const char *by, struct err *err)
{
	char why[80];

	for (struct broker_run *run = b->runs; run; run = run->next) {
		if (!run->record || strcmp(run_id(run->record), id) != 0)
			continue;
		if (run->mutating)
			return err_set(err, ERR_DENIED,
			    "%s is a mutating verb: it finishes at the host, nothing here ends it",
			    id);
		snprintf(why, sizeof why,
		    "ended by %.32s; the command may live on at the host", by);
		broker_run_stop(run, why);
		return 0;
	}
	return err_set(err, ERR_USAGE, "no run %.16s is going on", id);
}

/* --- the agent's side --- */

static void
on_refused(void *arg)
{
	struct broker_run *run = arg;

	if (run->shim)
		run->shim->end(true, 64, run->refusal, run->arg);
	run_drop(run);
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
	run_drop(run);
}

static void
agent_pve(struct broker_run *run, const char *command, size_t len)
{
	struct broker *b = run->broker;
	int verb = verb_by_name(command, len);
	char why[200];

	if (verb < 0) {
		agent_refuse(run, "pve", 3, command, len,
		    "ssh pve takes exactly one of: status forensics start stop reset cycle");
		return;
	}
	if (b->autonomy < verb_rows[verb].level) {
		snprintf(why, sizeof why,
		    "an operator set the autonomy to %s: \"ssh pve %s\" is for operators now; "
		    "allowed: ssh pve status, ssh pve forensics",
		    levels[b->autonomy], verb_rows[verb].name);
		agent_refuse(run, "pve", 3, command, len, why);
		return;
	}
	run->is_verb = true;
	b->on_verb((enum verb)verb, b->turn, run, b->on_verb_arg);
}

static void
agent_devvm(struct broker_run *run, const char *command, size_t len)
{
	struct broker *b = run->broker;

	if (len == 0 || len > WIRE_COMMAND_MAX) {
		agent_refuse(run, "devvm", 5, command, len,
		    len ? "the command is longer than 64 KiB: send a file through standard input"
			: "ssh devvm needs a command: ssh devvm 'uptime; df -h'");
		return;
	}
	if (b->autonomy < AUTONOMY_REPAIR) {
		agent_refuse(run, "devvm", 5, command, len,
		    "an operator set the autonomy to observe: commands on the devvm are for "
		    "operators now; allowed: ssh pve status, ssh pve forensics");
		return;
	}
	run->channel = NULL;
	run_start(run,
	    &(struct run_info){.asked = "agent",
		.by = "agent",
		.host = "devvm",
		.what = command,
		.what_len = len,
		.turn = b->turn},
	    BROKER_CONNECT_MS);
}

struct broker_run *
broker_agent_run(struct broker *b, const char *host, size_t host_len, const char *command,
    size_t len, const struct broker_run_events *events, void *arg)
{
	struct broker_run *run = run_new(b, DOOR_DEVVM_AGENT, arg);

	run->agent = true;
	run->shim = events;
	if (host_len == 5 && memcmp(host, "devvm", 5) == 0)
		agent_devvm(run, command, len);
	else if (host_len == 3 && memcmp(host, "pve", 3) == 0)
		agent_pve(run, command, len);
	else
		agent_refuse(run, host, host_len, command, len,
		    "there are two hosts: ssh devvm COMMAND, and ssh pve VERB");
	return run;
}

int
broker_run_input(struct broker_run *run, const void *data, size_t len)
{
	return run->channel ? remote_run_input(run->channel, data, len) : 0;
}

void
broker_run_input_end(struct broker_run *run)
{
	if (run->channel)
		remote_run_input_end(run->channel);
}

void
broker_run_abandon(struct broker_run *run)
{
	run->shim = NULL;
	if (run->is_verb)
		return; /* goes on; broker_run_over drops it */
	if (run->channel)
		broker_run_stop(
		    run, "the agent went away; the command may live on at the host");
}

/* --- an operator's shell --- */

struct broker_run *
broker_shell(struct broker *b, const char *by, const struct remote_pty *pty,
    const struct broker_run_events *events, void *arg, struct err *err)
{
	static const char what[] = "(interactive shell)";
	const struct remote *devvm = b->remotes[DOOR_DEVVM];
	struct broker_run *run;

	if (remote_state(devvm) != REMOTE_UP) {
		err_set(err, ERR_UNREACHABLE, "no shell: %s",
		    remote_why(devvm)[0] ? remote_why(devvm)
					 : "the devvm is still being connected to");
		return NULL;
	}
	run = run_new(b, DOOR_DEVVM_SHELL, arg);
	run->shim = events;
	run->record = run_begin(b->cfg.runs,
	    &(struct run_info){.asked = "operator",
		.by = by,
		.host = "devvm",
		.what = what,
		.what_len = sizeof what - 1});
	run->channel = remote_shell(
	    b->remotes[run->door], pty, BROKER_CONNECT_MS, &channel_events, run);
	return run;
}

void
broker_shell_resize(struct broker_run *run, int cols, int rows)
{
	if (run->channel)
		remote_run_resize(run->channel, cols, rows);
}

void
broker_shell_leave(struct broker_run *run, const char *why)
{
	run->shim = NULL;
	broker_run_stop(run, why);
}

void
broker_set_turn(struct broker *b, int turn)
{
	b->turn = turn;
}

void
broker_stop_agent(struct broker *b, const char *why)
{
	for (struct broker_run *run = b->runs; run; run = run->next)
		if (run->agent && run->channel)
			broker_run_stop(run, why);
}
