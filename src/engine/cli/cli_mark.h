/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cli_mark.h: what claude's model reads of a tool, with everything in it seen.
 *
 *   claude: the tool has ended, this is its result --hook_callback--> engine
 *   model  <-- the result, as we answer -- claude <--control_response-- engine
 *
 * What the shim gives to a shell stays bytes, since a command may write them into a
 * file; here nothing but the model is behind it.  Pure: messages in and out.
 */
#ifndef ENGINE_CLI_MARK_H
#define ENGINE_CLI_MARK_H

#include "wire/json.h"

#define CLI_MARK_MAX (128 * 1024) /* bytes of one result, if anything in it is marked */

/* Into the "initialize" request: claude asks us after each tool. */
void cli_mark_hooks(struct js *request);

/*
 * request: the inner part of what claude asks; its strings may be changed.  The
 * answer, empty if the result is fine as it is; NULL: it is no question of ours.
 */
struct js *cli_mark_answer(struct js *request);

#endif
