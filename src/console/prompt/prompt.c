/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/prompt/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <readline/readline.h>
#include <readline/history.h>

#include "base/mem.h"
#include "base/text.h"
#include "console/draw/canvas.h"
#include "console/prompt/recall.h"
#include "wire/messages.h"

static struct {
	prompt_line_fn *fn;
	void *arg;
	FILE *null;
	char queue[64];
	size_t head, len;
	int goal; /* cells from the begin of a line that Up and Down keep to */
	struct recall *recall;
} prompt;

/* --- what readline calls --- */

static int
on_getc(FILE *unused)
{
	if (prompt.len == 0)
		return EOF;
	prompt.len--;
	return (unsigned char)prompt.queue[prompt.head++];
}

static int
on_available(void)
{
	return prompt.len > 0;
}

static void
on_redisplay(void)
{
}

static void
on_line(char *line)
{
	const HIST_ENTRY *last;
	bool kept = false;

	if (!line)
		return;
	last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
	if (recall_wants(line) && (!last || strcmp(last->line, line) != 0)) {
		add_history(line);
		kept = true;
	}
	prompt.fn(line, prompt.arg);
	if (kept) /* behind what it asks for: a disk may be slow */
		recall_add(prompt.recall, line);
	free(line);
}

/* The palette completes; readline would offer the names of files. */
static char **
on_complete(const char *text, int start, int end)
{
	rl_attempted_completion_over = 1;
	return NULL;
}

/* --- a prompt of several lines --- */

static int
line_begin(int at)
{
	while (at > 0 && rl_line_buffer[at - 1] != '\n')
		at--;
	return at;
}

static int
line_end(int at)
{
	while (at < rl_end && rl_line_buffer[at] != '\n')
		at++;
	return at;
}

/* Where that many cells of the line that begins at begin are over. */
static int
at_cells(int begin, int cells)
{
	int end = line_end(begin), at = begin;

	while (at < end) {
		uint32_t cp;
		int n = (int)text_decode(rl_line_buffer + at, (size_t)(end - at), &cp);

		if (canvas_width(rl_line_buffer + begin, (size_t)(at + n - begin)) >
		    cells)
			break;
		at += n;
	}
	return at;
}

static int on_up(int count, int key);
static int on_down(int count, int key);

/* One line up or down (dir), to where the first of several such steps began. */
static bool
move_line(int dir)
{
	int begin = line_begin(rl_point), end = line_end(rl_point);

	if (dir < 0 ? begin == 0 : end == rl_end)
		return false;
	if (rl_last_func != on_up && rl_last_func != on_down)
		prompt.goal =
		    canvas_width(rl_line_buffer + begin, (size_t)(rl_point - begin));
	rl_point = at_cells(dir < 0 ? line_begin(begin - 1) : end + 1, prompt.goal);
	return true;
}

static int
on_up(int count, int key)
{
	return move_line(-1) ? 0 : rl_get_previous_history(count, key);
}

static int
on_down(int count, int key)
{
	return move_line(1) ? 0 : rl_get_next_history(count, key);
}

/* To the line's begin; there already: to that of all. */
static int
on_home(int count, int key)
{
	int begin = line_begin(rl_point);

	rl_point = rl_point == begin ? 0 : begin;
	return 0;
}

static int
on_end(int count, int key)
{
	int end = line_end(rl_point);

	rl_point = rl_point == end ? rl_end : end;
	return 0;
}

/* The rest of the line; at its end: the line end. */
static int
on_kill(int count, int key)
{
	int end = line_end(rl_point);

	if (end == rl_end || count < 1)
		return rl_kill_line(count, key);
	return rl_kill_text(rl_point, end == rl_point ? end + 1 : end);
}

/* A backslash at the end, and not one that another one stands for. */
static bool
goes_on(void)
{
	int n = 0;

	while (n < rl_end && rl_line_buffer[rl_end - 1 - n] == '\\')
		n++;
	return n % 2 == 1;
}

static bool
new_line(void)
{
	if (rl_end + 1 > WIRE_PROMPT_MAX)
		return false;
	rl_insert_text("\n");
	return true;
}

/* --- setting it up --- */

/*
 * What readline 8.2 can do and a prompt had better not: a macro that plays itself and a
 * search by lines (Ctrl-R is the other one) end in freed memory, a comment sends the line
 * with a sign in front, a control character is none of a prompt's.
 */
static rl_command_func_t *const unwanted[] = {rl_call_last_kbd_macro, rl_end_kbd_macro,
    rl_insert_comment, rl_noninc_forward_search, rl_noninc_forward_search_again,
    rl_noninc_reverse_search, rl_noninc_reverse_search_again, rl_quoted_insert,
    rl_re_read_init_file, rl_start_kbd_macro, rl_vi_search, rl_vi_search_again};

static void
bind_keys(Keymap map)
{
	rl_bind_keyseq_in_map("\\e[A", on_up, map);
	rl_bind_keyseq_in_map("\\e[B", on_down, map);
	rl_bind_keyseq_in_map("\\e[C", rl_forward_char, map);
	rl_bind_keyseq_in_map("\\e[D", rl_backward_char, map);
	rl_bind_keyseq_in_map("\\e[H", on_home, map);
	rl_bind_keyseq_in_map("\\e[F", on_end, map);
	rl_bind_keyseq_in_map("\\e[3~", rl_delete, map);
	for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
		rl_unbind_function_in_map(unwanted[i], map);
}

static void
bind_emacs(Keymap map)
{
	rl_bind_key_in_map('A' - '@', on_home, map);
	rl_bind_key_in_map('E' - '@', on_end, map);
	rl_bind_key_in_map('K' - '@', on_kill, map);
}

/* The history's own limit is recall's: what comes out of the file is as many. */
static void
on_recalled(const char *text, void *arg)
{
	add_history(text);
}

void
prompt_start(bool vi, const char *recall, prompt_line_fn *fn, void *arg)
{
	memset(&prompt, 0, sizeof prompt);
	prompt.fn = fn;
	prompt.arg = arg;
	prompt.null = fopen("/dev/null", "r+e");
	setenv("INPUTRC", "/dev/null", 1);
	rl_readline_name = "breakglass";
	rl_instream = rl_outstream = prompt.null;
	rl_catch_signals = rl_catch_sigwinch = rl_change_environment = 0;
	rl_prep_term_function = NULL;
	rl_deprep_term_function = NULL;
	rl_getc_function = on_getc;
	rl_input_available_hook = on_available;
	rl_redisplay_function = on_redisplay;
	rl_attempted_completion_function = on_complete;
	rl_initialize();
	rl_variable_bind("bell-style", "none");
	rl_variable_bind("enable-bracketed-paste", "off");
	rl_variable_bind("editing-mode", vi ? "vi" : "emacs");
	bind_keys(rl_get_keymap_by_name("emacs-standard"));
	bind_keys(rl_get_keymap_by_name("vi-insert"));
	bind_keys(rl_get_keymap_by_name("vi-command"));
	bind_emacs(rl_get_keymap_by_name("emacs-standard"));
	clear_history();
	stifle_history(RECALL_ENTRIES_MAX);
	prompt.recall = recall_new(recall);
	recall_load(prompt.recall, on_recalled, NULL);
	rl_callback_handler_install("> ", on_line);
}

void
prompt_stop(void)
{
	rl_callback_handler_remove();
	rl_instream = rl_outstream = NULL;
	if (prompt.null)
		fclose(prompt.null);
	prompt.null = NULL;
	recall_free(prompt.recall);
	prompt.recall = NULL;
}

/* --- keys --- */

/* There are ways to insert a control character (vi binds most to that): none stays. */
static void
drop_controls(void)
{
	for (int i = 0; i < rl_end;) {
		unsigned char c = (unsigned char)rl_line_buffer[i];

		if ((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t') {
			i++;
			continue;
		}
		rl_delete_text(i, i + 1);
		if (rl_point > i)
			rl_point--;
	}
	if (rl_point > rl_end || rl_point < 0) /* vi's motions may leave it there */
		rl_point = rl_end;
}

static void
feed(const char *bytes, size_t len)
{
	if (len == 0 || len > sizeof prompt.queue)
		return;
	memcpy(prompt.queue, bytes, len);
	prompt.head = 0;
	prompt.len = len;
	while (prompt.len > 0)
		rl_callback_read_char();
	drop_controls();
}

static size_t
key_bytes(const struct input *in, char out[8])
{
	static const char *const edit[INPUT_KINDS] = {[INPUT_ENTER] = "\r",
	    [INPUT_BACKSPACE] = "\x7f",
	    [INPUT_DELETE] = "\x1b[3~",
	    [INPUT_UP] = "\x1b[A",
	    [INPUT_DOWN] = "\x1b[B",
	    [INPUT_RIGHT] = "\x1b[C",
	    [INPUT_LEFT] = "\x1b[D",
	    [INPUT_HOME] = "\x1b[H",
	    [INPUT_END] = "\x1b[F",
	    [INPUT_ESC] = "\x1b"};

	if (in->kind == INPUT_CHAR)
		return (size_t)snprintf(out, 8, "%s", in->text);
	if (in->kind == INPUT_CTRL && in->n > '@' && in->n <= '_')
		return (size_t)snprintf(out, 8, "%c", in->n - '@');
	if (in->kind == INPUT_ALT && in->n > ' ' && in->n < 0x7f)
		return (size_t)snprintf(out, 8, "\x1b%c", in->n);
	return edit[in->kind] ? (size_t)snprintf(out, 8, "%s", edit[in->kind]) : 0;
}

/* A search, an argument, half of a key: what follows is not one of its keys. */
static void
settle(void)
{
	if (RL_ISSTATE(RL_STATE_ISEARCH))
		feed("\n", 1); /* keeps what was found */
	else if (RL_ISSTATE(RL_STATE_NSEARCH | RL_STATE_NUMERICARG | RL_STATE_MULTIKEY |
		     RL_STATE_METANEXT | RL_STATE_VIMOTION | RL_STATE_CHARSEARCH |
		     RL_STATE_MOREINPUT))
		feed("\a", 1); /* Ctrl-G */
}

/*
 * While it searches, a key that is not the search's ends it first: readline 8.2 follows a
 * null pointer when the first half of a key (Ctrl-X) has ended a search.
 */
static bool
is_search_key(const struct input *in)
{
	return in->kind == INPUT_CHAR || in->kind == INPUT_BACKSPACE ||
	    in->kind == INPUT_ENTER ||
	    (in->kind == INPUT_CTRL && strchr("GHJRSWY", in->n));
}

/* Enter behind a backslash: a new line, and the backslash has done its work. */
static bool
enter_goes_on(const struct input *in)
{
	if (in->kind != INPUT_ENTER || prompt_is_searching() || !goes_on())
		return false;
	rl_begin_undo_group();
	rl_delete_text(rl_end - 1, rl_end);
	rl_point = rl_end;
	new_line();
	rl_end_undo_group();
	return true;
}

bool
prompt_key(const struct input *in)
{
	char bytes[8];
	size_t len = key_bytes(in, bytes);

	if (in->kind == INPUT_ALT && (in->n == '\r' || in->n == '\n')) {
		settle();
		return new_line();
	}
	if (in->kind == INPUT_ESC && prompt_is_searching()) {
		settle();
		return true;
	}
	if (RL_ISSTATE(RL_STATE_ISEARCH) && !is_search_key(in))
		settle();
	/* Its line would come with the next key only, and be freed twice. */
	if (in->kind == INPUT_ENTER && RL_ISSTATE(RL_STATE_NUMERICARG))
		settle();
	if (in->kind == INPUT_ESC && rl_editing_mode != 0)
		return false; /* emacs would wait for the key that it modifies */
	if (in->kind == INPUT_CHAR && (size_t)rl_end + len > WIRE_PROMPT_MAX)
		return false;
	if (enter_goes_on(in))
		return true;
	feed(bytes, len);
	return len > 0;
}

bool
prompt_insert(const char *text, size_t len)
{
	char *copy;

	if ((size_t)rl_end + len > WIRE_PROMPT_MAX)
		return false;
	settle();
	copy = mem_dupn(text, len);
	rl_insert_text(copy);
	free(copy);
	return true;
}

void
prompt_clear(void)
{
	prompt_set("");
}

void
prompt_set(const char *text)
{
	rl_replace_line(text, 1);
	rl_point = rl_end;
}

void
prompt_replace(size_t from, size_t to, const char *text)
{
	if (to > (size_t)rl_end || from > to ||
	    (size_t)rl_end - (to - from) + strlen(text) > WIRE_PROMPT_MAX)
		return;
	rl_begin_undo_group();
	rl_delete_text((int)from, (int)to);
	rl_point = (int)from;
	rl_insert_text(text);
	rl_end_undo_group();
}

bool
prompt_is_searching(void)
{
	return RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH);
}

const char *
prompt_text(void)
{
	return rl_line_buffer ? rl_line_buffer : "";
}

size_t
prompt_cursor(void)
{
	return (size_t)rl_point;
}

const char *
prompt_label(void)
{
	return rl_display_prompt ? rl_display_prompt : "> ";
}
