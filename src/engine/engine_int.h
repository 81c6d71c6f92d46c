/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine_int.h: the engine's parts, for engine.c, life.c and requests.c alone. */
#ifndef ENGINE_ENGINE_INT_H
#define ENGINE_ENGINE_INT_H

#include "engine/agent/agent_side.h"
#include "engine/agent/asks.h"
#include "engine/remote/broker.h"
#include "engine/agent/context.h"
#include "engine/power/cut.h"
#include "engine/power/interlock.h"
#include "engine/remote/custody.h"
#include "engine/engine.h"
#include "engine/hub.h"
#include "engine/record/incident.h"
#include "engine/life.h"
#include "engine/record/mirror.h"
#include "engine/agent/notices.h"
#include "engine/record/notify.h"
#include "engine/people/gate.h"
#include "engine/people/people.h"
#include "engine/place.h"
#include "engine/power/power.h"
#include "engine/agent/recap.h"
#include "engine/remote/redact.h"
#include "engine/refusals.h"
#include "engine/remote/run.h"
#include "engine/runbook/runbooks.h"
#include "engine/remote/secret.h"
#include "engine/remote/shell.h"
#include "engine/agent/turn.h"
#include "engine/power/unfinished.h"
#include "engine/power/usual.h"
#include "engine/power/watch.h"

#define ENGINE_SIGNALS 4

struct engine {
	const struct engine_opts *opts;
	uv_loop_t loop;
	struct place place;
	struct custody *custody; /* of the SSH key */
	struct redact *redact;
	struct secret *api_key;
	struct secret *oauth;		 /* of a subscription: for claude alone */
	struct agent_files *agent_files; /* drivers.c: read before there is a loop */
	struct hostkeys *hostkeys;
	struct incident *incident;
	struct runs *runs;
	struct asks *asks;
	struct runbooks *runbooks; /* NULL before the incident is ready */
	struct broker *broker;
	struct power *power;
	struct watch *watch;
	struct usual *usual;
	struct interlock *interlock; /* NULL: off */
	struct unfinished *unfinished;
	struct turn *turn;
	struct choice *choice; /* the turn's agent, which frees it */
	struct http *http;
	struct endpoints *endpoints; /* NULL: endpoints_why says why */
	char endpoints_why[512];
	struct tools *tools;
	struct context *context;
	struct recap *recap;
	struct notices notices;
	struct hub *hub;
	struct people *people;
	struct refusals refusals;
	struct gate *gate;
	struct shells *shells;
	struct mirror *mirror;
	struct notify *hook; /* NULL: there is no notify_command */
	struct agent_side *agent_side;
	char session[64]; /* claude's, from an earlier engine of this incident */
	struct cut *cut;  /* what the engine before us had in hand */
	int found_level;  /* autonomy of the incident that is continued; -1: none */
	char found_by[WIRE_NAME_MAX + 1];
	char found_kill[WIRE_NAME_MAX + 1]; /* who pulled the kill switch; "": off */
	/* life.c */
	uv_signal_t signals[ENGINE_SIGNALS];
	uv_timer_t idle, settle, hold, look;
	uv_poll_t notify;
	int notify_fd; /* inotify; -1: the timer alone looks */
	char place_told[512];
	int place_taken; /* looks in a row that found another one's lock */
	int64_t idle_since_ms;
	const char *idle_why;	  /* leave, unless somebody came in this moment */
	int64_t leave_by_ms;	  /* 0: nobody wants us to leave */
	const char *leaving_soon; /* why; a verb's last words are waited for */
	bool leaving;
	int exit; /* of the process */
	bool had_peer;
};

/* requests_gate.c: who may come in, and whose keys wait */
void engine_start_gate(struct engine *e);
void engine_on_knocked(struct peer *p, void *arg);
void engine_on_tried(struct peer *p, const struct js *m, void *arg);
void engine_on_gone(struct peer *p, void *arg);
void engine_on_active(struct peer *p, void *arg);
void engine_on_unlock(struct peer *p, const struct js *m, void *arg);
bool engine_may(struct peer *p, const struct js *m, int kind, void *arg);

/* requests.c: the handlers of an operator's requests; arg is the engine. */
extern const struct hub_events engine_hub_events;

/* drivers.c: the agent side and the drivers. */
void engine_read_agent(struct engine *e); /* before there is a loop */
void engine_start_agent(struct engine *e);
void engine_end_agent(struct engine *e);

/* requests_agent.c: what an operator wants of the agent */
void engine_on_prompt(struct peer *p, const struct js *m, void *arg);
void engine_on_cancel(struct peer *p, const struct js *m, void *arg);
void engine_on_runbook(struct peer *p, const struct js *m, void *arg);
void engine_on_agent(struct peer *p, const struct js *m, void *arg);

/* kill.c: the kill switch */
void engine_on_kill(struct peer *p, const struct js *m, void *arg);
/* True, and the peer has been told so: it is on. */
bool engine_is_killed(struct engine *e, struct peer *p, const struct js *m);
void engine_found_kill(struct engine *e, const struct js *record); /* any fact */
void engine_keep_kill(struct engine *e); /* as it was found; also in a new incident */

/* requests_record.c: what an operator wants of the record */
void engine_on_journal(struct peer *p, const struct js *m, void *arg);

/* False (and the peer has been told) when m has members that it may not have. */
bool engine_request_is(struct peer *p, const struct js *m, const char *allowed);

/* books.c: the runbooks of both folders. */
void engine_start_runbooks(struct engine *e);

/* ends.c: verbs whose end nobody saw. */
void engine_watch_ends(struct engine *e);

void engine_leave(struct engine *e, const char *why);

#endif
