/* SPDX-License-Identifier: GPL-3.0-or-later */
/* runbook_free.h: what a prompt gets that no model can read: what can be done; pure. */
#ifndef ENGINE_RUNBOOK_FREE_H
#define ENGINE_RUNBOOK_FREE_H

#include "base/buf.h"
#include "engine/runbooks.h"

void runbook_free_answer(const struct runbooks *rs, struct buf *out);

#endif
