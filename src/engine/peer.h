/* SPDX-License-Identifier: GPL-3.0-or-later */
/* peer.h: one attached operator's connection; shared by hub.c, peer.c, attach.c. */
#ifndef ENGINE_PEER_H
#define ENGINE_PEER_H

#include "engine/hub.h"
#include "wire/frame.h"

#define PEER_SKIPS 16 /* runs whose skipped output is remembered apart */

/* GATE: it has said hello; whether it is let in is being found out. */
enum peer_state { PEER_WAITING, PEER_GATE, PEER_REPLAYING, PEER_LIVE, PEER_DEAD };

#define PEER_BAD_LINES 10 /* in a row; then the connection is closed */

struct peer_skip {
	char run[LINE_RUN_MAX];
	int stream;
	uint64_t from, to;
};

struct peer {
	struct peer *next;
	struct hub *hub;
	enum peer_state state;
	uv_pipe_t pipe;
	struct frame frame;
	char in[16 * 1024];
	char name[WIRE_NAME_MAX + 1];
	char proof[192];
	char tty[64];
	uid_t uid;
	bool console, read_only;
	bool reader;	  /* read-only by the operator list */
	bool asked;	  /* for a password */
	bool hung;	  /* its last words are on their way */
	struct js *hello; /* GATE: what it said */
	struct buf held;  /* GATE: what it said behind that, line by line */
	int bad_lines;	  /* in a row */
	int64_t heard_ms;
	int64_t came_ms;
	struct sending *batch; /* what this round of the loop said, or NULL */
	struct sending *waiting, **waiting_end; /* behind the one that is on its way */
	bool sending;				/* one is */
	size_t queued; /* bytes, the batch's too, that the kernel has not taken yet */
	struct peer_skip skips[PEER_SKIPS];
	size_t skip_count;
	/* Replay: the next record it is owed. */
	uint64_t next_seq;
	unsigned incident;	 /* generation of the incident that next_seq belongs to */
	size_t tail;		 /* first read only */
	bool reading;		 /* a part of the journal is under way */
	bool hold;		 /* the queue is full: go on when it has drained */
	struct history *history; /* what it asked for, or NULL */
	unsigned refs;		 /* the pipe, and reads under way */
};

struct hub {
	uv_loop_t *loop;
	struct incident *incident;
	const struct hub_events *ev;
	void *arg;
	uv_pipe_t *listener; /* NULL: not yet */
	uv_timer_t timer;
	uv_prepare_t flush;
	uv_timer_t reads;   /* runs while there are parts */
	struct part *parts; /* of the journal, that peers wait for */
	unsigned hung;	    /* reads that a disk has kept although nobody waits */
	int handles;	    /* not closed yet, and parts */
	bool freed;
	int64_t silence_ms;
	struct peer *peers;
	const char *version;
	bool foreground, strangers;
	char started[32];
};

void peer_accept(struct hub *h);

/* peer_gate.c: m is a hello; a line of one who waits at the gate (m: parsed). */
void peer_on_hello(struct peer *p, const struct js *m);
void peer_on_gate_line(struct peer *p, const struct js *m, const char *line, size_t len);

/* One whole line; false: the connection ends. */
bool peer_on_line(char *line, size_t len, void *arg);

/* Lets the last error reach the peer before the connection closes. */
void peer_hang_up(struct peer *p);
/* Queued until peer_flush, which comes by itself before the loop waits.  May close p. */
void peer_send(struct peer *p, struct line *line);
void peer_flush(struct peer *p);
void peer_flush_all(struct peer *p); /* and what waits behind it: the last words */
void peer_welcome(struct peer *p);
struct js *peer_welcome_fact(const struct peer *p); /* not told yet */
void peer_close(struct peer *p);

/* Peers that say nothing are looked for from now on, while there are any. */
void hub_watch_silence(struct hub *h);

/* attach.c: sends what the peer missed, then makes it LIVE. */
void attach_start(struct peer *p, uint64_t since, size_t tail);
void attach_go_on(struct peer *p);

/* One of the hub's handles is closed, or a part is over; the last one frees it. */
void hub_release(struct hub *h);

#endif
