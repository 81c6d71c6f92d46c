/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/runbook/runbook_eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/scrub.h"

void
step_result_init(struct step_result *r)
{
	memset(r, 0, sizeof *r);
	buf_init(&r->out, STEP_OUTPUT_MAX);
	buf_init(&r->err, STEP_OUTPUT_MAX);
}

void
step_result_fini(struct step_result *r)
{
	buf_fini(&r->out);
	buf_fini(&r->err);
}

void
founds_fini(struct founds *f)
{
	free(f->all);
	memset(f, 0, sizeof *f);
}

/* --- what a pattern looks at --- */

struct subject {
	const char *text;
	size_t len;
	char own[VERDICT_EVIDENCE_MAX * (VERDICT_LINE_MAX + 2)];
};

static void
verdict_lines(struct subject *s, const struct verdict *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->evidence_count; i++)
		n += (size_t)snprintf(
		    s->own + n, sizeof s->own - n, "%s\n", v->evidence[i]);
	s->text = s->own;
	s->len = n;
}

static void
subject_number(struct subject *s, int64_t n)
{
	snprintf(s->own, sizeof s->own, "%lld", (long long)n);
	s->text = s->own;
	s->len = strlen(s->own);
}

static void
subject_str(struct subject *s, const char *text)
{
	s->text = text;
	s->len = strlen(text);
}

static void
verdict_part(struct subject *s, enum step_part part, const struct verdict *v)
{
	if (part == PART_LINE)
		verdict_lines(s, v);
	else
		subject_str(s,
		    part == PART_WORD	      ? v->word
			: part == PART_ADVICE ? v->advice
			: part == PART_WHY    ? v->why
					      : v->todo);
}

/* false: there is no such thing, so that nothing is known about it. */
static bool
subject_of(struct subject *s, const struct step_result *r, enum step_part part)
{
	if (r->state == RESULT_NONE || r->state == RESULT_SKIPPED)
		return false;
	if (part == PART_FAILED) {
		subject_str(s, r->failed);
		return r->state == RESULT_FAILED;
	}
	if (part >= PART_WORD) {
		if (r->has_verdict)
			verdict_part(s, part, &r->verdict);
		return r->has_verdict;
	}
	if (part == PART_OUT ||
	    part == PART_ERR) { /* what came before it failed counts */
		const struct buf *b = part == PART_OUT ? &r->out : &r->err;

		s->text = buf_str(b);
		s->len = b->len;
		return true;
	}
	if (part == PART_MS)
		subject_number(s, r->ms);
	else
		subject_number(s, r->exit);
	return r->state == RESULT_RAN;
}

/* --- taking a match --- */

static void
take_proof(struct found *f, const struct subject *s, const struct pattern_match *m)
{
	size_t from = m->start, to = m->end;

	if (to > from && s->text[to - 1] == '\n')
		to--;
	while (from > 0 && s->text[from - 1] != '\n')
		from--;
	while (to < s->len && s->text[to] != '\n')
		to++;
	scrub_label(s->text + from, to - from, f->proof, sizeof f->proof);
}

static void
take_match(struct found *f, const struct subject *s, const struct pattern_match *m)
{
	memset(f, 0, sizeof *f);
	f->groups = m->groups;
	for (int i = 0; i <= m->groups; i++) {
		f->has[i] = m->group[i].set;
		if (f->has[i])
			scrub_label(s->text + m->group[i].start, m->group[i].len,
			    f->group[i], sizeof f->group[i]);
	}
	take_proof(f, s, m);
}

static bool
value_of(const struct found *f, const struct operand *o, int64_t now_s, double *out)
{
	char *end;
	double n = o->now ? (double)now_s : 1;

	if (o->group) {
		if (!f->has[o->group] || !f->group[o->group][0] ||
		    strspn(f->group[o->group], "0123456789.-") !=
			strlen(f->group[o->group]))
			return false;
		n = strtod(f->group[o->group], &end);
		if (*end)
			return false;
	}
	*out = n * o->factor + o->plus;
	return true;
}

static bool
holds(const struct found *f, const struct condition *c, int64_t now_s)
{
	double a, b;

	if (!value_of(f, &c->left, now_s, &a) || !value_of(f, &c->right, now_s, &b))
		return false;
	switch (c->op) {
	case COMPARE_LT:
		return a < b;
	case COMPARE_LE:
		return a <= b;
	case COMPARE_GT:
		return a > b;
	case COMPARE_GE:
		return a >= b;
	case COMPARE_EQ:
		return a >= b && a <= b;
	case COMPARE_NE:
		return a < b || a > b;
	}
	return false;
}

/* --- findings --- */

struct evaluation {
	const struct runbook *rb;
	const struct step_result *results;
	struct founds *into;
	struct subject subject;
};

static void
give_up(struct evaluation *e, const struct look *l, const struct err *err)
{
	struct founds *f = e->into;

	if (f->trouble_count < sizeof f->trouble / sizeof f->trouble[0])
		snprintf(f->trouble[f->trouble_count++], sizeof f->trouble[0],
		    "%.120s:%d: %.160s", e->rb->file, l->line, err->words);
}

/* 1: it matches, 0: it does not, -1: not known. */
static int
look_at(struct evaluation *e, const struct look *l)
{
	struct pattern_budget budget = {PATTERN_STEPS_MAX};
	struct pattern_match m;
	struct err err;
	int rc;

	if (!subject_of(&e->subject, &e->results[l->step], l->part))
		return -1;
	rc = pattern_find(
	    l->pattern, e->subject.text, e->subject.len, 0, &budget, &m, &err);
	if (rc < 0)
		give_up(e, l, &err);
	return rc;
}

static bool
others_agree(struct evaluation *e, const struct finding *f)
{
	for (size_t i = 1; i < f->look_count; i++)
		if (look_at(e, &f->looks[i]) != (f->looks[i].kind == LOOK_NOT ? 0 : 1))
			return false;
	return true;
}

/* $1 names what it is about, unless it is a number, which changes. */
bool
found_is_same(const struct found *a, const struct found *b)
{
	const char *x = a->group[1], *y = b->group[1];

	if (a->finding != b->finding)
		return false;
	if (strspn(x, "0123456789.,:%") == strlen(x) &&
	    strspn(y, "0123456789.,:%") == strlen(y))
		return true;
	return strcmp(x, y) == 0;
}

static bool
is_twice(const struct found *a, const struct found *b)
{
	for (int i = 1; i <= a->groups; i++)
		if (strcmp(a->group[i], b->group[i]) != 0)
			return false;
	return true;
}

static bool
add_found(struct founds *into, const struct found *f, size_t from)
{
	if (into->count == FOUND_MAX)
		return false;
	for (size_t i = from; i < into->count; i++)
		if (is_twice(&into->all[i], f))
			return false;
	into->all = mem_resize(into->all, (into->count + 1) * sizeof *f);
	into->all[into->count++] = *f;
	return true;
}

/* Where the next match may begin: behind this one, and at a character. */
static size_t
behind(const struct subject *s, size_t at, size_t end)
{
	at = end > at ? end : at + 1;
	while (at < s->len && ((unsigned char)s->text[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static void
decide(struct evaluation *e, int index)
{
	const struct finding *f = &e->rb->findings[index];
	const struct look *l = &f->looks[0];
	struct pattern_budget budget = {PATTERN_STEPS_MAX};
	struct pattern_match m;
	struct found found;
	struct err err;
	size_t at = 0, from = e->into->count;
	int left = f->each, rc;

	if (!others_agree(e, f) ||
	    !subject_of(&e->subject, &e->results[l->step], l->part))
		return;
	while (left > 0 && at <= e->subject.len) {
		bool fits = true;

		rc = pattern_find(
		    l->pattern, e->subject.text, e->subject.len, at, &budget, &m, &err);
		if (rc < 0)
			give_up(e, l, &err);
		if (rc <= 0)
			return;
		at = behind(&e->subject, at, m.end);
		take_match(&found, &e->subject, &m);
		found.finding = index;
		for (size_t i = 0; i < f->if_count; i++)
			fits &= holds(&found, &f->ifs[i], e->results[l->step].at_s);
		if (fits && add_found(e->into, &found, from))
			left--;
	}
}

void
runbook_eval(const struct runbook *rb, const struct step_result *results, int step,
    struct founds *into)
{
	struct evaluation e = {.rb = rb, .results = results, .into = into};

	for (size_t i = 0; i < rb->finding_count; i++)
		if (rb->findings[i].last == step)
			decide(&e, (int)i);
}

void
runbook_eval_one(const struct runbook *rb, const struct step_result *results, int finding,
    struct founds *into)
{
	struct evaluation e = {.rb = rb, .results = results, .into = into};

	decide(&e, finding);
}

/* --- filling in --- */

static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789_@.:/+=,-";

static void
add(struct buf *b, const char *text, size_t len)
{
	buf_add_some(b, text, len);
}

static void
add_escaped(struct buf *b, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (strchr("\\`*_[]<>#|~&!", *p))
			add(b, "\\", 1);
		add(b, p, 1);
	}
}

/* Inside of quotes that the text has already, what could end them is not written. */
static void
add_quoted(struct buf *b, const char *text, bool inside)
{
	if (inside || (text[0] && strspn(text, plain) == strlen(text))) {
		for (const char *p = text; *p; p++)
			add(b, strchr(plain, *p) ? p : "?", 1);
		return;
	}
	add(b, "'", 1);
	for (const char *p = text; *p; p++)
		if (*p == '\'')
			add(b, "'\\''", 4);
		else
			add(b, *p == '`' ? "?" : p, 1); /* it would end the Markdown */
	add(b, "'", 1);
}

/* "$$1" stands for "$1" itself. */
static bool
is_dollar(const char *p)
{
	return p[0] == '$' && p[1] == '$' && p[2] >= '1' && p[2] <= '9';
}

static int
group_at(const char *p, const struct found *f)
{
	if (p[0] != '$' || p[1] < '1' || p[1] > '9' || p[1] - '0' > f->groups)
		return 0;
	return p[1] - '0';
}

char *
found_fill(const struct found *f, const char *text, bool as_is)
{
	bool code = false, quotes = false;
	struct buf b;
	char *out;
	int g;

	buf_init(&b, 8192);
	for (const char *p = text; *p; p++) {
		if (is_dollar(p)) {
			add(&b, p + 1, 2);
			p += 2;
			continue;
		}
		g = group_at(p, f);
		code ^= *p == '`';
		quotes = code && (*p == '\'' || *p == '"') ? !quotes : quotes && code;
		if (!g) {
			add(&b, p, as_is && *p == '`' ? 0 : 1);
			continue;
		}
		if (code)
			add_quoted(&b, f->group[g], quotes);
		else if (as_is)
			add(&b, f->group[g], strlen(f->group[g]));
		else
			add_escaped(&b, f->group[g]);
		p++;
	}
	out = mem_dup(buf_str(&b));
	buf_fini(&b);
	return out;
}

char *
found_command(const struct found *f, const char *command)
{
	struct buf b;
	char *out = NULL;
	int g;

	buf_init(&b, RUNBOOK_COMMAND_MAX + PATTERN_GROUPS * FOUND_GROUP_MAX * 8);
	for (const char *p = command; *p; p++) {
		const char *group;

		if (is_dollar(p)) {
			add(&b, p + 1, 2);
			p += 2;
			continue;
		}
		g = group_at(p, f);
		if (!g) {
			add(&b, p, 1);
			continue;
		}
		group = f->group[g];
		if (!group[0] || group[0] == '-' || strspn(group, plain) != strlen(group))
			goto out;
		add(&b, group, strlen(group));
		p++;
	}
	out = mem_dup(buf_str(&b));
out:
	buf_fini(&b);
	return out;
}
