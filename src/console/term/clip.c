/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/term/clip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/scrub.h"
#include "base/text.h"
#include "console/action/action_int.h"
#include "console/browse/browse.h"
#include "console/draw/words.h"
#include "console/term/clip_file.h"

bool
clip_way(const char *name, enum clip_way *way)
{
	static const char *const names[CLIP_WAYS] = {"auto", "osc52", "print", "file"};

	for (int i = 0; i < CLIP_WAYS; i++)
		if (strcmp(name, names[i]) == 0) {
			*way = (enum clip_way)i;
			return true;
		}
	return false;
}

void
clip_init(struct clip *k, const char *way, const char *dir)
{
	const char *term = getenv("TERM"), *tmux = getenv("TMUX");

	memset(k, 0, sizeof *k);
	buf_init(&k->text, CLIP_MAX);
	if (way && !clip_way(way, &k->way))
		k->way = CLIP_AUTO;
	k->tmux = tmux && tmux[0];
	k->likely = k->tmux || osc52_is_likely(term);
	k->path = osc52_path(term, tmux, getenv("STY"));
	k->dir = dir;
}

void
clip_fini(struct clip *k)
{
	buf_fini(&k->text);
}

/* In browse mode the chat may not be in sight; its row is short. */
static void
say_both(struct action_context *a, bool bad, const char *text, const char *row)
{
	action_say(a, bad ? TONE_BAD : TONE_PLAIN, text);
	if (a->screen->browse.on)
		browse_say(a->screen, bad ? LOOK_BAD : LOOK_GOOD, row);
}

void
clip_say(struct action_context *a, bool bad, const char *text)
{
	say_both(a, bad, text, text);
}

/*
 * Text is clean already; this is the gate where that is made sure of, as a canvas is
 * for what is drawn: what was copied will be pasted into a shell.
 */
static void
add_clean(struct buf *out, const char *text, size_t len)
{
	size_t plain = 0;

	buf_clear(out);
	for (size_t at = 0; at < len;) {
		uint32_t cp;
		size_t n = text_decode(text + at, len - at, &cp);

		if (!scrub_may_leave(cp, n)) {
			buf_add_some(out, text + plain, at - plain);
			buf_add_some(out, "?", 1);
			plain = at + n;
		}
		at += n;
	}
	buf_add_some(out, text + plain, len - plain);
}

static void
take(struct clip *k, enum clip_job job, const char *what, const char *text, size_t len)
{
	k->job = job;
	snprintf(k->what, sizeof k->what, "%s", what);
	if (text == k->text.data) /* the same again */
		return;
	add_clean(&k->text, text, len);
}

void
clip_say_sent(struct action_context *a)
{
	static const char *const how[OSC52_PATHS] = {
	    [OSC52_PLAIN] = "sent to your terminal's clipboard (OSC 52)",
	    [OSC52_TMUX] = "sent to the clipboard through tmux (OSC 52), which takes it "
			   "with \"set -g set-clipboard on\" alone",
	    [OSC52_SCREEN] = "sent to your terminal's clipboard through screen (OSC 52)",
	    [OSC52_EITHER] = "sent to your terminal's clipboard through tmux or screen "
			     "(OSC 52)",
	};
	char text[512], size[32];

	snprintf(text, sizeof text,
	    "Copied %s, %s: %s. If it is empty there: /copy print or /copy file.",
	    a->clip->what, words_bytes((int64_t)a->clip->text.len, size, sizeof size),
	    how[a->clip->path]);
	say_both(a, false, text,
	    "Copied (OSC 52). Clipboard empty? /copy print or /copy file");
}

static void
copy_to_file(struct action_context *a, const char *what, const char *text, size_t len,
    const char *why)
{
	struct err err = {0};
	char *path, words[1400], size[32];

	path = clip_file_write(a, "copy.txt", text, len, &err);
	if (path)
		snprintf(words, sizeof words, "Copied %s, %s%s: into the file %s", what,
		    words_bytes((int64_t)len, size, sizeof size), why, path);
	else
		snprintf(words, sizeof words, "%s was not copied: %s.", what, err.words);
	clip_say(a, !path, words);
	free(path);
}

/* What there is of ways, for a text of that length. */
static enum clip_way
choose(const struct clip *k, enum clip_way way, size_t len)
{
	if (way == CLIP_AUTO)
		way = k->way;
	if (way == CLIP_AUTO && k->likely && (k->tmux || len <= OSC52_TEXT_MAX))
		return CLIP_OSC52;
	if (way == CLIP_AUTO)
		return k->likely ? CLIP_FILE : CLIP_PRINT;
	return way;
}

void
clip_copy_by(struct action_context *a, enum clip_way way, const char *what,
    const char *text, size_t len)
{
	struct clip *k = a->clip;
	bool too_long;

	if (!k || len == 0) {
		clip_say(a, true,
		    k ? "There is nothing to copy."
		      : "Nothing is copied from here: all of it is plain text already.");
		return;
	}
	way = choose(k, way, len);
	too_long = way == CLIP_OSC52 && len > OSC52_TEXT_MAX && !k->tmux;
	take(k, CLIP_NOTHING, what, text, len);
	k->kept = true;
	if (way == CLIP_FILE || too_long) {
		copy_to_file(a, what, k->text.data, k->text.len,
		    way == CLIP_FILE && len <= OSC52_TEXT_MAX
			? ""
			: ", too long for a clipboard (the most is 55 KiB)");
		return;
	}
	k->job = way == CLIP_OSC52 ? CLIP_SEND : CLIP_SHOW;
	if (k->job == CLIP_SEND && !k->tmux) /* else tmux says how it went */
		clip_say_sent(a);
}

void
clip_copy(struct action_context *a, const char *what, const char *text, size_t len)
{
	clip_copy_by(a, CLIP_AUTO, what, text, len);
}

bool
clip_again(struct action_context *a, enum clip_way way)
{
	struct clip *k = a->clip;
	char what[CLIP_WHAT_MAX];

	if (!k || !k->kept)
		return false;
	memcpy(what, k->what, sizeof what);
	clip_copy_by(a, way, what, k->text.data, k->text.len);
	return true;
}

void
clip_save(struct action_context *a, const char *what, const char *name, const char *text,
    size_t len)
{
	struct err err = {0};
	struct buf clean;
	char *path, words[1400], size[32];

	if (len == 0) {
		clip_say(a, true, "There is nothing to save.");
		return;
	}
	buf_init(&clean, CLIP_MAX);
	add_clean(&clean, text, len);
	path = clip_file_write(a, name, clean.data, clean.len, &err);
	if (path)
		snprintf(words, sizeof words, "Saved %s, %s: %s", what,
		    words_bytes((int64_t)clean.len, size, sizeof size), path);
	else
		snprintf(words, sizeof words, "%s was not saved: %s.", what, err.words);
	clip_say(a, !path, words);
	buf_fini(&clean);
	free(path);
}

void
clip_view(struct action_context *a, const char *what, const char *text, size_t len)
{
	if (!a->clip) {
		clip_say(
		    a, true, "There is no pager here: all of it is plain text already.");
		return;
	}
	if (len == 0) {
		clip_say(a, true, "There is nothing to view.");
		return;
	}
	a->clip->kept = false;
	take(a->clip, CLIP_PAGE, what, text, len);
}
