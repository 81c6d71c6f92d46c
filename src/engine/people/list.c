/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/people/list.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define WORDS_MAX 4

/* Words between blanks, cut in place; what stands behind the last one is a word, too. */
static int
cut_words(char *text, char *words[WORDS_MAX])
{
	int n = 0;

	while (n < WORDS_MAX) {
		text += strspn(text, " \t\r");
		if (!*text)
			break;
		words[n++] = text;
		text += strcspn(text, " \t\r");
		if (*text)
			*text++ = '\0';
	}
	return n;
}

static bool
is_printable(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s >= 0x7f)
			return false;
	return true;
}

static const char *
take_uid(struct list_line *l, const char *text)
{
	unsigned long long n = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 10 || text[digits])
		return "uid: wants a number";
	for (; *text; text++)
		n = n * 10 + (unsigned long long)(*text - '0');
	if (n >= 4294967295ull)
		return "there is no such uid";
	l->uid = (uid_t)n;
	return NULL;
}

static const char *
take_what(struct list_line *l, const char *text)
{
	size_t max = l->kind == LIST_KEY ? sizeof l->what - 1 : WIRE_NAME_MAX;

	if (!*text)
		return "nothing stands behind the colon";
	if (strlen(text) > max)
		return "that is too long";
	if (l->kind == LIST_KEY &&
	    (strncmp(text, "SHA256:", 7) != 0 || strlen(text) != 50))
		return "a key is SHA256: and 43 letters, as ssh-keygen -l prints it";
	snprintf(l->what, sizeof l->what, "%s", text);
	return NULL;
}

static const char *
take_proof(struct list_line *l, const char *text)
{
	static const char *const kinds[LIST_KINDS] = {"uid:", "user:", "key:", "name:"};

	for (int k = 0; k < LIST_KINDS; k++) {
		size_t len = strlen(kinds[k]);

		if (strncmp(text, kinds[k], len) != 0)
			continue;
		l->kind = (enum list_kind)k;
		return k == LIST_UID ? take_uid(l, text + len) : take_what(l, text + len);
	}
	return "a line begins with uid:, user:, key: or name:";
}

static const char *
take_words(struct list_line *l, char *words[], int n)
{
	const char *why;

	for (int i = 0; i < n; i++)
		if (!is_printable(words[i]))
			return "a line is printable ASCII";
	if (n < 2)
		return "a role is missing: drive or read-only";
	if (n > 3)
		return "a line is PROOF ROLE [NAME], nothing more";
	why = take_proof(l, words[0]);
	if (why)
		return why;
	if (strcmp(words[1], "read-only") == 0)
		l->read_only = true;
	else if (strcmp(words[1], "drive") != 0)
		return "the roles are drive and read-only";
	if (n > 2 && strlen(words[2]) > WIRE_NAME_MAX)
		return "a name has at most 32 letters";
	snprintf(l->name, sizeof l->name, "%s", n > 2 ? words[2] : "");
	return NULL;
}

static int
take_line(struct list *l, const char *text, size_t len, int number, struct err *err)
{
	char copy[256], *words[WORDS_MAX];
	const char *why;
	int n;

	if (len >= sizeof copy || memchr(text, '\0', len))
		return err_set(err, ERR_USAGE,
		    "line %d: a line has at most 255 letters, and no NUL", number);
	memcpy(copy, text, len);
	copy[len] = '\0';
	copy[strcspn(copy, "#")] = '\0';
	n = cut_words(copy, words);
	if (n == 0)
		return 0;
	if (l->count == LIST_LINES_MAX)
		return err_set(
		    err, ERR_USAGE, "line %d: 256 operators are the most", number);
	why = take_words(&l->line[l->count], words, n);
	if (why)
		return err_set(err, ERR_USAGE, "line %d: %s", number, why);
	l->line[l->count++].number = number;
	return 0;
}

int
list_parse(struct list *l, const char *text, size_t len, struct err *err)
{
	int number = 0;

	memset(l, 0, sizeof *l);
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;

		if (take_line(l, text + at, n, ++number, err) < 0) {
			memset(l, 0, sizeof *l);
			return -1;
		}
		at += n + 1;
	}
	return 0;
}

/* The account behind a peer: what root's programs say comes before its uid. */
static const char *
account_of(const struct who_seen *s)
{
	return s->sudo ? s->sudo_by : s->ssh ? s->ssh_user : s->user;
}

static bool
fits(const struct list_line *l, const struct who_seen *s)
{
	const char *is = l->kind == LIST_USER ? account_of(s) : s->ssh_key;

	return is[0] && strcmp(is, l->what) == 0;
}

enum list_fit
list_find(const struct list *l, uid_t uid, const struct who_seen *seen,
    const struct list_line **line)
{
	for (int i = 0; i < l->count; i++) {
		const struct list_line *at = &l->line[i];

		*line = at;
		if (at->kind == LIST_UID && at->uid == uid)
			return LIST_FITS; /* the kernel's word needs no look */
		if (at->kind == LIST_UID || at->kind == LIST_NAME)
			continue;
		if (!seen)
			return LIST_LATER;
		if (!seen->gone && fits(at, seen))
			return LIST_FITS;
	}
	*line = NULL;
	return LIST_NOBODY;
}

const struct list_line *
list_find_uid(const struct list *l, uid_t uid, bool *read_only)
{
	*read_only = false;
	for (int i = 0; i < l->count; i++) {
		const struct list_line *at = &l->line[i];

		if (at->kind == LIST_NAME || (at->kind == LIST_UID && at->uid != uid))
			continue;
		*read_only |= at->read_only;
		if (at->kind == LIST_UID)
			return at;
	}
	return NULL;
}

const struct list_line *
list_find_name(const struct list *l, const char *name)
{
	for (int i = 0; i < l->count; i++)
		if (l->line[i].kind == LIST_NAME && strcmp(l->line[i].what, name) == 0)
			return &l->line[i];
	return NULL;
}
