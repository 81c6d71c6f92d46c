/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * api_model.h: what a model of the vendor takes in a request.
 *
 * A parameter that a model does not know is a 400 for every request, so a model
 * that is not in the table gets none of them.
 */
#ifndef ENGINE_API_MODEL_H
#define ENGINE_API_MODEL_H

#include <stdbool.h>
#include <stdint.h>

struct api_model {
	const char *name;     /* ids that begin so; the longest one counts */
	int64_t context, out; /* tokens; 0 unknown */
	const char *display; /* of adaptive thinking; "" its default; NULL: no adaptive */
	const char *efforts; /* the levels, each with a space behind it; "" none */
	bool notices;	     /* system messages in the middle of a conversation */
	bool fallbacks;	     /* of refusals */
};

/* Never NULL. */
const struct api_model *api_model_find(const char *id);

/* The level to send for one that was asked for, or NULL: none.  "xhigh" becomes
 * "high" where a model has no such level. */
const char *api_model_effort(const struct api_model *m, const char *asked);

#endif
