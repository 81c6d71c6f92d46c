/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mirror_log.h: lines for syslog, as datagrams of our own (RFC 3164).
 *
 * syslog(3) waits for a hung reader, so it is not used here.  A line that is not
 * taken waits (MIRROR_LOG_WAIT of them) and is tried again every second, over the
 * restarts of whoever listens; what is too many is counted and said.
 */
#ifndef ENGINE_MIRROR_LOG_H
#define ENGINE_MIRROR_LOG_H

#include <uv.h>

#define MIRROR_LOG_WAIT 256 /* lines */

struct mirror_log;

struct mirror_log *mirror_log_new(uv_loop_t *loop, const char *path); /* "": none */
void mirror_log_free(struct mirror_log *l);

/* authpriv.notice, tag breakglass; text is printable ASCII.  Copies. */
void mirror_log_say(struct mirror_log *l, const char *text);

#endif
