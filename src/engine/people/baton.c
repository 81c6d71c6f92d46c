/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/people/baton.h"

#include <stdio.h>
#include <string.h>

const char *
baton_why_words(enum baton_why why)
{
	static const char *const words[BATON_WHYS] = {
	    [BATON_FIRST] = "the first console here that may act",
	    [BATON_BACK] = "came back within 60 s",
	    [BATON_ACTED] = "acted while nobody drove",
	    [BATON_TOOK] = "took over",
	    [BATON_ONLY] = "the only console left that may act",
	};

	return words[why];
}

bool
baton_is(const struct baton *b, const char *name)
{
	return b->driver[0] && strcmp(b->driver, name) == 0;
}

static bool
baton_enter(struct baton *b, const char *name, enum baton_why why)
{
	snprintf(b->from, sizeof b->from, "%s", b->driver);
	snprintf(b->driver, sizeof b->driver, "%s", name);
	b->why = why;
	b->left[0] = '\0';
	return true;
}

static bool
baton_is_awaited(const struct baton *b, int64_t now_ms)
{
	return b->left[0] && now_ms - b->left_ms < BATON_BACK_MS;
}

bool
baton_came(struct baton *b, const char *name, int others, int64_t now_ms)
{
	if (b->driver[0])
		return false;
	if (baton_is_awaited(b, now_ms) && strcmp(b->left, name) == 0)
		return baton_enter(b, name, BATON_BACK);
	return others == 0 && baton_enter(b, name, BATON_FIRST);
}

bool
baton_take(struct baton *b, const char *name)
{
	return !baton_is(b, name) && baton_enter(b, name, BATON_TOOK);
}

bool
baton_act(struct baton *b, const char *name)
{
	return !b->driver[0] && baton_enter(b, name, BATON_ACTED);
}

bool
baton_only(struct baton *b, const char *name, int64_t now_ms)
{
	return name && !b->driver[0] && !baton_is_awaited(b, now_ms) &&
	    baton_enter(b, name, BATON_ONLY);
}

bool
baton_give(struct baton *b, const char *name)
{
	if (!baton_is(b, name))
		return false;
	b->driver[0] = b->left[0] = '\0';
	return true;
}

bool
baton_gone(struct baton *b, const char *name, int64_t now_ms)
{
	if (!baton_give(b, name))
		return false;
	snprintf(b->left, sizeof b->left, "%s", name);
	b->left_ms = now_ms;
	return true;
}

int64_t
baton_wait_ms(const struct baton *b, int64_t now_ms)
{
	if (b->driver[0] || !b->left[0])
		return -1;
	return baton_is_awaited(b, now_ms) ? b->left_ms + BATON_BACK_MS - now_ms : 0;
}
