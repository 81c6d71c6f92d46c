/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a model may give to a tool.  Its words are for the model: they say what
 * is wrong and what would be right.
 */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "engine/agent/tools_int.h"

#define NUMBER_MAX 1000000000
#define BASH_KEEP (1ll << 30) /* bytes of output: then it is ended */
#define FILES_KEEP (1 << 20)

enum type { TEXT, NUMBER };

struct member {
	const char *name;
	enum type type;
	bool needed;
	size_t max; /* bytes */
};

struct tool {
	const char *name;
	int64_t limit_ms, keep;
	struct member members[4]; /* the first without a name ends them */
};

static const struct tool tools[TOOL_KINDS] = {
    [TOOL_BASH] = {"Bash", TOOL_LIMIT_MS, BASH_KEEP,
	{{"command", TEXT, true, TOOL_COMMAND_MAX}, {"timeout_ms", NUMBER, false, 0}}},
    [TOOL_READ] = {"Read", TOOL_FILES_MS, FILES_KEEP,
	{{"path", TEXT, true, TOOL_WORD_MAX}, {"offset", NUMBER, false, 0},
	    {"limit", NUMBER, false, 0}}},
    [TOOL_GREP] = {"Grep", TOOL_FILES_MS, FILES_KEEP,
	{{"pattern", TEXT, true, TOOL_WORD_MAX}, {"path", TEXT, false, TOOL_WORD_MAX},
	    {"glob", TEXT, false, TOOL_WORD_MAX}}},
    [TOOL_GLOB] = {"Glob", TOOL_FILES_MS, FILES_KEEP,
	{{"pattern", TEXT, true, TOOL_WORD_MAX}, {"path", TEXT, false, TOOL_WORD_MAX}}},
};

const char *const tool_names[TOOL_KINDS] = {"Bash", "Read", "Grep", "Glob"};

static int
hex4(const char *s, const char *end)
{
	int n = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef";
		const char *hit = s[i] ? strchr(digits, s[i] | 0x20) : NULL;

		if (!hit || (s[i] < '0'))
			return -1;
		n = n * 16 + (int)(hit - digits);
	}
	return n;
}

/*
 * Half of a surrogate pair: a reader may make U+FFFD of it, and the command that
 * runs would not be the one that was written.  In the raw text, because the tree
 * has lost it.
 */
static bool
has_half_pair(const char *s, size_t len)
{
	const char *end = s + len;

	for (; s < end; s++) {
		int unit;

		if (*s != '\\' || s + 1 >= end)
			continue;
		if (*++s != 'u')
			continue;
		unit = hex4(s + 1, end);
		if (unit < 0xd800 || unit > 0xdfff)
			continue;
		if (unit >= 0xdc00 || end - s < 11 || s[5] != '\\' || s[6] != 'u')
			return true;
		unit = hex4(s + 7, end);
		if (unit < 0xdc00 || unit > 0xdfff)
			return true;
		s += 10;
	}
	return false;
}

static int
tool_find(const char *name)
{
	for (int k = 0; k < TOOL_KINDS; k++)
		if (strcmp(tools[k].name, name) == 0)
			return k;
	return -1;
}

struct known {
	const struct tool *tool;
	char unknown[64];
};

static bool
is_known(const char *key, void *arg)
{
	struct known *k = arg;

	for (const struct member *m = k->tool->members; m->name; m++)
		if (strcmp(m->name, key) == 0)
			return true;
	memcpy(k->unknown, key, strnlen(key, sizeof k->unknown - 1));
	return false;
}

static int
take_text(struct js *to, const struct js *from, const struct member *m, struct err *err)
{
	size_t len;
	const char *s = js_strn(from, m->name, &len);

	if (!s)
		return err_set(err, ERR_USAGE, "%s must be a string", m->name);
	if (memchr(s, '\0', len))
		return err_set(err, ERR_USAGE, "%s has a NUL character in it", m->name);
	if (len > m->max)
		return err_set(err, ERR_USAGE,
		    "%s has %zu bytes, at most %zu are taken%s", m->name, len, m->max,
		    m->max == TOOL_COMMAND_MAX
			? ": write a long script into a file piece by piece"
			: "");
	if (m->needed && !len)
		return err_set(err, ERR_USAGE, "%s is empty", m->name);
	js_set_strn(to, m->name, s, len);
	return 0;
}

static int
take_number(struct js *to, const struct js *from, const struct member *m, struct err *err)
{
	int64_t n = js_int(from, m->name, -1);

	if (n < 1 || n > NUMBER_MAX)
		return err_set(
		    err, ERR_USAGE, "%s must be a whole number from 1", m->name);
	js_set_int(to, m->name, n);
	return 0;
}

static int
take_members(struct tool_input *in, const struct tool *tool, const struct js *from,
    struct err *err)
{
	for (const struct member *m = tool->members; m->name; m++) {
		int rc;

		/* null is how a strict schema says that it is not given */
		if (!js_has(from, m->name) || js_is_null(from, m->name)) {
			if (m->needed)
				return err_set(err, ERR_USAGE, "%s is missing", m->name);
			continue;
		}
		rc = m->type == TEXT ? take_text(in->input, from, m, err)
				     : take_number(in->input, from, m, err);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
check_object(const struct tool *tool, const struct js *from, struct tool_input *in,
    struct err *err)
{
	struct known known = {.tool = tool};

	if (!js_each_key(from, is_known, &known))
		return err_set(
		    err, ERR_USAGE, "%s does not take \"%s\"", tool->name, known.unknown);
	in->limit_ms = tool->limit_ms;
	in->keep = tool->keep;
	in->input = js_new();
	if (take_members(in, tool, from, err) < 0) {
		js_free(in->input);
		in->input = NULL;
		return -1;
	}
	in->limit_ms = js_int(in->input, "timeout_ms", in->limit_ms);
	if (in->limit_ms > TOOL_LIMIT_MAX_MS)
		in->limit_ms = TOOL_LIMIT_MAX_MS;
	js_del(in->input, "timeout_ms");
	return 0;
}

int
tools_input_check(const char *name, const char *text, size_t len, struct tool_input *in,
    struct err *err)
{
	int kind = tool_find(name), rc = -1;
	struct js *from;

	if (kind < 0)
		return err_set(err, ERR_USAGE,
		    "there is no tool of this name; the tools are Bash, Read, Grep and Glob");
	if (len > TOOL_INPUT_MAX)
		return err_set(err, ERR_LIMIT,
		    "the input has %zu bytes, at most %d are read", len, TOOL_INPUT_MAX);
	from = js_parse(text, len, err);
	if (!from)
		return err_wrap(err, "the input is no strict JSON object");
	if (has_half_pair(text, len))
		err_set(err, ERR_USAGE,
		    "the input has half of a surrogate pair (\\ud800 to \\udfff) in it");
	else
		rc = check_object(&tools[kind], from, in, err);
	in->kind = (enum tool_kind)kind;
	js_free(from);
	return rc;
}
