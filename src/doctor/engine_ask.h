/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine_ask.h: what a running engine says of the present; none is started. */
#ifndef DOCTOR_ENGINE_ASK_H
#define DOCTOR_ENGINE_ASK_H

#include "base/options.h"
#include "wire/json.h"

#define ENGINE_ASK_MS 3000

/*
 * Asks as a one-shot would; fn is called with welcome and with each state fact, lent.
 * 0; -1: none answers.  ERR_UNREACHABLE with *none: there is none, and that is all.
 */
int engine_ask(const struct options *o, void (*fn)(const struct js *fact, void *arg),
    void *arg, bool *none, struct err *err) MUST_CHECK;

#endif
