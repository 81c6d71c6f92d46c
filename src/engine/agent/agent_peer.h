/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_peer.h: one connection on the agent side's socket; between agent_peer.c (who
 * comes in, what it says), agent_side.c, agent_child.c and agent_tool.c (what is said to
 * agent-host and by it), and agent_shim.c (a shim's run).
 *
 *   NEW --hello--> HOST
 *      \--hello--> SHIM --run--> RUNNING --end, or the shim's death--> closed
 */
#ifndef ENGINE_AGENT_PEER_H
#define ENGINE_AGENT_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "wire/frame.h"
#include "wire/json.h"

struct agent_host_events;
struct agent_side;
struct agent_tools;
struct broker;
struct broker_run;
struct relay;

enum agent_peer_state {
	AGENT_PEER_NEW,
	AGENT_PEER_HOST,
	AGENT_PEER_SHIM,
	AGENT_PEER_RUNNING
};

struct agent_peer {
	uv_pipe_t pipe;
	struct agent_side *side;
	struct agent_peer *next;
	enum agent_peer_state state;
	bool closing;
	bool last_written; /* nothing may follow what waits now */
	int64_t since_ms;
	struct frame frame;

	/* RUNNING */
	struct broker_run *run; /* NULL once it ended */
	bool has_input;		/* its standard input is more than /dev/null */
	unsigned char head[5];
	size_t head_len;
	uint32_t left;	  /* bytes of the frame in progress */
	struct buf input; /* standard input that the host does not take yet */
	bool input_ended; /* ... and its end is to be told after it */
	bool output_held; /* the broker was told to wait */
	struct buf out;	  /* frames that wait until those before are written */
	size_t out_last;  /* where the last of them begins */
	bool out_lost;	  /* it read nothing, and more came than is held for it */
};

/* agent_peer.c */
/* data is taken (malloc); last: the peer is closed once it is written. */
void agent_peer_write(struct agent_peer *p, char *data, size_t len, bool last);
void agent_peer_close(struct agent_peer *p);
struct broker *agent_peer_broker(const struct agent_peer *p);
int agent_peer_shims(const struct agent_peer *p);  /* how many runs there are */
void agent_peer_input_waits(struct agent_peer *p); /* call agent_shim_retry soon */

/* To agent-host: takes m; without one it is dropped. */
void agent_side_send(struct agent_side *s, struct js *m);

/* agent_side.c */
struct agent_tools *agent_side_tools_state(const struct agent_side *s);

struct relay *agent_side_relay(const struct agent_side *s); /* NULL: it has none */
/* agent_child.c: as a child's api_url; true: its only way is the relay. */
void agent_side_told_way(struct agent_side *s, bool by_relay);
bool agent_side_by_relay(const struct agent_side *s);

/* agent_child.c: what agent-host says of a child. */
void agent_child_receive(
    const struct agent_host_events *ev, void *arg, int kind, const struct js *m);

/* agent_tool.c */
struct agent_tools *agent_tools_new(struct agent_side *side);
void agent_tools_free(struct agent_tools *t);
void agent_tools_up(struct agent_tools *t); /* an agent-host is welcome: tell it */
void agent_tools_down(struct agent_tools *t, const char *why);
void agent_tools_receive(struct agent_tools *t, int kind, const struct js *m);

/* agent_shim.c */
void agent_shim_run(struct agent_peer *p, const struct js *m);
void agent_shim_refused(struct agent_peer *p, const struct js *m);
void agent_shim_receive(struct agent_peer *p, const char *data, size_t len);
bool agent_shim_retry(struct agent_peer *p); /* false: its input still waits */
void agent_shim_written(struct agent_peer *p);
void agent_shim_gone(struct agent_peer *p);

#endif
