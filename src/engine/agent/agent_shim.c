/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A shim's run: frames from it to the broker, the broker's output to it.
 *
 * Both directions are bounded.  Output that the shim does not read is held up
 * to AGENT_SIDE_HELD_MAX, then the broker is told to wait; input that the host
 * does not take stops our reading of this one shim.
 */
#include "engine/agent/agent_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/agent_side.h"
#include "engine/remote/broker.h"
#include "wire/messages.h"

#define FRAME_HEAD 5
#define OUT_LOST "some of its output was not read here in time: the journal has it"
#define EXIT_BUSY 75
#define EXIT_FAILED 255

static void
frame_head(char *f, char kind, size_t len)
{
	f[0] = kind;
	f[1] = (char)(len >> 24);
	f[2] = (char)(len >> 16);
	f[3] = (char)(len >> 8);
	f[4] = (char)len;
}

/* All that waits, as one write. */
static void
shim_write(struct agent_peer *p)
{
	struct buf out = p->out;

	buf_init(&p->out, AGENT_SIDE_OUT_MAX);
	p->out_last = 0;
	if (out.len)
		agent_peer_write(p, out.data, out.len, false);
	else
		buf_fini(&out);
}

/* The frame that ends a run: "x" and "f" carry a status, "r" and "f" a sentence. */
static void
shim_end(struct agent_peer *p, char kind, int status, const char *why)
{
	size_t words = kind == 'x' ? 0 : strlen(why), n = kind == 'r' ? 0 : 4;
	char *f;

	words = words < 1000 ? words : 1000;
	shim_write(p);
	f = mem_alloc(FRAME_HEAD + n + words);
	frame_head(f, kind, n + words);
	if (n)
		f[FRAME_HEAD + 3] = (char)status;
	memcpy(f + FRAME_HEAD + n, why, words);
	agent_peer_write(p, f, FRAME_HEAD + n + words, true);
}

/* How many of these bytes still go into the last frame. */
static size_t
out_room(const struct agent_peer *p, char kind)
{
	size_t len;

	if (!p->out.len || p->out.data[p->out_last] != kind)
		return 0;
	len = p->out.len - p->out_last - FRAME_HEAD;
	return len < WIRE_CHUNK_MAX ? WIRE_CHUNK_MAX - len : 0;
}

/* At the end of the last frame, or in one of its own: a frame a byte costs six. */
static size_t
out_add(struct agent_peer *p, char kind, const char *data, size_t len)
{
	char head[FRAME_HEAD];
	size_t room = out_room(p, kind);

	if (room == 0) {
		frame_head(head, kind, 0);
		if (AGENT_SIDE_OUT_MAX - p->out.len < FRAME_HEAD + WIRE_CHUNK_MAX ||
		    buf_add(&p->out, head, sizeof head) < 0)
			return 0;
		p->out_last = p->out.len - sizeof head;
		room = WIRE_CHUNK_MAX;
	}
	len = len < room ? len : room;
	if (buf_add(&p->out, data, len) < 0)
		return 0;
	frame_head(
	    p->out.data + p->out_last, kind, p->out.len - p->out_last - FRAME_HEAD);
	return len;
}

/* One write is under way at a time; what it waits for is gathered. */
static bool
on_output(int stream, const char *data, size_t len, void *arg)
{
	struct agent_peer *p = arg;

	while (len > 0) {
		size_t n = out_add(p, stream == 2 ? 'e' : 'o', data, len);

		if (n == 0) {
			p->out_lost = true;
			break;
		}
		data += n;
		len -= n;
	}
	if (p->pipe.write_queue_size == 0)
		shim_write(p);
	p->output_held = p->pipe.write_queue_size + p->out.len > AGENT_SIDE_HELD_MAX;
	return !p->output_held;
}

static void
on_end(bool refused, int status, const char *why, void *arg)
{
	struct agent_peer *p = arg;

	p->run = NULL;
	if (p->out_lost && !refused)
		shim_end(p, 'f', EXIT_FAILED, OUT_LOST);
	else if (refused)
		shim_end(p, 'r', 64, why ? why : "refused");
	else if (why)
		shim_end(p, 'f', status, why);
	else
		shim_end(p, 'x', status, "");
}

static const struct broker_run_events run_events = {.output = on_output, .end = on_end};

void
agent_shim_run(struct agent_peer *p, const struct js *m)
{
	const char *host;
	size_t host_len;
	struct buf command;
	struct err err;

	buf_init(&command,
	    2 * WIRE_COMMAND_MAX); /* the policy has the words for one too long */
	host = js_strn(m, "host", &host_len);
	p->state = AGENT_PEER_RUNNING;
	p->has_input = js_bool(m, "stdin", true);
	buf_init(&p->input, 2 * WIRE_CHUNK_MAX);
	buf_init(&p->out, AGENT_SIDE_OUT_MAX);
	if (message_only(m, "host command command_b64 stdin", &err) < 0 || !host ||
	    js_bytes(m, "command", &command) < 0)
		shim_end(p, 'r', 64, "this is not a request of breakglass's ssh");
	else if (agent_peer_shims(p) > AGENT_SIDE_SHIMS_MAX)
		shim_end(p, 'f', EXIT_BUSY,
		    "32 commands run already: wait until one of them has ended");
	else
		p->run = broker_agent_run(agent_peer_broker(p),
		    &(struct broker_agent_ask){.host = host,
			.host_len = host_len,
			.command = buf_str(&command),
			.len = command.len,
			.has_input = p->has_input},
		    &run_events, p);
	buf_fini(&command);
}

/* The shim did not ask: it has refused a command line by itself, and says so. */
void
agent_shim_refused(struct agent_peer *p, const struct js *m)
{
	const char *why = js_str(m, "why");
	struct buf words;
	struct err err;
	char text[160];

	buf_init(&words, WIRE_COMMAND_MAX);
	if (message_only(m, "why command command_b64", &err) == 0 && why &&
	    js_bytes(m, "command", &words) == 0) {
		snprintf(text, sizeof text, "the agent's ssh refused this: %.100s", why);
		broker_agent_refused(
		    agent_peer_broker(p), text, buf_str(&words), words.len);
	}
	buf_fini(&words);
	agent_peer_close(p);
}

/* Content of "i" frames, gathered over one reading: each piece were a record. */
static void
shim_input(struct agent_peer *p, const char *data, size_t len)
{
	if (!p->run)
		return; /* the run is over and the shim does not know yet */
	if (buf_add(&p->input, data, len) < 0)
		LOG("shim", "standard input of a run overflows: it is cut");
}

bool
agent_shim_retry(struct agent_peer *p)
{
	if (p->run && p->input.len &&
	    broker_run_input(p->run, p->input.data, p->input.len) < 0)
		return false;
	buf_clear(&p->input);
	if (p->run && p->input_ended)
		broker_run_input_end(p->run);
	p->input_ended = false;
	return true;
}

static void
shim_bad_frame(struct agent_peer *p)
{
	LOG("shim", "a shim sent what is no frame: it is closed");
	agent_peer_close(p);
}

void
agent_shim_receive(struct agent_peer *p, const char *data, size_t len)
{
	while (len > 0 && !p->closing) {
		size_t n;

		if (p->head_len < FRAME_HEAD) {
			p->head[p->head_len++] = (unsigned char)*data++;
			len--;
			if (p->head_len < FRAME_HEAD)
				continue;
			p->left = (uint32_t)p->head[1] << 24 |
			    (uint32_t)p->head[2] << 16 | (uint32_t)p->head[3] << 8 |
			    p->head[4];
			if (p->head[0] != 'i' || p->left > WIRE_CHUNK_MAX) {
				shim_bad_frame(p);
				return;
			}
			if (p->left == 0) {
				p->head_len = 0;
				p->input_ended = true;
			}
			continue;
		}
		n = len < p->left ? len : p->left;
		shim_input(p, data, n);
		data += n;
		len -= n;
		p->left -= (uint32_t)n;
		if (p->left == 0)
			p->head_len = 0;
	}
	if (!p->closing && (p->input.len || p->input_ended) && !agent_shim_retry(p))
		agent_peer_input_waits(p);
}

void
agent_shim_written(struct agent_peer *p)
{
	if (p->pipe.write_queue_size == 0)
		shim_write(p);
	if (!p->run || !p->output_held ||
	    p->pipe.write_queue_size + p->out.len > AGENT_SIDE_HELD_MAX / 2)
		return;
	p->output_held = false;
	broker_run_ready(p->run);
}

void
agent_shim_gone(struct agent_peer *p)
{
	struct broker_run *run = p->run;

	p->run = NULL;
	if (run)
		broker_run_abandon(run);
	buf_fini(&p->input);
	buf_fini(&p->out);
}
