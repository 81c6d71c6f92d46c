/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dial.h: a TCP connection to a literal address, without waiting.
 *
 * Never a name lookup: in the incident this program is for, the resolver may
 * be what is broken, and a lookup would hold the engine up.
 */
#ifndef ENGINE_DIAL_H
#define ENGINE_DIAL_H

#include "base/err.h"

/*
 * Begins to connect and returns the descriptor (non-blocking, close-on-exec),
 * writable once the connection is there or has failed.  -1: ERR_USAGE for what
 * is no literal IPv4 or IPv6 address, else ERR_UNREACHABLE or ERR_SYSTEM.
 */
int dial_start(const char *address, int port, struct err *err) MUST_CHECK;

/* The same for who has words of its own: -1 and the errno, or 0: no literal address. */
int dial_begin(const char *address, int port, int *errnum) MUST_CHECK;

/* How it went: 0, or -1 and a sentence on what to look at. */
int dial_finish(int fd, struct err *err) MUST_CHECK;

/* Says so in err ("refused the connection: is sshd running there?").  Returns -1. */
int dial_words(int errnum, struct err *err);

/*
 * Acknowledges at once what is read next.  sshd's Nagle and our delayed ACK
 * cost 42 ms a connect otherwise; the kernel forgets it, so say it each time.
 */
void dial_quickack(int fd);

/* A second descriptor of the same connection, close-on-exec, or -1. */
int dial_dup(int fd);

#endif
