/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdbool.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/site.h"

#define SITE_FILE_MAX (16 * 1024)	 /* bytes */
#define SITE_BUDGET_MAX (10 * 60 * 1000) /* ms */

struct path_key {
	const char *name;
	size_t offset;
	const char *value;
};

struct ms_key {
	const char *name;
	size_t offset;
	int value;
};

#define RUN "/var/run/qemu-server/102"
static const struct path_key path_keys[] = {
    {"gdb", offsetof(struct site, gdb), "/usr/bin/gdb"},
    {"lock", offsetof(struct site, lock), "/run/breakglass.lock"},
    {"log", offsetof(struct site, log), "/var/log/breakglass/breakglass.log"},
    {"lvs", offsetof(struct site, lvs), "/usr/sbin/lvs"},
    {"pidfile", offsetof(struct site, pidfile), RUN ".pid"},
    {"pve_conf", offsetof(struct site, pve_conf), "/etc/pve/qemu-server/102.conf"},
    {"pve_flock", offsetof(struct site, pve_flock),
	"/var/lock/qemu-server/lock-102.conf"},
    {"pve_ha", offsetof(struct site, pve_ha), "/etc/pve/ha/resources.cfg"},
    {"pve_local", offsetof(struct site, pve_local), "/etc/pve/local"},
    {"pve_nodes", offsetof(struct site, pve_nodes), "/etc/pve/nodes"},
    {"pve_storage", offsetof(struct site, pve_storage), "/etc/pve/storage.cfg"},
    {"pve_tasks", offsetof(struct site, pve_tasks), "/var/log/pve/tasks/active"},
    {"pvesh", offsetof(struct site, pvesh), "/usr/bin/pvesh"},
    {"qga", offsetof(struct site, qga), RUN ".qga"},
    {"qm", offsetof(struct site, qm), "/usr/sbin/qm"},
    {"qmp", offsetof(struct site, qmp), RUN ".qmp"},
    {"run_dir", offsetof(struct site, run_dir), "/var/lib/breakglass"},
    {"spare_dir", offsetof(struct site, spare_dir), "/run/breakglass"},
    {"syslog", offsetof(struct site, syslog), "/dev/log"},
    {"systemd_run_path", offsetof(struct site, systemd_run_path), "/usr/bin/systemd-run"},
};

/* stop_ms: Proxmox up to 9.1.18 needs 16.1 s to end a QEMU that ignores quit. */
static const struct ms_key ms_keys[] = {
    {"follow_ms", offsetof(struct site, follow_ms), 480000},
    {"forensics_ms", offsetof(struct site, forensics_ms), 8000},
    {"gap_ms", offsetof(struct site, gap_ms), 3000},
    {"gone_ms", offsetof(struct site, gone_ms), 10000},
    {"greeting_ms", offsetof(struct site, greeting_ms), 3000},
    {"ha_ms", offsetof(struct site, ha_ms), 90000},
    {"progress_ms", offsetof(struct site, progress_ms), 20000},
    {"reset_ms", offsetof(struct site, reset_ms), 20000},
    {"start_ms", offsetof(struct site, start_ms), 120000},
    {"status_ms", offsetof(struct site, status_ms), 6000},
    {"stop_ms", offsetof(struct site, stop_ms), 20000},
    {"term_ms", offsetof(struct site, term_ms), 2000},
    {"verify_ms", offsetof(struct site, verify_ms), 15000},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char *
path_at(struct site *s, size_t offset)
{
	return (char *)s + offset;
}

void
site_defaults(struct site *s)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < COUNT(path_keys); i++)
		strcpy(path_at(s, path_keys[i].offset), path_keys[i].value);
	for (size_t i = 0; i < COUNT(ms_keys); i++)
		memcpy((char *)s + ms_keys[i].offset, &ms_keys[i].value, sizeof(int));
	s->systemd_run = SITE_SYSTEMD_AUTO;
}

static int
set_path(struct site *s, const struct path_key *k, const char *value)
{
	if (strlen(value) >= SITE_PATH_MAX || (*value != '\0' && *value != '/'))
		return -1;
	strcpy(path_at(s, k->offset), value);
	return 0;
}

static int
set_ms(struct site *s, const struct ms_key *k, const char *value)
{
	char *end;
	long n;
	int ms;

	if (!isdigit((unsigned char)*value))
		return -1;
	errno = 0;
	n = strtol(value, &end, 10);
	if (errno != 0 || *end != '\0' || n < 1 || n > SITE_BUDGET_MAX)
		return -1;
	ms = (int)n;
	memcpy((char *)s + k->offset, &ms, sizeof(ms));
	return 0;
}

static int
set_systemd(struct site *s, const char *value)
{
	static const char *const words[] = {"auto", "yes", "no"};

	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i], value) == 0) {
			s->systemd_run = (enum site_systemd)i;
			return 0;
		}
	return -1;
}

/* 0, -1 bad value, -2 no such key */
static int
set_key(struct site *s, const char *key, const char *value)
{
	for (size_t i = 0; i < COUNT(path_keys); i++)
		if (strcmp(path_keys[i].name, key) == 0)
			return set_path(s, &path_keys[i], value);
	for (size_t i = 0; i < COUNT(ms_keys); i++)
		if (strcmp(ms_keys[i].name, key) == 0)
			return set_ms(s, &ms_keys[i], value);
	if (strcmp(key, "systemd_run") == 0)
		return set_systemd(s, value);
	return -2;
}

static char *
trim(char *text)
{
	char *end;

	while (*text == ' ' || *text == '\t')
		text++;
	end = text + strlen(text);
	while (end > text && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		*--end = '\0';
	return text;
}

static int
read_lines(struct site *s, char *text, const char *path, char *why, size_t why_size)
{
	bool has_lock = false, has_run_dir = false, has_spare = false;
	char *save = NULL;
	int number = 0;

	/* strtok_r skips empty lines; numbers are counted over those it gives */
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char *key = trim(line), *eq = strchr(key, '='), *value;
		int rc;

		number++;
		if (*key == '\0' || *key == '#')
			continue;
		if (eq == NULL) {
			snprintf(why, why_size, "%s: entry %d is not \"key = value\"",
			    path, number);
			return -1;
		}
		*eq = '\0';
		key = trim(key);
		value = trim(eq + 1);
		rc = set_key(s, key, value);
		if (rc < 0) {
			snprintf(why, why_size, "%s: %s: %.40s", path,
			    rc == -2 ? "unknown key" : "bad value for", key);
			return -1;
		}
		has_lock |= strcmp(key, "lock") == 0;
		has_run_dir |= strcmp(key, "run_dir") == 0;
		has_spare |= strcmp(key, "spare_dir") == 0;
	}
	if (has_run_dir && !has_lock &&
	    snprintf(s->lock, sizeof(s->lock), "%s/lock", s->run_dir) >=
		(int)sizeof(s->lock)) {
		snprintf(why, why_size, "%s: run_dir is too long", path);
		return -1;
	}
	if (has_run_dir && !has_spare)
		s->spare_dir[0] = '\0';
	return 0;
}

int
site_read(struct site *s, const char *path, char *why, size_t why_size)
{
	char text[SITE_FILE_MAX + 1];
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return -1;
	}
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n < 0 || n > SITE_FILE_MAX || memchr(text, '\0', (size_t)n) != NULL) {
		snprintf(why, why_size, "%s: not a text file of at most %d bytes", path,
		    SITE_FILE_MAX);
		return -1;
	}
	text[n] = '\0';
	return read_lines(s, text, path, why, why_size);
}
