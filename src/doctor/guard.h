/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guard.h: --offline: what this process asks of the network, seen by the kernel.
 *
 *   main thread -- connect, sendto ... --> seccomp --> the guard's thread
 *                                            |          the two hosts, our own
 *                                            v          sockets: goes on
 *                                        everything else: refused, and noted
 *
 * The guard stands in front of the system calls and not in front of our own functions,
 * so that libraries are seen, too: a name service would be.  Children have no IP at all.
 */
#ifndef DOCTOR_GUARD_H
#define DOCTOR_GUARD_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/options.h"

#define GUARD_ASKED_MAX 32 /* different targets that are kept */
#define GUARD_TEXT_MAX 128

struct guard_rules {
	struct sockaddr_storage hosts[2];
	char sockets[2][108]; /* paths of UNIX sockets; "": none */
};

struct guard_asked {
	char text[GUARD_TEXT_MAX]; /* "192.168.1.127 port 22", "unix:/run/..." */
	bool let;
	unsigned times;
};

/* What the settings allow: both hosts, the engine's socket, the operator's ssh-agent. */
void guard_rules_of(
    struct guard_rules *rules, const struct options *o, const char *ssh_auth_sock);

/* May it be asked?  text says in any case what it is.  Pure. */
bool guard_may(const struct guard_rules *rules, const struct sockaddr *to, socklen_t len,
    char text[GUARD_TEXT_MAX]);

/* From now on; -1: this kernel has no such thing, or forbids it. */
int guard_begin(const struct guard_rules *rules, struct err *err) MUST_CHECK;

/* What was asked for so far, each once; returns how many. */
unsigned guard_asked(struct guard_asked out[GUARD_ASKED_MAX]);

/* For a child: no socket but UNIX ones from now on, as far as the kernel can. */
void guard_shut(void);

#endif
