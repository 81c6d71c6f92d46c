/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab.h: the lab, as a program: DATA_DIR/lab/lab where breakglass is installed,
 * contrib/lab/lab in its source tree.
 *
 * Each drill has an instance of its own; the cache of images is everybody's.  What the
 * lab prints is looked at as anything from outside: a maximum, strict forms.
 */
#ifndef DRILL_LAB_H
#define DRILL_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/options.h"

#define LAB_WEDGES_MAX 64
#define LAB_VARS 8 /* what "lab env" says of the hosts */

struct lab {
	char *program, *host_program;
	char name[32];
	bool up;
};

struct lab_wedge {
	char name[32], cures[64], what[128];
	char verb[16]; /* the mildest verb that cures it; "": none does */
};

/* What the lab says of its hosts; names are those of the settings. */
struct lab_vars {
	char *value[LAB_VARS]; /* NULL: it did not say; caller frees by lab_vars_fini */
};

extern const char *const lab_var_names[LAB_VARS];

/*
 * -1: there is no lab in DATA_DIR, no host program in LIBEXEC_DIR, or no Python
 * (ERR_UNREACHABLE; the words have the command that installs what is missing).
 */
int lab_init(struct lab *l, const struct options *o, struct err *err) MUST_CHECK;
void lab_fini(struct lab *l);

/* The wedges; *count is at most LAB_WEDGES_MAX. */
int lab_wedges(const struct lab *l, struct lab_wedge wedges[LAB_WEDGES_MAX],
    size_t *count, struct err *err) MUST_CHECK;

/* guest: NULL, or its kind.  keep: it may outlive us. */
int lab_up(struct lab *l, const char *guest, bool keep, struct err *err) MUST_CHECK;
int lab_vars(const struct lab *l, struct lab_vars *vars, struct err *err) MUST_CHECK;
void lab_vars_fini(struct lab_vars *vars);

/* Makes VM 102 ill; when that was begun and since when it is so, monotonic clock. */
int lab_make(const struct lab *l, const char *wedge, int64_t *made_ms, int64_t *holds_ms,
    struct err *err) MUST_CHECK;

/* 1: it is so still; 0: it is over, or that cannot be told; -1. */
int lab_holds(const struct lab *l, const char *wedge, struct err *err) MUST_CHECK;

/* Nothing of it is left; also when we are asked to end. */
int lab_down(struct lab *l, struct err *err) MUST_CHECK;

#endif
