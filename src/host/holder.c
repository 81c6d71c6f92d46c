/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host/holder.h"
#include "host/probe.h"
#include "host/proc.h"
#include "host/site.h"
#include "wire/verbs.h"

#define FIND_MS 1500
#define LIST_MAX (256 * 1024) /* bytes of a list that are read */
#define ARGS_MAX 4096

struct search {
	const struct site *site;
	const char *lock;
	struct holder *h;
};

static bool
next_field(const char **p, char *dst, size_t size)
{
	size_t len = strcspn(*p, ": \t\n");

	if ((*p)[len] != ':' || len >= size)
		return false;
	memcpy(dst, *p, len);
	dst[len] = '\0';
	*p += len + 1;
	return true;
}

static bool
next_hex(const char **p, long long *n)
{
	char text[16];

	if (!next_field(p, text, sizeof(text)) || *text == '\0' ||
	    text[strspn(text, "0123456789abcdefABCDEF")] != '\0')
		return false;
	*n = strtoll(text, NULL, 16);
	return true;
}

int
holder_parse(const char *line, struct holder_task *t)
{
	struct holder_task r = {0};
	char node[72];

	if (strncmp(line, "UPID:", 5) != 0)
		return -1;
	line += 5;
	if (!next_field(&line, node, sizeof(node)) || !next_hex(&line, &r.pid) ||
	    !next_hex(&line, &r.start) || !next_hex(&line, &r.at) ||
	    !next_field(&line, r.type, sizeof(r.type)) ||
	    !next_field(&line, r.id, sizeof(r.id)) ||
	    !next_field(&line, r.user, sizeof(r.user)))
		return -1;
	*t = r;
	return 0;
}

static bool
is_vmid(const char *word)
{
	char id[16];

	snprintf(id, sizeof(id), "%d", VERB_VMID);
	return strcmp(word, id) == 0;
}

/* A backup job of several machines has no id. */
static bool
may_be_ours(const struct holder_task *t)
{
	return is_vmid(t->id) || (t->id[0] == '\0' && strcmp(t->type, "vzdump") == 0);
}

/* Could a task of this type have set this lock?  For naming the dead only. */
static bool
sets(const struct holder_task *t, const char *lock)
{
	static const char *const pairs[][2] = {{"backup", "vzdump"},
	    {"migrate", "qmigrate"}, {"snapshot", "qmsnapshot"},
	    {"snapshot-delete", "qmdelsnapshot"}, {"rollback", "qmrollback"},
	    {"clone", "qmclone"}, {"create", "qmcreate"}, {"create", "qmrestore"},
	    {"disk", "qmmove"}, {"suspending", "qmsuspend"}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (strcmp(pairs[i][0], lock) == 0 && strcmp(pairs[i][1], t->type) == 0)
			return true;
	return false;
}

static void
name_task(struct holder *h, enum holder_found found, const struct holder_task *t)
{
	h->found = found;
	snprintf(h->text, sizeof(h->text), "task %s of %s, pid %lld, %s", t->type,
	    t->user, t->pid, found == HOLDER_ALIVE ? "alive" : "dead");
}

/* True when a living task was found; the youngest fitting dead one is kept. */
static bool
ask_tasks(struct search *c, bool *heard)
{
	static char text[LIST_MAX];
	struct holder_task t, dead = {0};

	*heard =
	    proc_slurp(c->site->pve_tasks, text, sizeof(text)) >= 0 || errno == ENOENT;
	if (!*heard)
		return false;
	for (char *save = NULL, *l = strtok_r(text, "\n", &save); l != NULL;
	     l = strtok_r(NULL, "\n", &save)) {
		if (holder_parse(l, &t) < 0 || !may_be_ours(&t))
			continue;
		if (proc_start(t.pid) == t.start) {
			name_task(c->h, HOLDER_ALIVE, &t);
			return true;
		}
		if (sets(&t, c->lock) && t.at >= dead.at)
			dead = t;
	}
	if (dead.pid != 0)
		name_task(c->h, HOLDER_DEAD, &dead);
	return false;
}

/* "1: FLOCK  ADVISORY  WRITE 1234 08:02:131090 0 EOF" */
static bool
ask_kernel(struct search *c, bool *heard)
{
	static char text[LIST_MAX];
	char path[SITE_PATH_MAX + 32], kind[16], name[32];
	unsigned major, minor;
	unsigned long long inode;
	struct stat st;
	long long pid;

	*heard = true;
	if (stat(c->site->pve_flock, &st) < 0)
		return false;
	snprintf(path, sizeof(path), "%s/locks", proc_root);
	*heard = proc_slurp(path, text, sizeof(text)) >= 0;
	for (char *save = NULL, *l = *heard ? strtok_r(text, "\n", &save) : NULL;
	     l != NULL; l = strtok_r(NULL, "\n", &save)) {
		if (sscanf(l, "%*d: %15s %*s %*s %lld %x:%x:%llu", kind, &pid, &major,
			&minor, &inode) != 5 ||
		    inode != (unsigned long long)st.st_ino || major != major(st.st_dev) ||
		    minor != minor(st.st_dev))
			continue;
		snprintf(path, sizeof(path), "%s/%lld/comm", proc_root, pid);
		if (proc_slurp(path, name, sizeof(name)) < 0)
			*name = '\0';
		name[strcspn(name, "\n")] = '\0';
		c->h->found = HOLDER_ALIVE;
		snprintf(c->h->text, sizeof(c->h->text),
		    "process %s, pid %lld, alive, has Proxmox's lock file",
		    *name ? name : "of another namespace", pid);
		return true;
	}
	return false;
}

static const char *
base_of(const char *arg)
{
	const char *slash = strrchr(arg, '/');

	return slash ? slash + 1 : arg;
}

/* A vzdump whose arguments name other machines only is not ours. */
static bool
vzdump_is_ours(const char *args, const char *end)
{
	bool ids = false, all = false, ours = false;

	for (; args < end; args += strlen(args) + 1) {
		all |= strstr(args, "-all") != NULL || strstr(args, "-pool") != NULL;
		ids |= isdigit((unsigned char)*args) != 0;
		ours |= is_vmid(args);
	}
	return ours || all || !ids;
}

/* "task UPID:..." is how Proxmox's workers call themselves. */
static int
on_process(void *arg, pid_t pid)
{
	char path[SITE_PATH_MAX + 32], args[ARGS_MAX];
	struct search *c = arg;
	struct holder_task t;
	ssize_t n;

	if (!proc_is_trusted(pid))
		return 0;
	/* a kvm is no task, and its cmdline may be what hangs */
	snprintf(path, sizeof(path), "%s/%d/comm", proc_root, (int)pid);
	if (proc_slurp(path, args, sizeof(args)) <= 0 || strncmp(args, "kvm", 3) == 0)
		return 0;
	snprintf(path, sizeof(path), "%s/%d/cmdline", proc_root, (int)pid);
	n = proc_slurp(path, args, sizeof(args));
	if (n <= 0)
		return 0;
	if (strncmp(args, "task UPID:", 10) == 0) {
		if (holder_parse(args + 5, &t) < 0 || !may_be_ours(&t))
			return 0;
		t.pid = pid;
		name_task(c->h, HOLDER_ALIVE, &t);
		return 1;
	}
	for (char *a = args; a < args + n && a < args + 256; a += strlen(a) + 1)
		if (strcmp(base_of(a), "vzdump") == 0 &&
		    vzdump_is_ours(a + strlen(a) + 1, args + n)) {
			c->h->found = HOLDER_ALIVE;
			snprintf(c->h->text, sizeof(c->h->text),
			    "process vzdump, pid %d, alive", (int)pid);
			return 1;
		}
	return 0;
}

static int
search(void *arg)
{
	struct search *c = arg;
	bool tasks, kernel;

	if (ask_kernel(c, &kernel) || (*c->lock != '\0' && ask_tasks(c, &tasks)))
		return 0;
	if (*c->lock == '\0')
		tasks = true;
	else
		proc_each(on_process, c);
	if (c->h->found == HOLDER_ALIVE)
		return 0;
	if (!tasks || !kernel)
		c->h->found = HOLDER_UNKNOWN;
	else if (c->h->found == HOLDER_UNKNOWN) {
		c->h->found = HOLDER_NOBODY;
		snprintf(c->h->text, sizeof(c->h->text),
		    "nobody: no task of VM 102 lives on this host");
	}
	return 0;
}

void
holder_find(const struct site *s, const char *lock, struct holder *h)
{
	struct search c = {s, lock, probe_shared(sizeof(*h))};
	struct probe p = {.name = "holder", .limit_ms = FIND_MS, .fn = search, .arg = &c};
	int rc = probe_run(&p);

	probe_end(&p);
	*h = *c.h;
	munmap(c.h, sizeof(*h));
	/* given up: one that was found alive stands, all else is not proven */
	if (rc != 0 && h->found != HOLDER_ALIVE)
		h->found = HOLDER_UNKNOWN;
	if (h->found == HOLDER_UNKNOWN)
		snprintf(h->text, sizeof(h->text),
		    "unknown: the host's task list or /proc does not answer");
}
