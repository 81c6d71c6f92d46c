/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The claude child: what is said about it to agent-host, and what agent-host says. */
#include "engine/agent/agent_side.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/agent_box.h"
#include "engine/agent/agent_peer.h"
#include "engine/agent/relay.h"
#include "engine/api/endpoint.h"
#include "wire/messages.h"

static void
child_output(
    const struct agent_host_events *ev, void *arg, const struct js *m, int64_t child)
{
	struct buf data;

	buf_init(&data, FRAME_LINE_MAX);
	if (js_bytes(m, "data", &data) == 0)
		ev->output(
		    child, js_is(m, "stream", "err"), buf_str(&data), data.len, arg);
	buf_fini(&data);
}

void
agent_child_receive(
    const struct agent_host_events *ev, void *arg, int kind, const struct js *m)
{
	int64_t child = js_int(m, "child", -1);

	if (kind == AGENT_OUT_CHILD_OUTPUT)
		child_output(ev, arg, m, child);
	else if (kind == AGENT_OUT_CHILD_STARTED)
		ev->started(child, js_int(m, "pid", 0), arg);
	else if (kind == AGENT_OUT_CHILD_EXIT)
		ev->exited(child, (int)js_int(m, "exit", 0), (int)js_int(m, "signal", 0),
		    js_str(m, "why"), arg);
}

void
agent_side_credential(struct agent_side *s, const char *key, const char *oauth)
{
	struct js *m = message_new(agent_in_names[AGENT_IN_CREDENTIAL]);

	js_set_str(m, "key", key);
	js_set_str(m, "oauth", oauth);
	agent_side_send(s, m);
}

/*
 * How claude reaches its API: through the relay and without IP, or, where that
 * cannot be, with the one port that its API has.
 */
static void
child_way(struct agent_side *s, const struct agent_child *c, struct js *m)
{
	const char *url = c->api_url ? c->api_url : ENDPOINT_VENDOR_URL, *token = NULL;
	struct relay *relay = agent_side_relay(s);
	struct err err;
	char *net;

	if (relay && !c->no_relay) {
		token = relay_allow(relay, url, c->addresses, &err);
		if (!token)
			LOG("agent", "claude gets a port, not the relay: %s", err.words);
	}
	net = token ? mem_dup("none") : agent_box_net(url);
	js_set_str(m, "net", net);
	js_set_str(m, "relay", token);
	free(net);
	agent_side_told_way(s, token != NULL);
}

bool
agent_side_relay_unused(const struct agent_side *s)
{
	const struct relay *relay = agent_side_relay(s);

	return relay && agent_side_by_relay(s) && relay_came(relay) == 0;
}

void
agent_side_child_start(struct agent_side *s, const struct agent_child *c)
{
	struct js *m = message_new(agent_in_names[AGENT_IN_CHILD_START]);

	js_set_int(m, "child", c->child);
	js_set_str(m, "session", c->session);
	js_set_bool(m, "resume", c->resume);
	js_set_str(m, "agent", c->agent);
	js_set_str(m, "agents", c->agents);
	js_set_str(m, "tools", c->tools);
	js_set_str(m, "model", c->model);
	js_set_str(m, "api_url", c->api_url);
	js_set_str(m, "ca", c->ca);
	child_way(s, c, m);
	agent_side_send(s, m);
}

void
agent_side_child_input(struct agent_side *s, int64_t child, const char *data, size_t len)
{
	while (len > 0) {
		size_t n = len < WIRE_CHUNK_MAX ? len : WIRE_CHUNK_MAX;
		struct js *m = message_new(agent_in_names[AGENT_IN_CHILD_INPUT]);

		js_set_int(m, "child", child);
		js_set_bytes(m, "data", data, n);
		agent_side_send(s, m);
		data += n;
		len -= n;
	}
}

void
agent_side_child_signal(struct agent_side *s, int64_t child, const char *sig)
{
	struct js *m = message_new(agent_in_names[AGENT_IN_CHILD_SIGNAL]);

	js_set_int(m, "child", child);
	js_set_str(m, "signal", sig);
	agent_side_send(s, m);
}
