/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One turn: what claude prints while it runs, how it ends, and how it is
 * ended when it does not end by itself.
 */
#include "engine/cli/cli_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define TOOL_LIMIT_MS 600000 /* claude's own limit for a command, on top of silent_ms */
#define AGAIN_MS 1000	     /* an interrupt that is not obeyed is repeated */

/* Whoever hears of it may give the next prompt at once: the old turn is all gone. */
static void
turn_done(struct agent_cli *c, const struct agent_outcome *o)
{
	cli_prompt_forget(c);
	if (!c->dead)
		c->base.events->done(o, c->base.arg);
}

/* A turn that ends without a word from claude. */
void
cli_turn_fail(struct agent_cli *c, const char *stop, const char *why, const char *todo)
{
	struct agent_outcome o = agent_outcome_failed(c->cancelled, stop, why, todo);

	if (!c->prompt)
		return;
	o.nothing_ran = !c->any_tool;
	cli_stream_cut(&c->stream);
	turn_done(c, &o);
}

static void
api_words(struct agent_cli *c, int status, const char *text)
{
	const char *todo =
	    "the F-keys need no model; send the prompt again when the API is well";

	if (status == 401 || status == 403) {
		/* After a 403 claude asks for the key anew, gets none, and the last word
		 * is 401. */
		snprintf(c->why, sizeof c->why, "the API refuses the key (401 or 403)");
		todo =
		    "check the file that api_key_file names, then start the engine anew";
	} else if (status == 429)
		snprintf(c->why, sizeof c->why, "the API's rate limit is reached (429)");
	else if (status == 413)
		snprintf(c->why, sizeof c->why,
		    "the conversation is too long for the API (413)");
	else if (status == 529 || status >= 500)
		snprintf(
		    c->why, sizeof c->why, "the API has a fault of its own (%d)", status);
	else if (status == 0)
		snprintf(c->why, sizeof c->why, "the API does not answer: %.400s",
		    c->way[0] ? c->way : text);
	else
		snprintf(c->why, sizeof c->why,
		    "the API refuses the request (%d): %.200s", status, text);
	if (status == 413)
		todo = "begin a new incident: the conversation starts afresh";
	snprintf(c->todo, sizeof c->todo, "%s", todo);
}

static double
turn_cost(struct agent_cli *c, double total)
{
	double cost = -1;

	if (total < 0)
		return -1;
	if (c->total_usd >= 0)
		cost = total >= c->total_usd ? total - c->total_usd : total;
	c->total_usd = total;
	return cost;
}

void
cli_turn_stop(struct agent_cli *c, const char *forced)
{
	c->forced = forced;
	c->stop_step = 0;
	c->stop_ms = c->again_ms = clock_mono_ms();
	cli_request(c, "interrupt");
	cli_enter(c, CLI_STOPPING);
}

static void
cli_stop_harder(struct agent_cli *c, int64_t now)
{
	if (c->stop_step == 0 && now - c->again_ms >= AGAIN_MS) {
		c->again_ms = now;
		cli_request(c, "interrupt");
	}
	if (now - c->stop_ms < c->grace_ms)
		return;
	c->stop_ms = now;
	if (c->stop_step++ == 0) {
		agent_side_child_signal(c->side, c->child, "TERM");
		cli_turn_fail(c, c->forced ? c->forced : "cancelled",
		    c->forced ? c->why : "claude did not obey the interrupt: it is ended",
		    c->forced ? c->todo : NULL);
	} else
		agent_side_child_signal(c->side, c->child, "KILL");
}

static void
cli_watch_turn(struct agent_cli *c, int64_t now)
{
	int64_t quiet = now - c->line_ms, more = c->open_tools > 0 ? TOOL_LIMIT_MS : 0;
	char text[96];

	if (quiet >= c->silent_ms + more) {
		snprintf(c->why, sizeof c->why, "no word from the model for %lld s",
		    (long long)(quiet / 1000));
		snprintf(c->todo, sizeof c->todo,
		    "send the prompt again: claude is started afresh");
		cli_turn_stop(c, "silent");
	} else if (quiet >= c->quiet_ms && c->open_tools == 0 && !c->quiet_told) {
		c->quiet_told = true;
		snprintf(text, sizeof text, "no word from the model for %lld s",
		    (long long)(quiet / 1000));
		cli_tell_trouble(c, text, "wait, or end the turn with F8");
		c->waiting = true;
		cli_tell_state(c, AGENT_WAITING, text, NULL);
	}
}

void
cli_turn_tick(struct agent_cli *c, int64_t now)
{
	if (c->state == CLI_TURN)
		cli_watch_turn(c, now);
	else if (c->state == CLI_STOPPING)
		cli_stop_harder(c, now);
}

static void
on_line(void *arg)
{
	struct agent_cli *c = arg;

	c->line_ms = clock_mono_ms();
	c->quiet_told = false;
}

static void
on_bad(const char *why, void *arg)
{
	LOG("cli", "a line of claude is passed over: %s", why);
}

static void
on_init(const char *session, const char *model, const char *version, void *arg)
{
	struct agent_cli *c = arg;

	if (!session ||
	    (strcmp(c->told_session, session) == 0 &&
		strcmp(c->told_model, model ? model : "") == 0))
		return;
	snprintf(c->told_session, sizeof c->told_session, "%s", session);
	snprintf(c->told_model, sizeof c->told_model, "%s", model ? model : "");
	if (!c->dead)
		c->base.events->session(session, model, version, c->base.arg);
}

/* In a turn that is not over for the turn's owner. */
static bool
in_turn(struct agent_cli *c)
{
	return c->prompt && c->sent && !c->dead;
}

static void
no_more_waiting(struct agent_cli *c)
{
	if (!c->waiting)
		return;
	c->waiting = false;
	if (c->state == CLI_TURN)
		cli_tell_state(c, AGENT_WORKING, NULL, NULL);
}

static void
on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	struct agent_cli *c = arg;

	no_more_waiting(c);
	if (in_turn(c))
		c->base.events->delta(block, off, text, len, c->base.arg);
}

static void
on_text(int block, const char *text, size_t len, bool thinking, bool cut, void *arg)
{
	struct agent_cli *c = arg;

	no_more_waiting(c);
	if (in_turn(c))
		c->base.events->text(block, text, len, thinking, cut, c->base.arg);
}

static void
on_tool(const char *id, const char *name, const char *what, size_t len, void *arg)
{
	struct agent_cli *c = arg;

	no_more_waiting(c);
	c->open_tools++;
	c->any_tool = true;
	if (in_turn(c))
		c->base.events->tool(id, name, what, len, c->base.arg);
}

static void
on_tool_end(const char *id, bool failed, const char *text, size_t len, void *arg)
{
	struct agent_cli *c = arg;
	struct agent_tool_end end = {
	    .failed = failed, .exit = -1, .text = text, .len = len};

	if (c->open_tools > 0)
		c->open_tools--;
	if (in_turn(c))
		c->base.events->tool_end(id, &end, c->base.arg);
}

/* Cost is told at the end only. */
void
cli_usage_begin(struct agent_cli *c)
{
	c->past = (struct agent_usage){.cost_usd = -1};
	c->answer = (struct agent_usage){.cost_usd = -1};
}

static void
usage_add(struct agent_usage *to, const struct agent_usage *u)
{
	to->in += u->in;
	to->out += u->out;
	to->cache_read += u->cache_read;
	to->cache_write += u->cache_write;
	to->calls += u->calls;
}

static void
usage_keep(int64_t *to, int64_t n)
{
	if (n >= 0)
		*to = n;
}

static void
on_usage(bool fresh, int64_t in, int64_t cache, int64_t write, int64_t out, void *arg)
{
	struct agent_cli *c = arg;
	struct agent_usage sum;

	if (fresh) {
		usage_add(&c->past, &c->answer);
		c->answer = (struct agent_usage){.cost_usd = -1, .calls = 1};
	}
	usage_keep(&c->answer.in, in);
	usage_keep(&c->answer.cache_read, cache);
	usage_keep(&c->answer.cache_write, write);
	usage_keep(&c->answer.out, out);
	sum = c->past;
	usage_add(&sum, &c->answer);
	if (in_turn(c))
		c->base.events->usage(&sum, c->base.arg);
}

static void
on_retry(int attempt, int max, int delay_ms, int status, const char *error, void *arg)
{
	struct agent_cli *c = arg;
	char why[512];

	if (status == 401 && c->state == CLI_TURN) {
		api_words(c, status, "");
		cli_turn_stop(c, "api_error"); /* no retry mends a wrong key */
		return;
	}
	if (status)
		snprintf(why, sizeof why, "API %d (%.40s): retry %d of %d in %d.%d s",
		    status, error ? error : "?", attempt, max, delay_ms / 1000,
		    delay_ms % 1000 / 100);
	else
		snprintf(why, sizeof why,
		    "no answer from the API: retry %d of %d in %d.%d s%s%s", attempt, max,
		    delay_ms / 1000, delay_ms % 1000 / 100, c->way[0] ? ": " : "",
		    c->way);
	c->waiting = true;
	if (c->state == CLI_TURN && c->base.events->waits)
		c->base.events->waits(
		    &(struct agent_wait){
			.again_ms = delay_ms, .attempt = attempt, .attempts = max},
		    c->base.arg);
	if (c->state == CLI_TURN)
		cli_tell_state(c, AGENT_WAITING, why, NULL);
}

static void
on_api_error(int status, const char *text, void *arg)
{
	struct agent_cli *c = arg;

	c->api_status = status;
	snprintf(c->api_text, sizeof c->api_text, "%s", text ? text : "");
}

static void
on_note(const char *text, void *arg)
{
	struct agent_cli *c = arg;

	if (in_turn(c))
		cli_tell_trouble(c, text, NULL);
}

static void
on_answer(const char *request, bool ok, void *arg)
{
	struct agent_cli *c = arg;

	if (c->state != CLI_STARTING || strncmp(request, "initialize-", 11) != 0)
		return;
	LOG("cli", "claude is ready after %lld ms",
	    (long long)(clock_mono_ms() - c->born_ms));
	cli_enter(c, CLI_READY);
	cli_advance(c);
}

/*
 * After each tool claude asks how its model shall read the result.  It may ask for a
 * decision, too; our settings leave it none to ask for.
 */
static void
on_asks(const char *request, struct js *what, void *arg)
{
	struct agent_cli *c = arg;
	struct js *m = js_new(), *response = js_new();
	struct js *answer = what ? cli_mark_answer(what) : NULL;

	js_set_str(m, "type", "control_response");
	js_set_str(response, "subtype", answer ? "success" : "error");
	js_set_str(response, "request_id", request);
	if (answer)
		js_set(response, "response", answer);
	else
		js_set_str(response, "error", "breakglass decides nothing here");
	js_set(m, "response", response);
	cli_say(c, m);
}

/* "unreachable": nobody answered; "api_error": somebody did, with a fault. */
static const char *
stop_word(const struct agent_cli *c, const struct cli_result *r)
{
	bool api = c->api_text[0] || strcmp(r->reason, "api_error") == 0;

	if (c->forced)
		return c->forced;
	if (!r->is_error || !api)
		return r->reason;
	return r->api_status || c->api_status ? "api_error" : "unreachable";
}

static void
turn_on_result(struct agent_cli *c, const struct cli_result *r)
{
	struct agent_outcome o = {.ok = !r->is_error && !c->forced,
	    .nothing_ran = !c->any_tool,
	    .stop = stop_word(c, r),
	    .in_tokens = r->in_tokens < 0
		? -1
		: r->in_tokens + c->past.cache_write + c->answer.cache_write,
	    .out_tokens = r->out_tokens,
	    .cache_tokens = r->cache_tokens,
	    .cost_usd = turn_cost(c, r->total_usd)};

	o.cancelled = c->cancelled && r->is_error && !c->forced;
	if (!o.ok && !o.cancelled) {
		if (!c->forced && (c->api_text[0] || strcmp(r->reason, "api_error") == 0))
			api_words(c, (int)(r->api_status ? r->api_status : c->api_status),
			    c->api_text[0] ? c->api_text
				: r->text  ? r->text
					   : "");
		else if (!c->forced) {
			snprintf(c->why, sizeof c->why, "claude ended the turn: %.300s",
			    r->text ? r->text : r->reason);
			snprintf(c->todo, sizeof c->todo, "send the prompt again");
		}
		o.why = c->why;
		o.todo = c->todo;
	}
	c->deaths = 0;
	c->respawn_ms = CLI_TICK_MS;
	turn_done(c, &o);
}

/*
 * A claude of another version may not know ANTHROPIC_UNIX_SOCKET: then it has tried
 * IP, which it has not, and nobody came to the relay.
 */
static bool
learn_no_relay(struct agent_cli *c, const struct cli_result *r)
{
	if (!r->is_error || r->api_status || c->api_status || c->no_relay ||
	    (strcmp(r->reason, "api_error") != 0 && !c->api_text[0]) ||
	    !agent_side_relay_unused(c->side))
		return false;
	c->no_relay = true;
	snprintf(c->way, sizeof c->way,
	    "this claude does not use the engine's relay (ANTHROPIC_UNIX_SOCKET)");
	cli_tell_trouble(c,
	    "this claude does not use the engine's relay: from now on it is let out to the one TCP port of its API",
	    "send the prompt again; the pinned version needs no IP");
	return true;
}

static void
on_result(const struct cli_result *r, void *arg)
{
	struct agent_cli *c = arg;
	bool afresh = r->api_status == 401 || r->api_status == 403 || c->forced ||
	    learn_no_relay(c, r);

	/* claude's own word, never the model's, who may quote anything */
	if (r->is_error && r->text && strstr(r->text, "No conversation found"))
		c->lost = true;
	if (c->state != CLI_TURN && (c->state != CLI_STOPPING || c->stop_step > 0))
		return;
	turn_on_result(c, r);
	if (afresh) {
		/* It is told the key once in its life, or it hung: a fresh one, then. */
		cli_end_child(c);
		return;
	}
	cli_enter(c, CLI_READY);
	cli_advance(c);
}

const struct cli_stream_events cli_turn_events = {.line = on_line,
    .bad = on_bad,
    .init = on_init,
    .delta = on_delta,
    .text = on_text,
    .tool = on_tool,
    .tool_end = on_tool_end,
    .retry = on_retry,
    .api_error = on_api_error,
    .note = on_note,
    .answer = on_answer,
    .asks = on_asks,
    .usage = on_usage,
    .result = on_result};
