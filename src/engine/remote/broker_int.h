/* SPDX-License-Identifier: GPL-3.0-or-later */
/* broker_int.h: the broker's own parts, for broker*.c alone. */
#ifndef ENGINE_BROKER_INT_H
#define ENGINE_BROKER_INT_H

#include "engine/agent/asks.h"
#include "engine/remote/broker.h"
#include "engine/record/incident.h"
#include "engine/agent/left.h"
#include "engine/refusals.h"
#include "engine/remote/links.h"
#include "engine/remote/run.h"
#include "engine/power/verb_cap.h"

#define BROKER_CONNECT_MS 10000 /* the agent waits so long for a host */

struct broker_run {
	struct buf clean[2]; /* output without what is cut, for who asked */
	struct broker_run *next;
	struct broker *broker;
	enum door door;
	struct run *record;
	struct remote_run *channel; /* NULL: not started, or over */
	bool mutating;
	bool agent;	/* asked for by a shim */
	bool agents;	/* its verb is the agent's */
	bool has_input; /* of the agent's: no watchdog then, its input is its own */
	bool sent;
	const struct broker_exec_events *exec;
	const struct broker_run_events *shim; /* NULL once abandoned */
	void *arg;
	bool is_verb; /* the agent's "ssh pve VERB", which somebody else runs */
	enum verb verb;
	struct ask *ask;      /* an operator is asked whether it may run */
	struct policy policy; /* of an agent's run */
	bool probing;	      /* waits for the interlock's probe */
	int64_t
	    reading_ms; /* since when its input is read for the question; 0: it is not */
	struct buf input; /* ... of an agent's: what came, until it runs */
	bool input_ended;
	char *command; /* of a shim */
	size_t command_len;
	int turn;
	char *refusal;
	int64_t held_ms; /* since when its reader takes no more; 0: it does */
};

struct broker {
	struct broker_config cfg;
	struct remote *remotes[DOORS];
	bool paused[DOORS];
	struct links_told told[DOORS];
	uv_timer_t relief, hour, input;
	broker_verb_fn *on_verb;
	void *on_verb_arg;
	broker_probe_fn *probe; /* NULL: there is no interlock */
	void *probe_arg;
	enum autonomy autonomy;
	char killed_by[WIRE_NAME_MAX + 1]; /* "": the kill switch is off */
	struct verb_cap cap;
	struct left *left;
	int turn;
	struct refusals refusals; /* of the agent side */
	struct broker_run *runs;
	char hostkeys_said[256]; /* the last trouble with keeping host keys */
	struct door_ref {
		struct broker *broker;
		enum door door;
	} refs[DOORS];
};

/* broker_run.c */
struct broker_run *broker_run_new(struct broker *b, enum door door, void *arg);
void broker_run_drop(struct broker_run *run);

/* Journals it and sends it; a run of the agent's door with its leash. */
void broker_run_start(
    struct broker_run *run, const struct run_info *info, int64_t connect_ms);

/* broker_hold.c: a reader, or the journal's disk, is slower than a host. */
void broker_run_hold(struct broker_run *run);
void broker_run_let_go(struct broker_run *run);
void broker_hold(struct broker *b, enum door door);

void broker_on_input_late(uv_timer_t *t); /* of broker.input */

#endif
