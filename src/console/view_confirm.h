/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_confirm.h: the box between a key and a mutating verb.
 *
 * Its default is No: the box opens with the keyboard buffer emptied, ignores
 * keys for 300 ms, and every key that is not the next one of the right answer
 * closes it with nothing sent.
 */
#ifndef CONSOLE_VIEW_CONFIRM_H
#define CONSOLE_VIEW_CONFIRM_H

#include <stdbool.h>
#include <stdint.h>

#include "console/canvas.h"
#include "console/input.h"
#include "model/model.h"

#define CONFIRM_DEAF_MS 300

enum confirm_what { CONFIRM_VERB, CONFIRM_KEY };
enum confirm_answer { CONFIRM_OPEN, CONFIRM_YES, CONFIRM_NO };

struct confirm {
	bool open;
	enum confirm_what what;
	int verb;      /* CONFIRM_VERB: an enum verb */
	int host;      /* CONFIRM_KEY: an enum vm_host */
	char word[16]; /* what must be typed */
	char typed[16];
	char fingerprint[128]; /* the one that was shown is the one that is accepted */
	int64_t opened_ms;     /* the reader's clock */
};

void confirm_open_verb(struct confirm *k, int verb, int64_t now_ms);
void confirm_open_key(
    struct confirm *k, int host, const char *fingerprint, int64_t now_ms);

/* Closes the box with CONFIRM_YES and CONFIRM_NO. */
enum confirm_answer confirm_key(
    struct confirm *k, const struct input *in, int64_t now_ms);

/* now: the engine's clock. Sets the canvas's cursor. */
void view_confirm_draw(const struct confirm *k, struct canvas *c, struct rect r,
    const struct model *m, int64_t now);

#endif
