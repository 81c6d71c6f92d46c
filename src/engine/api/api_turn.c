/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One turn: the prompt goes in, each answer's stop reason decides what comes
 * next, and exactly one done ends it.
 */
#include "engine/api/api_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/api/api_model.h"

#define MAX_TOKENS_UNKNOWN 32768 /* of a model whose maximum nobody knows */

/* --- what it costs --- */

static void
add_count(int64_t *sum, int64_t n)
{
	if (n >= 0)
		*sum = *sum < 0 ? n : *sum + n;
}

static double
cost_of(struct agent_api *c, const struct api_usage *u)
{
	const struct api_counts *n = &u->billed;
	int64_t prompt = 0, write = n->cache_write > 0 ? n->cache_write : 0;
	int64_t hour = n->cache_write_1h > 0 ? n->cache_write_1h : 0;
	struct endpoint_price p;

	add_count(&prompt, u->last.in);
	add_count(&prompt, u->last.cache_read);
	add_count(&prompt, u->last.cache_write);
	if (!endpoint_price(c->ep, c->told_model, prompt, &p))
		return -1;
	return ((n->in > 0 ? (double)n->in : 0) * p.in_usd +
		   (n->out > 0 ? (double)n->out : 0) * p.out_usd +
		   (n->cache_read > 0 ? (double)n->cache_read : 0) * p.cache_usd +
		   (double)(write - hour) * p.cache_write_usd +
		   (double)hour * 2 * p.in_usd) /
	    1e6;
}

static bool
usage_is_new(const struct agent_usage *a, const struct agent_usage *b)
{
	return a->in != b->in || a->out != b->out || a->cache_read != b->cache_read ||
	    a->cache_write != b->cache_write || a->calls != b->calls;
}

/* is_over: nothing more comes of this answer, its figures are kept. */
void
api_turn_usage(struct agent_api *c, bool is_over)
{
	const struct api_usage *u = c->stream ? api_stream_usage(c->stream) : NULL;
	struct agent_usage now = c->sum;
	double cost;

	if (!u)
		return;
	cost = cost_of(c, u);
	add_count(&now.in, u->billed.in);
	add_count(&now.out, u->billed.out);
	add_count(&now.cache_read, u->billed.cache_read);
	add_count(&now.cache_write, u->billed.cache_write);
	if (cost >= 0)
		now.cost_usd = now.cost_usd < 0 ? cost : now.cost_usd + cost;
	now.calls++;
	if (is_over)
		c->sum = now;
	if (c->dead || !usage_is_new(&c->seen, &now))
		return;
	c->seen = now;
	c->base.events->usage(&now, c->base.arg);
}

/* --- how it ends --- */

/* Whoever hears of it may give the next prompt at once: the old turn is all gone. */
static void
turn_done(struct agent_api *c, struct agent_outcome *o)
{
	o->nothing_ran = !c->ran;
	o->endpoint = c->ep ? c->ep->name : NULL;
	o->in_tokens = c->sum.in;
	if (c->sum.cache_write > 0)
		add_count(&o->in_tokens, c->sum.cache_write);
	o->out_tokens = c->sum.out;
	o->cache_tokens = c->sum.cache_read;
	o->cost_usd = c->sum.cost_usd;
	buf_clear(&c->prompt);
	c->in_turn = false;
	c->wish = API_WISH_NONE;
	api_say_progress(c, NULL);
	api_enter(c, API_IDLE, o->stop);
	if (!c->dead)
		c->base.events->done(o, c->base.arg);
	api_ask_drop(c); /* only now: the stop word may be the answer's */
}

static void
turn_ok(struct agent_api *c, const char *stop)
{
	struct agent_outcome o = {.ok = true, .stop = stop};

	turn_done(c, &o);
}

/* A prompt that nobody answered is not left in the conversation. */
static void
forget_prompt(struct agent_api *c, const char *how)
{
	char *note;

	if (!api_transcript_undo_prompt(c->transcript))
		return;
	note = mem_printf(
	    "The operator's prompt before this one (\"%s\") %s.", c->asked, how);
	api_transcript_notice(c->transcript, note);
	free(note);
}

void
api_turn_fail(struct agent_api *c, const char *stop, const char *why, const char *todo)
{
	struct agent_outcome o = {.stop = stop, .why = why, .todo = todo};

	api_ask_drop(c);
	forget_prompt(c, "was not answered by you");
	turn_done(c, &o);
}

void
api_turn_cancelled(struct agent_api *c)
{
	struct agent_outcome o = {.cancelled = true, .stop = "cancelled"};

	if (c->n_calls)
		api_calls_results(c);
	turn_done(c, &o);
}

/* The states that run nothing end at once; tools are told to. */
void
api_turn_cancel(struct agent_api *c)
{
	api_chosen_drop(c);
	if (c->state != API_TOOLS || c->n_open == 0) {
		if (c->stream && !c->over)
			api_turn_usage(c, true);
		api_ask_drop(c);
		if (c->n_calls)
			api_calls_results(c);
		forget_prompt(c, "was interrupted by the operator before an answer");
		api_turn_cancelled(c);
		return;
	}
	api_enter(c, API_STOPPING, NULL);
	api_calls_stop(c);
}

/* --- how it goes on --- */

void
api_turn_begin(struct agent_api *c)
{
	c->ran = false;
	c->shrinks = c->rounds = c->pauses = c->block_base = c->blocks = 0;
	c->sum = (struct agent_usage){
	    .in = -1, .out = -1, .cache_read = -1, .cache_write = -1, .cost_usd = -1};
	c->seen = c->sum;
	c->ep = NULL;
	api_transcript_prompt(c->transcript, c->prompt.data, c->prompt.len);
	api_choose(c);
}

void
api_turn_step(struct agent_api *c)
{
	if (++c->rounds > AGENT_API_ROUNDS_MAX) {
		api_turn_fail(c, "budget",
		    "the model has asked for tools 200 times in this turn",
		    "send a prompt that narrows what it is to do");
		return;
	}
	c->attempts = 0;
	c->tried = 0;
	c->new_credential = c->dropped = false;
	c->max_tokens = api_max_first(c);
	api_ask(c);
}

/*
 * The conversation begins anew with the engine's own digest of it, and with a short
 * one when the model's context is that small.
 */
void
api_turn_shrink(struct agent_api *c, const char *why)
{
	struct buf text;

	if (++c->shrinks > API_SHRINKS_MAX) {
		api_turn_fail(c, "context", "the prompt alone fills the model's context",
		    "send a shorter prompt");
		return;
	}
	api_say_trouble(c, why,
	    "the conversation goes on afresh, from a summary that the engine keeps");
	buf_init(&text, 2 * API_DIGEST_MAX + c->prompt.len + 1024);
	api_digest_compose(c, c->shrinks == 1 ? API_DIGEST_MAX : API_DIGEST_SHORT, &text);
	api_session_fresh(c);
	api_transcript_prompt(c->transcript, text.data, text.len);
	buf_fini(&text);
	api_wish(c, API_WISH_ASK);
}

static void
on_refusal(struct agent_api *c, const struct api_message *m)
{
	char why[512];

	snprintf(why, sizeof why, "the model refuses%s%.40s%s%s%.300s",
	    m->category ? " (" : "", m->category ? m->category : "",
	    m->category ? ")" : "", m->explanation ? ": " : "",
	    m->explanation ? m->explanation : "");
	api_turn_fail(c, "refusal", why,
	    "word it differently, choose another endpoint with /agent, or use the "
	    "F-keys and /offline runbooks");
}

/* A cut answer is asked for once more with all the room that the model has. */
static void
on_max_tokens(struct agent_api *c, const struct api_message *m)
{
	int64_t most = api_model_find(api_model(c))->out;

	if (!most)
		most = MAX_TOKENS_UNKNOWN;
	if (c->max_tokens < most) {
		c->max_tokens = most;
		api_say_trouble(c,
		    "the answer reached its length limit: it is asked for again with "
		    "the model's maximum",
		    NULL);
		api_wish(c, API_WISH_ASK);
		return;
	}
	api_transcript_assistant(c->transcript, m, c->ep->name);
	api_say_trouble(c,
	    m->n_calls ? "the answer was cut at the model's maximum length: the tool "
			 "calls in it were not run"
		       : "the answer was cut at the model's maximum length",
	    "ask it to go on, in smaller steps");
	turn_ok(c, "max_tokens");
}

static void
on_pause(struct agent_api *c, const struct api_message *m)
{
	if (++c->pauses > API_PAUSES_MAX) {
		api_turn_fail(c, "pause_turn",
		    "the model paused its turn more than 5 times in a row",
		    "send the prompt again");
		return;
	}
	api_transcript_assistant(c->transcript, m, c->ep->name);
	api_wish(c, API_WISH_STEP);
}

static void
on_calls(struct agent_api *c, const struct api_message *m)
{
	c->pauses = 0;
	api_transcript_assistant(c->transcript, m, c->ep->name);
	api_calls_start(c, m);
}

static void
on_answered(struct agent_api *c, const struct api_message *m)
{
	api_transcript_assistant(c->transcript, m, c->ep->name);
	if (!m->has_text)
		api_say_trouble(
		    c, "the model ended its turn without a word", "ask it what it found");
	turn_ok(c, m->stop_word[0] ? m->stop_word : "end_turn");
}

/* A stop reason that we do not know: text is taken, calls are not. */
static void
on_unknown(struct agent_api *c, const struct api_message *m)
{
	char why[160];

	snprintf(why, sizeof why,
	    "the model stopped for a reason that is not known: %.60s",
	    m->stop_word[0] ? m->stop_word : "none given");
	if (!m->n_calls) {
		api_say_trouble(c, why, NULL);
		on_answered(c, m);
		return;
	}
	api_transcript_assistant(c->transcript, m, c->ep->name);
	api_turn_fail(c, "unknown", why, "the tool calls in it were not run; ask again");
}

/* Everything has come, up to message_stop. */
void
api_turn_on_message(struct agent_api *c)
{
	const struct api_message *m = api_stream_message(c->stream);

	LOG("api", "%s: message %s, %zu calls, %lld ms", c->ep->name, m->stop_word,
	    m->n_calls, (long long)(clock_mono_ms() - c->asked_ms));
	api_turn_usage(c, true);
	api_say_progress(c, NULL);
	switch (m->stop) {
	case API_TOOL_USE:
		if (m->n_calls)
			on_calls(c, m);
		else
			on_answered(c, m);
		break;
	case API_MAX_TOKENS:
		on_max_tokens(c, m);
		break;
	case API_PAUSE_TURN:
	case API_COMPACTION:
		on_pause(c, m);
		break;
	case API_REFUSAL:
		on_refusal(c, m);
		break;
	case API_CONTEXT_FULL:
		api_turn_shrink(c, "the conversation fills the model's context");
		break;
	case API_END_TURN:
	case API_STOP_SEQUENCE:
		on_answered(c, m);
		break;
	default:
		on_unknown(c, m);
	}
}
