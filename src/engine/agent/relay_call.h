/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * relay_call.h: one TCP connection to the host that the relay leads to.
 *
 *   name --found, or known from before--> address 1, address 2, ... --> connected
 *    '-------- none ------------------------------ none ----------------> why
 *
 * A lookup holds a thread of the pool for as long as the resolver likes; there is
 * one at most, and nobody waits for it longer than name_ms.
 */
#ifndef ENGINE_RELAY_CALL_H
#define ENGINE_RELAY_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct relay_place;
struct relay_call;

/* Where it leads.  addresses: as relay_allow's, copied. */
struct relay_place *relay_place_new(uv_loop_t *loop, const char *host, int port,
    const char *const *addresses, int64_t name_ms, int64_t connect_ms);
void relay_place_free(struct relay_place *p); /* calls in progress are cancelled */
bool relay_place_is(const struct relay_place *p, const char *host, int port);
const char *relay_place_name(const struct relay_place *p); /* "host:port", lent */

/* done comes once, from the loop; fd is its to close, or -1 and why is a sentence. */
typedef void relay_call_fn(int fd, const char *why, void *arg);
struct relay_call *relay_call_start(
    struct relay_place *p, relay_call_fn *done, void *arg);
void relay_call_cancel(struct relay_call *c); /* done does not come any more */

#endif
