/* SPDX-License-Identifier: GPL-3.0-or-later */
/* api_failure.c: what an error body says, be it JSON, HTML, cut off or nothing. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/api/api_error.h"
#include "engine/api/jraw.h"

#define BODY_LOOK 4096 /* bytes of a body that is no JSON that are looked at */

/* One line, UTF-8, runs of white space and control bytes as one space. */
static void
set_text(char *to, size_t size, const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 4 < size;) {
		uint32_t cp;
		size_t took = text_decode(s + i, len - i, &cp);

		i += took;
		if (cp <= ' ' || (cp >= 0x7f && cp < 0xa0)) {
			if (n && to[n - 1] != ' ')
				to[n++] = ' ';
			continue;
		}
		n += text_encode(cp, to + n);
	}
	while (n && to[n - 1] == ' ')
		n--;
	to[n] = '\0';
}

static const char *
type_by_status(int status)
{
	static const struct {
		int status;
		const char *type;
	} types[] = {
	    {400, "invalid_request_error"},
	    {401, "authentication_error"},
	    {402, "billing_error"},
	    {403, "permission_error"},
	    {404, "not_found_error"},
	    {408, "timeout_error"},
	    {409, "conflict_error"},
	    {413, "request_too_large"},
	    {429, "rate_limit_error"},
	    {504, "timeout_error"},
	    {529, "overloaded_error"},
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].status == status)
			return types[i].type;
	if (status >= 500 || status == 200)
		return "api_error";
	return status >= 400 ? "invalid_request_error"
	    : status >= 300  ? "redirect"
			     : "protocol";
}

static void
set_member(char *to, size_t size, struct jraw obj, const char *key)
{
	char text[2048];

	if (jraw_kind(jraw_get(obj, key)) != '"')
		return;
	jraw_text(jraw_get(obj, key), text, sizeof text);
	set_text(to, size, text, strlen(text));
}

/*
 * {"error":{...}} is the API's own form and, nearly, that of the others;
 * {"error":"words"}, {"message":"words"} and {"detail":"words"} are seen, too.
 */
static void
from_json(struct jraw v, struct api_failure *f)
{
	struct jraw e = jraw_get(v, "error");

	set_member(f->request, sizeof f->request, v, "request_id");
	set_member(f->text, sizeof f->text, v, "detail");
	set_member(f->text, sizeof f->text, v, "message");
	set_member(f->text, sizeof f->text, v, "error");
	set_member(f->text, sizeof f->text, e, "message");
	set_member(f->type, sizeof f->type, e, "type");
	set_member(f->code, sizeof f->code, e, "code");
	set_member(f->code, sizeof f->code, jraw_get(e, "details"), "error_code");
}

/* Without regard to case; NULL when it is not there. */
static const char *
find(const char *s, const char *end, const char *word)
{
	size_t n = strlen(word);

	for (; (size_t)(end - s) >= n; s++)
		if (strncasecmp(s, word, n) == 0)
			return s;
	return NULL;
}

static void
from_html(const char *body, size_t len, struct api_failure *f)
{
	const char *end = body + len, *title = find(body, end, "<title"), *stop;

	title = title ? memchr(title, '>', (size_t)(end - title)) : NULL;
	stop = title ? find(title, end, "</title") : NULL;
	if (stop)
		set_text(f->text, sizeof f->text, title + 1, (size_t)(stop - title - 1));
	if (!f->text[0])
		set_text(f->text, sizeof f->text, "an HTML page", 12);
}

void
api_failure_set(struct api_failure *f, int status, const char *type, const char *text)
{
	memset(f, 0, sizeof *f);
	f->status = status;
	set_text(f->type, sizeof f->type, type, strlen(type));
	set_text(f->text, sizeof f->text, text, strlen(text));
}

void
api_failure_parse(int status, const char *body, size_t len, struct api_failure *f)
{
	struct err not_json = {0};
	struct jraw v;
	size_t skip = 0;

	api_failure_set(f, status, type_by_status(status), "");
	if (len == 0)
		return;
	if (jraw_check(body, len, &v, &not_json) == 0 && jraw_kind(v) == '{') {
		from_json(v, f);
		if (!f->type[0])
			set_text(f->type, sizeof f->type, "api_error", 9);
		return;
	}
	if (len > BODY_LOOK)
		len = BODY_LOOK;
	while (skip < len && strchr(" \t\r\n", body[skip]) && body[skip])
		skip++;
	if (skip < len && body[skip] == '<')
		from_html(body, len, f);
	else
		set_text(f->text, 256, body, len);
}
