/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * life.h: when the engine leaves, and how it is found while it stays.
 *
 *   idle, SIGTERM, SIGINT --> [an old host program's last words] --> leave --> end
 *
 * From the first wish on there is one deadline, LIFE_LEAVE_MS, for all that still has to
 * happen: what a disk, a thread or a library holds longer is left behind.
 */
#ifndef ENGINE_LIFE_H
#define ENGINE_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define LIFE_LEAVE_MS 4300 /* all of leaving; a pod has 5 s of us to spare */

struct engine;
struct js;

/* Timers, signals and the watch over the run directory; before the loop runs. */
void life_start(struct engine *e);

/* Makes the operators' socket, and again where it is gone. */
int life_listen(struct engine *e, struct err *err) MUST_CHECK;

/* A verb has ended, or a peer has gone: what waited for that may go on. */
void life_verb_over(struct engine *e);
void life_peer_gone(struct engine *e);

/* Each fact as it is emitted: what somebody does counts as work, how short it may be. */
void life_see(struct engine *e, const struct js *fact);

/* After the loop has stopped: whether it is to run on.  Somebody may have come. */
bool life_goes_on(struct engine *e);

/* What is left of the deadline, less what the steps behind this one need. */
int64_t life_left_ms(const struct engine *e, int64_t reserve_ms);

/* Closes the handles of life_start, when there are any. */
void life_end(struct engine *e);

/* Runs what is under way to its end; false: something hangs (a disk, a thread). */
bool life_settle(struct engine *e);

#endif
