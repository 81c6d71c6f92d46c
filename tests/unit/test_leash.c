/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands with their leash, run by real shells as sshd would run them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/remote/leash.h"

#define INCIDENT_MAX 48
#define OUTPUT_MAX ((size_t)16 * 1024 * 1024)
#define LIMIT_MS 60000

static const char *const shells[][4] = {
    {"/bin/sh"}, {"/bin/dash"}, {"/bin/bash"}, {"/bin/busybox", "sh"}};

struct result {
	int status; /* of waitpid */
	struct buf out, err;
};

struct child {
	pid_t pid;
	int in, out, err;
};

/* Unique, so that tests in parallel do not see each other's. */
static const char *
incident(void)
{
	static char id[INCIDENT_MAX];

	snprintf(id, sizeof id, "T%ld-%lld", (long)getpid(), (long long)clock_mono_ms());
	return id;
}

static bool
there(size_t shell)
{
	return access(shells[shell][0], X_OK) == 0;
}

static void
child_exec(size_t shell, const char *line, const char *path)
{
	char *argv[6];
	int n = 0;

	argv[n++] = mem_dup(shells[shell][0]);
	if (shells[shell][1])
		argv[n++] = mem_dup(shells[shell][1]);
	argv[n++] = mem_dup("-c");
	argv[n++] = mem_dup(line);
	argv[n] = NULL;
	setsid();
	setenv("PATH", path ? path : "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/nonexistent", 1);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	execv(argv[0], argv);
	_exit(126);
}

/* As sshd starts a command: a session of its own and three pipes. */
static struct child
child_start(size_t shell, const char *line, const char *path)
{
	int in[2], out[2], err[2];
	struct child c;

	cr_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 &&
	    pipe2(err, O_CLOEXEC) == 0);
	c.pid = fork();
	cr_assert(c.pid >= 0);
	if (c.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		child_exec(shell, line, path);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	c.in = in[1];
	c.out = out[0];
	c.err = err[0];
	return c;
}

static void
child_read(struct child *c, struct result *r)
{
	struct pollfd p[2] = {{c->out, POLLIN, 0}, {c->err, POLLIN, 0}};
	struct buf *bufs[2] = {&r->out, &r->err};
	char data[65536];

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		cr_assert(poll(p, 2, LIMIT_MS) > 0, "no output and no end");
		for (int i = 0; i < 2; i++) {
			ssize_t n = p[i].revents ? read(p[i].fd, data, sizeof data) : -1;

			if (n > 0)
				cr_assert(buf_add(bufs[i], data, (size_t)n) == 0);
			else if (p[i].revents)
				p[i].fd = -1;
		}
	}
	close(c->out);
	close(c->err);
}

/* The whole of a command's life; input: written at once, then held until its end. */
static struct result
run(size_t shell, const char *line, const char *input, const char *path)
{
	struct child c = child_start(shell, line, path);
	struct result r;

	buf_init(&r.out, OUTPUT_MAX);
	buf_init(&r.err, OUTPUT_MAX);
	signal(SIGPIPE, SIG_IGN);
	if (input && write(c.in, input, strlen(input)) < 0)
		cr_assert(errno == EPIPE);
	if (!input)
		close(c.in);
	child_read(&c, &r);
	cr_assert(waitpid(c.pid, &r.status, 0) == c.pid);
	if (input)
		close(c.in);
	return r;
}

static char *
wrapped(const char *run_id, bool watched, const char *command)
{
	struct buf b;
	char *s;

	buf_init(&b, LEASH_LINE_MAX);
	leash_wrap(&b, incident(), run_id, watched, command, strlen(command));
	s = mem_dupn(buf_str(&b), b.len);
	buf_fini(&b);
	return s;
}

static void
result_fini(struct result *r)
{
	buf_fini(&r->out);
	buf_fini(&r->err);
}

static void
same(size_t shell, const char *command, const char *path)
{
	char *line = wrapped("r1", true, command);
	struct result a = run(shell, command, NULL, path);
	struct result b = run(shell, line, leash_watchdog(), path);

	cr_expect(a.status == b.status, "%s: %.60s: status %#x, on the leash %#x",
	    shells[shell][0], command, a.status, b.status);
	cr_expect(a.out.len == b.out.len &&
		(a.out.len == 0 || memcmp(a.out.data, b.out.data, a.out.len) == 0),
	    "%s: %.60s: %.80s, on the leash %.80s", shells[shell][0], command,
	    buf_str(&a.out), buf_str(&b.out));
	cr_expect(a.err.len == b.err.len &&
		(a.err.len == 0 || memcmp(a.err.data, b.err.data, a.err.len) == 0),
	    "%s: %.60s: errors %.200s, on the leash %.200s", shells[shell][0], command,
	    buf_str(&a.err), buf_str(&b.err));
	result_fini(&a);
	result_fini(&b);
	free(line);
}

static void
same_everywhere(const char *command)
{
	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (there(i))
			same(i, command, NULL);
}

Test(leash, every_exit_status_is_the_commands_own)
{
	char command[32];

	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		for (int status = 0; there(i) && status < 256;
		     status += i == 2 ? 3 : 51) {
			char *line;
			struct result r;

			snprintf(command, sizeof command, "exit %d", status);
			line = wrapped("r1", true, command);
			r = run(i, line, leash_watchdog(), NULL);
			cr_expect(WIFEXITED(r.status) && WEXITSTATUS(r.status) == status);
			result_fini(&r);
			free(line);
		}
	}
}

Test(leash, a_death_by_signal_is_one)
{
	static const char *const commands[] = {"kill -9 $$", "kill -TERM $$",
	    "kill -HUP $$", "sh -c 'kill -9 $$'", "exec sh -c 'kill -9 $$'",
	    "exec 2>/dev/null; sh -c 'kill -9 $$'; echo $?"};

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		same_everywhere(commands[i]);
}

Test(leash, output_and_errors_are_what_they_were)
{
	static const char *const commands[] = {"echo out; echo err >&2; exit 3",
	    "nosuchcommand", "echo a\nnosuchcommand\nexit 7",
	    "cat <<X\n$HOME 'a' \"b\"\nX",
	    "printf '%s|' \"a  b\" 'c'\\''d' \\\\ '*' \"$((1+2))\"", "# nothing\necho x",
	    "  ", "echo $-; echo $#; echo \"$*\"",
	    "umask; ulimit -a; pwd; trap; set -u; echo $x",
	    "echo a & echo b >/dev/null & wait; echo $?",
	    "(sleep 0.05; echo late) & wait; echo end",
	    "for i in 1 2 3; do echo $i; done | cat", "ls -l /proc/self/fd | wc -l",
	    "head -c 10485760 /dev/zero | tr '\\0' '\\377'"};

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		same_everywhere(commands[i]);
}

Test(leash, any_byte_of_a_command_arrives)
{
	char command[300] = "printf %s '", *p = command + strlen(command);

	for (int c = 1; c < 256; c++)
		if (c != '\'')
			*p++ = (char)c;
	strcpy(p, "' | od -c");
	same_everywhere(command);
}

Test(leash, a_command_that_reads_sees_the_end)
{
	char *line = wrapped("r1", true, "cat; echo $?");
	struct result r = run(2, line, leash_watchdog(), NULL);

	cr_expect_str_eq(buf_str(&r.out), "0\n");
	result_fini(&r);
	free(line);
}

Test(leash, with_input_there_is_a_token_and_no_watchdog)
{
	char *line = wrapped("r7", false, "cat; echo $LC_BREAKGLASS_RUN");
	struct result r = run(2, line, NULL, NULL);

	cr_expect(!strstr(line, "setsid"));
	cr_expect(strstr(buf_str(&r.out), "-r7.\n") != NULL, "%s", buf_str(&r.out));
	result_fini(&r);
	free(line);
}

/* --- the end of the input --- */

static bool
alive(long pid)
{
	char path[40], stat[512] = "";
	const char *at;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(stat, sizeof stat, f))
		stat[0] = '\0';
	fclose(f);
	at = strrchr(stat, ')');
	return at && at[2] != 'Z' && at[2] != 'X';
}

static void
wait_gone(long pid, const char *what)
{
	int64_t until = clock_mono_ms() + LIMIT_MS;

	while (alive(pid)) {
		cr_assert(clock_mono_ms() < until, "%s lives on", what);
		poll(NULL, 0, 10);
	}
}

/* Reads "pid\n" count times from the command's output. */
static void
read_pids(int fd, long *pids, size_t count)
{
	char text[256] = "";
	size_t len = 0, lines = 0;
	char *at = text;

	while (lines < count) {
		struct pollfd p = {fd, POLLIN, 0};

		cr_assert(poll(&p, 1, LIMIT_MS) == 1 && len < sizeof text - 1);
		cr_assert(read(fd, text + len, 1) == 1);
		lines += text[len++] == '\n';
	}
	for (size_t i = 0; i < count; i++)
		pids[i] = strtol(at, &at, 10);
}

static void
dies(size_t shell, const char *command, size_t pids_count, const char *path)
{
	char *line = wrapped("r1", true, command);
	struct child c = child_start(shell, line, path);
	long pids[4];
	int status;

	cr_assert(write(c.in, leash_watchdog(), strlen(leash_watchdog())) > 0);
	read_pids(c.out, pids, pids_count);
	close(c.in);
	cr_assert(waitpid(c.pid, &status, 0) == c.pid);
	for (size_t i = 0; i < pids_count; i++)
		wait_gone(pids[i], command);
	close(c.out);
	close(c.err);
	free(line);
}

static void
dies_everywhere(const char *command, size_t pids)
{
	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (there(i))
			dies(i, command, pids, NULL);
}

Test(leash, the_end_of_the_input_ends_a_command)
{
	dies_everywhere("echo $$; sleep 300", 1);
}

Test(leash, the_end_of_the_input_ends_who_ignores_term)
{
	dies(0, "trap '' TERM; echo $$; (echo $$; sleep 300); sleep 300", 2, NULL);
}

Test(leash, the_end_of_the_input_ends_other_sessions_and_groups)
{
	dies_everywhere("echo $$; setsid sh -c 'echo $$; sleep 300' & timeout 300 sh -c "
			"'echo $$; sleep 300'; sleep 300",
	    3);
}

Test(leash, the_end_of_the_input_ends_a_daemon_whose_parent_is_gone)
{
	dies_everywhere(
	    "echo $$; (setsid sh -c 'echo $$; cd /; sleep 300' &); sleep 300", 2);
}

Test(leash, without_setsid_the_leash_holds_too)
{
	char dir[] = "/tmp/leashXXXXXX", command[600];
	static const char *const programs[] = {
	    "sh", "sleep", "grep", "cat", "kill", "printf", "timeout"};

	cr_assert(mkdtemp(dir) != NULL);
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		snprintf(command, sizeof command, "ln -s $(command -v %s) %s/%s",
		    programs[i], dir, programs[i]);
		cr_assert(system(command) == 0);
	}
	dies(2, "trap '' TERM; echo $$; sh -c 'echo $$; sleep 300'; sleep 300", 2, dir);
	same(2, "echo hi; nosuch; exit 4", dir);
	snprintf(command, sizeof command, "rm -r %s", dir);
	cr_assert(system(command) == 0);
}

Test(leash, what_a_command_that_ended_left_behind_is_left_alone)
{
	char *line =
	    wrapped("r1", true, "sleep 300 >/dev/null 2>&1 & echo $!; exec >&- 2>&-");
	struct child c = child_start(2, line, NULL);
	long pid, watcher;
	int status;

	cr_assert(write(c.in, leash_watchdog(), strlen(leash_watchdog())) > 0);
	read_pids(c.out, &pid, 1);
	cr_assert(waitpid(c.pid, &status, 0) == c.pid);
	close(c.in);
	/* the watchdog has looked when a command that is started after it has ended */
	watcher = pid;
	poll(NULL, 0, 300);
	cr_expect(alive(watcher));
	kill((pid_t)pid, SIGKILL);
	close(c.out);
	close(c.err);
	free(line);
}

/* --- asking --- */

struct seen {
	char run[4][24];
	long pid[4];
	size_t count;
};

static void
on_alive(const char *run_id, long pid, void *arg)
{
	struct seen *s = arg;

	if (s->count < 4) {
		snprintf(s->run[s->count], sizeof s->run[0], "%s", run_id);
		s->pid[s->count++] = pid;
	}
}

static struct seen
ask(size_t shell, const char *id, const char *const *ends, size_t count, const char *path)
{
	struct seen s = {0};
	struct result r;
	struct buf line;

	buf_init(&line, LEASH_LINE_MAX);
	leash_ask(&line, id, ends, count, false);
	r = run(shell, buf_str(&line), NULL, path);
	cr_expect_str_eq(buf_str(&r.err), "");
	cr_assert(leash_answer(buf_str(&r.out), r.out.len, on_alive, &s), "%s: %s",
	    shells[shell][0], buf_str(&r.out));
	result_fini(&r);
	buf_fini(&line);
	return s;
}

static void
asked_and_ended(size_t shell, const char *path)
{
	static const char *const ends[] = {"r1"};
	const char *command = "trap '' TERM; echo $$; while :; do sleep 300; done";
	char id[INCIDENT_MAX], *line[2];
	struct child c[2];
	struct seen s;
	long pid;

	snprintf(id, sizeof id, "%s", incident());
	for (size_t i = 0; i < 2; i++) {
		struct buf b;

		buf_init(&b, LEASH_LINE_MAX);
		leash_wrap(&b, id, i ? "r12" : "r1", false, command, strlen(command));
		line[i] = mem_dup(buf_str(&b));
		buf_fini(&b);
		c[i] = child_start(2, line[i], NULL);
		read_pids(c[i].out, &pid, 1);
	}
	s = ask(shell, id, NULL, 0, path);
	cr_expect(s.count >= 2, "%zu seen", s.count);
	s = ask(shell, id, ends, 1, path);
	for (size_t i = 0; i < s.count; i++)
		cr_expect_str_eq(s.run[i], "r12");
	cr_expect(s.count >= 1);
	cr_expect(!alive(c[0].pid) && alive(c[1].pid));
	kill(-c[1].pid, SIGKILL);
	for (size_t i = 0; i < 2; i++) {
		waitpid(c[i].pid, NULL, 0);
		close(c[i].in);
		close(c[i].out);
		close(c[i].err);
		free(line[i]);
	}
}

Test(leash, what_lives_is_listed_and_ended_by_its_run)
{
	asked_and_ended(2, NULL);
}

Test(leash, busybox_alone_is_enough_to_ask)
{
	char dir[] = "/tmp/leashXXXXXX", command[200];

	if (!there(3))
		cr_skip_test("no busybox here");
	cr_assert(mkdtemp(dir) != NULL);
	snprintf(command, sizeof command, "/bin/busybox --install -s %s", dir);
	cr_assert(system(command) == 0);
	asked_and_ended(3, dir);
	dies(3, "trap '' TERM; echo $$; (setsid sh -c 'echo $$; sleep 300' &); sleep 300",
	    2, dir);
	snprintf(command, sizeof command, "rm -r %s", dir);
	cr_assert(system(command) == 0);
}

Test(leash, an_answer_that_was_cut_says_nothing)
{
	struct seen s = {0};

	cr_expect(!leash_answer("left r1. 12\nleft r2. 1", 22, on_alive, &s));
	cr_expect(!leash_answer("", 0, on_alive, &s));
	cr_expect(leash_answer("left end\n", 9, on_alive, &s));
}
