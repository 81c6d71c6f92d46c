/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run.h: one tool run as facts: tool, output …, tool_end.
 *
 * Whoever asked and whatever carries it (an SSH channel, a local tool of the
 * agent), its record is made here.  Of its output the journal gets the first
 * 15 MiB and, if there was more, the last 1 MiB with a visible cut; in between
 * the consoles are sent samples of the tail, ten a second.  Secrets are cut out of it
 * before anybody sees it (redact.h); counts and offsets are of what is left.
 * What comes in one turn of the loop is gathered: a host may send a packet a byte, and
 * a fact costs a thousand times more than its byte.
 *
 * Of its standard input the journal gets the first RUN_STDIN_MAX bytes, as input facts,
 * and one that says where it was cut.
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "engine/record/incident.h"

#define RUN_HEAD_MAX \
	(15 * 1024 * 1024) /* bytes of both streams that are journaled at once */
#define RUN_LEAST 64	   /* of that, a record counts as so many */
#define RUN_TAIL_MAX                                                                   \
	(1024 * 1024)		   /* bytes of the end that are journaled when it ends \
				    */
#define RUN_STDIN_MAX (256 * 1024) /* bytes of its standard input that are journaled */
#define RUN_STDIN_LEAST 256	   /* a record counts as so many */
#define RUN_SAMPLE_MS 100
#define RUN_SAMPLE_MAX 4096

struct redact;
struct runs;
struct run;

struct run_info {
	const char *asked; /* "operator", "agent", "runbook", "engine" */
	const char *by;	   /* name of the operator, "agent", "engine" */
	const char *host;  /* "devvm", "pve", "local" */
	const char *name;  /* of a local tool ("Bash"), else NULL */
	const char *what;  /* command */
	size_t what_len;
	bool has_input;	  /* something comes on its standard input */
	int turn;	  /* 0: none */
	const char *verb; /* NULL: none */
};

struct runs *runs_new(uv_loop_t *loop, struct incident *incident);
void runs_free(struct runs *rs); /* runs still going are forgotten without their end */

/* A record of an earlier engine of this incident: its ids are not used again. */
void runs_found(struct runs *rs, const struct js *record);

/* What is cut out of all output from now on (redact.h); borrowed, NULL: no patterns. */
void runs_redact(struct runs *rs, const struct redact *redact);

/* info is borrowed for the call.  The run lives until run_end. */
struct run *run_begin(struct runs *rs, const struct run_info *info);
const char *run_id(const struct run *r); /* "r12"; lent for the run's life */

/*
 * Who reads along gets what was not cut, once it is recorded; the last of it
 * when the run ends.  He may not end the run from inside; he may in after, which
 * comes from the loop when there was something to read.
 */
typedef void run_clean_fn(int stream, const char *data, size_t len, void *arg);
typedef void run_after_fn(void *arg);
void run_reader(struct run *r, run_clean_fn *fn, run_after_fn *after, void *arg);

void run_output(struct run *r, int stream, const char *data, size_t len);

/* Standard input, told before it is sent to the host. */
void run_input(struct run *r, const char *data, size_t len);

/* Each frees the run. */
void run_exit(struct run *r, int status);
void run_signal(struct run *r, const char *signal);
void run_fail(struct run *r, const char *why);

/* Adds the ids of runs of this asker that have not ended to array. */
void runs_list(const struct runs *rs, const char *asked, struct js *array);

#endif
