/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent-rig RUN_DIR LIBEXEC_DIR AGENTS_DIR: the agent's side of an engine,
 * without an engine: the real agent_side, the real CLI or API driver, and a
 * broker that runs "devvm" commands with /bin/sh here.  Tests write one command
 * a line ("prompt TEXT", "context TEXT" for the next prompt, "notice TEXT",
 * "prefer ENDPOINT", "cancel", "start", "quit") and read one event a line.
 *
 * Environment: RIG_KEY, RIG_OAUTH, RIG_URL, RIG_CLAUDE, RIG_SESSION, RIG_GRACE_MS,
 * RIG_QUIET_MS, RIG_SILENT_MS; RIG_NO_DRIVER: only the socket; RIG_BYTES: what a run
 * prints comes byte by byte.
 * RIG_DRIVER=api: the API driver, with the endpoints of BREAKGLASS_CONFIG and
 * RIG_EVENT_MS, RIG_PROBE_MS, RIG_FRESH_MS, RIG_CONNECT_MS,
 * RIG_IDLE_MS, RIG_RETRY_MS, RIG_MAX_TOKENS.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "engine/api/agent_api.h"
#include "engine/cli/agent_cli.h"
#include "engine/remote/broker.h"
#include "engine/agent/tools.h"
#include "wire/frame.h"
#include "wire/verbs.h"

static uv_loop_t loop;
static char *launcher, own_pid[16];
static struct agent *agent;
static int64_t began_ms;
static char *context; /* of the next prompt */
static struct http *http;
static struct endpoints *endpoints;
static struct tools *tools;
static struct options options;

/* One line of an event; what stands in it is escaped as JSON does. */
static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
say(const char *fmt, ...)
{
	char text[65536];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	printf("%lld ", (long long)(clock_mono_ms() - began_ms));
	for (const char *p = text; *p; p++) {
		if (*p == '\n')
			fputs("\\n", stdout);
		else
			putchar(*p);
	}
	putchar('\n');
	fflush(stdout);
}

/* ---- the broker ---- */

struct broker {
	int unused;
};

struct broker_run {
	const struct broker_run_events *ev;
	void *arg;
	uv_process_t proc;
	uv_pipe_t in, out, err;
	uv_timer_t soon;
	char buf[65536];
	char *command;
	bool known, is_verb, gone;
	int ends, open;
	int64_t status;
	int number;
};

static int runs;

static void
run_closed(uv_handle_t *handle)
{
	struct broker_run *run = handle->data;

	if (--run->open > 0)
		return;
	free(run->command);
	free(run);
}

static void
run_close(struct broker_run *run)
{
	uv_close((uv_handle_t *)&run->proc, run_closed);
	uv_close((uv_handle_t *)&run->in, run_closed);
	uv_close((uv_handle_t *)&run->out, run_closed);
	uv_close((uv_handle_t *)&run->err, run_closed);
	uv_close((uv_handle_t *)&run->soon, run_closed);
}

static void
run_ended(struct broker_run *run)
{
	if (++run->ends < 3)
		return;
	say("run-end %d exit %lld", run->number, (long long)run->status);
	if (!run->gone)
		run->ev->end(false, (int)run->status, NULL, run->arg);
	run->gone = true;
	run_close(run);
}

static void
run_exit(uv_process_t *proc, int64_t status, int sig)
{
	struct broker_run *run = proc->data;

	run->status = sig ? 128 + sig : status;
	run_ended(run);
}

static void
run_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	struct broker_run *run = handle->data;

	*buf = uv_buf_init(run->buf, sizeof run->buf);
}

static bool
run_tell(struct broker_run *run, int stream, const char *data, size_t len)
{
	size_t piece = getenv("RIG_BYTES") ? 1 : len;
	bool goes_on = true;

	for (size_t i = 0; i < len; i += piece)
		goes_on = run->ev->output(stream, data + i, piece, run->arg);
	return goes_on;
}

static void
run_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct broker_run *run = stream->data;

	if (n < 0) {
		uv_read_stop(stream);
		run_ended(run);
	} else if (n > 0 && !run->gone &&
	    !run_tell(
		run, stream == (uv_stream_t *)&run->err ? 2 : 1, buf->base, (size_t)n)) {
		say("run-held %d", run->number);
		uv_read_stop((uv_stream_t *)&run->out);
		uv_read_stop((uv_stream_t *)&run->err);
	}
}

static void
run_refuse(uv_timer_t *timer)
{
	struct broker_run *run = timer->data;

	if (!run->gone)
		run->ev->end(true, 64,
		    "pve takes one of: status forensics start stop reset cycle",
		    run->arg);
	run->gone = true;
	uv_close((uv_handle_t *)&run->soon, run_closed);
}

/* No more processes or descriptors, as a busy host has it too. */
static void
run_fail(uv_timer_t *timer)
{
	struct broker_run *run = timer->data;

	if (!run->gone)
		run->ev->end(false, 255, "the host cannot start it", run->arg);
	run->gone = true;
	run_close(run);
}

void
broker_agent_refused(struct broker *b, const char *why, const char *what, size_t len)
{
	say("refused %s", why);
}

struct broker_run *
broker_agent_run(struct broker *b, const struct broker_agent_ask *ask,
    const struct broker_run_events *events, void *arg)
{
	struct broker_run *run = mem_alloc(sizeof *run);
	uv_stdio_container_t stdio[3] = {{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
					     .data.stream = (uv_stream_t *)&run->in},
	    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		.data.stream = (uv_stream_t *)&run->out},
	    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		.data.stream = (uv_stream_t *)&run->err}};
	/* Through the launcher, so that no command of a test outlives a rig that is
	 * killed. */
	char parent[] = "--parent", env[] = "--env", path[] = "PATH=/usr/bin:/bin",
	     end[] = "--", sh[] = "/bin/sh", c[] = "-c",
	     *argv[] = {launcher, parent, own_pid, env, path, end, sh, c, NULL, NULL};
	uv_process_options_t o = {.file = launcher,
	    .args = argv,
	    .stdio = stdio,
	    .stdio_count = 3,
	    .exit_cb = run_exit};
	int rc;

	run->ev = events;
	run->arg = arg;
	run->number = ++runs;
	run->command = mem_dupn(ask->command, ask->len);
	run->proc.data = run->in.data = run->out.data = run->err.data = run->soon.data =
	    run;
	say("run %d %.*s %s", run->number, (int)ask->host_len, ask->host, run->command);
	uv_timer_init(&loop, &run->soon);
	run->is_verb = ask->host_len == 3;
	if (run->is_verb && verb_by_name(ask->command, ask->len) < 0) {
		run->open = 1;
		uv_timer_start(&run->soon, run_refuse, 0, 0);
		return run;
	}
	run->known = true;
	run->open = 5;
	argv[8] = run->is_verb ? mem_printf("echo verb %s", run->command)
			       : mem_dup(run->command);
	uv_pipe_init(&loop, &run->in, 0);
	uv_pipe_init(&loop, &run->out, 0);
	uv_pipe_init(&loop, &run->err, 0);
	rc = uv_spawn(&loop, &run->proc, &o);
	free(argv[8]);
	if (rc < 0) {
		run->known = false;
		uv_timer_start(&run->soon, run_fail, 0, 0);
		return run;
	}
	uv_read_start((uv_stream_t *)&run->out, run_alloc, run_read);
	uv_read_start((uv_stream_t *)&run->err, run_alloc, run_read);
	return run;
}

static void
run_written(uv_write_t *req, int status)
{
	free(req->data);
	free(req);
}

int
broker_run_input(struct broker_run *run, const void *data, size_t len)
{
	uv_write_t *req;
	uv_buf_t piece;

	if (!run->known || uv_is_closing((uv_handle_t *)&run->in))
		return 0;
	if (run->in.write_queue_size > 1024 * 1024)
		return -1;
	req = mem_alloc(sizeof *req);
	req->data = mem_dupn(data, len);
	piece = uv_buf_init(req->data, (unsigned)len);
	if (uv_write(req, (uv_stream_t *)&run->in, &piece, 1, run_written) < 0)
		run_written(req, 0);
	return 0;
}

static void
run_shut(uv_shutdown_t *req, int status)
{
	free(req);
}

void
broker_run_input_end(struct broker_run *run)
{
	uv_shutdown_t *req = mem_alloc(sizeof *req);

	if (!run->known || uv_shutdown(req, (uv_stream_t *)&run->in, run_shut) < 0)
		free(req);
}

void
broker_run_ready(struct broker_run *run)
{
	say("run-ready %d", run->number);
	uv_read_start((uv_stream_t *)&run->out, run_alloc, run_read);
	uv_read_start((uv_stream_t *)&run->err, run_alloc, run_read);
}

void
broker_run_abandon(struct broker_run *run)
{
	say("run-abandoned %d", run->number);
	run->gone = true;
	if (run->known && !run->is_verb) {
		broker_run_ready(run);
		if (kill(-run->proc.pid, SIGKILL) < 0) /* no session of its own yet */
			kill(run->proc.pid, SIGKILL);
	}
}

/* ---- the turn's side ---- */

static void
on_state(enum agent_state state, const char *why, const char *todo, void *arg)
{
	static const char *const names[] = {
	    "unavailable", "starting", "ready", "working", "waiting"};

	say("state %s|%s|%s", names[state], why ? why : "", todo ? todo : "");
}

static void
on_session(const char *session, const char *model, const char *version, void *arg)
{
	say("session %s %s %s", session, model, version);
}

static void
on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	say("delta %d %zu %.*s", block, off, (int)len, text);
}

static void
on_text(int block, const char *text, size_t len, bool thinking, bool cut, void *arg)
{
	say("text %d%s%s %.*s", block, thinking ? " thinking" : "", cut ? " cut" : "",
	    (int)len, text);
}

static void
on_tool(const char *id, const char *name, const char *what, size_t len, void *arg)
{
	say("tool %s %s %.*s", id, name, (int)len, what);
}

static void
on_tool_output(const char *id, int stream, const char *data, size_t len, void *arg)
{
	say("tool-output %s %d %.*s", id, stream, (int)len, data);
}

static void
on_tool_end(const char *id, const struct agent_tool_end *end, void *arg)
{
	say("tool-end %s %s %.*s|%d|%s", id, end->failed ? "failed" : "ok", (int)end->len,
	    end->len ? end->text : "", end->exit, end->why ? end->why : "");
}

static void
on_usage(const struct agent_usage *u, void *arg)
{
	say("usage in=%lld out=%lld calls=%d cost=%.6f", (long long)u->in,
	    (long long)u->out, u->calls, u->cost_usd);
}

static void
on_progress(const char *text, void *arg)
{
	say("progress %s", text ? text : "");
}

static void
on_route(const struct agent_route *r, void *arg)
{
	say("route %s %s %s|%s|%s", r->driver, r->endpoint ? r->endpoint : "-",
	    r->model ? r->model : "-", r->why ? r->why : "", r->back ? r->back : "");
}

static void
on_trouble(const char *text, const char *todo, void *arg)
{
	say("trouble %s|%s", text, todo ? todo : "");
}

static void
on_done(const struct agent_outcome *o, void *arg)
{
	say("done %s %s in=%lld out=%lld cost=%.6f|%s|%s",
	    o->cancelled ? "cancelled"
		: o->ok	 ? "ok"
			 : "failed",
	    o->stop, (long long)o->in_tokens, (long long)o->out_tokens, o->cost_usd,
	    o->why ? o->why : "", o->todo ? o->todo : "");
}

static void
on_waits(const struct agent_wait *w, void *arg)
{
	if (w->again_ms >= 0)
		say("waits %lld ms, %d of %d", (long long)w->again_ms, w->attempt,
		    w->attempts);
	else
		say("waits: quiet for %lld ms", (long long)w->quiet_ms);
}

static const struct agent_events events = {.state = on_state,
    .session = on_session,
    .delta = on_delta,
    .text = on_text,
    .tool = on_tool,
    .tool_output = on_tool_output,
    .tool_end = on_tool_end,
    .usage = on_usage,
    .progress = on_progress,
    .route = on_route,
    .trouble = on_trouble,
    .done = on_done,
    .waits = on_waits};

static bool
on_command(char *line, size_t len, void *arg)
{
	struct err err;

	if (strncmp(line, "prompt ", 7) == 0) {
		if (agent->ops->prompt(agent,
			&(struct agent_prompt){.text = line + 7,
			    .len = len - 7,
			    .by = "ana",
			    .context = context},
			&err) < 0)
			say("refused %s", err.words);
		free(context);
		context = NULL;
	} else if (strcmp(line, "cancel") == 0) {
		say("cancelling");
		agent->ops->cancel(agent);
	} else if (strncmp(line, "notice ", 7) == 0)
		agent->ops->notice(agent, line + 7);
	else if (strncmp(line, "context ", 8) == 0)
		context = mem_dup(line + 8);
	else if (strncmp(line, "prefer ", 7) == 0) {
		if (agent_api_prefer(agent, line[7] ? line + 7 : NULL, &err) < 0)
			say("refused %s", err.words);
	} else if (strcmp(line, "start") == 0)
		agent->ops->start(agent);
	else if (strcmp(line, "quit") == 0)
		uv_stop(&loop);
	return true;
}

static void
on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	static char data[65536];

	*buf = uv_buf_init(data, sizeof data);
}

static void
on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	if (n < 0)
		uv_stop(&loop);
	else
		frame_feed(stream->data, buf->base, (size_t)n, on_command, NULL);
}

static const char *
env_or(const char *name, const char *def)
{
	const char *value = getenv(name);

	return value ? value : def;
}

static int
env_int(const char *name)
{
	return atoi(env_or(name, "0"));
}

static void
rig_fail(const struct err *err)
{
	fprintf(stderr, "agent-rig: %s\n", err->words);
	exit(99);
}

static struct agent *
rig_api(struct agent_side *side, const struct definition *definition)
{
	struct err err;

	if (options_load(&options, &err) < 0)
		rig_fail(&err);
	http = http_new(&loop);
	endpoints = endpoints_new(&loop, &options, http, &err);
	if (!endpoints)
		rig_fail(&err);
	tools = tools_new(side);
	return agent_api_new(&(struct agent_api_config){.loop = &loop,
				 .http = http,
				 .endpoints = endpoints,
				 .tools = tools,
				 .definition = definition,
				 .event_ms = env_int("RIG_EVENT_MS"),
				 .quiet_ms = env_int("RIG_QUIET_MS"),
				 .probe_ms = env_int("RIG_PROBE_MS"),
				 .fresh_ms = env_int("RIG_FRESH_MS"),
				 .connect_ms = env_int("RIG_CONNECT_MS"),
				 .idle_ms = env_int("RIG_IDLE_MS"),
				 .retry_ms = env_int("RIG_RETRY_MS"),
				 .max_tokens = env_int("RIG_MAX_TOKENS")},
	    &events, NULL);
}

static struct agent *
rig_cli(struct agent_side *side, const struct definition *definition)
{
	struct agent_cli_config cfg = {.loop = &loop,
	    .side = side,
	    .definition = definition,
	    .api_url = getenv("RIG_URL"),
	    .api_key = getenv("RIG_KEY"),
	    .oauth_token = getenv("RIG_OAUTH"),
	    .session = getenv("RIG_SESSION"),
	    .quiet_ms = env_int("RIG_QUIET_MS"),
	    .silent_ms = env_int("RIG_SILENT_MS"),
	    .grace_ms = env_int("RIG_GRACE_MS")};

	return agent_cli_new(&cfg, &events, NULL);
}

static struct agent *
rig_agent(struct agent_side *side, const char *agents)
{
	struct definition definition;
	struct err err;
	struct agent *a;

	if (definition_load(&definition, agents, "breakglass", &err) < 0)
		rig_fail(&err);
	a = strcmp(env_or("RIG_DRIVER", "cli"), "api") == 0 ? rig_api(side, &definition)
							    : rig_cli(side, &definition);
	definition_fini(&definition);
	return a;
}

int
main(int argc, char **argv)
{
	static struct broker broker;
	static uv_pipe_t in;
	struct frame lines;
	struct agent_side *side;
	struct err err;

	if (argc != 4)
		return 99;
	began_ms = clock_mono_ms();
	launcher = mem_printf("%s/launcher", argv[2]);
	snprintf(own_pid, sizeof own_pid, "%ld", (long)getpid());
	signal(SIGPIPE, SIG_IGN);
	if (getenv("RIG_LOG"))
		log_open(getenv("RIG_LOG"), 1);
	uv_loop_init(&loop);
	side = agent_side_new(&(struct agent_side_config){.loop = &loop,
				  .run_dir = argv[1],
				  .libexec_dir = argv[2],
				  .claude = env_or("RIG_CLAUDE", ""),
				  .broker = &broker},
	    &err);
	if (!side) {
		fprintf(stderr, "agent-rig: %s\n", err.words);
		return 99;
	}
	if (!getenv("RIG_NO_DRIVER"))
		agent = rig_agent(side, argv[3]);
	frame_init(&lines, 1024 * 1024);
	uv_pipe_init(&loop, &in, 0);
	in.data = &lines;
	uv_pipe_open(&in, 0);
	uv_read_start((uv_stream_t *)&in, on_alloc, on_input);
	say("socket %s", agent_side_socket(side));
	uv_run(&loop, UV_RUN_DEFAULT);
	if (agent)
		agent->ops->free(agent);
	if (tools)
		tools_free(tools);
	agent_side_free(side);
	uv_close((uv_handle_t *)&in, NULL);
	endpoints_free(endpoints);
	if (http) {
		http_free(http);
		options_fini(&options);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	frame_fini(&lines);
	free(launcher);
	log_close();
	return 0;
}
