/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pictures.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const facts_quiet[] = {
    "{\"t\":\"welcome\",\"v\":1,\"seq\":0,\"mono_ms\":100000,\"incident\":\"2026-11-26-a\"}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"vm\",\"status\":\"running\",\"qmp\":\"alive\",\"checked\":100000}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"link\",\"host\":\"pve\",\"state\":\"up\",\"ms\":12,\"since\":0}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"link\",\"host\":\"devvm\",\"state\":\"up\",\"ms\":3,\"since\":0}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"agent\",\"state\":\"ready\",\"driver\":\"cli\"}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"autonomy\",\"level\":\"autonomous\"}",
    "{\"t\":\"caught_up\",\"seq\":0}", NULL};

const char *
printed(const struct canvas *c)
{
	static char text[65536];
	struct buf out;

	buf_init(&out, sizeof text - 1);
	cr_assert(canvas_print(c, &out) == 0);
	snprintf(text, sizeof text, "%s", buf_str(&out));
	buf_fini(&out);
	return text;
}

void
tell(struct screen *s, const char *const *facts)
{
	struct err err = {0};

	for (; *facts; facts++) {
		struct js *fact = js_parse(*facts, strlen(*facts), &err);

		cr_assert_not_null(fact, "%s: %s", err.words, *facts);
		model_apply(&s->model, fact, 100000);
		js_free(fact);
	}
	s->now = 100000;
	s->link_up = true;
}

void
tell_one(struct screen *s, const char *fact)
{
	const char *facts[] = {fact, NULL};

	tell(s, facts);
}

void
tellf(struct screen *s, const char *fmt, ...)
{
	static char text[70000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	tell_one(s, text);
}

const char *
drawn(struct screen *s, int cols, int rows)
{
	struct canvas c;
	const char *text;

	canvas_init(&c, cols, rows);
	layout_draw(s, &c);
	text = printed(&c);
	canvas_fini(&c);
	return text;
}

static char *
slurp(const char *path)
{
	static char text[65536];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

void
expect_canvas(const struct canvas *c, const char *name)
{
	char path[512];
	const char *now;
	FILE *f;

	snprintf(
	    path, sizeof path, "%s/%s-%dx%d.screen", GOLDEN_DIR, name, c->cols, c->rows);
	now = printed(c);
	if (getenv("UPDATE")) {
		f = fopen(path, "w");
		cr_assert_not_null(f, "%s", path);
		fputs(now, f);
		fclose(f);
	}
	cr_assert_str_eq(
	    now, slurp(path), "%s differs; UPDATE=1 writes it anew:\n%s", path, now);
}

void
expect_picture(struct screen *s, int cols, int rows, const char *name)
{
	struct canvas c;

	canvas_init(&c, cols, rows);
	layout_draw(s, &c);
	expect_canvas(&c, name);
	canvas_fini(&c);
}

void
expect_pictures(struct screen *s, const char *name)
{
	static const int sizes[][2] = {{80, 24}, {40, 15}, {20, 6}, {140, 30}, {200, 50}};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		expect_picture(s, sizes[i][0], sizes[i][1], name);
}

void
expect_all_sizes(struct screen *s, const char *name)
{
	expect_picture(s, 40, 15, name);
	expect_picture(s, 80, 24, name);
	expect_picture(s, 200, 50, name);
}
