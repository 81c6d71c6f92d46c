/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gate_int.h: what gate.c and gate_lock.c share, and nobody else. */
#ifndef ENGINE_GATE_INT_H
#define ENGINE_GATE_INT_H

#include "engine/people/gate.h"
#include "engine/people/idle.h"
#include "engine/people/keeper.h"
#include "engine/people/list.h"
#include "engine/people/who.h"

enum guest_state { GUEST_LOOKING, GUEST_ASKED, GUEST_IN, GUEST_OUT };
enum guest_by { GUEST_BY_UID, GUEST_BY_LIST, GUEST_BY_PASSWORD };

/* One who knocked: of the gate as long as its connection lives. */
struct guest {
	struct guest *next;
	struct gate *gate;
	struct peer *peer;
	enum guest_state state;
	enum guest_by by;
	uid_t uid;
	struct who *who; /* of the list's proofs; NULL: not asked, or known */
	bool known;	 /* seen is all that will be known */
	struct who_seen seen;
	unsigned needs;	 /* the reading of the list that it waits for */
	unsigned looked; /* the one that it was held against last */
	int tries;
	struct keeper_try *trying;
	bool looked_again; /* at what came, before it is late */
	char trying_name[WIRE_NAME_MAX + 1];
	uv_timer_t *timer; /* for a proof, or for the next password */
	struct idle idle;
};

struct gate {
	struct gate_config cfg;
	struct guest *guests;
	struct keeper *keeper; /* NULL: there are no credentials */
	/* the list, as it was read last */
	struct list list;
	struct err list_why; /* words "": it can be used */
	unsigned started, done;
	bool climbing; /* a recovery is being proved */
	bool again;    /* another reading is wanted behind this one */
	struct gate_load *load;
	uv_timer_t look, lock;
	int open; /* handles that are not closed yet, and the load */
	bool freed;
};

struct guest *gate_find(const struct gate *g, const struct peer *p);

/* The guest's one timer: a second start takes the place of the first. */
void gate_timer_start(struct guest *v, uv_timer_cb cb, int64_t ms);
void gate_timer_stop(struct guest *v);

/* The role that a credential's name has, and how the operator is called. */
bool gate_name_reads(const struct gate *g, const char *name, const char **called);

/* gate_lock.c: somebody is in; arms the look for who has been idle for long. */
void gate_lock_arm(struct gate *g);

#endif
