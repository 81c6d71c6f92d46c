/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/record/notify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "wire/verbs.h"

#define ARGS_MAX 64

struct event {
	struct event *next;
	const char *name;
	char *incident, *by, *json; /* json: its line end included */
};

/* One run of the command.  It outlives the notify where a handle closes late. */
struct hook {
	struct notify *notify; /* NULL: nobody wants to know how it ends */
	struct event *event;
	uv_process_t proc;
	uv_pipe_t in;
	uv_timer_t limit;
	uv_write_t write;
	int pid; /* 0: never ran, or reaped */
	int open;
	bool late;
};

struct notify {
	uv_loop_t *loop;
	struct incident *incident;
	char *libexec, *command;
	struct hook *hook; /* NULL: none runs */
	struct event *first, **end;
	int waiting;
	bool failed; /* and that has been told */
	char word[NOTIFY_WORD_MAX];
};

static void notify_next(struct notify *n);

static void
event_free(struct event *ev)
{
	free(ev->incident);
	free(ev->by);
	free(ev->json);
	free(ev);
}

const char *
notify_event(const struct js *fact, char word[NOTIFY_WORD_MAX])
{
	size_t len = 0;
	const char *state = js_str(fact, "state"), *verb = js_strn(fact, "verb", &len),
		   *now = js_str(fact, "word");
	int row = verb ? verb_by_name(verb, len) : -1;

	switch (message_fact(fact)) {
	case FACT_OPERATOR:
		/* a one-shot is told of by what it does; a late proof is no news */
		if (js_has(fact, "again") || js_is(fact, "role", "command"))
			return NULL;
		return js_is(fact, "state", "attached") ? "attached"
		    : js_is(fact, "state", "driving")	? "driving"
							: NULL;
	case FACT_VERB:
		if (!state || row < 0 || !verb_rows[row].mutating)
			return NULL;
		return strcmp(state, "confirmed") == 0 ? "confirmed"
		    : strcmp(state, "finished") == 0   ? "finished"
		    : strcmp(state, "unknown") == 0    ? "unknown"
						       : NULL;
	case FACT_VERDICT:
		if (!now || strncmp(now, word, NOTIFY_WORD_MAX - 1) == 0)
			return NULL;
		snprintf(word, NOTIFY_WORD_MAX, "%s", now);
		return "verdict";
	default:
		return NULL;
	}
}

/* Once, until it works again. */
static void
notify_fails(struct notify *n, const char *why)
{
	struct js *f;
	char text[300];

	LOG("notify", "%s", why);
	if (n->failed)
		return;
	n->failed = true;
	snprintf(text, sizeof text, "notify_command: %s; nobody may have been told", why);
	f = incident_fact(FACT_ERROR, "engine");
	js_set_str(f, "where", "notify");
	js_set_str(f, "text", text);
	js_set_str(f, "todo", "run it by hand with a line of breakglass events --json");
	incident_emit(n->incident, FACT_ERROR, f);
}

/* --- one run --- */

static void
on_closed(uv_handle_t *handle)
{
	struct hook *h = handle->data;

	if (--h->open > 0)
		return;
	event_free(h->event);
	free(h);
}

/* The process handle stays until its end, or nobody reaps it. */
static void
hook_close(struct hook *h)
{
	uv_handle_t *all[] = {
	    (uv_handle_t *)&h->in, (uv_handle_t *)&h->limit, (uv_handle_t *)&h->proc};

	h->notify = NULL;
	if (h->pid > 0 && kill(-h->pid, SIGKILL) < 0)
		kill(h->pid, SIGKILL);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if ((i < 2 || h->pid <= 0) && !uv_is_closing(all[i]))
			uv_close(all[i], on_closed);
}

static void
hook_over(struct hook *h, const char *why)
{
	struct notify *n = h->notify;

	hook_close(h);
	if (!n)
		return;
	n->hook = NULL;
	if (why)
		notify_fails(n, why);
	else
		n->failed = false;
	notify_next(n);
}

static void
on_exit_of(uv_process_t *proc, int64_t status, int sig)
{
	struct hook *h = proc->data;
	char why[80];

	/* what it left in its group has no use: the limit is for all of it */
	kill(-h->pid, SIGKILL);
	h->pid = 0;
	if (h->late)
		snprintf(why, sizeof why, "it did not end within %d s and was ended",
		    NOTIFY_MS / 1000);
	else if (sig)
		snprintf(why, sizeof why, "it ended by signal %d", sig);
	else if (status == 126 || status == 127)
		snprintf(why, sizeof why, "it cannot be run: is there such a program?");
	else
		snprintf(why, sizeof why, "it failed (exit %d)", (int)status);
	hook_over(h, h->late || sig || status ? why : NULL);
}

static void
on_limit(uv_timer_t *timer)
{
	struct hook *h = timer->data;

	h->late = true;
	if (h->pid > 0 && kill(-h->pid, SIGKILL) < 0)
		kill(h->pid, SIGKILL);
}

static void
on_told(uv_write_t *req, int status)
{
	struct hook *h = req->data;

	if (!uv_is_closing((uv_handle_t *)&h->in))
		uv_close((uv_handle_t *)&h->in, on_closed);
}

static void
add_env(char **argv, int *n, const char *name, const char *value)
{
	argv[(*n)++] = mem_dup("--env");
	argv[(*n)++] = mem_printf("%s=%s", name, value);
}

static int
hook_argv(const struct notify *n, const struct event *ev, char **argv, char *words)
{
	const char *path = getenv("PATH");
	char *save = NULL;
	int argc = 0;

	argv[argc++] =
	    mem_printf("%s/launcher", *n->libexec ? n->libexec : BG_PKGLIBEXECDIR);
	argv[argc++] = mem_dup("--parent");
	argv[argc++] = mem_printf("%ld", (long)getpid());
	argv[argc++] = mem_dup("--cwd");
	argv[argc++] = mem_dup("/");
	add_env(argv, &argc, "PATH", path && *path ? path : "/usr/bin:/bin");
	add_env(argv, &argc, "BREAKGLASS_EVENT", ev->name);
	add_env(argv, &argc, "BREAKGLASS_INCIDENT", ev->incident);
	add_env(argv, &argc, "BREAKGLASS_BY", ev->by);
	argv[argc++] = mem_dup("--");
	for (char *s = strtok_r(words, " \t", &save); s && argc < ARGS_MAX;
	     s = strtok_r(NULL, " \t", &save))
		argv[argc++] = mem_dup(s);
	argv[argc] = NULL;
	return argc;
}

static int
hook_spawn(struct hook *h)
{
	const struct notify *n = h->notify;
	uv_stdio_container_t io[3] = {{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
					  .data.stream = (uv_stream_t *)&h->in},
	    {.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
	uv_process_options_t o = {.exit_cb = on_exit_of, .stdio = io, .stdio_count = 3};
	char *argv[ARGS_MAX + 1], *words = mem_dup(n->command);
	int argc = hook_argv(n, h->event, argv, words), rc;

	o.file = argv[0];
	o.args = argv;
	rc = uv_spawn(n->loop, &h->proc, &o);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	free(words);
	return rc;
}

static void
hook_start(struct notify *n, struct event *ev)
{
	struct hook *h = n->hook = mem_alloc(sizeof *h);
	uv_buf_t json = uv_buf_init(ev->json, (unsigned)strlen(ev->json));
	char why[120];
	int rc;

	h->notify = n;
	h->event = ev;
	h->open = 3;
	h->proc.data = h->in.data = h->limit.data = h->write.data = h;
	uv_pipe_init(n->loop, &h->in, 0);
	uv_timer_init(n->loop, &h->limit);
	rc = hook_spawn(h);
	if (rc < 0) {
		snprintf(why, sizeof why, "the launcher cannot be started: %s",
		    uv_strerror(rc));
		hook_over(h, why);
		return;
	}
	h->pid = h->proc.pid;
	LOG("notify", "%s: runs as %d", ev->name, h->pid);
	uv_timer_start(&h->limit, on_limit, NOTIFY_MS, 0);
	if (uv_write(&h->write, (uv_stream_t *)&h->in, &json, 1, on_told) < 0)
		uv_close((uv_handle_t *)&h->in, on_closed);
}

/* --- what waits --- */

static void
notify_next(struct notify *n)
{
	struct event *ev = n->first;

	if (n->hook || !ev)
		return;
	n->first = ev->next;
	if (!n->first)
		n->end = &n->first;
	n->waiting--;
	hook_start(n, ev);
}

void
notify_see(struct notify *n, const struct line *line)
{
	struct event *ev;
	const char *name, *by;
	struct js *fact;
	struct err err;

	if (!n ||
	    (line->kind != FACT_OPERATOR && line->kind != FACT_VERB &&
		line->kind != FACT_VERDICT))
		return;
	fact = js_parse(line->data, line->len - 1, &err);
	name = fact ? notify_event(fact, n->word) : NULL;
	if (name && n->waiting == NOTIFY_WAIT) {
		notify_fails(n, "it is too slow: 32 events wait already");
	} else if (name) {
		by = js_str(fact, "by");
		ev = mem_alloc(sizeof *ev);
		ev->name = name;
		ev->incident = mem_dup(incident_id(n->incident));
		ev->by = mem_dup(by ? by : "");
		ev->json = mem_dupn(line->data, line->len);
		*n->end = ev;
		n->end = &ev->next;
		n->waiting++;
		notify_next(n);
	}
	js_free(fact);
}

bool
notify_is_busy(const struct notify *n)
{
	return n && (n->hook || n->first);
}

struct notify *
notify_new(
    uv_loop_t *loop, struct incident *incident, const char *libexec, const char *command)
{
	struct notify *n;

	if (command[strspn(command, " \t")] == '\0')
		return NULL;
	n = mem_alloc(sizeof *n);
	n->loop = loop;
	n->incident = incident;
	n->libexec = mem_dup(libexec);
	n->command = mem_dup(command);
	n->end = &n->first;
	return n;
}

void
notify_free(struct notify *n)
{
	if (!n)
		return;
	if (n->hook)
		hook_close(n->hook);
	while (n->first) {
		struct event *ev = n->first;

		n->first = ev->next;
		event_free(ev);
	}
	free(n->libexec);
	free(n->command);
	free(n);
}
