/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls of the turn only leave a wish (want, prompt, cancelled) and ring the
 * bell; everything happens in cli_advance, from the loop, so that no callback
 * ever comes from inside a call.
 */
#include "engine/agent_cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/cli_stream.h"
#include "wire/messages.h"

#define QUIET_MS 60000
#define SILENT_MS 180000
#define GRACE_MS 5000
#define TOOL_LIMIT_MS 600000 /* claude's own limit for a command, on top of silent_ms */
#define START_LIMIT_MS 60000 /* a cold disk needs its time for 370 MB */
#define AGAIN_MS 1000        /* an interrupt that is not obeyed is repeated */
#define TICK_MS 250
#define SHORT_LIFE_MS 10000
#define DEATHS_MAX 3
#define RESPAWN_MAX_MS 15000
#define STDERR_MAX 4096
#define UUID_LEN 37

enum cli_state { CLI_ABSENT, CLI_OFF, CLI_DOWN, CLI_STARTING, CLI_READY, CLI_TURN, CLI_STOPPING };

static const char *const state_names[] = {"absent", "off", "down", "starting", "ready", "turn",
    "stopping"};

struct agent_cli {
	struct agent base;
	struct agent_side *side;
	char *agent, *tool_names, *model, *api_url, *key;
	struct buf agents;
	int64_t quiet_ms, silent_ms, grace_ms;

	enum cli_state state;
	char why[512], todo[256]; /* of OFF, and of a turn that fails */
	bool may_retry;           /* OFF after deaths: a prompt tries again */
	bool want;                /* start was called */

	char session[UUID_LEN];
	bool known;       /* claude has this session: --resume */
	bool lost;        /* claude said that it has not */
	double total_usd; /* of the session, as claude last said; negative unknown */
	char told_session[UUID_LEN], told_model[64];

	int64_t child; /* number of the last one */
	bool child_lives;
	int64_t born_ms;
	int deaths; /* short lives in a row */
	int64_t respawn_ms;
	int requests; /* control requests sent */
	struct cli_stream stream;
	struct buf complaints; /* the end of its standard error */

	char *prompt; /* the turn's; NULL: no turn */
	size_t prompt_len;
	bool sent, cancelled, waiting, quiet_told;
	const char *forced;       /* why we ended the turn ourselves: "silent", "api_error" */
	int open_tools;
	int64_t line_ms, stop_ms, again_ms;
	int stop_step;
	int api_status;
	char api_text[256];

	uv_timer_t bell, tick, respawn;
	int open; /* timers that are not closed yet */
	bool dead;
};

static void cli_advance(struct agent_cli *c);

/* ---- words ---- */

static void
uuid_new(char out[UUID_LEN])
{
	unsigned char b[16];

	if (getrandom(b, sizeof b, 0) != sizeof b)
		abort();
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, UUID_LEN,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	    b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
	    b[15]);
}

/* The last line that claude wrote on its standard error, or "". */
static const char *
last_complaint(struct agent_cli *c)
{
	char *s = c->complaints.data;
	char *lf;

	if (!s)
		return "";
	while (c->complaints.len && strchr("\r\n", s[c->complaints.len - 1]))
		s[--c->complaints.len] = '\0';
	lf = strrchr(s, '\n');
	return lf ? lf + 1 : s;
}

static void
tell_state(struct agent_cli *c, enum agent_state state, const char *why, const char *todo)
{
	if (!c->dead)
		c->base.events->state(state, why, todo, c->base.arg);
}

static void
tell_trouble(struct agent_cli *c, const char *text, const char *todo)
{
	if (!c->dead)
		c->base.events->trouble(text, todo, c->base.arg);
}

static void
cli_enter(struct agent_cli *c, enum cli_state state)
{
	static const enum agent_state told[] = {AGENT_STARTING, AGENT_UNAVAILABLE,
	    AGENT_STARTING, AGENT_STARTING, AGENT_READY, AGENT_WORKING, AGENT_WORKING};

	LOG("cli", "claude %lld: %s -> %s", (long long)c->child, state_names[c->state],
	    state_names[state]);
	c->state = state;
	if (state == CLI_OFF)
		tell_state(c, AGENT_UNAVAILABLE, c->why, c->todo);
	else if (state == CLI_STOPPING && !c->prompt)
		tell_state(c, AGENT_STARTING, "claude is started afresh", NULL);
	else
		tell_state(c, told[state], state == CLI_STOPPING ? "ending the turn" : NULL, NULL);
}

static void
cli_off(struct agent_cli *c, const char *todo, const char *why, const char *detail)
{
	snprintf(c->why, sizeof c->why, "%s%s%s", why, *detail ? ": " : "", detail);
	snprintf(c->todo, sizeof c->todo, "%s", todo);
	cli_enter(c, CLI_OFF);
}

/* ---- the child's input ---- */

static void
cli_say(struct agent_cli *c, struct js *m)
{
	struct buf line;

	buf_init(&line, 8 * WIRE_PROMPT_MAX);
	if (js_print(m, &line) == 0 && buf_add(&line, "\n", 1) == 0)
		agent_side_child_input(c->side, c->child, line.data, line.len);
	buf_fini(&line);
	js_free(m);
}

static void
cli_request(struct agent_cli *c, const char *subtype)
{
	struct js *m = js_new(), *request = js_new();
	char id[32];

	snprintf(id, sizeof id, "%s-%d", subtype, ++c->requests);
	js_set_str(m, "type", "control_request");
	js_set_str(m, "request_id", id);
	js_set_str(request, "subtype", subtype);
	js_set(m, "request", request);
	cli_say(c, m);
}

static void
cli_send_prompt(struct agent_cli *c)
{
	struct js *m = js_new(), *message = js_new();
	char uuid[UUID_LEN];

	uuid_new(uuid);
	js_set_str(m, "type", "user");
	js_set_str(message, "role", "user");
	js_set_strn(message, "content", c->prompt, c->prompt_len);
	js_set(m, "message", message);
	js_set_str(m, "uuid", uuid);
	js_set_bool(m, "client_composed", true); /* else "/clear" and "@file" mean something */
	cli_say(c, m);
	cli_stream_turn(&c->stream);
	c->sent = c->known = true;
	c->line_ms = clock_mono_ms();
	cli_enter(c, CLI_TURN);
}

/* ---- the turn's end ---- */

/* Whoever hears of it may give the next prompt at once: nothing of the old turn is left. */
static void
turn_done(struct agent_cli *c, const struct agent_outcome *o)
{
	free(c->prompt);
	c->prompt = NULL;
	c->sent = false;
	if (!c->dead)
		c->base.events->done(o, c->base.arg);
}

/* A turn that ends without a word from claude. */
static void
turn_fail(struct agent_cli *c, const char *stop, const char *why, const char *todo)
{
	struct agent_outcome o = {.cancelled = c->cancelled,
	    .stop = c->cancelled ? "cancelled" : stop,
	    .why = why,
	    .todo = todo,
	    .in_tokens = -1,
	    .out_tokens = -1,
	    .cache_tokens = -1,
	    .cost_usd = -1};

	if (!c->prompt)
		return;
	cli_stream_cut(&c->stream);
	turn_done(c, &o);
}

static void
api_words(struct agent_cli *c, int status, const char *text)
{
	const char *todo = "the F-keys need no model; send the prompt again when the API is well";

	if (status == 401 || status == 403) {
		/* After a 403 claude asks for the key anew, gets none, and the last word is 401. */
		snprintf(c->why, sizeof c->why, "the API refuses the key (401 or 403)");
		todo = "check the file that api_key_file names, then send the prompt again";
	} else if (status == 429)
		snprintf(c->why, sizeof c->why, "the API's rate limit is reached (429)");
	else if (status == 413)
		snprintf(c->why, sizeof c->why, "the conversation is too long for the API (413)");
	else if (status == 529 || status >= 500)
		snprintf(c->why, sizeof c->why, "the API has a fault of its own (%d)", status);
	else if (status == 0)
		snprintf(c->why, sizeof c->why, "the API does not answer: %.200s", text);
	else
		snprintf(c->why, sizeof c->why, "the API refuses the request (%d): %.200s", status,
		    text);
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

/* ---- ending what does not end by itself ---- */

static void
cli_stop(struct agent_cli *c, const char *forced)
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
		turn_fail(c, c->forced ? c->forced : "cancelled",
		    c->forced ? c->why : "claude did not obey the interrupt: it is ended",
		    c->forced ? c->todo : NULL);
	} else
		agent_side_child_signal(c->side, c->child, "KILL");
}

/* ---- the child's life ---- */

static void
cli_spawn(struct agent_cli *c)
{
	struct agent_child child = {.child = ++c->child,
	    .session = c->session,
	    .resume = c->known,
	    .agent = c->agent,
	    .agents = buf_str(&c->agents),
	    .tools = c->tool_names,
	    .model = c->model,
	    .api_url = c->api_url};

	c->child_lives = true;
	c->born_ms = clock_mono_ms();
	c->lost = false;
	buf_clear(&c->complaints);
	cli_stream_restart(&c->stream);
	agent_side_credential(c->side, c->key);
	agent_side_child_start(c->side, &child);
	cli_request(c, "initialize");
	cli_enter(c, CLI_STARTING);
}

static void
on_respawn(uv_timer_t *timer)
{
	cli_advance(timer->data);
}

/* Another try later, each time a little later. */
static void
cli_down(struct agent_cli *c)
{
	uv_timer_start(&c->respawn, on_respawn, (uint64_t)c->respawn_ms, 0);
	c->respawn_ms = c->respawn_ms * 2 < RESPAWN_MAX_MS ? c->respawn_ms * 2 : RESPAWN_MAX_MS;
	cli_enter(c, CLI_DOWN);
}

static void
cli_session_fresh(struct agent_cli *c)
{
	uuid_new(c->session);
	c->known = false;
	c->total_usd = 0;
}

/* What an end says about the session decides how the next one is started. */
static void
cli_learn_from_end(struct agent_cli *c)
{
	const char *said = buf_str(&c->complaints);

	if (c->lost || strstr(said, "No conversation found")) {
		cli_session_fresh(c);
		tell_trouble(c, "claude no longer has the earlier conversation: a new one begins",
		    "tell it again what matters");
	} else if (strstr(said, "already in use"))
		c->known = true;
}

static void
cli_on_exit(struct agent_cli *c, int status, int sig)
{
	char why[512];
	const char *said = last_complaint(c);

	if (sig)
		snprintf(why, sizeof why, "claude ended (signal %d)%s%.300s", sig,
		    *said ? ": " : "", said);
	else
		snprintf(why, sizeof why, "claude ended (exit %d)%s%.300s", status,
		    *said ? ": " : "", said);
	c->child_lives = false;
	if (clock_mono_ms() - c->born_ms > SHORT_LIFE_MS) {
		c->deaths = 0;
		c->respawn_ms = TICK_MS;
	}
	cli_learn_from_end(c);
	if (c->prompt && c->sent)
		turn_fail(c, c->forced ? c->forced : "died", c->forced ? c->why : why,
		    c->forced ? c->todo : "send the prompt again: claude remembers what was before");
	if (++c->deaths >= DEATHS_MAX) {
		c->may_retry = true;
		cli_off(c, "the F-keys need no claude; send a prompt to try again", why, "");
		if (c->prompt)
			turn_fail(c, "died", c->why, c->todo);
		return;
	}
	cli_down(c);
}

/* ---- the one place where wishes become deeds ---- */

static void
cli_advance(struct agent_cli *c)
{
	if (c->prompt && !c->sent && c->cancelled)
		turn_fail(c, "cancelled", NULL, NULL);
	if (c->state == CLI_TURN && c->cancelled)
		cli_stop(c, NULL);
	if (c->state == CLI_OFF && c->may_retry && c->prompt) {
		c->may_retry = false;
		c->deaths = DEATHS_MAX - 1;
		cli_enter(c, CLI_DOWN);
	}
	if (c->state == CLI_DOWN && (c->want || c->prompt) &&
	    !uv_is_active((uv_handle_t *)&c->respawn))
		cli_spawn(c);
	if (c->state == CLI_READY && c->prompt && !c->sent)
		cli_send_prompt(c);
}

static void
on_bell(uv_timer_t *timer)
{
	cli_advance(timer->data);
}

static void
cli_watch_turn(struct agent_cli *c, int64_t now)
{
	int64_t quiet = now - c->line_ms, more = c->open_tools > 0 ? TOOL_LIMIT_MS : 0;
	char text[96];

	if (quiet >= c->silent_ms + more) {
		snprintf(c->why, sizeof c->why, "no word from the model for %lld s",
		    (long long)(quiet / 1000));
		snprintf(c->todo, sizeof c->todo, "send the prompt again: claude is started afresh");
		cli_stop(c, "silent");
	} else if (quiet >= c->quiet_ms && c->open_tools == 0 && !c->quiet_told) {
		c->quiet_told = true;
		snprintf(text, sizeof text, "no word from the model for %lld s",
		    (long long)(quiet / 1000));
		tell_trouble(c, text, "wait, or end the turn with F8");
	}
}

static void
on_tick(uv_timer_t *timer)
{
	struct agent_cli *c = timer->data;
	int64_t now = clock_mono_ms();

	if (c->state == CLI_TURN)
		cli_watch_turn(c, now);
	else if (c->state == CLI_STOPPING)
		cli_stop_harder(c, now);
	else if (c->state == CLI_STARTING && now - c->born_ms > START_LIMIT_MS)
		agent_side_child_signal(c->side, c->child, "KILL");
}

/* ---- what claude prints ---- */

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

	if (!session || (strcmp(c->told_session, session) == 0 &&
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
		tell_state(c, AGENT_WORKING, NULL, NULL);
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
	if (in_turn(c))
		c->base.events->tool(id, name, what, len, c->base.arg);
}

static void
on_tool_end(const char *id, bool failed, const char *text, size_t len, void *arg)
{
	struct agent_cli *c = arg;

	if (c->open_tools > 0)
		c->open_tools--;
	if (in_turn(c))
		c->base.events->tool_end(id, failed, text, len, c->base.arg);
}

static void
on_retry(int attempt, int max, int delay_ms, int status, const char *error, void *arg)
{
	struct agent_cli *c = arg;
	char why[160];

	if (status == 401 && c->state == CLI_TURN) {
		api_words(c, status, "");
		cli_stop(c, "api_error"); /* no retry mends a wrong key */
		return;
	}
	if (status)
		snprintf(why, sizeof why, "API %d (%.40s): retry %d of %d in %d.%d s", status,
		    error ? error : "?", attempt, max, delay_ms / 1000, delay_ms % 1000 / 100);
	else
		snprintf(why, sizeof why, "no answer from the API: retry %d of %d in %d.%d s",
		    attempt, max, delay_ms / 1000, delay_ms % 1000 / 100);
	c->waiting = true;
	if (c->state == CLI_TURN)
		tell_state(c, AGENT_WAITING, why, NULL);
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
		tell_trouble(c, text, NULL);
}

static void
on_answer(const char *request, bool ok, void *arg)
{
	struct agent_cli *c = arg;

	if (c->state != CLI_STARTING || strncmp(request, "initialize-", 11) != 0)
		return;
	LOG("cli", "claude is ready after %lld ms", (long long)(clock_mono_ms() - c->born_ms));
	cli_enter(c, CLI_READY);
	cli_advance(c);
}

/* claude may ask for a decision; our settings leave it none to ask for. */
static void
on_asks(const char *request, void *arg)
{
	struct agent_cli *c = arg;
	struct js *m = js_new(), *response = js_new();

	js_set_str(m, "type", "control_response");
	js_set_str(response, "subtype", "error");
	js_set_str(response, "request_id", request);
	js_set_str(response, "error", "breakglass decides nothing here");
	js_set(m, "response", response);
	cli_say(c, m);
}

static void
turn_on_result(struct agent_cli *c, const struct cli_result *r)
{
	struct agent_outcome o = {.ok = !r->is_error && !c->forced,
	    .stop = c->forced ? c->forced : r->reason,
	    .in_tokens = r->in_tokens,
	    .out_tokens = r->out_tokens,
	    .cache_tokens = r->cache_tokens,
	    .cost_usd = turn_cost(c, r->total_usd)};

	o.cancelled = c->cancelled && r->is_error && !c->forced;
	if (!o.ok && !o.cancelled) {
		if (!c->forced && (c->api_text[0] || strcmp(r->reason, "api_error") == 0))
			api_words(c, (int)(r->api_status ? r->api_status : c->api_status),
			    c->api_text[0] ? c->api_text : r->text ? r->text : "");
		else if (!c->forced) {
			snprintf(c->why, sizeof c->why, "claude ended the turn: %.300s",
			    r->text ? r->text : r->reason);
			snprintf(c->todo, sizeof c->todo, "send the prompt again");
		}
		o.why = c->why;
		o.todo = c->todo;
	}
	c->deaths = 0;
	c->respawn_ms = TICK_MS;
	turn_done(c, &o);
}

static void
on_result(const struct cli_result *r, void *arg)
{
	struct agent_cli *c = arg;
	bool afresh = r->api_status == 401 || r->api_status == 403 || c->forced;

	if (r->text && strstr(r->text, "No conversation found"))
		c->lost = true;
	if (c->state != CLI_TURN && (c->state != CLI_STOPPING || c->stop_step > 0))
		return;
	turn_on_result(c, r);
	if (afresh) {
		/* It is told the key once in its life, or it hung: a fresh one, then. */
		c->stop_step = 1;
		c->stop_ms = clock_mono_ms();
		agent_side_child_signal(c->side, c->child, "TERM");
		cli_enter(c, CLI_STOPPING);
		return;
	}
	cli_enter(c, CLI_READY);
	cli_advance(c);
}

static const struct cli_stream_events stream_events = {.line = on_line,
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
    .result = on_result};

/* ---- what agent-host says ---- */

static void
on_host_up(const struct agent_host_info *info, void *arg)
{
	struct agent_cli *c = arg;

	if (c->state != CLI_ABSENT && c->state != CLI_OFF)
		return;
	c->may_retry = false;
	if (!info->claude)
		cli_off(c, "install claude, or name it: claude = PATH in breakglass.conf",
		    "claude cannot be run", info->why ? info->why : "");
	else if (!c->key)
		cli_off(c, "put the API key into a file, chmod 600, and set api_key_file",
		    "there is no API key", "");
	else {
		c->deaths = 0;
		cli_enter(c, CLI_DOWN);
		cli_advance(c);
	}
	if (c->state == CLI_OFF && c->prompt)
		turn_fail(c, "unavailable", c->why, c->todo);
}

static void
on_host_down(const char *why, void *arg)
{
	struct agent_cli *c = arg;

	c->child_lives = false;
	c->may_retry = false;
	uv_timer_stop(&c->respawn);
	cli_off(c, "it is started again by itself; the F-keys need no agent", why, "");
	if (c->prompt)
		turn_fail(c, "died", c->why, c->todo);
}

static void
on_child_started(int64_t child, int64_t pid, void *arg)
{
	LOG("cli", "claude %lld is pid %lld", (long long)child, (long long)pid);
}

static void
on_child_output(int64_t child, bool is_err, const char *data, size_t len, void *arg)
{
	struct agent_cli *c = arg;

	if (child != c->child)
		return;
	if (!is_err) {
		cli_stream_feed(&c->stream, data, len);
		return;
	}
	if (len > STDERR_MAX) {
		data += len - STDERR_MAX;
		len = STDERR_MAX;
	}
	if (c->complaints.len + len > STDERR_MAX)
		buf_drop(&c->complaints, c->complaints.len + len - STDERR_MAX);
	buf_add_some(&c->complaints, data, len);
}

static void
on_child_exited(int64_t child, int status, int sig, const char *why, void *arg)
{
	struct agent_cli *c = arg;

	if (child != c->child || !c->child_lives)
		return;
	if (!why) {
		cli_on_exit(c, status, sig);
		return;
	}
	c->child_lives = false;
	c->may_retry = true;
	cli_off(c, "mend that, then send a prompt", "claude cannot be started", why);
	if (c->prompt)
		turn_fail(c, "unavailable", c->why, c->todo);
}

static const struct agent_host_events host_events = {.up = on_host_up,
    .down = on_host_down,
    .started = on_child_started,
    .output = on_child_output,
    .exited = on_child_exited};

/* ---- what the turn asks for ---- */

static void
ring(struct agent_cli *c)
{
	uv_timer_start(&c->bell, on_bell, 0, 0);
}

static void
cli_start(struct agent *a)
{
	struct agent_cli *c = (struct agent_cli *)a;

	c->want = true;
	ring(c);
}

static int
cli_prompt(struct agent *a, const char *text, size_t len, struct err *err)
{
	struct agent_cli *c = (struct agent_cli *)a;

	if (c->prompt)
		return err_set(err, ERR_BUSY, "a turn runs already");
	if (len == 0 || len > WIRE_PROMPT_MAX)
		return err_set(err, ERR_LIMIT, "a prompt has 1 to %d bytes", WIRE_PROMPT_MAX);
	if (c->state == CLI_OFF && !c->may_retry)
		return err_set(err, ERR_UNREACHABLE, "%s; %s", c->why, c->todo);
	c->prompt = mem_dupn(text, len);
	c->prompt_len = len;
	c->sent = c->cancelled = c->waiting = c->quiet_told = false;
	c->forced = NULL;
	c->open_tools = 0;
	c->api_status = 0;
	c->api_text[0] = '\0';
	ring(c);
	return 0;
}

static void
cli_cancel(struct agent *a)
{
	struct agent_cli *c = (struct agent_cli *)a;

	if (!c->prompt)
		return;
	c->cancelled = true;
	ring(c);
}

static void
on_closed(uv_handle_t *handle)
{
	struct agent_cli *c = handle->data;

	if (--c->open > 0)
		return;
	if (c->key)
		explicit_bzero(c->key, strlen(c->key));
	free(c->key);
	free(c->agent);
	free(c->tool_names);
	free(c->model);
	free(c->api_url);
	free(c->prompt);
	buf_fini(&c->agents);
	buf_fini(&c->complaints);
	cli_stream_fini(&c->stream);
	free(c);
}

static void
cli_free(struct agent *a)
{
	struct agent_cli *c = (struct agent_cli *)a;

	c->dead = true;
	if (c->child_lives)
		agent_side_child_signal(c->side, c->child, "KILL");
	agent_side_watch(c->side, NULL, NULL);
	uv_close((uv_handle_t *)&c->bell, on_closed);
	uv_close((uv_handle_t *)&c->tick, on_closed);
	uv_close((uv_handle_t *)&c->respawn, on_closed);
}

static const struct agent_ops ops = {.name = "cli",
    .start = cli_start,
    .prompt = cli_prompt,
    .cancel = cli_cancel,
    .free = cli_free};

static char *
dup_or_null(const char *s)
{
	return s && *s ? mem_dup(s) : NULL;
}

static void
cli_configure(struct agent_cli *c, const struct agent_cli_config *cfg)
{
	c->side = cfg->side;
	c->agent = mem_dup(cfg->definition->name);
	c->tool_names = mem_dup(cfg->definition->tools);
	c->model = dup_or_null(cfg->model);
	c->api_url = dup_or_null(cfg->api_url);
	c->key = dup_or_null(cfg->api_key);
	if (!c->key && c->api_url)
		c->key = mem_dup("no-key"); /* a server of the site's own may want none */
	c->quiet_ms = cfg->quiet_ms ? cfg->quiet_ms : QUIET_MS;
	c->silent_ms = cfg->silent_ms ? cfg->silent_ms : SILENT_MS;
	c->grace_ms = cfg->grace_ms ? cfg->grace_ms : GRACE_MS;
	buf_init(&c->agents, 4 * DEFINITION_MAX);
	if (definition_cli_agents(cfg->definition, &c->agents) < 0)
		abort(); /* the definition has a maximum that fits */
	buf_init(&c->complaints, STDERR_MAX);
}

struct agent *
agent_cli_new(const struct agent_cli_config *cfg, const struct agent_events *events, void *arg)
{
	struct agent_cli *c = mem_alloc(sizeof *c);
	uv_timer_t *timers[] = {&c->bell, &c->tick, &c->respawn};

	c->base.ops = &ops;
	c->base.events = events;
	c->base.arg = arg;
	cli_configure(c, cfg);
	cli_stream_init(&c->stream, &stream_events, c);
	c->respawn_ms = TICK_MS;
	c->open = ARRAY_LEN(timers);
	for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
		uv_timer_init(cfg->loop, timers[i]);
		timers[i]->data = c;
	}
	cli_session_fresh(c);
	if (cfg->session && strlen(cfg->session) == UUID_LEN - 1) {
		memcpy(c->session, cfg->session, UUID_LEN);
		c->known = true;
		c->total_usd = -1;
	}
	uv_timer_start(&c->tick, on_tick, TICK_MS, TICK_MS);
	agent_side_watch(c->side, &host_events, c);
	return &c->base;
}
