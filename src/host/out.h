/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * out.h: the lines a run says.
 *
 * Two kinds only, as docs/host-protocol.md has them: mark lines that begin with
 * "#bg " in the first column, and lines for people.  What others said is
 * indented by two spaces, so nothing from outside can look like a mark.
 * Every line is one write; a failed write is ignored, because the recovery
 * matters more than its report.
 */
#ifndef HOST_OUT_H
#define HOST_OUT_H

#include <stdbool.h>
#include <stddef.h>

#define OUT_LINE_MAX 600 /* bytes, newline included */

struct out {
	int fd;
	long long t0;	   /* mono_ms of the run's begin */
	size_t bytes_left; /* what others may still fill */
	int direct;	   /* where lines go when who reads fd has died; -1: nowhere */
	bool stuck;	   /* fd took nothing for a while: it is not waited for again */
	bool recorded;	   /* a run file is behind fd: it takes a picture, too */
};

void out_init(struct out *o, int fd);
long long out_ms(const struct out *o);

/* A line for people.  Our own words; control bytes in arguments are escaped. */
void out_text(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "#bg " and the rest.  Values that may hold anything go through escape_value first. */
void out_mark(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "#bg phase=WORD t_ms=N" and, when more is not NULL, a space and more. */
void out_phase(struct out *o, const char *word, const char *more);

/* "#bg fact KEY=VALUE", the value quoted when it needs it. */
void out_fact(struct out *o, const char *key, const char *value);
void out_fact_num(struct out *o, const char *key, long long value);

/* What somebody else said: every line indented, escaped, cut. */
void out_quote(struct out *o, const char *bytes, size_t len);

#endif
