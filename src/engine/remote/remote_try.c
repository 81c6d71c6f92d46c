/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One try to connect.  The limits have two sets: the usual ones wait as long as
 * a slow host may need; in a hurry a machine is booting, what it was sent before
 * it listened is lost, and the next try is worth more than the rest of this one.
 */
#include "engine/remote/remote_int.h"

#include "base/clock.h"
#include "base/mem.h"

#define TRY_CONNECT_MS 5000
#define TRY_LOGIN_MS 10000   /* for a greeting; and from that on for all the rest */
#define TRY_STEP_MS 1000     /* no two tries begin closer together when asked for */
#define TRY_QUICK_MS 6000    /* a guest boots in so long, often */
#define TRY_PATIENT_MS 15000 /* until a refused key is offered again */
#define TRY_REFUSED_MS 3000  /* the same in a hurry, TRY_REFUSALS times */
#define TRY_REFUSALS 3

void
remote_try_begins(struct remote *r)
{
	for (int i = 0; i < REMOTE_MARKS; i++)
		r->marks_ms[i] = -1;
	r->marks_ms[REMOTE_MARK_DIAL] = clock_mono_ms();
	r->dials++;
}

void
remote_try_came_to(struct remote *r, enum remote_mark mark)
{
	if (mark == REMOTE_MARK_BANNER)
		r->mute_ms = 0;
	if (r->marks_ms[mark] >= 0)
		return;
	r->marks_ms[mark] = clock_mono_ms();
	if (mark == REMOTE_MARK_BANNER)
		r->notify = true; /* the step that is waited for is another one */
}

/*
 * What was accepted for a machine that does not listen yet (by a NAT, or a guest's
 * user network) never greets: a new try does.  But a slow host must be waited for,
 * and each try costs it a process: so later a quarter of the time it has been mute.
 */
static int64_t
try_greeting_ms(const struct remote *r)
{
	int64_t mute_ms = r->mute_ms ? r->marks_ms[REMOTE_MARK_TCP] - r->mute_ms : 0;
	int64_t limit_ms =
	    TRY_STEP_MS + (mute_ms > TRY_QUICK_MS ? (mute_ms - TRY_QUICK_MS) / 4 : 0);

	return r->hurry && limit_ms < TRY_LOGIN_MS ? limit_ms : TRY_LOGIN_MS;
}

static int64_t
try_limit_ms(const struct remote *r)
{
	if (r->state == REMOTE_CONNECTING)
		return r->hurry ? TRY_STEP_MS : TRY_CONNECT_MS;
	return r->marks_ms[REMOTE_MARK_BANNER] < 0 ? try_greeting_ms(r) : TRY_LOGIN_MS;
}

int64_t
remote_try_due_ms(const struct remote *r)
{
	enum remote_mark from = r->state == REMOTE_CONNECTING ? REMOTE_MARK_DIAL
	    : r->marks_ms[REMOTE_MARK_BANNER] < 0	      ? REMOTE_MARK_TCP
							      : REMOTE_MARK_BANNER;

	return r->marks_ms[from] + try_limit_ms(r);
}

void
remote_judge_try(struct remote *r, int64_t now)
{
	int limit_s = (int)(try_limit_ms(r) / 1000);

	if (now < remote_try_due_ms(r))
		return;
	if (r->state == REMOTE_CONNECTING) {
		remote_lose(r, RETRY_SOON,
		    "did not answer within %d s: is it switched off, hung, or cut off by a firewall?",
		    limit_s);
		r->timed_out = true;
		return;
	}
	if (r->marks_ms[REMOTE_MARK_BANNER] < 0 && !r->mute_ms)
		r->mute_ms = r->marks_ms[REMOTE_MARK_TCP];
	remote_lose(r, RETRY_SOON,
	    "%s for %d s: its sshd or the machine is frozen or very slow",
	    r->marks_ms[REMOTE_MARK_BANNER] < 0
		? "took the connection but sent no greeting"
		: r->state == REMOTE_AUTH ? "did not finish the login"
					  : "stopped in the middle of the SSH handshake",
	    limit_s);
	r->timed_out = true;
}

static int64_t
try_backoff_ms(struct remote *r)
{
	static const int64_t steps_ms[] = {1000, 2000, 4000, 8000, 15000};
	size_t last = ARRAY_LEN(steps_ms) - 1;

	return steps_ms[r->tries < last ? r->tries++ : last];
}

static int64_t
try_next_step_ms(const struct remote *r, int64_t now)
{
	int64_t next = r->marks_ms[REMOTE_MARK_DIAL] + TRY_STEP_MS;

	return r->marks_ms[REMOTE_MARK_DIAL] < 0 || next < now ? now : next;
}

int64_t
remote_try_again_ms(struct remote *r, enum retry retry, int64_t now)
{
	if (retry == RETRY_NEVER)
		return -1;
	if (retry == RETRY_PATIENTLY)
		return now +
		    (r->hurry && r->refusals++ < TRY_REFUSALS ? TRY_REFUSED_MS
							      : TRY_PATIENT_MS);
	return r->hurry || r->stale ? try_next_step_ms(r, now) : now + try_backoff_ms(r);
}

/* ---- what others call ---- */

int64_t
remote_mark_ms(const struct remote *r, enum remote_mark mark)
{
	return r->marks_ms[mark];
}

unsigned
remote_tries(const struct remote *r)
{
	return r->dials;
}

bool
remote_timed_out(const struct remote *r)
{
	return r->timed_out;
}

unsigned
remote_knock(struct remote *r)
{
	int64_t now = clock_mono_ms();

	if (r->state != REMOTE_DOWN && r->state != REMOTE_IDLE)
		return r->dials + (r->stale ? 1 : 0);
	if (r->state == REMOTE_DOWN) {
		if (r->retry == RETRY_PATIENTLY && now < r->retry_ms)
			return r->dials;
		r->retry_ms = try_next_step_ms(r, now);
	}
	remote_kick(r);
	return r->dials + 1;
}

void
remote_hurry(struct remote *r, bool hurry)
{
	if (r->hurry == hurry)
		return;
	r->hurry = hurry;
	r->refusals = 0;
	r->mute_ms = 0;
	if (hurry)
		remote_knock(r);
	remote_kick(r);
}

void
remote_renew(struct remote *r)
{
	r->stale = r->state == REMOTE_UP || r->state == REMOTE_SILENT;
	remote_kick(r);
}
