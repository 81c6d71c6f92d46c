/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/said.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const char *const names[RESULTS] = {"pass", "warn", "fail", "skip"};

const char *
result_name(enum result r)
{
	return names[r];
}

static void
begin(struct said *s, enum result result, const char *fmt, va_list ap)
{
	js_free(s->values);
	memset(s, 0, sizeof *s);
	s->result = result;
	vsnprintf(s->seen, sizeof s->seen, fmt, ap);
	text_only_utf8(s->seen);
}

#define SAID(name, result)                                     \
	void said_##name(struct said *s, const char *fmt, ...) \
	{                                                      \
		va_list ap;                                    \
		va_start(ap, fmt);                             \
		begin(s, result, fmt, ap);                     \
		va_end(ap);                                    \
	}

SAID(pass, RESULT_PASS)
SAID(warn, RESULT_WARN)
SAID(fail, RESULT_FAIL)
SAID(skip, RESULT_SKIP)

void
said_more(struct said *s, const char *fmt, ...)
{
	size_t n = strlen(s->seen);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->seen + n, sizeof s->seen - n, fmt, ap);
	va_end(ap);
	text_only_utf8(s->seen + n);
}

void
said_do(struct said *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->mend, sizeof s->mend, fmt, ap);
	va_end(ap);
	text_only_utf8(s->mend);
	s->command = false;
}

void
said_run(struct said *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->mend, sizeof s->mend, fmt, ap);
	va_end(ap);
	text_only_utf8(s->mend);
	/* one that was cut is none */
	s->command = strlen(s->mend) < sizeof s->mend - 1;
}

/* The commands that errors end with, and their words; 0: only in sentences. */
static const struct {
	const char *word;
	int words;
} commands[] = {{"chmod ", 3}, {"chown ", 3}, {"chgrp ", 3}, {"rm ", 2}, {"export ", 2},
    {"groupadd ", 2}, {"usermod ", 0}, {"sudo ", 0}};

/* Which of them these words begin with; ARRAY_LEN: none. */
static size_t
command_of(const char *words)
{
	size_t i = 0;

	while (i < ARRAY_LEN(commands) &&
	    strncmp(words, commands[i].word, strlen(commands[i].word)) != 0)
		i++;
	return i;
}

/*
 * As it stands it can be given to a shell.  Errors do not quote the names in them: one
 * with a blank makes more words of it, one with a quote or a "$" is not plain.
 */
static bool
is_runnable(const char *words)
{
	size_t i = command_of(words);
	int n = 1;

	if (i == ARRAY_LEN(commands) ||
	    words[strspn(words, TEXT_SHELL_PLAIN " ")] != '\0')
		return false;
	for (const char *p = words; *p; p++)
		n += *p == ' ';
	/* "chown 0 FILE and chmod 600 FILE", "rm X, or set run_dir" are sentences */
	return n == commands[i].words;
}

/* Where the mend begins: behind the last ": " that a command or a sentence follows. */
static const char *
mend_in(const char *words, bool *command)
{
	const char *found = NULL;

	*command = false;
	for (const char *p = strstr(words, ": "); p; p = strstr(p + 2, ": ")) {
		bool is = command_of(p + 2) < ARRAY_LEN(commands);

		if (*command && !is)
			continue;
		found = p;
		*command = is;
	}
	return found;
}

void
said_err(struct said *s, enum result result, const struct err *err, const char *todo)
{
	bool command;
	const char *mend = mend_in(err->words, &command);

	said_fail(s, "%s", err->words);
	s->result = result;
	/* what the system says is no mend: "write X: Permission denied" */
	if (!mend || (err->code == ERR_SYSTEM && !command)) {
		said_do(s, "%s", todo);
		return;
	}
	s->seen[mend - err->words] = '\0';
	said_do(s, "%s", mend + 2);
	/* one that was cut is none */
	s->command = is_runnable(mend + 2) && strlen(err->words) < sizeof err->words - 1;
}

struct js *
said_values(struct said *s)
{
	if (!s->values)
		s->values = js_new();
	return s->values;
}

void
said_fini(struct said *s)
{
	js_free(s->values);
	s->values = NULL;
}

const char *
said_word(const char *text, char out[SAID_WORD_MAX])
{
	char *word = text_shell_word(text);

	snprintf(out, SAID_WORD_MAX, "%s", word);
	free(word);
	return out;
}
