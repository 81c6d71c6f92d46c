/* SPDX-License-Identifier: GPL-3.0-or-later */
/* broker_run.c: one run at a host, and its end; an operator's shell. */
#include "engine/remote/broker_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/later.h"
#include "engine/remote/leash.h"

#define INPUT_READ_MAX (4 * WIRE_CHUNK_MAX) /* with the piece that was too much */
#define CLEAN_MAX (16 * 1024 * 1024)	    /* marks may be longer than what was cut */

struct broker_run *
broker_run_new(struct broker *b, enum door door, void *arg)
{
	struct broker_run *run = mem_alloc(sizeof *run);

	run->broker = b;
	run->door = door;
	run->arg = arg;
	buf_init(&run->clean[0], CLEAN_MAX);
	buf_init(&run->clean[1], CLEAN_MAX);
	buf_init(&run->input, INPUT_READ_MAX);
	run->next = b->runs;
	b->runs = run;
	return run;
}

void
broker_run_drop(struct broker_run *run)
{
	struct broker_run **at = &run->broker->runs;

	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	buf_fini(&run->clean[0]);
	buf_fini(&run->clean[1]);
	buf_fini(&run->input);
	free(run->command);
	free(run->refusal);
	free(run);
}

static void
on_channel_sent(struct remote_run *channel, void *arg)
{
	struct broker_run *run = arg;

	run->sent = true;
	if (run->exec && run->exec->sent)
		run->exec->sent(run->arg);
}

static void
on_clean(int stream, const char *data, size_t len, void *arg)
{
	struct broker_run *run = arg;

	if (buf_add(&run->clean[stream - 1], data, len) < 0)
		LOG("broker", "%zu bytes of output are too many at once", len);
}

/* Whoever asked may end the run when he reads this: nobody else stands below us. */
static void
run_deliver(struct broker_run *run, int stream)
{
	struct buf b = run->clean[stream - 1];

	buf_init(&run->clean[stream - 1], CLEAN_MAX);
	if (b.len > 0 && run->exec)
		run->exec->output(stream, b.data, b.len, run->arg);
	else if (b.len > 0 && run->shim && run->door != DOOR_DEVVM_SHELL &&
	    !run->shim->output(stream, b.data, b.len, run->arg) && run->channel)
		broker_run_hold(run);
	buf_fini(&b);
}

/* From the loop: whoever asked may end the run now. */
static void
on_gathered(void *arg)
{
	struct broker_run *run = arg;

	run_deliver(run, 1);
	if (run->channel)
		run_deliver(run, 2);
}

static void
on_channel_output(
    struct remote_run *channel, int stream, const char *data, size_t len, void *arg)
{
	struct broker_run *run = arg;

	run_output(run->record, stream, data, len);
	broker_hold(run->broker, run->door);
	/* An operator's terminal shows what he would see in any ssh. */
	if (run->door == DOOR_DEVVM_SHELL && run->shim &&
	    !run->shim->output(stream, data, len, run->arg))
		broker_run_hold(run);
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
	broker_run_let_go(run);
	if (run->door == DOOR_DEVVM_AGENT && how == REMOTE_LOST)
		left_closed(run->broker->left, run_id(run->record), true);
	if (run->mutating)
		left_verb_over(run->broker->left, run_id(run->record));
	run_record_end(run, how, code, why);
	run_deliver(run, 1);
	run_deliver(run, 2);
	if (run->exec)
		run->exec->end(how, code, why, run->arg);
	else if (run->shim)
		run->shim->end(false, how == REMOTE_EXITED ? code : 255,
		    how == REMOTE_EXITED ? NULL : why, run->arg);
	broker_run_drop(run);
}

static void
on_channel_begun(struct remote_run *channel, void *arg)
{
	struct broker_run *run = arg;

	if (!run->exec && run->shim && run->shim->begun)
		run->shim->begun(run->arg);
}

static const struct remote_run_events channel_events = {.sent = on_channel_sent,
    .output = on_channel_output,
    .end = on_channel_end,
    .begun = on_channel_begun};

static void
on_stopped(void *arg)
{
	struct broker_run *run = arg;
	const char *why = run->refusal ? run->refusal : "";

	run_deliver(run, 1);
	run_deliver(run, 2);
	if (run->exec)
		run->exec->end(REMOTE_FAILED, 255, why, run->arg);
	else if (run->shim)
		run->shim->end(false, 255, why, run->arg);
	broker_run_drop(run);
}

/* Its record ends now, its owner is told from the loop. */
static void
run_fail_soon(struct broker_run *run, const char *why)
{
	run_record_end(run, REMOTE_FAILED, 255, why);
	run->refusal = mem_dup(why);
	later(run->broker->cfg.loop, on_stopped, run);
}

/* What the record shows is the command itself, without its leash. */
static void
run_send_leashed(struct broker_run *run, const struct run_info *info, int64_t connect_ms)
{
	struct broker *b = run->broker;
	const char *watchdog = leash_watchdog();
	struct buf line;

	buf_init(&line, LEASH_LINE_MAX);
	leash_wrap(&line, incident_id(b->cfg.incident), run_id(run->record),
	    !run->has_input, info->what, info->what_len);
	left_began(b->left, run_id(run->record), info->what, info->what_len);
	run->channel = remote_exec(b->remotes[run->door], buf_str(&line), line.len,
	    connect_ms, &channel_events, run);
	buf_fini(&line);
	if (!run->has_input &&
	    remote_run_input(run->channel, watchdog, strlen(watchdog)) < 0)
		LOG("broker", "%s goes without its leash", run_id(run->record));
}

void
broker_run_start(struct broker_run *run, const struct run_info *info, int64_t connect_ms)
{
	struct broker *b = run->broker;

	run->record = run_begin(b->cfg.runs, info);
	run_reader(run->record, on_clean, on_gathered, run);
	if (!b->cfg.key && !b->cfg.agent && b->cfg.key_why && b->cfg.key_why[0]) {
		run_fail_soon(run, b->cfg.key_why); /* waiting would not help */
		return;
	}
	if (run->door == DOOR_DEVVM_AGENT)
		run_send_leashed(run, info, connect_ms);
	else
		run->channel = remote_exec(b->remotes[run->door], info->what,
		    info->what_len, connect_ms, &channel_events, run);
}

struct broker_run *
broker_exec(struct broker *b, enum door door, const struct run_info *info,
    int64_t connect_ms, const struct broker_exec_events *events, void *arg)
{
	struct broker_run *run = broker_run_new(b, door, arg);
	int verb = info->verb ? verb_by_name(info->verb, strlen(info->verb)) : -1;

	run->exec = events;
	run->mutating = verb >= 0 && verb_rows[verb].mutating;
	run->verb = verb >= 0 ? (enum verb)verb : VERBS;
	run->agents = strcmp(info->asked, "agent") == 0;
	broker_run_start(run, info, connect_ms);
	return run;
}

bool
broker_is_running(const struct broker *b, const char *id)
{
	for (const struct broker_run *run = b->runs; run; run = run->next)
		if (run->record && strcmp(run_id(run->record), id) == 0)
			return true;
	return false;
}

const char *
broker_run_id(const struct broker_run *run)
{
	return run->record ? run_id(run->record) : "";
}

void
broker_run_stop(struct broker_run *run, const char *why)
{
	if ((run->mutating && run->sent) || !run->channel)
		return; /* a verb that is at the host finishes there */
	broker_run_let_go(run);
	if (run->door == DOOR_DEVVM_AGENT && run->sent)
		left_closed(run->broker->left, run_id(run->record), false);
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
		if (run->mutating && run->sent)
			return err_set(err, ERR_DENIED,
			    "%s is a mutating verb: it finishes at the host, nothing here ends it",
			    id);
		snprintf(why, sizeof why,
		    run->door == DOOR_DEVVM_AGENT
			? "ended by %.32s"
			: "ended by %.32s; the command may live on at the host",
		    by);
		broker_run_stop(run, why);
		return 0;
	}
	return left_end(b->left, id, err);
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
	run = broker_run_new(b, DOOR_DEVVM_SHELL, arg);
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
