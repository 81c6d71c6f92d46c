/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fetch.h: output that a console was not sent, read back from the journal. */
#ifndef ENGINE_FETCH_H
#define ENGINE_FETCH_H

#include "engine/hub.h"

#define FETCH_MAX (256 * 1024) /* raw bytes that one request is answered with */

/*
 * Answers request m of peer p with output facts (seq 0), or with an error; behind some
 * of them, too, when the rest cannot be read.
 */
void fetch_start(
    uv_loop_t *loop, struct incident *incident, struct peer *p, const struct js *m);

#endif
