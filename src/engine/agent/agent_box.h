/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_box.h: what agent-host itself may see and do, and who is one of the agent's.
 *
 * agent-host starts claude and tools, which get narrower boxes of their own; its own is
 * the outer wall: a view of the files that holds what they need and nothing else, no
 * tracing, no privileges, TCP to the API's port alone.
 */
#ifndef ENGINE_AGENT_BOX_H
#define ENGINE_AGENT_BOX_H

#include <stdbool.h>
#include <sys/types.h>

#define AGENT_BOX_ARGS_MAX 192

struct agent_proc_config;

/* The launcher's --net for a claude that asks url: TCP to that port, and name servers
 * where the host is a name.  Caller frees. */
char *agent_box_net(const char *url);

/* Appends the launcher's options to argv (each allocated), which has room for
 * AGENT_BOX_ARGS_MAX; host is agent-host's path without links.  Returns the new n. */
int agent_box_args(
    char **argv, int n, const struct agent_proc_config *cfg, const char *host);

/*
 * Whether the process at the other end of a socket, of our own uid, is one that the
 * agent runs: the launcher's mark is on all of them and cannot be taken off.  One that
 * is gone already counts as one: it may have left the socket to another.
 */
bool agent_box_holds(pid_t pid);

/* False: whoever started us has that mark himself, so it tells nobody apart. */
bool agent_box_tells(void);

#endif
