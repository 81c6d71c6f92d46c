/* SPDX-License-Identifier: GPL-3.0-or-later */
/* peer.h: one attached operator's connection; shared by hub.c, peer.c, attach.c. */
#ifndef ENGINE_PEER_H
#define ENGINE_PEER_H

#include "engine/hub.h"
#include "wire/frame.h"

#define PEER_SKIPS 16 /* runs whose skipped output is remembered apart */

enum peer_state { PEER_WAITING, PEER_REPLAYING, PEER_LIVE, PEER_DEAD };

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
	char proof[64];
	char tty[64];
	bool console, read_only;
	int bad_lines; /* in a row */
	int64_t heard_ms;
	struct sending *batch; /* what this round of the loop said, or NULL */
	size_t queued; /* bytes, the batch's too, that the kernel has not taken yet */
	struct peer_skip skips[PEER_SKIPS];
	size_t skip_count;
	/* Replay: the next record it is owed. */
	uint64_t next_seq;
	unsigned incident; /* generation of the incident that next_seq belongs to */
	size_t tail;	   /* first read only */
	unsigned read; /* number of the read of the journal that is under way; 0: none */
	int64_t read_ms; /* since when */
	bool hold;	 /* the queue is full: go on when it has drained */
	unsigned refs;	 /* the pipe, and a read under way */
};

struct hub {
	uv_loop_t *loop;
	struct incident *incident;
	const struct hub_events *ev;
	void *arg;
	uv_pipe_t *listener; /* NULL: not yet */
	uv_timer_t timer;
	uv_prepare_t flush;
	int handles; /* not closed yet */
	int64_t silence_ms;
	struct peer *peers;
	const char *version;
	char started[32];
};

void peer_accept(struct hub *h);
/* Queued until peer_flush, which comes by itself before the loop waits.  May close p. */
void peer_send(struct peer *p, struct line *line);
void peer_flush(struct peer *p);
void peer_welcome(struct peer *p);
void peer_close(struct peer *p);

/* Peers that say nothing are looked for from now on, while there are any. */
void hub_watch_silence(struct hub *h);

/* attach.c: sends what the peer missed, then makes it LIVE. */
void attach_start(struct peer *p, uint64_t since, size_t tail);
void attach_go_on(struct peer *p);
void attach_look(struct peer *p); /* gives a read up that takes too long */

#endif
