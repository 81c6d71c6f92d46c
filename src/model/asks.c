/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/asks.h"

#include <stdio.h>
#include <string.h>

#include "base/scrub.h"
#include "model/incident.h"
#include "wire/messages.h"

#define LABEL(obj, key, field) incident_label(obj, key, field, sizeof(field))
#define ASK_MS 110000 /* of an engine that names no time */

static void
ask_drop(struct asks *a, int at)
{
	memmove(
	    &a->ask[at], &a->ask[at + 1], (size_t)(a->count - at - 1) * sizeof a->ask[0]);
	a->count--;
}

static int
ask_index(const struct asks *a, const char *id)
{
	for (int i = 0; i < a->count; i++)
		if (strcmp(a->ask[i].id, id) == 0)
			return i;
	return -1;
}

/* Clean, and cut where it is longer than what is kept; its bytes as they came. */
static size_t
read_text(const struct js *f, const char *key, char out[ASK_COMMAND_MAX])
{
	struct buf bytes;
	size_t len;

	buf_init(&bytes, 128 * 1024);
	if (js_bytes(f, key, &bytes) == 0)
		scrub_label(buf_str(&bytes), bytes.len, out, ASK_COMMAND_MAX);
	len = bytes.len;
	buf_fini(&bytes);
	return len;
}

static void
ask_read(struct asks *a, const struct js *f)
{
	char id[16];
	struct ask *q;
	int at;

	LABEL(f, "id", id);
	at = ask_index(a, id);
	if (at < 0 && a->count == ASKS_MAX)
		ask_drop(a, 0);
	q = at >= 0 ? &a->ask[at] : &a->ask[a->count++];
	memset(q, 0, sizeof *q);
	memcpy(q->id, id, sizeof id);
	LABEL(f, "kind", q->kind);
	LABEL(f, "by", q->by);
	LABEL(f, "host", q->host);
	LABEL(f, "verb", q->verb);
	LABEL(f, "text", q->text);
	q->command_len = read_text(f, "command", q->command);
	q->cut = q->command_len >= sizeof q->command;
	q->has_input = js_bool(f, "stdin", false);
	q->input_len = read_text(f, "input", q->input);
	q->input_cut = q->input_len >= sizeof q->input;
	q->until = js_int(f, "until", js_int(f, "mono_ms", 0) + js_int(f, "ms", ASK_MS));
}

bool
asks_apply(struct asks *a, const struct js *fact)
{
	int kind = message_fact(fact), at;
	char id[16];

	if (kind == FACT_ASK) {
		ask_read(a, fact);
		return true;
	}
	LABEL(fact, "id", id);
	if (kind == FACT_STATE && id[0] == '\0') {
		bool any = a->count > 0;

		a->count = 0;
		return any;
	}
	at = ask_index(a, id);
	if (kind == FACT_STATE) {
		if (at < 0)
			ask_read(a, fact);
		return at < 0;
	}
	if (at >= 0)
		ask_drop(a, at);
	return at >= 0;
}

const struct ask *
asks_open(const struct asks *a, int64_t now)
{
	for (int i = 0; i < a->count; i++)
		if (a->ask[i].until > now)
			return &a->ask[i];
	return NULL;
}

int
asks_waiting(const struct asks *a, int64_t now)
{
	int n = 0;

	for (int i = 0; i < a->count; i++)
		n += a->ask[i].until > now;
	return n;
}

const struct ask *
asks_by_id(const struct asks *a, const char *id)
{
	int at = ask_index(a, id);

	return at < 0 ? NULL : &a->ask[at];
}

void
left_read(struct left *l, const struct js *fact)
{
	const struct js *runs = js_get_array(fact, "runs");

	memset(l, 0, sizeof *l);
	for (size_t i = 0; i < js_len(runs); i++) {
		const struct js *one = js_at(runs, i);
		struct left_run *r = &l->run[l->count];

		if (!one)
			continue;
		if (l->count == LEFT_MAX) {
			l->more++;
			continue;
		}
		LABEL(one, "id", r->id);
		LABEL(one, "host", r->host);
		LABEL(one, "what", r->what);
		LABEL(one, "state", r->state);
		r->verb = js_bool(one, "verb", false) || js_str(one, "verb");
		l->count++;
	}
}
