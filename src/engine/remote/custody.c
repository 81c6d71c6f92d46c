/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/custody.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/flight.h"
#include "engine/record/incident.h"
#include "engine/remote/remote.h"

#define WHY_MAX 600

/* What tells one version of a file from the next. */
struct version {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
	int error; /* errno: it could not even be looked at */
};

/* One look, in the thread pool. */
struct look {
	uv_work_t work;
	struct custody *custody;
	const char *path; /* of the options, which outlive it */
	bool weak;
	struct version before, now;
	struct secret *key;
	struct err err;
};

struct custody {
	uv_loop_t *loop;
	const struct options *o;
	struct incident *incident;
	const struct custody_events *ev;
	void *arg;
	bool hardened;
	char weak_why[320]; /* what "weak" lets pass; "": nothing had to */
	char why[WHY_MAX];  /* why there is no key */
	char bad[WHY_MAX];  /* why the file's new key is not used */
	char *agent;
	struct secret *key;
	struct version version;
	bool looking, waited; /* a look is under way; somebody waits for it */
	int64_t since_ms;
	uv_timer_t timer;
};

/* --- reading, in any thread --- */

static void
version_of(const char *path, struct version *v)
{
	struct stat st;

	memset(v, 0, sizeof *v);
	if (stat(path, &st) < 0) {
		v->error = errno;
		return;
	}
	v->dev = st.st_dev;
	v->ino = st.st_ino;
	v->size = st.st_size;
	v->mtime = st.st_mtim;
	v->ctime = st.st_ctim;
}

static struct secret *
key_read(const char *path, bool weak, struct err *err)
{
	struct secret *key;

	if (!weak && secret_check_process(err) < 0)
		return NULL;
	key = secret_load_key(path, err);
	if (key && remote_check_key(key, path, err) < 0) {
		secret_free(key);
		return NULL;
	}
	return key;
}

static void
look_at(void *data)
{
	struct look *l = data;

	version_of(l->path, &l->now);
	if (memcmp(&l->now, &l->before, sizeof l->now) != 0)
		l->key = key_read(l->path, l->weak, &l->err);
}

static void
on_look(uv_work_t *work)
{
	look_at(work->data);
}

/* At the start, where a disk that hangs must not keep the engine from coming up. */
static void
look_drop(void *data)
{
	struct look *l = data;

	secret_free(l->key);
	free((void *)(uintptr_t)l->path);
	free(l);
}

static struct secret *
first_look(const struct options *o, struct version *v, struct err *err)
{
	static const struct flight_ops ops = {look_at, NULL, look_drop};
	struct look *l = mem_alloc(sizeof *l);
	struct secret *key;

	l->path = mem_dup(o->key_path);
	l->weak = o->weak > 0;
	if (!flight_within(&ops, l, FLIGHT_START_MS)) {
		flight_hung(err, o->key_path);
		return NULL;
	}
	*v = l->now;
	*err = l->err;
	key = l->key;
	l->key = NULL;
	look_drop(l);
	return key;
}

/* --- what is told --- */

static void
custody_tell(const struct custody *c)
{
	struct js *f;

	if (!c->incident)
		return;
	f = incident_fact(FACT_STATE, "engine");
	js_set_str(f, "what", "custody");
	js_set_str(f, "key", c->agent ? "agent" : c->key ? "file" : "none");
	if (c->key)
		js_set_str(f, "memory", locked_kind_name(secret_memory(c->key)));
	js_set_bool(f, "weak", c->o->weak > 0);
	if (c->o->weak > 0)
		js_set_str(f, "text",
		    c->weak_why[0]
			? c->weak_why
			: "told to go on where keys cannot be guarded; here they can be");
	if (c->bad[0]) {
		js_set_str(f, "why", c->bad);
		js_set_str(f, "todo",
		    c->key ? "The key from before is used on; mend the file"
			   : "Mend the file: it is looked at every 5 s");
	} else if (c->key && secret_is_unknown(c->key)) {
		js_set_str(f, "why",
		    "there was no room to know all of the key by: what hosts print may "
		    "show parts of it");
		js_set_str(f, "todo", "Use a smaller key, or start the engine anew");
	}
	incident_emit(c->incident, FACT_STATE, f);
}

/* --- rotation --- */

static void on_timer(uv_timer_t *timer);

static void
arm(struct custody *c)
{
	bool bad = !c->agent && (!c->key || c->bad[0]);

	if (c->looking && c->waited)
		uv_timer_start(&c->timer, on_timer, CUSTODY_LOOK_MS, 0);
	else if (bad)
		uv_timer_start(&c->timer, on_timer, CUSTODY_AGAIN_MS, 0);
	else
		uv_timer_stop(&c->timer);
}

static void
take(struct custody *c, struct look *l)
{
	struct secret *old = c->key;

	c->version = l->now;
	if (!l->key) {
		snprintf(c->bad, sizeof c->bad, "%s", l->err.words);
		if (!c->key)
			snprintf(c->why, sizeof c->why, "%s", l->err.words);
		LOG("custody", "not used: %s", l->err.words);
		custody_tell(c);
		return;
	}
	LOG("custody", "another key, from the next connection on");
	c->key = l->key;
	c->bad[0] = c->why[0] = '\0';
	c->ev->key(c->key, c->arg);
	secret_free(old);
	custody_tell(c);
}

static void
waited(struct custody *c)
{
	if (!c->waited)
		return;
	c->waited = false;
	c->ev->looked(c->arg);
}

static void
on_looked(uv_work_t *work, int status)
{
	struct look *l = work->data;
	struct custody *c = l->custody;

	c->looking = false;
	if (status < 0 || !c->ev || memcmp(&l->now, &l->before, sizeof l->now) == 0)
		secret_free(l->key);
	else
		take(c, l);
	free(l);
	if (!c->ev)
		return;
	waited(c);
	arm(c);
}

static void
look(struct custody *c)
{
	struct look *l;

	if (c->looking || c->agent || !c->ev || (!c->hardened && c->o->weak <= 0))
		return;
	l = mem_alloc(sizeof *l);
	l->work.data = l;
	l->custody = c;
	l->path = c->o->key_path;
	l->weak = c->o->weak > 0;
	l->before = c->version;
	c->looking = true;
	if (uv_queue_work(c->loop, &l->work, on_look, on_looked) < 0) {
		c->looking = false;
		free(l);
	}
}

static void
on_timer(uv_timer_t *timer)
{
	struct custody *c = timer->data;

	if (c->waited)
		waited(c); /* its disk does not answer: the key in use has to do */
	else
		look(c);
	arm(c);
}

void
custody_look(struct custody *c)
{
	look(c);
	if (c->looking && !c->waited) {
		c->waited = true;
		c->since_ms = clock_mono_ms();
		arm(c);
	}
}

bool
custody_is_looking(const struct custody *c)
{
	return c->looking && c->waited && clock_mono_ms() - c->since_ms < CUSTODY_LOOK_MS;
}

/* --- beginning and end --- */

static void
use_agent(struct custody *c, const char *sock)
{
	if (sock && sock[0] == '/')
		c->agent = mem_dup(sock);
	else
		snprintf(c->why, sizeof c->why,
		    "key_path is \"agent\", but SSH_AUTH_SOCK named no socket when this "
		    "engine was started: start ssh-agent, ssh-add, and the engine anew");
}

struct custody *
custody_new(uv_loop_t *loop, const struct options *o, const char *ssh_auth_sock)
{
	struct custody *c = mem_alloc(sizeof *c);
	struct err err;

	c->loop = loop;
	c->o = o;
	uv_timer_init(loop, &c->timer);
	uv_unref((uv_handle_t *)&c->timer);
	c->timer.data = c;
	c->hardened = secret_harden_process(&err) == 0;
	if (!c->hardened)
		snprintf(c->weak_why, sizeof c->weak_why, "%.300s", err.words);
	if (strcmp(o->key_path, "agent") == 0) {
		use_agent(c, ssh_auth_sock);
		return c;
	}
	if (!custody_may_hold(c)) {
		snprintf(c->why, sizeof c->why,
		    "the key is not read: %s; \"breakglass engine --weak\" reads it all the "
		    "same",
		    c->weak_why);
		return c;
	}
	c->key = first_look(o, &c->version, &err);
	if (!c->key)
		snprintf(c->why, sizeof c->why, "%s", err.words);
	return c;
}

void
custody_start(struct custody *c, struct incident *incident,
    const struct custody_events *ev, void *arg)
{
	c->incident = incident;
	c->ev = ev;
	c->arg = arg;
	custody_tell(c);
	arm(c);
}

void
custody_stop(struct custody *c)
{
	if (!c)
		return;
	c->ev = NULL;
	c->incident = NULL;
	uv_close((uv_handle_t *)&c->timer, NULL);
}

void
custody_free(struct custody *c)
{
	if (!c)
		return;
	secret_free(c->key);
	free(c->agent);
	free(c);
}

bool
custody_may_hold(const struct custody *c)
{
	return c->hardened || c->o->weak > 0;
}

const struct secret *
custody_key(const struct custody *c)
{
	return c->key;
}

const char *
custody_agent(const struct custody *c)
{
	return c->agent;
}

const char *
custody_why(const struct custody *c)
{
	return c->why;
}
