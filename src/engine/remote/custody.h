/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * custody.h: may this process hold secrets, and which SSH key does it use now.
 *
 *   start: undumpable?  --no, and not "weak"--> no secret is read
 *          | yes
 *          v
 *   the key file is read     (or key_path is "agent": no key of ours at all)
 *          |
 *          v          each connection: has the file changed?
 *   the key in use  ------------------------------------------+
 *          ^                                                  |
 *          | a good one: from the next connection on          v
 *          +---- a bad one: the old stays, a banner ---- read again (thread pool)
 *
 * While there is none, or the file is bad, it is looked at every 5 s besides.
 * What is so is told as the state "custody".
 */
#ifndef ENGINE_CUSTODY_H
#define ENGINE_CUSTODY_H

#include <stdbool.h>
#include <uv.h>

#include "base/options.h"
#include "engine/remote/secret.h"

#define CUSTODY_LOOK_MS 2000  /* so long a login waits for the file's disk */
#define CUSTODY_AGAIN_MS 5000 /* how often a bad file is looked at */

struct custody;
struct incident;

struct custody_events {
	/* Another key, from now on; the one before is wiped after this call. */
	void (*key)(const struct secret *key, void *arg);
	/* The look that custody_look began is over, or has lasted too long. */
	void (*looked)(void *arg);
};

/*
 * Hardens this process and reads the key.  ssh_auth_sock: of the operator who started
 * it, for key_path "agent"; NULL: none.  o is borrowed.
 */
struct custody *custody_new(
    uv_loop_t *loop, const struct options *o, const char *ssh_auth_sock);
void custody_start(struct custody *c, struct incident *incident,
    const struct custody_events *ev, void *arg);
void custody_stop(struct custody *c); /* no call and no fact comes after it */
void custody_free(struct custody *c); /* after the loop has ended; NULL is fine */

bool custody_may_hold(const struct custody *c);		   /* secrets, in this process */
const struct secret *custody_key(const struct custody *c); /* NULL: none; lent */
const char *custody_agent(const struct custody *c);	   /* its socket, or NULL */
const char *custody_why(const struct custody *c);	   /* why there is neither */

void custody_look(struct custody *c);
bool custody_is_looking(const struct custody *c);

#endif
