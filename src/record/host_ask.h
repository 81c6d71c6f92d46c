/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * host_ask.h: the host's status, by "breakglass status --json".
 *
 * The keys belong to an engine, so it is asked as an operator would ask: the running
 * one, or one that starts for this call alone.  That is an action like any other and
 * stands in the journal of the incident that is open.
 */
#ifndef RECORD_HOST_ASK_H
#define RECORD_HOST_ASK_H

#include "base/buf.h"
#include "base/options.h"

#define HOST_ASK_MS 90000
#define HOST_ASK_MAX (1024 * 1024) /* bytes of what the host says */

/* Appends what the host printed to out; 0 or -1. */
int host_ask(const struct options *o, struct buf *out, struct err *err) MUST_CHECK;

#endif
