/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/proc.h"
#include "host/site.h"

const char *proc_root = "/proc";

ssize_t
proc_slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t n = 0;
	ssize_t rc = 0;

	if (fd < 0)
		return -1;
	while (n < size - 1 && (rc = read(fd, buf + n, size - 1 - n)) > 0)
		n += (size_t)rc;
	close(fd);
	buf[n] = '\0';
	return rc < 0 ? -1 : (ssize_t)n;
}

/* comm may hold spaces and parentheses: fields count from the last ')'. */
int
proc_stat(
    const char *path, char *state, unsigned long long *ticks, unsigned long long *start)
{
	char text[1024], *p;
	unsigned long long ut, st;

	if (proc_slurp(path, text, sizeof(text)) <= 0 || (p = strrchr(text, ')')) == NULL)
		return -1;
	if (sscanf(p + 1,
		" %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d "
		"%*d %*d %llu",
		state, &ut, &st, start) != 4)
		return -1;
	if (ticks != NULL)
		*ticks = ut + st;
	return 0;
}

long long
proc_start(long long pid)
{
	unsigned long long start;
	char path[SITE_PATH_MAX + 48], state;

	snprintf(path, sizeof(path), "%s/%lld/stat", proc_root, pid);
	if (proc_stat(path, &state, NULL, &start) < 0 || state == 'Z' || state == 'X')
		return -1;
	return (long long)start;
}

bool
proc_is_trusted(pid_t pid)
{
	char path[SITE_PATH_MAX + 32];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%d", proc_root, (int)pid);
	return stat(path, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid());
}

void
proc_each(int (*fn)(void *arg, pid_t pid), void *arg)
{
	DIR *dir = opendir(proc_root);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]) && fn(arg, atoi(e->d_name)) != 0)
			break;
	if (dir != NULL)
		closedir(dir);
}
