/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * files.h: Read, Grep and Glob, as one small program that runs in the working folder.
 *
 *     agent-files read PATH [OFFSET [LIMIT]]
 *     agent-files grep PATTERN PATH GLOB     ("" for what is not given)
 *     agent-files glob PATTERN PATH
 *
 * Nothing outside the folder that it starts in is opened: no "..", no link that
 * leads out, no device, no FIFO.  Exit status: 0, 1 refused or nothing found (the
 * words are on standard error), for grep its own.
 */
#ifndef AGENT_FILES_H
#define AGENT_FILES_H

#include <sys/stat.h>

#define FILES_LINES_MAX 2000
#define FILES_BYTES_MAX (256 * 1024) /* of one answer */
#define FILES_LINE_MAX 2000	     /* bytes of one line; the rest is counted */
#define FILES_FOUND_MAX 1000	     /* paths of one answer */

/* Says why on standard error and ends with status 1. */
_Noreturn void files_refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* path as it is from the working folder; refuses one that leads elsewhere. */
const char *files_relative(const char *path);

/*
 * Opens what is below the working folder, without reading it (O_PATH): a link in
 * it may not lead out.  Refuses in words; fills st.
 */
int files_open(const char *path, struct stat *st);

void files_glob(const char *pattern, const char *path);

#endif
