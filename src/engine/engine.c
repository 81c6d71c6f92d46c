/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/api/credential.h"
#include "engine/engine_int.h"
#include "engine/later.h"

/*
 * For disks and names that may hang: custody 1, who.h 2, flight.h 3, the list 1, the
 * keeper 1, runbooks 2.  So two are left for the journal's disk.
 */
#define ENGINE_THREADS 12
#define ENGINE_END_MS 800 /* of leaving, for what comes behind the journal */

static void
ready(struct engine *e, const char *words)
{
	int fd = e->opts->ready_fd;

	if (fd < 0)
		return;
	if (write(fd, words, strlen(words)) < 0)
		LOG("engine", "nobody waits for us");
	close(fd);
}

/* Why this engine does not come up: to its starter, or to who runs it. */
static void
not_ready(struct engine *e, const struct err *err)
{
	char *words = mem_printf("%d %s", (int)err->code, err->words);

	ready(e, words);
	free(words);
	if (e->opts->ready_fd < 0)
		fprintf(stderr, "breakglass: %s\n", err->words);
	e->exit = err->code == ERR_DENIED ? 77 : err->code == ERR_BUSY ? 75 : 1;
}

/* claude asks the first endpoint; it can be given a key, not how to get one. */
static const char *
claude_key_file(const struct options *o)
{
	const struct option_endpoint *ep = &o->endpoints[0];

	if (o->n_endpoints == 0)
		return o->api_key_file;
	return ep->key_file[0] ? ep->key_file : ep->token_file;
}

/* No key is no reason not to start: the links say why they are down. */
static void
load_secrets(struct engine *e)
{
	const struct options *o = e->opts->options;
	const char *key_file = claude_key_file(o);
	struct err err;

	e->custody = custody_new(&e->loop, o, e->opts->ssh_auth_sock);
	if (!custody_may_hold(e->custody))
		return;
	if (key_file[0]) {
		e->api_key = credential_read(key_file, &err);
		if (!e->api_key)
			LOG("engine", "api key: %s", err.words);
	}
	if (o->oauth_token_file[0]) {
		e->oauth = credential_read(o->oauth_token_file, &err);
		if (!e->oauth)
			LOG("engine", "oauth_token_file: %s", err.words);
	}
}

/* A pin that cannot be read is no pin: that is authority, so it ends the start. */
static int
load_hostkeys(struct engine *e, struct err *err)
{
	const struct options *o = e->opts->options;

	e->hostkeys = hostkeys_new(o->sessions_dir);
	if (o->pve_hostkey[0] &&
	    hostkeys_pin(e->hostkeys, "pve", o->pve_hostkey, err) < 0)
		return err_wrap(err, "pve_hostkey");
	if (o->devvm_hostkey[0] &&
	    hostkeys_pin(e->hostkeys, "devvm", o->devvm_hostkey, err) < 0)
		return err_wrap(err, "devvm_hostkey");
	return 0;
}

/* --- events of the parts --- */

static void
on_release(struct line *line, void *arg)
{
	struct engine *e = arg;

	if (e->hub)
		hub_tell(e->hub, line);
	mirror_record(e->mirror, line);
	notify_see(e->hook, line);
}

/* What an operator took away from the agent he gives back, not our restart. */
static void
found_autonomy(struct engine *e, const struct js *record)
{
	const char *level = js_str(record, "level"), *by = js_str(record, "by");

	if (!level || !by || strcmp(by, "engine") == 0 || !js_is(record, "t", "state") ||
	    !js_is(record, "what", "autonomy"))
		return;
	e->found_level = autonomy_by_name(level);
	snprintf(e->found_by, sizeof e->found_by, "%s", by);
}

/* It was set before there was an incident: its journal is to know it all the same. */
static void
keep_autonomy(struct engine *e)
{
	if (e->found_level >= 0 &&
	    e->found_level != autonomy_by_name(e->opts->options->autonomy))
		broker_set_autonomy(
		    e->broker, (enum autonomy)e->found_level, e->found_by);
}

static void
set_first_autonomy(struct engine *e)
{
	int level = autonomy_by_name(e->opts->options->autonomy);
	struct js *f;
	char *text;

	if (level < 0)
		level = AUTONOMY_OBSERVE;
	if (e->found_level < 0 || e->found_level >= level) {
		broker_set_autonomy(e->broker, (enum autonomy)level, "engine");
		return;
	}
	broker_set_autonomy(e->broker, (enum autonomy)e->found_level, e->found_by);
	text = mem_printf(
	    "the autonomy stays %s, as it was when the engine ended; the setting says %s",
	    autonomy_name((enum autonomy)e->found_level),
	    autonomy_name((enum autonomy)level));
	f = incident_fact(FACT_ERROR, "engine");
	js_set_str(f, "where", "autonomy");
	js_set_str(f, "text", text);
	js_set_str(f, "todo", "/autonomy raises it");
	incident_emit(e->incident, FACT_ERROR, f);
	free(text);
}

static void
on_found(const struct js *record, void *arg)
{
	struct engine *e = arg;

	runs_found(e->runs, record);
	power_found(e->power, record);
	unfinished_found(e->unfinished, record);
	turn_found(e->turn, record);
	recap_see(e->recap, record);
	asks_found(e->asks, record);
	broker_found(e->broker, record);
	cut_found(e->cut, record);
	found_autonomy(e, record);
	engine_found_kill(e, record);
	if (js_is(record, "t", "session") && js_is(record, "driver", "cli") &&
	    js_str(record, "session"))
		snprintf(e->session, sizeof e->session, "%s", js_str(record, "session"));
}

static void
on_key(const struct secret *key, void *arg)
{
	broker_set_key(((struct engine *)arg)->broker, key);
}

static void
on_key_looked(void *arg)
{
	broker_key_is_known(((struct engine *)arg)->broker);
}

static const struct custody_events custody_events = {on_key, on_key_looked};

static void
on_incident_ready(void *arg)
{
	struct engine *e = arg;
	struct err err;

	set_first_autonomy(e);
	engine_keep_kill(e);
	cut_found_end(e->cut);
	unfinished_found_end(e->unfinished);
	asks_found_end(e->asks);
	broker_found_end(e->broker);
	custody_start(e->custody, e->incident, &custody_events, e);
	broker_connect(e->broker);
	watch_start(e->watch);
	if (!e->opts->one_shot)
		usual_look(e->usual);
	engine_start_runbooks(e);
	engine_start_agent(e);
	if (life_listen(e, &err) < 0) {
		not_ready(e, &err);
		engine_leave(e, err.words);
		return;
	}
	ready(e, "+");
}

static void
on_verbs_hour(int verbs, int max, void *arg)
{
	struct engine *e = arg;

	if (e->turn)
		turn_verbs_hour(e->turn, verbs, max);
}

static void
on_link(enum door door, void *arg)
{
	struct engine *e = arg;

	if (!e->watch)
		return;
	watch_link(e->watch, door);
	if (door == DOOR_PVE &&
	    remote_state(broker_remote(e->broker, DOOR_PVE)) == REMOTE_DOWN)
		unfinished_silent(e->unfinished);
}

static void
on_power_line(const struct power_what *what, const char *line, size_t len, void *arg)
{
	watch_line(((struct engine *)arg)->watch, what, line, len);
}

static void
on_power_before(const struct power_what *what, void *arg)
{
	struct engine *e = arg;

	if (verb_rows[what->verb].mutating)
		usual_of(e->usual, what->verb);
	watch_before(e->watch, what);
}

static void
on_power_after(const struct power_what *what, enum power_end how, int exit, void *arg)
{
	struct engine *e = arg;

	watch_after(e->watch, what, how, exit);
	unfinished_after(e->unfinished, what, how, exit);
	life_verb_over(e);
}

/* The agent hears of what others do; whoever takes its place, of what was said. */
static void
on_fact(struct js *fact, void *arg)
{
	struct engine *e = arg;
	char text[NOTICE_MAX];

	if (e->usual)
		usual_see(e->usual, fact);
	recap_see(e->recap, fact);
	context_see(e->context, fact);
	people_see(e->people, fact);
	life_see(e, fact);
	gate_see(e->gate, fact);
	found_autonomy(e, fact);
	engine_found_kill(e, fact);
	if (js_is(fact, "t", "incident") && js_is(fact, "state", "opened")) {
		keep_autonomy(e);
		engine_keep_kill(e);
	}
	if (!e->turn || e->leaving ||
	    !notices_see(&e->notices, fact, turn_is_busy(e->turn), text))
		return;
	recap_notice(e->recap, text);
	turn_notice(e->turn, text);
}

static const struct incident_events incident_events = {
    on_release, on_found, on_incident_ready, on_fact};
static const struct power_events power_events = {
    on_power_line, on_power_before, on_power_after};

/* --- building --- */

static void
on_spare_thread(void *arg)
{
	uv_sem_wait(arg);
}

/*
 * libuv aborts where it cannot make the threads of its pool.  As many as can be
 * made are enough; with none, that is the reason not to start.
 */
static int
look_at_threads(struct err *err)
{
	uv_thread_t threads[ENGINE_THREADS];
	uv_sem_t go;
	char size[8];
	int n = 0;

	if (getenv("UV_THREADPOOL_SIZE"))
		return 0;
	if (uv_sem_init(&go, 0) < 0)
		abort();
	while (n < ENGINE_THREADS &&
	    uv_thread_create(&threads[n], on_spare_thread, &go) == 0)
		n++;
	for (int i = 0; i < n; i++)
		uv_sem_post(&go);
	for (int i = 0; i < n; i++)
		uv_thread_join(&threads[i]);
	uv_sem_destroy(&go);
	if (n == 0)
		return err_set(err, ERR_SYSTEM,
		    "no thread can be made: this uid has too many processes (ulimit -u); end some");
	snprintf(size, sizeof size, "%d", n);
	setenv("UV_THREADPOOL_SIZE", size, 1);
	return 0;
}

static int
engine_build(struct engine *e, struct err *err)
{
	const struct options *o = e->opts->options;
	uv_loop_t *loop = &e->loop;

	if (place_take(&e->place, o->operators_group, err) < 0 ||
	    look_at_threads(err) < 0)
		return -1;
	load_secrets(e);
	engine_read_agent(e);
	e->redact = redact_new(o->redact, err);
	if (!e->redact || load_hostkeys(e, err) < 0)
		return -1;
	e->incident = incident_new(loop, o->sessions_dir, &incident_events, e);
	e->mirror =
	    mirror_new(loop, o->syslog, !e->opts->background && !e->opts->one_shot);
	e->hook = notify_new(loop, e->incident, o->libexec_dir, o->notify_command);
	e->context = context_new(e->incident);
	e->recap = recap_new();
	e->cut = cut_new(e->incident);
	e->runs = runs_new(loop, e->incident);
	runs_redact(e->runs, e->redact);
	e->asks = asks_new(loop, e->incident, o->ask_seconds * 1000);
	e->broker = broker_new(&(struct broker_config){.loop = loop,
	    .incident = e->incident,
	    .runs = e->runs,
	    .options = o,
	    .key = custody_key(e->custody),
	    .key_why = custody_why(e->custody),
	    .custody = e->custody,
	    .agent = custody_agent(e->custody),
	    .hostkeys = e->hostkeys,
	    .asks = e->asks,
	    .on_verbs_hour = on_verbs_hour,
	    .on_link = on_link,
	    .arg = e});
	e->power = power_new(&(struct power_config){.loop = loop,
	    .incident = e->incident,
	    .broker = e->broker,
	    .options = o,
	    .events = &power_events,
	    .arg = e});
	e->watch = watch_new(loop, e->incident, e->broker);
	e->usual = usual_new(loop, e->incident, o->sessions_dir);
	if (o->interlock_seconds > 0)
		e->interlock = interlock_new(
		    loop, e->incident, e->broker, o->interlock_seconds * 1000);
	engine_watch_ends(e);
	e->turn = turn_new(&(struct turn_config){.loop = loop,
	    .incident = e->incident,
	    .runs = e->runs,
	    .broker = e->broker,
	    .context = e->context,
	    .options = o});
	e->shells = shells_new(e->broker, e->incident);
	e->people = people_new(loop, e->incident);
	e->hub = hub_new(loop, e->incident, &engine_hub_events, e);
	engine_start_gate(e);
	hub_set_version(e->hub, e->opts->version);
	hub_set_foreground(e->hub, !e->opts->background && !e->opts->one_shot);
	if (e->opts->silence_ms > 0)
		hub_set_silence(e->hub, e->opts->silence_ms);
	life_start(e);
	return 0;
}

/*
 * false: a thread of ours hangs in a disk.  It may look at what we have for as
 * long as we live, and exit() would wait for it: nothing is freed, only _exit
 * is left.
 */
static bool
engine_end(struct engine *e)
{
	bool settled;

	e->leaving = true;
	later_stop();
	place_close(&e->place);
	if (e->power)
		power_leave(e->power);
	engine_end_agent(e);
	interlock_free(e->interlock);
	usual_free(e->usual);
	e->usual = NULL;
	watch_free(e->watch);
	power_free(e->power);
	unfinished_free(e->unfinished);
	shells_free(e->shells);
	custody_stop(e->custody);
	broker_free(e->broker);
	asks_free(e->asks);
	runs_free(e->runs);
	redact_free(e->redact);
	hub_free(e->hub);
	gate_free(e->gate);
	e->gate = NULL;
	people_free(e->people);
	e->people = NULL;
	e->hub = NULL;
	notify_free(e->hook);
	e->hook = NULL;
	incident_free(e->incident, life_left_ms(e, ENGINE_END_MS));
	mirror_free(e->mirror);
	life_end(e);
	settled = life_settle(e);
	if (settled) {
		hostkeys_free(e->hostkeys);
		custody_free(e->custody);
	}
	secret_free(e->api_key);
	secret_free(e->oauth);
	place_fini(&e->place);
	if (!settled)
		return false;
	cut_free(e->cut);
	context_free(e->context);
	recap_free(e->recap);
	free(e);
	return true;
}

int
engine_main(const struct engine_opts *opts)
{
	struct engine *e = mem_alloc(sizeof *e);
	struct err err;
	int rc;

	e->opts = opts;
	e->notify_fd = e->found_level = -1;
	place_init(&e->place, options_run_dir(opts->options));
	uv_loop_init(&e->loop);
	if (engine_build(e, &err) < 0) {
		not_ready(e, &err);
	} else {
		incident_start(e->incident);
		do {
			uv_run(&e->loop, UV_RUN_DEFAULT);
		} while (life_goes_on(e));
	}
	rc = e->exit;
	if (!engine_end(e))
		_exit(rc);
	return rc;
}
