/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <readline/readline.h>
#include <readline/history.h>

#include "base/mem.h"
#include "console/keymap.h"
#include "wire/messages.h"

#define HISTORY_MAX 500

static struct {
	prompt_line_fn *fn;
	void *arg;
	FILE *null;
	char queue[64];
	size_t head, len;
	char matches[256];
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

	if (!line)
		return;
	last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
	if (line[0] && (!last || strcmp(last->line, line) != 0))
		add_history(line);
	prompt.fn(line, prompt.arg);
	free(line);
}

static char *
next_slash(const char *text, int state)
{
	static size_t i;

	if (state == 0)
		i = 0;
	while (i < keymap_count) {
		const char *slash = keymap_rows[i++].slash;
		char *word;

		if (!slash || text[0] != '/' ||
		    strncmp(slash, text + 1, strlen(text) - 1) != 0)
			continue;
		word = malloc(strlen(slash) + 2); /* readline frees it */
		if (!word)
			abort();
		sprintf(word, "/%s", slash);
		return word;
	}
	return NULL;
}

static char **
on_complete(const char *text, int start, int end)
{
	rl_attempted_completion_over = 1; /* never file names */
	return start == 0 ? rl_completion_matches(text, next_slash) : NULL;
}

static void
on_matches(char **matches, int count, int longest)
{
	size_t at = 0;

	prompt.matches[0] = '\0';
	for (int i = 1; i <= count && at + 24 < sizeof prompt.matches; i++)
		at += (size_t)snprintf(prompt.matches + at, sizeof prompt.matches - at,
		    "%s%s", i > 1 ? " " : "", matches[i]);
}

/* --- setting it up --- */

static void
bind_keys(Keymap map)
{
	rl_bind_keyseq_in_map("\\e[A", rl_get_previous_history, map);
	rl_bind_keyseq_in_map("\\e[B", rl_get_next_history, map);
	rl_bind_keyseq_in_map("\\e[C", rl_forward_char, map);
	rl_bind_keyseq_in_map("\\e[D", rl_backward_char, map);
	rl_bind_keyseq_in_map("\\e[H", rl_beg_of_line, map);
	rl_bind_keyseq_in_map("\\e[F", rl_end_of_line, map);
	rl_bind_keyseq_in_map("\\e[3~", rl_delete, map);
}

void
prompt_start(bool vi, prompt_line_fn *fn, void *arg)
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
	rl_completion_display_matches_hook = on_matches;
	rl_completer_word_break_characters = " ";
	rl_completion_append_character = ' ';
	rl_initialize();
	rl_variable_bind("bell-style", "none");
	rl_variable_bind("enable-bracketed-paste", "off");
	rl_variable_bind("show-all-if-ambiguous", "on");
	rl_variable_bind("editing-mode", vi ? "vi" : "emacs");
	bind_keys(rl_get_keymap_by_name("emacs-standard"));
	bind_keys(rl_get_keymap_by_name("vi-insert"));
	bind_keys(rl_get_keymap_by_name("vi-command"));
	stifle_history(HISTORY_MAX);
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
}

/* --- keys --- */

static void
feed(const char *bytes, size_t len)
{
	if (len == 0 || len > sizeof prompt.queue)
		return;
	memcpy(prompt.queue, bytes, len);
	prompt.head = 0;
	prompt.len = len;
	prompt.matches[0] = '\0';
	while (prompt.len > 0)
		rl_callback_read_char();
}

static size_t
key_bytes(const struct input *in, char out[8])
{
	static const char *const edit[INPUT_KINDS] = {[INPUT_ENTER] = "\r",
	    [INPUT_TAB] = "\t",
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

bool
prompt_key(const struct input *in)
{
	char bytes[8];
	size_t len = key_bytes(in, bytes);

	if (in->kind == INPUT_ESC && rl_editing_mode != 0)
		return false; /* emacs would wait for the key that it modifies */
	if (in->kind == INPUT_CHAR && (size_t)rl_end + len > WIRE_PROMPT_MAX)
		return false;
	feed(bytes, len);
	return len > 0;
}

bool
prompt_insert(const char *text, size_t len)
{
	char *copy;

	if ((size_t)rl_end + len > WIRE_PROMPT_MAX)
		return false;
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

const char *
prompt_matches(void)
{
	return prompt.matches;
}
