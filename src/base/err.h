/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * err.h: an error is a value on the caller's stack.
 *
 * A code that callers switch on, and a chain of words that grows on the way
 * up: "attach: open journal: /run/bg/journal: Permission denied".  Nothing is
 * allocated, nothing is printed here; the loop turns it into a fact once.
 * The words may quote outside bytes: what a terminal would act on or an eye not see
 * stands as <U+001B>, a byte that is no UTF-8 as <FF>, so they may be printed as they
 * are.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err_code {
	ERR_NONE,
	ERR_USAGE,	 /* the caller asked for something that is not offered */
	ERR_DENIED,	 /* authority: owner, mode, uid, policy */
	ERR_LIMIT,	 /* a stated maximum would be passed */
	ERR_SYSTEM,	 /* a system call failed; errno is in the words */
	ERR_PROTOCOL,	 /* the other side said something it may not say */
	ERR_UNREACHABLE, /* no answer from a host, an engine or an endpoint */
	ERR_BUSY,	 /* somebody holds it; the words say who */
	ERR_CODES
};

struct err {
	enum err_code code;
	char words[512];
};

/* Sets code and words; too long words are cut.  Always returns -1. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Like err_set with ERR_SYSTEM and ": strerror(errnum)" behind the words. */
int err_sys(struct err *e, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "words: " in front of what is there; the code stays.  Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Of the word that getopt_long did not take, argv[optind - 1]; with opterr 0, because
 * getopt would print it with all its bytes.  Returns -1.
 */
int err_option(struct err *e, const char *word);

#endif
