/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/cli/cli_mark.h"

#include <stdio.h>
#include <string.h>

#include "engine/agent/tools_visible.h"

#define CALLBACK "mark"
#define ANSWER_S 10 /* then claude goes on without us */

static const char *const events[] = {"PostToolUse", "PostToolUseFailure"};

void
cli_mark_hooks(struct js *request)
{
	struct js *hooks = js_new();

	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
		struct js *list = js_array(), *ids = js_array(), *entry = js_new();

		js_add_str(ids, CALLBACK);
		js_set_str(entry, "matcher", "*");
		js_set(entry, "hookCallbackIds", ids);
		js_set_int(entry, "timeout", ANSWER_S);
		js_add(list, entry);
		js_set(hooks, events[i], list);
	}
	js_set(request, "hooks", hooks);
}

/* out is empty at first; arg: how many bytes of it may be there in all. */
static bool
mark(const char *s, size_t len, struct buf *out, void *arg)
{
	size_t *room = arg, took = show_visible(out, s, len, len);
	char text[80];

	if (took == len && out->len == len && memcmp(buf_str(out), s, len) == 0)
		return false;
	buf_clear(out);
	took = show_visible(out, s, len, *room);
	*room -= out->len < *room ? out->len : *room;
	if (took < len) {
		snprintf(
		    text, sizeof text, "\n[%zu bytes more are not shown]\n", len - took);
		if (buf_add_str(out, text) < 0)
			return false;
	}
	return true;
}

/* Of a tool that failed the text is fixed; what can be done is to say it once more. */
static void
add_context(struct js *specific, const char *error, size_t len)
{
	size_t room = CLI_MARK_MAX / 8;
	struct buf seen, words;

	buf_init(&seen, CLI_MARK_MAX);
	buf_init(&words, CLI_MARK_MAX);
	if (mark(error, len, &seen, &room) &&
	    buf_add_str(&words,
		"The output above has characters that a person does not see on a "
		"screen.  With each of them by its number it is:\n") == 0 &&
	    buf_add(&words, buf_str(&seen), seen.len) == 0)
		js_set_strn(specific, "additionalContext", words.data, words.len);
	buf_fini(&seen);
	buf_fini(&words);
}

struct js *
cli_mark_answer(struct js *request)
{
	struct js *input = js_get(request, "input"), *answer, *specific, *holder;
	const char *event = input ? js_str(input, "hook_event_name") : NULL, *error;
	size_t room = CLI_MARK_MAX, len;

	if (!js_is(request, "subtype", "hook_callback") ||
	    !js_is(request, "callback_id", CALLBACK) || !event)
		return NULL;
	answer = js_new();
	specific = js_new();
	js_set_str(specific, "hookEventName", event);
	error = js_strn(input, "error", &len);
	if (strcmp(event, events[1]) == 0 && error) {
		add_context(specific, error, len);
	} else if (strcmp(event, events[0]) == 0) {
		/* whatever kind of value it is */
		holder = js_new();
		js_take(holder, "updatedToolOutput", input, "tool_response");
		if (js_rewrite(holder, mark, &room) > 0)
			js_fill(specific, holder);
		js_free(holder);
	}
	if (js_has(specific, "updatedToolOutput") ||
	    js_has(specific, "additionalContext"))
		js_set(answer, "hookSpecificOutput", specific);
	else
		js_free(specific);
	return answer;
}
