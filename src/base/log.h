/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log.h: diagnostics for a developer, in a file, never on the terminal.
 *
 * One line an entry: "12.345 turn turn.c:201 turn 7: running -> draining".
 * Everything outside printable ASCII is escaped before it is written, and
 * the secrets that log_secret was told of are blotted out.  The journal is
 * the record; this is not.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/* level 0: nothing, 1: -v, 2: -vv.  path NULL: stderr. Never fails. */
void log_open(const char *path, int level);
void log_close(void);

/* No line shows it from now on, nor its parts or its base64 or hex: base/known.h. */
void log_secret(const char *secret);
/* One who told of it keeps it no longer. */
void log_forget(const char *secret);

/* Blots the known secrets out of s, in place, byte for byte: "[secret]***". */
void log_redact(char *s, unsigned long len);

void log_line(int level, const char *topic, const char *file, int line, const char *fmt,
    ...) __attribute__((format(printf, 5, 6)));

#define LOG(topic, ...) log_line(1, topic, __FILE__, __LINE__, __VA_ARGS__)
#define LOGV(topic, ...) log_line(2, topic, __FILE__, __LINE__, __VA_ARGS__)

#endif
