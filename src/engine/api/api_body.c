/* SPDX-License-Identifier: GPL-3.0-or-later */
/* api_body.c: a request to the Messages API: its head, and the list of its pieces. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/api/api_model.h"
#include "engine/api/api_transcript_int.h"
#include "engine/api/jraw.h"

#define BODY_MAX                                                              \
	(30 * 1024 * 1024) /* bytes; the vendor takes 32 MB, a cloud 20 or 30 \
			    */
#define OUT_VENDOR 64000   /* tokens */
#define OUT_PORTABLE 4096

#define BETA_UPDATES "thinking-display-updates-2026-08-18"
#define BETA_TOKENS "thinking-token-count-2026-05-13"
#define BETA_FALLBACK "server-side-fallback-2026-07-01"

#define CACHE "{\"type\":\"ephemeral\",\"ttl\":\"1h\"}"

/* ---- what of the options this model takes ---- */

struct choice {
	const struct api_model *model;
	bool vendor, adaptive, updates, fallbacks;
	const char *effort;
};

static struct choice
choose(const struct api_body *how)
{
	struct choice c = {.model = api_model_find(how->model)};

	c.vendor = how->profile == API_VENDOR;
	if (!c.vendor)
		return c;
	c.adaptive = how->thinking && c.model->display;
	c.updates =
	    c.adaptive && !how->no_betas && strcmp(c.model->display, "updates") == 0;
	c.fallbacks = how->fallbacks && !how->no_betas && c.model->fallbacks;
	c.effort = api_model_effort(c.model, how->effort);
	return c;
}

const char *
api_body_betas(const struct api_body *how, char *out, size_t size)
{
	struct choice c = choose(how);

	snprintf(out, size, "%s%s%s", c.updates ? BETA_UPDATES "," BETA_TOKENS : "",
	    c.updates && c.fallbacks ? "," : "", c.fallbacks ? BETA_FALLBACK : "");
	return out;
}

static int64_t
max_tokens(const struct api_body *how, const struct choice *c)
{
	int64_t most = c->model->out, n = how->max_tokens;

	if (!c->vendor)
		return n > 0 ? n : OUT_PORTABLE;
	if (n <= 0)
		n = OUT_VENDOR;
	return most && n > most ? most : n;
}

/* ---- the head: all but the messages, in an order that never changes ---- */

static int
add_system(struct buf *h, const struct api_body *how, const struct choice *c)
{
	if (!how->system || !*how->system)
		return 0;
	if (buf_add_str(h,
		c->vendor ? ",\"system\":[{\"type\":\"text\",\"text\":"
			  : ",\"system\":") < 0 ||
	    jraw_add_string(h, how->system, strlen(how->system)) < 0)
		return -1;
	return c->vendor ? buf_add_str(h, ",\"cache_control\":" CACHE "}]") : 0;
}

static int
add_tools(struct buf *h, const struct api_body *how, const struct choice *c)
{
	if (!how->tools || !*how->tools)
		return 0;
	if (buf_printf(h, ",\"tools\":%s", how->tools) < 0)
		return -1;
	if (!c->vendor || !how->no_parallel)
		return 0;
	return buf_add_str(h,
	    ",\"tool_choice\":{\"type\":\"auto\","
	    "\"disable_parallel_tool_use\":true}");
}

static int
add_thinking(struct buf *h, const struct choice *c)
{
	const char *display = c->model->display;
	int rc = 0;

	if (c->adaptive) {
		if (strcmp(display, "updates") == 0 && !c->updates)
			display = "summarized"; /* needs no beta */
		rc = *display
		    ? buf_printf(h,
			  ",\"thinking\":{\"type\":\"adaptive\",\"display\":\"%s\"}",
			  display)
		    : buf_add_str(h, ",\"thinking\":{\"type\":\"adaptive\"}");
	}
	if (rc == 0 && c->effort)
		rc = buf_printf(h, ",\"output_config\":{\"effort\":\"%s\"}", c->effort);
	if (rc == 0 && c->fallbacks)
		rc = buf_add_str(h, ",\"fallbacks\":\"default\"");
	return rc;
}

static int
build_head(struct buf *h, const struct api_body *how, const struct choice *c)
{
	buf_clear(h);
	if (buf_add_str(h, "{\"model\":") < 0 ||
	    jraw_add_string(h, how->model, strlen(how->model)) < 0 ||
	    buf_printf(h, ",\"max_tokens\":%" PRId64 ",\"stream\":%s", max_tokens(how, c),
		how->stream ? "true" : "false") < 0 ||
	    add_system(h, how, c) < 0 || add_tools(h, how, c) < 0 ||
	    add_thinking(h, c) < 0)
		return -1;
	if (c->vendor && buf_add_str(h, ",\"cache_control\":" CACHE) < 0)
		return -1;
	return buf_add_str(h, ",\"messages\":[");
}

/* ---- the pieces ---- */

static void
piece(struct api_transcript *t, const char *data, size_t len)
{
	if (t->n_pieces == t->pieces_size) {
		t->pieces_size = t->pieces_size ? t->pieces_size * 2 : 64;
		t->pieces = mem_resize(t->pieces, t->pieces_size * sizeof *t->pieces);
	}
	t->pieces[t->n_pieces++] = (struct http_piece){data, len};
}

static void
piece_str(struct api_transcript *t, const char *s)
{
	piece(t, s, strlen(s));
}

static void
add_blocks(struct api_transcript *t, const struct buf *blocks, bool *comma)
{
	if (blocks->len == 0)
		return;
	if (*comma)
		piece(t, ",", 1);
	piece(t, blocks->data, blocks->len);
	*comma = true;
}

static void
add_entry(struct api_transcript *t, struct entry *e, bool first)
{
	const char *open = e->is_user ? ",{\"role\":\"user\",\"content\":["
				      : ",{\"role\":\"assistant\",\"content\":[";
	bool own = !e->plain_only && e->endpoint && strcmp(e->endpoint, t->endpoint) == 0;
	bool comma = false;

	piece_str(t, open + (first ? 1 : 0));
	if (e->is_user) {
		add_blocks(t, &e->results, &comma);
		if (!t->behind)
			add_blocks(t, &e->notice_inside, &comma);
		add_blocks(t, &e->texts, &comma);
	} else {
		add_blocks(t, own ? &e->whole : &e->plain, &comma);
	}
	piece(t, "]}", 2);
	if (t->behind && e->notice_behind.len)
		piece(t, e->notice_behind.data, e->notice_behind.len);
	e->end_piece = t->n_pieces;
}

/* Sent for the first time: what waits for a user message goes with it. */
static int
seal(struct api_transcript *t, struct entry *e)
{
	static const char before[] = "<breakglass-notes>\n",
			  after[] = "\n</breakglass-notes>";
	struct buf marked;
	int rc;

	if (!e->is_user || e->sealed)
		return 0;
	e->sealed = true;
	if (t->waiting.len == 0)
		return 0;
	e->notice = t->waiting;
	buf_init(&t->waiting, WAITING_MAX);
	buf_init(&marked, FRAGMENT_MAX);
	rc = buf_add_str(&marked, before) < 0 ||
	    buf_add(&marked, e->notice.data, e->notice.len) < 0 ||
	    buf_add_str(&marked, after) < 0 ||
	    buf_add_str(&e->notice_inside, "{\"type\":\"text\",\"text\":") < 0 ||
	    jraw_add_string(&e->notice_inside, marked.data, marked.len) < 0 ||
	    buf_add_str(&e->notice_inside, "}") < 0 ||
	    buf_add_str(&e->notice_behind, ",{\"role\":\"system\",\"content\":") < 0 ||
	    jraw_add_string(&e->notice_behind, e->notice.data, e->notice.len) < 0 ||
	    buf_add_str(&e->notice_behind, "}") < 0;
	t->bytes += (int64_t)e->notice_behind.len;
	buf_fini(&marked);
	return rc ? -1 : 0;
}

/* Is the list that stands there for somebody else? */
static bool
is_for(struct api_transcript *t, const struct api_body *how, bool behind)
{
	return t->n_pieces && t->behind == behind &&
	    strcmp(t->endpoint, how->endpoint) == 0;
}

static void
build_pieces(struct api_transcript *t, const struct api_body *how, bool behind)
{
	if (!is_for(t, how, behind)) {
		free(t->endpoint);
		t->endpoint = mem_dup(how->endpoint);
		t->behind = behind;
		t->built = 0;
	}
	/* the head, the entries that stand, those that are new, the tail */
	t->n_pieces = t->built ? t->entries[t->built - 1]->end_piece : 0;
	if (t->n_pieces == 0)
		piece(t, "", 0);
	t->pieces[0] = (struct http_piece){t->head.data, t->head.len};
	for (size_t i = t->built; i < t->n; i++)
		add_entry(t, t->entries[i], i == 0);
	t->built = t->n;
	piece(t, "]}", 2);
}

int
api_transcript_body(struct api_transcript *t, const struct api_body *how,
    const struct http_piece **pieces, size_t *n, struct err *err)
{
	struct entry *e = t->n ? t->entries[t->n - 1] : NULL;
	struct choice c = choose(how);

	if (!e || t->n_open || (!e->is_user && !e->unfinished))
		return err_set(err, ERR_USAGE, "there is nothing to ask the model");
	if (seal(t, e) < 0 || build_head(&t->head, how, &c) < 0 ||
	    t->bytes + (int64_t)t->head.len > BODY_MAX)
		return err_set(err, ERR_LIMIT,
		    "the conversation is longer than %d MiB: begin a new one",
		    BODY_MAX / 1024 / 1024);
	build_pieces(t, how, c.vendor && c.model->notices);
	*pieces = t->pieces;
	*n = t->n_pieces;
	return 0;
}
