/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shell.h: operators' shells on the devvm, one a peer.
 *
 * What the shell says goes to the peer that opened it as shell_output, byte by
 * byte, and as a run's output to the journal and to everyone; what is typed goes
 * to the shell and nowhere else.  A peer that reads slowly slows its shell; the
 * broker ends it when nothing at all is read for 10 s.
 */
#ifndef ENGINE_SHELL_H
#define ENGINE_SHELL_H

#include <stdbool.h>

#include "base/err.h"
#include "wire/json.h"

#define SHELLS_MAX 4
#define SHELL_SIDE_MAX 1000	     /* columns or rows */
#define SHELL_QUEUE_HIGH (64 * 1024) /* bytes that wait for the peer: read no further */
#define SHELL_QUEUE_LOW (16 * 1024)  /* go on */

struct broker;
struct incident;
struct peer;
struct shells;

struct shells *shells_new(
    struct broker *broker, struct incident *incident); /* borrowed for its life */
void shells_free(struct shells *ss);		       /* without a word; NULL is fine */
bool shells_any(const struct shells *ss);

/* The requests; m is lent.  -1: a sentence for the peer. */
int shell_open(
    struct shells *ss, struct peer *p, const struct js *m, struct err *err) MUST_CHECK;
int shell_input(
    struct shells *ss, struct peer *p, const struct js *m, struct err *err) MUST_CHECK;
int shell_size(
    struct shells *ss, struct peer *p, const struct js *m, struct err *err) MUST_CHECK;
int shell_leave(struct shells *ss, struct peer *p, struct err *err) MUST_CHECK;

void shells_gone(struct shells *ss, struct peer *p);	/* the peer went away */
void shells_drained(struct shells *ss, struct peer *p); /* it took what waited */

#endif
