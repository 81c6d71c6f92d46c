/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * apart.h: looks that may hang, each in a child of its own.
 *
 * A file on a disk that hangs keeps whoever asks for it, and a thread that is kept so
 * keeps its whole process from ending.  So files are looked at by children: what they
 * see comes back as lines; who has said nothing in time is killed, left behind if not
 * even that ends it, and that is what is said of its checks.
 */
#ifndef DOCTOR_APART_H
#define DOCTOR_APART_H

#include "doctor/doctor.h"

/* A child's way back. */
struct pen;

/* As sheet_put, sheet_add and sheet_over. */
void pen_put(struct pen *p, enum check check, struct said *said);
void pen_add(struct pen *p, enum check check, const char *name, struct said *said);
void pen_over(struct pen *p, enum check check);
/* A number for the loop, apart_note; before its last line. */
void pen_note(struct pen *p, int64_t n);
/* What is looked at now: named, when it is what nothing comes back from. */
void pen_at(struct pen *p, const char *what);
/* Another part of the look begins: it has so long, from now. */
void pen_limit(struct pen *p, int64_t ms);

struct apart_look {
	void (*look)(struct pen *pen, const struct options *o);
	const enum check *checks; /* what it tells of; none: it only notes */
	size_t count;
	int64_t limit_ms;
	/* What is said when it has said nothing by then, behind what pen_at told last. */
	const char *late, *todo;
};

struct apart;

/* The child is begun; before there is a loop, or a thread.  looks is borrowed. */
struct apart *apart_begin(
    const struct apart_look *looks, size_t count, const struct options *o, bool offline);

/* What comes is put on the sheet.  done: all checks of a look are over. */
void apart_watch(struct apart *a, struct doctor *d,
    void (*done)(const struct apart_look *look, void *arg), void *arg);

/* What a look has noted, or def. */
int64_t apart_note(const struct apart *a, const struct apart_look *look, int64_t def);

/* Kills those that are left, and waits for none. */
void apart_end(struct apart *a);

/*
 * For a child: what a program prints, at most size - 1 bytes, and how it ended (as
 * waitpid has it).  -1: it could not be started, or had no end in limit_ms (ERR_BUSY).
 */
int apart_run(char *const argv[], char *out, size_t size, int64_t limit_ms, int *status,
    struct err *err) MUST_CHECK;

#endif
