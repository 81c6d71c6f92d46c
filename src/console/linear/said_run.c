/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * said_run.c: the output of runs, line by line.
 *
 * Who listens cannot skim: of a long run the first lines come as they come, the last
 * ones at its end, with how many there are and how to hear all of them.
 */
#include <stdio.h>
#include <string.h>

#include "console/linear/said.h"

#define BURST_LINES 200 /* output lines printed at once; more are counted */
#define FIRST_LINES 10	/* of a run, as they come */
#define LAST_LINES 20	/* at its end */

/* 4210 as "4,210" */
static char *
grouped(uint64_t n, char *out, size_t size)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
	size_t at = 0;

	for (int i = 0; i < len && at + 2 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

static void
say(const char *text)
{
	said_line("", text, strlen(text));
}

static void
say_one(const struct tail_run *r, const struct tail_line *l)
{
	char prefix[64], text[96];

	snprintf(prefix, sizeof prefix, "[%s]%s ", r->id,
	    l->stream == TAIL_ERR ? " stderr:" : "");
	if (!l->gap) {
		said_line(prefix, l->text ? l->text : "", l->len);
		return;
	}
	snprintf(text, sizeof text, "… %lld bytes not shown; the journal has what came …",
	    (long long)(l->gap->to - l->gap->from));
	said_line(prefix, text, strlen(text));
}

static void
say_output(const struct tail_run *r, size_t from, size_t to)
{
	for (; from < to; from++)
		say_one(r, tail_line(r, from));
}

/* All of it while it is whole, no more than a burst of it at once. */
static void
say_unbounded(const struct tail_run *r, size_t i, size_t last)
{
	char text[128];

	if (last > i + BURST_LINES) {
		snprintf(text, sizeof text, "[%s] … %zu lines not read out …", r->id,
		    last - BURST_LINES - i);
		say(text);
		i = last - BURST_LINES;
	}
	say_output(r, i, last);
}

/* What a verb captures is in its verdict, and its stages are told as they come. */
static bool
is_told(const struct tail_run *r)
{
	return r->verb[0] && r->exit == 0;
}

static void
say_rest(const struct tail_run *r, size_t i, size_t last)
{
	uint64_t all = r->gone + last;
	char count[32], text[160];

	if (is_told(r)) {
		snprintf(text, sizeof text, "[%s] %s lines; /view %s reads them.", r->id,
		    grouped(all, count, sizeof count), r->id);
		say(text);
		return;
	}
	if (last > i + LAST_LINES) {
		snprintf(text, sizeof text,
		    "[%s] %s lines, the last %d follow; /view %s reads all.", r->id,
		    grouped(all, count, sizeof count), LAST_LINES, r->id);
		say(text);
		i = last - LAST_LINES;
	}
	say_output(r, i, last);
}

/* Returns the index of what is still to be said. */
static size_t
say_bounded(struct said *n, const struct tail_run *r, size_t slot, size_t i, size_t last)
{
	while (i < last && n->run_lines[slot] < FIRST_LINES && !r->verb[0]) {
		say_one(r, tail_line(r, i++));
		n->run_lines[slot]++;
	}
	if (!r->ended)
		return i;
	if (i < last)
		say_rest(r, i, last);
	return last;
}

void
said_run(struct said *n, const struct tail_run *r)
{
	size_t slot = r->serial % SAID_MAX, i,
	       last = r->count - (r->open >= 0 && r->count > 0 ? 1 : 0);
	char prefix[64];

	if (n->run_serial[slot] != r->serial) {
		n->run_serial[slot] = r->serial;
		n->run_line[slot] = n->run_lines[slot] = 0;
		n->run_ended[slot] = false;
		snprintf(prefix, sizeof prefix, "[%s] %s $ ", r->id, r->host);
		said_line(prefix, r->what, strlen(r->what));
	}
	i = r->wraps_others ? last : tail_index(r, n->run_line[slot]);
	if (n->bounded)
		last = say_bounded(n, r, slot, i, last);
	else
		say_unbounded(r, i, last);
	n->run_line[slot] = last < r->count ? tail_line(r, last)->at : r->next_place;
	if (r->ended && !n->run_ended[slot]) {
		n->run_ended[slot] = true;
		snprintf(prefix, sizeof prefix, "[%s] ", r->id);
		said_line(prefix, r->end, strlen(r->end));
	}
}

bool
said_is_here(const struct tail_run *r)
{
	return r->gone == 0 && r->gaps == 0 && r->cut == 0 && !r->stub && !r->lost &&
	    (!r->ended ||
		(r->next[TAIL_OUT] == r->total[TAIL_OUT] &&
		    r->next[TAIL_ERR] == r->total[TAIL_ERR]));
}

void
said_whole_run(const struct tail_run *r)
{
	char text[160];

	if (r->gone > 0) {
		snprintf(text, sizeof text,
		    "[%s] %llu older lines are not kept here; the journal has them.",
		    r->id, (unsigned long long)r->gone);
		say(text);
	}
	say_output(r, 0, r->count);
	if (said_is_here(r))
		snprintf(text, sizeof text, "[%s] That was all of it%s.", r->id,
		    r->ended ? "" : " until now");
	else
		snprintf(text, sizeof text,
		    "[%s] That was all that is kept here; \"breakglass journal\" has what "
		    "came.",
		    r->id);
	say(text);
}

void
said_text(const char *what, const char *text, size_t len)
{
	said_line("", text, len);
	said_line("That was all that there is of ", what, strlen(what));
}
