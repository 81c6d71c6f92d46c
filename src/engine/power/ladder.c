/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/ladder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/power/guest_probe.h"
#include "wire/frame.h"

#define LADDER_LOOK_MS 50    /* how often the connection's progress is read */
#define LADDER_STALE_MS 2500 /* an old connection that does not answer is given up */
#define LADDER_EXEC_MS 9000  /* of the probe; its own end is at GUEST_PROBE_S */

struct ladder {
	struct broker *broker;
	uv_timer_t timer;
	bool climbing;
	bool look_only;
	int64_t began_ms, limit_ms, asked_ms;
	unsigned try; /* of the connection, that decides */
	struct remote_run *probe;
	bool sent; /* sshd has opened the channel: it answers */
	struct frame lines;
	char err[160]; /* what the login shell said instead */
	struct ladder_seen seen;
	struct guest_reader reader;
	ladder_told_fn *told;
	void *arg;
};

const char *
rung_name(enum rung rung)
{
	static const char *const names[RUNGS] = {
	    "tcp", "banner", "kex", "auth", "exec", "sudo", "disk"};

	return names[rung];
}

struct js *
ladder_rungs(const int64_t rung_ms[RUNGS])
{
	struct js *rungs = js_array();

	for (int i = 0; i < RUNGS; i++) {
		struct js *r = js_new();

		js_set_str(r, "rung", rung_name((enum rung)i));
		js_set_bool(r, "ok", rung_ms[i] >= 0);
		if (rung_ms[i] >= 0)
			js_set_int(r, "ms", rung_ms[i]);
		js_add(rungs, r);
	}
	return rungs;
}

void
ladder_seen_init(struct ladder_seen *seen)
{
	memset(seen, 0, sizeof *seen);
	for (int i = 0; i < RUNGS; i++)
		seen->rung_ms[i] = -1;
	seen->load1 = -1;
	seen->cpus = seen->mem_avail_kb = seen->mem_total_kb = seen->swap_free_kb = -1;
	seen->failed_units = seen->root_used_pct = -1;
}

enum rung
ladder_stands_at(const struct ladder_seen *seen)
{
	int i = 0;

	while (i < RUNGS && seen->rung_ms[i] >= 0)
		i++;
	return (enum rung)i;
}

static struct remote *
ladder_remote(const struct ladder *l)
{
	return broker_remote(l->broker, DOOR_DEVVM);
}

static int64_t
ladder_ms(const struct ladder *l)
{
	return clock_mono_ms() - l->began_ms;
}

static void
ladder_drop_probe(struct ladder *l)
{
	if (l->probe)
		remote_run_close(l->probe);
	l->probe = NULL;
	l->sent = false;
}

/* The last word; told may begin the next climb. */
static void
ladder_over(struct ladder *l)
{
	ladder_drop_probe(l);
	l->climbing = false;
	uv_timer_stop(&l->timer);
	l->told(&l->seen, true, l->arg);
}

static void
ladder_fail(struct ladder *l, bool hung, const char *why)
{
	size_t n = strlen(why);

	if (n >= sizeof l->seen.why)
		n = text_cut(why, sizeof l->seen.why - 1);
	memcpy(l->seen.why, why, n);
	l->seen.why[n] = '\0';
	l->seen.hung = hung;
	ladder_over(l);
}

/* The connection that stood is gone: a new one decides. */
static void
ladder_anew(struct ladder *l)
{
	l->seen.old = false;
	for (int i = 0; i < RUNGS; i++)
		l->seen.rung_ms[i] = -1;
	l->try = remote_knock(ladder_remote(l));
}

/* ---- the probe ---- */

static bool
on_line(char *line, size_t len, void *arg)
{
	struct ladder *l = arg;

	if (guest_reader_line(&l->reader, line, len, ladder_ms(l)))
		l->told(&l->seen, false, l->arg);
	return l->climbing && !l->reader.ended;
}

static void
on_sent(struct remote_run *run, void *arg)
{
	struct ladder *l = arg;
	bool news = false;

	l->sent = true;
	l->seen.clock.sent_ms = clock_mono_ms();
	for (int i = RUNG_TCP; i <= RUNG_AUTH; i++) {
		news |= l->seen.rung_ms[i] < 0;
		if (l->seen.rung_ms[i] < 0)
			l->seen.rung_ms[i] = ladder_ms(l);
	}
	if (news)
		l->told(&l->seen, false, l->arg);
}

/* The first line of standard error: of a shell that did not run the probe. */
static void
ladder_keep_err(struct ladder *l, const char *data, size_t len)
{
	size_t n = 0;

	for (; n < len && n + 1 < sizeof l->err && data[n] != '\n' && data[n] != '\r';
	     n++)
		l->err[n] = (char)(data[n] >= ' ' && data[n] <= '~' ? data[n] : '?');
	l->err[n] = '\0';
}

static void
on_output(struct remote_run *run, int stream, const char *data, size_t len, void *arg)
{
	struct ladder *l = arg;

	if (stream == 2 && !l->err[0])
		ladder_keep_err(l, data, len);
	if (stream == 1)
		frame_feed(&l->lines, data, len, on_line, l);
	if (l->climbing && l->probe == run && l->reader.ended) {
		if (!l->look_only)
			guest_reader_close(&l->reader);
		ladder_over(l);
	}
}

static void
ladder_probe_died(struct ladder *l, enum remote_end how, int code, const char *why)
{
	char words[240];

	if (l->seen.rung_ms[RUNG_EXEC] >= 0) {
		if (!l->seen.why[0])
			ladder_fail(l, false,
			    how == REMOTE_EXITED ? "the shell there ended too early"
						 : why);
		else
			ladder_over(l);
	} else if (how == REMOTE_EXITED) {
		snprintf(words, sizeof words, "the login shell ended with %d%s%.150s",
		    code, l->err[0] ? ": " : " and ran nothing", l->err);
		ladder_fail(l, false, words);
	} else {
		ladder_fail(l, false, why);
	}
}

static void
on_end(struct remote_run *run, enum remote_end how, int code, const char *why, void *arg)
{
	struct ladder *l = arg;
	bool stale = l->seen.old && !l->sent;

	l->probe = NULL;
	l->sent = false;
	if (how != REMOTE_EXITED && (stale || (l->seen.old && how == REMOTE_LOST))) {
		ladder_anew(l);
		return;
	}
	ladder_probe_died(l, how, code, why ? why : "it was ended by a signal");
}

static const struct remote_run_events probe_events = {
    .sent = on_sent, .output = on_output, .end = on_end};

static void
ladder_probe(struct ladder *l)
{
	const char *command = l->look_only ? guest_probe_look : guest_probe_all;

	frame_fini(&l->lines);
	frame_init(&l->lines, GUEST_PROBE_LINE_MAX);
	l->err[0] = '\0';
	l->reader = (struct guest_reader){.seen = &l->seen};
	l->asked_ms = clock_mono_ms();
	l->probe = remote_exec(
	    ladder_remote(l), command, strlen(command), LADDER_EXEC_MS, &probe_events, l);
}

static void
ladder_judge_probe(struct ladder *l, int64_t now)
{
	if (l->seen.old && !l->sent && now - l->asked_ms >= LADDER_STALE_MS) {
		ladder_drop_probe(l);
		remote_renew(ladder_remote(l));
		ladder_anew(l);
	} else if (now - l->asked_ms >= LADDER_EXEC_MS) {
		if (!l->look_only && l->seen.rung_ms[RUNG_EXEC] >= 0)
			guest_reader_close(&l->reader);
		if (l->seen.why[0] || l->look_only)
			ladder_over(l);
		else
			ladder_fail(l, true,
			    "sshd takes the command, and nothing runs: the guest starts no process");
	}
}

/* ---- the connection ---- */

static void
ladder_note_marks(struct ladder *l)
{
	static const enum remote_mark marks[] = {
	    REMOTE_MARK_TCP, REMOTE_MARK_BANNER, REMOTE_MARK_KEX, REMOTE_MARK_AUTH};
	struct remote *r = ladder_remote(l);
	bool news = false;

	for (int i = RUNG_TCP; i <= RUNG_AUTH; i++) {
		int64_t at = remote_mark_ms(r, marks[i]);

		if (at < 0 || l->seen.rung_ms[i] >= 0)
			continue;
		l->seen.rung_ms[i] = at > l->began_ms ? at - l->began_ms : 0;
		news = true;
	}
	if (news)
		l->told(&l->seen, false, l->arg);
}

/* A try that failed may be followed by the next one before it is looked at. */
static void
ladder_follow(struct ladder *l)
{
	struct remote *r = ladder_remote(l);
	enum remote_state state = remote_state(r);
	bool up = state == REMOTE_UP || state == REMOTE_SILENT;
	bool failed = state == REMOTE_DOWN || (!up && remote_tries(r) > l->try);

	if (remote_tries(r) < l->try)
		return;
	if (failed && l->seen.old) {
		ladder_anew(l);
		return;
	}
	if (!l->seen.old && (up || remote_tries(r) == l->try))
		ladder_note_marks(l);
	if (!l->climbing)
		return;
	if (failed)
		ladder_fail(l, remote_timed_out(r), remote_why(r));
	else if (up)
		ladder_probe(l);
}

static void
ladder_step(struct ladder *l)
{
	int64_t now = clock_mono_ms();

	if (l->probe)
		ladder_judge_probe(l, now);
	else
		ladder_follow(l);
	if (!l->climbing || now - l->began_ms < l->limit_ms)
		return;
	if (l->probe && !l->look_only && l->seen.rung_ms[RUNG_EXEC] >= 0)
		guest_reader_close(&l->reader);
	if (l->seen.why[0])
		ladder_over(l);
	else
		ladder_fail(l, true, "no answer in time");
}

static void
on_timer(uv_timer_t *t)
{
	ladder_step(t->data);
}

/* ---- what others call ---- */

struct ladder *
ladder_new(uv_loop_t *loop, struct broker *broker)
{
	struct ladder *l = mem_alloc(sizeof *l);

	l->broker = broker;
	frame_init(&l->lines, GUEST_PROBE_LINE_MAX);
	uv_timer_init(loop, &l->timer);
	l->timer.data = l;
	return l;
}

static void
on_closed(uv_handle_t *handle)
{
	struct ladder *l = handle->data;

	frame_fini(&l->lines);
	free(l);
}

void
ladder_free(struct ladder *l)
{
	if (!l)
		return;
	ladder_stop(l);
	uv_close((uv_handle_t *)&l->timer, on_closed);
}

static void
ladder_begin(
    struct ladder *l, bool look_only, int64_t limit_ms, ladder_told_fn *told, void *arg)
{
	struct remote *r = ladder_remote(l);
	enum remote_state state = remote_state(r);

	ladder_drop_probe(l);
	ladder_seen_init(&l->seen);
	l->climbing = true;
	l->look_only = look_only;
	l->began_ms = clock_mono_ms();
	l->limit_ms = limit_ms;
	l->told = told;
	l->arg = arg;
	l->try = remote_knock(r);
	l->seen.old =
	    l->try == remote_tries(r) && (state == REMOTE_UP || state == REMOTE_SILENT);
	uv_timer_start(&l->timer, on_timer, 0, LADDER_LOOK_MS);
}

void
ladder_climb(struct ladder *l, int64_t limit_ms, ladder_told_fn *told, void *arg)
{
	ladder_begin(l, false, limit_ms, told, arg);
}

void
ladder_look(struct ladder *l, int64_t limit_ms, ladder_told_fn *told, void *arg)
{
	ladder_begin(l, true, limit_ms, told, arg);
}

void
ladder_stop(struct ladder *l)
{
	ladder_drop_probe(l);
	l->climbing = false;
	uv_timer_stop(&l->timer);
}

bool
ladder_is_climbing(const struct ladder *l)
{
	return l->climbing;
}
