/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PCRE2's own match limit counts anew at each place where a match may begin, so
 * that a long subject multiplies it.  Each item of the pattern therefore has a
 * callout, which counts for the whole walk.  A repeat of one sign has one callout,
 * however far it goes: how far counts too, at a lower rate.  No JIT: it honours no such
 * count, and needs pages that are writable and executable.
 */
#include "engine/runbook/pattern.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"
#include "base/text.h"

#define STEPS_AT_ONE_PLACE 200000
#define LOOK_AT_ONE_PLACE 20000
#define LOOK_BYTES_A_STEP 128 /* read one after another they cost what one step does */
#define DEPTH_MAX 5000
#define HEAP_MAX_KIB 8192

struct pattern {
	pcre2_code *code;
	int groups;
};

static int
refuse(struct err *err, int code, size_t at)
{
	char words[160];

	if (pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof words) < 0)
		words[0] = '\0';
	return err_set(err, ERR_USAGE,
	    "the pattern does not compile: %s, at its byte %zu",
	    words[0] ? words : "unknown error", at + 1);
}

static struct pattern *
compile(const char *text, size_t len, uint32_t how_read, struct err *err)
{
	struct pattern *p;
	pcre2_compile_context *how;
	pcre2_code *code;
	uint32_t groups = 0;
	size_t at = 0;
	int error = 0;

	if (len == 0 || len > PATTERN_MAX) {
		err_set(err, ERR_LIMIT,
		    len ? "the pattern is %zu bytes, at most 512 go"
			: "the pattern is empty (%zu)",
		    len);
		return NULL;
	}
	if (!text_is_utf8(text, len) || memchr(text, '\0', len)) {
		err_set(err, ERR_USAGE, "the pattern is not UTF-8 text");
		return NULL;
	}
	how = pcre2_compile_context_create(NULL);
	if (!how)
		abort();
	pcre2_set_parens_nest_limit(how, 50);
	pcre2_set_newline(how, PCRE2_NEWLINE_LF);
	code = pcre2_compile((PCRE2_SPTR)text, len,
	    PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | how_read, &error, &at, how);
	pcre2_compile_context_free(how);
	if (!code) {
		refuse(err, error, at);
		return NULL;
	}
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (groups > PATTERN_GROUPS) {
		err_set(err, ERR_LIMIT,
		    "the pattern has %u groups, at most 9 go: (?:...) "
		    "groups without a number",
		    groups);
		pcre2_code_free(code);
		return NULL;
	}
	p = mem_alloc(sizeof *p);
	p->code = code;
	p->groups = (int)groups;
	return p;
}

struct pattern *
pattern_new(const char *text, size_t len, struct err *err)
{
	return compile(text, len,
	    PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_AUTO_CALLOUT, err);
}

struct pattern *
pattern_new_plain(const char *text, size_t len, struct err *err)
{
	return compile(text, len, PCRE2_AUTO_CALLOUT, err);
}

void
pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_code_free(p->code);
	free(p);
}

int
pattern_groups(const struct pattern *p)
{
	return p->groups;
}

static int
on_step(pcre2_callout_block *block, void *arg)
{
	struct pattern_budget *budget = arg;

	return --budget->steps < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

/* One look: its budget, and how far the last step had got. */
struct looking {
	struct pattern_budget *budget;
	size_t reached;
};

static int
on_look_step(pcre2_callout_block *block, void *arg)
{
	struct looking *l = arg;
	size_t now = block->current_position;

	if (now > l->reached)
		l->budget->steps -= (long)((now - l->reached) / LOOK_BYTES_A_STEP);
	l->reached = now;
	return on_step(block, l->budget);
}

static void
take_match(
    const struct pattern *p, pcre2_match_data *data, int count, struct pattern_match *m)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);

	memset(m, 0, sizeof *m);
	m->groups = p->groups;
	m->start = at[0];
	m->end = at[1] < at[0] ? at[0] : at[1];
	for (int i = 0; i < count && i <= PATTERN_GROUPS; i++) {
		if (at[2 * i] == PCRE2_UNSET || at[2 * i + 1] < at[2 * i])
			continue;
		m->group[i].set = true;
		m->group[i].start = at[2 * i];
		m->group[i].len = at[2 * i + 1] - at[2 * i];
	}
}

int
pattern_find(const struct pattern *p, const char *subject, size_t len, size_t from,
    struct pattern_budget *budget, struct pattern_match *m, struct err *err)
{
	pcre2_match_context *how = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(p->code, NULL);
	int rc;

	if (!how || !data)
		abort();
	pcre2_set_match_limit(how, STEPS_AT_ONE_PLACE);
	pcre2_set_depth_limit(how, DEPTH_MAX);
	pcre2_set_heap_limit(how, HEAP_MAX_KIB);
	pcre2_set_callout(how, on_step, budget);
	rc = pcre2_match(
	    p->code, (PCRE2_SPTR)(subject ? subject : ""), len, from, 0, data, how);
	if (rc > 0)
		take_match(p, data, rc, m);
	pcre2_match_data_free(data);
	pcre2_match_context_free(how);
	if (rc > 0)
		return 1;
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	return err_set(err, ERR_LIMIT,
	    "the pattern tries too many ways (a repeat inside a repeat, such as (a+)+): "
	    "it was given up");
}

int
pattern_look(const struct pattern *p, const char *subject, size_t len, size_t from,
    bool last, struct pattern_budget *budget, struct pattern_match *m)
{
	struct looking looking = {.budget = budget, .reached = from};
	pcre2_match_context *how = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	const PCRE2_SIZE *at;
	int rc;

	if (!how || !data)
		abort();
	pcre2_set_match_limit(how, LOOK_AT_ONE_PLACE);
	pcre2_set_depth_limit(how, DEPTH_MAX);
	pcre2_set_heap_limit(how, HEAP_MAX_KIB);
	pcre2_set_callout(how, on_look_step, &looking);
	rc = pcre2_match(p->code, (PCRE2_SPTR)subject, len, from,
	    PCRE2_NOTEMPTY | (last ? 0 : PCRE2_PARTIAL_HARD), data, how);
	at = pcre2_get_ovector_pointer(data);
	memset(m, 0, sizeof *m);
	if (rc >= 0 || rc == PCRE2_ERROR_PARTIAL) {
		m->start = at[0];
		m->end = at[1] < at[0] ? at[0] : at[1];
		if (m->start < from || (rc >= 0 && m->end == m->start))
			rc = PCRE2_ERROR_INTERNAL; /* \K in what looks around */
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(how);
	return rc >= 0			? 1
	    : rc == PCRE2_ERROR_PARTIAL ? 2
	    : rc == PCRE2_ERROR_NOMATCH ? 0
					: -1;
}
