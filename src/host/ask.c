/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ask.c: what QMP and the guest agent are asked, and what their answers mean.
 *
 * x-query-virtio-queue-status separates the two cases that look alike from
 * outside: requests in use and a used index that stands still mean that QEMU
 * sits on the guest's requests; nothing in use means that the guest asks for
 * nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/forensics.h"
#include "host/lock.h"
#include "host/mono.h"
#include "host/qmp.h"
#include "host/site.h"

#define DEVICES_MAX 16
#define QUEUES_MAX 16
#define AFTER_MS 700	/* what comes after the gap is done in a tenth of it */
#define DOOR_MS 700	/* a forensics call keeps the monitor a bit longer than its gap */
#define CALL_MS 3000	/* one reply of a living main loop takes 1-2 ms */
#define STOPPED_MS 1000 /* a process that is stopped by a signal says nothing anyway */
#define SWITCHES_ALIVE 2 /* context switches of the main thread in that silence */

struct device {
	char path[128];
	char name[32];
};

struct devices {
	struct device dev[DEVICES_MAX];
	int n;
};

static void
copy(char *dst, size_t size, const char *value, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(dst, value, len);
	dst[len] = '\0';
}

static bool
ends_with(const char *path, const char *tail)
{
	size_t a = strlen(path), b = strlen(tail);

	return a >= b && strcmp(path + a - b, tail) == 0;
}

static unsigned long long
number(const char *value, size_t len)
{
	char text[32];

	copy(text, sizeof(text), value, len);
	return *text == '-' ? 0 : strtoull(text, NULL, 10);
}

static void
on_status(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct evidence *e = arg;

	if (strcmp(path, "return.status") == 0 && is_string)
		copy(e->status, sizeof(e->status), value, len);
}

/*
 * "return.N.stats.wr_operations" and no deeper: parents and backing files have
 * the same names under "return.N.parent.".
 */
static void
on_blockstats(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct sample *s = arg;
	const char *p = path + strcspn(path, "0123456789");
	long long idle;

	p += strspn(p, "0123456789");
	if (strncmp(path, "return.", 7) != 0 || strncmp(p, ".stats.", 7) != 0)
		return;
	p += 7;
	if (strcmp(p, "rd_operations") == 0)
		s->rd += number(value, len);
	else if (strcmp(p, "wr_operations") == 0)
		s->wr += number(value, len);
	else if (strcmp(p, "flush_operations") == 0)
		s->flush += number(value, len);
	else if (strcmp(p, "idle_time_ns") == 0) {
		idle = (long long)(number(value, len) / 1000000);
		if (s->idle_ms < 0 || idle < s->idle_ms)
			s->idle_ms = idle;
	}
}

static void
on_virtio(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct devices *d = arg;
	unsigned i;

	if (sscanf(path, "return.%u.", &i) != 1 || i >= DEVICES_MAX)
		return;
	if ((int)i >= d->n)
		d->n = (int)i + 1;
	if (ends_with(path, ".path"))
		copy(d->dev[i].path, sizeof(d->dev[i].path), value, len);
	if (ends_with(path, ".name"))
		copy(d->dev[i].name, sizeof(d->dev[i].name), value, len);
}

static void
on_queue(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct sample *s = arg;

	if (strcmp(path, "return.inuse") == 0)
		s->inuse += number(value, len);
	if (strcmp(path, "return.used-idx") == 0)
		s->used += number(value, len);
}

/* A path goes back into JSON: only what cannot end a string. */
static bool
is_safe_path(const char *path)
{
	return *path != '\0' && strpbrk(path, "\"\\") == NULL;
}

/* Request queues only: virtio-scsi's first two are control and events. */
static void
sample_queues(struct qmp *q, const struct devices *d, struct sample *s)
{
	char command[256];

	for (int i = 0; i < d->n; i++) {
		const struct device *v = &d->dev[i];
		bool scsi = strcmp(v->name, "virtio-scsi") == 0;

		if ((!scsi && strcmp(v->name, "virtio-blk") != 0) ||
		    !is_safe_path(v->path))
			continue;
		for (int n = scsi ? 2 : 0; n < QUEUES_MAX; n++) {
			snprintf(command, sizeof(command),
			    "{\"execute\":\"x-query-virtio-queue-status\",\"arguments\":"
			    "{\"path\":\"%s\",\"queue\":%d}}",
			    v->path, n);
			if (qmp_call(q, command, CALL_MS, on_queue, s) != 0)
				break;
			s->vq = true;
		}
	}
}

static int
sample(struct qmp *q, const struct devices *d, struct sample *s)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->idle_ms = -1;
	rc = qmp_call(q, "{\"execute\":\"query-blockstats\"}", CALL_MS, on_blockstats, s);
	s->blk = rc == 0;
	if (rc >= 0)
		sample_queues(q, d, s);
	return rc;
}

/*
 * One visit to the monitor.  Behind the door stand our own other calls, which are not
 * to take each other's talk for a hung QEMU.
 */
struct visit {
	const struct site *s;
	struct evidence *e;
	enum ask_depth depth;
	int limit_ms;	  /* for the greeting */
	long long until;  /* mono_ms, for all of it; 0: none */
	long long opened; /* mono_ms; what the door took before is not QEMU's */
	int door;
	struct qmp q;
};

static void
leave(struct visit *v)
{
	qmp_close(&v->q);
	if (v->door >= 0)
		close(v->door);
	v->door = -1;
}

static bool
unheard(struct visit *v, enum qmp_state state)
{
	v->e->qmp = state;
	v->e->qmp_ms = mono_ms() - v->opened;
	return false;
}

/* No greeting: is it the main loop that is stuck?  The threads tell. */
static enum qmp_state
judge_silence(const struct evidence *e, long long switches_before)
{
	long long after = qemu_switches(e->qemu.pid);

	return switches_before >= 0 && after - switches_before >= SWITCHES_ALIVE
	    ? QMP_BUSY
	    : QMP_HUNG;
}

/* True when QMP has greeted. */
static bool
enter(struct visit *v, int door_ms)
{
	long long before;

	v->opened = mono_ms();
	v->door = lock_monitor(v->s, door_ms);
	if (v->door < 0)
		return unheard(v, QMP_BUSY);
	v->opened = mono_ms();
	before = qemu_switches(v->e->qemu.pid);
	switch (qmp_open(&v->q, v->s->qmp, v->limit_ms)) {
	case QMP_OPEN_NONE:
		return unheard(v, QMP_NONE);
	case QMP_OPEN_STRANGE:
		return unheard(v, QMP_STRANGE);
	case QMP_OPEN_SILENT:
		return unheard(v, judge_silence(v->e, before));
	case QMP_OPEN_OK:
		break;
	}
	v->q.until = v->until;
	return true;
}

/*
 * The gap between the samples, or what of it there is time for.  QEMU serves one
 * client at a time and Proxmox's give up after 3 to 5 s, a backup's among them: so
 * nobody is kept out while we only wait.
 */
static bool
gap(struct visit *v)
{
	long long left = v->until > 0 ? v->until - mono_ms() - AFTER_MS : v->s->gap_ms;

	leave(v);
	if (left > 0)
		mono_nap(left < v->s->gap_ms ? (int)left : v->s->gap_ms);
	left = v->until > 0 ? v->until - mono_ms() : v->limit_ms;
	if (left < v->limit_ms)
		v->limit_ms = left > 0 ? (int)left : 0;
	return enter(v, v->limit_ms);
}

static void
take_samples(struct visit *v)
{
	struct evidence *e = v->e;
	struct devices d = {0};
	long long ns = qemu_vcpu_ns(e->qemu.pid), ns_b, t = mono_ms();

	(void)qmp_call(&v->q, "{\"execute\":\"x-query-virtio\"}", CALL_MS, on_virtio, &d);
	if (sample(&v->q, &d, &e->a) < 0) {
		(void)unheard(v, QMP_HUNG);
		return;
	}
	if (v->depth == ASK_ONCE || !gap(v))
		return;
	if (sample(&v->q, &d, &e->b) < 0) {
		(void)unheard(v, QMP_HUNG);
		return;
	}
	e->gap_ms = mono_ms() - t;
	ns_b = qemu_vcpu_ns(e->qemu.pid);
	if (ns >= 0 && ns_b >= ns && e->gap_ms > 0)
		e->vcpu_pct = (int)((ns_b - ns) / 10000 / e->gap_ms);
	/* in a moment a request of a healthy disk stands still too */
	e->both = e->gap_ms >= v->s->gap_ms / 2;
}

/* Each member of the reply's list counts once, by a member that all of them have. */
static void
on_thread(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct evidence *e = arg;

	e->iothreads += ends_with(path, ".thread-id");
}

static void
on_job(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct evidence *e = arg;

	e->block_jobs += ends_with(path, ".type");
	if (ends_with(path, ".type") || ends_with(path, ".device") ||
	    ends_with(path, ".status") || ends_with(path, ".offset") ||
	    ends_with(path, ".len"))
		printf("block job: %s %.*s\n", path + strlen("return."), (int)len, value);
}

static void
on_block(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	if (ends_with(path, ".io-status") || ends_with(path, ".device") ||
	    ends_with(path, ".inserted.file"))
		printf("block: %s %.*s\n", path + strlen("return."), (int)len, value);
}

/* Counts what a list holds; -1 stays where it was not to be had.  -1: no answer. */
static int
count(struct qmp *q, const char *command, jwalk_fn *fn, struct evidence *e, int *n)
{
	int rc;

	*n = 0;
	rc = qmp_call(q, command, CALL_MS, fn, e);
	if (rc != 0)
		*n = -1;
	return rc < 0 ? -1 : 0;
}

/*
 * After the samples, so that nothing here can spoil them, and what is safest
 * first.  query-block-jobs takes each job's lock, which a thread that waits for
 * a disk may hold: then it is not asked.  query-block asks the storage for a
 * size: on files that hangs QEMU with the storage, so only a machine that has
 * nothing but devices is asked, and not when something is about to rely on this
 * QEMU.
 */
static void
ask_more(struct qmp *q, bool brief, struct evidence *e, struct shot *shot)
{
	bool devices = e->disks_known && e->disks_block > 0 && e->disks_file == 0;

	if (shot_take(q, shot) < 0 ||
	    count(q, "{\"execute\":\"query-iothreads\"}", on_thread, e, &e->iothreads) <
		0 ||
	    e->qemu.disk_wait > 0 ||
	    count(q, "{\"execute\":\"query-block-jobs\"}", on_job, e, &e->block_jobs) < 0)
		return;
	if (devices && !brief)
		(void)qmp_call(
		    q, "{\"execute\":\"query-block\"}", CALL_MS, on_block, NULL);
}

/* Does what everybody does; true: it may go on.  leave is due in any case. */
static bool
ask(struct visit *v)
{
	v->e->vcpu_pct = -1;
	v->q.fd = v->door = -1;
	if (!enter(v, v->limit_ms + DOOR_MS))
		return false;
	v->e->qmp = QMP_ALIVE;
	v->e->qmp_ms = mono_ms() - v->opened;
	if (qmp_call(&v->q, "{\"execute\":\"query-status\"}", CALL_MS, on_status, v->e) <
	    0)
		(void)unheard(v, QMP_HUNG);
	else if (v->depth != ASK_STATUS)
		take_samples(v);
	return v->e->qmp == QMP_ALIVE;
}

void
forensics_ask_qmp(
    const struct site *s, enum ask_depth depth, int limit_ms, struct evidence *e)
{
	struct visit v = {.s = s, .e = e, .depth = depth, .limit_ms = limit_ms};

	(void)ask(&v);
	leave(&v);
}

int
forensics_greeting_ms(const struct site *s, bool brief, const struct qemu *q)
{
	bool stopped = q->threads > 0 && q->stopped == q->threads;

	return brief && stopped && s->greeting_ms > STOPPED_MS ? STOPPED_MS
							       : s->greeting_ms;
}

void
forensics_ask_all(
    const struct site *s, bool brief, int limit_ms, struct evidence *e, struct shot *shot)
{
	struct visit v = {.s = s,
	    .e = e,
	    .depth = ASK_TWICE,
	    .limit_ms = forensics_greeting_ms(s, brief, &e->qemu),
	    .until = mono_ms() + limit_ms};

	if (ask(&v))
		ask_more(&v.q, brief, e, shot);
	leave(&v);
}

static void
on_freeze(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct evidence *e = arg;

	if (strcmp(path, "return") == 0 && is_string)
		copy(e->freeze, sizeof(e->freeze), value, len);
}

void
forensics_ask_agent(const struct site *s, int limit_ms, struct evidence *e)
{
	struct qmp q;

	switch (qga_open(&q, s->qga, limit_ms)) {
	case QMP_OPEN_NONE:
		e->agent = AGENT_NONE;
		break;
	case QMP_OPEN_STRANGE:
	case QMP_OPEN_SILENT:
		e->agent = AGENT_SILENT;
		break;
	case QMP_OPEN_OK:
		e->agent = AGENT_ALIVE;
		(void)qmp_call(
		    &q, "{\"execute\":\"guest-fsfreeze-status\"}", CALL_MS, on_freeze, e);
		break;
	}
	qmp_close(&q);
}
