/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * engine.h: the process that acts.
 *
 * It owns the hosts, the journal, the power slot and the turn, and listens on
 * UNIX sockets only.  It never waits for a socket, a disk, a name or a child.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>

#include "base/options.h"

struct engine_opts {
	const struct options *options;
	const char *ssh_auth_sock; /* of who started us, for key_path "agent"; NULL */
	const char *version;
	bool background; /* leaves after 12 h without a console and work */
	bool one_shot;	 /* leaves as soon as nobody is attached and nothing runs */
	int silence_ms;	 /* a peer that says nothing for so long is dropped; 0: the usual
			  */
	int idle_ms;  /* a background engine that is idle for so long leaves; 0: 12 h */
	int alone_ms; /* a one-shot whose starter did not come for so long leaves; 0: the
			 usual */
	int lock_ms;  /* keys of a console that nobody touches for so long are locked; 0:
			 the setting */
	int ready_fd; /* gets "+" when the socket listens, else an err_code and words; -1
		       */
};

/* Runs until told to leave; returns the exit code of the process. */
int engine_main(const struct engine_opts *opts);

#endif
