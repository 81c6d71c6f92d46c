/* SPDX-License-Identifier: GPL-3.0-or-later */
/* looks.h: the looks that are made in children, apart.h. */
#ifndef DOCTOR_LOOKS_H
#define DOCTOR_LOOKS_H

#include <stdbool.h>
#include <sys/types.h>

#include "doctor/apart.h"

/* look_config.c */
void look_config(struct pen *pen, const struct options *o);
void look_people(struct pen *pen, const struct options *o);

/* look_files.c */
void look_key(struct pen *pen, const struct options *o);
void look_run_dir(struct pen *pen, const struct options *o);
void look_disk(struct pen *pen, const struct options *o);
void look_local(struct pen *pen, const struct options *o);

/* look_engine.c */
void look_engine(struct pen *pen, const struct options *o);

/* look_agent.c */
void look_claude(struct pen *pen, const struct options *o);
void look_claude_key(struct pen *pen, const struct options *o);
void look_sandbox(struct pen *pen, const struct options *o);
void look_books(struct pen *pen, const struct options *o);

/* api.c: the files that an endpoint needs, and then the endpoint itself */
void look_endpoints(struct pen *pen, const struct options *o);

/* look_past.c; the second tells of no check, it notes what judge_status takes. */
void look_past(struct pen *pen, const struct options *o);
void look_status(struct pen *pen, const struct options *o);

/*
 * The last word about the kill switch in the incident that the next engine goes on with;
 * fn as it stands.  -1: the journal cannot be read.
 */
int past_kill(
    const struct options *o, void (*fn)(const struct js *fact, void *arg), void *arg);

/* looks.c: all of them; offline: without those that --offline leaves out. */
const struct apart_look *looks_all(bool offline, size_t *count);
const struct apart_look *looks_by(void (*look)(struct pen *, const struct options *));

/* The nearest directory above path that is there; new string. */
char *looks_above(const char *path);

/* dir is there and is not ours. */
bool looks_another(const char *dir, uid_t *owner);

/* look_whose.c */

/* The run directory is another uid's, whose engine we reach, or could as root. */
bool looks_engine_of(const struct options *o, uid_t *owner);

/*
 * The file that a setting names is not ours to judge: an engine of another uid reads it,
 * or it is another uid's.  True: that is said, and nothing in it takes the file away.
 */
bool looks_not_ours(
    const struct options *o, const char *path, const char *setting, struct said *said);

#endif
