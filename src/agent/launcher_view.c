/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A view of the files that holds what the rules name and nothing else.
 *
 * A mount namespace whose root is an empty memory file system, with the paths of the
 * rules bound into it.  It is what keeps the sockets of others out of reach: no kernel
 * before Landlock 9 refuses to connect to a path, but a path that is not there cannot
 * be named.  The user namespace that it takes also makes processes outside strangers
 * to ptrace.  Many containers and some distributions allow neither: it is tried in a
 * child first, and where it does not work all is left as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/launcher_box.h"
#include "base/path.h"

#define BASE "/tmp" /* only for the moment before it becomes the root */
#define OLD "/.old" /* where the machine's own root is until all is bound */
#define TMP_SIZE "64m"
#define NR_MOUNT_SETATTR 442
#define ATTR_RDONLY 0x1ull
#define ATTR_NOSUID 0x2ull
#define AT_EVERYTHING 0x8000 /* AT_RECURSIVE */

struct attr {
	uint64_t set, clear, propagation, userns;
};

/* A rule's path without links; the links themselves are made anew. */
struct entry {
	const char *path;
	char *real;
	enum box_kind kind;
	int dir;
};

static int
write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static int
map_ids(uid_t uid, gid_t gid)
{
	char text[64];

	snprintf(text, sizeof text, "%u %u 1", (unsigned)uid, (unsigned)uid);
	if (write_text("/proc/self/setgroups", "deny") < 0 && errno != ENOENT)
		return -1;
	if (write_text("/proc/self/uid_map", text) < 0)
		return -1;
	snprintf(text, sizeof text, "%u %u 1", (unsigned)gid, (unsigned)gid);
	return write_text("/proc/self/gid_map", text);
}

static int
compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->real, y->real);

	return order ? order : (y->kind == BOX_WRITE) - (x->kind == BOX_WRITE);
}

/* While the machine's root is still ours.  What is not there is left out. */
static int
resolve(const struct box *b, struct entry *list)
{
	int n = 0;

	for (int i = 0; i < b->n; i++) {
		struct stat st;
		char *real = realpath(b->rules[i].path, NULL);

		if (!real || strcmp(real, "/") == 0 || stat(real, &st) < 0) {
			free(real);
			continue;
		}
		list[n++] = (struct entry){.path = b->rules[i].path,
		    .real = real,
		    .kind = b->rules[i].kind,
		    .dir = S_ISDIR(st.st_mode)};
	}
	qsort(list, (size_t)n, sizeof *list, compare);
	return n;
}

/* The folders above path. */
static int
make_parents(const char *path)
{
	char copy[PATH_MAX];

	if (strlen(path) >= sizeof copy) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(copy, path);
	for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -1;
		*p = '/';
	}
	return 0;
}

static int
make_place(const struct entry *e)
{
	int fd;

	if (make_parents(e->real) < 0)
		return -1;
	if (e->dir)
		return mkdir(e->real, 0755) < 0 && errno != EEXIST ? -1 : 0;
	fd = open(e->real, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	if (fd < 0)
		return errno == EROFS ? 0 : -1; /* it is in a folder that is bound */
	close(fd);
	return 0;
}

/* What the mount has stays: none of it may be taken off in a namespace of a user. */
static int
remount(const char *path, uint64_t set)
{
	static const unsigned long flags[][2] = {{ST_RDONLY, MS_RDONLY},
	    {ST_NODEV, MS_NODEV}, {ST_NOEXEC, MS_NOEXEC}, {ST_NOATIME, MS_NOATIME},
	    {ST_NODIRATIME, MS_NODIRATIME}, {ST_RELATIME, MS_RELATIME}};
	unsigned long all = MS_REMOUNT | MS_BIND | MS_NOSUID;
	struct statvfs now;

	if (statvfs(path, &now) < 0)
		return -1;
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (now.f_flag & flags[i][0])
			all |= flags[i][1];
	if (set & ATTR_RDONLY)
		all |= MS_RDONLY;
	return mount(NULL, path, NULL, all, NULL);
}

/* One by one what a kernel since 5.12 does at once. */
static int
remount_below(const char *path, uint64_t set)
{
	FILE *f = setmntent(OLD "/proc/self/mounts", "re");
	struct mntent *m;
	int rc = remount(path, set);

	while (f && rc == 0 && (m = getmntent(f)) != NULL)
		if (strcmp(m->mnt_dir, path) != 0 && path_is_below(m->mnt_dir, path) &&
		    access(m->mnt_dir, F_OK) == 0)
			rc = remount(m->mnt_dir, set);
	if (f)
		endmntent(f);
	return rc;
}

static int
set_attr(const char *path, unsigned flags, uint64_t set)
{
	struct attr attr = {.set = set};
	int rc =
	    (int)syscall(NR_MOUNT_SETATTR, AT_FDCWD, path, flags, &attr, sizeof attr);

	if (rc == 0 || errno != ENOSYS)
		return rc;
	return flags & AT_EVERYTHING ? remount_below(path, set) : remount(path, set);
}

/* Whether an earlier entry shows this one with all that it grants. */
static bool
is_shown(const struct entry *list, int i)
{
	for (int k = 0; k < i; k++)
		if (list[k].dir && path_is_below(list[i].real, list[k].real) &&
		    (list[i].kind != BOX_WRITE || list[k].kind == BOX_WRITE))
			return true;
	return false;
}

static int
bind_entry(const struct entry *e)
{
	char from[PATH_MAX];
	bool writable = e->kind == BOX_WRITE || e->kind == BOX_DEVICE ||
	    strcmp(e->real, "/proc") == 0;

	if (snprintf(from, sizeof from, OLD "%s", e->real) >= (int)sizeof from) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (make_place(e) < 0 || mount(from, e->real, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -1;
	return set_attr(
	    e->real, AT_EVERYTHING, ATTR_NOSUID | (writable ? 0 : ATTR_RDONLY));
}

/* /bin -> usr/bin and its like, and a rule that went through a link. */
static void
make_link(const struct entry *e)
{
	struct stat st;

	if (strcmp(e->path, e->real) == 0 || lstat(e->path, &st) == 0 ||
	    make_parents(e->path) < 0)
		return;
	if (symlink(e->real, e->path) < 0)
		errno = 0; /* its folder is bound: then the link is there too */
}

static int
fill(struct entry *list, int n)
{
	static const char *const links[][2] = {{"/proc/self/fd", "/dev/fd"},
	    {"fd/0", "/dev/stdin"}, {"fd/1", "/dev/stdout"}, {"fd/2", "/dev/stderr"}};

	/* First, so that what is bound below it is not covered. */
	if (mkdir("/tmp", 0755) < 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV,
		"mode=1777,size=" TMP_SIZE) < 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (!is_shown(list, i) && bind_entry(&list[i]) < 0)
			return -1;
	for (int i = 0; i < n; i++)
		make_link(&list[i]);
	mkdir("/dev", 0755);
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
			return -1;
	close(open(BOX_VIEW_MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0444));
	return 0;
}

static int
enter_root(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", BASE, "tmpfs", MS_NOSUID | MS_NODEV,
		"mode=755,size=" TMP_SIZE) < 0 ||
	    mkdir(BASE OLD, 0700) < 0 || chdir(BASE) < 0 ||
	    syscall(SYS_pivot_root, ".", BASE OLD) < 0)
		return -1;
	return chdir("/");
}

static int
build(struct box *b, struct entry *list, int n)
{
	int flags = CLONE_NEWNS | (b->net == BOX_NET_NONE ? CLONE_NEWNET : 0);
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | flags) == 0) {
		if (map_ids(uid, gid) < 0)
			return -1;
	} else if (unshare(flags) < 0)
		return -1;
	b->has_net = b->net == BOX_NET_NONE;
	if (enter_root() < 0 || fill(list, n) < 0 || umount2(OLD, MNT_DETACH) < 0 ||
	    rmdir(OLD) < 0)
		return -1;
	if (set_attr("/", 0, ATTR_RDONLY | ATTR_NOSUID) < 0)
		return -1;
	b->has_view = true;
	return 0;
}

int
box_view_enter(struct box *b)
{
	static struct entry list[BOX_RULES_MAX];
	int n = resolve(b, list), status = 1;
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (pid == 0)
		_exit(build(b, list, n) < 0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 ? build(b, list, n) : 0;
}
