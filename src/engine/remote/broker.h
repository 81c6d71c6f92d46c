/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * broker.h: the only door to the hosts.
 *
 * Everything that runs on a host goes through here, whoever asked: it is
 * checked against the table of hosts and verbs, journaled as a tool fact
 * before it runs, and its output is a fact too.
 */
#ifndef ENGINE_BROKER_H
#define ENGINE_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/options.h"
#include "engine/remote/policy.h"
#include "engine/remote/remote.h"
#include "wire/verbs.h"

/*
 * The connections.  The agent's own flood, or its use of all of sshd's channels,
 * never stands in the way of a verb or of the engine's probes; and neither does a
 * shell whose operator reads slowly: its connection is made when one is opened.
 */
enum door {
	DOOR_DEVVM,
	DOOR_DEVVM_AGENT,
	DOOR_DEVVM_SHELL,
	DOOR_PVE,
	DOOR_PVE_VERB,
	DOORS
};

struct asks;
struct custody;
struct incident;
struct js;
struct run_info;
struct runs;
struct broker;
struct broker_run;

struct broker_config {
	uv_loop_t *loop;
	struct incident *incident;
	struct runs *runs;
	const struct options *options;
	const struct secret *key; /* NULL: key_why says why */
	const char *key_why;
	struct custody *custody; /* NULL: the key stays */
	const char *agent;	 /* the ssh-agent's socket instead of a key, or NULL */
	struct hostkeys *hostkeys;
	struct asks *asks;
	/* The agent's mutating verbs of the last hour, when that changes. */
	void (*on_verbs_hour)(int verbs, int max, void *arg);
	/* The devvm's or pve's main connection changed its state. */
	void (*on_link)(enum door door, void *arg);
	void *arg;
};

struct broker *broker_new(const struct broker_config *cfg); /* cfg's pointers: borrowed */
void broker_free(struct broker *b);

/*
 * Where the agent's "ssh pve VERB" goes, once it is known to be a verb that the
 * autonomy, or an operator who was asked, allows.  It answers with broker_run_tell and,
 * once and from the loop, with broker_run_over.
 */
typedef void broker_verb_fn(enum verb verb, int turn, struct broker_run *run, void *arg);
void broker_set_verbs(struct broker *b, broker_verb_fn *fn, void *arg);

void broker_connect(struct broker *b); /* all doors but the shells', from now on */

/* From the next connections on; and: a login that waits for the key may go on. */
void broker_set_key(struct broker *b, const struct secret *key);
void broker_key_is_known(struct broker *b);

struct remote *broker_remote(struct broker *b, enum door door); /* lent */

/* Records of an incident that is continued, then their end. */
void broker_found(struct broker *b, const struct js *record);
void broker_found_end(struct broker *b);

/* A mutating verb of the agent was confirmed: it counts. */
void broker_verb_counts(struct broker *b);

enum autonomy broker_autonomy(const struct broker *b);
void broker_set_autonomy(struct broker *b, enum autonomy level, const char *by);

/* What policy.h wants to know of this moment. */
struct policy_now broker_policy_now(const struct broker *b);

/*
 * The kill switch.  On: the agent's and the runbooks' runs on the devvm are closed and
 * killed there, questions are withdrawn, and what they ask is refused.  A mutating verb
 * under way goes on.  Told as state "kill".
 */
void broker_set_killed(struct broker *b, bool on, const char *by);
const char *broker_killed_by(const struct broker *b); /* NULL: it is off */

/* Probes the devvm for the interlock, then calls broker_probed; asked again while it
 * does, it does nothing. */
typedef void broker_probe_fn(void *arg);
void broker_set_interlock(struct broker *b, broker_probe_fn *fn, void *arg);

bool broker_is_probing(const struct broker *b); /* a run of the agent's waits for it */

/* What the agent's runs waited for: the devvm is healthy, or has failed long enough. */
void broker_probed(struct broker *b, bool healthy, int64_t took_ms);

/* The operator accepted the fingerprint that host shows. */
int broker_accept_key(struct broker *b, const char *host, const char *fingerprint,
    const char *by, struct err *err) MUST_CHECK;

/* --- runs of the engine and of operators --- */

struct broker_exec_events {
	void (*sent)(void *arg);
	void (*output)(int stream, const char *data, size_t len, void *arg);
	/* The last callback; from the loop. */
	void (*end)(enum remote_end how, int code, const char *why, void *arg);
};

/* Journaled as a tool, then run.  info and events as in run.h; events borrowed. */
struct broker_run *broker_exec(struct broker *b, enum door door,
    const struct run_info *info, int64_t connect_ms,
    const struct broker_exec_events *events, void *arg);
const char *broker_run_id(const struct broker_run *run);

/* Closes the channel of a run that is no mutating verb; its tool_end says so. */
void broker_run_stop(struct broker_run *run, const char *why);

/* The same by id, for an operator, also of what is left of a run that has ended; -1 when
 * there is no such run or it may not be. */
int broker_stop_id(
    struct broker *b, const char *id, const char *by, struct err *err) MUST_CHECK;

/* --- runs of the agent (the shim's side) --- */

struct broker_run_events {
	/* data is lent and taken whole.  false: enough is held, the host is read no
	 * further until broker_run_ready; after 10 s without it the run is ended
	 * with a visible cut, and the others go on. */
	bool (*output)(int stream, const char *data, size_t len, void *arg);
	/* The last callback, from the loop.  exit 0..255 and why NULL; failed: why is a
	 * sentence and exit is 255; refused: why says what would have been allowed,
	 * exit 64. */
	void (*end)(bool refused, int exit, const char *why, void *arg);
	/* A shell: the devvm has granted it.  NULL: not wanted to be known. */
	void (*begun)(void *arg);
};

struct broker_agent_ask { /* "ssh host command"; borrowed for the call */
	const char *host;
	size_t host_len;
	const char *command;
	size_t len;
	bool has_input; /* its standard input is the command's: no watchdog then */
};

/* What the agent side said and was no request: on record.  what: its bytes, or NULL. */
void broker_agent_refused(
    struct broker *b, const char *why, const char *what, size_t len);

/*
 * The agent asks.  Never NULL; a refusal comes through end like everything else, and
 * so does the no of an operator who was asked.
 */
struct broker_run *broker_agent_run(struct broker *b, const struct broker_agent_ask *ask,
    const struct broker_run_events *events, void *arg);

/* The output and the end of a run that went to broker_verb_fn; false: nobody listens. */
bool broker_run_tell(struct broker_run *run, int stream, const char *data, size_t len);
void broker_run_over(struct broker_run *run, bool refused, int exit, const char *why);

/* Standard input of a devvm command; -1 when more than 1 MiB waits. */
int broker_run_input(struct broker_run *run, const void *data, size_t len) MUST_CHECK;
void broker_run_input_end(struct broker_run *run);
void broker_run_ready(struct broker_run *run); /* what was held has been read */

/*
 * The shim is gone: no callback comes after this.  Closes the channel of a
 * devvm command; a verb goes on and its facts are still told to everyone.
 */
void broker_run_abandon(struct broker_run *run);

/* --- an operator's shell on the devvm --- */

/*
 * Journaled as a run of by; its input is not.  events as for a run of the agent,
 * input and broker_run_ready too.  Needs the devvm's link: -1 (NULL) with words.
 */
struct broker_run *broker_shell(struct broker *b, const char *by,
    const struct remote_pty *pty, const struct broker_run_events *events, void *arg,
    struct err *err);
void broker_shell_resize(struct broker_run *run, int cols, int rows);

/* The operator left: closes the terminal; no callback comes after this. */
void broker_shell_leave(struct broker_run *run, const char *why);

/* The turn that the agent's runs belong to from now on; 0: none.  Questions of other
 * turns are withdrawn. */
void broker_set_turn(struct broker *b, int turn);

/*
 * A turn is ended: closes the channels of the agent's and the runbooks' devvm runs,
 * withdraws their questions, and tells what is left of them (state "left") until
 * nothing is.
 */
void broker_stop_agent(struct broker *b, const char *why);

/* Adds the ids of what is left to array. */
void broker_left_ids(const struct broker *b, struct js *array);

bool broker_is_running(const struct broker *b, const char *id);

#endif
