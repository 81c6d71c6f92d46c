/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include "host/mono.h"
#include "host/probe.h"
#include "host/proc.h"
#include "host/site.h"
#include "host/space.h"
#include "host/storage.h"

#define LOOK_MS 2000
#define FULL_PCT 99.9
#define TEXT_MAX (64 * 1024) /* bytes of a config */

struct look {
	const struct site *site;
	struct space *sp;
};

bool
space_is_disk_key(const char *key, size_t len)
{
	static const char *const buses[] = {
	    "scsi", "virtio", "sata", "ide", "efidisk", "tpmstate"};

	for (size_t i = 0; i < sizeof(buses) / sizeof(buses[0]); i++) {
		size_t n = strlen(buses[i]);

		/* "scsihw" is no disk: a number must follow */
		if (len > n && memcmp(key, buses[i], n) == 0 &&
		    isdigit((unsigned char)key[n]))
			return true;
	}
	return false;
}

static void
add(struct space *sp, const char *name)
{
	for (int i = 0; i < sp->n; i++)
		if (strcmp(sp->pool[i].name, name) == 0)
			return;
	if (*name == '\0' || sp->n == SPACE_POOLS_MAX)
		return;
	snprintf(sp->pool[sp->n].name, sizeof(sp->pool[0].name), "%s", name);
	sp->pool[sp->n++].pct = -1;
}

static void
add_storage(const char *cfg, const char *id, struct space *sp)
{
	char name[sizeof(sp->pool[0].name)];
	struct storage st;

	if (!storage_find(cfg, id, &st))
		return;
	if (strcmp(st.type, "dir") == 0 && st.path[0] == '/')
		add(sp, st.path);
	else if (strcmp(st.type, "lvmthin") == 0 && st.vgname[0] && st.thinpool[0]) {
		snprintf(name, sizeof(name), "%.38s/%.38s", st.vgname, st.thinpool);
		add(sp, name);
	}
}

void
space_pools(const char *config, const char *storage_cfg, struct space *sp)
{
	memset(sp, 0, sizeof(*sp));
	sp->pct = -1;
	for (const char *l = config; l != NULL && *l != '\0' && *l != '[';
	     l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
		size_t key = strcspn(l, ": \n");
		char id[64];

		if (l[key] != ':' || !space_is_disk_key(l, key))
			continue;
		/* "none,media=cdrom" and absolute paths name no storage */
		if (sscanf(l + key + 1, " %63[^:, \r\n]:", id) == 1 &&
		    l[key + 1 + strcspn(l + key + 1, ":,\r\n")] == ':')
			add_storage(storage_cfg, id, sp);
	}
}

static void
set_pct(struct space *sp, struct space_pool *p, double used)
{
	p->pct = used >= 100 ? 100 : (int)used;
	sp->full |= used >= FULL_PCT;
	if (p->pct > sp->pct || used >= FULL_PCT) {
		sp->pct = used >= FULL_PCT ? 100 : p->pct;
		memcpy(sp->worst, p->name, sizeof(sp->worst));
	}
}

void
space_lvs(const char *text, struct space *sp)
{
	char vg[40], lv[40], name[sizeof(sp->pool[0].name)];
	double data, meta;

	for (; text != NULL && *text != '\0';
	     text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL) {
		int n =
		    sscanf(text, " %38[^, \n],%38[^, \n],%lf,%lf", vg, lv, &data, &meta);

		if (n < 3)
			continue;
		snprintf(name, sizeof(name), "%s/%s", vg, lv);
		for (int i = 0; i < sp->n; i++)
			if (strcmp(sp->pool[i].name, name) == 0)
				set_pct(sp, &sp->pool[i],
				    n == 4 && meta > data ? meta : data);
	}
}

static int
look_here(void *arg)
{
	static char config[TEXT_MAX], storages[TEXT_MAX];
	struct look *l = arg;
	struct statvfs v;

	if (proc_slurp(l->site->pve_conf, config, sizeof(config)) <= 0 ||
	    proc_slurp(l->site->pve_storage, storages, sizeof(storages)) <= 0)
		return 0;
	space_pools(config, storages, l->sp);
	for (int i = 0; i < l->sp->n; i++)
		if (l->sp->pool[i].name[0] == '/' &&
		    statvfs(l->sp->pool[i].name, &v) == 0 && v.f_blocks > 0)
			set_pct(l->sp, &l->sp->pool[i],
			    100 - 100.0 * (double)v.f_bfree / (double)v.f_blocks);
	return 0;
}

static bool
has_thin(const struct space *sp)
{
	for (int i = 0; i < sp->n; i++)
		if (sp->pool[i].name[0] != '/')
			return true;
	return false;
}

static void
ask_lvs(const struct site *s, struct space *sp, int limit_ms)
{
	const char *argv[] = {s->lvs, "--noheadings", "--separator", ",", "-o",
	    "vg_name,lv_name,data_percent,metadata_percent", NULL};
	struct probe p = {.name = "lvs", .limit_ms = limit_ms, .argv = argv};
	char *text;
	size_t len;

	if (probe_run(&p) == 0) {
		text = probe_text(&p, &len);
		space_lvs(text, sp);
		free(text);
	}
	probe_end(&p);
}

void
space_look(const struct site *s, struct space *sp)
{
	struct look l = {s, probe_shared(sizeof(*sp))};
	struct probe p = {
	    .name = "space", .limit_ms = LOOK_MS, .fn = look_here, .arg = &l};
	long long began = mono_ms();
	int left;

	l.sp->pct = -1;
	(void)probe_run(&p);
	probe_end(&p);
	*sp = *l.sp;
	munmap(l.sp, sizeof(*sp));
	left = LOOK_MS - (int)(mono_ms() - began);
	if (s->lvs[0] != '\0' && has_thin(sp) && left > 0)
		ask_lvs(s, sp, left);
}
