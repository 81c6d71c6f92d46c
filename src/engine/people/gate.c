/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/people/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/people/descent.h"
#include "engine/people/gate_int.h"
#include "engine/people/trusted.h"

/* A reading of the list, in the thread pool; it outlives a gate that is freed. */
struct gate_load {
	struct gate *gate;
	uv_work_t work;
	char *path;
	struct list list;
	struct err err;
};

static void decide(struct guest *v);

/* --- its life --- */

static void
release(struct gate *g)
{
	if (--g->open == 0)
		free(g);
}

static void
on_closed(uv_handle_t *handle)
{
	release(handle->data);
}

static void on_look(uv_timer_t *timer);

struct gate *
gate_new(const struct gate_config *cfg)
{
	struct gate *g = mem_alloc(sizeof *g);

	g->cfg = *cfg;
	if (cfg->operators[0] && cfg->credentials[0])
		g->keeper = keeper_new(cfg->loop, cfg->credentials);
	uv_timer_init(cfg->loop, &g->look);
	uv_timer_init(cfg->loop, &g->lock);
	uv_unref((uv_handle_t *)&g->look);
	uv_unref((uv_handle_t *)&g->lock);
	g->look.data = g->lock.data = g;
	g->open = 2;
	return g;
}

void
gate_free(struct gate *g)
{
	if (!g)
		return;
	g->freed = true;
	while (g->guests)
		gate_gone(g, g->guests->peer);
	keeper_free(g->keeper);
	uv_close((uv_handle_t *)&g->look, on_closed);
	uv_close((uv_handle_t *)&g->lock, on_closed);
}

bool
gate_has_list(const struct gate *g)
{
	return g->cfg.operators[0] != '\0';
}

struct guest *
gate_find(const struct gate *g, const struct peer *p)
{
	struct guest *v = g->guests;

	while (v && v->peer != p)
		v = v->next;
	return v;
}

static void
on_timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void
gate_timer_stop(struct guest *v)
{
	if (v->timer)
		uv_close((uv_handle_t *)v->timer, on_timer_closed);
	v->timer = NULL;
}

void
gate_timer_start(struct guest *v, uv_timer_cb cb, int64_t ms)
{
	gate_timer_stop(v);
	v->timer = mem_alloc(sizeof *v->timer);
	uv_timer_init(v->gate->cfg.loop, v->timer);
	uv_unref((uv_handle_t *)v->timer);
	v->timer->data = v;
	uv_timer_start(v->timer, cb, (uint64_t)ms, 0);
}

void
gate_gone(struct gate *g, struct peer *p)
{
	struct guest **at = &g->guests, *v;

	while (*at && (*at)->peer != p)
		at = &(*at)->next;
	v = *at;
	if (!v)
		return;
	*at = v->next;
	gate_timer_stop(v);
	who_free(v->who);
	if (v->trying)
		keeper_drop(v->trying);
	free(v);
}

/* Its last words are on their way; it may be gone by now. */
static void
refuse(struct guest *v, const char *text, const char *todo)
{
	gate_timer_stop(v);
	if (v->trying)
		keeper_drop(v->trying);
	v->trying = NULL;
	v->state = GUEST_OUT;
	peer_refuse(v->peer, text, todo);
}

/* --- the list --- */

static void
on_work(uv_work_t *work)
{
	struct gate_load *l = work->data;
	size_t len = 0;
	char *text = trusted_read(l->path, false, LIST_FILE_MAX, &len, &l->err);

	if (!text)
		return;
	if (list_parse(&l->list, text, len, &l->err) < 0)
		err_wrap(&l->err, "%s", l->path);
	free(text);
}

/* Who is in by the list is held against what it says now. */
static void
check_again(struct guest *v)
{
	struct gate *g = v->gate;
	const struct list_line *line;
	enum list_fit fit;

	if (v->state != GUEST_IN || v->by != GUEST_BY_LIST || g->list_why.words[0])
		return;
	fit = list_find(&g->list, v->uid, v->known ? &v->seen : NULL, &line);
	if (fit == LIST_NOBODY) {
		refuse(v, "the operator list does not name you any more",
		    "whoever keeps the list has taken your line out");
	} else if (fit == LIST_FITS && line->read_only != peer_is_reader(v->peer)) {
		idle_begin(&v->idle, clock_mono_ms());
		g->cfg.role(v->peer, line->read_only, g->cfg.arg); /* v may go for that */
		gate_lock_arm(g);
	}
}

/* Who is decided about may go, and so may others: from the beginning each time. */
static void
look_at_all(struct gate *g)
{
	struct guest *v = g->guests;

	while (v) {
		if (v->looked == g->done) {
			v = v->next;
			continue;
		}
		v->looked = g->done;
		if (v->state == GUEST_LOOKING)
			decide(v);
		else
			check_again(v);
		v = g->guests;
	}
}

static void start_load(struct gate *g);

static void
on_worked(uv_work_t *work, int status)
{
	struct gate_load *l = work->data;
	struct gate *g = l->gate;

	g->load = NULL;
	if (!g->freed) {
		g->list = l->list;
		g->list_why = l->err;
		g->done = g->started;
		if (l->err.words[0])
			LOG("gate", "nobody is named: %s", l->err.words);
		look_at_all(g);
		if (g->again)
			start_load(g);
	}
	free(l->path);
	free(l);
	release(g);
}

static void
start_load(struct gate *g)
{
	struct gate_load *l = mem_alloc(sizeof *l);

	g->again = false;
	g->started++;
	l->gate = g;
	l->path = mem_dup(g->cfg.operators);
	l->work.data = l;
	g->load = l;
	g->open++;
	if (uv_queue_work(g->cfg.loop, &l->work, on_work, on_worked) < 0) {
		err_set(&l->err, ERR_SYSTEM, "no thread can read %s", l->path);
		on_worked(&l->work, 0);
	}
}

/* A reading that begins now or later: what was written by now is in it. */
static unsigned
want_load(struct gate *g)
{
	if (!g->load) {
		start_load(g);
		return g->started;
	}
	g->again = true;
	return g->started + 1;
}

static void
on_look(uv_timer_t *timer)
{
	struct gate *g = timer->data;
	bool any = false;

	for (struct guest *v = g->guests; v; v = v->next)
		any |= v->state == GUEST_IN && v->by == GUEST_BY_LIST;
	if (any)
		want_load(g);
	else
		uv_timer_stop(timer);
}

/* --- in, asked, or refused --- */

static void
let_in(struct guest *v, enum guest_by by, const struct peer_pass *pass)
{
	struct gate *g = v->gate;

	gate_timer_stop(v);
	v->state = GUEST_IN;
	v->by = by;
	idle_begin(&v->idle, clock_mono_ms());
	gate_lock_arm(g);
	if (by == GUEST_BY_LIST && !uv_is_active((uv_handle_t *)&g->look))
		uv_timer_start(&g->look, on_look, GATE_LOOK_MS, GATE_LOOK_MS);
	peer_admit(v->peer, pass);
}

static void
on_asked_long(uv_timer_t *timer)
{
	struct guest *v = timer->data;

	refuse(v, "no password came for two minutes", "connect again");
}

static void
ask(struct guest *v, const char *text, int64_t wait_ms)
{
	v->state = GUEST_ASKED;
	gate_timer_start(v, on_asked_long, GATE_ASKED_MS + wait_ms);
	peer_ask_password(v->peer, text, wait_ms);
}

/* Of one who is asked. */
static int
failed(const struct guest *v)
{
	return v->tries - (v->trying != NULL);
}

/* Who has failed makes room for who has not: else guessing would keep others out. */
static bool
make_room(const struct guest *v)
{
	int all = 0, of_uid = 0;
	struct guest *worst = NULL;

	for (struct guest *o = v->gate->guests; o; o = o->next) {
		if (o == v || o->state != GUEST_ASKED)
			continue;
		all++;
		of_uid += o->uid == v->uid;
		if (o->uid == v->uid && failed(o) > (worst ? failed(worst) : 0))
			worst = o;
	}
	if (all < GATE_ASKED_ALL && of_uid < GATE_ASKED_UID)
		return true;
	if (!worst)
		return false;
	refuse(worst, "others wait to be asked for a password", "connect again");
	return true;
}

/* Why the list is of no help, or what line it lacks. */
static void
say_nobody(const struct guest *v, char text[600], char todo[400])
{
	const struct gate *g = v->gate;

	if (g->list_why.words[0]) {
		snprintf(
		    text, 600, "the operator list names nobody: %s", g->list_why.words);
		snprintf(todo, 400, "mend it: the engine reads it again by itself");
		return;
	}
	snprintf(text, 600, "the operator list does not name you (uid %ld%s%s)%s",
	    (long)v->uid, v->seen.user[0] ? " " : "", v->seen.user,
	    v->known ? "" : "; your proof did not come in time, connect again");
	snprintf(todo, 400, "echo 'uid:%ld drive' >>%s lets you in", (long)v->uid,
	    g->cfg.operators);
}

static void
turn_away(struct guest *v)
{
	char text[600], todo[400];

	say_nobody(v, text, todo);
	if (!v->gate->keeper) {
		LOG("gate", "uid %ld refused: %s", (long)v->uid, text);
		refuse(v, text, todo);
	} else if (!make_room(v)) {
		refuse(v,
		    "others are being asked for a password already: wait until they are through",
		    "try again in a minute");
	} else {
		ask(v, text, 0);
	}
}

/* Both are there by now, or will not come: the list, and what is known about the peer. */
static void
decide(struct guest *v)
{
	struct gate *g = v->gate;
	const struct list_line *line = NULL;
	enum list_fit fit = LIST_NOBODY;
	bool reads = false;

	if (v->state != GUEST_LOOKING || (int)(g->done - v->needs) < 0 ||
	    (!v->known && v->timer))
		return;
	if (!g->list_why.words[0])
		fit = list_find(&g->list, v->uid, v->known ? &v->seen : NULL, &line);
	if (fit == LIST_LATER) /* than anybody waits: a /proc or name service hangs */
		line = list_find_uid(&g->list, v->uid, &reads);
	else if (fit == LIST_NOBODY)
		line = NULL;
	if (line)
		let_in(v, GUEST_BY_LIST,
		    &(struct peer_pass){
			.read_only = line->read_only || reads, .name = line->name});
	else
		turn_away(v);
}

static void
on_who(const char *proof, bool late, void *arg)
{
	struct guest *v = arg;

	if (late)
		return; /* more may come */
	v->seen = *who_seen(v->who);
	v->known = true;
	decide(v);
}

/* Neither a disk nor a process that hangs keeps a console waiting for longer. */
static void
on_late(uv_timer_t *timer)
{
	struct guest *v = timer->data;
	struct gate *g = v->gate;

	gate_timer_stop(v);
	if ((int)(g->done - v->needs) < 0) {
		v->needs = g->done;
		if (!g->list_why.words[0])
			err_set(&g->list_why, ERR_UNREACHABLE,
			    "%s was not read within %d s: its disk hangs",
			    g->cfg.operators, GATE_LOOK_MS / 1000);
	}
	decide(v);
}

static bool
is_the_agents(struct guest *v)
{
	struct gate *g = v->gate;
	enum descent d = g->cfg.agent_uid && v->uid == g->cfg.agent_uid
	    ? DESCENT_YES
	    : descent_of(peer_fd(v->peer), g->cfg.agent_host(g->cfg.arg));

	if (d == DESCENT_NO)
		return false;
	LOG("gate", "uid %ld refused: %s", (long)v->uid,
	    d == DESCENT_YES ? "it is the agent's" : "its parents do not stand still");
	if (d == DESCENT_YES)
		refuse(v, "what the agent runs is no operator", NULL);
	else
		refuse(v,
		    "the process that connected has ended, or is just losing its parents",
		    "connect again");
	return true;
}

void
gate_knock(struct gate *g, struct peer *p)
{
	struct guest *v = mem_alloc(sizeof *v);
	char text[160];

	v->gate = g;
	v->peer = p;
	v->uid = peer_uid(p);
	v->next = g->guests;
	g->guests = v;
	if (is_the_agents(v))
		return;
	if (gate_has_list(g)) {
		v->who = who_ask(g->cfg.loop, peer_fd(p), on_who, v);
		gate_timer_start(v, on_late, GATE_LOOK_MS);
		/* last: without a thread it is over at once, and v must wait for its
		 * proof */
		v->needs = want_load(g);
	} else if (v->uid == geteuid()) {
		let_in(v, GUEST_BY_UID, &(struct peer_pass){.name = ""});
	} else {
		snprintf(text, sizeof text,
		    "this engine belongs to uid %ld, you are uid %ld, and there is no "
		    "operator list",
		    (long)geteuid(), (long)v->uid);
		refuse(v, text, "attach as the user who started it, or set operators");
	}
}

/* --- a password --- */

bool
gate_name_reads(const struct gate *g, const char *name, const char **called)
{
	const struct list_line *line =
	    g->list_why.words[0] ? NULL : list_find_name(&g->list, name);

	*called = line && line->name[0] ? line->name : name;
	return line && line->read_only;
}

static void
on_tried(enum keeper_answer answer, int64_t wait_ms, const char *why, void *arg)
{
	struct guest *v = arg;
	char words[WIRE_NAME_MAX + 24], text[160];
	struct gate *g = v->gate;
	struct peer *p = v->peer;
	const char *called;
	bool reads;

	v->trying = NULL;
	if (answer == KEEPER_RIGHT) {
		LOG("gate", "uid %ld: the password of %s", (long)v->uid, v->trying_name);
		reads = gate_name_reads(g, v->trying_name, &called);
		snprintf(words, sizeof words, "password of %s", v->trying_name);
		peer_ref(p);
		let_in(v, GUEST_BY_PASSWORD,
		    &(struct peer_pass){.read_only = reads, .name = called});
		g->cfg.vouch(p, words, g->cfg.arg);
		peer_unref(p);
		return;
	}
	LOG("gate", "uid %ld: a wrong password", (long)v->uid);
	if (answer == KEEPER_BROKEN) {
		refuse(v, why, "mend it and connect again");
		return;
	}
	if (v->tries >= GATE_TRIES) {
		refuse(v, "ten passwords were wrong", "connect again");
		return;
	}
	snprintf(text, sizeof text,
	    "that name and that password do not belong together; the next one is looked at "
	    "in %lld s",
	    (long long)(wait_ms / 1000));
	ask(v, text, wait_ms);
}

/* The thread that looks hangs in a disk; its answer is not waited for any more. */
static void
on_try_late(uv_timer_t *timer)
{
	struct guest *v = timer->data;

	refuse(v,
	    "the password could not be looked at: the disk of the credentials hangs",
	    "connect again when it is well; who is in already stays in");
}

void
gate_try(struct gate *g, struct peer *p, const struct js *m)
{
	struct guest *v = gate_find(g, p);
	size_t len = 0, name_len = 0;
	const char *name = js_strn(m, "name", &name_len);
	const char *password = js_strn(m, "password", &len);
	char from[32];

	if (!v || v->state != GUEST_ASKED)
		return;
	v->tries++;
	if (v->trying || v->tries > GATE_TRIES) {
		if (v->tries > GATE_TRIES)
			refuse(v, "ten passwords were wrong", "connect again");
		else
			peer_ask_password(
			    p, "one password at a time: wait for its answer", 0);
		return;
	}
	snprintf(from, sizeof from, "uid %ld", (long)v->uid);
	if (name && strlen(name) == name_len && name_len > 0 &&
	    name_len <= WIRE_NAME_MAX && password)
		v->trying = keeper_ask(g->keeper,
		    &(struct keeper_ask){.name = name,
			.password = password,
			.len = len,
			.from = from,
			.fresh = v->tries == 1},
		    on_tried, v);
	if (!v->trying) {
		peer_ask_password(
		    p, "a name has 1 to 32 letters, a password at most 256", 0);
		return;
	}
	snprintf(v->trying_name, sizeof v->trying_name, "%s", name);
	gate_timer_start(v, on_try_late, GATE_TRY_MS);
}
