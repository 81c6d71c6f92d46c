/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/proof_table.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define CELL_MAX 64

enum judged { UNJUDGED, GOOD, BAD };

void
proof_side_init(struct proof_side *side)
{
	memset(side, 0, sizeof *side);
	side->staged = side->failed_units = -1;
}

void
proof_side_seen(struct proof_side *side, const struct ladder_seen *seen)
{
	if (seen->rung_ms[RUNG_EXEC] < 0)
		return;
	snprintf(side->boot_id, sizeof side->boot_id, "%s", seen->boot_id);
	side->uptime_s = seen->uptime_s;
	side->failed_units = seen->failed_units;
	snprintf(side->failed, sizeof side->failed, "%s", seen->failed);
}

static bool
has_happened(const struct proof_case *c)
{
	return c->known && c->exit == 0;
}

bool
proof_wants_new_qemu(const struct proof_case *c)
{
	return c->verb == VERB_CYCLE ||
	    (c->verb == VERB_START && strcmp(c->before.status, "stopped") == 0);
}

bool
proof_wants_reboot(const struct proof_case *c)
{
	return has_happened(c) && (c->verb == VERB_RESET || proof_wants_new_qemu(c));
}

static enum judged
judge(bool good)
{
	return good ? GOOD : BAD;
}

/* ---- cells ---- */

static void
cell_pid(const struct proof_side *s, char *out)
{
	if (s->pid > 0)
		snprintf(out, CELL_MAX, "%ld", s->pid);
	else
		strcpy(out, strcmp(s->status, "stopped") == 0 ? "none" : "unknown");
}

static void
cell_start(const struct proof_side *s, char *out)
{
	char at[CLOCK_AT_LEN];

	if (s->qemu_wall_ms > 0)
		snprintf(out, CELL_MAX, "%.19sZ", clock_at(s->qemu_wall_ms, at));
	else
		strcpy(out, strcmp(s->status, "stopped") == 0 ? "none" : "unknown");
}

static void
cell_boot(const struct proof_side *s, char *out)
{
	snprintf(out, CELL_MAX, "%.8s", s->boot_id[0] ? s->boot_id : "unknown");
}

static void
cell_uptime(const struct proof_side *s, char *out)
{
	if (s->boot_id[0])
		clock_age((int64_t)s->uptime_s * 1000, out, CELL_MAX);
	else
		strcpy(out, "unknown");
}

static void
cell_staged(const struct proof_side *s, char *out)
{
	if (s->staged < 0)
		strcpy(out, "unknown");
	else if (s->staged == 0)
		strcpy(out, "none");
	else
		snprintf(out, CELL_MAX, "%.60s", s->staged_keys);
}

static void
cell_units(const struct proof_side *s, char *out)
{
	if (s->failed_units < 0)
		strcpy(out, "unknown");
	else if (s->failed_units == 0)
		strcpy(out, "none");
	else
		snprintf(out, CELL_MAX, "%d: %.48s", s->failed_units, s->failed);
}

static void
cell_status(const struct proof_side *s, char *out)
{
	snprintf(out, CELL_MAX, "%s", s->status[0] ? s->status : "unknown");
}

/* ---- judgements ---- */

static enum judged
judge_status(const struct proof_case *c)
{
	const char *want = c->verb == VERB_STOP ? "stopped" : "running";

	return c->after.status[0] ? judge(strcmp(c->after.status, want) == 0) : UNJUDGED;
}

static enum judged
judge_pid(const struct proof_case *c)
{
	bool same = c->before.pid == c->after.pid;

	if (!has_happened(c) || c->old_host)
		return UNJUDGED;
	if (c->verb == VERB_STOP)
		return strcmp(c->after.status, "stopped") == 0 ? GOOD : UNJUDGED;
	if (c->after.pid <= 0 || (c->before.pid <= 0 && !proof_wants_new_qemu(c)))
		return UNJUDGED;
	return judge(same != proof_wants_new_qemu(c));
}

static enum judged
judge_start(const struct proof_case *c)
{
	return c->after.qemu_wall_ms > 0 ? judge_pid(c) : UNJUDGED;
}

static enum judged
judge_boot(const struct proof_case *c)
{
	if (!c->before.boot_id[0] || !c->after.boot_id[0] || !proof_wants_reboot(c))
		return UNJUDGED;
	return judge(strcmp(c->before.boot_id, c->after.boot_id) != 0);
}

static enum judged
judge_staged(const struct proof_case *c)
{
	if (c->after.staged < 0 || !has_happened(c))
		return UNJUDGED;
	if (proof_wants_new_qemu(c))
		return judge(c->after.staged == 0);
	return c->after.staged == 0 ? GOOD : UNJUDGED; /* it waits, as it must */
}

static enum judged
judge_units(const struct proof_case *c)
{
	return c->after.failed_units < 0 ? UNJUDGED : judge(c->after.failed_units == 0);
}

static enum judged
judge_none(const struct proof_case *c)
{
	return UNJUDGED;
}

struct js *
proof_table(const struct proof_case *c)
{
	static const struct {
		const char *what;
		void (*cell)(const struct proof_side *s, char *out);
		enum judged (*judge)(const struct proof_case *c);
		bool stop; /* also of a stopped VM */
	} rows[] = {
	    {"VM status", cell_status, judge_status, true},
	    {"QEMU pid", cell_pid, judge_pid, true},
	    {"QEMU start", cell_start, judge_start, false},
	    {"boot id", cell_boot, judge_boot, false},
	    {"guest uptime", cell_uptime, judge_none, false},
	    {"staged config", cell_staged, judge_staged, true},
	    {"failed units", cell_units, judge_units, false},
	};
	struct js *table = js_array();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char cell[CELL_MAX];
		enum judged j = rows[i].judge(c);
		struct js *row;

		if (c->verb == VERB_STOP && !rows[i].stop)
			continue;
		row = js_new();
		js_set_str(row, "what", rows[i].what);
		rows[i].cell(&c->before, cell);
		js_set_str(row, "before", cell);
		rows[i].cell(&c->after, cell);
		js_set_str(row, "after", cell);
		if (j != UNJUDGED)
			js_set_bool(row, "ok", j == GOOD);
		js_add(table, row);
	}
	return table;
}
