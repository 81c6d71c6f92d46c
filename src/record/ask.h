/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ask.h: what a running engine says, when there is one; none is ever started.
 *
 * It is asked as a one-shot ("command") would: hello, and what comes until
 * caught_up.  An engine that does not answer within ASK_MS is one that does not.
 */
#ifndef RECORD_ASK_H
#define RECORD_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/options.h"
#include "record/verify.h"

#define ASK_MS 2000	     /* until the first answer */
#define ASK_RECORDS_MS 60000 /* until all records are here */

struct ask {
	bool there;
	char incident[VERIFY_ID_MAX]; /* "": none is open */
	uint64_t last;
	char head[CHAIN_HEX + 1]; /* "": it does not say */
	char journal[16];	  /* "ok", "slow", "memory"; "": it does not say */
	char version[32];
	long pid;
	char why[256]; /* not there: why, in words */
};

/*
 * Connects to the engine; its socket has to be of the owner of its directory.  -1 and
 * none: no engine is there, as far as can be seen; ERR_BUSY: it lets nobody in.
 */
int ask_connect(const struct options *o, bool *none, struct err *err) MUST_CHECK;

/* Says hello as a one-shot; incident NULL: no record is asked for. */
int ask_hello(int fd, const char *name, const char *incident, struct err *err) MUST_CHECK;

/* Fills a; where no engine answers, there is false. */
void ask_engine(const struct options *o, struct ask *a);

/* A record's line without its LF, lent. */
typedef void ask_record_fn(const char *line, size_t len, void *arg);

/*
 * All records of the incident that the engine holds, oldest first, and what it says.
 * 0, or -1: it holds another incident, or did not send them all.
 */
int ask_records(const struct options *o, const char *incident, struct ask *a,
    ask_record_fn *fn, void *arg, struct err *err) MUST_CHECK;

#endif
