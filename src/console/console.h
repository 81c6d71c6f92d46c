/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * console.h: the operator's screen, from attach to detach.
 *
 * It asks and shows, it decides nothing: the engine goes on without it.  A replay
 * is the same screen with a journal instead of an engine.
 */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include <stdbool.h>

struct console_opts {
	const char *socket_path; /* the engine's console.sock */
	const char *name;	 /* the operator's name */
	const char *starter; /* breakglass, to start an engine that is gone; or NULL */
	char **argv;	     /* of this program, to become it again; or NULL */
	bool read_only;	     /* watch only */
	bool linear;	     /* no cursor movement, whatever the terminal can do */
	const char *copy;    /* the settings "copy" and "pager", or NULL */
	const char *pager;
	const char *sessions; /* where the incidents are, or NULL */
	bool vi;	      /* line editing like vi, else emacs */
	const char *history;  /* file of what was typed before, or NULL (recall.h) */
	const char *replay;   /* a journal's file to be shown again: no engine is asked */
	int speed; /* of a replay: 1 to 64, 0 all at once; below: 1, or line by line 0 */
};

/*
 * Runs until the operator detaches or the terminal is lost.  Returns the exit
 * code: 0 detached, 1 the terminal was lost, 69 the engine is of another version, 77 it
 * does not let us in,
 * 128 + n ended by signal n.
 */
int console_main(const struct console_opts *opts);

#endif
