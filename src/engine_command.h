/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine_command.h: "breakglass engine ...", with options of its own. */
#ifndef ENGINE_COMMAND_H
#define ENGINE_COMMAND_H

#include "base/options.h"

/*
 * argv: the words and options behind "engine", argc of them; verbose: how often -v
 * stood before it.  Becomes the engine; else the exit code.
 */
int engine_command(const struct options *o, int verbose, int argc, char **argv);

#endif
