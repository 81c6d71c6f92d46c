/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys in the spellings of every terminal that our users have, and what is no key. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "console/term/input.h"

struct keys {
	struct input in[64];
	size_t count;
	char text[64]; /* what was typed as text */
};

static void
on_key(const struct input *in, void *arg)
{
	struct keys *k = arg;

	if (in->kind == INPUT_CHAR)
		strncat(k->text, in->text, sizeof k->text - strlen(k->text) - 1);
	if (k->count < 64)
		k->in[k->count++] = *in;
}

/* In one piece (step 0), or byte by byte that far apart. */
static struct keys
keys_of(const char *bytes, int64_t step_ms)
{
	struct keys k = {0};
	struct input_reader r;
	int64_t now = 1000;

	input_init(&r, on_key, &k);
	if (step_ms == 0)
		input_feed(&r, bytes, strlen(bytes), now);
	for (const char *c = bytes; step_ms > 0 && *c; c++) {
		input_timeout(&r, now);
		input_feed(&r, c, 1, now);
		now += step_ms;
	}
	input_timeout(&r, now + 100000);
	input_fini(&r);
	return k;
}

static void
expect(const char *bytes, enum input_kind kind, int n)
{
	for (int64_t step = 0; step <= 30; step += 30) {
		struct keys k = keys_of(bytes, step);

		cr_assert_eq(k.count, 1, "%zu keys from ESC%s", k.count, bytes + 1);
		cr_assert_eq(
		    k.in[0].kind, kind, "kind %d from ESC%s", k.in[0].kind, bytes + 1);
		cr_assert_eq(k.in[0].n, n, "n %d from ESC%s", k.in[0].n, bytes + 1);
	}
}

Test(input, f_keys_in_every_spelling)
{
	/* F1 to F12, as terminfo has them */
	static const char *const xterm[] = {"OP", "OQ", "OR", "OS", "[15~", "[17~",
	    "[18~", "[19~", "[20~", "[21~", "[23~", "[24~"};
	static const char *const linux_vt[] = {"[[A", "[[B", "[[C", "[[D", "[[E", "[17~",
	    "[18~", "[19~", "[20~", "[21~", "[23~", "[24~"};
	static const char *const rxvt[] = {"[11~", "[12~", "[13~", "[14~", "[15~", "[17~",
	    "[18~", "[19~", "[20~", "[21~", "[23~", "[24~"};
	static const char *const csi[] = {"[P", "[Q", "[R", "[S"};
	static const char *const vt100[] = {
	    "OP", "OQ", "OR", "OS", "Ot", "Ou", "Ov", "Ol", "Ow", "Ox"};
	char bytes[16];

#define EXPECT_ALL(table)                                            \
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {              \
		snprintf(bytes, sizeof bytes, "\x1b%s", (table)[i]); \
		expect(bytes, INPUT_F, (int)i + 1);                  \
	}
	EXPECT_ALL(xterm)
	EXPECT_ALL(linux_vt)
	EXPECT_ALL(rxvt) /* and PuTTY */
	EXPECT_ALL(csi)
	EXPECT_ALL(vt100)
}

Test(input, a_modifier_leaves_a_key_what_it_is)
{
	expect("\x1b[1;5P", INPUT_F, 1);  /* xterm */
	expect("\x1b[18;3~", INPUT_F, 7); /* xterm, Alt */
	expect("\x1bO5P", INPUT_F, 1);	  /* konsole, old xterm */
	expect("\x1bO1;2S", INPUT_F, 4);
	expect("\x1b[18^", INPUT_F, 7);	 /* rxvt, Ctrl */
	expect("\x1b[18@", INPUT_F, 7);	 /* rxvt, Ctrl and Shift */
	expect("\x1b[23$", INPUT_F, 11); /* rxvt, Shift */
	expect("\x1b[5^", INPUT_PGUP, 0);
	expect("\x1b[7$", INPUT_HOME, 0);
	expect("\x1b[a", INPUT_UP, 0);
	expect("\x1bOd", INPUT_LEFT, 0);
	expect("\x1b[1;5D", INPUT_LEFT, 0);
	expect("\x1b[1;2H", INPUT_HOME, 0);
	expect("\x1b[3;5~", INPUT_DELETE, 0);
}

Test(input, keys_told_by_number_are_the_same_keys)
{
	struct keys k = keys_of("\x1b[97u\x1b[98;2u\x1b[8364u\x1b[57400u", 0);

	cr_assert_str_eq(k.text, "aB€1");
	expect("\x1b[27u", INPUT_ESC, 0);
	expect("\x1b[13u", INPUT_ENTER, 0);
	expect("\x1b[13;3u", INPUT_ALT, '\r');
	expect("\x1b[9;2u", INPUT_BACKTAB, 0);
	expect("\x1b[127u", INPUT_BACKSPACE, 0);
	expect("\x1b[99;5u", INPUT_CTRL, 'C');
	expect("\x1b[99;5:1u", INPUT_CTRL, 'C');
	expect("\x1b[99;69u", INPUT_CTRL, 'C'); /* with CapsLock */
	expect("\x1b[55;3u", INPUT_ALT, '7');
	expect("\x1b[27;5;99~", INPUT_CTRL, 'C'); /* modifyOtherKeys */
	expect("\x1b[27;5;93~", INPUT_CTRL, ']');
	expect("\x1b[13~", INPUT_F, 3);
}

Test(input, a_key_that_goes_up_is_none)
{
	cr_assert_eq(keys_of("\x1b[97;1:3u", 0).count, 0);
	cr_assert_eq(keys_of("\x1b[18;1:3~", 0).count, 0);
	cr_assert_eq(keys_of("\x1b[1;1:3P", 0).count, 0);
	cr_assert_eq(keys_of("\x1b[57441;2u\x1b[57344u", 0).count, 0); /* Shift, alone */
}

/* What leaves no key and no text, in one piece or as a line that stutters brings it. */
Test(input, answers_and_reports_are_never_text)
{
	static const char *const dropped[] = {"\x1b[?1;2c", "\x1b[>41;354;0c",
	    "\x1bP!|00000000\x1b\\", "\x1bP>|XTerm(354)\x1b\\", "\x1b[0n", "\x1b[24;80R",
	    "\x1b[?24;80R", "\x1b[8;24;80t", "\x1b]lwindow\x1b\\", "\x1b]Licon\x1b\\",
	    "\x1b]11;rgb:0000/0000/0000\x07", "\x1b]52;c;cm0gLXJmIC8=\x07",
	    "\x1bP1$r0m\x1b\\", "\x1bP1+r544e=787465726d\x1b\\", "\x1b[?2026;2$y",
	    "\x1b[?0u", "\x1b_Gi=1;OK\x1b\\", "\x1b[I", "\x1b[O", "\x1b[<0;10;10M",
	    "\x1b[<0;10;10m", "\x1b[32;10;10M", "\x1b[M !!", "\x1b[?997;1n",
	    "\x1b[48;24;80;480;640t", "\x1b[4;480;640t"};

	for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
		for (int64_t step = 0; step <= 300; step += 100) {
			struct keys k;

			if (step >= 100 && strlen(dropped[i]) < 5)
				continue;
			k = keys_of(dropped[i], step < 100 ? step : 0);
			cr_assert_eq(k.count, 0, "ESC%s is %zu keys: %s", dropped[i] + 1,
			    k.count, k.text);
		}
}

/* 300 ms between two pieces of an answer: its rest is no text either. */
Test(input, a_late_rest_of_an_answer_is_not_text)
{
	struct keys k = {0};
	struct input_reader r;

	input_init(&r, on_key, &k);
	input_feed(&r, "\x1b[?1;", 5, 0);
	input_timeout(&r, 300);
	input_feed(&r, "2c", 2, 300);
	input_feed(&r, "\x1bP>|XTe", 7, 1000);
	input_timeout(&r, 1300);
	input_feed(&r, "rm(354)\x1b\\", 9, 1300);
	input_feed(&r, "x", 1, 2000);
	cr_assert_eq(k.count, 1);
	cr_assert_str_eq(k.text, "x");
	/* and one without an end is given up */
	input_feed(&r, "\x1b]0;never ends", 14, 3000);
	cr_assert_eq(input_wait_ms(&r, 3000), INPUT_BEGUN_MS);
	input_timeout(&r, 3000 + INPUT_BEGUN_MS);
	input_feed(&r, "y", 1, 5000);
	cr_assert_str_eq(k.text, "xy");
	input_fini(&r);
}

Test(input, any_byte_after_any_other_leaves_the_reader_whole)
{
	uint32_t seed = 1;
	struct keys k = {0};
	struct input_reader r;

	input_init(&r, on_key, &k);
	for (int i = 0; i < 200000; i++) {
		static const char often[] = "\x1b[O]P0123456789;:?~uMPAR$^\x07\\";
		char c;

		seed = seed * 1664525u + 1013904223u;
		c = seed >> 31 ? often[(seed >> 8) % (sizeof often - 1)]
			       : (char)(seed >> 16);
		k.count = 0;
		k.text[0] = '\0';
		input_feed(&r, &c, 1, i);
		cr_assert_leq(k.count, 2);
		for (size_t n = 0; n < k.count; n++)
			cr_assert_lt(k.in[n].kind, INPUT_KINDS);
	}
	input_timeout(&r, 1000000);
	input_feed(&r, "\x18z", 2, 1000001);
	input_fini(&r);
}
