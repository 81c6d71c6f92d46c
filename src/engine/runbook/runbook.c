/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/runbook/runbook_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define FILE_LINE_MAX 4096 /* bytes of a line */

static const char *const severities[SEVERITIES] = {"note", "warning", "critical"};
static const char *const kinds[STEP_KINDS] = {"devvm", "pve", "verdict"};

const char *
severity_name(enum severity s)
{
	return severities[s];
}

const char *
step_kind_name(enum step_kind k)
{
	return kinds[k];
}

int
runbook_bad(struct reader *r, int line, const char *fmt, ...)
{
	char words[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	r->line = line;
	return err_set(r->err, ERR_USAGE, "%s", words);
}

/* --- spans --- */

bool
span_is(struct span s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

struct span
span_trim(struct span s)
{
	while (s.len && (*s.at == ' ' || *s.at == '\t'))
		s.at++, s.len--;
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

struct span
span_word(struct span *s)
{
	struct span w;

	*s = span_trim(*s);
	w = (struct span){s->at, 0};
	while (w.len < s->len && w.at[w.len] != ' ' && w.at[w.len] != '\t')
		w.len++;
	s->at += w.len;
	s->len -= w.len;
	return w;
}

struct span
span_line(struct span *s)
{
	const char *end = memchr(s->at, '\n', s->len);
	struct span line = {s->at, end ? (size_t)(end - s->at) : s->len};
	size_t took = line.len + (end ? 1 : 0);

	s->at += took;
	s->len -= took;
	if (line.len && line.at[line.len - 1] == '\r')
		line.len--;
	return line;
}

int
span_int(struct span s, int least, int most)
{
	int n = 0;

	if (s.len == 0 || s.len > 5)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return -1;
		n = n * 10 + s.at[i] - '0';
	}
	return n >= least && n <= most ? n : -1;
}

char *
span_dup(struct span s)
{
	return mem_dupn(s.at, s.len);
}

bool
runbook_is_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= RUNBOOK_NAME_MAX && name[0] != '-' &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

bool
span_id(struct span s, char out[RUNBOOK_NAME_MAX + 1])
{
	char name[RUNBOOK_NAME_MAX + 1];

	if (s.len > RUNBOOK_NAME_MAX || memchr(s.at, '\0', s.len))
		return false;
	snprintf(name, sizeof name, "%.*s", (int)s.len, s.at);
	if (!runbook_is_name(name))
		return false;
	memcpy(out, name, sizeof name);
	return true;
}

/* --- lines of the file --- */

static bool
next_line(struct reader *r, struct span *line)
{
	struct span rest = {r->at, (size_t)(r->end - r->at)};

	if (rest.len == 0)
		return false;
	*line = span_line(&rest);
	r->at = rest.at;
	r->line++;
	return true;
}

static size_t
ticks(struct span line)
{
	size_t n = 0;

	while (n < line.len && line.at[n] == '`')
		n++;
	return n;
}

/* --- frontmatter --- */

static int
take_member(struct reader *r, char **into, struct span value, const char *key, size_t max)
{
	if (*into)
		return runbook_bad(r, r->line, "%s is there twice: one is enough", key);
	if (value.len == 0 || value.len > max)
		return runbook_bad(r, r->line,
		    "%s must have 1 to %zu bytes, these are %zu", key, max, value.len);
	*into = span_dup(value);
	return 0;
}

static int
frontmatter_line(struct reader *r, struct span line, char **name)
{
	const char *colon = memchr(line.at, ':', line.len);
	struct span key, value;

	if (line.len == 0 || line.at[0] == '#')
		return 0;
	if (!colon)
		return runbook_bad(r, r->line,
		    "the frontmatter has lines such as "
		    "\"title: Disk full\" until a line ---");
	key = span_trim((struct span){line.at, (size_t)(colon - line.at)});
	value =
	    span_trim((struct span){colon + 1, line.len - (size_t)(colon + 1 - line.at)});
	if (span_is(key, "name"))
		return take_member(r, name, value, "name", RUNBOOK_NAME_MAX);
	if (span_is(key, "title"))
		return take_member(r, &r->rb->title, value, "title", 80);
	if (span_is(key, "description"))
		return take_member(
		    r, &r->rb->description, value, "description", RUNBOOK_TEXT_MAX);
	return runbook_bad(r, r->line,
	    "unknown word \"%.*s\" in the frontmatter: it has name, title, description",
	    (int)(key.len < 40 ? key.len : 40), key.at);
}

static int
check_name(struct reader *r, const char *name)
{
	const char *base = strrchr(r->rb->file, '/');
	size_t len;

	base = base ? base + 1 : r->rb->file;
	len = strcspn(base, ".");
	if (!runbook_is_name(name))
		return runbook_bad(r, r->line,
		    "name must be lower case letters, digits and dashes, at most 32");
	if (strlen(name) != len || memcmp(base, name, len) != 0)
		return runbook_bad(r, r->line,
		    "name is \"%s\", the file is called %.60s: they must be the same",
		    name, base);
	snprintf(r->rb->name, sizeof r->rb->name, "%s", name);
	return 0;
}

static int
take_frontmatter(struct reader *r)
{
	struct span line;
	char *name = NULL;
	int rc = 0;

	if (!next_line(r, &line) || !span_is(line, "---"))
		return runbook_bad(r, 1,
		    "the first line must be ---, then name, title, "
		    "description, then --- again");
	for (;;) {
		if (!next_line(r, &line)) {
			rc = runbook_bad(
			    r, r->line, "the frontmatter has no end: a line ---");
			break;
		}
		if (span_is(line, "---"))
			break;
		rc = frontmatter_line(r, line, &name);
		if (rc < 0)
			break;
	}
	if (rc == 0 && (!name || !r->rb->title || !r->rb->description))
		rc = runbook_bad(r, r->line, "the frontmatter has no %s",
		    !name		? "name"
			: !r->rb->title ? "title"
					: "description");
	if (rc == 0)
		rc = check_name(r, name);
	free(name);
	return rc;
}

/* --- fences --- */

static int
read_fence(struct reader *r, struct span line, struct fence *f)
{
	size_t n = ticks(line);
	struct span rest;
	const char *body = r->at;

	f->line = r->line;
	f->info = span_trim((struct span){line.at + n, line.len - n});
	rest = f->info;
	rest = span_word(&rest);
	snprintf(f->word, sizeof f->word, "%.*s", (int)(rest.len < 15 ? rest.len : 15),
	    rest.at);
	for (;;) {
		const char *before = r->at;

		if (!next_line(r, &line))
			return runbook_bad(r, f->line,
			    "this block has no end: a line with %zu back-quotes", n);
		if (line.len > FILE_LINE_MAX)
			return runbook_bad(r, r->line, "the line is longer than %d bytes",
			    FILE_LINE_MAX);
		if (ticks(line) >= n && ticks(line) == span_trim(line).len) {
			f->body = (struct span){body, (size_t)(before - body)};
			return 0;
		}
		if (ticks(line) == 3 && line.len > 3 && n == 3)
			return runbook_bad(r, r->line,
			    "a block begins inside the one of line %d, which has no end: "
			    "a line ```",
			    f->line);
	}
}

/* The words behind a block's kind and id. */
struct words {
	int limit_s; /* 0: not said */
	bool reads, writes;
	char when[RUNBOOK_NAME_MAX + 1], check[RUNBOOK_NAME_MAX + 1];
};

static int
take_word(struct reader *r, const struct fence *f, struct span w, struct words *out)
{
	if (w.len > 1 && w.at[w.len - 1] == 's' && w.at[0] >= '0' && w.at[0] <= '9') {
		out->limit_s =
		    span_int((struct span){w.at, w.len - 1}, 1, RUNBOOK_LIMIT_S);
		return out->limit_s > 0
		    ? 0
		    : runbook_bad(r, f->line, "\"%.*s\" is no time limit: 1s to %ds",
			  (int)(w.len < 20 ? w.len : 20), w.at, RUNBOOK_LIMIT_S);
	}
	if (span_is(w, "reads"))
		out->reads = true;
	else if (span_is(w, "writes"))
		out->writes = true;
	else if (w.len > 5 && memcmp(w.at, "when=", 5) == 0 &&
	    span_id((struct span){w.at + 5, w.len - 5}, out->when))
		return 0;
	else if (w.len > 6 && memcmp(w.at, "check=", 6) == 0 &&
	    span_id((struct span){w.at + 6, w.len - 6}, out->check))
		return 0;
	else
		return runbook_bad(r, f->line, "unknown word \"%.*s\": %s",
		    (int)(w.len < 40 ? w.len : 40), w.at,
		    strcmp(f->word, "repair") == 0
			? "a repair has an id, a time limit (60s) and check=ID"
			: "a block has an id, a time limit (10s), reads or writes, and may "
			  "have when=FINDING");
	return 0;
}

static int
take_words(struct reader *r, const struct fence *f, char id[], struct words *out)
{
	struct span rest = f->info, w;

	memset(out, 0, sizeof *out);
	span_word(&rest);
	w = span_word(&rest);
	if (!span_id(w, id))
		return runbook_bad(r, f->line,
		    "behind \"%s\" comes an id: lower case letters, digits and dashes",
		    f->word);
	while ((w = span_word(&rest)).len)
		if (take_word(r, f, w, out) < 0)
			return -1;
	return 0;
}

static int
take_command(struct reader *r, const struct fence *f, char **out)
{
	struct span body = f->body;

	while (body.len && strchr("\r\n \t", body.at[body.len - 1]))
		body.len--;
	if (body.len == 0)
		return runbook_bad(
		    r, f->line + 1, "the block is empty: a command stands here");
	if (body.len > RUNBOOK_COMMAND_MAX)
		return runbook_bad(r, f->line, "the command is %zu bytes, at most %d go",
		    body.len, RUNBOOK_COMMAND_MAX);
	*out = span_dup(body);
	return 0;
}

static struct step *
new_step(struct reader *r, const struct fence *f, enum step_kind kind,
    const struct words *w, const char *id)
{
	struct runbook *rb = r->rb;
	struct step *s;

	rb->steps = mem_resize(rb->steps, (rb->step_count + 1) * sizeof *s);
	s = memset(&rb->steps[rb->step_count++], 0, sizeof *s);
	s->kind = kind;
	s->line = f->line;
	s->title = mem_dup(r->title);
	s->limit_s = w->limit_s;
	s->reads = w->reads;
	s->when = -1;
	snprintf(s->id, sizeof s->id, "%s", id);
	memcpy(s->when_id, w->when, sizeof s->when_id);
	return s;
}

/* What a pve or verdict block holds is the word that is sent. */
static int
take_verb(struct reader *r, const struct fence *f, struct step *s)
{
	struct span body = f->body, word = span_trim(span_line(&body));

	while (body.len && strchr("\r\n \t", body.at[body.len - 1]))
		body.len--;
	if (body.len == 0 && span_is(word, "forensics"))
		s->verb = VERB_FORENSICS;
	else if (body.len == 0 && span_is(word, "status") && s->kind == STEP_PVE)
		s->verb = VERB_STATUS;
	else
		return runbook_bad(r, f->line + 1,
		    s->kind == STEP_PVE
			? "a pve block holds one word: status or forensics. A verb that changes "
			  "something is for an operator's key"
			: "a verdict block holds one word: forensics");
	s->reads = true;
	return 0;
}

static int
take_step(struct reader *r, const struct fence *f, enum step_kind kind)
{
	char id[RUNBOOK_NAME_MAX + 1];
	struct words w;
	struct step *s;

	if (take_words(r, f, id, &w) < 0)
		return -1;
	if (r->rb->step_count == RUNBOOK_STEPS_MAX)
		return runbook_bad(r, f->line, "too long: at most %d blocks that are run",
		    RUNBOOK_STEPS_MAX);
	if (w.check[0])
		return runbook_bad(r, f->line, "check= belongs to a repair");
	s = new_step(r, f, kind, &w, id);
	if (kind != STEP_DEVVM) {
		if (w.writes || w.limit_s)
			return runbook_bad(r, f->line,
			    "a %s block has an id and may have when=FINDING, no more",
			    kinds[kind]);
		return take_verb(r, f, s);
	}
	if (!w.limit_s || w.reads == w.writes)
		return runbook_bad(r, f->line,
		    !w.limit_s
			? "a devvm block needs a time limit, such as 10s: a wedged machine "
			  "swallows commands"
			: "a devvm block says reads (it changes nothing) or writes");
	return take_command(r, f, &s->command);
}

static int
take_repair(struct reader *r, const struct fence *f)
{
	struct runbook *rb = r->rb;
	char id[RUNBOOK_NAME_MAX + 1];
	struct repair *p;
	struct words w;

	if (take_words(r, f, id, &w) < 0)
		return -1;
	if (rb->repair_count == RUNBOOK_REPAIRS_MAX)
		return runbook_bad(
		    r, f->line, "too long: at most %d repairs", RUNBOOK_REPAIRS_MAX);
	if (w.reads || w.writes || w.when[0])
		return runbook_bad(r, f->line,
		    "a repair has an id, a time limit and check=ID; a "
		    "finding offers it");
	if (!w.limit_s || !w.check[0])
		return runbook_bad(r, f->line, "a repair needs %s",
		    w.limit_s ? "check=ID: the devvm block that shows whether it helped"
			      : "a time limit, such as 60s");
	rb->repairs = mem_resize(rb->repairs, (rb->repair_count + 1) * sizeof *p);
	p = memset(&rb->repairs[rb->repair_count++], 0, sizeof *p);
	p->line = f->line;
	p->title = mem_dup(r->title);
	p->limit_s = w.limit_s;
	p->check = -1;
	memcpy(p->id, id, sizeof p->id);
	memcpy(p->check_id, w.check, sizeof p->check_id);
	return take_command(r, f, &p->command);
}

static int
take_fence(struct reader *r, const struct fence *f)
{
	for (int k = 0; k < STEP_KINDS; k++)
		if (strcmp(f->word, kinds[k]) == 0)
			return take_step(r, f, (enum step_kind)k);
	if (strcmp(f->word, "finding") == 0)
		return runbook_take_finding(r, f);
	if (strcmp(f->word, "repair") == 0)
		return take_repair(r, f);
	if (f->word[0] && strcmp(f->word, "text") != 0 && strcmp(f->word, "sh") != 0)
		return runbook_bad(r, f->line,
		    "unknown word \"%s\": a block is devvm, pve, verdict, finding or repair; "
		    "what is only read by people is text, sh or without a word",
		    f->word);
	return 0;
}

static void
take_heading(struct reader *r, struct span line)
{
	while (line.len && line.at[0] == '#')
		line.at++, line.len--;
	line = span_trim(line);
	snprintf(r->title, sizeof r->title, "%.*s",
	    (int)text_cut(
		line.at, line.len < RUNBOOK_TEXT_MAX ? line.len : RUNBOOK_TEXT_MAX),
	    line.at);
}

static int
take_body(struct reader *r)
{
	struct span line, t;
	struct fence f;

	while (next_line(r, &line)) {
		t = span_trim(line);
		if (line.len > FILE_LINE_MAX)
			return runbook_bad(r, r->line, "the line is longer than %d bytes",
			    FILE_LINE_MAX);
		if (ticks(line) >= 3) {
			if (read_fence(r, line, &f) < 0 || take_fence(r, &f) < 0)
				return -1;
		} else if (ticks(t) >= 3 || (t.len >= 3 && memcmp(t.at, "~~~", 3) == 0)) {
			return runbook_bad(
			    r, r->line, "a block begins with ``` at the left edge");
		} else if (line.len && line.at[0] == '#') {
			take_heading(r, line);
		}
	}
	return 0;
}

/* Text that everyone reads: no byte that a terminal would act on. */
static int
check_text(struct reader *r, const char *text, size_t len)
{
	int line = 1;

	if (len > RUNBOOK_MAX)
		return runbook_bad(
		    r, 1, "too long: %zu bytes, at most %d go", len, RUNBOOK_MAX);
	if (!text_is_utf8(text, len))
		return runbook_bad(r, 1, "not UTF-8 text: save it as UTF-8");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		line += c == '\n';
		if (c == '\r' && i + 1 < len && text[i + 1] == '\n')
			continue;
		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			return runbook_bad(r, line,
			    "a control character (byte %u) stands in the text: take it out",
			    c);
	}
	return 0;
}

struct runbook *
runbook_parse(const char *file, const char *text, size_t len, int *line, struct err *err)
{
	struct runbook *rb = mem_alloc(sizeof *rb);
	struct reader r = {.rb = rb, .at = text, .end = text + len, .err = err};

	rb->refs = 1;
	rb->file = mem_dup(file);
	if (check_text(&r, text, len) == 0 && take_frontmatter(&r) == 0 &&
	    take_body(&r) == 0 && runbook_check(&r) == 0) {
		rb->text = mem_dupn(text, len);
		rb->len = len;
		return rb;
	}
	*line = r.line ? r.line : 1;
	runbook_free(rb);
	return NULL;
}

struct runbook *
runbook_ref(struct runbook *rb)
{
	rb->refs++;
	return rb;
}

void
runbook_free(struct runbook *rb)
{
	if (!rb || --rb->refs > 0)
		return;
	for (size_t i = 0; i < rb->step_count; i++) {
		free(rb->steps[i].title);
		free(rb->steps[i].command);
	}
	for (size_t i = 0; i < rb->finding_count; i++) {
		for (size_t k = 0; k < rb->findings[i].look_count; k++)
			pattern_free(rb->findings[i].looks[k].pattern);
		free(rb->findings[i].say);
		free(rb->findings[i].todo);
	}
	for (size_t i = 0; i < rb->repair_count; i++) {
		free(rb->repairs[i].title);
		free(rb->repairs[i].command);
	}
	free(rb->steps);
	free(rb->findings);
	free(rb->repairs);
	free(rb->file);
	free(rb->title);
	free(rb->description);
	free(rb->text);
	free(rb);
}
