/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_door.h: whose processes come to agent.sock and relay.sock.
 *
 * As a rule the engine starts agent-host itself: the sockets' folder is 0700 in the run
 * directory, and its own uid comes in.  In a pod agent-host is another container's, under
 * another uid (agent_uid): then the folder is one that both reach, 0710 and the sockets
 * 0660 with a group that both are in, and that one uid comes in.
 */
#ifndef ENGINE_AGENT_DOOR_H
#define ENGINE_AGENT_DOOR_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "base/err.h"

struct agent_door {
	uid_t uid;   /* who comes in */
	bool shared; /* it is not ours */
	gid_t gid;   /* shared: of folder and sockets */
};

/*
 * Makes or checks the folder.  uid 0: it is ours alone.  group: a name or a number; "":
 * the one that the folder has, or has from the folder it is made in.
 */
int agent_door_folder(struct agent_door *d, const char *dir, uid_t uid, const char *group,
    struct err *err) MUST_CHECK;

/*
 * A new socket in that folder, in place of a dead engine's; door, which is initialised,
 * listens at it.  d NULL: ours alone.  The caller closes door, whatever comes.
 */
int agent_door_open(const struct agent_door *d, const char *path, uv_pipe_t *door,
    uv_connection_cb on_peer, struct err *err) MUST_CHECK;

/* Who is at the door, as peer: its descriptor; -1: it may not come in. */
int agent_door_take(const struct agent_door *d, uv_stream_t *door, uv_pipe_t *peer);

#endif
