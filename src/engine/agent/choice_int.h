/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * choice_int.h: the choice's own; between choice.c (the drivers, their events, by
 * hand), choice_turn.c (one prompt and who gets it) and choice_way.c (who is well, and
 * the words about the way).
 */
#ifndef ENGINE_CHOICE_INT_H
#define ENGINE_CHOICE_INT_H

#include "engine/agent/choice.h"
#include "engine/api/endpoint.h"

#define CHOICE_WHY_MAX 400
#define CHOICE_AUTO CHOICE_DRIVERS

enum choice_state { CHOICE_IDLE, CHOICE_LOOKING, CHOICE_GIVEN };

struct slot {
	struct choice *c;
	enum choice_driver which;
	struct agent *agent; /* NULL: there is none, why says why */
	enum agent_state state;
	char *why, *todo;
	unsigned seen; /* of the recap: what this driver has heard */
	bool started;
	/* as it told last */
	char *endpoint, *model, *route_why, *route_back;
};

/* Owned copies of a prompt's strings. */
struct choice_prompt {
	char *text, *by, *context, *runbook, *runbook_text;
	size_t len;
};

struct choice {
	struct agent base;
	struct choice_config cfg;
	enum choice_state state;
	struct slot slots[CHOICE_DRIVERS];
	enum choice_driver mode;  /* CHOICE_AUTO, or the one that was chosen */
	char by[64];		  /* who chose it; "": the settings */
	struct slot *now;	  /* whose words are told */
	char why[CHOICE_WHY_MAX]; /* why not the first choice; "": it is */
	char back[CHOICE_WHY_MAX];
	bool away; /* for its endpoint's or its own fault: looked at again */
	int consoles;

	bool want; /* start was called */
	bool told; /* the route of now has been told */

	/* the prompt */
	bool has_prompt, cancelled;
	bool moving; /* it is taken away from a driver whose endpoint is dead */
	struct choice_prompt prompt;
	bool tried[CHOICE_DRIVERS];
	bool ran; /* a tool */
	int block_base, block_next;
	struct agent_usage past; /* of drivers that gave up in this turn */
	struct agent_usage last; /* of the one that works */

	unsigned asked, pending; /* endpoints that are probed, a bit each */
	uv_timer_t bell, look;
	int open; /* timers that are not closed yet */
	bool dead;
};

/* choice.c */
void choice_tell_route(struct choice *c);
void choice_set_now(struct choice *c, struct slot *s);
void choice_settle(struct choice *c); /* idle: whose state is shown */
void choice_ring(struct choice *c);

/* choice_turn.c */
void choice_advance(struct choice *c);
void choice_on_done(struct choice *c, const struct agent_outcome *o);
void choice_on_waiting(struct choice *c); /* the driver that works waits for its API */
void choice_forget_prompt(struct choice *c);

/* choice_way.c */
enum choice_look { LOOK_ILL, LOOK_WELL, LOOK_WAIT };
bool slot_is_usable(const struct slot *s);
struct slot *choice_first(struct choice *c); /* the first that is usable, or NULL */
/*
 * Is it not known yet what the endpoints' credentials are, or only of longer ago?  The
 * bell rings once it is.
 */
bool choice_must_look(struct choice *c, int64_t max_age_ms);
void choice_probe_all(struct choice *c);
enum choice_look choice_look_at(struct choice *c, struct slot *s);
const char *slot_endpoint_why(struct slot *s, char out[CHOICE_WHY_MAX]);
void choice_all_why(struct choice *c, char out[CHOICE_WHY_MAX]);
void choice_watch_way(struct choice *c);     /* starts or stops the look while away */
const char *slot_name(const struct slot *s); /* for operators: "claude", "the API" */

#endif
