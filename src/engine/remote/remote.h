/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remote.h: one SSH connection to one host; remote.c alone knows libssh.
 *
 *            want                                  bytes stop
 *   IDLE ---------> CONNECTING -> HANDSHAKE -> AUTH -> UP <----> SILENT
 *     ^                 |             |         |      |           |
 *     |                 v             v         v      v           v
 *     +---- give up -- DOWN <-------------------+------+-----------+
 *                       | retry time
 *                       +-----> CONNECTING
 *
 * Literal addresses only; own non-blocking TCP connect with a 5 s limit, 10 s
 * for the greeting and 10 s for key exchange and authentication together.  Liveness is
 * the time since the last sign of it (remote_live.c): a keepalive every 10 s while idle
 * (5 s while something runs, 30 s on a second connection to the same host), SILENT after
 * 3 s without an answer, DOWN after 15 s.  DOWN retries by itself while the connection is
 * wanted: after 1, 2, 4, 8, 15, 15 … seconds.  A refused authentication is DOWN too, with
 * a why that says which key was offered to whom, and retries every 15 s.  What only a
 * change here can mend (no key, an address that is none) is not retried by itself;
 * remote_retry_ms is -1.
 *
 * Each try is timed: TCP, the greeting (banner), the key exchange, the login.
 *
 * A run that comes while DOWN brings the retry forward to 1 s after the loss,
 * but never that of a refused key: hosts lock out who knocks too often.
 *
 * No callback comes from inside a call made here, except that remote_free ends
 * everything without any.
 */
#ifndef ENGINE_REMOTE_H
#define ENGINE_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "engine/remote/hostkeys.h"
#include "engine/remote/secret.h"

#define REMOTE_RUNS_MAX \
	8 /* channels at once on one connection (sshd's MaxSessions is 10) */
#define REMOTE_QUEUE_MAX 32 /* runs that wait for a channel or for the connection */

struct custody;

enum remote_state {
	REMOTE_IDLE,
	REMOTE_CONNECTING,
	REMOTE_HANDSHAKE,
	REMOTE_AUTH,
	REMOTE_UP,
	REMOTE_SILENT,
	REMOTE_DOWN,
	REMOTE_STATES
};

struct remote_config {
	const char *name; /* "devvm" or "pve": words and host key entry */
	const char *address;
	int port;
	const char *user;
	const struct secret
	    *key; /* borrowed for the remote's life; NULL: no key, why says so */
	const char *key_why;	   /* why there is no key */
	struct custody *custody;   /* asked for a change before each login; NULL */
	const char *agent;	   /* the socket of the ssh-agent to ask instead; NULL */
	struct hostkeys *hostkeys; /* borrowed for the remote's life */
	bool second; /* another connection to this host is asked often: this one rarely */
};

struct remote;
struct remote_run;

/* Called after each change of state, key or why. */
typedef void remote_state_fn(struct remote *r, void *arg);

/* cfg's strings are copied. */
struct remote *remote_new(uv_loop_t *loop, const struct remote_config *cfg,
    remote_state_fn *on_state, void *arg);
void remote_free(struct remote *r); /* NULL is fine; handles close on the loop */

/* Keep the connection up from now on (or let it go once nothing runs). */
void remote_want(struct remote *r, bool want);

/* Tries at once instead of at the retry time. */
void remote_retry_now(struct remote *r);

/* How far the present try to connect came, or the last one. */
enum remote_mark {
	REMOTE_MARK_DIAL,
	REMOTE_MARK_TCP,
	REMOTE_MARK_BANNER,
	REMOTE_MARK_KEX,
	REMOTE_MARK_AUTH,
	REMOTE_MARKS
};

int64_t remote_mark_ms(
    const struct remote *r, enum remote_mark mark); /* mono; -1: not reached */
unsigned remote_tries(const struct remote *r);	    /* begun since this was made */
bool remote_timed_out(
    const struct remote *r); /* the last one: by our limit, not by the host's word */

/*
 * Tries soon, if nothing stands and no try is under way: at once, but a second
 * after the try before, and 15 s after a refused key.  Returns the number (as
 * remote_tries counts) of the try to wait for; it may be over already.
 */
unsigned remote_knock(struct remote *r);

/*
 * A machine comes back: a try each second, given up when there is no TCP
 * connection after 1 s, and no greeting after 1 s (more the longer it takes, for a
 * host that is that slow); a refused key, since a host that boots refuses everybody
 * for a moment, is offered again after 3 s, three times.
 */
void remote_hurry(struct remote *r, bool hurry);

/* What stands is of a machine that is gone: connects anew. */
void remote_renew(struct remote *r);

/* Takes another key after a rotation; used from the next connection on. */
void remote_set_key(struct remote *r, const struct secret *key);

/* custody_look has ended: a login that waits for it goes on. */
void remote_key_is_known(struct remote *r);

/* Can libssh read it?  For any thread. */
int remote_check_key(
    const struct secret *key, const char *path, struct err *err) MUST_CHECK;

enum remote_state remote_state(const struct remote *r);
const char *remote_state_name(enum remote_state s);
enum hostkey_state remote_key_state(const struct remote *r);
const char *remote_fingerprint(const struct remote *r); /* "SHA256:…" or "" ; lent */
const char *remote_why(const struct remote *r);		/* of DOWN and SILENT; lent */
int64_t remote_retry_ms(const struct remote *r);	/* until the next try, or -1 */
int64_t remote_rtt_ms(const struct remote *r);		/* of the last keepalive, or -1 */

/* The operator accepted the key that this connection showed last. */
int remote_accept_key(
    struct remote *r, const char *fingerprint, struct err *err) MUST_CHECK;

enum remote_end {
	REMOTE_EXITED,	 /* code: exit status */
	REMOTE_SIGNALED, /* why: the signal's name */
	REMOTE_LOST,	 /* the connection went away after the command was sent: outcome
			    unknown */
	REMOTE_FAILED	 /* never sent, or refused by sshd: it did not run; why */
};

/* Each may be NULL: that is not wanted to be known. */
struct remote_run_events {
	/* The exec request is on its way: from here on the outcome may be unknown.
	 * NULL: not wanted to be known. */
	void (*sent)(struct remote_run *run, void *arg);
	/* data is lent; all of it is taken.  stream 1: output, 2: errors. */
	void (*output)(
	    struct remote_run *run, int stream, const char *data, size_t len, void *arg);
	/* All input given so far is on its way. */
	void (*drained)(struct remote_run *run, void *arg);
	/* The last callback of a run, exactly once; the run is gone after it. */
	void (*end)(struct remote_run *run, enum remote_end how, int code,
	    const char *why, void *arg);
	/* The host has granted it: it runs there.  NULL: not wanted to be known. */
	void (*begun)(struct remote_run *run, void *arg);
};

/*
 * Runs command (len bytes, sent unchanged) without a terminal.  Waits for the
 * connection at most connect_ms, then ends REMOTE_FAILED.  Never NULL; events
 * is borrowed for the run's life.  A run ends on channel close, or when
 * something it left behind holds the channel open: 2 s after its exit status
 * and its last output, and 30 s after its exit status in any case.
 *
 * While all channels are taken a run waits without limit: whoever asked may
 * close it.  sshd counts a closed channel until its process has ended; when it
 * refuses one and no other run is going on, a new connection is made for it.
 */
struct remote_run *remote_exec(struct remote *r, const char *command, size_t len,
    int64_t connect_ms, const struct remote_run_events *events, void *arg);

/* A terminal at the other end. */
struct remote_pty {
	const char *term; /* its TERM; copied */
	int cols, rows;
};

/*
 * The same with the user's login shell on a terminal: errors come as output.  pty NULL:
 * without a terminal.
 */
struct remote_run *remote_shell(struct remote *r, const struct remote_pty *pty,
    int64_t connect_ms, const struct remote_run_events *events, void *arg);

/* The terminal of a shell has another size from now on. */
void remote_run_resize(struct remote_run *run, int cols, int rows);

/* Bytes for standard input, at most 1 MiB waiting: -1 when that is full. */
int remote_run_input(struct remote_run *run, const void *data, size_t len) MUST_CHECK;
void remote_run_input_end(struct remote_run *run);

/* Closes the channel; no callback comes after it.  The command may live on. */
void remote_run_close(struct remote_run *run);

/*
 * Stops and resumes reading from the whole connection (counted): libssh 0.10.6
 * crashes when it is read slowly, so a slow reader stops the socket instead.
 */
void remote_pause(struct remote *r);
void remote_resume(struct remote *r);

#endif
