/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * credential.h: a name and its emergency password, for one-shot commands.
 *
 * From the descriptor of --credential-fd (its first line is NAME:PASSWORD), else typed on
 * the terminal, where it is not echoed.  Never from an argument or the environment.  The
 * messages that carry it are wiped; a copy is kept until the command ends.
 */
#ifndef CREDENTIAL_H
#define CREDENTIAL_H

#include "base/err.h"
#include "client.h"

struct command_opts;

/*
 * Runs the client as client_run does, and where the engine asks for a password gives it
 * one: from a descriptor once, from a person up to three times.
 */
int credential_run(struct client *client, const struct command_opts *c, int64_t wait_ms,
    struct err *err) MUST_CHECK;

#endif
