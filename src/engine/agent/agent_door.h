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

/* A new socket in that folder, in place of a dead engine's.  d NULL: ours alone. */
int agent_door_listen(
    const struct agent_door *d, const char *path, struct err *err) MUST_CHECK;

/* Is the process at the other end of the socket fd one that may come in? */
bool agent_door_lets(const struct agent_door *d, int fd);

#endif
