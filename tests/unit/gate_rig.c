/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate_rig.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/people/trusted.h"
#include "engine/people/who.h"

#define LONG_MS 1000000000 /* what libuv is told instead: only the test fires a timer */
#define TIMERS 64

struct site site;

/* --- the clock, and timers that go by it --- */

static struct row {
	uv_timer_t *timer;
	uv_timer_cb cb;
	int64_t at, repeat;
} rows[TIMERS];

int64_t __wrap_clock_mono_ms(void);
int __real_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t ms, uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t ms, uint64_t repeat);
int __real_uv_timer_stop(uv_timer_t *t);
int __wrap_uv_timer_stop(uv_timer_t *t);
void __real_uv_close(uv_handle_t *h, uv_close_cb cb);
void __wrap_uv_close(uv_handle_t *h, uv_close_cb cb);

int64_t
__wrap_clock_mono_ms(void)
{
	return site.now;
}

static void
forget(const void *timer)
{
	for (int i = 0; i < TIMERS; i++) {
		if (rows[i].timer != timer)
			continue;
		rows[i].timer = NULL;
		site.timers--;
	}
}

int
__wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t ms, uint64_t repeat)
{
	int i = 0;

	forget(t);
	while (i < TIMERS && rows[i].timer)
		i++;
	MUST(i < TIMERS);
	rows[i] = (struct row){t, cb, site.now + (int64_t)ms, (int64_t)repeat};
	site.timers++;
	return __real_uv_timer_start(t, cb, LONG_MS, 0);
}

int
__wrap_uv_timer_stop(uv_timer_t *t)
{
	forget(t);
	return __real_uv_timer_stop(t);
}

void
__wrap_uv_close(uv_handle_t *h, uv_close_cb cb)
{
	forget(h);
	__real_uv_close(h, cb);
}

void
later(int64_t ms)
{
	int64_t until = site.now + ms;

	for (;;) {
		struct row *due = NULL, was;

		for (int i = 0; i < TIMERS; i++)
			if (rows[i].timer && rows[i].at <= until &&
			    (!due || rows[i].at < due->at))
				due = &rows[i];
		if (!due)
			break;
		was = *due;
		site.now = was.at;
		if (was.repeat)
			due->at += was.repeat;
		else
			__wrap_uv_timer_stop(was.timer);
		was.cb(was.timer);
	}
	site.now = until;
}

/* --- the list --- */

int __wrap_uv_queue_work(
    uv_loop_t *loop, uv_work_t *work, uv_work_cb cb, uv_after_work_cb after);
char *__wrap_trusted_read(
    const char *path, bool secret, size_t max, size_t *len, struct err *err);

int
__wrap_uv_queue_work(
    uv_loop_t *loop, uv_work_t *work, uv_work_cb cb, uv_after_work_cb after)
{
	MUST(!site.work);
	site.reads++;
	if (site.no_thread)
		return UV_ENOMEM;
	site.work = work;
	site.work_cb = cb;
	site.after_cb = after;
	return 0;
}

char *
__wrap_trusted_read(
    const char *path, bool secret, size_t max, size_t *len, struct err *err)
{
	MUST(strcmp(path, OPERATORS) == 0);
	MUST(!secret && max == LIST_FILE_MAX);
	if (site.list_fails) {
		err_set(err, ERR_DENIED, "%s", site.list_fails);
		return NULL;
	}
	*len = strlen(site.list);
	return mem_dup(site.list);
}

void
list_read(void)
{
	uv_work_t *work = site.work;

	MUST(work);
	site.work = NULL;
	site.work_cb(work);
	site.after_cb(work, 0);
}

/* --- proofs --- */

#define PEERS 32
static struct peer *peers[PEERS]; /* by descriptor */

struct who {
	who_fn *cb;
	void *arg;
	struct who_seen seen;
	struct peer *peer;
};

struct who *__wrap_who_ask(uv_loop_t *loop, int fd, who_fn *cb, void *arg);
void __wrap_who_free(struct who *w);
const struct who_seen *__wrap_who_seen(const struct who *w);
enum descent __wrap_descent_of(int fd, pid_t from);

struct who *
__wrap_who_ask(uv_loop_t *loop, int fd, who_fn *cb, void *arg)
{
	struct who *w = mem_alloc(sizeof *w);

	MUST(loop == &site.loop);
	w->cb = cb;
	w->arg = arg;
	w->peer = peers[fd % PEERS];
	w->peer->who = w;
	site.whos++;
	return w;
}

void
__wrap_who_free(struct who *w)
{
	if (!w)
		return;
	w->peer->who = NULL;
	site.whos--;
	free(w);
}

const struct who_seen *
__wrap_who_seen(const struct who *w)
{
	return &w->seen;
}

enum descent
__wrap_descent_of(int fd, pid_t from)
{
	MUST(peers[fd % PEERS]->fd == fd);
	MUST(from == site.agent_pid);
	return site.descent;
}

void
proof(struct peer *p, const char *user, bool late)
{
	MUST(p->who);
	p->who->seen.uid = p->uid;
	snprintf(p->who->seen.user, sizeof p->who->seen.user, "%s", user);
	p->who->cb("", late, p->who->arg);
}

/* --- passwords --- */

struct keeper {
	char path[64];
};

struct keeper_try {
	keeper_fn *cb;
	void *arg;
	struct peer *peer;
};

struct keeper *__wrap_keeper_new(uv_loop_t *loop, const char *path);
void __wrap_keeper_free(struct keeper *k);
struct keeper_try *__wrap_keeper_ask(
    struct keeper *k, const struct keeper_ask *ask, keeper_fn *cb, void *arg);
void __wrap_keeper_drop(struct keeper_try *t);

struct keeper *
__wrap_keeper_new(uv_loop_t *loop, const char *path)
{
	MUST(strcmp(path, CREDENTIALS) == 0);
	return mem_alloc(sizeof(struct keeper));
}

void
__wrap_keeper_free(struct keeper *k)
{
	free(k);
}

struct keeper_try *
__wrap_keeper_ask(
    struct keeper *k, const struct keeper_ask *ask, keeper_fn *cb, void *arg)
{
	struct keeper_try *t;

	MUST(k && site.asking && !site.asking->try);
	snprintf(site.from, sizeof site.from, "%s", ask->from);
	snprintf(site.name, sizeof site.name, "%s", ask->name);
	snprintf(
	    site.password, sizeof site.password, "%.*s", (int)ask->len, ask->password);
	site.attached = ask->attached;
	site.fresh = ask->fresh;
	if (site.keeper_refuses)
		return NULL;
	t = mem_alloc(sizeof *t);
	*t = (struct keeper_try){cb, arg, site.asking};
	site.asking->try = t;
	site.tries++;
	return t;
}

void
__wrap_keeper_drop(struct keeper_try *t)
{
	t->peer->try = NULL;
	site.tries--;
	site.dropped++;
	free(t);
}

void
answer(struct peer *p, enum keeper_answer a, int64_t wait_ms, const char *why)
{
	struct keeper_try *t = p->try;

	MUST(t);
	p->try = NULL;
	site.tries--;
	t->cb(a, wait_ms, why, t->arg);
	free(t);
}

/* --- peers --- */

void __wrap_peer_admit(struct peer *p, const struct peer_pass *pass);
void __wrap_peer_ask_password(struct peer *p, const char *text, int64_t wait_ms);
void __wrap_peer_refuse(struct peer *p, const char *text, const char *todo);
void __wrap_peer_tell(struct peer *p, enum fact kind, struct js *f);
void __wrap_peer_error(struct peer *p, const struct js *m, const char *where,
    const char *text, const char *todo);
uid_t __wrap_peer_uid(const struct peer *p);
int __wrap_peer_fd(const struct peer *p);
bool __wrap_peer_is_reader(const struct peer *p);
bool __wrap_peer_is_console(const struct peer *p);
bool __wrap_peer_is_read_only(const struct peer *p);
void __wrap_peer_ref(struct peer *p);
void __wrap_peer_unref(struct peer *p);
void __wrap_log_line(
    int level, const char *topic, const char *file, int line, const char *fmt, ...);

static void
hears(struct peer *p, const char *text, const char *todo)
{
	snprintf(p->text, sizeof p->text, "%s", text);
	snprintf(p->todo, sizeof p->todo, "%s", todo ? todo : "-");
	if (p->leaves)
		gate_gone(site.gate, p);
}

void
__wrap_peer_admit(struct peer *p, const struct peer_pass *pass)
{
	p->admitted++;
	p->reader = pass->read_only;
	snprintf(p->name, sizeof p->name, "%s", pass->name);
	hears(p, "welcome", NULL);
}

void
__wrap_peer_ask_password(struct peer *p, const char *text, int64_t wait_ms)
{
	p->asked++;
	p->wait_ms = wait_ms;
	hears(p, text, NULL);
}

void
__wrap_peer_refuse(struct peer *p, const char *text, const char *todo)
{
	p->refused++;
	hears(p, text, todo);
}

void
__wrap_peer_tell(struct peer *p, enum fact kind, struct js *f)
{
	MUST(kind == FACT_STATE);
	p->told++;
	js_free(p->fact);
	p->fact = f;
	hears(p, js_str(f, "text") ? js_str(f, "text") : "", NULL);
}

void
__wrap_peer_error(struct peer *p, const struct js *m, const char *where, const char *text,
    const char *todo)
{
	p->errors++;
	p->answers = m;
	snprintf(p->where, sizeof p->where, "%s", where);
	hears(p, text, todo);
}

uid_t
__wrap_peer_uid(const struct peer *p)
{
	return p->uid;
}

int
__wrap_peer_fd(const struct peer *p)
{
	return p->fd;
}

bool
__wrap_peer_is_reader(const struct peer *p)
{
	return p->reader;
}

bool
__wrap_peer_is_console(const struct peer *p)
{
	return !p->command;
}

bool
__wrap_peer_is_read_only(const struct peer *p)
{
	return p->read_only || p->reader;
}

void
__wrap_peer_ref(struct peer *p)
{
	p->refs++;
}

void
__wrap_peer_unref(struct peer *p)
{
	p->refs--;
}

void
__wrap_log_line(
    int level, const char *topic, const char *file, int line, const char *fmt, ...)
{
	va_list words;

	MUST(strcmp(topic, "gate") == 0);
	va_start(words, fmt);
	vsnprintf(site.log, sizeof site.log, fmt, words);
	va_end(words);
}

/* --- what the engine says --- */

static bool
is_busy(void *arg)
{
	MUST(arg == &site);
	return site.busy;
}

static pid_t
agent_host(void *arg)
{
	MUST(arg == &site);
	return site.agent_pid;
}

static void
on_role(struct peer *p, bool read_only, void *arg)
{
	p->roles++;
	p->reader = read_only;
	hears(p, "another role", NULL);
}

static void
on_vouch(struct peer *p, const char *words, void *arg)
{
	snprintf(p->vouched, sizeof p->vouched, "%s", words);
}

void
begin(const char *operators, const char *credentials)
{
	mallopt(M_PERTURB, 0xa5); /* what is used after it was freed is found */
	site.now = 5000000;
	MUST(uv_loop_init(&site.loop) == 0);
	site.gate = gate_new(&(struct gate_config){.loop = &site.loop,
	    .operators = operators,
	    .credentials = credentials,
	    .idle_ms = site.idle_ms,
	    .busy = is_busy,
	    .agent_host = agent_host,
	    .agent_uid = site.agent_uid,
	    .role = on_role,
	    .vouch = on_vouch,
	    .arg = &site});
}

void
end(void)
{
	uv_run(&site.loop, UV_RUN_NOWAIT);
	MUST(uv_loop_alive(&site.loop) == 0);
	gate_free(site.gate);
	if (site.work)
		list_read(); /* too late: nobody is told */
	uv_run(&site.loop, UV_RUN_DEFAULT);
	MUST(uv_loop_close(&site.loop) == 0);
	MUST(site.whos == 0 && site.tries == 0 && site.timers == 0);
	for (int i = 0; i < PEERS; i++) {
		if (!peers[i])
			continue;
		MUST(peers[i]->refs == 0);
		js_free(peers[i]->fact);
		peers[i]->fact = NULL;
		peers[i] = NULL;
	}
	site.gate = NULL;
	site.reads = site.dropped = 0;
}

void
knock(struct peer *p, uid_t uid)
{
	int i = 0;

	while (i < PEERS && peers[i])
		i++;
	MUST(i < PEERS);
	peers[i] = p;
	p->fd = 10 * PEERS + i;
	p->uid = uid;
	gate_knock(site.gate, p);
}

void
leave(struct peer *p)
{
	gate_gone(site.gate, p);
}

void
come(struct peer *p, uid_t uid, const char *user)
{
	knock(p, uid);
	while (site.work)
		list_read();
	if (p->who)
		proof(p, user, false);
}
