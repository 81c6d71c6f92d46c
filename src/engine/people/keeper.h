/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keeper.h: asks for a password and says whether it is right: the emergency credential.
 *
 *   keeper_ask --> WAITS (delays.h) --> QUEUED --> hashed in the thread pool --> callback
 *
 * One hash at a time, those who are attached first, then who has not failed yet; one is
 * always made, for unknown names, too.  The file is read anew each time.  Nothing here
 * locks anybody out, and nothing waits on the loop.  Passwords and hashes are wiped when
 * they were used.
 */
#ifndef ENGINE_KEEPER_H
#define ENGINE_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define KEEPER_PASSWORD_MAX 256 /* bytes; bcrypt looks at the first 72 */

enum keeper_answer {
	KEEPER_RIGHT,
	KEEPER_WRONG,
	KEEPER_BROKEN /* the file cannot be used: why says so, with the mend */
};

struct keeper;
struct keeper_try;

/* wait_ms: how long the next try of this name or peer waits.  why is lent, "" or words.
 */
typedef void keeper_fn(
    enum keeper_answer answer, int64_t wait_ms, const char *why, void *arg);

struct keeper *keeper_new(uv_loop_t *loop, const char *path); /* path is borrowed */
void keeper_free(struct keeper *k); /* its handles close on the loop; NULL is fine */

struct keeper_ask {
	const char *name, *password; /* copied */
	size_t len;		     /* of the password */
	const char *from;	     /* whom to count for: "uid 1000" */
	bool attached;		     /* counted apart from those who knock, and first */
	bool fresh; /* the first try of who asks: before those who guess */
};

/* The callback comes once, from the loop.  NULL: longer than any password. */
struct keeper_try *keeper_ask(
    struct keeper *k, const struct keeper_ask *ask, keeper_fn *cb, void *arg);

/* No callback comes after this; one that is being hashed counts all the same. */
void keeper_drop(struct keeper_try *t);

#endif
