/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client.h: a plain, waiting client of the engine, for one-shot commands. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdint.h>

#include "base/err.h"
#include "wire/frame.h"
#include "wire/messages.h"

struct client {
	int fd;
	struct frame frame;
	struct buf out;
	/* What a fact means to the command: return false to stop waiting. */
	bool (*on_fact)(struct client *c, int kind, const struct js *m, void *arg);
	void *arg;
	bool stopped;
	bool welcome;
	struct err
	    refusal; /* words "": none; the engine would not have us, and said why */
};

/* Takes fd. */
void client_init(struct client *c, int fd,
    bool (*on_fact)(struct client *c, int kind, const struct js *m, void *arg),
    void *arg);
void client_fini(struct client *c);

/* Sends a message (takes it); -1: the engine is gone. */
int client_send(struct client *c, struct js *m, struct err *err) MUST_CHECK;

/* Sends hello as a one-shot; nothing of the past is asked for. */
int client_hello(struct client *c, const char *name, struct err *err) MUST_CHECK;

/*
 * Feeds facts to on_fact until it stops, at most wait_ms (-1: no end of ours;
 * the engine's own deadlines bound it).  0: stopped; 1: time is up; -1: err.
 */
int client_run(struct client *c, int64_t wait_ms, struct err *err) MUST_CHECK;

#endif
