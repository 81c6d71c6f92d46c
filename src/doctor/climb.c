/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/climb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "doctor/fingerprint.h"
#include "doctor/here.h"
#include "doctor/judge.h"
#include "engine/power/clocks.h"
#include "engine/power/guest_probe.h"
#include "engine/power/vmfacts.h"
#include "engine/record/mark.h"
#include "engine/remote/remote.h"
#include "wire/frame.h"

#define WAIT_MS 1000 /* of a run, for the connection: it stands */
#define OUTPUT_MAX (256 * 1024)
#define LINE_MAX_ 4096
#define NO_AGENT "" /* with it a login ends at once: there is no key to try */

/* For any shell; the address as its sshd saw it. */
#define ASK_FROM "echo $SSH_CONNECTION"
/* What is no verb, and nothing at all to a shell that it should not reach. */
#define NO_VERB ": breakglass doctor asks whether this is refused"

enum step { STEP_ECHO, STEP_PROBE, STEP_STATUS, STEP_WORD, STEP_SHELL, STEP_END };

static const struct {
	const char *command; /* NULL: a shell */
	int64_t limit_ms;
} steps[] = {
    [STEP_ECHO] = {ASK_FROM, 6000},
    [STEP_PROBE] = {guest_probe_all, (GUEST_PROBE_S + 4) * 1000},
    [STEP_STATUS] = {"status", 12000},
    [STEP_WORD] = {NO_VERB, 5000},
    [STEP_SHELL] = {NULL, 5000},
};

struct climb {
	struct doctor *d;
	void (*done)(struct climb *c, void *arg);
	void *arg;
	struct host_facts f;
	struct remote *remote;
	uv_timer_t limit, step_limit;
	bool up, over;
	enum step step;
	struct remote_run *run;
	int64_t began_ms, sent_ms;
	size_t bytes;
	struct frame lines[2]; /* output and errors */
	struct guest_reader guest;
	struct ladder_seen seen;
	struct vmfacts vm;
	struct clock_reading clock;
};

static struct run_facts *
facts_of(struct climb *c)
{
	struct run_facts *const all[] = {[STEP_ECHO] = &c->f.first,
	    [STEP_PROBE] = &c->f.probe,
	    [STEP_STATUS] = &c->f.first,
	    [STEP_WORD] = &c->f.word,
	    [STEP_SHELL] = &c->f.shell};

	return all[c->step];
}

/* ---- its end -------------------------------------------------------------------------
 */

static void
read_clock(struct climb *c)
{
	if (!c->clock.host_ms || c->clock.heard_ms < c->clock.sent_ms)
		return;
	c->f.has_clock = true;
	clock_reading_skew(
	    &c->clock, clock_wall_ms(), clock_mono_ms(), &c->f.skew_ms, &c->f.error_ms);
}

static void
read_guest(struct climb *c)
{
	const struct ladder_seen *s = &c->seen;

	guest_reader_close(&c->guest);
	c->f.sudo_ms = s->rung_ms[RUNG_SUDO];
	c->f.write_ms = s->rung_ms[RUNG_DISK];
	c->f.disk_full = s->disk_full;
	c->f.read_only = s->read_only;
	c->f.disk_hung = s->disk_hung;
	c->f.sudo_refused = s->sudo_refused;
	/* a rung is said to be reached only when those before it are */
	if (c->f.sudo_ms < 0 && c->guest.said[RUNG_SUDO][0])
		snprintf(c->f.probe_why, sizeof c->f.probe_why, "%s",
		    c->guest.said[RUNG_SUDO]);
	else
		snprintf(c->f.probe_why, sizeof c->f.probe_why, "%s", s->why);
	c->clock = s->clock;
	c->clock.sent_ms = c->sent_ms;
}

static void
read_pve(struct climb *c)
{
	const struct vmfacts *v = &c->vm;

	c->f.ours = v->marks;
	c->f.old = !v->marks && v->plain;
	snprintf(c->f.status, sizeof c->f.status, "%s",
	    v->status[0] ? v->status : "in an unknown state");
	if (strcmp(v->m.startable, "no") == 0)
		snprintf(c->f.startable_why, sizeof c->f.startable_why, "%s",
		    v->m.startable_why[0] ? v->m.startable_why : "it does not say why");
	if (v->host.state == HOSTJOB_INTERRUPTED || v->host.state == HOSTJOB_RUNNING)
		hostjob_words(&v->host, c->f.job, sizeof c->f.job);
}

static void
tell(struct climb *c)
{
	static void (*const shared[])(const struct host_facts *, struct said *) = {
	    judge_address, judge_connection, judge_hostkey, judge_login, judge_source,
	    judge_exec, judge_clock};
	int at = c->f.pve ? CHECK_PVE_ADDRESS : CHECK_DEVVM_ADDRESS;
	struct said said = {0};

	for (size_t i = 0; i < ARRAY_LEN(shared); i++) {
		shared[i](&c->f, &said);
		sheet_put(c->d->sheet, (enum check)(at + (int)i), &said);
	}
	if (c->f.pve) {
		judge_program(&c->f, &said);
		sheet_put(c->d->sheet, CHECK_PVE_PROGRAM, &said);
		judge_forced(&c->f, &said);
		sheet_put(c->d->sheet, CHECK_PVE_FORCED, &said);
	} else {
		judge_sudo(&c->f, &said);
		sheet_put(c->d->sheet, CHECK_DEVVM_SUDO, &said);
		judge_write(&c->f, &said);
		sheet_put(c->d->sheet, CHECK_DEVVM_DISK, &said);
	}
}

static void
finish(struct climb *c)
{
	if (c->over)
		return;
	c->over = true;
	if (c->run)
		remote_run_close(c->run);
	c->run = NULL;
	read_clock(c);
	tell(c);
	remote_free(c->remote);
	c->remote = NULL;
	uv_close((uv_handle_t *)&c->limit, NULL);
	uv_close((uv_handle_t *)&c->step_limit, NULL);
	c->done(c, c->arg);
	doctor_look(c->d);
}

/* ---- one run -------------------------------------------------------------------------
 */

/* "10.0.0.7 50412 10.0.0.9 22" */
static void
read_echo(struct climb *c, const char *line)
{
	size_t n = strcspn(line, " \r");

	if (c->f.from[0] || n == 0 || n >= sizeof c->f.from ||
	    line[strspn(line, "0123456789abcdefABCDEF.:% ")] != '\0')
		return;
	memcpy(c->f.from, line, n);
}

static void
read_status(struct climb *c, const char *line, size_t len)
{
	const char *value;
	struct mark m;

	vmfacts_line(&c->vm, line, len);
	if (!mark_parse(&m, line, len))
		return;
	if (strcmp(m.kind, "run") == 0 && (value = mark_get(&m, "version")) != NULL)
		snprintf(c->f.program, sizeof c->f.program, "%s", value);
	if (strcmp(m.kind, "fact") != 0)
		return;
	if ((value = mark_get(&m, "from")) != NULL)
		snprintf(c->f.from, sizeof c->f.from, "%s", value);
	if ((value = mark_get(&m, "clock_ms")) != NULL && strlen(value) < 16) {
		c->clock.host_ms = strtoll(value, NULL, 10);
		c->clock.resolution_ms = 1;
		c->clock.sent_ms = c->sent_ms;
		c->clock.heard_ms = clock_mono_ms();
	}
}

static bool
on_line(char *line, size_t len, void *arg)
{
	struct climb *c = arg;
	struct run_facts *r = facts_of(c);

	if (!r->said[0])
		snprintf(r->said, sizeof r->said, "%s", line);
	if (c->step == STEP_ECHO)
		read_echo(c, line);
	else if (c->step == STEP_PROBE)
		guest_reader_line(&c->guest, line, len, clock_mono_ms() - c->began_ms);
	else if (c->step == STEP_STATUS)
		read_status(c, line, len);
	return true;
}

static void
on_sent(struct remote_run *run, void *arg)
{
	struct climb *c = arg;

	c->sent_ms = clock_mono_ms();
}

static void
on_output(struct remote_run *run, int stream, const char *data, size_t len, void *arg)
{
	struct climb *c = arg;

	if (c->bytes + len > OUTPUT_MAX)
		return; /* a flood says nothing more */
	c->bytes += len;
	frame_feed(&c->lines[stream == 2], data, len, on_line, c);
}

static void next(struct climb *c, enum step step);

/* What stands behind the last line end is a line, too. */
static void
end_lines(struct climb *c)
{
	for (int i = 0; i < 2; i++)
		if (c->lines[i].line.len > 0)
			frame_feed(&c->lines[i], "\n", 1, on_line, c);
}

static void
on_end(struct remote_run *run, enum remote_end how, int code, const char *why, void *arg)
{
	struct climb *c = arg;
	struct run_facts *r = facts_of(c);

	c->run = NULL;
	end_lines(c);
	r->ms = clock_mono_ms() - c->began_ms;
	r->exit = code;
	r->ran = how == REMOTE_EXITED ? RAN_EXITED
	    : how == REMOTE_FAILED    ? RAN_REFUSED
				      : RAN_LOST;
	if (r->ran != RAN_EXITED && why)
		snprintf(r->said, sizeof r->said, "%s", why);
	if (c->step == STEP_STATUS)
		read_pve(c);
	if (c->step == STEP_PROBE)
		read_guest(c);
	if (r->ran == RAN_LOST)
		finish(c);
	else
		next(c,
		    c->step == STEP_PROBE || c->step == STEP_SHELL
			? STEP_END
			: (enum step)(c->step + 1));
}

static const struct remote_run_events events = {
    .sent = on_sent, .output = on_output, .end = on_end};

static void
on_step_limit(uv_timer_t *timer)
{
	struct climb *c = timer->data;
	struct run_facts *r = facts_of(c);

	r->late = true;
	r->ms = clock_mono_ms() - c->began_ms;
	if (c->step == STEP_PROBE)
		read_guest(c);
	finish(c);
}

static void
next(struct climb *c, enum step step)
{
	const char *command = step == STEP_END ? NULL : steps[step].command;

	if (step == STEP_END) {
		finish(c);
		return;
	}
	c->step = step;
	c->bytes = 0;
	c->began_ms = c->sent_ms = clock_mono_ms();
	uv_timer_start(&c->step_limit, on_step_limit, (uint64_t)steps[step].limit_ms, 0);
	if (command)
		c->run =
		    remote_exec(c->remote, command, strlen(command), WAIT_MS, &events, c);
	else
		c->run = remote_shell(c->remote, NULL, WAIT_MS, &events, c);
	remote_run_input_end(c->run);
}

/* ---- the connection ---- */

static int64_t
between(const struct remote *r, enum remote_mark from, enum remote_mark to)
{
	int64_t a = remote_mark_ms(r, from), b = remote_mark_ms(r, to);

	return a < 0 || b < 0 ? -1 : b - a;
}

static void
read_marks(struct climb *c)
{
	const struct remote *r = c->remote;

	c->f.tcp_ms = between(r, REMOTE_MARK_DIAL, REMOTE_MARK_TCP);
	c->f.banner_ms = between(r, REMOTE_MARK_TCP, REMOTE_MARK_BANNER);
	c->f.kex_ms = between(r, REMOTE_MARK_BANNER, REMOTE_MARK_KEX);
	c->f.auth_ms = between(r, REMOTE_MARK_KEX, REMOTE_MARK_AUTH);
	c->f.changed = remote_key_state(r) == HOSTKEY_CHANGED;
	snprintf(c->f.shown, sizeof c->f.shown, "%s", remote_fingerprint(r));
}

static void
on_state(struct remote *r, void *arg)
{
	struct climb *c = arg;

	if (c->over)
		return;
	read_marks(c);
	if (remote_state(r) == REMOTE_UP && !c->up) {
		c->up = true;
		next(c, c->f.pve ? STEP_STATUS : STEP_ECHO);
	} else if (remote_state(r) == REMOTE_DOWN && !c->up) {
		c->f.down = true;
		c->f.timed_out = remote_timed_out(r);
		snprintf(c->f.why, sizeof c->f.why, "%s", remote_why(r));
		c->f.refused = strstr(c->f.why, " refused our ") != NULL;
		finish(c); /* one try: who knocks often is locked out */
	}
	/* behind UP the run that was lost says so */
}

static void
on_limit(uv_timer_t *timer)
{
	struct climb *c = timer->data;

	if (c->up)
		facts_of(c)->late = true;
	else
		read_marks(c);
	finish(c);
}

static void
read_known(struct climb *c, const struct climb_opts *opts)
{
	const struct options *o = c->d->o;
	const char *blob = opts->no_known[0]
	    ? NULL
	    : hostkeys_blob(opts->known, c->f.pve ? "pve" : "devvm");

	c->f.pinned = (c->f.pve ? o->pve_hostkey : o->devvm_hostkey)[0] != '\0';
	c->f.was_known = blob && fingerprint_of_base64(blob, c->f.known);
	snprintf(c->f.no_known, sizeof c->f.no_known, "%s", opts->no_known);
	snprintf(c->f.trouble, sizeof c->f.trouble, "%s", hostkeys_why(opts->known));
}

struct climb *
climb_start(struct doctor *d, const struct climb_opts *opts,
    void (*done)(struct climb *c, void *arg), void *arg)
{
	const struct options *o = d->o;
	struct climb *c = mem_alloc(sizeof *c);
	struct host_facts *f = &c->f;

	c->d = d;
	c->done = done;
	c->arg = arg;
	f->pve = opts->pve;
	f->address = opts->pve ? o->pve_host : o->devvm_host;
	f->user = opts->pve ? o->pve_user : o->devvm_user;
	f->port = opts->pve ? o->pve_port : o->devvm_port;
	f->data_dir = doctor_data_dir(o);
	f->no_bootstrap = opts->no_bootstrap;
	f->version = PACKAGE_VERSION;
	f->tcp_ms = f->banner_ms = f->kex_ms = f->auth_ms = -1;
	f->sudo_ms = f->write_ms = -1;
	snprintf(f->no_key, sizeof f->no_key, "%s", opts->no_key);
	snprintf(f->key_path, sizeof f->key_path, "%s", o->key_path);
	here_of(f->address, f->port, f->here, sizeof f->here);
	read_known(c, opts);
	frame_init(&c->lines[0], LINE_MAX_);
	frame_init(&c->lines[1], LINE_MAX_);
	ladder_seen_init(&c->seen);
	c->guest.seen = &c->seen;
	vmfacts_begin(&c->vm);
	uv_timer_init(&d->loop, &c->limit);
	uv_timer_init(&d->loop, &c->step_limit);
	c->limit.data = c->step_limit.data = c;
	uv_timer_start(&c->limit, on_limit, CLIMB_MS, 0);
	c->remote = remote_new(&d->loop,
	    &(struct remote_config){.name = opts->pve ? "pve" : "devvm",
		.address = f->address,
		.port = (int)f->port,
		.user = f->user,
		.key = opts->key,
		.agent = opts->key ? NULL
		    : opts->agent  ? opts->agent
				   : NO_AGENT,
		.hostkeys = opts->known},
	    on_state, c);
	remote_want(c->remote, true);
	return c;
}

bool
climb_answered(const struct climb *c)
{
	return c && (c->f.ours || c->f.old);
}
