/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/ha.h"
#include "host/out.h"
#include "host/preflight.h"
#include "host/probe.h"
#include "host/proc.h"
#include "host/site.h"
#include "host/volumes.h"
#include "wire/verbs.h"

#define LOOK_MS 2000
#define CONFIG_MAX (64 * 1024) /* bytes */

struct look {
	const struct site *site;
	struct preflight *p;
};

/* The value of "key:" before the first [section]; NULL when it has none. */
static const char *
main_value(const char *text, const char *key, size_t *len)
{
	size_t klen = strlen(key);

	while (text != NULL && *text != '\0' && *text != '[') {
		if (strncmp(text, key, klen) == 0 && text[klen] == ':') {
			text += klen + 1;
			text += strspn(text, " \t");
			*len = strcspn(text, "\r\n");
			return text;
		}
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return NULL;
}

void
preflight_config_lock(const char *text, char *lock, unsigned long size)
{
	size_t len;
	const char *v = main_value(text, "lock", &len);

	snprintf(lock, size, "%.*s", v ? (int)len : 0, v ? v : "");
}

/* As Proxmox tests it: the owner's write bit, which root's own access ignores. */
static bool
quorum_is_there(const struct site *s, struct preflight *p)
{
	struct stat st;

	if (s->pve_local[0] == '\0')
		return true;
	if (lstat(s->pve_local, &st) < 0) {
		snprintf(p->why, sizeof(p->why),
		    "%s: %s: pmxcfs does not serve; on the host: systemctl restart pve-cluster",
		    s->pve_local, strerror(errno));
		return false;
	}
	if ((st.st_mode & 0200) == 0) {
		snprintf(p->why, sizeof(p->why),
		    "no quorum: qm start would refuse; on the host: pvecm status");
		return false;
	}
	return true;
}

/* pmxcfs serves every node's configs: a VM that migrated is found there. */
static bool
is_elsewhere(const struct site *s, char *node, size_t size)
{
	char path[SITE_PATH_MAX + 300];
	DIR *dir = s->pve_nodes[0] ? opendir(s->pve_nodes) : NULL;
	bool found = false;
	struct dirent *e;

	while (!found && dir != NULL && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%.200s/qemu-server/%d.conf",
		    s->pve_nodes, e->d_name, VERB_VMID);
		if (access(path, F_OK) < 0)
			continue;
		snprintf(node, size, "%.60s", e->d_name);
		found = true;
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

static void
say_missing(const struct site *s, struct preflight *p, int cause)
{
	char node[64];

	/* where the quorum is not looked at, the folder stands for pmxcfs */
	p->missing = cause == ENOENT;
	if (!p->missing)
		snprintf(p->why, sizeof(p->why),
		    "%s: %s: VM 102 could not be started again; on the host: systemctl "
		    "status pve-cluster",
		    s->pve_conf, strerror(cause));
	else if (is_elsewhere(s, node, sizeof(node)))
		snprintf(p->why, sizeof(p->why),
		    "VM 102 is on node %s and not on this host: send the verb there",
		    node);
	else
		snprintf(p->why, sizeof(p->why),
		    "there is no VM 102: %s does not exist; restore it from a backup, or "
		    "look for it with: qm list",
		    s->pve_conf);
}

static bool
config_is_there(const struct site *s, struct preflight *p)
{
	static char text[CONFIG_MAX];
	size_t len;
	const char *v;

	if (proc_slurp(s->pve_conf, text, sizeof(text)) < 0) {
		say_missing(s, p, errno);
		return false;
	}
	preflight_config_lock(text, p->lock, sizeof(p->lock));
	v = main_value(text, "template", &len);
	if (v != NULL && len == 1 && *v == '1') {
		snprintf(p->why, sizeof(p->why),
		    "VM 102 is a template and cannot run; clone it on the host");
		return false;
	}
	return true;
}

static bool
ha_has_it(const struct site *s)
{
	static char text[CONFIG_MAX];

	return s->pve_ha[0] != '\0' && proc_slurp(s->pve_ha, text, sizeof(text)) > 0 &&
	    ha_manages(text);
}

static int
look(void *arg)
{
	struct look *l = arg;

	l->p->ok = quorum_is_there(l->site, l->p) && config_is_there(l->site, l->p);
	l->p->ha = ha_has_it(l->site);
	return 0;
}

void
preflight_look(const struct site *s, struct preflight *p)
{
	struct look l = {s, probe_shared(sizeof(*p))};
	struct probe child = {
	    .name = "preflight", .limit_ms = LOOK_MS, .fn = look, .arg = &l};

	memset(p, 0, sizeof(*p));
	if (probe_run(&child) == 0)
		*p = *l.p;
	else {
		p->silent = child.rc == PROBE_TIMEOUT;
		snprintf(p->why, sizeof(p->why),
		    "the files of pmxcfs do not answer within %d ms; on the host: systemctl "
		    "restart pve-cluster",
		    LOOK_MS);
	}
	p->space.pct = -1;
	probe_end(&child);
	munmap(l.p, sizeof(*p));
	if (p->lock[0] != '\0')
		holder_find(s, p->lock, &p->holder);
}

void
preflight_space(const struct site *s, struct preflight *p)
{
	space_look(s, &p->space);
	if (p->ok)
		p->lacks = volumes_missing(s, p->why, sizeof(p->why));
	if (!p->ok || p->lacks || !p->space.full)
		return;
	p->full = true;
	snprintf(p->why, sizeof(p->why),
	    "storage full: %s has no room, the guest would stop at its first write; make "
	    "room on the host (remove snapshots or old images), then send it again",
	    p->space.worst);
}

void
preflight_say(const struct preflight *p, struct out *o)
{
	out_fact(o, "lock", p->lock[0] ? p->lock : "none");
	if (p->lock[0] != '\0')
		out_fact(o, "lock_holder", p->holder.text);
	out_fact(o, "ha", p->ha ? "yes" : "no");
	if (p->missing)
		out_fact(o, "vm", "missing");
	if (p->space.pct >= 0) {
		out_fact(o, "pool", p->space.worst);
		out_fact_num(o, "pool_pct", p->space.pct);
	}
	out_fact(o, "startable", p->ok && !p->full && !p->lacks ? "yes" : "no");
	if (p->why[0] != '\0')
		out_fact(o, "startable_why", p->why);
}
