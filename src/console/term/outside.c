/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/term/outside.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "base/text.h"
#include "console/draw/canvas.h"
#include "console/term/clip.h"
#include "console/term/feed.h"

#define WORDS_MAX 16	    /* of a pager's command */
#define AT_ONCE_MS 1000	    /* a pager that fails so soon has shown nothing */
#define PRINT_MAX (1 << 20) /* bytes that we print ourselves when there is no pager */
#define PROMPT "q comes back to breakglass"

struct outside {
	uv_loop_t *loop;
	struct tty *tty; /* borrowed */
	char *pager;	 /* the setting, or "" */
	enum outside_state state;
	struct feed *feed;
	int tried; /* pagers of this text so far */
	bool runs; /* it is no pager */
	struct buf text;
	struct sigaction quit; /* Ctrl-\ of a pager is not our end */
	outside_back_fn *back;
	void *arg;
};

static void next_pager(struct outside *o);

struct outside *
outside_new(
    uv_loop_t *loop, struct tty *tty, const char *pager, outside_back_fn *back, void *arg)
{
	struct outside *o = mem_alloc(sizeof *o);

	o->loop = loop;
	o->tty = tty;
	o->pager = mem_dup(pager ? pager : "");
	o->back = back;
	o->arg = arg;
	buf_init(&o->text, CLIP_MAX);
	return o;
}

enum outside_state
outside_state(const struct outside *o)
{
	return o ? o->state : OUTSIDE_NOT;
}

static void
enter(struct outside *o, enum outside_state state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (state == OUTSIDE_PAGER && o->state != OUTSIDE_PAGER)
		sigaction(SIGQUIT, &ignore, &o->quit);
	else if (o->state == OUTSIDE_PAGER && state != OUTSIDE_PAGER)
		sigaction(SIGQUIT, &o->quit, NULL);
	o->state = state;
}

static void
come_back(struct outside *o, const char *words)
{
	enter(o, OUTSIDE_NOT);
	buf_fini(&o->text);
	tty_take_back(o->tty);
	tty_deaf(o->tty);
	o->back(o->arg, words);
}

void
outside_free(struct outside *o)
{
	if (!o)
		return;
	if (o->feed)
		feed_cancel(o->feed);
	if (o->state != OUTSIDE_NOT) {
		enter(o, OUTSIDE_NOT);
		tty_take_back(o->tty);
	}
	buf_fini(&o->text);
	free(o->pager);
	free(o);
}

/* --- a plain print --- */

/* The last gate here: what is no plain text becomes a '?', as on a canvas. */
static void
pass_text(struct outside *o, const char *text, size_t len)
{
	struct buf line;

	buf_init(&line, 4 * PRINT_MAX);
	for (size_t at = 0; at < len;) {
		uint32_t cp;
		size_t n = text_decode(text + at, len - at, &cp);

		if (cp == '\n')
			buf_add_some(&line, "\r\n", 2);
		else if (scrub_may_leave(cp, n))
			buf_add_some(&line, text + at, n);
		else
			buf_add_some(&line, "?", 1);
		at += n;
	}
	tty_pass(o->tty, buf_str(&line), line.len);
	buf_fini(&line);
}

static void
print(struct outside *o)
{
	static const char end[] = "\r\n[Enter comes back to breakglass]";
	size_t from = o->text.len > PRINT_MAX ? o->text.len - PRINT_MAX : 0;

	while (from > 0 && from < o->text.len && o->text.data[from - 1] != '\n')
		from++;
	tty_hand_over(o->tty);
	tty_deaf(o->tty);
	enter(o, OUTSIDE_PRINT);
	tty_pass(o->tty, "\r\n", 2);
	if (from > 0)
		pass_text(o, "[its end alone: /save has all of it]\n", 37);
	pass_text(o, o->text.data + from, o->text.len - from);
	if (o->text.len > 0 && o->text.data[o->text.len - 1] == '\n')
		tty_pass(o->tty, end + 2, sizeof end - 3);
	else
		tty_pass(o->tty, end, sizeof end - 1);
}

/* Would it scroll off the screen? */
static bool
is_long(const struct outside *o, const char *text, size_t len)
{
	int cols, rows, lines = 0;

	tty_size(o->tty, &cols, &rows);
	for (size_t at = 0; at < len && lines < rows;) {
		const char *nl = memchr(text + at, '\n', len - at);
		size_t n = nl ? (size_t)(nl - text) - at : len - at;

		if (n > 4 * (size_t)(cols * rows))
			return true;
		lines += 1 + (canvas_width(text + at, n) - 1) / cols;
		at += n + 1;
	}
	return lines > rows - 3;
}

void
outside_print(struct outside *o, const char *text, size_t len)
{
	if (is_long(o, text, len)) {
		outside_page(o, text, len);
		return;
	}
	buf_clear(&o->text);
	buf_add_some(&o->text, text, len);
	print(o);
}

void
outside_typed(struct outside *o, const char *data, size_t len)
{
	if (memchr(data, '\r', len) || memchr(data, '\n', len))
		come_back(o, NULL);
}

/* --- the pager --- */

static void
on_done(void *arg, int exit, int64_t ms)
{
	struct outside *o = arg;
	char words[160];

	o->feed = NULL;
	if (o->runs) {
		o->runs = false;
		snprintf(words, sizeof words, "That did not end well: exit %d.", exit);
		come_back(o, exit == 0 ? NULL : words);
		return;
	}
	if (exit > 0 && ms < AT_ONCE_MS) {
		next_pager(o);
		return;
	}
	snprintf(words, sizeof words, "The pager was ended by a signal.");
	if (exit > 0)
		snprintf(words, sizeof words, "The pager ended with exit %d.", exit);
	come_back(o, exit == 0 ? NULL : words);
}

static bool
start(struct outside *o, char **argv)
{
	struct feed_opts opts = {.argv = argv,
	    .term = tty_term(o->tty),
	    .text = buf_str(&o->text),
	    .len = o->text.len,
	    .screen = true};

	o->feed = feed_start(o->loop, &opts, on_done, o);
	return o->feed != NULL;
}

/* A command of the operator's: words between blanks, nothing quoted. */
static bool
start_own(struct outside *o, const char *command)
{
	char *copy = mem_dup(command), *rest = copy, *word, *argv[WORDS_MAX + 1];
	bool ok = false;
	int n = 0;

	while (n < WORDS_MAX && (word = strtok_r(NULL, " \t", &rest)))
		argv[n++] = word;
	argv[n] = NULL;
	if (n > 0)
		ok = start(o, argv);
	free(copy);
	return ok;
}

/* The setting's, else $PAGER's; less with our words, less as it is, more; none. */
static void
next_pager(struct outside *o)
{
	static char less[] = "less", more[] = "more", plain[] = "-+R",
		    words[] = "-Ps" PROMPT;
	static char *with_words[] = {less, plain, words, NULL}, *alone[] = {less, NULL},
		    *other[] = {more, NULL};
	const char *own = o->pager[0] ? o->pager : getenv("PAGER");
	bool started = false;

	while (!started && o->tried < 4)
		switch (o->tried++) {
		case 0:
			started = own && strcmp(own, "less") != 0 && start_own(o, own);
			break;
		case 1:
			started = start(o, with_words);
			break;
		case 2:
			started = start(o, alone);
			break;
		default:
			started = start(o, other);
		}
	if (started)
		return;
	tty_enter(o->tty); /* no pager: from there our own way out */
	print(o);
	o->back(o->arg, NULL); /* the terminal is written to and read from again */
}

void
outside_page(struct outside *o, const char *text, size_t len)
{
	buf_clear(&o->text);
	buf_add_some(&o->text, text, len);
	o->tried = 0;
	tty_leave(o->tty);
	enter(o, OUTSIDE_PAGER);
	next_pager(o);
}

void
outside_run(struct outside *o, char **argv)
{
	struct feed_opts opts = {.argv = argv, .term = tty_term(o->tty), .screen = true};

	tty_leave(o->tty);
	enter(o, OUTSIDE_PAGER);
	o->runs = true;
	o->feed = feed_start(o->loop, &opts, on_done, o);
	if (o->feed)
		return;
	o->runs = false;
	tty_enter(o->tty);
	come_back(o, "It could not be started.");
}
