/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gate_rig.h: a gate between peers, a list, proofs, a keeper and a clock that are a
 * test's own.  Nothing here waits: what comes later comes when the test says so.
 */
#ifndef UNIT_GATE_RIG_H
#define UNIT_GATE_RIG_H

#include <criterion/criterion.h>
#include <string.h>
#include <uv.h>

#include "engine/people/descent.h"
#include "engine/people/gate.h"
#include "engine/people/keeper.h"
#include "engine/people/list.h"
#include "wire/json.h"

#define OPERATORS "/etc/the-operators"
#define CREDENTIALS "/etc/the-passwords"

/* Whoever the hub would have; the hub's words to it are kept here. */
struct peer {
	uid_t uid;
	int fd;
	bool command, read_only;
	bool reader; /* as the last pass, or role, said */
	bool leaves; /* is gone as soon as it is told something */
	struct who *who;
	struct keeper_try *try; /* the keeper looks at it */
	int admitted, refused, asked, errors, told, roles, refs;
	char text[700], todo[420], where[16]; /* of the last word to it; todo "-": none */
	char name[40], vouched[80];
	int64_t wait_ms;
	const struct js *answers; /* what the last error is the answer to */
	struct js *fact;	  /* the last one */
};

struct site {
	/* set before begin() */
	int64_t idle_ms;
	uid_t agent_uid;
	pid_t agent_pid;
	/* at any time */
	enum descent descent;
	const char *list;	/* what stands in the file */
	const char *list_fails; /* words: it cannot be read */
	bool busy, no_thread, keeper_refuses;
	/* what was seen */
	struct gate *gate;
	struct peer *asking; /* whose words the gate hears now */
	uv_loop_t loop;
	int64_t now;
	uv_work_t *work; /* the list is being read */
	uv_work_cb work_cb;
	uv_after_work_cb after_cb;
	int reads;  /* of the list, begun */
	int whos;   /* proofs that are waited for */
	int tries;  /* passwords that are looked at */
	int timers; /* that run */
	int dropped;
	char from[40], name[40], password[300]; /* of the last password */
	bool attached, fresh;
	char log[600];
};
extern struct site site;

void begin(const char *operators, const char *credentials);
void end(void); /* nothing is left behind */

void knock(struct peer *p, uid_t uid);
void list_read(void); /* the disk has answered */
void proof(struct peer *p, const char *user, bool late);
void later(int64_t ms); /* and what is due by then */
void answer(struct peer *p, enum keeper_answer a, int64_t wait_ms, const char *why);
void leave(struct peer *p);

/* Knocks, and all that is waited for comes. */
void come(struct peer *p, uid_t uid, const char *user);
void try_password(struct peer *p, const char *json);
void try_unlock(struct peer *p, const char *json);
bool may(struct peer *p, enum request kind, const char *json);
void see(const char *json);

/* A console that drives: by the list when there are credentials, else by its uid. */
void begin_in(struct peer *p, const char *credentials);
void begin_locked(struct peer *p, const char *credentials);
bool is_locked(struct peer *p); /* as it was told last */
void is_open(struct peer *p);
bool may_act(struct peer *p);

/* Costs nothing while it holds: Criterion keeps each of its own for a while. */
#define MUST(is_so)                                   \
	do {                                          \
		if (!(is_so))                         \
			cr_assert_fail("%s", #is_so); \
	} while (0)

#define IDLE_LIMIT 30000
#define WRONG_ONE "{\"name\":\"ann\",\"password\":\"x\"}"
#define NEW(name) struct peer name[1] = {{.wait_ms = -1}}

#endif
