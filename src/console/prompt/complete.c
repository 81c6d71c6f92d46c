/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/prompt/complete.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "console/prompt/complete_int.h"
#include "console/replay/replay_keys.h"
#include "wire/verbs.h"

const char *const complete_group_names[COMPLETE_GROUPS] = {
    [COMPLETE_VM] = "VM",
    [COMPLETE_AGENT] = "agent",
    [COMPLETE_PANES] = "panes",
    [COMPLETE_INCIDENT] = "incident",
};

/* By the command's word; what is not here is about the panes. */
static const struct {
	const char *words;
	enum complete_group group;
} groups[] = {
    {" status forensics start stop reset cycle verdict screen shell accept cold ",
	COMPLETE_VM},
    {" cancel triage memory disk services qemu runbook offline answer lower agent observe "
     "repair autonomous ",
	COMPLETE_AGENT},
    {" note who drive watch unlock new close detach retry replay ", COMPLETE_INCIDENT},
};

/* Commands that do nothing without what follows. */
static const char needy[] = " find note end split theme offline ";

static bool
is_one_of(const char *words, const char *word)
{
	char key[64];

	snprintf(key, sizeof key, " %.60s ", word);
	return strstr(words, key) != NULL;
}

static enum complete_group
group_of(const char *slash)
{
	for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
		if (is_one_of(groups[i].words, slash))
			return groups[i].group;
	return COMPLETE_PANES;
}

static bool
has_inside(const char *text, const char *part, size_t len)
{
	for (; *text; text++)
		if (strncasecmp(text, part, len) == 0)
			return true;
	return false;
}

/* A word that begins with part. */
static bool
has_word(const char *text, const char *part, size_t len)
{
	for (const char *p = text; *p; p++)
		if ((p == text || p[-1] == ' ') && strncasecmp(p, part, len) == 0)
			return true;
	return false;
}

struct complete_row *
complete_add(struct complete *c, const char *typed, size_t len, const char *word)
{
	struct complete_row *row;
	bool begins = strncmp(word, typed, len) == 0;

	if (c->count == COMPLETE_ROWS_MAX || strlen(word) >= sizeof row->word)
		return NULL;
	if (!begins && !has_inside(word, typed, len))
		return NULL;
	row = &c->row[c->count++];
	memset(row, 0, sizeof *row);
	snprintf(row->word, sizeof row->word, "%s", word);
	row->begins = begins;
	return row;
}

/* --- commands --- */

static void
put_keys(const struct keymap_row *k, struct complete_row *row)
{
	if (k->fkey > 0)
		snprintf(row->keys, sizeof row->keys, "F%d", k->fkey);
	else
		snprintf(row->keys, sizeof row->keys, "%s", k->keys ? k->keys : "");
	if (k->fkey > 0 && k->fkey <= 10)
		snprintf(row->twin, sizeof row->twin, "Esc %d", k->fkey % 10);
}

static void
add_command(struct complete *c, const struct screen *s, const struct keymap_row *k,
    const char *typed, size_t len)
{
	int verb = keymap_verb(k->action);
	const char *help = verb >= 0 ? verb_rows[verb].does : k->help;
	struct complete_row *row;
	char word[64];

	snprintf(word, sizeof word, "/%s", k->slash);
	if (strncmp(word, typed, len) != 0 && !has_inside(k->slash, typed + 1, len - 1) &&
	    !(len > 2 && has_word(help, typed + 1, len - 1)))
		return;
	row = complete_add(c, "", 0, word);
	if (!row)
		return;
	row->begins = strncmp(word, typed, len) == 0;
	row->group = group_of(k->slash);
	row->more = is_one_of(needy, k->slash);
	row->danger = verb >= 0 && verb_rows[verb].mutating;
	snprintf(row->args, sizeof row->args, "%s", k->args ? k->args : "");
	snprintf(row->help, sizeof row->help, "%s", help);
	snprintf(row->why, sizeof row->why, "%s", complete_why(s, k));
	put_keys(k, row);
}

static void
add_commands(struct complete *c, const struct screen *s, const char *typed, size_t len)
{
	for (int group = 0; group < COMPLETE_GROUPS; group++)
		for (size_t i = 0; i < keymap_count; i++) {
			const struct keymap_row *k = &keymap_rows[i];

			if (k->slash && (int)group_of(k->slash) == group &&
			    (!s->replay.on || replay_keys_may(k->action)))
				add_command(c, s, k, typed, len);
		}
}

/* 0: begins with it, 1: has it inside, 2: is explained with it. */
static int
rank(const struct complete_row *row, const char *typed, size_t len)
{
	if (row->begins)
		return 0;
	return has_inside(row->word, typed, len) ? 1 : 2;
}

static void
sort(struct complete *c, const char *typed, size_t len)
{
	struct complete_row row;

	/* Few, and in the order of their groups: what is equal stays so. */
	for (int i = 1; i < c->count; i++) {
		int at = i, mine = rank(&c->row[i], typed, len);

		while (at > 0 && rank(&c->row[at - 1], typed, len) > mine)
			at--;
		if (at == i)
			continue;
		row = c->row[i];
		memmove(&c->row[at + 1], &c->row[at], (size_t)(i - at) * sizeof row);
		c->row[at] = row;
	}
	for (c->begin = 0; c->begin < c->count && c->row[c->begin].begins;)
		c->begin++;
}

void
complete_list(struct complete *c, const struct screen *s, const char *line, size_t len)
{
	size_t word = 0;
	const char *last;

	c->from = 0;
	c->count = c->begin = 0;
	c->command = true;
	if (len == 0 || line[0] != '/' || memchr(line, '\n', len))
		return;
	while (word < len && line[word] != ' ')
		word++;
	if (word == len) {
		add_commands(c, s, line, len);
		sort(c, line + (len > 1), len - (len > 1));
		return;
	}
	last = memrchr(line, ' ', len);
	c->command = false;
	c->from = (size_t)(last + 1 - line);
	complete_args(
	    c, s, line + 1, word - 1, line + word, line + c->from, len - c->from);
	sort(c, line + c->from, len - c->from);
}

size_t
complete_common(const struct complete *c)
{
	size_t n = c->begin > 0 ? strlen(c->row[0].word) : 0;

	for (int i = 1; i < c->begin; i++) {
		size_t k = 0;

		while (k < n && c->row[i].word[k] == c->row[0].word[k])
			k++;
		n = k;
	}
	return n;
}
