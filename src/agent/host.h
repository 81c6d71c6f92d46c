/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * host.h: agent-host, the process that owns everything the agent runs.
 *
 *   engine <== agent.sock ==> agent_host.c --- host_child.c ==> claude
 *                               |    |                            |
 *       tools <== host_tool.c --+  host_key.c <== key.sock == key-helper
 *                               |
 *       relay.sock <== host_relay.c <== api.sock == claude
 *
 * It decides nothing: it starts claude and tools when the engine says so, relays bytes
 * with bounded queues, tells the end, and leaves no process behind.  It is the
 * subreaper of all it starts, so that what claude orphans is still found.
 */
#ifndef AGENT_HOST_H
#define AGENT_HOST_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "base/err.h"
#include "wire/frame.h"
#include "wire/json.h"

struct host_child;
struct host_file;
struct host_relay;
struct host_tool;

struct host {
	uv_loop_t loop;
	const char *socket;	/* the engine's agent.sock */
	const char *dir;	/* our private 0700 directory */
	const char *configured; /* the claude that was named, or NULL */
	char *libexec;		/* where launcher, key-helper and shim/ are */
	bool view;		/* our files are a view of our own (launcher_view.c) */
	char box_words[400];	/* what holds what we run, for people */
	char box_open[400];	/* what does not, joined by commas */
	char box_net[32];	/* of the last claude; "": there was none */
	bool wait;		/* a pod: connect again whenever the engine comes back */

	uv_pipe_t engine;
	char link_why[sizeof(((struct err *)NULL)->words)]; /* the last reason why there
							       was none, said once */
	bool linked;					    /* the connection is open */
	bool welcomed; /* the engine answered our hello */
	struct frame in;

	char *claude; /* found, or NULL */
	char version[64];
	char why[300];	/* why claude cannot be run */
	char told[300]; /* the why that the engine knows; "" none */

	char *key; /* locked in memory; NULL: none */
	size_t key_size;
	char *oauth; /* of a subscription, in a page of its own; NULL: none */
	size_t oauth_size;
	bool key_given; /* to this child; a second time would not be safe */
	uv_pipe_t key_door;

	uv_pipe_t relay_door;
	char *relay_token; /* NULL: this claude has no relay */
	struct host_relay *relays;

	struct host_child *child; /* at most one */
	struct host_tool *tools;
	struct host_file *files; /* of the working folder */
	pid_t probe;		 /* the `claude --version` in flight, or 0 */
	uv_timer_t look;
	uv_timer_t retry;
	uv_signal_t on_term, on_int, on_chld;
	bool ending;
};

#define ARGS_MAX 128
#define HOST_MARK "BREAKGLASS_AGENT_HOST" /* in claude's environment: whose it is */
#define HOST_TOOL_MARK "BREAKGLASS_TOOL"  /* in a tool's, beside it: DIR:NUMBER */
#define HOST_PIDS_MAX 16		  /* children of ours that run at once */

#define HOST_CA "ca.pem" /* in our folder: whom claude trusts beside the usual ones */
#define HOST_OAUTH_ENV "CLAUDE_CODE_OAUTH_TOKEN" /* claude's own name for it */

/* An argument vector that owns its strings. */
struct args {
	char *argv[ARGS_MAX + 1];
	int n;
};

/* host_args.c */
void args_add(struct args *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void args_fini(struct args *a);
/* The launcher and what each of our children gets; folder is one of dir's, as cwd. */
void host_args_launcher(const struct host *h, struct args *a, const char *folder);
/* claude's whole command line and environment, for a child_start message. */
void host_args_claude(const struct host *h, struct args *a, const struct js *start);
/* The same for a tool_start message; its warden speaks on descriptor told.  -1: there
 * is no such tool, or it lacks what it needs. */
int host_args_tool(
    const struct host *h, struct args *a, const struct js *start, int told) MUST_CHECK;

/* host_box.c: the box of each of our children, as options of the launcher. */
void host_box_look(struct host *h); /* asks what this machine has of it; waits for it */
void host_box_files(const struct host *h, struct args *a); /* Read, Grep, Glob */
void host_box_tool(const struct host *h, struct args *a);  /* Bash */
/* start NULL: claude is only asked for its version. */
void host_box_claude(const struct host *h, struct args *a, const struct js *start);
void host_box_claudes(struct host *h, const struct js *start); /* its net is known */
void host_box_tell(const struct host *h, struct js *m);	       /* sandbox, open */

/* agent_host.c: takes m; drops it when no engine is there. */
void host_send(struct host *h, struct js *m);
bool host_is_congested(const struct host *h); /* too much waits for the engine */

/* host_find.c: looks for claude and asks its version; then calls done from the loop. */
void host_find(struct host *h, void (*done)(struct host *h));

/* host_child.c */
void host_child_start(struct host *h, const struct js *m);
void host_child_input(struct host *h, const struct js *m);
void host_child_signal(struct host *h, const struct js *m);
void host_child_flow(struct host *h);		/* the engine has taken what waited */
pid_t host_child_session(const struct host *h); /* 0: none */

/* host_door.c: door listens at name, in our folder. */
int host_door_open(struct host *h, uv_pipe_t *door, const char *name,
    uv_connection_cb on_peer, struct err *err) MUST_CHECK;
/* Lets who is at the door in, as peer; false: it is not of claude's own session. */
bool host_door_take(const struct host *h, uv_stream_t *door, uv_pipe_t *peer);

/* host_key.c */
int host_key_open(struct host *h, struct err *err) MUST_CHECK;
/* Copies both; NULL: forget.  The OAuth token is claude's, in its environment. */
void host_key_set(struct host *h, const char *key, const char *oauth);

/* host_relay.c */
int host_relay_open(struct host *h, struct err *err) MUST_CHECK;
void host_relay_set(struct host *h, const char *token); /* copies; NULL: none */
void host_relay_end(struct host *h);			/* all that is open */
void host_relay_env(const struct host *h, struct args *a);

/* host_tool.c */
void host_tool_start(struct host *h, const struct js *m);
void host_tool_stop(struct host *h, const struct js *m);
void host_tools_flow(struct host *h);	/* the engine has taken what waited */
void host_tools_forget(struct host *h); /* the engine is gone: end all, tell nobody */
/* The wardens that run; returns how many. */
size_t host_tools_pids(const struct host *h, pid_t *pids, size_t max);

/* host_files.c */
void host_files_take(struct host *h, const struct js *m);
void host_files_write(struct host *h); /* all of them, again */
void host_files_forget(struct host *h);

/* host_proc.c */
/* SIGKILL to every descendant but those n and theirs; how many still lived. */
int host_proc_kill_all(const pid_t *spared, size_t n);
/* SIGKILL to whatever has entry in its environment, as all has that claude starts. */
int host_proc_kill_strays(const char *entry);
void host_proc_reap(
    const pid_t *ours, size_t n); /* takes orphans' ends, but not of ours */

#endif
