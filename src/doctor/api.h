/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * api.h: the endpoints, in their order: reachable, TLS well, the credential taken.
 *
 * GET /v1/models with the credential: it names the key as good or bad and costs no
 * token.  A server that has no such list is reachable, and more is not known of it.
 *
 * A look, looks.h, with a loop of its own in its child: the engine's code that asks an
 * endpoint reads keys and certificates where it stands, and on a disk that hangs it
 * stands for good.
 */
#ifndef DOCTOR_API_H
#define DOCTOR_API_H

#include <stdbool.h>

#include "doctor/said.h"

struct api_seen {
	const char *url;
	bool portable;
	bool tried;	   /* with a credential */
	bool subscription; /* claude has one's token, which nobody else may try */
	int status;	   /* of the answer; 0: none came */
	long ms;
	const char *why, *todo; /* no answer, or no credential */
};

/* Pure. */
void api_judge(const struct api_seen *s, struct said *out);

#endif
