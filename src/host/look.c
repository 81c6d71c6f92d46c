/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "host/look.h"
#include "host/site.h"
#include "host/verdict.h"

#define TAIL_MAX 4096 /* bytes of a log or task list */
#define THREADS_SHOWN 64
#define THREADS_MORE 32	     /* beyond them, in D: those are what is looked for */
#define STACK_LINES 4	     /* of a thread that waits for nothing special */
#define STACK_LINES_MAIN 16  /* of the main thread, and of those in D */
#define KERNEL_LINES 20u     /* warnings */
#define KERNEL_LAST_LINES 8u /* of any level */
#define KERNEL_LINE_MAX 300
#define KERNEL_RECORDS 50000 /* a kernel that never stops writing must not hold us */
#define KERNEL_WARNING 4     /* syslog level; below is worse */
#define FILES_MAX 512	     /* open files of QEMU that are looked at */
#define DIRS_MAX 8

static size_t
slurp(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* At most lines lines of it, each behind label. */
static void
cat_file(const char *label, const char *path, int lines)
{
	char text[TAIL_MAX];

	slurp(path, text, sizeof(text));
	for (char *save = NULL, *l = strtok_r(text, "\n", &save); l != NULL && lines > 0;
	     l = strtok_r(NULL, "\n", &save), lines--)
		printf("%s %s\n", label, l);
}

static void
word_of(char *dst, size_t size, const char *dir, const char *tid, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%.16s/%s", dir, tid, name);
	slurp(path, dst, size);
	dst[strcspn(dst, "\n")] = '\0';
}

/*
 * One line a thread: state, where in the kernel it sleeps, which call; then its
 * kernel stack, where we may read it, which names the driver that does not answer.
 */
static bool
show_thread(const char *dir, const char *tid, bool is_main, bool only_waiting)
{
	char comm[32], stat[512], wchan[64], call[128], path[128], *state;

	word_of(stat, sizeof(stat), dir, tid, "stat");
	state = strrchr(stat, ')');
	state = state && state[1] ? state + 2 : NULL;
	if (only_waiting && (state == NULL || *state != 'D'))
		return false;
	word_of(comm, sizeof(comm), dir, tid, "comm");
	word_of(wchan, sizeof(wchan), dir, tid, "wchan");
	word_of(call, sizeof(call), dir, tid, "syscall");
	call[strcspn(call, " ")] = '\0';
	printf("%-8.16s %c %-16s wchan=%s syscall=%s\n", tid, state ? *state : '?', comm,
	    *wchan ? wchan : "-", *call ? call : "-");
	fflush(stdout);
	snprintf(path, sizeof(path), "%s/%.16s/stack", dir, tid);
	cat_file("        ", path,
	    is_main || (state && *state == 'D') ? STACK_LINES_MAIN : STACK_LINES);
	return true;
}

int
look_process(void *arg)
{
	const struct look *c = arg;
	const struct qemu *q = &c->e->qemu;
	struct dirent *d;
	char dir[48];
	DIR *tasks;
	int n = 0;

	printf("pid %d, main thread %c, %d threads, %d stopped, %d waiting for a disk\n",
	    (int)q->pid, q->leader ? q->leader : '-', q->threads, q->stopped,
	    q->disk_wait);
	snprintf(dir, sizeof(dir), "/proc/%d/task", (int)q->pid);
	tasks = q->pid > 0 ? opendir(dir) : NULL;
	while (tasks != NULL && (d = readdir(tasks)) != NULL &&
	    n < THREADS_SHOWN + THREADS_MORE)
		if (isdigit((unsigned char)d->d_name[0]))
			n += show_thread(dir, d->d_name, atoi(d->d_name) == q->pid,
			    n >= THREADS_SHOWN);
	fflush(stdout);
	return 0;
}

static void
look_memory(struct evidence *e)
{
	static const char *const shown[] = {"MemTotal:", "MemFree:", "MemAvailable:",
	    "SwapTotal:", "SwapFree:", "Dirty:", "Writeback:"};
	char text[TAIL_MAX];

	slurp("/proc/meminfo", text, sizeof(text));
	for (char *save = NULL, *l = strtok_r(text, "\n", &save); l != NULL;
	     l = strtok_r(NULL, "\n", &save)) {
		if (strncmp(l, "MemAvailable:", 13) == 0)
			e->mem_free_mb = (int)(atoll(l + 13) / 1024);
		for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
			if (strncmp(l, shown[i], strlen(shown[i])) == 0)
				printf("memory %s\n", l);
	}
}

int
look_host(void *arg)
{
	const struct look *c = arg;
	char text[256];
	const char *p;

	slurp("/proc/loadavg", text, sizeof(text));
	if (isdigit((unsigned char)text[0]))
		c->e->load1_x100 = (int)(strtod(text, NULL) * 100 + 0.5);
	slurp("/proc/pressure/io", text, sizeof(text));
	p = strstr(text, "some avg10=");
	if (p != NULL)
		c->e->psi_io_x100 = (int)(strtod(p + 11, NULL) * 100 + 0.5);
	cat_file("loadavg", "/proc/loadavg", 1);
	cat_file("pressure cpu", "/proc/pressure/cpu", 2);
	cat_file("pressure io", "/proc/pressure/io", 2);
	cat_file("pressure memory", "/proc/pressure/memory", 2);
	cat_file("uptime", "/proc/uptime", 1);
	look_memory(c->e);
	c->e->host_known = true;
	fflush(stdout);
	return 0;
}

struct ring {
	char line[KERNEL_LINES][KERNEL_LINE_MAX];
	unsigned size, n;
};

static void
ring_put(struct ring *r, const char *seconds, const char *text)
{
	snprintf(r->line[r->n++ % r->size], KERNEL_LINE_MAX, "[%s] %s", seconds, text);
}

static void
ring_print(const struct ring *r, const char *label)
{
	for (unsigned i = r->n > r->size ? r->n - r->size : 0; i < r->n; i++)
		printf("%s %s\n", label, r->line[i % r->size]);
}

/* "level,number,microseconds,flags;text": a disk that times out says so there. */
int
look_kernel(void *arg)
{
	static struct ring warnings = {.size = KERNEL_LINES},
			   last = {.size = KERNEL_LAST_LINES};
	char record[1024], seconds[24], *text;
	long long us;
	ssize_t len;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), level, n = 0;

	/* EPIPE: records were overwritten while we read; the next read goes on */
	while (fd >= 0 && n++ < KERNEL_RECORDS &&
	    ((len = read(fd, record, sizeof(record) - 1)) > 0 ||
		(len < 0 && errno == EPIPE))) {
		record[len > 0 ? len : 0] = '\0';
		text = strchr(record, ';');
		if (text == NULL || sscanf(record, "%9d,%*[^,],%18lld", &level, &us) != 2)
			continue;
		*text++ = '\0';
		text[strcspn(text, "\n")] = '\0';
		snprintf(seconds, sizeof(seconds), "%lld.%03lld", us / 1000000,
		    us / 1000 % 1000);
		if ((level & 7) <= KERNEL_WARNING)
			ring_put(&warnings, seconds, text);
		ring_put(&last, seconds, text);
	}
	ring_print(&warnings, "warning");
	ring_print(&last, "last");
	fflush(stdout);
	return 0;
}

int
look_tasks(void *arg)
{
	const struct look *c = arg;

	cat_file("task", c->site->pve_tasks, INT_MAX);
	fflush(stdout);
	return 0;
}

enum look_disk
look_disk_kind(const char *target)
{
	/* of no file system that could hang, or none of a disk image */
	static const char *const other[] = {"/dev/shm/", "/dev/pts/", "/dev/hugepages",
	    "/dev/net/", "/memfd:", "/usr/", "/run/", "/var/run/", "/proc/", "/sys/",
	    "/etc/", "/var/log/", "/SYSV"};

	if (target[0] != '/')
		return DISK_OTHER; /* socket:[...], pipe:[...], anon_inode:... */
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		if (strncmp(target, other[i], strlen(other[i])) == 0)
			return DISK_OTHER;
	return strncmp(target, "/dev/", 5) == 0 ? DISK_BLOCK : DISK_FILE;
}

struct dirs {
	char path[DIRS_MAX][PATH_MAX];
	int n;
};

static void
dirs_add(struct dirs *d, const char *file)
{
	const char *slash = strrchr(file, '/');
	size_t len = slash == file ? 1 : (size_t)(slash - file);

	for (int i = 0; i < d->n; i++)
		if (strncmp(d->path[i], file, len) == 0 && d->path[i][len] == '\0')
			return;
	if (d->n == DIRS_MAX)
		return;
	memcpy(d->path[d->n], file, len);
	d->path[d->n++][len] = '\0';
}

/* Only names are read: nothing here touches what the files lie on. */
static void
look_files(const struct site *s, struct evidence *e, struct dirs *dirs)
{
	char dir[48], path[80], target[PATH_MAX];
	struct dirent *d;
	struct stat st;
	DIR *files;
	int n = 0;

	snprintf(dir, sizeof(dir), "/proc/%d/fd", (int)e->qemu.pid);
	files = e->qemu.pid > 0 ? opendir(dir) : NULL;
	while (files != NULL && (d = readdir(files)) != NULL && n++ < FILES_MAX) {
		enum look_disk kind;
		ssize_t len;

		snprintf(path, sizeof(path), "%s/%.16s", dir, d->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		kind = look_disk_kind(target);
		if (kind == DISK_BLOCK && (stat(target, &st) < 0 || !S_ISBLK(st.st_mode)))
			continue;
		if (kind == DISK_OTHER || strcmp(target, s->pidfile) == 0)
			continue;
		printf("disk %s: %s\n", kind == DISK_BLOCK ? "device" : "file", target);
		if (kind == DISK_BLOCK)
			e->disks_block++;
		else {
			e->disks_file++;
			dirs_add(dirs, target);
		}
	}
	if (files != NULL) {
		e->disks_known = true;
		closedir(files);
	}
}

static void
look_space(const char *path)
{
	struct statvfs v;
	unsigned long long free_mb, used_pct = 0;

	printf("%s: ", path);
	fflush(stdout); /* if the next line never comes back, this says where */
	if (statvfs(path, &v) < 0) {
		printf("%s\n", strerror(errno));
		return;
	}
	free_mb = (unsigned long long)v.f_bavail * v.f_frsize / 1048576;
	if (v.f_blocks > 0)
		used_pct = 100 - (unsigned long long)v.f_bavail * 100 / v.f_blocks;
	printf("%llu %% used, %llu MiB free, %llu files free\n", used_pct, free_mb,
	    (unsigned long long)v.f_favail);
	fflush(stdout);
}

int
look_disks(void *arg)
{
	const struct look *c = arg;
	static struct dirs dirs;

	look_files(c->site, c->e, &dirs);
	fflush(stdout);
	look_space("/");
	for (int i = 0; i < dirs.n; i++)
		look_space(dirs.path[i]);
	look_space(c->site->run_dir);
	fflush(stdout);
	return 0;
}
