/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remote_int.h: what the seven files behind remote.h share, and nobody else.
 *
 *   remote.c       the door to libssh: sessions and channels, one step a call
 *   remote_link.c  the connection: states, liveness, the turn
 *   remote_try.c   one try to connect: how far it came, how long it may take
 *   remote_said.c  what it says of itself
 *   remote_run.c   the runs on it
 *   remote_login.c a login with the ssh-agent, in the thread pool
 *
 * The whole turns on one function.  remote_turn runs from the loop only, when
 * the socket or the timer is ready: it lets libssh read and write, moves every
 * run one step, judges the deadlines and says what to wait for next.  The
 * functions of remote.h set flags and ask for a turn; so nothing is called
 * back from inside them, and nothing of libssh is freed under its feet.
 */
#ifndef ENGINE_REMOTE_INT_H
#define ENGINE_REMOTE_INT_H

#include "base/buf.h"
#include "engine/remote/remote.h"

#define REMOTE_WHY_MAX 480
#define REMOTE_SIGNAL_MAX 16
#define REMOTE_ROUNDS 64 /* reads of 4 KiB in one turn: others want the loop too */

enum retry {
	RETRY_NEVER, /* not before something is changed here */
	RETRY_SOON,
	RETRY_PATIENTLY /* a refused key: hosts lock out who knocks often */
};

enum run_state { RUN_QUEUED, RUN_OPENING, RUN_ASKING, RUN_RUNNING };

struct remote_login;   /* remote_login.c */
struct remote_ssh;     /* remote.c: a session and its descriptor */
struct remote_channel; /* remote.c */

struct remote_run {
	struct remote_run *next;
	struct remote *remote;
	const struct remote_run_events *events;
	void *arg;
	char *command; /* NULL: a shell on a terminal */
	char *term;    /* of that terminal */
	int cols, rows;
	bool resized; /* the host has not been told yet */
	bool has_pty;
	enum run_state state;
	int64_t deadline_ms;   /* QUEUED: for the connection */
	int64_t not_before_ms; /* QUEUED: after a refused channel */
	const char *refused;   /* ends FAILED in the next turn with this */
	bool gone;	       /* closed by its owner: no callback any more */
	struct remote_channel *channel;
	struct buf input;
	bool input_ended, input_closed; /* asked for; told to the host */
	int exit_code;			/* -1: not known yet */
	int64_t exited_ms;		/* when it was */
	int64_t quiet_ms;		/* since then: when output last came */
	char signal[REMOTE_SIGNAL_MAX];
	bool closed; /* by the host, or with the connection */
};

/* Our descriptor of a connection; lives until libuv has let go of it. */
struct remote_watch {
	uv_poll_t poll;
	int fd;
	int events;
};

struct remote {
	uv_loop_t *loop;
	char *name, *address, *user, *key_why, *where;
	int port;
	bool second;
	const struct secret *key;
	struct custody *custody; /* NULL: the key never changes by itself */
	char *agent;		 /* the ssh-agent's socket, instead of a key; NULL */
	char agent_why[320];	 /* what was wrong with it; "": nothing */
	struct remote_login *login;
	struct hostkeys *hostkeys;
	remote_state_fn *on_state;
	void *arg;

	enum remote_state state;
	char why[REMOTE_WHY_MAX];
	char ssh_words[200]; /* of libssh or the peer, in quotes */
	enum hostkey_state key_state;
	char *key_type, *key_blob, *fingerprint;

	bool wanted;
	bool turning; /* inside remote_turn */
	bool kicked;  /* somebody wants a turn at once */
	bool notify;  /* on_state is due */
	bool dead;    /* remote_free was called */
	int paused;
	uv_timer_t timer;

	int64_t retry_ms; /* of DOWN; -1: only on request */
	int64_t down_ms;  /* since when */
	enum retry retry;
	size_t tries;
	unsigned dials;			/* tries since this was made */
	int64_t marks_ms[REMOTE_MARKS]; /* of the present or last try; -1: not reached */
	bool timed_out; /* it ended by our limit, not by a word of the host */
	bool stale;	/* remote_renew was called */
	bool hurry;
	unsigned refusals; /* of our key, in a hurry */
	int64_t mute_ms;   /* since when tries find no greeting, in a hurry; 0: they do */
	int64_t up_ms;	   /* since when */
	int64_t heard_ms;  /* last sign of life, see remote_live.c */
	int64_t asked_ms;  /* first question without an answer; 0: none */
	bool pinged;	   /* that question is a keepalive */
	int64_t rtt_ms;
	uint64_t heard_bytes, heard_packets; /* when that came */

	struct remote_watch *watch;
	struct remote_ssh *ssh; /* from HANDSHAKE on */
	bool broken;		/* the session is no good: remote_lose ends the turn */
	bool full;		/* broken, since it takes no further channel */

	struct remote_run *runs; /* in the order they were asked for */
};

/* What a step of something unfinished came to. */
enum step { STEP_AGAIN, STEP_DONE, STEP_REFUSED, STEP_FAILED };

/* ---- remote.c ---- */

/* Makes r->ssh over a duplicate of fd. */
int remote_ssh_begin(struct remote *r, int fd, struct err *err) MUST_CHECK;
/* The key that this login uses; again: nothing.  ERR_USAGE: it is no good. */
int remote_ssh_take_key(struct remote *r, struct err *err) MUST_CHECK;
enum step remote_ssh_shake(struct remote *r);
int remote_ssh_note_key(
    struct remote *r) MUST_CHECK; /* before anything is proved to it */
enum step remote_ssh_log_in(struct remote *r);
void remote_ssh_end(struct remote *r); /* channels of all runs with it; NULL is fine */

/* For remote_login.c.  The step blocks while libssh asks the agent at fd. */
int remote_ssh_use_agent(struct remote_ssh *s, int fd) MUST_CHECK; /* takes fd */
enum step remote_ssh_agent_step(struct remote_ssh *s);
void remote_ssh_drop(struct remote_ssh *s);

void remote_ssh_pump(struct remote *r); /* reads and writes; may call runs back */
void remote_ssh_ping(struct remote *r);
bool remote_ssh_is_alive(const struct remote *r);
bool remote_ssh_has_banner(const struct remote *r);
bool remote_ssh_wants_write(const struct remote *r);
uint64_t remote_ssh_heard_bytes(const struct remote *r);
uint64_t remote_ssh_heard_packets(const struct remote *r);
const char *remote_ssh_words(struct remote *r);		 /* of a failure; lent */
const char *remote_ssh_key_name(const struct remote *r); /* the kind of ours */

int remote_channel_new(struct remote_run *run) MUST_CHECK;
enum step remote_channel_open(struct remote_run *run);
enum step remote_channel_exec(struct remote_run *run);
enum step remote_channel_pty(struct remote_run *run);
enum step remote_channel_shell(struct remote_run *run);
void remote_channel_resize(struct remote_run *run);
size_t remote_channel_write(struct remote_run *run, const char *data, size_t len);
void remote_channel_end_input(struct remote_run *run);
bool remote_channel_is_closed(const struct remote_run *run);
void remote_channel_free(struct remote_run *run);

/* ---- remote_link.c ---- */

void remote_kick(struct remote *r);

/* The connection is over, or was none: why becomes "pve 192.168.1.127:22 WORDS". */
void remote_lose(struct remote *r, enum retry retry, const char *words, ...)
    PRINTF_LIKE(3, 4);
void remote_enter(struct remote *r, enum remote_state state); /* alone writes it */
int64_t remote_earlier(int64_t a_ms, int64_t b_ms); /* a negative one is never */

/* ---- remote_login.c ---- */

enum step remote_login_step(struct remote *r);	       /* FAILED: agent_why may say why */
bool remote_login_has_session(const struct remote *r); /* then it is not touched */
void remote_login_end(struct remote *r);

/* ---- remote_live.c ---- */

void remote_ask(struct remote *r); /* the host owes an answer from now on */
void remote_ping(struct remote *r);
void remote_note_heard(struct remote *r);
void remote_judge_silence(struct remote *r, int64_t now); /* may ask, or lose it */
int64_t remote_live_due_ms(const struct remote *r);	  /* when to judge again */

/* ---- remote_try.c ---- */

void remote_try_begins(struct remote *r);
void remote_try_came_to(struct remote *r, enum remote_mark mark);
int64_t remote_try_due_ms(const struct remote *r); /* when the try has lasted too long */
void remote_judge_try(struct remote *r, int64_t now);
int64_t remote_try_again_ms(struct remote *r, enum retry retry, int64_t now); /* or -1 */

/* ---- remote_run.c ---- */

void remote_runs_step(struct remote *r); /* all but what needs an answer of the host */
void remote_runs_negotiate(struct remote *r); /* that */
void remote_runs_lost(struct remote *r);      /* the connection went away */
void remote_runs_free(struct remote *r);      /* without a word */
void remote_runs_resumed(struct remote *r);   /* reading goes on after a pause */
int64_t remote_runs_due_ms(
    const struct remote *r); /* when a step is due; -1: not by time */

#endif
