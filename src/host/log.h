/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log.h: exactly one line for each call, to the site's log file and to syslog.
 *
 * The line is ASCII whatever fmt's arguments held.  Nothing here can hold the
 * caller: a full disk or a missing syslog costs the line, and a disk that hangs
 * half a second, not the recovery.
 */
#ifndef HOST_LOG_H
#define HOST_LOG_H

struct site;

#define LOG_FILE_MAX (1024 * 1024) /* bytes; then it becomes FILE.1 */

/* 0, or -1 when the file has not taken the line; syslog's says so as well. */
int log_line(const struct site *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
