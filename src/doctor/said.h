/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * said.h: what is said of one prerequisite: how it stands, what was seen, what mends it.
 *
 * The words may quote outside bytes; who prints them cleans them.
 */
#ifndef DOCTOR_SAID_H
#define DOCTOR_SAID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "wire/json.h"

#define SAID_MAX 900 /* bytes of what was seen, and of the mend */
#define SAID_WORD_MAX                                                    \
	(SAID_MAX + 1) /* one that was cut fills a mend: no command then \
			*/

enum result {
	RESULT_PASS,
	RESULT_WARN,
	RESULT_FAIL,
	RESULT_SKIP, /* not looked at; seen says why */
	RESULTS
};

struct said {
	enum result result;
	char seen[SAID_MAX];
	char mend[SAID_MAX]; /* "": nothing is to do */
	bool command;	     /* mend is one command, word for word */
	struct js *values; /* the same for programs; NULL: nothing more than the words */
};

const char *result_name(enum result r);

/* Each begins anew; values that were there are let go. */
void said_pass(struct said *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void said_warn(struct said *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void said_fail(struct said *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void said_skip(struct said *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* More of what was seen. */
void said_more(struct said *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The mend: a sentence, or one command. */
void said_do(struct said *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void said_run(struct said *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Words of an error that end with the mend ("FILE can be read by others: chmod 600
 * FILE"), taken apart; without one among them: todo.
 */
void said_err(
    struct said *s, enum result result, const struct err *err, const char *todo);

struct js *said_values(struct said *s); /* made where there are none; lent */
void said_fini(struct said *s);

/* A word for a shell (text.h); returns out. */
const char *said_word(const char *text, char out[SAID_WORD_MAX]);

#endif
