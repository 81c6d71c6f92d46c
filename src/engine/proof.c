/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "engine/incident.h"

#define PROOF_STEP_MS 1000  /* how often an unreachable devvm is tried */
#define PROOF_EXEC_MS 15000 /* a probe that takes longer failed on its rung */
#define PROOF_OUT_MAX 4096

/*
 * One line a rung, so that a probe that hangs shows how far it came.  The disk
 * rung writes and syncs: banner and shell stay fine in an I/O stall.
 */
static const char PROBE[] =
    "echo exec; cat /proc/sys/kernel/random/boot_id; cut -d' ' -f1 /proc/uptime; "
    "sudo -n true && echo sudo; for d in /var/tmp /var /root; do [ -d $d ] && break; done; "
    "f=$d/.breakglass-probe; "
    "sudo -n sh -c \"echo x >$f && sync && rm -f $f\" && echo disk";

enum rung { RUNG_TCP, RUNG_HANDSHAKE, RUNG_AUTH, RUNG_EXEC, RUNG_SUDO, RUNG_DISK, RUNGS };

static const char *const rung_names[RUNGS] = {
    "tcp", "handshake", "auth", "exec", "sudo", "disk"};

struct proof {
	uv_loop_t *loop;
	struct incident *incident;
	struct broker *broker;
	uv_timer_t timer;
	bool climbing;
	bool started_fresh; /* the old connection is known to be gone */
	char verb[16];
	int64_t began_ms, probed_ms;
	int64_t rung_ms[RUNGS]; /* -1: not reached */
	/* Questions of the engine's own, once a second: the facts that come of them
	 * are journaled, they themselves are no runs. */
	struct remote_run *probe;
	char told[96]; /* what the last fact said, so that only a change is another */
	struct buf out;
	char boot_id[40], before_boot_id[40];
	long uptime_s;
	long pid, before_pid;
};

static void proof_look(struct proof *p);

static void
proof_tell(struct proof *p, bool done, const char *text)
{
	struct js *f, *rungs;
	char told[sizeof p->told];
	int reached = 0;

	for (int i = 0; i < RUNGS; i++)
		reached += p->rung_ms[i] >= 0;
	snprintf(told, sizeof told, "%d %.80s", reached, text);
	if (!done && strcmp(told, p->told) == 0)
		return;
	strcpy(p->told, told);
	f = incident_fact(FACT_STATE, "engine");
	rungs = js_array();
	for (int i = 0; i < RUNGS; i++) {
		struct js *r = js_new();

		js_set_str(r, "rung", rung_names[i]);
		js_set_bool(r, "ok", p->rung_ms[i] >= 0);
		if (p->rung_ms[i] >= 0)
			js_set_int(r, "ms", p->rung_ms[i]);
		js_add(rungs, r);
	}
	js_set_str(f, "what", "proof");
	js_set_str(f, "when", "after");
	js_set_str(f, "verb", p->verb);
	js_set(f, "rungs", rungs);
	if (p->pid)
		js_set_int(f, "pid", p->pid);
	if (p->before_pid)
		js_set_int(f, "before_pid", p->before_pid);
	if (p->rung_ms[RUNG_EXEC] >= 0) {
		js_set_str(f, "boot_id", p->boot_id);
		js_set_int(f, "uptime_s", p->uptime_s);
	}
	if (p->before_boot_id[0])
		js_set_str(f, "before_boot_id", p->before_boot_id);
	js_set_bool(f, "done", done);
	js_set_str(f, "text", text);
	incident_emit(p->incident, FACT_STATE, f);
}

static void
proof_finish(struct proof *p, const char *text)
{
	p->climbing = false;
	uv_timer_stop(&p->timer);
	proof_tell(p, true, text);
}

static void
proof_say_healthy(struct proof *p)
{
	char text[320], age[16];
	bool new_boot =
	    p->before_boot_id[0] && strcmp(p->before_boot_id, p->boot_id) != 0;
	int n;

	n = snprintf(text, sizeof text,
	    "the devvm is back: ssh, sudo and disk work, %s after the %s",
	    clock_age(clock_mono_ms() - p->began_ms, age, sizeof age), p->verb);
	if (p->before_pid && p->pid)
		n += snprintf(text + n, sizeof text - (size_t)n,
		    p->pid == p->before_pid ? "; same QEMU process (pid %ld)"
					    : "; new QEMU process (pid %ld, was %ld)",
		    p->pid, p->before_pid);
	if (p->before_boot_id[0])
		snprintf(text + n, sizeof text - (size_t)n,
		    new_boot ? "; the guest has booted anew"
			     : "; the guest has not booted anew");
	proof_finish(p, text);
}

/* Reads what the probe printed: "exec", boot id, uptime, "sudo", "disk". */
static void
proof_read(struct proof *p)
{
	char *save = NULL, *line;
	int64_t now = clock_mono_ms() - p->began_ms;
	int n = 0;

	if (!p->out.data)
		return;

	for (line = strtok_r(p->out.data, "\r\n", &save); line;
	     line = strtok_r(NULL, "\r\n", &save)) {
		if (strcmp(line, "exec") == 0) {
			n = 1;
			if (p->rung_ms[RUNG_EXEC] < 0)
				p->rung_ms[RUNG_EXEC] = now;
		} else if (n == 1) {
			snprintf(p->boot_id, sizeof p->boot_id, "%.36s", line);
			n = 2;
		} else if (n == 2) {
			p->uptime_s = strtol(line, NULL, 10);
			n = 3;
		} else if (strcmp(line, "sudo") == 0 && p->rung_ms[RUNG_SUDO] < 0) {
			p->rung_ms[RUNG_SUDO] = now;
		} else if (strcmp(line, "disk") == 0 && p->rung_ms[RUNG_DISK] < 0) {
			p->rung_ms[RUNG_DISK] = now;
		}
	}
}

static void
proof_tell_short(struct proof *p)
{
	proof_tell(p, false,
	    p->rung_ms[RUNG_EXEC] < 0
		? "the devvm takes the login but runs nothing yet"
		: "the devvm runs commands, but a write with sync did not come back");
}

static void
on_probe_output(
    struct remote_run *run, int stream, const char *data, size_t len, void *arg)
{
	struct proof *p = arg;

	if (stream == 1)
		buf_add_some(&p->out, data, len);
}

static void
on_probe_end(
    struct remote_run *run, enum remote_end how, int code, const char *why, void *arg)
{
	struct proof *p = arg;

	p->probe = NULL;
	proof_read(p);
	if (!p->climbing)
		return; /* it was asked only to know the boot id */
	if (p->rung_ms[RUNG_DISK] >= 0)
		proof_say_healthy(p);
	else
		proof_tell_short(p);
}

static const struct remote_run_events probe_events = {
    .output = on_probe_output, .end = on_probe_end};

static void
proof_probe(struct proof *p)
{
	buf_clear(&p->out);
	p->probed_ms = clock_mono_ms();
	p->probe = remote_exec(broker_remote(p->broker, DOOR_DEVVM), PROBE,
	    sizeof PROBE - 1, PROOF_STEP_MS, &probe_events, p);
}

static void
proof_stop_probe(struct proof *p)
{
	if (p->probe)
		remote_run_close(p->probe);
	p->probe = NULL;
}

static void
proof_rung(struct proof *p, enum rung rung)
{
	if (p->rung_ms[rung] >= 0)
		return;
	p->rung_ms[rung] = clock_mono_ms() - p->began_ms;
	proof_tell(p, false, "the devvm is coming back");
}

static void
proof_look(struct proof *p)
{
	struct remote *r = broker_remote(p->broker, DOOR_DEVVM);
	enum remote_state s = remote_state(r);

	if (!p->climbing)
		return;
	if (clock_mono_ms() - p->began_ms > PROOF_GIVE_UP_MS) {
		proof_stop_probe(p);
		proof_finish(p,
		    "the devvm did not come back within 3 minutes: forensics (F3), then cycle (F7)");
		return;
	}
	if (p->probe && clock_mono_ms() - p->probed_ms > PROOF_EXEC_MS) {
		proof_read(p); /* how far it came before it hung */
		proof_stop_probe(p);
		proof_tell_short(p);
	}
	if (s == REMOTE_HANDSHAKE)
		proof_rung(p, RUNG_TCP);
	if (s == REMOTE_AUTH)
		proof_rung(p, RUNG_HANDSHAKE);
	if (s == REMOTE_DOWN || s == REMOTE_IDLE)
		remote_retry_now(r);
	if (s != REMOTE_UP || p->probe || clock_mono_ms() - p->probed_ms < PROOF_STEP_MS)
		return;
	proof_rung(p, RUNG_TCP);
	proof_rung(p, RUNG_HANDSHAKE);
	proof_rung(p, RUNG_AUTH);
	proof_probe(p);
}

static void
on_timer(uv_timer_t *t)
{
	proof_look(t->data);
}

struct proof *
proof_new(uv_loop_t *loop, struct incident *incident, struct broker *broker)
{
	struct proof *p = mem_alloc(sizeof *p);

	p->loop = loop;
	p->incident = incident;
	p->broker = broker;
	buf_init(&p->out, PROOF_OUT_MAX);
	uv_timer_init(loop, &p->timer);
	p->timer.data = p;
	return p;
}

static void
on_proof_closed(uv_handle_t *handle)
{
	struct proof *p = handle->data;

	buf_fini(&p->out);
	free(p);
}

void
proof_free(struct proof *p)
{
	if (p)
		uv_close((uv_handle_t *)&p->timer, on_proof_closed);
}

void
proof_learn(struct proof *p)
{
	if (!p->climbing && !p->probe)
		proof_probe(p);
}

void
proof_before(struct proof *p, long pid)
{
	if (p->climbing) {
		proof_stop_probe(p);
		proof_finish(p, "another verb was sent before the devvm was back");
	}
	p->before_pid = pid;
	snprintf(p->before_boot_id, sizeof p->before_boot_id, "%s", p->boot_id);
	p->pid = 0;
}

void
proof_set_before_pid(struct proof *p, long pid)
{
	p->before_pid = pid;
}

void
proof_begin(struct proof *p, const char *verb)
{
	proof_stop_probe(p);
	p->told[0] = '\0';
	p->climbing = true;
	p->began_ms = clock_mono_ms();
	p->probed_ms = 0;
	snprintf(p->verb, sizeof p->verb, "%s", verb);
	for (int i = 0; i < RUNGS; i++)
		p->rung_ms[i] = -1;
	proof_tell(p, false, "waiting for the devvm to come back");
	remote_retry_now(broker_remote(p->broker, DOOR_DEVVM));
	uv_timer_start(&p->timer, on_timer, 200, PROOF_STEP_MS);
}

void
proof_set_pid(struct proof *p, long pid)
{
	p->pid = pid;
}

void
proof_on_link(struct proof *p)
{
	if (p->climbing)
		proof_look(p);
	else if (remote_state(broker_remote(p->broker, DOOR_DEVVM)) == REMOTE_UP)
		proof_learn(p);
}
