/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Landlock by its system calls: files, TCP, signals and abstract sockets.
 *
 * The bits are ours, because the C library's headers know the first version only;
 * what the running kernel does not know is left out of the ruleset.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/launcher_box.h"
#include "base/self.h"

/* The same on all architectures. */
#define NR_CREATE_RULESET 444
#define NR_ADD_RULE 445
#define NR_RESTRICT_SELF 446
#define CREATE_VERSION 1u

#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_ABI1 ((1ull << 13) - 1)
#define FS_REFER (1ull << 13)	     /* 2 */
#define FS_TRUNCATE (1ull << 14)     /* 3 */
#define FS_IOCTL_DEV (1ull << 15)    /* 5 */
#define FS_RESOLVE_UNIX (1ull << 16) /* 9 */
#define FS_OF_FILES                                                               \
	(FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV | \
	    FS_RESOLVE_UNIX)
#define NET_BIND_TCP (1ull << 0)
#define NET_CONNECT_TCP (1ull << 1)
#define SCOPE_ABSTRACT_UNIX (1ull << 0)
#define SCOPE_SIGNAL (1ull << 1)
#define RULE_PATH 1
#define RULE_PORT 2

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_attr {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

struct port_attr {
	uint64_t access, port;
};

static const uint64_t granted[] = {
    [BOX_READ] = FS_READ_FILE | FS_READ_DIR,
    [BOX_RUN] = FS_READ_FILE | FS_READ_DIR | FS_EXECUTE,
    [BOX_WRITE] = (FS_ABI1 | FS_REFER | FS_TRUNCATE | FS_RESOLVE_UNIX) &
	~((1ull << 6) | (1ull << 11)), /* no device nodes */
    [BOX_DEVICE] = FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
    [BOX_CONNECT] = FS_RESOLVE_UNIX,
};

int
box_landlock_abi(void)
{
	long abi = syscall(NR_CREATE_RULESET, NULL, 0, CREATE_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static uint64_t
fs_of(int abi)
{
	return FS_ABI1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
	    (abi >= 5 ? FS_IOCTL_DEV : 0) | (abi >= 9 ? FS_RESOLVE_UNIX : 0);
}

/* A path that is not there needs no rule. */
static int
add_path(int set, const struct box_rule *r, uint64_t fs)
{
	struct path_attr attr = {.access = granted[r->kind] & fs};
	struct stat st;
	int rc = -1;

	attr.fd = open(r->path, O_PATH | O_CLOEXEC);
	if (attr.fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
	if (fstat(attr.fd, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			attr.access &= FS_OF_FILES;
		rc =
		    attr.access ? (int)syscall(NR_ADD_RULE, set, RULE_PATH, &attr, 0) : 0;
	}
	close(attr.fd);
	return rc;
}

static int
add_rules(int set, const struct box *b, int abi)
{
	struct port_attr port = {.access = NET_CONNECT_TCP, .port = (uint64_t)b->port};

	for (int i = 0; i < b->n; i++)
		if (add_path(set, &b->rules[i], fs_of(abi)) < 0)
			return -1;
	if (abi >= 4 && b->net == BOX_NET_PORT)
		return (int)syscall(NR_ADD_RULE, set, RULE_PORT, &port, 0);
	return 0;
}

int
box_landlock_enforce(const struct box *b, int abi)
{
	struct ruleset_attr attr = {.fs = b->n ? fs_of(abi) : 0};
	int set, rc = -1;

	if (abi >= 4)
		attr.net =
		    b->net == BOX_NET_ANY ? NET_BIND_TCP : NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 6)
		attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	if (!attr.fs && !attr.net && !attr.scoped)
		return 0;
	set = (int)syscall(NR_CREATE_RULESET, &attr, sizeof attr, 0);
	if (set < 0)
		return -1;
	if (add_rules(set, b, abi) == 0 && self_no_new_privileges() == 0)
		rc = (int)syscall(NR_RESTRICT_SELF, set, 0);
	close(set);
	return rc;
}
