/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/launcher_box.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/self.h"

#define PORT_MAX 65535
#define BYTES_MIN (16ull << 20)

/*
 * What programs need of a machine.  Of /etc only what all may know: names, libraries'
 * and certificates' whereabouts, the vendor's settings of an administrator; as root
 * all the rest could be read too.
 */
static const struct box_rule machine[] = {{BOX_RUN, "/usr/bin"}, {BOX_RUN, "/usr/sbin"},
    {BOX_RUN, "/usr/lib"}, {BOX_RUN, "/usr/lib32"}, {BOX_RUN, "/usr/lib64"},
    {BOX_RUN, "/usr/libexec"}, {BOX_RUN, "/usr/share"}, {BOX_RUN, "/usr/local/bin"},
    {BOX_RUN, "/usr/local/sbin"}, {BOX_RUN, "/usr/local/lib"},
    {BOX_RUN, "/usr/local/libexec"}, {BOX_RUN, "/usr/local/share"}, {BOX_RUN, "/bin"},
    {BOX_RUN, "/sbin"}, {BOX_RUN, "/lib"}, {BOX_RUN, "/lib32"}, {BOX_RUN, "/lib64"},
    {BOX_READ, "/etc/ld.so.cache"}, {BOX_READ, "/etc/ld.so.conf"},
    {BOX_READ, "/etc/ld.so.conf.d"}, {BOX_READ, "/etc/alternatives"},
    {BOX_READ, "/etc/passwd"}, {BOX_READ, "/etc/group"}, {BOX_READ, "/etc/nsswitch.conf"},
    {BOX_READ, "/etc/hosts"}, {BOX_READ, "/etc/host.conf"},
    {BOX_READ, "/etc/resolv.conf"}, {BOX_READ, "/etc/gai.conf"},
    {BOX_READ, "/etc/protocols"}, {BOX_READ, "/etc/services"},
    {BOX_READ, "/etc/localtime"}, {BOX_READ, "/etc/timezone"},
    {BOX_READ, "/etc/os-release"}, {BOX_READ, "/etc/debian_version"},
    {BOX_READ, "/etc/locale.alias"}, {BOX_READ, "/etc/bash.bashrc"},
    {BOX_READ, "/etc/terminfo"}, {BOX_READ, "/etc/perl"}, {BOX_READ, "/etc/magic"},
    {BOX_READ, "/etc/mime.types"}, {BOX_READ, "/etc/ca-certificates"},
    {BOX_READ, "/etc/ssl/certs"}, {BOX_READ, "/etc/ssl/openssl.cnf"},
    {BOX_READ, "/etc/pki/tls/certs"}, {BOX_READ, "/etc/pki/ca-trust"},
    {BOX_READ, "/etc/crypto-policies"}, {BOX_READ, "/etc/claude-code"},
    {BOX_READ, "/proc/meminfo"}, {BOX_READ, "/proc/cpuinfo"}, {BOX_READ, "/proc/stat"},
    {BOX_READ, "/proc/uptime"}, {BOX_READ, "/proc/loadavg"}, {BOX_READ, "/proc/version"},
    {BOX_READ, "/proc/filesystems"}, {BOX_READ, "/proc/sys/kernel/osrelease"},
    {BOX_READ, "/proc/sys/kernel/random"}, {BOX_READ, "/proc/sys/kernel/pid_max"},
    {BOX_READ, "/proc/sys/kernel/ngroups_max"}, {BOX_READ, "/proc/sys/vm"},
    {BOX_READ, "/sys/devices/system/cpu"},
    {BOX_READ, "/sys/kernel/mm/transparent_hugepage"}, {BOX_DEVICE, "/dev/null"},
    /* not to be written: shared, it were memory that nobody counts */
    {BOX_READ, "/dev/zero"}, {BOX_DEVICE, "/dev/full"}, {BOX_READ, "/dev/random"},
    {BOX_READ, "/dev/urandom"}};

static int
add(struct box *b, enum box_kind kind, const char *path)
{
	if (b->n == BOX_RULES_MAX || path[0] != '/')
		return -1;
	b->rules[b->n++] = (struct box_rule){kind, path};
	return 1;
}

static int
add_machine(struct box *b)
{
	static glob_t found; /* what an interpreter reads at its start; its paths stay */

	for (size_t i = 0; i < sizeof machine / sizeof machine[0]; i++)
		if (add(b, machine[i].kind, machine[i].path) < 0)
			return -1;
	if (glob("/etc/python3*", 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc && i < 8; i++)
			if (add(b, BOX_READ, found.gl_pathv[i]) < 0)
				return -1;
	return 1;
}

static int
landlock_option(struct box *b, const char *value)
{
	static const char kinds[] = "rxwdc"; /* enum box_kind */
	const char *kind = strchr(kinds, value[0]);

	if (strcmp(value, "system") == 0)
		return add_machine(b);
	if (strcmp(value, "proc") == 0)
		return add(b, BOX_READ, "/proc");
	if (strcmp(value, "self") == 0)
		return add(b, BOX_READ, "/proc/self");
	if (!value[0] || !kind || value[1] != ':')
		return -1;
	return add(b, (enum box_kind)(kind - kinds), value + 2);
}

static int
net_option(struct box *b, const char *value)
{
	char *end;
	long port;

	b->names = false;
	if (strcmp(value, "none") == 0 || strcmp(value, "any") == 0) {
		b->net = value[0] == 'n' ? BOX_NET_NONE : BOX_NET_ANY;
		return 1;
	}
	if (strncmp(value, "port:", 5) != 0)
		return -1;
	port = strtol(value + 5, &end, 10);
	b->names = strcmp(end, ",names") == 0;
	if (port < 1 || port > PORT_MAX || end == value + 5 || (*end && !b->names))
		return -1;
	b->net = BOX_NET_PORT;
	b->port = (int)port;
	return 1;
}

static int
bytes_option(unsigned long long *bytes, const char *value)
{
	char *end;

	errno = 0;
	*bytes = strtoull(value, &end, 10);
	return errno || *end || value[0] < '0' || value[0] > '9' || *bytes < BYTES_MIN
	    ? -1
	    : 1;
}

int
box_option(struct box *b, const char *name, const char *value)
{
	int rc = 0;

	if (strcmp(name, "--landlock") == 0)
		rc = landlock_option(b, value);
	else if (strcmp(name, "--net") == 0)
		rc = net_option(b, value);
	else if (strcmp(name, "--memory") == 0)
		rc = bytes_option(&b->memory, value);
	else if (strcmp(name, "--file") == 0)
		rc = bytes_option(&b->file, value);
	else if (strcmp(name, "--shared") == 0)
		rc = (b->counted = strcmp(value, "none") == 0) ? 1 : -1;
	else if (strcmp(name, "--view") == 0)
		rc = (b->view = strcmp(value, "on") == 0) ? 1 : -1;
	else if (strcmp(name, "--seccomp") == 0)
		rc = (b->seccomp = strcmp(value, "on") == 0) ? 1 : -1;
	b->on = b->on || rc > 0;
	return rc;
}

static int
step(struct box *b, const char *what, int rc)
{
	if (rc < 0)
		b->failed = what;
	return rc;
}

int
box_put_on(struct box *b)
{
	int rc, death = 0;

	if (!b->on)
		return 0;
	death = self_parents_signal();
	box_brand();
	box_limit_priority();
	if (b->file && step(b, "limit its files", box_limit_file(b->file)) < 0)
		return -1;
	if (b->memory && step(b, "limit its memory", box_limit_memory(b->memory)) < 0)
		return -1;
	if (b->view && step(b, "make its view of the files", box_view_enter(b)) < 0)
		return -1;
	if (access(BOX_VIEW_MARK, F_OK) == 0)
		b->has_view = true; /* that of who started us */
	if (step(b, "drop privileges", box_drop_privileges()) < 0)
		return -1;
	b->privileged = box_is_privileged();
	(void)self_end_with_parent(death); /* new credentials may have cost it */
	b->abi = box_landlock_abi();
	if (b->abi &&
	    step(b, "confine it by Landlock", box_landlock_enforce(b, b->abi)) < 0)
		return -1;
	if (!b->seccomp)
		return 0;
	rc = step(b, "confine it by seccomp", box_seccomp_load(b));
	b->has_seccomp = rc == 0;
	return rc < 0 ? -1 : 0;
}
