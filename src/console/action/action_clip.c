/* SPDX-License-Identifier: GPL-3.0-or-later */
/* action_clip.c: /copy, /save and /view. */
#include <stdio.h>

#include "base/scrub.h"
#include "console/action/action_int.h"
#include "console/action/action_run.h"
#include "console/browse/browse.h"
#include "console/term/clip.h"

static void
on_text(void *arg, const char *text, size_t len, uint32_t style)
{
	buf_add_some(arg, text, len);
}

static void
on_newline(void *arg)
{
	buf_add_some(arg, "\n", 1);
}

/* As it is shown, not as the model said it. */
static void
clean(const struct buf *from, struct buf *out)
{
	static const struct scrub_sink sink = {on_text, on_newline, on_newline};
	struct scrub s;

	scrub_init(&s, &sink, out, SCRUB_PLAIN);
	scrub_feed(&s, buf_str(from), from->len);
	scrub_finish(&s);
}

/* What an operator means who has chosen nothing: the newest words of the agent. */
static bool
last_answer(const struct model *m, struct buf *out)
{
	for (size_t i = m->chat.count; i > 0; i--) {
		const struct item *it = transcript_at(&m->chat, i - 1);

		if (it->kind != ITEM_TEXT || it->text.len == 0)
			continue;
		clean(&it->text, out);
		return true;
	}
	return false;
}

static void
use(struct action_context *a, enum action action, enum clip_way way, const char *what,
    const struct buf *text)
{
	if (action == ACTION_VIEW)
		clip_view(a, what, buf_str(text), text->len);
	else if (action == ACTION_SAVE)
		clip_save(a, what, "text.txt", buf_str(text), text->len);
	else
		clip_copy_by(a, way, what, buf_str(text), text->len);
}

void
action_clip(struct action_context *a, enum action action, const char *args)
{
	enum clip_way way = CLIP_AUTO;
	char what[CLIP_WHAT_MAX] = "the agent's last answer";
	struct buf text;

	if (action_run_clip(a, action, args))
		return;
	if (action == ACTION_COPY && args[0] && !clip_way(args, &way)) {
		clip_say(a, true,
		    "Copy how? /copy, /copy osc52 (your terminal's clipboard), /copy print "
		    "or /copy file");
		return;
	}
	if (action != ACTION_COPY && args[0]) {
		clip_say(a, true, "Which run? Its number, as in /save r12 or /view r12.");
		return;
	}
	if (args[0] && !a->screen->browse.on && clip_again(a, way))
		return;
	buf_init(&text, CLIP_MAX);
	if (browse_text(a->screen, &text, what, sizeof what) == 0 ||
	    last_answer(&a->screen->model, &text))
		use(a, action, way, what, &text);
	else
		clip_say(a, true, "There is nothing yet: the agent has not said a word.");
	buf_fini(&text);
}
