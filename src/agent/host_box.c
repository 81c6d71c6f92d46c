/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The boxes of what the agent runs: which files, which sockets, how much memory.
 *
 *   a tool of a model    the working folder, /tmp of its own; no IP
 *   claude               that, its own memory of the session, its way to the API
 *   a command of claude  as a tool: it cannot look into claude, which holds the key
 *
 * The launcher puts them on (launcher_box.h).  Once at the start it is asked what of
 * them this machine has: that is told to the engine and stands on the status line.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"

/*
 * Bytes of data that one process may have.  claude has 1.6 GiB of it, most of it never
 * touched, and does not start with 0.5.
 */
#define CLAUDE_MEMORY "4294967296"
#define TOOL_MEMORY "2147483648"
#define TOOL_FILE "268435456"	  /* of one file that it writes */
#define REPORT_MAX 4096		  /* bytes */
#define LANDLOCK_WORD "Landlock " /* of the launcher's report, with its version ... */
#define LANDLOCK_TCP 4		  /* ... that refuses TCP by port */

/* A sanitizer's shadow is data without end; it reads its own maps as well. */
#if defined(__SANITIZE_ADDRESS__)
#	define SANITIZED 1
#elif defined(__has_feature)
#	if __has_feature(address_sanitizer)
#		define SANITIZED 1
#	endif
#endif
#ifndef SANITIZED
#	define SANITIZED 0
#endif

static void
box_add(struct args *a, const char *option, const char *value)
{
	args_add(a, "%s", option);
	args_add(a, "%s", value);
}

static void
box_path(struct args *a, char kind, const char *folder, const char *name)
{
	args_add(a, "--landlock");
	args_add(a, "%c:%s%s%s", kind, folder, *name ? "/" : "", name);
}

/* The socket's folder, for the kernel that asks; all else has the same path. */
static void
box_socket(const struct host *h, struct args *a)
{
	char *copy = mem_dup(h->socket);

	box_path(a, 'c', dirname(copy), "");
	free(copy);
}

static void
box_common(struct args *a, const char *memory)
{
	box_add(a, "--landlock", "system");
	box_add(a, "--seccomp", "on");
	if (SANITIZED) {
		box_add(a, "--landlock", "proc");
		box_add(a, "--env", "ASAN_OPTIONS=detect_leaks=0");
	} else
		box_add(a, "--memory", memory);
}

/* What a model or a command runs: programs that get along without shared memory. */
static void
box_tool(struct args *a)
{
	box_common(a, TOOL_MEMORY);
	box_add(a, "--file", TOOL_FILE);
	if (!SANITIZED)
		box_add(a, "--shared", "none");
}

/* Where it may write.  A view has a /tmp of its own, for those who ask for no name. */
static void
box_folders(const struct host *h, struct args *a)
{
	box_path(a, 'w', h->dir, "work");
	box_path(a, 'w', h->dir, "tmp");
	if (h->view && !path_is_below(h->dir, "/tmp") &&
	    !path_is_below(h->socket, "/tmp"))
		box_path(a, 'w', "/tmp", "");
	box_path(a, 'x', h->libexec, "shim");
	box_socket(h, a);
}

/* claude is one file, or the package that a script belongs to. */
static void
box_claude_program(const struct host *h, struct args *a)
{
	char *real = realpath(h->claude, NULL);

	if (!real)
		return;
	if (strstr(real, "/node_modules/"))
		*strrchr(real, '/') = '\0';
	box_path(a, 'x', real, "");
	free(real);
}

void
host_box_files(const struct host *h, struct args *a)
{
	box_tool(a);
	box_path(a, 'r', h->dir, "work");
	box_path(a, 'x', h->libexec, "agent-files");
	box_add(a, "--net", "none");
}

void
host_box_tool(const struct host *h, struct args *a)
{
	box_tool(a);
	box_folders(h, a);
	box_path(a, 'r', h->dir, "home"); /* no start-up file for the next shell */
	box_add(a, "--net", "none");
}

/* What stands in claude's environment for agent-command: a line each. */
static void
box_command_env(const struct host *h, struct args *a)
{
	struct args box = {0};
	struct buf text;

	buf_init(&text, 64 * 1024);
	host_box_tool(h, &box);
	if (h->claude)
		box_claude_program(h, &box); /* its own rg is claude by another name */
	for (int i = 0; i < box.n; i++) {
		if (strcmp(box.argv[i], "--env") == 0) {
			i++; /* claude's own is theirs */
			continue;
		}
		if (buf_add(&text, box.argv[i], strlen(box.argv[i])) < 0 ||
		    buf_add(&text, "\n", 1) < 0)
			abort();
	}
	args_add(a, "--env");
	args_add(a, "BREAKGLASS_BOX=%s", buf_str(&text));
	args_add(a, "--env");
	args_add(a, "CLAUDE_CODE_SHELL_PREFIX=%s/agent-command", h->libexec);
	buf_fini(&text);
	args_fini(&box);
}

/* claude's way to its API, as the engine says it in the launcher's words; of no IP while
 * it is only asked for its version. */
static const char *
claude_net(const struct js *start)
{
	const char *net = start ? js_str(start, "net") : NULL;

	return net ? net : "none";
}

void
host_box_claude(const struct host *h, struct args *a, const struct js *start)
{
	box_common(a, CLAUDE_MEMORY);
	box_add(a, "--landlock", "self");
	box_claude_program(h, a);
	box_folders(h, a);
	box_path(a, 'w', h->dir, "home");
	box_path(a, 'r', h->dir, "agents.json");
	box_path(a, 'r', h->dir, HOST_CA);
	box_path(a, 'c', h->dir, "");
	box_path(a, 'x', h->libexec, "key-helper");
	box_path(a, 'x', h->libexec, "agent-command");
	box_add(a, "--net", claude_net(start));
	if (start)
		box_command_env(h, a);
}

/* ---- what of it this machine has ---- */

static char *
report_read(struct args *a)
{
	int fds[2], status;
	posix_spawn_file_actions_t actions;
	struct buf text;
	char piece[512];
	ssize_t n;
	pid_t pid = -1;

	buf_init(&text, REPORT_MAX);
	if (pipe2(fds, O_CLOEXEC) < 0)
		abort();
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	if (posix_spawn(&pid, a->argv[0], &actions, NULL, a->argv, environ) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	while (pid > 0 && (n = read(fds[0], piece, sizeof piece)) > 0)
		if (buf_add(&text, piece, (size_t)n) < 0)
			break;
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		buf_fini(&text);
	return text.len ? mem_dup(buf_str(&text)) : NULL;
}

/* Adds to a list that is joined by commas, once. */
static void
join(char *list, size_t size, const char *more)
{
	size_t n = strlen(list);

	if (!strstr(list, more))
		snprintf(list + n, size - n, "%s%s", n ? ", " : "", more);
}

static void
report_parse(struct host *h, char *text)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "word ", 5) == 0)
			join(h->box_words, sizeof h->box_words, line + 5);
		else if (strncmp(line, "open ", 5) == 0)
			join(h->box_open, sizeof h->box_open, line + 5);
	}
}

void
host_box_look(struct host *h)
{
	struct args a = {0};
	char *text;

	h->view = access("/.breakglass-view", F_OK) == 0;
	args_add(&a, "%s/launcher", h->libexec);
	host_box_tool(h, &a);
	box_path(&a, 'c', h->dir, ""); /* our own doors are meant to be there */
	args_add(&a, "--report");
	args_add(&a, "-");
	text = report_read(&a);
	if (text)
		report_parse(h, text);
	else
		join(h->box_open, sizeof h->box_open,
		    "everything: the launcher says nothing");
	args_fini(&a);
	free(text);
	LOG("box", "%s; open: %s", h->box_words, h->box_open);
}

void
host_box_claudes(struct host *h, const struct js *start)
{
	snprintf(h->box_net, sizeof h->box_net, "%s", claude_net(start));
}

/* Its one port is refused to nobody by a kernel whose Landlock knows no ports. */
static bool
claude_has_tcp(const struct host *h)
{
	const char *landlock = strstr(h->box_words, LANDLOCK_WORD);

	return strncmp(h->box_net, "port:", 5) == 0 &&
	    (!landlock || atoi(landlock + strlen(LANDLOCK_WORD)) < LANDLOCK_TCP);
}

static struct js *
open_list(const struct host *h)
{
	struct js *list = js_array();
	char *copy = mem_dup(h->box_open), *save = NULL;

	for (char *word = strtok_r(copy, ",", &save); word;
	     word = strtok_r(NULL, ",", &save))
		js_add_str(list, word + strspn(word, " "));
	if (claude_has_tcp(h))
		js_add_str(list, "TCP of claude");
	if (strstr(h->box_net, ",names"))
		js_add_str(list, "UDP of claude");
	free(copy);
	return list;
}

void
host_box_tell(const struct host *h, struct js *m)
{
	char words[sizeof h->box_words + 128];
	size_t n;

	snprintf(words, sizeof words, "%s", *h->box_words ? h->box_words : "nothing");
	n = strlen(words);
	if (claude_has_tcp(h))
		snprintf(words + n, sizeof words - n, "; claude: TCP");
	else if (strncmp(h->box_net, "port:", 5) == 0)
		snprintf(words + n, sizeof words - n, "; claude: TCP to port %d",
		    atoi(h->box_net + 5));
	js_set_str(m, "sandbox", words);
	js_set(m, "open", open_list(h));
}
