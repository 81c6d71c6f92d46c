/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent_proc.h: one agent-host process, through the launcher, and its last words. */
#ifndef ENGINE_AGENT_PROC_H
#define ENGINE_AGENT_PROC_H

#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

struct agent_proc;

struct agent_proc_config {
	const char *libexec; /* of launcher and agent-host */
	const char *socket;
	const char *dir;    /* agent-host's own */
	const char *claude; /* "" : it looks for one */
	const char *net;    /* as the launcher's --net */
};

/* It has ended and p is gone after the call; why is a sentence. */
typedef void agent_proc_end_fn(struct agent_proc *p, const char *why, void *arg);

/* Never NULL: what cannot be started ends at once, from the loop. */
struct agent_proc *agent_proc_start(uv_loop_t *loop, const struct agent_proc_config *cfg,
    agent_proc_end_fn *end, void *arg);

pid_t agent_proc_pid(const struct agent_proc *p); /* 0: it has ended */
int64_t agent_proc_age_ms(const struct agent_proc *p);
void agent_proc_kill(struct agent_proc *p, int sig);

#endif
