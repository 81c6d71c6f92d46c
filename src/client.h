/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client.h: a plain, waiting client of the engine, for one-shot commands. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdint.h>

#include "base/err.h"
#include "wire/frame.h"
#include "wire/messages.h"

#define CLIENT_SILENCE_MS 30000 /* an engine that says nothing for so long hangs */

#define CLIENT_HUNG                                                                     \
	"it hangs, or is stopped; breakglass engine --replace --now --background puts " \
	"another in its place"

struct client {
	int fd;
	struct frame frame;
	struct buf out;
	/* What a fact means to the command: return false to stop waiting. */
	bool (*on_fact)(struct client *c, int kind, const struct js *m, void *arg);
	void *arg;
	int reader_fd; /* -1, or where the answer goes: its reader may go away */
	int64_t heard_ms;
	bool stopped;
	bool reader_gone;
	bool welcome;
	bool gate; /* it asks for a password (request unlock), and so it stopped */
	char gate_text[400];	     /* why */
	char you[WIRE_NAME_MAX + 1]; /* the name under which the engine knows us */
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
 * What of the past is asked for: the records behind since of an incident, as the
 * engine that had started then (NULL: not known) told it; or, where incident is NULL,
 * the last tail records of whichever is open.
 */
struct client_past {
	const char *incident, *started;
	int64_t since, tail;
};

int client_hello_since(struct client *c, const char *name, const struct client_past *past,
    struct err *err) MUST_CHECK;

/*
 * Feeds facts to on_fact until it stops, at most wait_ms (-1: as long as the engine
 * answers pings; its own deadlines bound the rest), or until nobody reads reader_fd
 * any more (reader_gone).  0: stopped; 1: time is up; -1: err.
 */
int client_run(struct client *c, int64_t wait_ms, struct err *err) MUST_CHECK;

#endif
