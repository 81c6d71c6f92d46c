/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One claude's life: what it is told, and what its end means for the next one. */
#include "engine/cli/cli_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "wire/messages.h"

#define SHORT_LIFE_MS 10000
#define RESPAWN_MAX_MS 15000
#define CLI_SAY_MAX (32 * WIRE_PROMPT_MAX) /* every byte of a prompt may be escaped */

static void
uuid_new(char out[CLI_UUID_LEN])
{
	unsigned char b[16];

	random_bytes(b, sizeof b);
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, CLI_UUID_LEN,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
	    b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
	    b[13], b[14], b[15]);
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

void
cli_complaint(struct agent_cli *c, const char *data, size_t len)
{
	if (len > CLI_STDERR_MAX) {
		data += len - CLI_STDERR_MAX;
		len = CLI_STDERR_MAX;
	}
	if (c->complaints.len + len > CLI_STDERR_MAX)
		buf_drop(&c->complaints, c->complaints.len + len - CLI_STDERR_MAX);
	buf_add_some(&c->complaints, data, len);
}

void
cli_say(struct agent_cli *c, struct js *m)
{
	struct buf line;

	buf_init(&line, CLI_SAY_MAX);
	if (js_print(m, &line) == 0 && buf_add(&line, "\n", 1) == 0)
		agent_side_child_input(c->side, c->child, line.data, line.len);
	buf_fini(&line);
	js_free(m);
}

void
cli_request(struct agent_cli *c, const char *subtype)
{
	struct js *m = js_new(), *request = js_new();
	char id[32];

	snprintf(id, sizeof id, "%s-%d", subtype, ++c->requests);
	js_set_str(m, "type", "control_request");
	js_set_str(m, "request_id", id);
	js_set_str(request, "subtype", subtype);
	if (strcmp(subtype, "initialize") == 0)
		cli_mark_hooks(request);
	js_set(m, "request", request);
	cli_say(c, m);
}

void
cli_send_prompt(struct agent_cli *c)
{
	struct js *m = js_new(), *message = js_new();
	char uuid[CLI_UUID_LEN];
	struct buf text;

	uuid_new(uuid);
	cli_prompt_compose(c, &text);
	js_set_str(m, "type", "user");
	js_set_str(message, "role", "user");
	js_set_strn(message, "content", buf_str(&text), text.len);
	buf_fini(&text);
	js_set(m, "message", message);
	js_set_str(m, "uuid", uuid);
	js_set_bool(
	    m, "client_composed", true); /* else "/clear" and "@file" mean something */
	cli_say(c, m);
	cli_stream_turn(&c->stream);
	c->sent = c->known = true;
	c->line_ms = clock_mono_ms();
	cli_enter(c, CLI_TURN);
}

void
cli_spawn(struct agent_cli *c)
{
	struct agent_child child = {.child = ++c->child,
	    .session = c->session,
	    .resume = c->known,
	    .agent = c->agent,
	    .agents = buf_str(&c->agents),
	    .tools = c->tool_names,
	    .model = c->model,
	    .api_url = c->api_url,
	    .ca = c->ca,
	    .addresses = c->addresses,
	    /* with a subscription it asks for its organisation's settings, too, and that
	     * not through the socket: without IP it would wait 20 s and lack them */
	    .no_relay = c->no_relay || c->oauth};

	c->child_lives = true;
	c->born_ms = clock_mono_ms();
	c->lost = false;
	buf_clear(&c->complaints);
	cli_stream_restart(&c->stream);
	agent_side_credential(c->side, c->key, c->oauth);
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
	c->respawn_ms =
	    c->respawn_ms * 2 < RESPAWN_MAX_MS ? c->respawn_ms * 2 : RESPAWN_MAX_MS;
	cli_enter(c, CLI_DOWN);
}

void
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
		cli_tell_trouble(c,
		    "claude no longer has the earlier conversation: a new one begins",
		    "tell it again what matters");
	} else if (strstr(said, "already in use"))
		c->known = true;
}

void
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
		c->respawn_ms = CLI_TICK_MS;
	}
	cli_learn_from_end(c);
	if (c->prompt && c->sent)
		cli_turn_fail(c, c->forced ? c->forced : "died", c->forced ? c->why : why,
		    c->forced
			? c->todo
			: "send the prompt again: claude remembers what was before");
	if (++c->deaths >= CLI_DEATHS_MAX) {
		c->may_retry = true;
		cli_off(
		    c, "the F-keys need no claude; send a prompt to try again", why, "");
		if (c->prompt)
			cli_turn_fail(c, "died", c->why, c->todo);
		return;
	}
	cli_down(c);
}
