/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/agent/agent_side.h"
#include "engine/agent/agent_tool.h"
#include "engine/agent/tools_int.h"

#define HOST_WAIT_MS 3000 /* for an agent-host that is being started */
#define STOP_MS 200	  /* then a stopped tool ends here, whatever agent-host says */
#define LATE_MS 5000	  /* agent-host is so late with an end: it hangs */
#define TITLE_MAX 1000	  /* bytes */

enum tool_state { TOOL_WAITING, TOOL_RUNNING, TOOL_ENDED };

struct tool_run {
	struct tool_run *next;
	struct tools *tools;
	enum tool_state state;
	const struct tool_events *ev;
	void *arg;
	int64_t id, began_ms;
	struct tool_input in;
	struct show_kept kept[2];
	char called[32];
	char *refused; /* why it never ran, or NULL */
	char *stopped; /* why it is to end, or NULL */
	uv_timer_t timer;
};

struct tools {
	struct agent_side *side;
	struct tool_run *first; /* in the order that they came */
};

/* Of all tools: agent-host may still be ending one of those that were freed. */
static int64_t last_id;

static void tools_next(struct tools *t);

/* ---- the end ---- */

static void
on_closed(uv_handle_t *handle)
{
	struct tool_run *r = handle->data;

	show_kept_fini(&r->kept[0]);
	show_kept_fini(&r->kept[1]);
	js_free(r->in.input);
	free(r->refused);
	free(r->stopped);
	free(r);
}

static void
run_drop(struct tool_run *r)
{
	struct tool_run **at = &r->tools->first;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	r->state = TOOL_ENDED;
	uv_close((uv_handle_t *)&r->timer, on_closed);
}

static void
run_tell(
    struct tool_run *r, const struct buf *text, bool is_error, int exit, const char *why)
{
	struct tool_done done = {buf_str(text), text->len, is_error, exit, why};
	struct tools *t = r->tools;
	const struct tool_events *ev = r->ev;
	void *arg = r->arg;

	run_drop(r);
	if (ev->end)
		ev->end(&done, arg);
	tools_next(t);
}

/* It never ran; the words may quote what the model wrote. */
static void
run_refuse(struct tool_run *r, const char *why)
{
	struct buf text;

	buf_init(&text, 16384);
	if (buf_add_str(&text, "Not run: ") < 0)
		abort();
	show_visible(&text, why, strlen(why), 2000);
	run_tell(r, &text, true, -1, buf_str(&text) + strlen("Not run: "));
	buf_fini(&text);
}

/* With what it printed; status is a sentence of ours. */
static void
run_end(struct tool_run *r, const char *status, bool is_error, int exit, const char *why)
{
	struct show show = {.status = status,
	    .run = r->called[0] ? r->called : NULL,
	    .kept = r->kept,
	    .max = r->kept[0].max};
	struct buf text;

	tools_show(&show, &text);
	run_tell(r, &text, is_error, exit, why);
	buf_fini(&text);
}

/* ---- the words of an end ---- */

static const char *
exit_words(int exit)
{
	switch (exit) {
	case 126:
		return " (found, but cannot be run)";
	case 127:
		return " (command not found)";
	case 128 + 9:
		return " (128 + 9: killed)";
	case 128 + 13:
		return " (128 + 13: nobody read its output)";
	case 128 + 15:
		return " (128 + 15: terminated)";
	}
	return "";
}

static void
status_words(const struct agent_tool_over *o, const char *stopped, char *out, size_t size)
{
	char age[32], left[80] = "";

	clock_age(o->ms, age, sizeof age);
	if (o->left)
		snprintf(left, sizeof left,
		    "; %d process%s that it had left running w%s ended", o->left,
		    o->left == 1 ? "" : "es", o->left == 1 ? "as" : "ere");
	if (stopped)
		snprintf(out, size, "ended after %s, not by itself: %s", age, stopped);
	else if (o->timed_out)
		snprintf(out, size,
		    "ended after %s by its time limit, with all that it had started",
		    age);
	else if (o->why)
		snprintf(out, size, "ended after %s: %s", age, o->why);
	else if (o->sig)
		snprintf(out, size, "ended by signal %d (%s) after %s%s", o->sig,
		    strsignal(o->sig), age, left);
	else
		snprintf(out, size, "exit status %d%s after %s%s", o->exit,
		    exit_words(o->exit), age, left);
}

/* grep says with 1 that no line fits: that is an answer. */
static bool
is_no_match(const struct tool_run *r, const struct agent_tool_over *o)
{
	return r->in.kind == TOOL_GREP && o->exit == 1 && r->kept[0].bytes == 0 &&
	    r->kept[1].bytes == 0;
}

static void
run_over(struct tool_run *r, const struct agent_tool_over *o)
{
	char status[400];
	bool odd = r->stopped || o->timed_out || o->why || o->sig;

	if (!odd && is_no_match(r, o)) {
		run_end(r, "no line fits", false, o->exit, NULL);
		return;
	}
	status_words(o, r->stopped, status, sizeof status);
	run_end(r, !odd && o->exit == 0 && r->in.kind != TOOL_BASH ? NULL : status,
	    odd || o->exit != 0, odd ? -1 : o->exit, odd ? status : NULL);
}

static void on_timer(uv_timer_t *timer);

static void
run_timer(struct tool_run *r, int64_t ms)
{
	uv_timer_start(&r->timer, on_timer, (uint64_t)ms, 0);
}

/* ---- agent-host ---- */

static struct tool_run *
run_find(struct tools *t, int64_t id)
{
	struct tool_run *r = t->first;

	while (r && (r->id != id || r->state != TOOL_RUNNING))
		r = r->next;
	return r;
}

static void
on_output(int64_t tool, int stream, const char *data, size_t len, void *arg)
{
	struct tool_run *r = run_find(arg, tool);

	if (!r)
		return;
	show_kept_add(&r->kept[stream - 1], data, len);
	if (r->ev->output)
		r->ev->output(stream, data, len, r->arg);
}

static void
on_end(int64_t tool, const struct agent_tool_over *over, void *arg)
{
	struct tool_run *r = run_find(arg, tool);

	if (r)
		run_over(r, over);
}

static void
on_up(void *arg)
{
	tools_next(arg);
}

static void
on_down(const char *why, void *arg)
{
	struct tools *t = arg;
	char status[500];
	bool again;

	snprintf(status, sizeof status,
	    "outcome unknown: %s, and everything that ran with it; look before you repeat it",
	    why);
	for (struct tool_run *r = t->first; r; r = r->next)
		if (r->state == TOOL_WAITING && !uv_is_active((uv_handle_t *)&r->timer))
			run_timer(r, HOST_WAIT_MS);
	/* A callback may start or stop others: looked for anew each time. */
	do {
		again = false;
		for (struct tool_run *r = t->first; r && !again; r = r->next)
			if (r->state == TOOL_RUNNING) {
				again = true;
				run_end(r, status, true, -1, status);
			}
	} while (again);
}

static const struct agent_tool_events side_events = {
    .output = on_output, .end = on_end, .up = on_up, .down = on_down};

/* ---- time ---- */

static void
on_timer(uv_timer_t *timer)
{
	struct tool_run *r = timer->data;
	struct agent_tool_over late = {.exit = -1, .ms = clock_mono_ms() - r->began_ms};
	const char *absent = agent_side_absent(r->tools->side);
	char why[200];

	if (r->state == TOOL_WAITING) {
		/* The 9th waits as long as it takes. */
		if (!r->refused && !r->stopped && agent_side_has_host(r->tools->side))
			return;
		run_refuse(r,
		    r->refused	     ? r->refused
			: r->stopped ? r->stopped
			: absent     ? absent
				     : "agent-host, which runs the tools, is not there");
		return;
	}
	late.why = "agent-host does not say that it has ended";
	if (r->stopped) {
		snprintf(why, sizeof why, "%s (that it has ended is not confirmed)",
		    r->stopped);
		free(r->stopped);
		r->stopped = mem_dup(why);
	}
	LOG("tools", "tool %lld: %s", (long long)r->id, late.why);
	run_over(r, &late);
}

/* ---- start ---- */

static int
tools_count(const struct tools *t, enum tool_state state)
{
	int n = 0;

	for (const struct tool_run *r = t->first; r; r = r->next)
		n += r->state == state;
	return n;
}

static void
run_begin_now(struct tool_run *r)
{
	struct agent_tool_start start = {.tool = r->id,
	    .name = tool_names[r->in.kind],
	    .input = r->in.input,
	    .limit_ms = r->in.limit_ms,
	    .keep = r->in.keep};

	r->state = TOOL_RUNNING;
	r->began_ms = clock_mono_ms();
	run_timer(r, r->in.limit_ms + LATE_MS);
	agent_side_tool_start(r->tools->side, &start);
}

static void
tools_next(struct tools *t)
{
	int running = tools_count(t, TOOL_RUNNING);

	if (!agent_side_has_host(t->side))
		return;
	for (struct tool_run *r = t->first; r && running < TOOLS_RUNNING_MAX; r = r->next)
		if (r->state == TOOL_WAITING && !r->refused && !r->stopped) {
			run_begin_now(r);
			running++;
		}
}

struct tool_run *
tools_start(struct tools *t, const char *name, const char *input, size_t len,
    const struct tool_events *ev, void *arg)
{
	struct tool_run *r = mem_alloc(sizeof *r), **at = &t->first;
	int waiting = tools_count(t, TOOL_WAITING);
	struct err err;
	size_t max;

	r->tools = t;
	r->ev = ev;
	r->arg = arg;
	r->id = ++last_id;
	uv_timer_init(agent_side_loop(t->side), &r->timer);
	r->timer.data = r;
	while (*at)
		at = &(*at)->next;
	*at = r;
	if (tools_input_check(name, input, len, &r->in, &err) < 0)
		r->refused = mem_dup(err.words);
	else if (waiting >= TOOLS_WAITING_MAX)
		r->refused =
		    mem_dup("too many calls wait already: ask for fewer at once");
	max = r->in.kind == TOOL_READ && !r->refused ? SHOW_READ_MAX : SHOW_MAX;
	show_kept_init(&r->kept[0], max);
	show_kept_init(&r->kept[1], max);
	run_timer(r, r->refused ? 0 : HOST_WAIT_MS);
	tools_next(t);
	return r;
}

void
tools_called(struct tool_run *r, const char *id)
{
	snprintf(r->called, sizeof r->called, "%s", id);
}

void
tools_stop(struct tool_run *r, const char *why)
{
	if (r->state == TOOL_ENDED || r->stopped)
		return;
	r->stopped = mem_dup(why);
	if (r->state == TOOL_RUNNING)
		agent_side_tool_stop(r->tools->side, r->id);
	run_timer(r, r->state == TOOL_RUNNING ? STOP_MS : 0);
}

void
tools_forget(struct tool_run *r)
{
	static const struct tool_events nobody = {.end = NULL};

	r->ev = &nobody;
}

/* ---- all of them ---- */

struct tools *
tools_new(struct agent_side *side)
{
	struct tools *t = mem_alloc(sizeof *t);

	t->side = side;
	agent_side_tools(side, &side_events, t);
	return t;
}

void
tools_free(struct tools *t)
{
	if (!t)
		return;
	agent_side_tools(t->side, NULL, NULL);
	while (t->first) {
		if (t->first->state == TOOL_RUNNING)
			agent_side_tool_stop(t->side, t->first->id);
		run_drop(t->first);
	}
	free(t);
}

/* ---- a pane's line ---- */

/* One line, whatever it holds: what a line end or a control byte is, stays visible. */
static void
title_add(struct buf *out, const char *s, size_t len)
{
	static const char named[] = "\n\r\t", letters[] = "nrt";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		const char *hit = c ? strchr(named, c) : NULL;
		int rc = hit ? buf_printf(out, "\\%c", letters[hit - named])
		    : c < 0x20 || c == 0x7f ? buf_printf(out, "\\x%02x", c)
					    : buf_add(out, &s[i], 1);

		if (rc < 0) {
			out->len = text_cut(out->data, out->len);
			return;
		}
	}
}

char *
tools_title(const char *name, const char *input, size_t len)
{
	static const char *const keys[] = {"command", "path", "pattern"};
	bool by_pattern = strcmp(name, "Grep") == 0 || strcmp(name, "Glob") == 0;
	struct err err;
	struct js *j = len <= TOOL_INPUT_MAX ? js_parse(input, len, &err) : NULL;
	const char *value = NULL;
	struct buf out;
	char *title;
	size_t n = 0;

	buf_init(&out, TITLE_MAX);
	if (j && by_pattern)
		value = js_strn(j, "pattern", &n);
	for (size_t i = 0; j && !value && i < ARRAY_LEN(keys); i++)
		value = js_strn(j, keys[i], &n);
	if (!value) {
		value = input;
		n = text_cut(input, len < TITLE_MAX ? len : TITLE_MAX);
	}
	title_add(&out, value, n);
	title = mem_dupn(buf_str(&out), out.len);
	buf_fini(&out);
	js_free(j);
	return title;
}
