/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One night line by line, from the attach to the closed incident, as somebody hears it.
 *
 * fixtures/linear-night.script has facts and typed lines, each after so many
 * milliseconds; golden/linear-night.txt is all that was said, the typed lines behind
 * "<<< " and what was asked of the engine behind ">>> ".  The clock is the script's:
 * no run differs from another.
 */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "console/linear/linear_int.h"

#define BEGIN_MS 95000
#define BEGIN_WALL 1795748400000 /* 2026-11-27T03:00:00Z */
#define GOLDEN GOLDEN_DIR "/linear-night.txt"
#define SCRIPT FIXTURES_DIR "/linear-night.script"

int64_t __wrap_clock_mono_ms(void);

static struct linear n;
static int64_t now_ms = BEGIN_MS;
static int64_t seq;

int64_t
__wrap_clock_mono_ms(void)
{
	return now_ms;
}

static int
on_send(void *arg, struct js *request, struct err *err)
{
	static int count;
	struct buf text;
	char req[16];

	if (js_str(request, "req")) { /* of our own making, and never the same */
		snprintf(req, sizeof req, "q%d", ++count);
		js_set_str(request, "req", req);
	}
	buf_init(&text, 65536);
	cr_assert_eq(js_print(request, &text), 0);
	printf(">>> %s\n", buf_str(&text));
	buf_fini(&text);
	js_free(request);
	return 0;
}

/* As linear.c does it with each. */
static void
tell_fact(const char *text)
{
	struct err err = {0};
	struct js *fact = js_parse(text, strlen(text), &err);
	char at[CLOCK_AT_LEN];

	cr_assert_not_null(fact, "%s: %s", err.words, text);
	js_set_int(fact, "seq", n.screen.model.incident.caught_up ? ++seq : 0);
	js_set_int(fact, "mono_ms", now_ms);
	js_set_str(fact, "at", clock_at(BEGIN_WALL + now_ms - BEGIN_MS, at));
	model_apply(&n.screen.model, fact, now_ms);
	n.screen.now = now_ms;
	linear_news(&n);
	js_free(fact);
}

/* What came together is said together. */
static void
say_news(void)
{
	n.screen.now = now_ms;
	said_news(&n.said, &n.screen);
	linear_offer(&n);
	if (!n.screen.confirm.open && !n.screen.ask.open)
		said_progress(&n.said, &n.screen);
}

static void
play(char *line)
{
	char *rest;
	long ms;

	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '#' || line[0] == '\0')
		return;
	ms = strtol(line, &rest, 10);
	if (ms > 0)
		say_news();
	now_ms += ms;
	rest += strspn(rest, " ");
	if (rest[0] == '{') {
		tell_fact(rest);
		return;
	}
	printf("<<< %s\n", rest);
	linear_line(&n, rest);
}

static char *
heard(void)
{
	FILE *script = fopen(SCRIPT, "r"), *terminal = stdout;
	char line[8192], *all = NULL;
	size_t len = 0;

	cr_assert_not_null(script, "%s", SCRIPT);
	stdout = open_memstream(&all, &len);
	while (fgets(line, sizeof line, script))
		play(line);
	say_news();
	fclose(stdout);
	fclose(script);
	stdout = terminal;
	return all;
}

static char *
slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = mem_alloc(65536);
	size_t len = f ? fread(text, 1, 65535, f) : 0;

	text[len] = '\0';
	if (f)
		fclose(f);
	return text;
}

Test(linear_night, all_of_it_is_said_once_in_its_order)
{
	char *all, *golden;
	FILE *f;

	setlocale(LC_CTYPE, "C.UTF-8");
	screen_init(&n.screen);
	n.screen.linear = n.screen.link_up = true;
	n.said.bounded = true;
	n.ctx = (struct action_context){
	    .screen = &n.screen, .send = on_send, .clip = &n.clip};
	clip_init(&n.clip, "print", NULL);
	all = heard();
	if (getenv("UPDATE")) {
		f = fopen(GOLDEN, "w");
		cr_assert_not_null(f, "%s", GOLDEN);
		fputs(all, f);
		fclose(f);
	}
	golden = slurp(GOLDEN);
	cr_assert_str_eq(
	    all, golden, "%s differs; UPDATE=1 writes it anew:\n%s", GOLDEN, all);
	cr_assert_null(strchr(all, '\x1b'));
	free(golden);
	free(all);
	clip_fini(&n.clip);
	screen_fini(&n.screen);
}
