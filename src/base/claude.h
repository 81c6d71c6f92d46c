/* SPDX-License-Identifier: GPL-3.0-or-later */
/* claude.h: where claude is: the one search of agent-host, and of who tells of it. */
#ifndef BASE_CLAUDE_H
#define BASE_CLAUDE_H

/*
 * The one that is configured (NULL or "": none is), else the first in PATH, else that
 * version in the cache folder of contrib/fetch-claude: a file that we may run.
 * New string, or NULL.
 */
char *claude_find(const char *configured, const char *version);

#endif
