/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shot.h: the guest's screen as a picture, from a run's lines to a file.
 *
 * The section screen-png is base64 in quoted lines.  It is put together in memory,
 * at most SHOT_MAX bytes, and written beside the journal in the thread pool; a
 * picture that is bad, cut or too large is dropped, and a note says so.
 */
#ifndef ENGINE_SHOT_H
#define ENGINE_SHOT_H

#include <stddef.h>
#include <uv.h>

#define SHOT_MAX (256 * 1024) /* bytes of a picture */

struct incident;
struct shot;

/* saved: path is lent.  Comes from the loop, never after shot_free. */
typedef void shot_saved_fn(const char *id, const char *path, void *arg);

struct shot *shot_new(
    uv_loop_t *loop, struct incident *incident, shot_saved_fn *saved, void *arg);
void shot_free(struct shot *s); /* NULL is fine */

/* A line of the verb run id; what other sections say is ignored. */
void shot_line(struct shot *s, const char *id, const char *line, size_t len);

/* The run is over: a section without its end is dropped. */
void shot_end(struct shot *s);

#endif
