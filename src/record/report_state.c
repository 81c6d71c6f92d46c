/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_state.c: what was true of hosts, agent and journal, where it changed. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "record/report_int.h"

static struct js *
host_of(struct report *r, const struct js *m, int *n)
{
	const char *name = report_str(m, "host");
	struct js *h;

	*n = strcmp(name, "pve") == 0;
	if (!*n && strcmp(name, "devvm") != 0)
		return NULL;
	h = report_find(r, "hosts", "host", name);
	if (!h && (h = report_item(r, "hosts")) != NULL)
		js_set_str(h, "host", name);
	return h;
}

static bool
is_away(const char *state)
{
	return strcmp(state, "down") == 0 || strcmp(state, "silent") == 0 ||
	    strcmp(state, "refused") == 0;
}

/* How long it was away, up to now. */
static void
host_away(struct report *r, struct js *h, bool away)
{
	int64_t since = js_int(h, "away_since", -1);

	if (since >= 0)
		report_count(h, "away_ms", r->ms - since);
	js_del(h, "away_since");
	if (away) {
		js_set_int(h, "away_since", r->ms);
		if (since < 0)
			report_count(h, "away", 1);
	}
}

static void
on_link(struct report *r, const struct js *m)
{
	const char *state = report_str(m, "state"), *why = report_str(m, "why");
	char fold[64];
	int n;
	struct js *h = host_of(r, m, &n);

	if (!h)
		return;
	report_set_cut(h, "key", js_str(m, "key"), 32);
	report_set_cut(h, "fingerprint", js_str(m, "fingerprint"), 100);
	if (js_is(m, "key", "changed") && !js_bool(h, "key_changed", false)) {
		js_set_bool(h, "key_changed", true);
		report_unknown(r, r->seq, "the host key of %s changed: %s",
		    report_str(h, "host"), report_str(m, "fingerprint"));
	}
	if (strcmp(state, "connecting") == 0 || strcmp(state, "idle") == 0 ||
	    strcmp(r->link[n], state) == 0)
		return;
	snprintf(r->link[n], sizeof r->link[n], "%s", state);
	report_set_cut(h, "state", state, 16);
	host_away(r, h, is_away(state));
	if (is_away(state)) {
		report_set_cut(h, "away_why", why, REPORT_WORD_MAX);
		js_set_int(h, "away_seq", r->seq);
	}
	snprintf(fold, sizeof fold, "link %d", n);
	report_event(r, fold, "link to %s is %s%s%s", report_str(h, "host"), state,
	    is_away(state) && why[0] ? ": " : "", is_away(state) ? why : "");
}

static void
on_clock(struct report *r, const struct js *m)
{
	int64_t skew = report_num(m, "skew_ms", 0), error = report_num(m, "error_ms", 0);
	char a[40], b[40];
	int n;
	struct js *h = host_of(r, m, &n), *list, *c;

	if (!h)
		return;
	if (!(list = js_get_array(h, "clocks")))
		js_set(h, "clocks", list = js_array());
	if (js_len(list) < 40) {
		c = js_new();
		js_set_int(c, "seq", r->seq);
		js_set_str(c, "at", r->at);
		js_set_int(c, "skew_ms", skew);
		js_set_int(c, "error_ms", error);
		js_add(list, c);
	}
	js_set_int(h, "skew_ms", skew);
	js_set_int(h, "error_ms", error);
	report_event(r, "", "the clock of %s is %s %s the engine's, give or take %s",
	    report_str(h, "host"), report_ms(skew < 0 ? -skew : skew, a, sizeof a),
	    skew < 0 ? "behind" : "ahead of", report_ms(error, b, sizeof b));
}

static void
on_vm(struct report *r, const struct js *m)
{
	struct js *vm = r->vm;

	if (!vm) {
		js_set(r->facts, "vm", vm = js_new());
		r->vm = vm;
	}
	if (js_is(vm, "status", report_str(m, "status")) &&
	    js_int(vm, "pid", 0) == report_num(m, "pid", 0) &&
	    js_is(vm, "qmp", report_str(m, "qmp")) &&
	    js_int(vm, "staged", 0) == (int64_t)js_len(js_get_array(m, "staged")))
		return;
	report_set_cut(vm, "status", report_str(m, "status"), 32);
	report_set_cut(vm, "qmp", report_str(m, "qmp"), 16);
	js_set_int(vm, "pid", report_num(m, "pid", 0));
	js_set_int(vm, "staged", (int64_t)js_len(js_get_array(m, "staged")));
	report_set_cut(vm, "host_program", report_str(m, "host_program"), 16);
	js_set_int(vm, "seq", r->seq);
	report_event(r, "vm", "VM 102 is %s, QMP %s, QEMU pid %lld, %lld staged settings",
	    report_str(vm, "status"),
	    js_has(m, "qmp") ? report_str(m, "qmp") : "not asked",
	    (long long)report_num(m, "pid", 0), (long long)js_int(vm, "staged", 0));
}

static void
on_agent(struct report *r, const struct js *m)
{
	bool unwell = js_is(m, "state", "unavailable");
	char now[256];

	snprintf(now, sizeof now, "%.20s|%d|%.100s", report_str(m, "driver"), unwell,
	    report_str(m, unwell ? "why" : "route"));
	if (strcmp(now, r->agent) == 0 || js_is(m, "state", "starting"))
		return;
	snprintf(r->agent, sizeof r->agent, "%s", now);
	if (unwell && !js_has(m, "why"))
		return;
	report_event(r, "agent", "agent: driver %s, %s%s%s", report_str(m, "driver"),
	    unwell ? "unavailable" : "available",
	    js_has(m, unwell ? "why" : "route") ? ": " : "",
	    report_str(m, unwell ? "why" : "route"));
}

static void
on_journal(struct report *r, const struct js *m)
{
	const char *state = report_str(m, "state");
	int64_t lost = report_num(m, "lost", 0);

	if (lost > js_int(r->facts, "lost", 0)) {
		js_set_int(r->facts, "lost", lost);
		report_unknown(r, r->seq,
		    "%lld records found no room on disk or in memory", (long long)lost);
	}
	if (strcmp(state, r->journal) == 0)
		return;
	snprintf(r->journal, sizeof r->journal, "%s", state);
	if (strcmp(state, "ok") != 0)
		report_count(r->facts, "journal_trouble", 1);
	report_event(r, "journal", "the journal's disk: %s%s%s", state,
	    js_has(m, "why") ? ": " : "", report_str(m, "why"));
}

static void
on_kill(struct report *r, const struct js *m)
{
	bool on = js_bool(m, "on", false);

	report_event(r, "",
	    on ? "the kill switch: the agent is stopped and refused"
	       : "the kill switch was lifted");
	report_action(r, on ? "pulled the kill switch" : "lifted the kill switch");
}

static void
on_autonomy(struct report *r, const struct js *m)
{
	const char *level = report_str(m, "level");

	js_set_str(r->facts, "autonomy", level);
	if (strcmp(level, r->autonomy) == 0)
		return;
	if (r->autonomy[0]) {
		report_event(
		    r, "", "autonomy of the agent: %s, it was %s", level, r->autonomy);
		report_action(r, "set the agent's autonomy to %s", level);
	}
	snprintf(r->autonomy, sizeof r->autonomy, "%s", level);
}

static void
on_unfinished(struct report *r, const struct js *m)
{
	const char *text = report_str(m, "text"), *id = report_str(m, "id");
	struct js *item;

	if (strcmp(text, r->unfinished) == 0)
		return;
	snprintf(r->unfinished, sizeof r->unfinished, "%s", text);
	report_event(r, "", "unfinished: %s", text);
	item = report_find(r, "unfinished", "id", id);
	if (!item && (item = report_item(r, "unfinished")) != NULL)
		report_set_cut(item, "id", id, 32);
	if (!item)
		return;
	report_set_cut(item, "verb", report_str(m, "verb"), 32);
	report_set_cut(item, "outcome", report_str(m, "outcome"), 32);
	report_set_cut(item, "text", text, 500);
	js_set_bool(item, "settled", js_bool(m, "settled", false));
}

static void
on_left(struct report *r, const struct js *m)
{
	struct js *in = js_get_array(m, "runs"), *out = js_array();

	for (size_t i = 0; i < js_len(in) && i < 40; i++)
		if (js_at(in, i))
			js_add(out, js_ref(js_at(in, i)));
	if (js_len(in) != r->left)
		report_event(
		    r, "left", "%zu runs may still be alive on a host", js_len(in));
	r->left = js_len(in);
	js_set(r->facts, "left", out);
}

static void
on_budget(struct report *r, const struct js *m)
{
	static const char *const keys[] = {"in", "out", "cache", "calls", "turns"};
	struct js *b = js_new();

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (js_has(m, keys[i]))
			js_set_int(b, keys[i], report_num(m, keys[i], 0));
	js_set_dbl(b, "cost_usd", js_dbl(m, "cost_usd", 0));
	js_set(r->facts, "budget", b);
}

void
report_on_state(struct report *r, const struct js *m)
{
	static const struct {
		const char *what;
		void (*on)(struct report *r, const struct js *m);
	} rows[] = {
	    {"agent", on_agent},
	    {"autonomy", on_autonomy},
	    {"kill", on_kill},
	    {"budget", on_budget},
	    {"clock", on_clock},
	    {"journal", on_journal},
	    {"left", on_left},
	    {"link", on_link},
	    {"proof", report_on_proof},
	    {"unfinished", on_unfinished},
	    {"vm", on_vm},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (js_is(m, "what", rows[i].what))
			rows[i].on(r, m);
}
