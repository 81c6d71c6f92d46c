/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ssh_agent.h: the operator's ssh-agent, asked from a thread of the pool.
 *
 * Everything here has an end: the connection is not waited for, an answer until the
 * deadline.  Only what listens under our uid or root's is an agent of ours.
 */
#ifndef ENGINE_SSH_AGENT_H
#define ENGINE_SSH_AGENT_H

#include <stdint.h>

#include "base/err.h"

/* A connection to it, after it has said that it holds keys; -1 with words. */
int ssh_agent_open(const char *path, int64_t deadline_ms, struct err *err) MUST_CHECK;

#endif
