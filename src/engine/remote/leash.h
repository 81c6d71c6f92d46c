/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * leash.h: what holds an agent's command on the devvm, and what asks for the rest of it.
 *
 * Closing an SSH channel does not end the command behind it.  So a command of the agent
 * is sent with a line in front of it that starts a watchdog: a shell of its own that
 * owns the channel's input, and ends the command, its whole session, its descendants
 * and whatever carries its token, once that input ends (the channel was closed, the
 * connection is lost, the engine died).  A command that has ended by then leaves what
 * it left behind alone, as under plain ssh.
 *
 * The command runs in the very shell that sshd started: exit status, signals and output
 * are its own, and $! and wait know nothing of the watchdog.  The token is a variable
 * whose name begins with LC_, because sudo lets those through.  The login shell must
 * read POSIX syntax (bash, dash, busybox, ksh, zsh).
 *
 * All of this is text; nothing here runs anything.
 */
#ifndef ENGINE_LEASH_H
#define ENGINE_LEASH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define LEASH_LINE_MAX (96 * 1024)   /* bytes of a command with its leash */
#define LEASH_ANSWER_MAX (64 * 1024) /* bytes of an answer that are read */
#define LEASH_ENDS_MAX 32	     /* runs that one command ends */

/*
 * The command as it is sent: with the token of this run of this incident, and, if it is
 * watched, with the start of the watchdog.  Of a watched one leash_watchdog is the
 * input, whose end must not come before the run's.  run: "r12".
 */
void leash_wrap(struct buf *out, const char *incident, const char *run, bool watched,
    const char *command, size_t len);

const char *leash_watchdog(void);

/*
 * The command that asks what of this incident's runs lives, after it has ended those
 * named in ends (TERM, then KILL after 2 s; takes up to 4 s then).  kill: after it has
 * killed all of them, named or not, at once.
 */
void leash_ask(struct buf *out, const char *incident, const char *const *ends,
    size_t count, bool kill);

/*
 * Calls fn for each process in an answer: which run it is of.  False: this is no whole
 * answer, so it says nothing about what does not stand in it.
 */
typedef void leash_alive_fn(const char *run, long pid, void *arg);
bool leash_answer(const char *text, size_t len, leash_alive_fn *fn, void *arg);

#endif
