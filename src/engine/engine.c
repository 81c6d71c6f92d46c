/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/engine_int.h"
#include "engine/later.h"

#define ENGINE_IDLE_LEAVE_MS ((int64_t)12 * 3600 * 1000)
#define ENGINE_LOOK_MS (10 * 60 * 1000) /* how often the two above are looked at */
#define ENGINE_LOCK_WAIT_MS 6000	/* for an engine that leaves */
#define ENGINE_LOCK_LOOK_MS 20
#define ENGINE_THREADS 4	    /* for disks; one hung thread leaves others */
#define ENGINE_LAST_WAIT_MS 2000    /* for the journal's disk, when leaving */
#define ENGINE_SETTLE_MS 1000	    /* for what else is under way then */
#define ENGINE_HOLD_MS 2000	    /* for a verb at a host program that dies with us */
#define ENGINE_ALONE_MS (30 * 1000) /* a one-shot whose starter never came leaves */

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

/* Without a socket it is coming up or leaving: either is over soon. */
static bool
other_engine_listens(const struct engine *e)
{
	char *path = mem_printf("%s/console.sock", e->run_dir);
	struct err err;
	int fd = fd_connect(path, &err);

	free(path);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static int
wait_for_lock(struct engine *e, struct err *err)
{
	int64_t until = clock_mono_ms() + ENGINE_LOCK_WAIT_MS;
	char pid[32] = "";

	while (flock(e->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (clock_mono_ms() > until || other_engine_listens(e)) {
			if (pread(e->lock_fd, pid, sizeof pid - 1, 0) < 0)
				pid[0] = '\0';
			pid[strcspn(pid, "\n")] = '\0';
			return err_set(err, ERR_BUSY,
			    "an engine runs already in %s (pid %.10s): breakglass "
			    "attaches to it",
			    e->run_dir, pid);
		}
		poll(NULL, 0, ENGINE_LOCK_LOOK_MS);
	}
	return 0;
}

/* Before there is a loop: a command right behind another waits for its engine to leave.
 */
static int
take_lock(struct engine *e, struct err *err)
{
	char *path = mem_printf("%s/engine.lock", e->run_dir);
	char pid[32];
	int rc = 0;

	e->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (e->lock_fd < 0) {
		rc = err_sys(err, errno, "open %s", path);
	} else if ((rc = wait_for_lock(e, err)) == 0) {
		snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
		if (ftruncate(e->lock_fd, 0) < 0 ||
		    pwrite(e->lock_fd, pid, strlen(pid), 0) < 0)
			rc = err_sys(err, errno, "write %s", path);
	}
	free(path);
	return rc;
}

/* We hold the lock, so a socket that lies there is a dead engine's. */
static int
listen_for_operators(struct engine *e, struct err *err)
{
	int fd;

	e->socket = mem_printf("%s/console.sock", e->run_dir);
	if (unlink(e->socket) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove %s", e->socket);
	fd = fd_listen(e->socket, err);
	return fd < 0 ? -1 : hub_listen(e->hub, fd, err);
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

	if (secret_harden_process(&err) < 0) {
		snprintf(e->key_why, sizeof e->key_why, "the key is not read: %.400s",
		    err.words);
		return;
	}
	e->key = secret_load_key(o->key_path, &err);
	if (!e->key)
		snprintf(e->key_why, sizeof e->key_why, "%s", err.words);
	if (key_file[0]) {
		e->api_key = secret_load_token(key_file, &err);
		if (!e->api_key)
			LOG("engine", "api key: %s", err.words);
	}
	if (o->oauth_token_file[0]) {
		e->oauth = secret_load_token(o->oauth_token_file, &err);
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
	if (js_is(record, "t", "session") && js_is(record, "driver", "cli") &&
	    js_str(record, "session"))
		snprintf(e->session, sizeof e->session, "%s", js_str(record, "session"));
}

static void
on_incident_ready(void *arg)
{
	struct engine *e = arg;
	int level = autonomy_by_name(e->opts->options->autonomy);
	struct err err;

	broker_set_autonomy(
	    e->broker, level < 0 ? AUTONOMY_OBSERVE : (enum autonomy)level, "engine");
	unfinished_found_end(e->unfinished);
	asks_found_end(e->asks);
	broker_found_end(e->broker);
	broker_connect(e->broker);
	watch_start(e->watch);
	engine_start_runbooks(e);
	engine_start_agent(e);
	if (listen_for_operators(e, &err) < 0) {
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
	watch_before(((struct engine *)arg)->watch, what);
}

static void
on_power_after(const struct power_what *what, enum power_end how, int exit, void *arg)
{
	struct engine *e = arg;

	watch_after(e->watch, what, how, exit);
	unfinished_after(e->unfinished, what, how, exit);
	if (e->leaving_soon)
		engine_leave(e, e->leaving_soon);
}

/* The agent hears of what others do; whoever takes its place, of what was said. */
static void
on_fact(struct js *fact, void *arg)
{
	struct engine *e = arg;
	char text[NOTICE_MAX];

	recap_see(e->recap, fact);
	context_see(e->context, fact);
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

/* --- leaving --- */

static bool
is_idle(const struct engine *e)
{
	return hub_peers(e->hub) == 0 && !power_is_busy(e->power) &&
	    !turn_is_busy(e->turn) && !unfinished_is_open(e->unfinished);
}

static int64_t
alone_ms(const struct engine *e)
{
	return e->opts->alone_ms > 0 ? e->opts->alone_ms : ENGINE_ALONE_MS;
}

static void
on_idle(uv_timer_t *t)
{
	struct engine *e = t->data;
	int64_t idle_ms;

	if (!is_idle(e)) {
		e->idle_since_ms = clock_mono_ms();
		return;
	}
	idle_ms = clock_mono_ms() - e->idle_since_ms;
	if (e->opts->one_shot && (e->had_peer || idle_ms >= alone_ms(e)))
		engine_leave(e, "the command has its answer");
	else if (e->opts->background && idle_ms > ENGINE_IDLE_LEAVE_MS)
		engine_leave(e, "12 hours without a console and work");
	else if (idle_ms > INCIDENT_QUIET_MS)
		incident_close(e->incident, "engine", INCIDENT_QUIET_WHY);
}

static void
on_held_enough(uv_timer_t *t)
{
	struct engine *e = t->data;

	engine_leave(e, e->leaving_soon);
}

/*
 * The next signal does not wait.  An old host program dies with its reader: its
 * last words are given a moment to come, and that is all that can be done for it.
 */
static void
on_signal(uv_signal_t *s, int signum)
{
	struct engine *e = s->data;
	const char *why = signum == SIGTERM ? "terminated" : "interrupted";

	if (e->leaving_soon || !power_is_read_by_old(e->power)) {
		engine_leave(e, why);
		return;
	}
	e->leaving_soon = why;
	uv_timer_start(&e->hold, on_held_enough, ENGINE_HOLD_MS, 0);
}

static void
on_ignored(uv_signal_t *s, int signum)
{
}

void
engine_leave(struct engine *e, const char *why)
{
	LOG("engine", "leaving: %s", why);
	e->leaving = true;
	uv_stop(&e->loop);
}

static void
watch_signals(struct engine *e)
{
	static const struct {
		int signum;
		uv_signal_cb cb;
	} table[] = {{SIGTERM, on_signal}, {SIGINT, on_signal}, {SIGHUP, on_ignored}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		uv_signal_init(&e->loop, &e->signals[i]);
		e->signals[i].data = e;
		uv_signal_start(&e->signals[i], table[i].cb, table[i].signum);
	}
	signal(SIGPIPE, SIG_IGN);
}

/* --- life --- */

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
	uint64_t look_ms;
	const struct options *o = e->opts->options;
	uv_loop_t *loop = &e->loop;

	e->run_dir = options_run_dir(o);
	if (fd_own_dir(e->run_dir, err) < 0 || take_lock(e, err) < 0 ||
	    look_at_threads(err) < 0)
		return -1;
	load_secrets(e);
	if (load_hostkeys(e, err) < 0)
		return -1;
	e->incident = incident_new(loop, o->sessions_dir, &incident_events, e);
	e->context = context_new(e->incident);
	e->recap = recap_new();
	e->runs = runs_new(e->incident);
	e->asks = asks_new(loop, e->incident, o->ask_seconds * 1000);
	e->broker = broker_new(&(struct broker_config){.loop = loop,
	    .incident = e->incident,
	    .runs = e->runs,
	    .options = o,
	    .key = e->key,
	    .key_why = e->key_why,
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
	engine_watch_ends(e);
	e->turn = turn_new(&(struct turn_config){.loop = loop,
	    .incident = e->incident,
	    .runs = e->runs,
	    .broker = e->broker,
	    .context = e->context,
	    .options = o});
	e->shells = shells_new(e->broker);
	e->hub = hub_new(loop, e->incident, &engine_hub_events, e);
	hub_set_version(e->hub, e->opts->version);
	if (e->opts->silence_ms > 0)
		hub_set_silence(e->hub, e->opts->silence_ms);
	watch_signals(e);
	uv_timer_init(loop, &e->idle);
	uv_timer_init(loop, &e->hold);
	e->idle.data = e->hold.data = e;
	e->idle_since_ms = clock_mono_ms();
	/* a timer may come a moment early: a one-shot that misses its time looks again */
	look_ms = e->opts->one_shot ? (uint64_t)alone_ms(e) : ENGINE_LOOK_MS;
	uv_timer_start(&e->idle, on_idle, look_ms, look_ms);
	return 0;
}

static void
on_walk(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle) && uv_has_ref(handle))
		LOG("engine", "a %s handle was still open",
		    uv_handle_type_name(handle->type));
}

static void
on_settle_limit(uv_timer_t *t)
{
	uv_stop(t->loop);
}

/* Runs what is under way to its end; false: something hangs (a disk, a thread). */
static bool
engine_settle(struct engine *e)
{
	uv_timer_t *limit = &e->settle;
	bool settled;

	uv_timer_init(&e->loop, limit);
	uv_timer_start(limit, on_settle_limit, ENGINE_SETTLE_MS, 0);
	uv_unref((uv_handle_t *)limit);
	uv_run(&e->loop, UV_RUN_DEFAULT);
	settled = uv_loop_alive(&e->loop) == 0;
	uv_walk(&e->loop, on_walk, NULL);
	uv_close((uv_handle_t *)limit, NULL);
	uv_run(&e->loop, UV_RUN_NOWAIT);
	return settled && uv_loop_close(&e->loop) == 0;
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
	if (e->socket)
		unlink(e->socket);
	if (e->power)
		power_leave(e->power);
	engine_end_agent(e);
	watch_free(e->watch);
	power_free(e->power);
	unfinished_free(e->unfinished);
	shells_free(e->shells);
	broker_free(e->broker);
	asks_free(e->asks);
	runs_free(e->runs);
	hub_free(e->hub);
	e->hub = NULL;
	incident_free(e->incident, ENGINE_LAST_WAIT_MS);
	if (e->idle.data) {
		uv_close((uv_handle_t *)&e->idle, NULL);
		uv_close((uv_handle_t *)&e->hold, NULL);
		for (size_t i = 0; i < ARRAY_LEN(e->signals); i++)
			uv_close((uv_handle_t *)&e->signals[i], NULL);
	}
	settled = engine_settle(e);
	if (settled)
		hostkeys_free(e->hostkeys);
	secret_free(e->key);
	secret_free(e->api_key);
	secret_free(e->oauth);
	if (e->lock_fd >= 0)
		close(e->lock_fd);
	if (!settled)
		return false;
	context_free(e->context);
	recap_free(e->recap);
	free(e->socket);
	free(e->run_dir);
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
	e->lock_fd = -1;
	uv_loop_init(&e->loop);
	if (engine_build(e, &err) < 0) {
		not_ready(e, &err);
	} else {
		incident_start(e->incident);
		uv_run(&e->loop, UV_RUN_DEFAULT);
	}
	rc = e->exit;
	if (!engine_end(e))
		_exit(rc);
	return rc;
}
