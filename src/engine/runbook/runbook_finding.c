/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A finding's block, a word and its rest on each line:
 *
 *     in space  ^\S+ +\d+ +\d+ +\d+ +(\d+)% +(/.*)$
 *     if $1 >= 95
 *     say $2 is $1 % full
 *     do `sudo du -xh $2 | sort -h | tail`
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/runbook/runbook_int.h"

static const struct part_row {
	const char *name;
	enum step_part part;
	bool of_verdict;
} parts[] = {
    {"out", PART_OUT, false},
    {"err", PART_ERR, false},
    {"exit", PART_EXIT, false},
    {"failed", PART_FAILED, false},
    {"ms", PART_MS, false},
    {"word", PART_WORD, true},
    {"advice", PART_ADVICE, true},
    {"why", PART_WHY, true},
    {"todo", PART_TODO, true},
    {"line", PART_LINE, true},
};

static int
take_part(struct reader *r, struct look *l, struct span word)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (span_is(word, parts[i].name)) {
			l->part = parts[i].part;
			return 0;
		}
	return runbook_bad(r, l->line,
	    "unknown word \"%.*s\": of a block there are .out .err .exit .failed .ms, of a "
	    "verdict .word .advice .why .todo .line, too",
	    (int)(word.len < 30 ? word.len : 30), word.at);
}

static int
take_look(
    struct reader *r, struct finding *f, enum look_kind kind, struct span rest, int line)
{
	struct look *l = &f->looks[f->look_count];
	struct span block = span_word(&rest);
	const char *dot = memchr(block.at, '.', block.len);
	struct span id = {block.at, dot ? (size_t)(dot - block.at) : block.len};

	if (f->look_count == RUNBOOK_LOOKS_MAX)
		return runbook_bad(r, line, "too long: at most %d patterns in a finding",
		    RUNBOOK_LOOKS_MAX);
	if (kind == LOOK_IN && f->look_count)
		return runbook_bad(r, line,
		    "the first pattern is \"in BLOCK PATTERN\", further "
		    "ones are \"also\" or \"not\"");
	if (kind != LOOK_IN && !f->look_count)
		return runbook_bad(r, line, "a finding begins with \"in BLOCK PATTERN\"");
	memset(l, 0, sizeof *l);
	l->kind = kind;
	l->line = line;
	l->step = -1;
	if (!span_id(id, l->step_id))
		return runbook_bad(
		    r, line, "behind \"in\" comes the id of a block, then a pattern");
	if (dot && take_part(r, l, (struct span){dot + 1, block.len - id.len - 1}) < 0)
		return -1;
	rest = span_trim(rest);
	l->pattern = pattern_new(rest.at, rest.len, r->err);
	if (!l->pattern) {
		r->line = line;
		return -1;
	}
	f->look_count++;
	return 0;
}

/* "12.5", "$3" or "now". */
static bool
take_value(struct span w, struct operand *out)
{
	char text[24], *end;

	*out = (struct operand){.factor = 1};
	if (span_is(w, "now"))
		out->now = true;
	else if (w.len == 2 && w.at[0] == '$' && w.at[1] >= '1' && w.at[1] <= '9')
		out->group = w.at[1] - '0';
	else {
		if (w.len == 0 || w.len >= sizeof text)
			return false;
		memcpy(text, w.at, w.len);
		text[w.len] = '\0';
		if (strspn(text, "0123456789.") != w.len)
			return false;
		out->factor = strtod(text, &end);
		return *end == '\0';
	}
	return true;
}

/* A value, or two with * + - between, of which one is a number. */
static bool
take_operand(struct span *rest, struct operand *out)
{
	struct operand second;
	struct span peek, op;
	bool number;

	if (!take_value(span_word(rest), out))
		return false;
	peek = *rest;
	op = span_word(&peek);
	if (op.len != 1 || !strchr("*+-", *op.at))
		return true;
	*rest = peek;
	if (!take_value(span_word(rest), &second))
		return false;
	number = !second.group && !second.now;
	if (*op.at != '*') {
		out->plus = *op.at == '+' ? second.factor : -second.factor;
		return number;
	}
	if (!number && (out->group || out->now))
		return false;
	out->factor *= second.factor;
	out->group += second.group;
	out->now |= second.now;
	return true;
}

static int
take_if(struct reader *r, struct finding *f, struct span rest, int line)
{
	static const char *const ops[] = {"<", "<=", ">", ">=", "=", "!="};
	struct condition *c = &f->ifs[f->if_count];
	struct span op;
	size_t i = 0;

	if (f->if_count == RUNBOOK_IFS_MAX)
		return runbook_bad(r, line,
		    "too long: at most %d comparisons in a finding", RUNBOOK_IFS_MAX);
	if (!take_operand(&rest, &c->left))
		goto bad;
	op = span_word(&rest);
	while (i < ARRAY_LEN(ops) && !span_is(op, ops[i]))
		i++;
	if (i == ARRAY_LEN(ops) || !take_operand(&rest, &c->right) || span_trim(rest).len)
		goto bad;
	c->op = (enum compare)i;
	f->if_count++;
	return 0;
bad:
	return runbook_bad(r, line,
	    "a comparison is two values with < <= > >= = != between and blanks around, such "
	    "as: if $1 >= 95, if $1 > 4 * $2, if $1 < now - 60");
}

static int
take_text(struct reader *r, char **into, struct span rest, const char *word, int line)
{
	rest = span_trim(rest);
	if (*into)
		return runbook_bad(
		    r, line, "\"%s\" is there twice in this finding", word);
	if (rest.len == 0 || rest.len > RUNBOOK_TEXT_MAX)
		return runbook_bad(r, line,
		    "behind \"%s\" comes a sentence of at most %d bytes", word,
		    RUNBOOK_TEXT_MAX);
	*into = span_dup(rest);
	return 0;
}

static int
take_line(struct reader *r, struct finding *f, struct span rest, int line)
{
	struct span w = span_word(&rest);

	if (w.len == 0)
		return 0;
	if (span_is(w, "in"))
		return take_look(r, f, LOOK_IN, rest, line);
	if (span_is(w, "also"))
		return take_look(r, f, LOOK_ALSO, rest, line);
	if (span_is(w, "not"))
		return take_look(r, f, LOOK_NOT, rest, line);
	if (span_is(w, "if"))
		return take_if(r, f, rest, line);
	if (span_is(w, "say"))
		return take_text(r, &f->say, rest, "say", line);
	if (span_is(w, "do"))
		return take_text(r, &f->todo, rest, "do", line);
	if (span_is(w, "each")) {
		f->each = span_int(span_trim(rest), 1, RUNBOOK_EACH_MAX);
		return f->each > 0
		    ? 0
		    : runbook_bad(
			  r, line, "each takes a number from 1 to %d", RUNBOOK_EACH_MAX);
	}
	if (span_is(w, "offer")) {
		if (span_id(span_trim(rest), f->repair_id))
			return 0;
		return runbook_bad(r, line, "behind \"offer\" comes the id of a repair");
	}
	return runbook_bad(r, line,
	    "unknown word \"%.*s\": a line of a finding begins with in, also, not, if, each, "
	    "say, do or offer",
	    (int)(w.len < 40 ? w.len : 40), w.at);
}

/* "F7 cycle" somewhere in the advice: the key must do what stands behind it. */
static int
take_key(struct reader *r, struct finding *f)
{
	const char *at = f->todo;

	f->key = -1;
	while (at && (at = strchr(at, 'F')) != NULL) {
		int n = at[1] >= '1' && at[1] <= '9' ? at[1] - '0' : 0;
		bool alone = n && !(at[2] >= '0' && at[2] <= '9') &&
		    (at == f->todo || strchr(" (*`\t", at[-1]));

		at++;
		if (!alone)
			continue;
		for (int v = 0; v < VERBS; v++)
			if (verb_rows[v].fkey == n) {
				if (strncmp(at + 1, " ", 1) != 0 ||
				    strncmp(
					at + 2, verb_rows[v].name, verb_rows[v].len) != 0)
					return runbook_bad(r, f->line,
					    "F%d is %s: say \"F%d %s\"", n,
					    verb_rows[v].name, n, verb_rows[v].name);
				if (f->key < 0)
					f->key = v;
			}
	}
	return 0;
}

static int
check_finding(struct reader *r, struct finding *f)
{
	if (!f->look_count)
		return runbook_bad(r, f->line, "a finding needs \"in BLOCK PATTERN\"");
	if (!f->say)
		return runbook_bad(r, f->line, "a finding needs a sentence: say …");
	if (!f->todo && !f->repair_id[0] && f->severity != SEVERITY_NOTE)
		return runbook_bad(r, f->line,
		    "a finding that is %s needs an advice: do …, with a key (F7 cycle) or an exact "
		    "command in back-quotes",
		    severity_name(f->severity));
	if (!f->todo)
		f->todo = mem_dup("");
	if (take_key(r, f) < 0)
		return -1;
	if (f->todo[0] && f->severity != SEVERITY_NOTE && f->key < 0 &&
	    !strchr(f->todo, '`') && !strstr(f->todo, "F9"))
		return runbook_bad(r, f->line,
		    "the advice names no key (F7 cycle) and no exact "
		    "command in back-quotes");
	return 0;
}

int
runbook_take_finding(struct reader *r, const struct fence *fence)
{
	struct runbook *rb = r->rb;
	struct span rest = fence->info, body = fence->body, w;
	struct finding *f;
	int line = fence->line, s = 0;

	if (rb->finding_count == RUNBOOK_FINDINGS_MAX)
		return runbook_bad(
		    r, line, "too long: at most %d findings", RUNBOOK_FINDINGS_MAX);
	rb->findings = mem_resize(rb->findings, (rb->finding_count + 1) * sizeof *f);
	f = memset(&rb->findings[rb->finding_count++], 0, sizeof *f);
	f->line = line;
	f->each = 1;
	f->key = f->repair = f->last = -1;
	span_word(&rest);
	if (!span_id(span_word(&rest), f->id))
		return runbook_bad(r, line,
		    "behind \"finding\" comes an id: lower case letters, digits and dashes");
	w = span_word(&rest);
	while (s < SEVERITIES && !span_is(w, severity_name((enum severity)s)))
		s++;
	if (s == SEVERITIES || span_trim(rest).len)
		return runbook_bad(
		    r, line, "behind the id comes one of: note, warning, critical");
	f->severity = (enum severity)s;
	while (body.len) {
		w = span_line(&body);
		if (take_line(r, f, w, ++line) < 0)
			return -1;
	}
	return check_finding(r, f);
}
