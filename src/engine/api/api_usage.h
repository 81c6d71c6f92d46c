/* SPDX-License-Identifier: GPL-3.0-or-later */
/* api_usage.h: what an answer cost in tokens, from what the server says of it. */
#ifndef ENGINE_API_USAGE_H
#define ENGINE_API_USAGE_H

#include "engine/api/api_stream.h"
#include "engine/api/jraw.h"

void api_usage_init(struct api_usage *u); /* all unknown */

/*
 * usage is a "usage" object, of message_start or of a message_delta.  Figures are
 * cumulative: each replaces, but one that is absent or null leaves what was known.
 */
void api_usage_merge(struct api_usage *u, struct jraw usage);

#endif
