/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/remote_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

/* A channel that something holds open ends so long after the exit status: */
#define RUN_GRACE_MS 2000	    /* when no output comes any more */
#define RUN_GRACE_MAX_MS 30000	    /* in any case */
#define RUN_REFUSED_MS 250	    /* until a refused channel is asked for again */
#define RUN_INPUT_MAX (1024 * 1024) /* bytes of standard input that wait */
#define RUN_INPUT_PIECE (64 * 1024) /* bytes handed to libssh at once */
#define RUN_RETRY_MS 1000	    /* a run does not sit out a longer retry time */

static void
run_free(struct remote_run *run)
{
	buf_fini(&run->input);
	free(run->command);
	free(run->term);
	free(run);
}

static void
run_unlink(struct remote_run *run)
{
	struct remote_run **p = &run->remote->runs;

	while (*p != run)
		p = &(*p)->next;
	*p = run->next;
}

/* The run is gone from the list before its owner hears of it, and freed after. */
static void
run_end(struct remote_run *run, enum remote_end how, int code, const char *why)
{
	remote_channel_free(run);
	run_unlink(run);
	run->remote->kicked = true; /* somebody may wait for its place */
	LOG("remote", "%s: run ends: %d, code %d %s", run->remote->name, how, code,
	    why ? why : "");
	if (!run->gone && !run->remote->dead && run->events->end)
		run->events->end(run, how, code, why, run->arg);
	run_free(run);
}

/* What was never sent may still go over the next connection. */
void
remote_runs_lost(struct remote *r)
{
	for (struct remote_run *run = r->runs; run; run = run->next) {
		if (run->state == RUN_OPENING)
			run->state = RUN_QUEUED;
		else if (run->state != RUN_QUEUED)
			run->closed = true; /* its next step ends it */
	}
}

void
remote_runs_free(struct remote *r)
{
	struct remote_run *run;

	while ((run = r->runs) != NULL) {
		r->runs = run->next;
		run_free(run);
	}
}

static int
remote_running(const struct remote *r)
{
	int n = 0;

	for (const struct remote_run *run = r->runs; run; run = run->next)
		n += run->state != RUN_QUEUED;
	return n;
}

static void run_negotiate(struct remote_run *run);

static void
run_open(struct remote_run *run)
{
	struct remote *r = run->remote;

	if (run->gone || r->state != REMOTE_UP || remote_running(r) >= REMOTE_RUNS_MAX ||
	    clock_mono_ms() < run->not_before_ms)
		return;
	if (remote_channel_new(run) < 0) {
		r->broken = true;
		return;
	}
	run->state = RUN_OPENING;
	remote_ask(r);
	run_negotiate(run);
}

/*
 * sshd counts a session until its process has ended, also one whose channel we
 * closed.  With others running, wait for one of them; alone, a new connection
 * starts the count at none.
 */
static void
run_refused(struct remote_run *run)
{
	struct remote *r = run->remote;

	remote_channel_free(run);
	run->state = RUN_QUEUED;
	run->not_before_ms = clock_mono_ms() + RUN_REFUSED_MS;
	if (remote_running(r) == 0)
		r->full = r->broken = true;
	else if (!remote_ssh_is_alive(r))
		r->broken = true;
}

static void
run_opening(struct remote_run *run)
{
	enum step step = remote_channel_open(run);

	if (step == STEP_AGAIN)
		return;
	if (step != STEP_DONE) {
		run_refused(run);
		return;
	}
	run->state = RUN_ASKING;
	if (!run->gone && run->events->sent)
		run->events->sent(run, run->arg);
	remote_ask(run->remote);
}

/* A shell takes two questions: for the terminal, then for the shell on it. */
static enum step
run_ask(struct remote_run *run)
{
	enum step step;

	if (run->command)
		return remote_channel_exec(run);
	if (!run->has_pty) {
		run->resized = false;
		step = remote_channel_pty(run);
		if (step != STEP_DONE)
			return step;
		run->has_pty = true;
		remote_ask(run->remote);
	}
	return remote_channel_shell(run);
}

static void
run_asking(struct remote_run *run)
{
	enum step step = run_ask(run);
	struct err err;

	if (step == STEP_AGAIN)
		return;
	if (step == STEP_DONE) {
		run->state = RUN_RUNNING;
		if (!run->gone && run->events->begun)
			run->events->begun(run, run->arg);
	} else if (!remote_ssh_is_alive(run->remote)) {
		run->remote->broken = true;
	} else {
		err_set(&err, ERR_UNREACHABLE,
		    run->command || run->has_pty
			? "%s refused to start the %s: its sshd could "
			  "not make a process (out of memory or of processes?)"
			: "%s gave no terminal for the %s: its sshd is out of them, or "
			  "forbids them (PermitTTY)",
		    run->remote->where, run->command ? "command" : "shell");
		run_end(run, REMOTE_FAILED, 255, err.words);
	}
}

/* What needs libssh to answer: it may read, and so call others back, in here. */
static void
run_negotiate(struct remote_run *run)
{
	if (run->state == RUN_OPENING)
		run_opening(run);
	if (run->state == RUN_ASKING && !run->gone && !run->remote->dead)
		run_asking(run);
}

static void
run_feed(struct remote_run *run)
{
	if (run->resized && !remote_ssh_wants_write(run->remote)) {
		run->resized = false;
		remote_channel_resize(run);
	}
	while (run->input.len && !remote_ssh_wants_write(run->remote)) {
		size_t n =
		    run->input.len < RUN_INPUT_PIECE ? run->input.len : RUN_INPUT_PIECE;

		n = remote_channel_write(run, run->input.data, n);
		if (n == 0)
			return;
		buf_drop(&run->input, n);
		if (run->input.len == 0 && run->events->drained && !run->gone)
			run->events->drained(run, run->arg);
	}
	if (run->input_ended && !run->input_closed && run->input.len == 0) {
		run->input_closed = true;
		remote_channel_end_input(run);
	}
}

static bool
run_has_exited(const struct remote_run *run)
{
	return run->exit_code >= 0 || run->signal[0];
}

/* When a channel that is not closed after the exit status is left to itself. */
static int64_t
run_grace_ends_ms(const struct remote_run *run)
{
	int64_t quiet = run->quiet_ms + RUN_GRACE_MS;
	int64_t most = run->exited_ms + RUN_GRACE_MAX_MS;

	return quiet < most ? quiet : most;
}

/* What could not be read in a pause may be output of a command that has exited. */
void
remote_runs_resumed(struct remote *r)
{
	for (struct remote_run *run = r->runs; run; run = run->next) {
		if (run_has_exited(run))
			run->exited_ms = run->quiet_ms = clock_mono_ms();
	}
}

/* Has it ended?  On close, or when something else holds the channel too long. */
static void
run_finish(struct remote_run *run)
{
	struct remote *r = run->remote;
	bool exited = run_has_exited(run);
	struct err err;

	if (!run->closed && run->channel && remote_channel_is_closed(run))
		run->closed = true;
	if (!run->closed &&
	    (!exited || r->paused || clock_mono_ms() < run_grace_ends_ms(run))) {
		return;
	} else if (run->signal[0]) {
		run_end(run, REMOTE_SIGNALED, 255, run->signal);
	} else if (exited) {
		run_end(run, REMOTE_EXITED, run->exit_code, NULL);
	} else if (run->channel) {
		err_set(&err, ERR_UNREACHABLE,
		    "%s closed the command's channel without saying "
		    "how it ended: look on the host",
		    r->where);
		run_end(run, REMOTE_LOST, 255, err.words);
	} else {
		err_set(&err, ERR_UNREACHABLE,
		    "%s; the command was sent, what became of it is "
		    "not known",
		    r->why);
		run_end(run, REMOTE_LOST, 255, err.words);
	}
}

static void
run_wait(struct remote_run *run)
{
	struct remote *r = run->remote;
	struct err err;

	if (run->refused) {
		run_end(run, REMOTE_FAILED, 255, run->refused);
	} else if (r->state != REMOTE_UP && clock_mono_ms() >= run->deadline_ms) {
		err_set(
		    &err, ERR_UNREACHABLE, "not sent: %s", r->why[0] ? r->why : r->where);
		if (!r->why[0])
			err_set(&err, ERR_UNREACHABLE,
			    "not sent: %s is still being connected to: "
			    "try again",
			    r->where);
		run_end(run, REMOTE_FAILED, 255, err.words);
	} else {
		run_open(run);
	}
}

static void
run_step(struct remote_run *run)
{
	struct remote *r = run->remote;

	if (run->gone && run->state != RUN_OPENING) {
		/* An answer to OPEN must find its channel: that one waits for it. */
		run_end(run, REMOTE_LOST, 255, NULL);
	} else if (run->state == RUN_QUEUED) {
		run_wait(run);
	} else if (run->state == RUN_RUNNING || run->closed) {
		if (run->channel && !run->closed && !r->paused)
			run_feed(run);
		run_finish(run);
	}
}

void
remote_runs_step(struct remote *r)
{
	struct remote_run *run, *next;

	for (run = r->runs; run && !r->dead; run = next) {
		next = run->next;
		run_step(run);
	}
}

void
remote_runs_negotiate(struct remote *r)
{
	struct remote_run *run, *next;

	for (run = r->runs; run && !r->dead && !r->paused; run = next) {
		next = run->next;
		run_negotiate(run);
	}
}

static int64_t
run_due_ms(const struct remote_run *run)
{
	if (run->refused || run->gone)
		return run->state == RUN_OPENING ? -1 : 0;
	if (run->state == RUN_QUEUED)
		return run->remote->state == REMOTE_UP
		    ? (run->not_before_ms > clock_mono_ms() ? run->not_before_ms : -1)
		    : run->deadline_ms;
	if (run->closed)
		return 0;
	return run_has_exited(run) && !run->remote->paused ? run_grace_ends_ms(run) : -1;
}

int64_t
remote_runs_due_ms(const struct remote *r)
{
	int64_t due = -1;

	for (const struct remote_run *run = r->runs; run; run = run->next)
		due = remote_earlier(due, run_due_ms(run));
	return due;
}

/* ---- what others call ---- */

static const char *
remote_refusal(const struct remote *r, const char *command, size_t len)
{
	int waiting = 0;

	for (const struct remote_run *run = r->runs; run; run = run->next)
		waiting += run->state == RUN_QUEUED;
	if (waiting > REMOTE_QUEUE_MAX)
		return "not sent: too many commands wait for this host: let some finish first";
	if (command && memchr(command, '\0', len))
		return "not sent: the command holds a NUL byte, which no host takes";
	return NULL;
}

/* command is NULL for a shell. */
static struct remote_run *
remote_run_new(struct remote *r, const char *command, size_t len, int64_t connect_ms,
    const struct remote_run_events *events, void *arg)
{
	struct remote_run *run = mem_alloc(sizeof *run), **p = &r->runs;
	int64_t now = clock_mono_ms();

	run->remote = r;
	run->events = events;
	run->arg = arg;
	run->command = command ? mem_dupn(command, len) : NULL;
	run->deadline_ms = now + connect_ms;
	run->exit_code = -1;
	buf_init(&run->input, RUN_INPUT_MAX);
	while (*p)
		p = &(*p)->next;
	*p = run;
	run->refused = remote_refusal(r, command, len);
	/* Somebody needs it now: no sitting out a long retry time. */
	if (r->state == REMOTE_DOWN && r->retry == RETRY_SOON)
		r->retry_ms = remote_earlier(r->retry_ms, r->down_ms + RUN_RETRY_MS);
	remote_kick(r);
	return run;
}

struct remote_run *
remote_exec(struct remote *r, const char *command, size_t len, int64_t connect_ms,
    const struct remote_run_events *events, void *arg)
{
	return remote_run_new(r, command, len, connect_ms, events, arg);
}

struct remote_run *
remote_shell(struct remote *r, const struct remote_pty *pty, int64_t connect_ms,
    const struct remote_run_events *events, void *arg)
{
	struct remote_run *run = remote_run_new(r, NULL, 0, connect_ms, events, arg);

	run->has_pty = !pty; /* nothing is to ask for */
	if (pty) {
		run->term = mem_dup(pty->term);
		run->cols = pty->cols;
		run->rows = pty->rows;
	}
	return run;
}

void
remote_run_resize(struct remote_run *run, int cols, int rows)
{
	run->cols = cols;
	run->rows = rows;
	run->resized = true;
	remote_kick(run->remote);
}

int
remote_run_input(struct remote_run *run, const void *data, size_t len)
{
	if (buf_add(&run->input, data, len) < 0)
		return -1;
	remote_kick(run->remote);
	return 0;
}

void
remote_run_input_end(struct remote_run *run)
{
	run->input_ended = true;
	remote_kick(run->remote);
}

void
remote_run_close(struct remote_run *run)
{
	run->gone = true;
	remote_kick(run->remote);
}
