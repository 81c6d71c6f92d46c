/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/notices.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "engine/agent/tools_visible.h"
#include "wire/verbs.h"

#define SHELL_WHAT "(interactive shell)" /* of an operator's shell's run */

void
notices_init(struct notices *n)
{
	memset(n, 0, sizeof *n);
}

static const char *
str(const struct js *f, const char *key, const char *def)
{
	const char *s = js_str(f, key);

	return s && *s ? s : def;
}

/* "03:12:04" of "2026-11-26T03:12:04.123Z" */
static int
at(const struct js *f, char out[NOTICE_MAX])
{
	const char *time = strchr(str(f, "at", ""), 'T');

	return snprintf(out, NOTICE_MAX, "%.8s UTC: ", time ? time + 1 : "?");
}

static int
key_of(const char *verb)
{
	int v = verb_by_name(verb, strlen(verb));

	return v < 0 ? 0 : verb_rows[v].fkey;
}

static bool
is_mutating(const char *verb)
{
	int v = verb_by_name(verb, strlen(verb));

	return v >= 0 && verb_rows[v].mutating;
}

/* Of an operator; or the end, learnt later, of one whose end nobody saw. */
static bool
see_verb(const struct js *f, char out[NOTICE_MAX])
{
	const char *verb = str(f, "verb", "?"), *state = str(f, "state", "");
	bool learnt = js_has(f, "learnt");
	int n = at(f, out);
	size_t left = NOTICE_MAX - (size_t)n;
	char *to = out + n;

	if (!js_is(f, "asked", "operator") && !learnt)
		return false;
	if (strcmp(state, "confirmed") == 0 && is_mutating(verb))
		snprintf(to, left, "operator %s pressed F%d %s", str(f, "by", "?"),
		    key_of(verb), verb);
	else if (strcmp(state, "finished") == 0)
		snprintf(to, left, "%s%s's %s has finished, exit %lld%s%.200s",
		    learnt ? "" : "operator ", learnt ? "somebody" : str(f, "by", "?"),
		    verb, (long long)js_int(f, "exit", -1),
		    js_has(f, "result") ? ": " : "", str(f, "result", ""));
	else if (strcmp(state, "unknown") == 0)
		snprintf(to, left,
		    "how %s's %s ended is not known (%.160s): look at status first",
		    learnt ? "somebody" : str(f, "by", "?"), verb,
		    str(f, "why", "the connection was lost"));
	else if (strcmp(state, "refused") == 0 && learnt)
		snprintf(to, left, "somebody's %s never ran: %.200s", verb,
		    str(f, "why", "the host says so"));
	else if (strcmp(state, "waiting") == 0)
		snprintf(to, left, "%s's %s takes longer than its limit and goes on",
		    str(f, "by", "?"), verb);
	else
		return false;
	return true;
}

static bool
see_tool(struct notices *n, const struct js *f, char out[NOTICE_MAX])
{
	int len = at(f, out);

	if (!js_is(f, "asked", "operator") || !js_is(f, "what", SHELL_WHAT))
		return false;
	for (size_t i = 0; i < NOTICES_SHELLS; i++)
		if (!n->shells[i].id[0]) {
			snprintf(n->shells[i].id, sizeof n->shells[i].id, "%s",
			    str(f, "id", "?"));
			snprintf(n->shells[i].by, sizeof n->shells[i].by, "%s",
			    str(f, "by", "?"));
			break;
		}
	snprintf(out + len, NOTICE_MAX - (size_t)len,
	    "operator %s opened a shell on the devvm: what changes there may be theirs",
	    str(f, "by", "?"));
	return true;
}

static bool
see_tool_end(struct notices *n, const struct js *f, char out[NOTICE_MAX])
{
	int len = at(f, out);

	for (size_t i = 0; i < NOTICES_SHELLS; i++) {
		if (!n->shells[i].id[0] || !js_is(f, "id", n->shells[i].id))
			continue;
		snprintf(out + len, NOTICE_MAX - (size_t)len,
		    "operator %s left the shell on the devvm", n->shells[i].by);
		n->shells[i].id[0] = '\0';
		return true;
	}
	return false;
}

static bool
see_link(struct notices *n, const struct js *f, bool in_turn, char out[NOTICE_MAX])
{
	bool *down = &n->down[js_is(f, "host", "pve")], was = *down;
	int len = at(f, out);

	if (js_is(f, "state", "up"))
		*down = false;
	else if (!js_is(f, "state", "idle") && !js_is(f, "state", "connecting"))
		*down = true;
	if (*down == was || !in_turn)
		return false;
	snprintf(out + len, NOTICE_MAX - (size_t)len, "the connection to %s %s%s%.200s",
	    str(f, "host", "?"), *down ? "is lost" : "is back",
	    *down && js_has(f, "why") ? ": " : "", *down ? str(f, "why", "") : "");
	return true;
}

static bool
see_proof(struct notices *n, const struct js *f, char out[NOTICE_MAX])
{
	char end[64];
	int len = at(f, out);

	snprintf(end, sizeof end, "%.20s %.20s %lld", str(f, "verb", "?"),
	    str(f, "end", ""), (long long)js_int(f, "pid", 0));
	if (!js_has(f, "end") || strcmp(end, n->proof) == 0)
		return false;
	snprintf(n->proof, sizeof n->proof, "%s", end);
	snprintf(out + len, NOTICE_MAX - (size_t)len,
	    "after the %s the devvm is %s%s%.240s", str(f, "verb", "verb"),
	    js_is(f, "end", "healthy")	     ? "proved healthy"
		: js_is(f, "end", "stopped") ? "stopped, as it should be"
					     : "not proved healthy",
	    js_has(f, "text") ? ": " : "", str(f, "text", ""));
	return true;
}

static bool
see_autonomy(const struct js *f, char out[NOTICE_MAX])
{
	int len = at(f, out);

	if (js_is(f, "by", "engine"))
		return false;
	snprintf(out + len, NOTICE_MAX - (size_t)len,
	    "operator %s set your autonomy to %s", str(f, "by", "?"),
	    str(f, "level", "?"));
	return true;
}

static bool
see_kill(const struct js *f, char out[NOTICE_MAX])
{
	int len = at(f, out);

	snprintf(out + len, NOTICE_MAX - (size_t)len, "operator %s %s", str(f, "by", "?"),
	    js_bool(f, "on", false)
		? "pulled the kill switch: all that you ran was ended"
		: "lifted the kill switch: you may work again, do only what is asked now");
	return true;
}

static bool
see_state(struct notices *n, const struct js *f, bool in_turn, char out[NOTICE_MAX])
{
	if (js_is(f, "what", "autonomy"))
		return see_autonomy(f, out);
	if (js_is(f, "what", "kill"))
		return see_kill(f, out);
	if (js_is(f, "what", "link"))
		return see_link(n, f, in_turn, out);
	return js_is(f, "what", "proof") && see_proof(n, f, out);
}

/* A line of the host is a line here, too, and nothing in it is unseen. */
static bool
plain(char text[NOTICE_MAX])
{
	struct buf seen;

	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	buf_init(&seen, NOTICE_MAX - 1);
	show_visible(&seen, text, strlen(text), NOTICE_MAX - 1);
	snprintf(text, NOTICE_MAX, "%s", buf_str(&seen));
	buf_fini(&seen);
	return true;
}

bool
notices_see(struct notices *n, const struct js *f, bool in_turn, char out[NOTICE_MAX])
{
	bool said = js_is(f, "t", "verb") ? see_verb(f, out)
	    : js_is(f, "t", "tool")	  ? see_tool(n, f, out)
	    : js_is(f, "t", "tool_end")	  ? see_tool_end(n, f, out)
	    : js_is(f, "t", "state")	  ? see_state(n, f, in_turn, out)
					  : false;

	return said && plain(out);
}
