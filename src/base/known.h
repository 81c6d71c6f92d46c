/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * known.h: the secrets that no line of ours may show, known by fingerprints.
 *
 * Each is known as itself, in base64 at all three alignments and in hex, and by
 * its parts: any KNOWN_WINDOW bytes in a row (of hex twice as many) are found, wherever a
 * line was broken or blanks were put in (blanks and ':' do not count).  What is shorter
 * than that is found whole, and only known where it is KNOWN_MIN bytes or more with a
 * letter and a digit among them: else it would blot out words.
 *
 * Kept are numbers made of those bytes with a random factor, in locked memory: the
 * secret is not there, but who can read them all can put it together again.
 * Any thread may call these.
 */
#ifndef BASE_KNOWN_H
#define BASE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KNOWN_MIN 12
#define KNOWN_WINDOW 20
#define KNOWN_WINDOW_HEX 40 /* digits: 20 of them may be a list of numbers */
#define KNOWN_HINT 4	    /* bytes in a row that make a walk hold back */
#define KNOWN_RING 64
#define KNOWN_MAX (256 * 1024) /* parts of all secrets; more are not known */

/*
 * Counted: as often as it is told of, it has to be forgotten.  False: there was no room
 * for all its parts; some are known, and are forgotten in the same way.
 */
bool known_add(const char *secret, size_t len);
void known_forget(const char *secret, size_t len);

/* A walk through a text that may come in pieces. */
struct known_walk {
	bool json;	/* a line of JSON: its \n and \t are blanks too */
	bool escaped;	/* the last byte was its backslash */
	unsigned skip;	/* hex digits of an escape that are to come */
	uint64_t at;	/* bytes read so far */
	uint64_t count; /* of those that counted */
	struct {
		unsigned char c;
		bool hint; /* the KNOWN_HINT bytes that end here are in a secret */
		uint64_t at;
	} last[KNOWN_RING];
	uint64_t window, window_hex, hint; /* the sums over the last of them */
};

void known_begin(struct known_walk *w, bool json);

/*
 * Reads on from data[*used].  True: a secret, or a part of one, ends before the new
 * *used; from is where it began in the whole text.  False: all was read.
 */
bool known_next(
    struct known_walk *w, const char *data, size_t len, size_t *used, uint64_t *from);

/*
 * The place in the whole text from which on it may be the beginning of a secret
 * whose rest has not come; w->at: it is none.  The first KNOWN_HINT - 1 bytes of one
 * are not doubted.
 */
uint64_t known_doubt(const struct known_walk *w);

/*
 * Overwrites every secret in text, in place: "[secret]" and stars.  Of a line of JSON
 * that is done within its strings, and not in names as records have them, nor in what "t"
 * says: the line stays the record it was.
 */
void known_blot(char *text, size_t len, bool json);

#endif
