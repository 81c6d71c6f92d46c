/* SPDX-License-Identifier: GPL-3.0-or-later */
/* later.h: a call from the loop, soon: for ends that may not come from inside a start. */
#ifndef ENGINE_LATER_H
#define ENGINE_LATER_H

#include <uv.h>

typedef void later_fn(void *arg);

/* fn comes exactly once, from the loop, unless the loop ends first. */
void later(uv_loop_t *loop, later_fn *fn, void *arg);

/* The engine leaves: what has not come yet does not come, and nothing new does. */
void later_stop(void);

#endif
