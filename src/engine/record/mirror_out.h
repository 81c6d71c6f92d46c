/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mirror_out.h: lines for our standard output, which may be anything.
 *
 * A pipe that nobody reads, a terminal that is stopped, a file on a disk that hangs.
 * What can be polled is written when it takes something; what cannot (a file) is
 * written in the thread pool.  At most MIRROR_OUT_MAX bytes wait; the lines that are
 * too many are counted, and told once there is room: {"t":"dropped","records":N}.
 */
#ifndef ENGINE_MIRROR_OUT_H
#define ENGINE_MIRROR_OUT_H

#include <stddef.h>
#include <uv.h>

#define MIRROR_OUT_MAX (1024 * 1024) /* bytes */

struct mirror_out;

/* fd is looked at, not taken: its flags stay as they are. */
struct mirror_out *mirror_out_new(uv_loop_t *loop, int fd);
void mirror_out_free(struct mirror_out *o); /* writes what is taken at once */

/* A line without its line end.  Copies. */
void mirror_out_say(struct mirror_out *o, const char *line, size_t len);

#endif
