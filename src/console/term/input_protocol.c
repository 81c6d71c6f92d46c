/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * input_protocol.c: keys told by number, as kitty's protocol and xterm's modifyOtherKeys
 * do.  We switch on neither; a program that died may have left one on.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "console/term/input_int.h"

#define SHIFT 1
#define ALT 2
#define CTRL 4

#define KEYPAD_0 57399 /* kitty's numbers for the keypad */
#define KEYPAD_9 57408
#define KEYPAD_ENTER 57414
#define PRIVATE_FIRST 57344
#define PRIVATE_LAST 63743

bool
input_is_release(const char *params)
{
	const char *colon = strchr(params, ':');

	return strchr(params, ';') && colon && atoi(colon + 1) == 3;
}

static bool
is_letter(long code)
{
	return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
}

/* Ctrl makes a letter what it is without protocol; with other keys it says nothing. */
static void
with_ctrl(struct input_reader *r, long code)
{
	if (is_letter(code))
		input_emit(r, INPUT_CTRL, (int)(code & ~0x20));
	else if (strchr("[\\]^_@", (int)code))
		input_emit(r, INPUT_CTRL, (int)code);
}

static void
plain(struct input_reader *r, long code, int modifiers)
{
	char text[8];

	if (code >= KEYPAD_0 && code <= KEYPAD_9)
		code = code - KEYPAD_0 + '0';
	if (modifiers & SHIFT && code >= 'a' && code <= 'z')
		code -= 0x20;
	if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000) ||
	    (code >= PRIVATE_FIRST && code <= PRIVATE_LAST))
		return;
	input_emit_char(r, text, text_encode((uint32_t)code, text));
}

static bool
named(struct input_reader *r, long code, int modifiers)
{
	if (code == 27)
		input_emit(r, INPUT_ESC, 0);
	else if (code == 13 || code == KEYPAD_ENTER)
		input_emit(r, modifiers & ALT ? INPUT_ALT : INPUT_ENTER,
		    modifiers & ALT ? '\r' : 0);
	else if (code == 9)
		input_emit(r, modifiers & SHIFT ? INPUT_BACKTAB : INPUT_TAB, 0);
	else if (code == 127 || code == 8)
		input_emit(r, INPUT_BACKSPACE, 0);
	else
		return false;
	return true;
}

void
input_protocol(struct input_reader *r, const char *params)
{
	const char *second = strchr(params, ';');
	const char *third = second ? strchr(second + 1, ';') : NULL;
	bool other_keys = strncmp(params, "27;", 3) == 0 && third;
	long code = atol(other_keys ? third + 1 : params);
	int modifiers = second ? atoi(second + 1) - 1 : 0;

	if (input_is_release(params) || code <= 0)
		return;
	modifiers = modifiers < 0 ? 0 : modifiers & (SHIFT | ALT | CTRL);
	if (named(r, code, modifiers))
		return;
	if (modifiers & CTRL)
		with_ctrl(r, code);
	else if (modifiers & ALT)
		input_emit(r, INPUT_ALT, code < 0x80 ? (int)code : 0);
	else
		plain(r, code, modifiers);
}
