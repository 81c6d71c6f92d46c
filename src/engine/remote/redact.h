/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * redact.h: what is cut out of a host's text before anybody sees it.
 *
 * Secrets of the engine's own (base/known.h) become "[secret]".  What fits a pattern
 * of the operator's file becomes "[cut: NAME, N bytes]".  The text comes in pieces: what
 * may be the beginning of a match is held back until more has come, at most
 * REDACT_HELD_MAX bytes; a match that has no end by then is cut up to the end of its
 * line.  A pattern that tries too many ways costs the piece that it gave up on: cut,
 * with its name.  What is cut is kept nowhere.
 */
#ifndef ENGINE_REDACT_H
#define ENGINE_REDACT_H

#include <stddef.h>

#include "base/err.h"

#define REDACT_PATTERNS_MAX 64
#define REDACT_NAME_MAX 24
#define REDACT_FILE_MAX (64 * 1024)
#define REDACT_HELD_MAX 4096

struct redact;	      /* the patterns */
struct redact_stream; /* one text */

/* path "": no patterns.  NULL: err names file and line. */
struct redact *redact_new(const char *path, struct err *err) MUST_CHECK;
void redact_free(struct redact *r); /* NULL is fine */

typedef void redact_out_fn(const char *data, size_t len, void *arg); /* data: lent */

/* r is borrowed; NULL: no patterns. */
struct redact_stream *redact_stream_new(const struct redact *r);
void redact_feed(
    struct redact_stream *s, const char *data, size_t len, redact_out_fn *out, void *arg);
void redact_end(struct redact_stream *s, redact_out_fn *out, void *arg); /* the rest */
void redact_stream_free(struct redact_stream *s); /* NULL is fine */

#endif
