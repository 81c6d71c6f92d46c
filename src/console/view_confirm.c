/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view_confirm.h"

#include <stdio.h>
#include <string.h>

#include "console/lines.h"
#include "console/words.h"
#include "wire/verbs.h"

#define NARROW_COLS 50 /* below this, no column for the labels */

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

static enum confirm_answer
answer(struct confirm *k, enum confirm_answer a)
{
	k->open = a == CONFIRM_OPEN;
	return a;
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
	if (in->kind == INPUT_ENTER)
		return answer(
		    k, strcmp(k->typed, k->word) == 0 ? CONFIRM_YES : CONFIRM_NO);
	if (in->kind != INPUT_CHAR || in->text[1] || in->text[0] != k->word[n])
		return answer(k, CONFIRM_NO);
	k->typed[n] = in->text[0];
	/* One letter is its own Enter; a word wants one, so that it can be thought over.
	 */
	return answer(k, k->word[1] == '\0' ? CONFIRM_YES : CONFIRM_OPEN);
}

static void
paragraph(struct lines *l, uint32_t look, const char *name, const char *text)
{
	bool narrow = l->width < NARROW_COLS;

	if (l->open)
		lines_break(l);
	snprintf(l->indent, sizeof l->indent, "%s",
	    !name[0]	 ? ""
		: narrow ? "  "
			 : "        ");
	if (name[0]) {
		char label[16];

		snprintf(label, sizeof label, narrow ? "%s " : "%-8s", name);
		lines_str(l, LOOK_QUIET, label);
	}
	lines_str(l, look, text);
	lines_break(l);
}

static void
say_state(struct lines *l, const struct model *m, int64_t now)
{
	const struct vm *vm = &m->vm;
	char age[32], text[400];

	if (!vm->known) {
		paragraph(l, LOOK_BUSY, "state", "VM 102: no answer yet");
		return;
	}
	words_age(now - vm->checked, age, sizeof age);
	snprintf(text, sizeof text, "VM 102 %s, asked %s%s%s%s%s", vm->status, age,
	    vm->qmp[0] ? ", QMP " : "", vm->qmp, vm->lock[0] ? ", lock " : "", vm->lock);
	paragraph(l, LOOK_PLAIN, "state", text);
	if (vm->job[0])
		paragraph(l, LOOK_BUSY, "job", vm->job);
}

static void
say_staged(struct lines *l, const struct model *m, int verb)
{
	const struct vm *vm = &m->vm;
	char text[256];
	int shown = vm->staged_count < VM_STAGED_MAX ? vm->staged_count : VM_STAGED_MAX;

	if (vm->staged_count == 0) {
		if (vm->known && (verb == VERB_CYCLE || verb == VERB_RESET))
			paragraph(l, LOOK_PLAIN, "staged", "no config change waits");
		return;
	}
	paragraph(l, LOOK_BUSY, "staged",
	    verb == VERB_CYCLE || verb == VERB_START
		? "these changes will be applied:"
		: "these changes wait, and this does NOT apply them:");
	for (int i = 0; i < shown; i++) {
		snprintf(text, sizeof text, "%s: %s -> %s", vm->staged[i].key,
		    vm->staged[i].from, vm->staged[i].to);
		paragraph(l, LOOK_PLAIN, " ", text);
	}
}

/* The wrong tool is named before it is used. */
static void
say_wrong(struct lines *l, const struct model *m, int verb)
{
	const struct vm *vm = &m->vm;
	const char *text = NULL;

	if (verb == VERB_RESET && strcmp(vm->status, "stopped") == 0)
		text = "WRONG TOOL: VM 102 is stopped. F4 start runs it.";
	else if (verb == VERB_RESET && strcmp(vm->qmp, "hung") == 0)
		text =
		    "WRONG TOOL: this QEMU hangs, a reset goes to the QEMU that hangs. F7 cycle "
		    "replaces it.";
	else if (verb == VERB_RESET && vm->staged_count > 0)
		text =
		    "WRONG TOOL: staged config waits and a reset does not apply it. F7 cycle does.";
	else if (verb == VERB_START && strcmp(vm->status, "running") == 0)
		text =
		    "VM 102 runs already: this will change nothing. A hung one needs F7 cycle.";
	if (text)
		paragraph(l, LOOK_BAD, "warning", text);
}

static void
say_busy(struct lines *l, const struct model *m, int64_t now)
{
	const struct vm *vm = &m->vm;
	char age[32], text[200];

	if (vm->slot.holder[0]) {
		words_span(now - vm->slot.since, age, sizeof age);
		snprintf(text, sizeof text,
		    "%s runs %s for %s: this will be refused until it ends",
		    vm->slot.holder, vm->slot.verb, age);
		paragraph(l, LOOK_BAD, "busy", text);
	}
	if (strcmp(vm->agent.state, "working") == 0)
		paragraph(l, LOOK_BUSY, "agent", "it is working on the devvm right now");
}

static void
build_verb(struct lines *l, const struct confirm *k, const struct model *m, int64_t now)
{
	say_wrong(l, m, k->verb);
	paragraph(l, LOOK_STRONG, "does", verb_rows[k->verb].does);
	paragraph(l, LOOK_PLAIN, "not", verb_rows[k->verb].limits);
	say_state(l, m, now);
	say_staged(l, m, k->verb);
	say_busy(l, m, now);
	paragraph(l, LOOK_QUIET, "first", "forensics are captured, always");
}

static void
build_key(struct lines *l, const struct confirm *k, const struct model *m)
{
	paragraph(l, LOOK_STRONG, "",
	    "This host shows another key than the one that is known.");
	paragraph(l, LOOK_PLAIN, "shows", k->fingerprint);
	if (m->vm.link[k->host].why[0])
		paragraph(l, LOOK_PLAIN, "why", m->vm.link[k->host].why);
	paragraph(l, LOOK_PLAIN, "",
	    "Accept it only if you know why it changed (a new installation). If not, somebody "
	    "may stand between you and the host.");
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
		col = canvas_text(c, in, row, col, LOOK_DANGER, k->typed);
		if (in.row + row < c->rows && in.col + col < c->cols) {
			c->cursor_row = in.row + row;
			c->cursor_col = in.col + col;
		}
		if (in.cols - col > 20)
			canvas_text(
			    c, in, row, in.cols - 14, LOOK_QUIET, "else: No (Esc)");
	}
}

void
view_confirm_draw(const struct confirm *k, struct canvas *c, struct rect r,
    const struct model *m, int64_t now)
{
	int width = r.cols < 76 ? r.cols : 72, tall, text_rows;
	char title[48];
	struct lines l;
	struct rect box, in;

	lines_init(&l, width - 4 > 1 ? width - 4 : 1);
	if (k->what == CONFIRM_VERB)
		build_verb(&l, k, m, now);
	else
		build_key(&l, k, m);
	if (k->what == CONFIRM_VERB)
		snprintf(title, sizeof title, "%s VM 102?", verb_rows[k->verb].name);
	else
		snprintf(
		    title, sizeof title, "new host key of %s", vm_host_names[k->host]);
	tall = (int)l.count + 4;
	if (tall > r.rows)
		tall = r.rows;
	box = (struct rect){
	    r.row + (r.rows - tall) / 2, r.col + (r.cols - width) / 2, tall, width};
	if (tall >= 4) {
		canvas_frame(c, box, LOOK_DANGER, title);
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
