/* SPDX-License-Identifier: GPL-3.0-or-later */
/* look_engine.c: the engine that runs, its kill switch, and that nothing listens. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pidstat.h"
#include "doctor/engine_ask.h"
#include "doctor/judge.h"
#include "doctor/looks.h"

#define SOCKETS_MAX 512 /* of one process */
#define KIDS_MAX 64

/* ---- open ports ---- */

struct sockets {
	unsigned long inode[SOCKETS_MAX];
	size_t count;
};

static long
parent_of(const char *pid)
{
	struct pidstat s;

	return pidstat_read(pid, &s) ? s.parent : -1;
}

/* pid and what descends from it. */
static size_t
family(long pid, long out[KIDS_MAX])
{
	size_t n = 1;

	out[0] = pid;
	for (size_t i = 0; i < n; i++) {
		DIR *d = opendir("/proc");
		struct dirent *e;

		while (d && (e = readdir(d)) != NULL && n < KIDS_MAX)
			if (e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
			    parent_of(e->d_name) == out[i])
				out[n++] = atol(e->d_name);
		if (d)
			closedir(d);
	}
	return n;
}

/* False: they may not be seen. */
static bool
sockets_of(long pid, struct sockets *s)
{
	char dir[64], path[400], to[64];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof dir, "/proc/%ld/fd", pid);
	d = opendir(dir);
	if (!d)
		return errno == ENOENT;
	while ((e = readdir(d)) != NULL && s->count < SOCKETS_MAX) {
		ssize_t n;

		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		n = readlink(path, to, sizeof to - 1);
		if (n <= 0)
			continue;
		to[n] = '\0';
		if (sscanf(to, "socket:[%lu]", &s->inode[s->count]) == 1)
			s->count++;
	}
	closedir(d);
	return true;
}

/*
 * Ports of this table that wait for others: TCP that listens, UDP with no peer.  mine
 * NULL: of all processes of our uid.
 */
static int
count_open(const char *table, bool udp, const struct sockets *mine, unsigned *port)
{
	char line[512];
	FILE *f = fopen(table, "re");
	int n = 0;

	while (f && fgets(line, sizeof line, f)) {
		unsigned at, state, uid;
		unsigned long inode;
		bool is = !mine;

		if (sscanf(line,
			" %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %u %*d %lu",
			&at, &state, &uid, &inode) != 4 ||
		    state != (udp ? 7U : 10U))
			continue;
		for (size_t i = 0; mine && i < mine->count; i++)
			is = is || mine->inode[i] == inode;
		if (!mine)
			is = uid == geteuid();
		n += is;
		if (is)
			*port = at;
	}
	if (f)
		fclose(f);
	return n;
}

static int
count_all(const struct sockets *mine, unsigned *port)
{
	return count_open("/proc/net/tcp", false, mine, port) +
	    count_open("/proc/net/tcp6", false, mine, port) +
	    count_open("/proc/net/udp", true, mine, port) +
	    count_open("/proc/net/udp6", true, mine, port);
}

static void
look_ports(struct pen *pen, const struct engine_facts *f)
{
	struct sockets *s = mem_alloc(sizeof *s);
	long kids[KIDS_MAX];
	size_t n = f->pid > 0 ? family(f->pid, kids) : 0;
	struct said said = {0};
	unsigned port = 0;
	bool seen = true;
	int found;

	for (size_t i = 0; i < n; i++)
		seen = sockets_of(kids[i], s) && seen;
	found = n > 0 ? count_all(seen ? s : NULL, &port) : 0;
	if (n == 0 && f->why[0])
		said_skip(&said,
		    "the engine does not tell its pid: sudo ss -tulnp shows whose ports are open");
	else if (n == 0)
		said_pass(&said, "none: no engine runs");
	else if (access("/proc/net/tcp", R_OK) < 0)
		said_skip(&said, "the kernel does not show its ports here: %s",
		    strerror(errno));
	else if (found == 0)
		said_pass(&said, "none: neither the engine nor what it started listens");
	else if (!seen)
		said_skip(&said,
		    "uid %ld may not look into the engine, which guards its keys so: "
		    "sudo ss -tulnp shows whose ports they are",
		    (long)geteuid());
	else {
		said_fail(&said,
		    "%d, among them port %u, of the engine or what it started", found,
		    port);
		said_do(&said,
		    "breakglass kill, then breakglass engine --replace --now; no version of ours "
		    "opens a port: keep the journal, and look who changed the programs");
	}
	pen_put(pen, CHECK_LISTENING, &said);
	free(s);
}

/* ---- what it says ---- */

static void
copy(const struct js *m, const char *key, char *out, size_t size)
{
	const char *s = js_str(m, key);

	snprintf(out, size, "%s", s ? s : "");
}

static void
on_fact(const struct js *m, void *arg)
{
	struct engine_facts *f = arg;

	if (js_is(m, "t", "welcome")) {
		f->there = true;
		f->pid = (long)js_int(m, "pid", 0);
		copy(m, "version", f->version, sizeof f->version);
	} else if (js_is(m, "what", "kill")) {
		f->killed = js_bool(m, "on", false);
		copy(m, "by", f->killed_by, sizeof f->killed_by);
	} else if (js_is(m, "what", "journal")) {
		copy(m, "state", f->journal, sizeof f->journal);
		copy(m, "why", f->journal_why, sizeof f->journal_why);
	} else if (js_is(m, "what", "custody"))
		f->weak = js_bool(m, "weak", false);
}

/* Root in another's installation: nothing of it is to be removed. */
static bool
is_anothers(const struct options *o, struct engine_facts *f)
{
	char *dir = options_run_dir(o);
	uid_t owner;
	bool is = geteuid() == 0 && looks_another(dir, &owner);

	if (is)
		snprintf(f->why, sizeof f->why,
		    "the engine of %.150s is uid %ld's: run doctor as that uid", dir,
		    (long)owner);
	free(dir);
	return is;
}

void
look_engine(struct pen *pen, const struct options *o)
{
	struct engine_facts f = {0};
	struct said said = {0};
	struct err err = {0};
	bool none;

	if (engine_ask(o, on_fact, &f, &none, &err) < 0 && !none) {
		f.hangs = err.code == ERR_BUSY;
		if (f.there || f.hangs || !is_anothers(o, &f))
			snprintf(f.why, sizeof f.why, "%.250s", err.words);
	}
	judge_engine(&f, PACKAGE_VERSION, &said);
	pen_put(pen, CHECK_ENGINE, &said);
	look_ports(pen, &f);
	if (!f.killed && (!f.there || f.why[0])) /* it outlives its engine */
		f.kill_unread = past_kill(o, on_fact, &f) < 0;
	judge_kill(&f, &said);
	pen_put(pen, CHECK_KILL, &said);
}
