/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remote_live.c: does the host still answer?
 *
 * Libssh never tells of a peer that is gone, so a question is asked (a keepalive,
 * or what a run needs) and its answer waited for.  A sign of life is a whole
 * packet, or so many bytes of one: a byte a second is none.
 */
#include <stdio.h>

#include "base/clock.h"
#include "engine/remote/remote_int.h"

#define LIVE_BUSY_MS 5000    /* without a sign while something runs: ask for one */
#define LIVE_IDLE_MS 10000   /* the same when nothing runs */
#define LIVE_SECOND_MS 30000 /* and on a second connection to the host */
#define LIVE_SILENT_MS 3000  /* asked and not answered */
#define LIVE_DEAD_MS 15000
#define LIVE_BYTES 256 /* of a long packet on a slow line */

void
remote_ask(struct remote *r)
{
	if (r->asked_ms == 0)
		r->asked_ms = clock_mono_ms();
}

void
remote_ping(struct remote *r)
{
	remote_ssh_ping(r);
	remote_ask(r);
	r->pinged = true;
}

void
remote_note_heard(struct remote *r)
{
	uint64_t bytes = remote_ssh_heard_bytes(r), packets = remote_ssh_heard_packets(r);

	if (packets == r->heard_packets && bytes - r->heard_bytes < LIVE_BYTES)
		return;
	r->heard_bytes = bytes;
	r->heard_packets = packets;
	r->heard_ms = clock_mono_ms();
	if (r->pinged)
		r->rtt_ms = r->heard_ms - r->asked_ms;
	r->pinged = false;
	r->asked_ms = 0;
	if (r->state == REMOTE_SILENT) {
		r->why[0] = '\0';
		remote_enter(r, REMOTE_UP);
	}
}

static int64_t
live_idle_ms(const struct remote *r)
{
	return r->runs ? LIVE_BUSY_MS : r->second ? LIVE_SECOND_MS : LIVE_IDLE_MS;
}

int64_t
remote_live_due_ms(const struct remote *r)
{
	if (r->asked_ms == 0)
		return r->heard_ms + live_idle_ms(r);
	return r->asked_ms + (r->state == REMOTE_UP ? LIVE_SILENT_MS : LIVE_DEAD_MS);
}

/* Bytes of an answer that has not become one. */
static int
live_crumbs(const struct remote *r)
{
	return (int)(remote_ssh_heard_bytes(r) - r->heard_bytes);
}

void
remote_judge_silence(struct remote *r, int64_t now)
{
	int s = (int)((now - r->heard_ms) / 1000);

	if (r->paused)
		return;
	if (r->asked_ms == 0 && now - r->heard_ms >= live_idle_ms(r)) {
		remote_ping(r);
	} else if (r->asked_ms && now - r->asked_ms >= LIVE_DEAD_MS) {
		if (live_crumbs(r) > 0)
			remote_lose(r, RETRY_SOON,
			    "has sent %d bytes in %d s and no whole answer: the network "
			    "between, or the machine, is as good as stopped",
			    live_crumbs(r), s);
		else
			remote_lose(r, RETRY_SOON,
			    "stopped answering %d s ago: the machine or "
			    "its sshd is frozen, or the network between is cut",
			    s);
	} else if (r->state == REMOTE_UP && r->asked_ms &&
	    now - r->asked_ms >= LIVE_SILENT_MS) {
		snprintf(r->why, sizeof r->why,
		    "%s does not answer although the connection "
		    "stands%s: the machine or its sshd may be frozen; given up after %d s",
		    r->where, live_crumbs(r) > 0 ? " and a few bytes come" : "",
		    LIVE_DEAD_MS / 1000);
		remote_enter(r, REMOTE_SILENT);
	}
}
