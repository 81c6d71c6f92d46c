/* SPDX-License-Identifier: GPL-3.0-or-later */
/* runbook_free.h: what a prompt gets that no model can read: what can be done; pure. */
#ifndef ENGINE_RUNBOOK_FREE_H
#define ENGINE_RUNBOOK_FREE_H

#include "base/buf.h"
#include "engine/runbook/runbooks.h"
#include "engine/power/verdict.h"

/* v: what the engine would say of the VM now, or NULL. */
void runbook_free_answer(
    const struct runbooks *rs, const struct verdict *v, struct buf *out);

#endif
