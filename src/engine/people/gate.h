/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gate.h: who may be an operator here, in which role, and whose keys wait.
 *
 *   hello --> LOOKING --the list names the peer, or there is none--> IN
 *                |  \--no line, there are credentials--> ASKED --right password--> IN
 *                |                                        | too often, too long
 *                +--no line, or below agent-host--> refused <+
 *
 * Without a list the engine's own uid is the gate, and nothing is waited for.  A list is
 * read anew for each who knocks and, while somebody is in, every GATE_LOOK_MS: who is not
 * named any more goes.  A list that cannot be used names nobody, and takes nobody away.
 * While somebody is in, idle.h locks his keys.
 */
#ifndef ENGINE_GATE_H
#define ENGINE_GATE_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "engine/hub.h"
#include "wire/messages.h"

#define GATE_LOOK_MS 5000	/* the list again; and how long a proof is waited for */
#define GATE_ASKED_MS 120000	/* without a try; then who was asked goes */
#define GATE_TRY_MS 60000	/* for the answer to one, with its delay */
#define GATE_TRIES 10		/* passwords of one connection */
#define GATE_ASKED_UID 4	/* of one uid are asked at a time ... */
#define GATE_ASKED_ALL 16	/* ... and of all */
#define GATE_KEYS_LATE_MS 20000 /* a console tells of keys so late, at most */

struct gate;

struct gate_config {
	uv_loop_t *loop;
	const char *operators, *credentials; /* files, borrowed; "": none */
	int64_t idle_ms;		     /* 0: keys are never locked */
	bool (*busy)(void *arg);	/* a verb, a turn or a recovery is under way */
	pid_t (*agent_host)(void *arg); /* 0: none runs */
	uid_t agent_uid; /* never let in, whoever lists it; 0: the agent has our uid */
	void (*role)(struct peer *p, bool read_only, void *arg); /* another one by now */
	void (*vouch)(struct peer *p, const char *words, void *arg); /* a password did */
	void *arg;
};

struct gate *gate_new(const struct gate_config *cfg);
void gate_free(struct gate *g); /* after the peers; its handles close on the loop */

bool gate_has_list(const struct gate *g);

/* From the hub: it has said hello; a password at the gate; it is gone, wherever it was.
 */
void gate_knock(struct gate *g, struct peer *p);
void gate_try(struct gate *g, struct peer *p, const struct js *m);
void gate_gone(struct gate *g, struct peer *p);

/* gate_lock.c */

/* May its keys act now?  False: it has been told how to unlock them. */
bool gate_may(
    struct gate *g, struct peer *p, const struct js *m, enum request kind, int autonomy);
void gate_unlock(struct gate *g, struct peer *p, const struct js *m);
void gate_active(struct gate *g, struct peer *p); /* somebody presses keys there */
void gate_see(struct gate *g, const struct js *fact);

#endif
