/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * launcher_tree.h: the launcher stays as the warden of what its program starts.
 *
 * Whatever PROGRAM starts, however it detaches itself, comes back to the warden
 * when its parent ends (a subreaper) and is ended by it: when PROGRAM has ended,
 * on SIGTERM, and when the one who started the launcher is gone.
 */
#ifndef AGENT_LAUNCHER_TREE_H
#define AGENT_LAUNCHER_TREE_H

/*
 * Forks.  Returns 0 in the child, which runs PROGRAM in a session of its own;
 * -1 when that is impossible, with errno.  The warden never returns: it says on fd how
 * it ended, "exit N left N" or "signal N left N" and a line end, and exits.  left:
 * how many processes PROGRAM had left behind.
 */
int launcher_tree(int fd);

#endif
