/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "journal_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "disk_fault.h"
#include "scratch.h"

struct rig rig;

static void
on_written(uint64_t ticket, bool synced, void *arg)
{
	cr_assert_eq(arg, &rig.told);
	rig.told.ticket = ticket;
	rig.told.written++;
	rig.told.synced += synced;
}

static void
on_rewritten(size_t bytes, void *arg)
{
	rig.told.rewritten++;
	rig.told.bytes = bytes;
}

static void
on_state(enum journal_state state, const char *why, void *arg)
{
	rig.told.states[state]++;
	snprintf(rig.told.why, sizeof rig.told.why, "%s", why);
	if (state == JOURNAL_MEMORY && rig.told.retries) {
		rig.told.retries = false;
		rig.hang = rig.told.hangs;
		cr_assert(journal_retry(rig.journal));
	}
}

static const struct journal_events events = {on_written, on_rewritten, on_state};

void
rig_new_journal(void)
{
	rig.journal = journal_new(&rig.loop, &events, &rig.told);
}

void
rig_begin(void)
{
	snprintf(rig.path, sizeof rig.path, "%s/incidents", scratch());
	cr_assert_eq(mkdir(rig.path, 0700), 0);
	strcat(rig.path, "/x.jsonl");
	fault.path = "x.jsonl";
	fault.hang = &rig.hang;
	cr_assert_eq(uv_loop_init(&rig.loop), 0);
	rig.fds = open_fds();
	rig_new_journal();
}

void
rig_let_go(int64_t wait_ms)
{
	struct journal *j = rig.journal;

	rig.journal = NULL;
	journal_free(j, wait_ms);
}

void
rig_drain(void)
{
	while (uv_run(&rig.loop, UV_RUN_ONCE))
		continue;
}

void
rig_end(void)
{
	fault_none();
	rig_let_go(2000);
	while (uv_run(&rig.loop, UV_RUN_NOWAIT))
		continue;
	AT_END(open_fds() == rig.fds,
	    "a descriptor is left open, or one too many is closed");
	AT_END(uv_loop_close(&rig.loop) == 0, "something was left open");
}

void
rig_nothing(uv_timer_t *t)
{
}

uint64_t
rig_add(const char *line)
{
	return journal_add(rig.journal, line, strlen(line));
}

void
rig_is_in_file(const char *want)
{
	struct err e;
	size_t len;
	char *text = fd_read_file(rig.path, 32 * 1024 * 1024, &len, &e);

	cr_assert_not_null(text, "%s", e.words);
	cr_assert_str_eq(text, want);
	free(text);
}
