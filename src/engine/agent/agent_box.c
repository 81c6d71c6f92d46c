/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/agent_box.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "engine/agent/agent_proc.h"
#include "engine/api/http.h"

#define LINKS_MAX 8    /* from a name in PATH to the program */
#define CLAUDE_MAX 24  /* paths for claude: the launcher's rules have an end */
#define HOST_OOM "600" /* what it starts cannot ask for more than it has */

struct list {
	char **argv;
	int first, n, max;
	const struct agent_proc_config *cfg;
	int claudes; /* paths for claude; above CLAUDE_MAX: it was said */
};

static void
add(struct list *l, const char *option, char *value)
{
	if (l->n + 2 > l->max) {
		LOG("agent", "agent-host's box has no room for %s %s", option, value);
		free(value);
		return;
	}
	l->argv[l->n++] = mem_dup(option);
	l->argv[l->n++] = value;
}

static void
add_path(struct list *l, char kind, const char *path)
{
	add(l, "--landlock", mem_printf("%c:%s", kind, path));
}

static bool
has_path(const struct list *l, char kind, const char *path)
{
	for (int i = l->first; i < l->n; i += 2)
		if (l->argv[i + 1][0] == kind && l->argv[i + 1][1] == ':' &&
		    strcmp(l->argv[i + 1] + 2, path) == 0)
			return true;
	return false;
}

/* A folder that holds nothing but programs, as far as one can tell from outside. */
static bool
may_show(const struct list *l, const char *dir)
{
	const char *home = getenv("HOME");

	return strchr(dir + 1, '/') && !path_is_below(l->cfg->dir, dir) &&
	    !(home && *home && path_is_below(home, dir));
}

/* PATH may be as long as it likes, and name what is nowhere. */
static void
add_claude_path(struct list *l, const char *path)
{
	if (access(path, F_OK) < 0 || has_path(l, 'x', path))
		return;
	if (++l->claudes <= CLAUDE_MAX)
		add_path(l, 'x', path);
	else if (l->claudes == CLAUDE_MAX + 1)
		LOG("agent",
		    "PATH has too many folders: claude is not looked for from %s on",
		    path);
}

/* A program that may be a link to a link, with the folder of what is at its end. */
static void
add_program(struct list *l, const char *path)
{
	char *at = mem_dup(path), link[PATH_MAX], *copy;
	ssize_t n;

	for (int i = 0; i < LINKS_MAX; i++) {
		char *next;

		add_claude_path(l, at);
		n = readlink(at, link, sizeof link - 1);
		if (n <= 0)
			break;
		link[n] = '\0';
		copy = mem_dup(at);
		next = link[0] == '/' ? mem_dup(link)
				      : mem_printf("%s/%s", dirname(copy), link);
		free(copy);
		free(at);
		at = next;
	}
	free(at);
	at = realpath(path, NULL);
	if (!at)
		return;
	copy = mem_dup(at);
	if (may_show(l, dirname(copy)))
		add_claude_path(l, copy);
	free(copy);
	free(at);
}

/* With all programs of the machine; what a name there leads to is not. */
static bool
is_shown_anyway(const char *dir)
{
	return path_is_below(dir, "/usr") || strcmp(dir, "/bin") == 0 ||
	    strcmp(dir, "/sbin") == 0;
}

/* Where claude is, or may appear: agent-host looks in the same places. */
static void
add_claude(struct list *l)
{
	const char *path = getenv("PATH"), *cache = getenv("XDG_CACHE_HOME"),
		   *home = getenv("HOME"), *named = getenv("BREAKGLASS_CLAUDE");
	char *copy = mem_dup(path ? path : ""), *save = NULL, *p;

	if (*l->cfg->claude || (named && *named)) {
		free(copy);
		add_program(l, *l->cfg->claude ? l->cfg->claude : named);
		return;
	}
	for (char *d = strtok_r(copy, ":", &save); d; d = strtok_r(NULL, ":", &save)) {
		if (d[0] != '/')
			continue;
		p = mem_printf("%s/claude", d);
		if (!is_shown_anyway(d) && may_show(l, d))
			add_claude_path(l, d);
		if (access(p, F_OK) == 0)
			add_program(l, p);
		free(p);
	}
	free(copy);
	p = cache && cache[0] == '/'
	    ? mem_printf("%s/breakglass/claude", cache)
	    : mem_printf("%s/.cache/breakglass/claude", home ? home : "");
	add_path(l, 'x', p);
	free(p);
}

char *
agent_box_net(const char *url)
{
	struct in6_addr a;
	struct err err;
	char host[256];
	int port;

	/* Nobody gets there: no reason to open more than the vendor's. */
	if (http_origin(url, host, sizeof host, &port, &err) < 0)
		return mem_dup("port:443,names");
	return mem_printf("port:%d%s", port,
	    inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1 ||
		    strcasecmp(host, "localhost") == 0
		? ""
		: ",names");
}

int
agent_box_args(char **argv, int n, const struct agent_proc_config *cfg, const char *host)
{
	struct list l = {
	    .argv = argv, .first = n, .n = n, .max = n + AGENT_BOX_ARGS_MAX, .cfg = cfg};
	struct err err;
	char *copy = mem_dup(host);

	if (fd_own_dir(cfg->dir, &err) < 0) /* there is nothing to show without it */
		LOG("agent", "%s", err.words);
	add(&l, "--view", mem_dup("on"));
	add(&l, "--seccomp", mem_dup("on"));
	add(&l, "--net", mem_dup(cfg->net));
	add(&l, "--oom", mem_dup(HOST_OOM));
	add(&l, "--landlock", mem_dup("system"));
	add(&l, "--landlock", mem_dup("proc"));
	add_path(&l, 'x', dirname(copy));
	free(copy);
	copy = mem_dup(cfg->socket);
	add_path(&l, 'c', dirname(copy));
	free(copy);
	add_path(&l, 'w', cfg->dir);
	add_claude(&l);
	return l.n;
}

bool
agent_box_holds(pid_t pid)
{
	struct rlimit queues, locks;

	/* Another's pid namespace: ours has all of the agent's. */
	if (pid <= 0)
		return false;
	if (prlimit(pid, RLIMIT_MSGQUEUE, NULL, &queues) == 0 &&
	    prlimit(pid, __RLIMIT_LOCKS, NULL, &locks) == 0)
		return queues.rlim_max == 0 && locks.rlim_max == 0;
	return errno == ESRCH;
}

bool
agent_box_tells(void)
{
	return !agent_box_holds(getpid());
}
