/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * request.h: what this call is allowed to be, decided once and purely.
 *
 * Two sources that never mix: argv comes from authorized_keys, from our own
 * systemd unit or from root's hands; original is SSH_ORIGINAL_COMMAND, the one
 * thing that a client says.  With the second there, only a verb or a refusal
 * can come out.
 */
#ifndef HOST_REQUEST_H
#define HOST_REQUEST_H

#include "wire/verbs.h"

/* The reply to everything that is not a verb; it never repeats the request. */
#define REQUEST_REFUSAL \
	"rejected: send exactly one of status, forensics, start, stop, reset, cycle"

enum request_kind {
	REQUEST_REJECTED, /* not one of the six verbs, or no word at all */
	REQUEST_VERB,
	REQUEST_WORKER,	 /* our own unit's: id and verb stand in argv */
	REQUEST_UNLOCK,	 /* --remove-lock, typed on the host */
	REQUEST_VERSION, /* --version */
	REQUEST_USAGE,	 /* argv is none of these */
	REQUEST_KINDS
};

struct request {
	enum request_kind kind;
	enum verb verb;	  /* of REQUEST_VERB and REQUEST_WORKER */
	const char *site; /* --site, or NULL; this and the next two are argv's */
	const char *id;
	const char *from; /* or NULL */
};

void request_read(int argc, char *const *argv, const char *original, struct request *r);

/*
 * The verb that original (SSH_ORIGINAL_COMMAND, NULL when absent) is, or -1.
 * Only the six literals are verbs: no trimming, no case folding, no prefix.
 */
int request_verb(const char *original);

#endif
