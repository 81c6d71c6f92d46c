/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_orphans.h: what a dead agent-host left, known by the brand and killed.
 *
 * An agent-host that is killed kills nothing, and its successor sees nothing of what it
 * ran: that is in another namespace, in another Landlock domain.  The engine is in none,
 * and is the subreaper: each that loses its parent becomes its child.
 */
#ifndef ENGINE_AGENT_ORPHANS_H
#define ENGINE_AGENT_ORPHANS_H

#include <uv.h>

struct agent_orphans;

/*
 * Makes this process a subreaper, and takes the ends of all children that the loop did
 * not start itself.
 */
struct agent_orphans *agent_orphans_new(uv_loop_t *loop);

/*
 * Kills every child with the brand that the loop did not start, and what they leave,
 * again and again until nobody is left or the time is over.
 */
void agent_orphans_kill(struct agent_orphans *o);

/* A killing that is under way comes to its end first, in the loop.  NULL does nothing. */
void agent_orphans_free(struct agent_orphans *o);

#endif
