/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_confirm.h: the box between a key and a mutating verb.
 *
 * Its default is No: the box opens with the keyboard buffer emptied, ignores
 * keys for 300 ms, and a first key that does not begin the answer closes it with
 * nothing sent; so does Enter behind another word.  Once the word is begun a slip
 * shows, and Backspace takes it back.  Capitals are no other word.
 *
 *   the verb's word --> nothing speaks against it --> sent
 *          ^       \--> it cannot help or work ----> "anyway" --> sent
 *          \---- what it warns of has changed, in either: typed anew
 */
#ifndef CONSOLE_VIEW_CONFIRM_H
#define CONSOLE_VIEW_CONFIRM_H

#include <stdbool.h>
#include <stdint.h>

#include "console/draw/canvas.h"
#include "console/term/input.h"
#include "model/model.h"

#define CONFIRM_DEAF_MS 300
#define CONFIRM_ANEW_MAX 95	/* bytes */
#define CONFIRM_ANYWAY "anyway" /* the word of the second question */

enum confirm_what { CONFIRM_VERB, CONFIRM_KEY };
/* What the box warns of; a change of one of them asks anew. */
enum confirm_topic {
	CONFIRM_STATE,
	CONFIRM_SLOT,
	CONFIRM_LOCK,
	CONFIRM_VERDICT,
	CONFIRM_STAGED,
	CONFIRM_HOST,
	CONFIRM_TOPICS
};
enum confirm_answer { CONFIRM_OPEN, CONFIRM_YES, CONFIRM_NO };

struct confirm {
	bool open;
	enum confirm_what what;
	int verb;      /* CONFIRM_VERB: an enum verb */
	int host;      /* CONFIRM_KEY: an enum vm_host */
	char word[16]; /* what must be typed */
	char typed[16];
	char fingerprint[128]; /* the one that was shown is the one that is accepted */
	bool second; /* the word was typed, and it is asked once more: anyway? */
	bool read;   /* seen holds what the box warned of when it was read */
	uint64_t seen[CONFIRM_TOPICS];	 /* see confirm_why.h */
	char anew[CONFIRM_ANEW_MAX + 1]; /* why it is asked anew, or "" */
	int64_t opened_ms;		 /* the reader's clock */
};

void confirm_open_verb(struct confirm *k, int verb, int64_t now_ms);
void confirm_open_key(
    struct confirm *k, int host, const char *fingerprint, int64_t now_ms);

/* After CONFIRM_YES: opens it again with the other word. */
void confirm_open_second(struct confirm *k, int64_t now_ms);

/* What was typed is forgotten, and the first question asked again; why: a sentence. */
void confirm_open_anew(struct confirm *k, const char *why, int64_t now_ms);

/* Closes the box with CONFIRM_YES and CONFIRM_NO. */
enum confirm_answer confirm_key(
    struct confirm *k, const struct input *in, int64_t now_ms);

/* now: the engine's clock. Sets the canvas's cursor. */
void view_confirm_draw(const struct confirm *k, struct canvas *c, struct rect r,
    const struct model *m, int64_t now);

#endif
