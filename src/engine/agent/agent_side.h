/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_side.h: the engine's socket for what the agent runs.
 *
 *   agent-host ==\                       /--> the CLI driver (agent_host_events)
 *   shim, shim ===> agent/agent.sock --->
 *                                        \--> the broker (one run a shim)
 *
 * Two kinds of peer come in here.  A shim may ask for "ssh HOST COMMAND" and
 * nothing else.  agent-host is the one process that the engine started itself
 * (its pid is compared), because it is told the API key.  It is started again
 * when it dies, later each time.  Nothing that happens here stops an operator.
 *
 * With a uid (a pod) the engine starts none: agent-host and shims are processes of
 * that uid, and agent-host is the first of it that says so, one at a time.
 */
#ifndef ENGINE_AGENT_SIDE_H
#define ENGINE_AGENT_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "wire/json.h"

#define AGENT_SIDE_SHIMS_MAX 32
#define AGENT_SIDE_HELD_MAX \
	(8 * 1024 * 1024) /* bytes held for a shim that does not read */
#define AGENT_SIDE_OUT_MAX \
	(32 * 1024 * 1024) /* with what was under way when it was told to wait */

struct agent_side;
struct broker;
struct relay;

struct agent_side_config {
	uv_loop_t *loop;
	const char *run_dir; /* agent/agent.sock and agent-host/ are made below it */
	const char
	    *libexec_dir; /* of launcher and agent-host; "" : where they were installed */
	const char *claude;    /* the configured program; "" : agent-host looks for it */
	struct broker *broker; /* borrowed; outlives the agent side */
	const char *net; /* agent-host's way out, as the launcher's --net; NULL: any */
	/* What holds the agent's processes, in words, and what does not (an array of
	 * words, or NULL); told whenever agent-host says so.  May be NULL. */
	void (*sandbox)(const char *words, struct js *open, void *arg);
	void *sandbox_arg;
	uid_t uid;	   /* an agent-host of this uid comes by itself; 0: we start it */
	const char *group; /* with uid: of the sockets, as agent_door.h has it */
	const char *dir;   /* with uid: of the sockets, instead of run_dir/agent */
};

struct agent_host_info {
	const char *claude;  /* path, or NULL: it cannot be run */
	const char *version; /* or NULL */
	const char
	    *pinned;	 /* the version that this breakglass was tested with, or NULL */
	const char *why; /* when claude is NULL */
};

/* All strings are lent.  No callback comes from inside a call made here. */
struct agent_host_events {
	/* agent-host is there (again, or knows more): a child_start is possible now. */
	void (*up)(const struct agent_host_info *info, void *arg);
	/* It is gone, and with it any child: no child_exit comes. */
	void (*down)(const char *why, void *arg);
	void (*started)(int64_t child, int64_t pid, void *arg);
	void (*output)(
	    int64_t child, bool is_err, const char *data, size_t len, void *arg);
	/* A connection of the child to its API could not be made or broke, as the engine
	 * saw it.  May be NULL. */
	void (*way)(const char *why, void *arg);
	/* signal 0: it exited; why: it never ran, else NULL. */
	void (*exited)(int64_t child, int status, int sig, const char *why, void *arg);
};

struct agent_child {
	int64_t child;	     /* a number that the driver chose */
	const char *session; /* UUID */
	bool resume;
	const char *agent;  /* name of the definition */
	const char *agents; /* definition_cli_agents */
	const char *tools;
	const char *model;   /* NULL: the definition's */
	const char *api_url; /* NULL: the vendor's */
	const char *ca;	     /* certificates that it trusts beside the usual, or NULL */
	const char *const *addresses; /* of its API without a name server; or NULL */
	bool no_relay;		      /* it is known to need IP: it gets one port of it */
};

/* Binds the socket and starts agent-host.  Strings are copied. */
struct agent_side *agent_side_new(
    const struct agent_side_config *cfg, struct err *err) MUST_CHECK;

/* Ends agent-host and every shim; runs are abandoned.  Handles close on the loop. */
void agent_side_free(struct agent_side *s);

/* The kill switch: agent-host and all that it runs are killed; a new one comes.  NULL is
 * fine. */
void agent_side_kill(struct agent_side *s);

/* The run directory was removed under us: listens anew, and has a new agent-host. */
void agent_side_again(struct agent_side *s); /* NULL is fine */

const char *agent_side_socket(const struct agent_side *s); /* lent */
pid_t agent_side_pid(const struct agent_side *s); /* of agent-host; 0: it is not there */

/* What to do where agent-host is not there. */
const char *agent_side_todo(const struct agent_side *s);
/* Why one that comes by itself is not here; NULL: it is, or the engine starts it. */
const char *agent_side_absent(const struct agent_side *s);

/* The one driver that hears of agent-host; NULL: nobody.  If agent-host is up
 * already, up comes from the loop. */
void agent_side_watch(
    struct agent_side *s, const struct agent_host_events *ev, void *arg);

/* To agent-host; without one they do nothing (down has said so). */
/* NULL: none.  claude gets the key where there is one, else a subscription's token. */
void agent_side_credential(struct agent_side *s, const char *key, const char *oauth);
void agent_side_child_start(struct agent_side *s, const struct agent_child *c);
/* The last child was given the relay as its only way, and never came to it. */
bool agent_side_relay_unused(const struct agent_side *s);
void agent_side_child_input(
    struct agent_side *s, int64_t child, const char *data, size_t len);
void agent_side_child_signal(struct agent_side *s, int64_t child, const char *sig);

/*
 * A file of the agent's working folder ("runbooks/disk.md"), which the agent can
 * read: copied, kept, and written again for each agent-host and each child.
 * A second of the same name replaces the first.  -1: a name that is not letters,
 * digits, "-", "_" and "." with at most one folder, or more than 64 files, 256 KiB
 * each, 4 MiB in all.
 */
int agent_side_workspace(
    struct agent_side *s, const char *name, const char *data, size_t len);

uv_loop_t *agent_side_loop(const struct agent_side *s); /* lent */

#endif
