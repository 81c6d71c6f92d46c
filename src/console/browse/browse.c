/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/browse/browse.h"

#include <stdio.h>
#include <string.h>

#include "console/action/action.h"
#include "console/browse/browse_int.h"
#include "console/view/view_help.h"

/* --- what is on top --- */

static bool
page_fix(void *arg, struct scroll_pos *pos)
{
	const struct page_at *p = arg;

	*pos = (struct scroll_pos){0, 0};
	return p->lines.count > 0;
}

static bool
page_step(void *arg, struct scroll_pos *pos, int dir)
{
	return false; /* a page is one unit */
}

static const struct lines *
page_lines(void *arg, struct scroll_pos pos)
{
	const struct page_at *p = arg;

	return &p->lines;
}

static size_t
page_height(void *arg, struct scroll_pos pos)
{
	return page_lines(arg, pos)->count;
}

static void
page_draw(void *arg, struct scroll_pos pos, size_t line, struct canvas *c, struct rect r,
    int row)
{
	lines_draw(page_lines(arg, pos), line, c, r, row);
}

static struct scroll *
page_pane(struct screen *s, struct scroll_source *src)
{
	struct browse *b = &s->browse;

	*src = (struct scroll_source){.arg = &s->page_at,
	    .fix = page_fix,
	    .step = page_step,
	    .height = page_height,
	    .draw = page_draw,
	    .lines = page_lines};
	if (b->over_page != (int)s->page) {
		b->over = (struct scroll){0};
		b->over_page = (int)s->page;
	}
	b->over.away = true;
	b->over.top = (struct scroll_pos){0, 0};
	b->over.line = (size_t)s->page_at.top;
	b->over.rows = s->page_at.in.rows;
	b->over.cols = s->page_at.in.cols;
	return &b->over;
}

struct scroll *
browse_pane(struct screen *s, struct scroll_source *src)
{
	if (s->page != PAGE_NONE)
		return page_pane(s, src);
	if (s->focus == FOCUS_CHAT) {
		*src = view_chat_source(&s->chat, &s->model);
		return &s->chat.scroll;
	}
	*src = view_tools_source(&s->tools, &s->model);
	return &s->tools.scroll;
}

/* A page is drawn from its top line. */
void
browse_moved(struct screen *s, const struct scroll *w)
{
	if (s->page != PAGE_NONE && w == &s->browse.over)
		s->page_at.top = (int)w->line;
}

/* The window on top, with a cursor; NULL: there is nothing to stand on. */
struct scroll *
browse_held(struct screen *s, struct scroll_source *src)
{
	struct scroll *w = browse_pane(s, src);

	if (!w->held && !scroll_hold(w, src))
		return NULL;
	return w;
}

/* --- in and out --- */

void
browse_say(struct screen *s, uint32_t look, const char *text)
{
	snprintf(s->browse.said, sizeof s->browse.said, "%s", text);
	s->browse.said_look = look;
}

bool
browse_enter(struct screen *s)
{
	struct scroll_source src;

	if (!browse_held(s, &src))
		return false;
	s->browse.on = true;
	s->browse.left = false;
	s->browse.entered_on = (int)s->page;
	s->browse.said[0] = '\0';
	return true;
}

void
browse_leave(struct screen *s)
{
	struct scroll_source src;

	s->browse.on = s->browse.left = false;
	browse_find_forget(s);
	s->browse.over = (struct scroll){0};
	src = view_chat_source(&s->chat, &s->model);
	scroll_release(&s->chat.scroll, &src);
	src = view_tools_source(&s->tools, &s->model);
	scroll_release(&s->tools.scroll, &src);
}

/* The panes follow again at once; the cursors are kept for one key more. */
static void
leave_by_esc(struct screen *s)
{
	struct browse *b = &s->browse;

	b->kept[0] = s->chat.scroll;
	b->kept[1] = s->tools.scroll;
	b->kept[2] = b->over;
	browse_leave(s);
	b->left = true;
}

void
browse_again(struct screen *s)
{
	struct browse *b = &s->browse;

	if (!b->left)
		return;
	s->chat.scroll = b->kept[0];
	s->tools.scroll = b->kept[1];
	b->over = b->kept[2];
	b->left = false;
	b->on = true;
}

/* --- keys --- */

static bool
is_char(const struct input *in, char c)
{
	return in->kind == INPUT_CHAR && in->text[0] == c && !in->text[1];
}

static bool
is_ctrl(const struct input *in, char c)
{
	return in->kind == INPUT_CTRL && in->n == c;
}

/* Lines that a key moves the cursor by; 0: it is no such key. */
static int
lines_of(const struct input *in, int page)
{
	if (in->kind == INPUT_UP || is_char(in, 'k') || is_ctrl(in, 'P'))
		return -1;
	if (in->kind == INPUT_DOWN || is_char(in, 'j') || is_ctrl(in, 'N'))
		return 1;
	if (in->kind == INPUT_PGUP || is_char(in, 'b') || is_ctrl(in, 'B'))
		return -page;
	if (in->kind == INPUT_PGDN || is_char(in, ' ') || is_ctrl(in, 'F'))
		return page;
	if (is_ctrl(in, 'U') || is_char(in, 'u'))
		return -(page + 1) / 2;
	if (is_ctrl(in, 'D') || is_char(in, 'd'))
		return (page + 1) / 2;
	return 0;
}

static bool
move_key(struct screen *s, const struct input *in)
{
	struct scroll_source src;
	struct scroll *w = browse_held(s, &src);
	int lines;

	if (!w)
		return false;
	lines = lines_of(in, w->rows > 3 ? w->rows - 2 : 1);
	if (lines != 0)
		scroll_cursor_move(w, &src, lines);
	else if (in->kind == INPUT_HOME || is_char(in, 'g') || is_char(in, '<'))
		scroll_cursor_first(w, &src);
	else if (in->kind == INPUT_END || is_char(in, 'G') || is_char(in, '>'))
		scroll_cursor_last(w, &src);
	else
		return false;
	browse_moved(s, w);
	return true;
}

static void
mark(struct screen *s)
{
	struct scroll_source src;
	struct scroll *w = browse_held(s, &src);

	if (!w)
		return;
	w->marked = !w->marked;
	w->mark = w->cur;
}

/* A page that was opened in this mode is closed first. */
static void
quit(struct screen *s, bool esc)
{
	if (s->page != PAGE_NONE && s->browse.entered_on == PAGE_NONE)
		s->page = PAGE_NONE;
	else if (esc)
		leave_by_esc(s);
	else
		browse_leave(s);
}

static void
other_pane(struct action_context *a)
{
	struct screen *s = a->screen;
	struct scroll_source src;

	if (s->page != PAGE_NONE)
		return;
	action_run(a, ACTION_FOCUS, "");
	if (browse_held(s, &src))
		return;
	action_run(a, ACTION_FOCUS, "");
	browse_say(s, LOOK_QUIET, "the other pane is empty");
}

/* What is a key everywhere: F-keys, and those with Ctrl and Alt. */
static void
action_key(struct action_context *a, const struct input *in)
{
	enum action action = keymap_key(in);

	if (action == ACTION_NONE || action == ACTION_DETACH_IF_EMPTY)
		return;
	action_run(a, action, "");
}

static void mode_key(struct action_context *a, const struct input *in);

/* An Esc that leaves a search, and a letter so soon after it that they came as one. */
static void
both_keys(struct action_context *a, const struct input *in)
{
	mode_key(a, &(struct input){.kind = INPUT_ESC});
	mode_key(a, &(struct input){.kind = INPUT_CHAR, .text = {(char)in->n}});
}

static void
mode_key(struct action_context *a, const struct input *in)
{
	struct screen *s = a->screen;

	s->browse.said[0] = '\0';
	if (s->browse.find.typing && in->kind == INPUT_ALT &&
	    (in->n < '0' || in->n > '9')) {
		both_keys(a, in);
		return;
	}
	if (!s->browse.find.typing && view_help_key(s, in)) {
		s->browse.over = (struct scroll){0}; /* another page of it */
		return;
	}
	if (browse_find_key(a, in) || move_key(s, in))
		return;
	if (in->kind == INPUT_PASTE)
		browse_say(s, LOOK_BAD,
		    "A paste is no key: nothing was taken. q goes back to the prompt.");
	else if (is_char(in, 'q') || is_ctrl(in, 'T') || in->kind == INPUT_BACKTAB)
		quit(s, false);
	else if (in->kind == INPUT_ESC)
		quit(s, true);
	else if (is_char(in, 'm'))
		mark(s);
	else if (in->kind == INPUT_TAB)
		other_pane(a);
	else if (!browse_letter(a, in))
		action_key(a, in);
}

static bool
enters(const struct screen *s, const struct input *in)
{
	return is_ctrl(in, 'T') || in->kind == INPUT_BACKTAB ||
	    (s->page != PAGE_NONE && is_char(in, '/'));
}

bool
browse_key(struct action_context *a, const struct input *in)
{
	struct screen *s = a->screen;

	s->browse.left = false;
	if (s->browse.on) {
		mode_key(a, in);
		browse_work(s);
		return true;
	}
	if (!enters(s, in))
		return false;
	if (is_char(in, '/'))
		view_help_whole(s);
	if (!browse_enter(s))
		action_say(a, TONE_PLAIN, "There is nothing to read here yet.");
	else if (is_char(in, '/'))
		browse_find_key(a, in);
	return true;
}
