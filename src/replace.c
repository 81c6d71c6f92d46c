/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/pidfd.h"
#include "base/pidstat.h"
#include "command.h"
#include "start.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/messages.h"

#define REPLACE_ASK_MS 3000    /* for the engine to say what it has in hand */
#define REPLACE_LEAVE_MS 10000 /* for it to leave */
#define REPLACE_SAY_MS 1000    /* then we say what we wait for */
#define REPLACE_LOOK_MS 20
#define REPLACE_IN_HAND_MAX 400 /* bytes of words */

/* The engine that runs. */
struct running {
	pid_t pid;
	int pidfd;
	bool listens;
	bool background, one_shot, supervised;
	int verbose;
};

/* What it says about itself. */
struct asked {
	struct frame frame;
	int64_t v; /* the version that it speaks, when it does not speak ours; else 0 */
	bool caught_up; /* all of the present has been told */
	bool over;
	char slot[120], turn[120], shells[120], memory[120];
	char refusal[200];
};

/* --- who runs --- */

static size_t
read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, size - 1);
	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static long
parent_of(pid_t pid)
{
	struct pidstat s;

	return pidstat_of(pid, &s) ? s.parent : 0;
}

/* By a process that will start it again: PID 1, or the service manager of a user. */
static bool
is_supervised(pid_t pid)
{
	long parent = parent_of(pid);
	char comm[32];

	if (pid == 1 || parent == 1)
		return true;
	read_proc((pid_t)parent, "comm", comm, sizeof comm);
	return strcmp(comm, "systemd\n") == 0;
}

/* How it was started: its command line says it. */
static void
look_at_it(struct running *r)
{
	char line[1024];
	size_t len = read_proc(r->pid, "cmdline", line, sizeof line);

	for (const char *p = line; p < line + len; p += strlen(p) + 1) {
		r->background |= strcmp(p, "--background") == 0;
		r->one_shot |= strcmp(p, "--one-shot") == 0;
		r->verbose = strcmp(p, "-v") == 0 ? 1
		    : strcmp(p, "-vv") == 0	  ? 2
						  : r->verbose;
	}
	r->supervised = !r->background && !r->one_shot && is_supervised(r->pid);
}

/* The pid may be another process's by now: the descriptor is what we signal. */
static int
hold_it(struct running *r, struct err *err)
{
	char comm[32];

	if (r->pid <= 0)
		return err_set(err, ERR_BUSY,
		    "the engine runs in another container: restart it there");
	r->pidfd = pidfd_of(r->pid);
	if (r->pidfd < 0)
		return err_sys(err, errno, "find process %ld", (long)r->pid);
	read_proc(r->pid, "comm", comm, sizeof comm);
	comm[strcspn(comm, "\n")] = '\0';
	if (strcmp(comm, "engine") != 0)
		return err_set(err, ERR_DENIED,
		    "process %ld listens as the engine, but is \"%s\": look at it yourself",
		    (long)r->pid, comm);
	look_at_it(r);
	return 0;
}

static int
lock_open(const struct options *o)
{
	char *dir = options_run_dir(o), *path = mem_printf("%s/engine.lock", dir);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	free(path);
	free(dir);
	return fd;
}

/* Whether nobody holds the lock; *holder: who says so in it. */
static bool
lock_is_free(const struct options *o, pid_t *holder)
{
	int fd = lock_open(o);
	char pid[32] = "";
	bool free = fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0;

	if (!free && holder && pread(fd, pid, sizeof pid - 1, 0) > 0)
		*holder = (pid_t)strtol(pid, NULL, 10);
	if (fd >= 0)
		close(fd);
	return free;
}

/* 1: one runs; 0: none; -1: err. */
static int
find_engine(const struct options *o, struct running *r, int *sock, struct err *err)
{
	uid_t uid = 0;

	*sock = start_connect(o, START_NEVER, 0, err);
	if (*sock >= 0) {
		r->listens = true;
		if (fd_peer(*sock, &uid, &r->pid) < 0)
			return err_sys(err, errno, "ask who listens");
		if (uid != geteuid())
			return err_set(err, ERR_DENIED,
			    "the engine belongs to uid %ld: replace it as that one",
			    (long)uid);
	} else if (err->code == ERR_DENIED) {
		return -1;
	} else if (lock_is_free(o, &r->pid)) {
		return 0;
	}
	return hold_it(r, err) < 0 ? -1 : 1;
}

/* --- what it has in hand --- */

static void
see_slot(struct asked *a, const struct js *m)
{
	const char *holder = js_str(m, "holder"), *verb = js_str(m, "verb");

	a->slot[0] = '\0';
	if (holder)
		snprintf(a->slot, sizeof a->slot, "%.40s's %.20s", holder,
		    verb ? verb : "verb");
}

static void
see_agent(struct asked *a, const struct js *m)
{
	int64_t turn = js_int(m, "turn", 0), queued = js_int(m, "queued", 0);

	a->turn[0] = '\0';
	if (turn > 0)
		snprintf(
		    a->turn, sizeof a->turn, "the agent's turn %lld", (long long)turn);
	else if (queued > 0)
		snprintf(
		    a->turn, sizeof a->turn, "%lld prompts that wait", (long long)queued);
}

static void
see_shells(struct asked *a, const struct js *m)
{
	const char *who = js_str(m, "who");

	a->shells[0] = '\0';
	if (js_int(m, "open", 0) > 0)
		snprintf(a->shells, sizeof a->shells, "a shell on the devvm (%.60s)",
		    who ? who : "");
}

static void
see_journal(struct asked *a, const struct js *m)
{
	a->memory[0] = '\0';
	if (js_is(m, "state", "memory"))
		snprintf(a->memory, sizeof a->memory,
		    "records that no disk has taken, and that would be lost");
}

static void
see_error(struct asked *a, const struct js *m)
{
	const char *text = js_str(m, "text");

	if (!js_is(m, "where", "hello") && !js_is(m, "where", "busy") &&
	    !js_is(m, "where", "access"))
		return;
	a->v = js_int(m, "v", 0);
	snprintf(a->refusal, sizeof a->refusal, "%s", text ? text : "it says no");
	a->over = true;
}

static bool
on_line(char *line, size_t len, void *arg)
{
	struct asked *a = arg;
	struct err err;
	struct js *m = js_parse(line, len, &err);

	if (!m)
		return true;
	if (js_is(m, "t", "error"))
		see_error(a, m);
	else if (js_is(m, "t", "caught_up"))
		a->caught_up = a->over = true;
	else if (js_is(m, "what", "slot"))
		see_slot(a, m);
	else if (js_is(m, "what", "agent"))
		see_agent(a, m);
	else if (js_is(m, "what", "shells"))
		see_shells(a, m);
	else if (js_is(m, "what", "journal"))
		see_journal(a, m);
	js_free(m);
	return !a->over;
}

static void
say_hello(int fd, int64_t v)
{
	struct js *m = message_new(request_names[REQUEST_HELLO]);
	struct buf out;

	js_set_int(m, "v", v);
	js_set_str(m, "name", "replace");
	js_set_str(m, "role", "command");
	js_set_int(m, "tail", 0);
	buf_init(&out, FRAME_LINE_MAX);
	if (js_print(m, &out) == 0 && buf_add(&out, "\n", 1) == 0)
		(void)!send(fd, out.data, out.len, MSG_NOSIGNAL);
	buf_fini(&out);
	js_free(m);
}

/* Takes fd.  Asks in a version; what was said is in a. */
static void
ask_in(int fd, int64_t v, struct asked *a)
{
	int64_t until = clock_mono_ms() + REPLACE_ASK_MS, left;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char data[16384];
	ssize_t n = 1;

	a->over = false;
	frame_init(&a->frame, 1024 * 1024);
	say_hello(fd, v);
	while (!a->over && n > 0 && (left = until - clock_mono_ms()) > 0) {
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, data, sizeof data);
		if (n > 0)
			frame_feed(&a->frame, data, (size_t)n, on_line, a);
	}
	frame_fini(&a->frame);
	close(fd);
}

/* Takes fd. */
static void
ask(const struct options *o, int fd, struct asked *a)
{
	struct err err;
	int64_t v;

	ask_in(fd, WIRE_VERSION, a);
	v = a->v;
	if (a->caught_up || v <= 0 || v == WIRE_VERSION)
		return;
	a->refusal[0] = '\0';
	fd = start_connect(o, START_NEVER, 0, &err);
	if (fd >= 0)
		ask_in(fd, v, a); /* the words that we look for are in every version */
}

/* Why it should not be ended now; false: nothing is in hand. */
static bool
is_in_hand(const struct asked *a, char words[REPLACE_IN_HAND_MAX])
{
	const char *const all[] = {a->slot, a->turn, a->shells, a->memory};
	size_t n = 0;

	words[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i][0])
			n += (size_t)snprintf(words + n, REPLACE_IN_HAND_MAX - n, "%s%s",
			    n ? ", " : "", all[i]);
	if (n > 0)
		return true;
	if (a->caught_up)
		return false;
	snprintf(words, REPLACE_IN_HAND_MAX, "it does not say what (%s)",
	    a->refusal[0] ? a->refusal : "it did not answer in 3 s");
	return true;
}

/* --- the old one leaves, a new one comes --- */

static int
wait_until_it_left(const struct options *o, const struct running *r, struct err *err)
{
	int64_t began = clock_mono_ms(), waited = 0;
	bool said = false;

	while (!lock_is_free(o, NULL)) {
		waited = clock_mono_ms() - began;
		if (waited > REPLACE_LEAVE_MS)
			return err_set(err, ERR_BUSY,
			    "engine %ld has not left in 10 s: it hangs; kill -9 %ld ends it, "
			    "then: breakglass engine --ensure",
			    (long)r->pid, (long)r->pid);
		if (waited > REPLACE_SAY_MS && !said) {
			fprintf(stderr,
			    "waiting for engine %ld to leave: it syncs its journal\n",
			    (long)r->pid);
			said = true;
		}
		poll(NULL, 0, REPLACE_LOOK_MS);
	}
	return 0;
}

static int
say_new(int fd, const struct running *old)
{
	uid_t uid;
	pid_t pid = 0;

	fd_peer(fd, &uid, &pid);
	close(fd);
	if (old->pid)
		printf("engine %ld has left, engine %ld has its place\n", (long)old->pid,
		    (long)pid);
	else
		printf("no engine ran; engine %ld does now\n", (long)pid);
	return COMMAND_OK;
}

static int
start_new(const struct replace_opts *r, const struct running *old, struct err *err)
{
	int fd = start_connect(
	    r->options, START_BACKGROUND, r->verbose ? r->verbose : old->verbose, err);

	return fd < 0 ? -1 : say_new(fd, old);
}

/* Its supervisor does not know our options, and we not its: it starts the new one. */
static int
await_supervisor(const struct replace_opts *r, const struct running *old, struct err *err)
{
	int64_t until = clock_mono_ms() + REPLACE_LEAVE_MS;

	do {
		int fd = start_connect(r->options, START_NEVER, 0, err);

		if (fd >= 0)
			return say_new(fd, old);
		poll(NULL, 0, REPLACE_LOOK_MS);
	} while (clock_mono_ms() < until);
	return err_set(err, ERR_UNREACHABLE,
	    "engine %ld has left, and its supervisor has started no other in 10 s: start it "
	    "there, or here: breakglass engine --ensure",
	    (long)old->pid);
}

static int
refuse(const struct running *run, const char *words, struct err *err)
{
	return err_set(err, ERR_BUSY,
	    "engine %ld has in hand: %s.  Wait for the end, or: breakglass engine --replace "
	    "--now (a verb at the host goes on there, a turn is cut, a shell ends)",
	    (long)run->pid, words);
}

static int
end_it(const struct replace_opts *r, struct running *run, int sock, struct err *err)
{
	struct asked a = {0};
	char words[REPLACE_IN_HAND_MAX];

	if (run->listens)
		ask(r->options, sock, &a);
	if (is_in_hand(&a, words) && !r->now)
		return refuse(run, words, err);
	if (run->supervised && !r->background)
		fprintf(stderr,
		    "engine %ld is a supervisor's (a pod's main process, a service): that one "
		    "starts the next; in a pod this session ends with it\n",
		    (long)run->pid);
	if (pidfd_kill(run->pidfd, SIGTERM) < 0 && errno != ESRCH)
		return err_sys(err, errno, "ask engine %ld to leave", (long)run->pid);
	return wait_until_it_left(r->options, run, err);
}

static int
code_of(const struct err *err)
{
	fprintf(stderr, "breakglass: %s\n", err->words);
	switch (err->code) {
	case ERR_BUSY:
		return COMMAND_BUSY;
	case ERR_DENIED:
		return COMMAND_NO_ACCESS;
	case ERR_UNREACHABLE:
		return COMMAND_UNREACHABLE;
	default:
		return COMMAND_FAILED;
	}
}

int
replace_engine(const struct replace_opts *r, enum replace_next *next)
{
	struct running run = {.pidfd = -1};
	struct err err;
	int sock = -1, rc, found = find_engine(r->options, &run, &sock, &err);

	*next = REPLACE_DONE;
	rc = found > 0 ? end_it(r, &run, sock, &err) : found;
	if (run.pidfd >= 0)
		close(run.pidfd);
	if (rc < 0)
		return code_of(&err);
	if (found && !run.background && !run.one_shot && !run.supervised &&
	    !r->background) {
		fprintf(stderr, "engine %ld has left; this one is in its place\n",
		    (long)run.pid);
		*next = REPLACE_BE_ENGINE;
		return COMMAND_OK;
	}
	rc = run.supervised && !r->background ? await_supervisor(r, &run, &err)
					      : start_new(r, &run, &err);
	return rc < 0 ? code_of(&err) : rc;
}
