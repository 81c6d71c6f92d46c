/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_confirm.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "console/view/confirm_text.h"
#include "console/draw/lines.h"
#include "wire/verbs.h"

void
confirm_open_verb(struct confirm *k, int verb, int64_t now_ms)
{
	memset(k, 0, sizeof *k);
	k->open = true;
	k->what = CONFIRM_VERB;
	k->verb = verb;
	k->opened_ms = now_ms;
	snprintf(k->word, sizeof k->word, "%s",
	    verb == VERB_START ? "y" : verb_rows[verb].name);
}

void
confirm_open_key(struct confirm *k, int host, const char *fingerprint, int64_t now_ms)
{
	memset(k, 0, sizeof *k);
	k->open = true;
	k->what = CONFIRM_KEY;
	k->host = host;
	k->opened_ms = now_ms;
	snprintf(k->word, sizeof k->word, "accept");
	snprintf(k->fingerprint, sizeof k->fingerprint, "%s", fingerprint);
}

void
confirm_open_second(struct confirm *k, int64_t now_ms)
{
	k->open = k->second = true;
	k->opened_ms = now_ms;
	memset(k->typed, 0, sizeof k->typed);
	k->anew[0] = '\0';
	snprintf(k->word, sizeof k->word, "%s", CONFIRM_ANYWAY);
}

void
confirm_open_anew(struct confirm *k, const char *why, int64_t now_ms)
{
	int verb = k->verb;

	confirm_open_verb(k, verb, now_ms);
	snprintf(k->anew, sizeof k->anew, "%s", why);
}

static enum confirm_answer
answer(struct confirm *k, enum confirm_answer a)
{
	k->open = a == CONFIRM_OPEN;
	return a;
}

/* Once the word is begun a slip of the finger shows, and can be taken back. */
static enum confirm_answer
type_on(struct confirm *k, const struct input *in)
{
	size_t n = strlen(k->typed);

	if (!in->text[1] && n + 1 < sizeof k->typed)
		k->typed[n] = in->text[0];
	return CONFIRM_OPEN;
}

enum confirm_answer
confirm_key(struct confirm *k, const struct input *in, int64_t now_ms)
{
	size_t n = strlen(k->typed);

	if (now_ms - k->opened_ms < CONFIRM_DEAF_MS)
		return CONFIRM_OPEN;
	if (in->kind == INPUT_BACKSPACE && n > 0) {
		k->typed[n - 1] = '\0';
		return CONFIRM_OPEN;
	}
	if (in->kind == INPUT_ENTER) /* a phone begins a word with a capital */
		return answer(
		    k, strcasecmp(k->typed, k->word) == 0 ? CONFIRM_YES : CONFIRM_NO);
	if (in->kind == INPUT_CHAR && n > 0)
		return type_on(k, in);
	if (in->kind != INPUT_CHAR || in->text[1] ||
	    tolower((unsigned char)in->text[0]) != k->word[0])
		return answer(k, CONFIRM_NO);
	k->typed[0] = in->text[0];
	/* One letter is its own Enter; a word wants one, so that it can be thought over.
	 */
	return answer(k, k->word[1] == '\0' ? CONFIRM_YES : CONFIRM_OPEN);
}

/* Red is for power actions alone: a key that has changed wants a look. */
static uint32_t
look_of(const struct confirm *k)
{
	return k->what == CONFIRM_VERB ? LOOK_DANGER : LOOK_BUSY;
}

static void
draw_answer(const struct confirm *k, struct canvas *c, struct rect in, int row)
{
	int col;

	if (k->word[1] == '\0') {
		col = canvas_text(c, in, row, 0, LOOK_STRONG, "Press y to do it. ");
		canvas_text(c, in, row, col, LOOK_PLAIN, "Any other key: No.");
	} else {
		col = canvas_printf(c, in, row, 0, LOOK_STRONG,
		    in.cols < 30 ? "%s+Enter: " : "Type %s and Enter: ", k->word);
		col = canvas_text(c, in, row, col, look_of(k), k->typed);
		if (in.row + row < c->rows && in.col + col < c->cols) {
			c->cursor_row = in.row + row;
			c->cursor_col = in.col + col;
		}
		if (strncasecmp(k->typed, k->word, strlen(k->typed)) != 0 &&
		    in.cols - col > 20)
			canvas_text(
			    c, in, row, in.cols - 18, LOOK_BAD, "not it: Backspace");
		else if (in.cols - col > 20)
			canvas_text(
			    c, in, row, in.cols - 14, LOOK_QUIET, "else: No (Esc)");
		else if (in.cols - col > 9)
			canvas_text(c, in, row, in.cols - 7, LOOK_QUIET, "Esc: No");
	}
}

void
view_confirm_draw(const struct confirm *k, struct canvas *c, struct rect r,
    const struct model *m, int64_t now)
{
	int width = r.cols < 76 ? r.cols : r.cols < 120 ? 72 : 92, tall, text_rows;
	char title[48];
	struct lines l;
	struct rect box, in;

	lines_init(&l, width - 4 > 1 ? width - 4 : 1);
	confirm_text(&l, k, m, now, r.rows > 4 ? r.rows - 3 : 1);
	if (k->what == CONFIRM_VERB)
		snprintf(title, sizeof title,
		    !k->second	      ? "%s VM 102?"
			: r.cols < 30 ? "%s anyway?"
				      : "%s VM 102 ANYWAY?",
		    verb_rows[k->verb].name);
	else
		snprintf(
		    title, sizeof title, "new host key of %s", vm_host_names[k->host]);
	tall = (int)l.count + 4;
	if (tall > r.rows)
		tall = r.rows;
	box = (struct rect){
	    r.row + (r.rows - tall) / 2, r.col + (r.cols - width) / 2, tall, width};
	if (tall >= 4) {
		canvas_frame(c, box, look_of(k), title);
		in = (struct rect){box.row + 1, box.col + 2, tall - 2, width - 4};
	} else {
		canvas_fill(c, r, 0);
		in = r;
	}
	text_rows = in.rows - 2 < (int)l.count ? in.rows - 1 : (int)l.count;
	for (int i = 0; i < text_rows; i++)
		lines_draw(&l, (size_t)i, c, in, i);
	c->cursor_row = -1;
	draw_answer(k, c, in, in.rows - 1);
	lines_fini(&l);
}
