/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hub.h: the operators' side of the engine: who is attached, who is told what.
 *
 * A peer is WAITING until its hello, REPLAYING until it has been sent what it
 * missed, then LIVE.  A console can never slow the engine: each peer has a
 * bounded queue; past 512 KiB output facts are skipped (and the peer told
 * which), past 8 MiB the peer is dropped, and loses nothing (attach again).
 */
#ifndef ENGINE_HUB_H
#define ENGINE_HUB_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "engine/record/incident.h"
#include "wire/messages.h"

#define HUB_PEERS_MAX 64
#define HUB_FDS_KEPT 10 /* descriptors for the hosts, the journal and what runs */
#define HUB_QUEUE_SKIP (512 * 1024) /* bytes waiting for a peer */
#define HUB_QUEUE_MAX (8 * 1024 * 1024)
#define HUB_SILENCE_MS 30000 /* a peer that said nothing for so long is dropped */

struct hub;
struct peer;

/* One request of an attached peer.  m is lent. */
typedef void hub_request_fn(struct peer *p, const struct js *m, void *arg);

struct hub_events {
	hub_request_fn
	    *on[REQUESTS]; /* hello, ping and bye are the hub's own; NULL: refused */
	/* Said hello: peer_admit, peer_ask_password or peer_refuse follows, now or later.
	 */
	void (*knocked)(struct peer *p, void *arg);
	/* A request unlock of one who was asked for a password. */
	void (*tried)(struct peer *p, const struct js *m, void *arg);
	/* One who knocked is closed, in whatever state. */
	void (*gone)(struct peer *p, void *arg);
	/* It said what is no request; text says why, and the peer has been told. */
	void (*refused)(struct peer *p, const char *text, void *arg);
	/* Somebody presses keys there. */
	void (*active)(struct peer *p, void *arg);
	/* Is let in; its name and proof may be set before the welcome tells them. */
	void (*arrived)(struct peer *p, void *arg);
	/* May it ask that now?  False: it has been told why not. */
	bool (*may)(struct peer *p, const struct js *m, int kind, void *arg);
	void (*attached)(struct peer *p, void *arg);
	void (*detached)(struct peer *p, void *arg);
	/* The peer has the journal; send what is open (the unfinished text block). */
	void (*replayed)(struct peer *p, void *arg);
	/* Some of what waited for the peer has gone out. */
	void (*drained)(struct peer *p, void *arg);
};

struct hub *hub_new(
    uv_loop_t *loop, struct incident *incident, const struct hub_events *ev, void *arg);
void hub_free(struct hub *h); /* closes every peer; handles close on the loop */

/* Listens on a socket that is bound already, from now on on this one; takes it. */
int hub_listen(struct hub *h, int fd, struct err *err) MUST_CHECK;

/* A released line to everyone who is LIVE. */
void hub_tell(struct hub *h, struct line *line);

/* Whether anyone looks on (role console); and all who are here. */
int hub_consoles(const struct hub *h);
int hub_peers(const struct hub *h);
/* Who may want something: consoles, and whoever came less than so long ago. */
int hub_wanting(const struct hub *h, int64_t new_ms);

/* An error for a peer that asked earlier and may be gone by now. */
void hub_error(struct hub *h, const struct peer *maybe, const struct js *m,
    const char *where, const char *text);

/* Another limit than HUB_SILENCE_MS: a test cannot wait for that. */
void hub_set_silence(struct hub *h, int64_t ms);

/* Whoever runs it in the foreground starts it again: the welcome says so. */
void hub_set_foreground(struct hub *h, bool foreground);

/* Others than our own uid may say hello: knocked has a list to look them up in. */
void hub_set_strangers(struct hub *h, bool strangers);

/* The welcome of a peer says these; strings are borrowed for the hub's life. */
void hub_set_version(struct hub *h, const char *version);

struct peer_pass {
	bool read_only;	  /* it may look, not act */
	const char *name; /* how it is called, whatever it says; "": as it says */
};

/* One who knocked comes in, is asked for a password, or goes; each may close it. */
void peer_admit(struct peer *p, const struct peer_pass *pass);
void peer_ask_password(struct peer *p, const char *text, int64_t wait_ms);
/* Also one who is in already: exit status 77 for him. */
void peer_refuse(struct peer *p, const char *text, const char *todo);

uid_t peer_uid(const struct peer *p);
void peer_set_reader(struct peer *p, bool reader); /* another welcome tells it */
bool peer_is_reader(
    const struct peer *p); /* read-only by the list, not by its own wish */

const char *peer_name(const struct peer *p); /* printable, at most WIRE_NAME_MAX; lent */
const char *peer_proof(const struct peer *p);
const char *peer_tty(const struct peer *p);
void peer_set_name(struct peer *p, const char *name);
void peer_set_proof(struct peer *p, const char *proof);
int peer_fd(const struct peer *p); /* its socket, lent; -1: closed */
bool peer_is_console(const struct peer *p);
bool peer_is_read_only(const struct peer *p);

size_t peer_queued(const struct peer *p); /* bytes that wait for it */

/* Keeps the struct of a peer over a wait; whether it is still attached. */
void peer_ref(struct peer *p);
void peer_unref(struct peer *p);
bool peer_is_here(const struct peer *p);

/* A wire-only fact for this peer alone; takes f. */
void peer_tell(struct peer *p, enum fact kind, struct js *f);

/* The same for what this peer has asked for: it is not skipped, however slow it reads. */
void peer_answer(struct peer *p, enum fact kind, struct js *f);

/* The same for what is no request at all: it is put on record, too. */
void peer_no_request(struct peer *p, const struct js *m, const char *where,
    const char *text, const char *todo);

/* An error that answers request m. */
void peer_error(struct peer *p, const struct js *m, const char *where, const char *text,
    const char *todo);

#endif
