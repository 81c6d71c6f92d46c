/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/preflight.h"
#include "host/probe.h"
#include "host/site.h"
#include "wire/verbs.h"

#define LOOK_MS 2000
#define CONFIG_MAX (64 * 1024) /* bytes */

struct look {
	const struct site *site;
	struct preflight *p;
};

static ssize_t
read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n >= 0)
		buf[n] = '\0';
	return n;
}

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

static bool
config_is_there(const struct site *s, struct preflight *p)
{
	static char text[CONFIG_MAX];
	size_t len;
	const char *v;

	if (read_file(s->pve_conf, text, sizeof(text)) < 0) {
		snprintf(p->why, sizeof(p->why),
		    "%s: %s: VM 102 could not be started again", s->pve_conf,
		    strerror(errno));
		return false;
	}
	preflight_config_lock(text, p->lock, sizeof(p->lock));
	v = main_value(text, "template", &len);
	if (v != NULL && len == 1 && *v == '1') {
		snprintf(p->why, sizeof(p->why), "VM 102 is a template");
		return false;
	}
	return true;
}

static bool
ha_has_it(const struct site *s)
{
	static char text[CONFIG_MAX];
	char want[16], *p = text;
	size_t n = (size_t)snprintf(want, sizeof(want), "vm: %d", VERB_VMID);

	if (s->pve_ha[0] == '\0' || read_file(s->pve_ha, text, sizeof(text)) < 0)
		return false;
	for (; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, want, n) == 0 && (p[n] == '\n' || p[n] == '\0'))
			return true;
	}
	return false;
}

static int
look(void *arg)
{
	struct look *l = arg;

	l->p->ok = quorum_is_there(l->site, l->p) && config_is_there(l->site, l->p);
	if (l->p->ok)
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
	if (probe_run(&child) != 0)
		snprintf(p->why, sizeof(p->why),
		    "the files of pmxcfs do not answer within %d ms; on the host: systemctl "
		    "restart pve-cluster",
		    LOOK_MS);
	else
		*p = *l.p;
	probe_end(&child);
	munmap(l.p, sizeof(*p));
}
