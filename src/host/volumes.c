/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/probe.h"
#include "host/proc.h"
#include "host/site.h"
#include "host/space.h"
#include "host/storage.h"
#include "host/volumes.h"

#define LOOK_MS 2000
#define TEXT_MAX (64 * 1024) /* bytes of a config */
#define WHY_MAX 400

static const char *
next_line(const char *p)
{
	p = strchr(p, '\n');
	return p ? p + 1 : "";
}

static bool
is_network(const struct storage *st)
{
	return strcmp(st->type, "nfs") == 0 || strcmp(st->type, "cifs") == 0 ||
	    strcmp(st->type, "cephfs") == 0;
}

/* One that is not mounted is mounted by qm start: then nothing is known. */
static bool
is_mounted(const char *path)
{
	char up[200];
	struct stat here, above;

	snprintf(up, sizeof(up), "%s/..", path);
	return stat(path, &here) < 0
	    ? errno != ENOENT
	    : stat(up, &above) == 0 && here.st_dev != above.st_dev;
}

/* "iso/NAME" and "102/NAME"; a linked clone's name has more parts. */
static bool
file_of(const struct storage *st, const char *volume, char *path, size_t size)
{
	const char *slash = strchr(volume, '/');
	size_t dir = slash ? (size_t)(slash - volume) : 0;

	if (slash == NULL || strchr(slash + 1, '/') != NULL || st->own_dirs)
		return false;
	if (strncmp(volume, "iso/", 4) == 0)
		return snprintf(path, size, "%s/template/%s", st->path, volume) <
		    (int)size;
	return dir > 0 && strspn(volume, "0123456789") == dir &&
	    snprintf(path, size, "%s/images/%s", st->path, volume) < (int)size;
}

/* "KEY: STORAGE:VOLUME[,...]": is its file surely not there? */
static bool
is_missing(const char *key, const char *value, const char *cfg, char *why, size_t size)
{
	char id[64], volume[160], path[400];
	struct storage st;
	struct stat file;

	if (sscanf(value, " %63[^:, \n]:%159[^,\r\n]", id, volume) != 2 || *id == '/' ||
	    strstr(volume, "cloudinit") != NULL || !storage_find(cfg, id, &st) ||
	    (strcmp(st.type, "dir") != 0 && !is_network(&st)))
		return false;
	if (st.path[0] == '\0')
		snprintf(st.path, sizeof(st.path), "/mnt/pve/%.100s", id);
	if (!file_of(&st, volume, path, sizeof(path)))
		return false;
	snprintf(why, size,
	    "storage %s (%s of VM 102) does not answer, and qm start would wait for it: "
	    "bring it back%s, then send it again",
	    id, key, strncmp(volume, "iso/", 4) == 0 ? " or take the CD image out" : "");
	if ((is_network(&st) && !is_mounted(st.path)) || stat(path, &file) == 0) {
		*why = '\0';
		return false;
	}
	if (strncmp(volume, "iso/", 4) == 0)
		snprintf(why, size,
		    "%s: %.150s: %s: qm start would fail; take the CD image out on the "
		    "host (qm set 102 --%s none,media=cdrom), then send it again",
		    key, path, strerror(errno), key);
	else
		snprintf(why, size,
		    "%s: %.200s: %s: qm start would fail; bring that file or its storage "
		    "back, then send it again",
		    key, path, strerror(errno));
	return true;
}

/* Where "[PENDING]" begins; an empty text when there is none. */
static const char *
pending_of(const char *config)
{
	for (const char *l = config; *l != '\0'; l = next_line(l))
		if (strncmp(l, "[PENDING]", 9) == 0)
			return next_line(l);
	return "";
}

/* Is this key set anew or deleted by what is staged? */
static bool
is_staged(const char *pending, const char *key)
{
	size_t len = strlen(key);

	for (const char *l = pending; *l != '\0' && *l != '['; l = next_line(l)) {
		const char *w = l + 7;

		if (strncmp(l, key, len) == 0 && l[len] == ':')
			return true;
		if (strncmp(l, "delete:", 7) != 0)
			continue;
		while (*w != '\0' && *w != '\n') {
			w += strspn(w, " ,!");
			if (strncmp(w, key, len) == 0 && strcspn(w, ", \r\n") == len)
				return true;
			w += strcspn(w, ", \n");
		}
	}
	return false;
}

static bool
look_part(const char *part, const char *pending, const char *cfg, char *why, size_t size)
{
	char key[24];

	for (const char *l = part; *l != '\0' && *l != '['; l = next_line(l)) {
		size_t len = strcspn(l, ": \n");

		if (l[len] != ':' || len >= sizeof(key) || !space_is_disk_key(l, len))
			continue;
		snprintf(key, sizeof(key), "%.*s", (int)len, l);
		if (part != pending && is_staged(pending, key))
			continue;
		if (is_missing(key, l + len + 1, cfg, why, size))
			return true;
	}
	return false;
}

bool
volumes_look(const char *config, const char *storage_cfg, char *why, size_t size)
{
	const char *pending = pending_of(config);

	return look_part(config, pending, storage_cfg, why, size) ||
	    look_part(pending, pending, storage_cfg, why, size);
}

struct look {
	const struct site *site;
	char *why; /* shared */
};

static int
look_here(void *arg)
{
	static char config[TEXT_MAX], storages[TEXT_MAX];
	struct look *l = arg;

	if (proc_slurp(l->site->pve_conf, config, sizeof(config)) <= 0 ||
	    proc_slurp(l->site->pve_storage, storages, sizeof(storages)) <= 0)
		return 0;
	return volumes_look(config, storages, l->why, WHY_MAX);
}

bool
volumes_missing(const struct site *s, char *why, size_t size)
{
	struct look l = {s, probe_shared(WHY_MAX)};
	struct probe p = {
	    .name = "volumes", .limit_ms = LOOK_MS, .fn = look_here, .arg = &l};
	int rc = probe_run(&p);
	bool missing = (rc == 1 || rc == PROBE_TIMEOUT) && l.why[0] != '\0';

	probe_end(&p);
	if (missing)
		snprintf(why, size, "%.*s", WHY_MAX - 1, l.why);
	munmap(l.why, WHY_MAX);
	return missing;
}
