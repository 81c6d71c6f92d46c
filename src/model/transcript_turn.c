/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transcript_turn.c: prompts and their queue, runs, and how a turn ended. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/scrub.h"
#include "model/incident.h"
#include "model/transcript_int.h"

/* --- prompts --- */

struct item *
transcript_find_prompt(struct transcript *t, int64_t turn)
{
	for (size_t i = t->count; i-- > 0;) {
		struct item *it = transcript_at(t, i);

		if (it->kind == ITEM_PROMPT && it->turn == turn && turn > 0)
			return it;
	}
	return NULL;
}

/* A place in the queue is no fact: it follows from what waits. */
static void
number_queue(struct transcript *t)
{
	int place = 0;

	for (size_t i = 0; i < t->count; i++) {
		struct item *it = transcript_at(t, i);

		if (it->kind != ITEM_PROMPT || it->tone != TONE_BUSY ||
		    it->place == ++place)
			continue;
		it->place = place;
		it->version++;
	}
}

bool
transcript_prompt(struct transcript *t, const struct js *fact)
{
	struct item *it = transcript_find_prompt(t, js_int(fact, "turn", 0));

	if (!it)
		it = transcript_add(t, ITEM_PROMPT, fact);
	if (js_int(fact, "part", 1) <= 1) /* the parts of a long one are joined */
		transcript_truncate(t, it, 0);
	transcript_append_member(t, it, fact, "text");
	it->tone = js_is(fact, "state", "queued") ? TONE_BUSY : TONE_PLAIN;
	it->version++;
	number_queue(t);
	return true;
}

/* A prompt that waited and was taken back; false: that turn had begun. */
bool
transcript_taken_back(struct transcript *t, const struct js *fact)
{
	struct item *it = transcript_find_prompt(t, js_int(fact, "turn", 0));

	if (!it || it->tone != TONE_BUSY)
		return false;
	it->tone = TONE_BAD;
	incident_label(fact, "by", it->head, sizeof it->head);
	it->version++;
	number_queue(t);
	return true;
}

/* --- runs --- */

/*
 * The agent's own tool that a run of its turn belongs to: the one Bash that is open and
 * names the host.  Two of them: nobody knows.
 */
static const struct item *
find_outer(const struct transcript *t, int64_t turn, const char *host)
{
	const struct item *outer = NULL;
	char ssh[24];

	snprintf(ssh, sizeof ssh, "ssh %s", host);
	for (size_t i = t->count; i-- > 0;) {
		const struct item *it = transcript_at(t, i);

		if (it->kind == ITEM_PROMPT && it->turn == turn)
			break;
		if (it->kind != ITEM_TOOL || it->tone != TONE_BUSY || it->turn != turn ||
		    strncmp(it->head, "local: ", 7) != 0 || !strstr(it->head, ssh))
			continue;
		if (outer)
			return NULL;
		outer = it;
	}
	return outer;
}

bool
transcript_tool(struct transcript *t, const struct js *fact)
{
	const struct item *outer = NULL;
	struct item *it;
	char host[16], what[120] = "";
	struct buf bytes;

	/* The verb's own item tells it; what the engine asks for itself is no news. */
	if (js_str(fact, "verb") || js_is(fact, "asked", "engine"))
		return false;
	incident_label(fact, "host", host, sizeof host);
	if (js_is(fact, "asked", "agent") && strcmp(host, "local") != 0)
		outer = find_outer(t, js_int(fact, "turn", 0), host);
	it = transcript_add(t, ITEM_TOOL, fact);
	it->inner = outer != NULL;
	buf_init(&bytes, TRANSCRIPT_ITEM_MAX);
	if (js_bytes(fact, "what", &bytes) == 0)
		scrub_label(buf_str(&bytes), bytes.len, what, sizeof what);
	buf_fini(&bytes);
	snprintf(it->head, sizeof it->head, "%s: %s", host, what);
	it->tone = TONE_BUSY;
	t->answering = false;
	return true;
}

bool
transcript_tool_end(struct transcript *t, const struct js *fact)
{
	struct item *it = transcript_find_id(t, ITEM_TOOL, fact);
	int64_t code = js_int(fact, "exit", -1);
	char age[32], why[160], line[256];

	if (!it)
		return false;
	transcript_truncate(t, it, 0);
	clock_age(js_int(fact, "ms", 0), age, sizeof age);
	if (js_str(fact, "failed")) {
		incident_label(fact, "failed", why, sizeof why);
		snprintf(line, sizeof line, "%s", why);
	} else if (js_has(fact, "signal")) {
		incident_label(fact, "signal", why, sizeof why);
		snprintf(line, sizeof line, "ended by signal %s after %s", why, age);
	} else {
		snprintf(line, sizeof line, "exit %lld, %s", (long long)code, age);
	}
	it->bytes = js_int(fact, "out", 0) + js_int(fact, "err", 0);
	it->tone = code == 0 ? TONE_GOOD : TONE_BAD;
	transcript_append(t, it, line, strlen(line));
	return true;
}

/* --- the end --- */

/* The vendor's words and ours, as one would say them. */
static const char *
say_stop(const char *stop)
{
	static const char *const words[][2] = {{"", "ended"}, {"end_turn", "done"},
	    {"completed", "done"}, {"success", "done"}, {"stop_sequence", "done"},
	    {"max_tokens", "cut off: the answer is as long as it may be"},
	    {"model_context_window_exceeded", "cut off: the conversation is too long"},
	    {"refusal", "the model refused"}, {"pause_turn", "the model paused"},
	    {"aborted_streaming", "stopped"}, {"aborted_tools", "stopped"},
	    {"cancelled", "stopped"}, {"budget", "stopped at its limit"},
	    {"repeat", "stopped: the same call again and again"},
	    {"unreachable", "failed: no endpoint answers"},
	    {"api_error", "failed: the endpoint has a fault"},
	    {"died", "failed: claude died"}, {"silent", "failed: claude said nothing"},
	    {"unavailable", "failed: there is no agent"},
	    {"refused", "failed: nobody took it"}};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i][0], stop) == 0)
			return words[i][1];
	return stop;
}

static void
say_count(int64_t n, char *out, size_t size)
{
	if (n < 1000)
		snprintf(out, size, "%lld", (long long)n);
	else if (n < 1000000)
		snprintf(out, size, "%lldk", (long long)((n + 500) / 1000));
	else
		snprintf(out, size, "%.1fM", (double)n / 1e6);
}

/* "done in 42 s, 3 commands, 12k tokens, $0.12, by lan" */
bool
transcript_result(struct transcript *t, const struct js *fact)
{
	struct item *it = transcript_add(t, ITEM_RESULT, fact);
	int64_t tools = js_int(fact, "tools", 0);
	int64_t tokens = js_int(fact, "in", 0) + js_int(fact, "out", 0);
	double cost = js_dbl(fact, "cost_usd", 0);
	char age[32], stop[32], count[24], line[320], endpoint[48];
	const char *word;
	int n;

	clock_age(js_int(fact, "ms", 0), age, sizeof age);
	incident_label(fact, "stop", stop, sizeof stop);
	incident_label(fact, "endpoint", endpoint, sizeof endpoint);
	say_count(tokens, count, sizeof count);
	word = say_stop(stop);
	it->tone = strcmp(word, "done") == 0 ? TONE_GOOD : TONE_PLAIN;
	n = snprintf(line, sizeof line, "%s%s%s", word,
	    strcmp(word, "done") == 0	    ? " in "
		: strchr(word, ' ') == NULL ? " after "
					    : ", ",
	    age);
	if (tools > 0)
		n += snprintf(line + n, sizeof line - (size_t)n, ", %lld command%s",
		    (long long)tools, tools == 1 ? "" : "s");
	if (tokens > 0)
		n += snprintf(line + n, sizeof line - (size_t)n, ", %s tokens", count);
	if (cost >= 0.005)
		n += snprintf(line + n, sizeof line - (size_t)n, ", $%.2f", cost);
	else if (cost > 0)
		n += snprintf(line + n, sizeof line - (size_t)n, ", under $0.01");
	if (endpoint[0])
		snprintf(line + n, sizeof line - (size_t)n, ", by %s", endpoint);
	transcript_append(t, it, line, strlen(line));
	return true;
}
