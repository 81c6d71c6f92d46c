/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * become.h: commands that are programs of their own in libexecdir.
 *
 * Each of these replaces this process and returns only when that fails, with the
 * exit code; why has been said then.
 */
#ifndef BECOME_H
#define BECOME_H

#include "command.h"

int become_console(const struct command_opts *c);
/* options may be NULL: they could not be read, and that is one of its lines. */
int become_doctor(const struct command_opts *c, int count, char **words);
int become_drill(const struct command_opts *c, int count, char **words);
int become_engine(const struct command_opts *c, int count, char **words);
int become_help(const struct command_opts *c, const char *topic);
int become_record(const struct command_opts *c, int count, char **words);
int become_replay(const struct command_opts *c, int count, char **words);

#endif
