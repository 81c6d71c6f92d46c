/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/api/api_block.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wire/json.h"

#define ID_MAX 128		    /* bytes of a tool call's id, or of its name */
#define INPUT_MAX (8 * 1024 * 1024) /* bytes of a tool's input; no tool takes more */

enum block_kind
api_block_kind(struct jraw block)
{
	static const struct {
		const char *word;
		enum block_kind kind;
	} kinds[] = {
	    {"compaction", BLOCK_COMPACTION},
	    {"fallback", BLOCK_FALLBACK},
	    {"mcp_tool_use", BLOCK_SERVER_TOOL},
	    {"redacted_thinking", BLOCK_REDACTED},
	    {"server_tool_use", BLOCK_SERVER_TOOL},
	    {"text", BLOCK_TEXT},
	    {"thinking", BLOCK_THINKING},
	    {"tool_use", BLOCK_TOOL},
	};
	struct jraw type = jraw_get(block, "type");

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (jraw_is(type, kinds[i].word))
			return kinds[i].kind;
	return BLOCK_OTHER;
}

void
api_block_fini(struct api_block *b)
{
	struct buf *bufs[] = {&b->start, &b->text, &b->said, &b->input, &b->signature,
	    &b->content, &b->encrypted, &b->citations, &b->echo};

	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_fini(bufs[i]);
	free(b->id);
	free(b->name);
	free(b->bad);
	b->id = b->name = b->bad = NULL;
}

size_t
api_block_bytes(const struct api_block *b)
{
	return b->start.len + b->text.len + b->said.len + b->input.len +
	    b->signature.len + b->content.len + b->encrypted.len + b->citations.len;
}

static int
too_long(struct err *err)
{
	return err_set(
	    err, ERR_LIMIT, "a content block is longer than %d bytes", API_MESSAGE_MAX);
}

static struct jraw
start_of(const struct api_block *b)
{
	return (struct jraw){b->start.data, b->start.len};
}

/*
 * An id or a name as the API takes it back: one that some other server made up
 * would be refused for ever, by the endpoint that the conversation moves to.
 */
static char *
clean_word(struct jraw v)
{
	static const char fine[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_-";
	char word[ID_MAX + 1];

	jraw_text(v, word, sizeof word);
	for (char *p = word; *p; p++)
		if (!strchr(fine, *p))
			*p = '_';
	return mem_dup(word);
}

/* The body of a JSON string, without its quotes. */
static int
add_said(struct buf *b, struct jraw v)
{
	return v.len > 2 ? buf_add(b, v.s + 1, v.len - 2) : 0;
}

static int
add_text(struct api_block *b, struct jraw v)
{
	if (jraw_kind(v) != '"')
		return 0;
	if (b->kind == BLOCK_THINKING && add_said(&b->said, v) < 0)
		return -1;
	return jraw_decode(v, &b->high, &b->text);
}

static int
set_raw(struct buf *b, struct jraw v)
{
	buf_clear(b);
	return v.s ? buf_add(b, v.s, v.len) : 0;
}

int
api_block_begin(struct api_block *b, int64_t index, struct jraw start, struct err *err)
{
	struct buf *bufs[] = {&b->start, &b->text, &b->said, &b->input, &b->signature,
	    &b->content, &b->encrypted, &b->citations, &b->echo};
	int rc;

	memset(b, 0, sizeof *b);
	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_init(bufs[i], API_MESSAGE_MAX);
	b->kind = api_block_kind(start);
	b->index = index;
	b->open = true;
	rc = buf_add(&b->start, start.s, start.len);
	if (rc == 0 && b->kind == BLOCK_TEXT)
		rc = add_text(b, jraw_get(start, "text"));
	if (rc == 0 && b->kind == BLOCK_THINKING)
		rc = add_text(b, jraw_get(start, "thinking"));
	if (b->kind == BLOCK_TOOL) {
		b->id = clean_word(jraw_get(start, "id"));
		b->name = clean_word(jraw_get(start, "name"));
		if (strlen(b->name) > 64)
			b->name[64] = '\0';
		if (!b->id[0] || !b->name[0])
			return err_set(
			    err, ERR_PROTOCOL, "a tool call without an id or a name");
	}
	return rc < 0 ? too_long(err) : 0;
}

/* ---- deltas ---- */

static int
on_text(struct api_block *b, struct jraw delta, struct api_delta *out)
{
	out->off = b->text.len;
	if (b->kind == BLOCK_TEXT && add_text(b, jraw_get(delta, "text")) < 0)
		return -1;
	out->len = b->text.len - out->off;
	out->text = buf_str(&b->text) + out->off;
	return 0;
}

static int
on_thinking(struct api_block *b, struct jraw delta, struct api_delta *out)
{
	out->thinks = true;
	out->tokens = jraw_int(jraw_get(delta, "estimated_tokens"), -1);
	return b->kind == BLOCK_THINKING ? add_text(b, jraw_get(delta, "thinking")) : 0;
}

static int
on_input(struct api_block *b, struct jraw delta, struct api_delta *out)
{
	(void)out;
	return jraw_decode(jraw_get(delta, "partial_json"), &b->high, &b->input);
}

/* The whole signature comes at once, and replaces. */
static int
on_signature(struct api_block *b, struct jraw delta, struct api_delta *out)
{
	(void)out;
	return set_raw(&b->signature, jraw_get(delta, "signature"));
}

static int
on_citations(struct api_block *b, struct jraw delta, struct api_delta *out)
{
	struct jraw v = jraw_get(delta, "citation");

	(void)out;
	if (!v.s)
		return 0;
	if (buf_add_str(&b->citations, b->citations.len ? "," : "[") < 0)
		return -1;
	return buf_add(&b->citations, v.s, v.len);
}

static int
on_compaction(struct api_block *b, struct jraw delta, struct api_delta *out)
{
	(void)out;
	if (set_raw(&b->content, jraw_get(delta, "content")) < 0)
		return -1;
	return set_raw(&b->encrypted, jraw_get(delta, "encrypted_content"));
}

/* A member that may be absent or null, but nothing else than a string. */
static bool
is_string_or_nothing(struct jraw delta, const char *member)
{
	char kind = member ? jraw_kind(jraw_get(delta, member)) : '"';

	return kind == '"' || kind == 'n' || kind == 0;
}

int
api_block_delta(
    struct api_block *b, struct jraw delta, struct api_delta *out, struct err *err)
{
	static const struct {
		const char *type, *member;
		int (*fn)(struct api_block *b, struct jraw delta, struct api_delta *out);
	} deltas[] = {
	    {"text_delta", "text", on_text},
	    {"input_json_delta", "partial_json", on_input},
	    {"thinking_delta", "thinking", on_thinking},
	    {"signature_delta", "signature", on_signature},
	    {"citations_delta", NULL, on_citations},
	    {"compaction_delta", NULL, on_compaction},
	};
	struct jraw type = jraw_get(delta, "type");

	*out = (struct api_delta){.text = "", .tokens = -1};
	for (size_t i = 0; i < ARRAY_LEN(deltas); i++) {
		if (!jraw_is(type, deltas[i].type))
			continue;
		if (!is_string_or_nothing(delta, deltas[i].member))
			return err_set(err, ERR_PROTOCOL, "a %s whose %s is no string",
			    deltas[i].type, deltas[i].member);
		return deltas[i].fn(b, delta, out) < 0 ? too_long(err) : 0;
	}
	return 0;
}

/* ---- the end ---- */

/*
 * The input must be one JSON object, by two readers: the text as it is (it goes
 * back to the API), and the tree that a tool reads its arguments from, which also
 * refuses a key that stands twice.
 */
static void
check_input(struct api_block *b, struct jraw *input)
{
	struct err e = {0};
	struct js *j = NULL;
	const char *why = NULL;

	if (b->high)
		why = "half a surrogate pair";
	else if (b->ended_early)
		why = "it ends too early";
	else if (b->input.len > INPUT_MAX)
		why = "it is longer than any tool takes";
	else if (jraw_check(b->input.data, b->input.len, input, &e) < 0)
		why = e.words;
	else if (jraw_kind(*input) != '{')
		why = "not a JSON object";
	else if (jraw_flaws(*input))
		why = "a NUL or half a surrogate pair in a string";
	else if (!(j = js_parse_foreign(input->s, input->len, &e)))
		why = e.words;
	js_free(j);
	if (why)
		b->bad = mem_dup(why);
}

/* What a member of the start becomes; none: it is left out. */
static struct jraw
replaced(const struct api_block *b, struct jraw key, struct jraw value)
{
	const struct {
		const char *key;
		const struct buf *by;
	} by[] = {{"signature", &b->signature}, {"content", &b->content},
	    {"encrypted_content", &b->encrypted}, {"citations", &b->citations}};

	for (size_t i = 0; i < ARRAY_LEN(by); i++)
		if (by[i].by->len && jraw_is(key, by[i].key))
			return (struct jraw){by[i].by->data, by[i].by->len};
	if (b->kind == BLOCK_TEXT && jraw_is(key, "citations") && jraw_kind(value) == 'n')
		return (struct jraw){NULL, 0};
	return value;
}

/* The members that the block is about, made anew: text, thinking, id, name, input. */
static int
add_own(struct api_block *b, struct jraw key, bool *done)
{
	struct buf *e = &b->echo;

	*done = true;
	if (b->kind == BLOCK_TEXT && jraw_is(key, "text"))
		return jraw_add_string(e, buf_str(&b->text), b->text.len);
	if (b->kind == BLOCK_THINKING && jraw_is(key, "thinking")) {
		struct jraw said = {b->said.data, b->said.len};

		/* signed, so as it was written; unless nobody would take it */
		if (jraw_flaws(said) & JRAW_HALF)
			return jraw_add_string(e, buf_str(&b->text), b->text.len);
		if (buf_add(e, "\"", 1) < 0 || buf_add(e, said.s, said.len) < 0)
			return -1;
		return buf_add(e, "\"", 1);
	}
	if (b->kind == BLOCK_TOOL && jraw_is(key, "id"))
		return jraw_add_string(e, b->id, strlen(b->id));
	if (b->kind == BLOCK_TOOL && jraw_is(key, "name"))
		return jraw_add_string(e, b->name, strlen(b->name));
	if (b->input.len && jraw_is(key, "input"))
		return b->bad ? buf_add_str(e, "{}")
			      : buf_add(e, b->input.data, b->input.len);
	*done = false;
	return 0;
}

static int
add_member(struct api_block *b, struct jraw key, struct jraw value)
{
	size_t before = b->echo.len;
	bool done;
	int rc;

	value = replaced(b, key, value);
	if (!value.s)
		return 0;
	rc = buf_add_str(&b->echo, b->echo.len > 1 ? "," : "");
	if (rc == 0)
		rc = buf_add(&b->echo, key.s, key.len);
	if (rc == 0)
		rc = buf_add(&b->echo, ":", 1);
	if (rc == 0)
		rc = add_own(b, key, &done);
	if (rc == 0 && !done)
		rc = buf_add(&b->echo, value.s, value.len);
	if (rc < 0)
		b->echo.len = before;
	return rc;
}

/* A member that a delta brought, and the start did not have. */
static int
add_missing(struct api_block *b, const char *quoted, const struct buf *value)
{
	struct jraw key = {quoted, strlen(quoted)};
	char name[32];

	jraw_text(key, name, sizeof name);
	if (!value->len || jraw_get(start_of(b), name).s)
		return 0;
	return add_member(b, key, (struct jraw){value->data, value->len});
}

static int
build_echo(struct api_block *b)
{
	struct jraw key, value;
	size_t at = 0;
	int rc = buf_add(&b->echo, "{", 1);

	while (rc == 0 && jraw_next(start_of(b), &at, &key, &value))
		rc = add_member(b, key, value);
	if (rc == 0 && b->kind == BLOCK_TEXT)
		rc = add_missing(b, "\"text\"", &b->text);
	if (rc == 0 && b->kind == BLOCK_THINKING)
		rc = add_missing(b, "\"thinking\"", &b->said);
	if (rc == 0)
		rc = add_missing(b, "\"signature\"", &b->signature);
	if (rc == 0)
		rc = add_missing(b, "\"input\"", &b->input);
	if (rc == 0)
		rc = add_missing(b, "\"content\"", &b->content);
	if (rc == 0)
		rc = add_missing(b, "\"encrypted_content\"", &b->encrypted);
	if (rc == 0)
		rc = add_missing(b, "\"citations\"", &b->citations);
	return rc < 0 ? rc : buf_add(&b->echo, "}", 1);
}

static bool
is_blank(const struct buf *text)
{
	return strspn(buf_str(text), " \t\r\n") == text->len;
}

/* A tool without any delta: the input is the one it began with, most often {}. */
static int
settle_input(struct api_block *b)
{
	struct jraw input = jraw_get(start_of(b), "input");
	int rc = 0;

	if (b->kind != BLOCK_TOOL && b->input.len == 0)
		return 0;
	if (b->input.len == 0)
		rc = jraw_kind(input) == '{' ? buf_add(&b->input, input.s, input.len)
					     : buf_add_str(&b->input, "{}");
	if (rc == 0)
		check_input(b, &input);
	return rc;
}

int
api_block_end(struct api_block *b, struct err *err)
{
	static const char lost[] = "\xef\xbf\xbd";
	int rc = 0;

	b->open = false;
	if (b->kind == BLOCK_TEXT && b->high)
		rc = buf_add(&b->text, lost, 3);
	if (rc == 0)
		rc = settle_input(b);
	if (rc == 0 && b->citations.len)
		rc = buf_add(&b->citations, "]", 1);
	/* the API sends empty texts, and refuses them for ever when they come back */
	if (rc == 0 && !(b->kind == BLOCK_TEXT && is_blank(&b->text)))
		rc = build_echo(b);
	if (rc < 0)
		return too_long(err);
	/* one such block would make every later request "not valid JSON" */
	if (jraw_flaws((struct jraw){b->echo.data, b->echo.len}) & JRAW_HALF) {
		if (b->kind == BLOCK_TOOL)
			return err_set(err, ERR_PROTOCOL, "a tool call that is no text");
		buf_clear(&b->echo);
	}
	return 0;
}

/* Has a tool that ran over there its result in this turn? */
static bool
is_paired(const struct api_block *blocks, size_t n, size_t i)
{
	struct jraw id = jraw_get(start_of(&blocks[i]), "id"), other;

	for (size_t k = i + 1; k < n; k++) {
		other = jraw_get(start_of(&blocks[k]), "tool_use_id");
		if (id.s && other.s && other.len == id.len &&
		    memcmp(id.s, other.s, id.len) == 0)
			return true;
	}
	return false;
}

bool
api_block_goes_back(const struct api_block *blocks, size_t n, size_t i)
{
	bool before_fallback = false;

	if (blocks[i].echo.len == 0)
		return false;
	for (size_t k = i + 1; k < n; k++)
		before_fallback = before_fallback || blocks[k].kind == BLOCK_FALLBACK;
	if (!before_fallback)
		return true;
	switch (blocks[i].kind) {
	case BLOCK_THINKING:
	case BLOCK_REDACTED:
	case BLOCK_TOOL:
		return false;
	case BLOCK_SERVER_TOOL:
		return is_paired(blocks, n, i);
	default:
		return true;
	}
}
