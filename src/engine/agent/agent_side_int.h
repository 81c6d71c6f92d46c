/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_side_int.h: the agent side's state; between agent_side.c (its life and its
 * sockets), agent_peer.c (who comes to them) and agent_side_host.c (agent-host: started
 * here, or come by itself).
 */
#ifndef ENGINE_AGENT_SIDE_INT_H
#define ENGINE_AGENT_SIDE_INT_H

#include "engine/agent/agent_door.h"
#include "engine/agent/agent_peer.h"
#include "engine/agent/agent_side.h"

#define RESTART_MS 250 /* until agent-host is started again, doubled each time ... */

struct agent_orphans;
struct agent_proc;

struct agent_side {
	uv_loop_t *loop;
	char *dir, *socket, *host_dir, *libexec, *claude, *net;
	struct broker *broker;
	const struct agent_host_events *ev;
	void *arg;
	void (*sandbox)(const char *words, struct js *open, void *arg);
	void *sandbox_arg;
	uid_t uid; /* of an agent-host that comes by itself; 0: we start it */
	char *group;
	struct agent_door whose;
	char absent[160]; /* why an agent-host of that uid is not here */
	bool untold;	  /* ... and nobody has been told */
	uv_pipe_t *door;  /* NULL: it listens nowhere */
	uv_timer_t sweep, restart, input, soon, hard;
	struct agent_peer *peers;
	int peer_count;
	struct agent_proc *proc; /* NULL: not running, or not ours to start */
	struct agent_peer *host;
	struct js *info; /* the last "host" message; NULL: not up */
	struct agent_tools *tools;
	struct relay *relay;	       /* NULL: claude gets a port */
	struct agent_orphans *orphans; /* NULL: agent-host is not ours */
	bool by_relay;		       /* the last child has the relay */
	int64_t restart_ms;
	int open; /* handles and parts that are not closed yet */
	bool dead;
};

/* agent_side.c */
void side_release(struct agent_side *s); /* a handle or a part is closed */
void side_sweep(struct agent_side *s);	 /* somebody may be late from now on */
void side_on_soon(uv_timer_t *timer); /* of s->soon: what is to be told from the loop */

/* agent_peer.c */
void side_on_peer(uv_stream_t *door, int status); /* somebody is at the door */
void side_tell_up(struct agent_side *s); /* agent-host is there; s->info says which */

/* agent_side_host.c */
void side_host_start(struct agent_side *s);
/* May p be agent-host?  NULL: it may; else why not. */
const char *side_host_comes(struct agent_side *s);
const char *side_host_is_ours(struct agent_side *s, const struct agent_peer *p);
/* One that comes by itself is not here: words behind "agent-host of uid N". */
void side_absent(struct agent_side *s, const char *words);
void side_tell_absent(struct agent_side *s); /* unless that is told already */

#endif
