/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What Proxmox's files and commands say: a VM's config and its lock, pending
 * config, HA resources, storages, lvs and the list of tasks.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "host/ha.h"
#include "host/holder.h"
#include "host/out.h"
#include "host/pending.h"
#include "host/preflight.h"
#include "host/space.h"

static void
read_space(char *text)
{
	struct space sp;
	char *half = strchr(text, '\f');

	/* the config before a form feed, storage.cfg behind it */
	if (half != NULL)
		*half++ = '\0';
	space_pools(text, half ? half : text, &sp);
	must(sp.n >= 0 && sp.n <= SPACE_POOLS_MAX);
	for (int i = 0; i < sp.n; i++) {
		must(strnlen(sp.pool[i].name, sizeof(sp.pool[i].name)) <
		    sizeof(sp.pool[i].name));
		must(sp.pool[i].name[0] != '\0');
	}
	space_lvs(half ? half : text, &sp);
	must(sp.pct >= -1 && sp.pct <= 100);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int null = -1;
	char *text = fuzz_text(data, size), lock[32];
	struct holder_task t = {0};
	struct out o;

	if (null < 0)
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	preflight_config_lock(text, lock, sizeof(lock));
	must(strnlen(lock, sizeof(lock)) < sizeof(lock));
	(void)ha_manages(text);
	if (holder_parse(text, &t) == 0) {
		must(strnlen(t.user, sizeof(t.user)) < sizeof(t.user));
		must(strchr(t.type, ':') == NULL && strchr(t.id, ' ') == NULL);
		must(t.pid >= 0 && t.start >= 0);
	}
	out_init(&o, null);
	must(pending_print(&o, (const char *)data, size) >= 0);
	config_print(&o, (const char *)data, size);
	read_space(text);
	free(text);
	return 0;
}
