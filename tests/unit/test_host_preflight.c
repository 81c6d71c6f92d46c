/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/ha.h"
#include "host/holder.h"
#include "host/space.h"
#include "host/volumes.h"

Test(host_ha, owns_the_vm_that_its_file_names)
{
	cr_assert(ha_manages("vm: 102\n"));
	cr_assert(ha_manages("vm:102\n"));
	cr_assert(ha_manages("vm:   102 \n\tstate started\n"));
	cr_assert_not(ha_manages("vm:102\n\tstate ignored\n"));
	cr_assert(ha_manages("vm: 101\n\tstate started\n\nvm: 102\n\tstate stopped\n"));
	cr_assert_not(ha_manages(""));
	cr_assert_not(ha_manages("vm: 1021\nct: 102\n\tcomment vm: 102\n"));
}

Test(host_ha, does_not_own_what_it_is_told_to_ignore)
{
	cr_assert_not(ha_manages("vm: 102\n\tgroup g\n\tstate ignored\n"));
	cr_assert(ha_manages("vm: 101\n\tstate ignored\nvm: 102\n\tstate started\n"));
	cr_assert(ha_manages("vm: 102\n\tstatement ignored\n"));
}

Test(host_holder, reads_a_task_of_the_hosts_list)
{
	struct holder_task t;

	cr_assert_eq(
	    holder_parse("UPID:pve:000004D2:0A:68000000:vzdump:102:root@pam: 0", &t), 0);
	cr_assert_eq(t.pid, 1234);
	cr_assert_eq(t.start, 10);
	cr_assert_str_eq(t.type, "vzdump");
	cr_assert_str_eq(t.id, "102");
	cr_assert_str_eq(t.user, "root@pam");
}

Test(host_holder, does_not_read_half_a_task_and_leaves_the_old_one)
{
	struct holder_task t = {.pid = 7};

	cr_assert_eq(holder_parse("UPID:pve:000004D2:0A:68000000:vzdump:102", &t), -1);
	cr_assert_eq(
	    holder_parse("UPID:pve:xyz:0A:68000000:vzdump:102:root@pam:", &t), -1);
	cr_assert_eq(holder_parse("", &t), -1);
	cr_assert_eq(t.pid, 7);
}

static const char storages[] = "dir: local\n\tpath /var/lib/vz\n\tcontent iso\n\n"
			       "lvmthin: local-lvm\n\tthinpool data\n\tvgname pve\n\n"
			       "zfspool: tank\n\tpool rpool/data\n";

Test(host_space, finds_the_pools_of_the_disks_and_of_nothing_else)
{
	struct space sp;

	space_pools("scsihw: virtio-scsi-single\nscsi0: local-lvm:vm-102-disk-0,size=8G\n"
		    "virtio1: local-lvm:vm-102-disk-1\nide2: none,media=cdrom\n"
		    "sata0: /dev/sdb\nscsi3: tank:vm-102-disk-2\n"
		    "efidisk0: local:102/vm-102-disk-3.qcow2\n[snap]\nscsi9: other:x\n",
	    storages, &sp);
	cr_assert_eq(sp.n, 2);
	cr_assert_str_eq(sp.pool[0].name, "pve/data");
	cr_assert_str_eq(sp.pool[1].name, "/var/lib/vz");
}

Test(host_space, calls_a_pool_full_by_its_data_or_by_its_metadata)
{
	struct space sp;

	space_pools("scsi0: local-lvm:x\n", storages, &sp);
	space_lvs("  pve,root,,\n  pve,data,61.50,4.21\n", &sp);
	cr_assert_eq(sp.pct, 61);
	cr_assert_not(sp.full);
	space_pools("scsi0: local-lvm:x\n", storages, &sp);
	space_lvs("  pve,data,61.50,100.00\n", &sp);
	cr_assert(sp.full);
	cr_assert_eq(sp.pct, 100);
	cr_assert_str_eq(sp.worst, "pve/data");
}

Test(host_space, knows_nothing_where_lvs_says_nothing)
{
	struct space sp;

	space_pools("scsi0: local-lvm:x\n", storages, &sp);
	space_lvs("  other,data,100.00,1.00\n", &sp);
	cr_assert_eq(sp.pct, -1);
	cr_assert_not(sp.full);
}

/* A directory storage with one CD image and one disk; its storage.cfg in cfg. */
static void
make_storage(char *dir, char *cfg, size_t size)
{
	static const char *const parts[] = {"template", "template/iso", "images",
	    "images/102", "template/iso/there.iso", "images/102/vm-102-disk-0.qcow2"};
	char path[200];

	strcpy(dir, "/tmp/bgvol.XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, parts[i]);
		cr_assert_eq(mkdir(path, 0700), 0);
	}
	snprintf(cfg, size,
	    "dir: other\n\tpath /nowhere\n\tcontent-dirs iso=x\n\ndir: local\n\tpath %s\n"
	    "\tcontent iso,images\n\nnfs: nas\n\tpath %s\n\tserver x\n\n"
	    "lvmthin: local-lvm\n\tthinpool data\n",
	    dir, dir);
}

static void
drop_storage(const char *dir)
{
	char cmd[100];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	cr_assert_eq(system(cmd), 0);
}

Test(host_volumes, misses_a_file_that_qm_start_would_die_of)
{
	char dir[32], cfg[600], why[400] = "";

	make_storage(dir, cfg, sizeof(cfg));
	cr_assert_not(volumes_look("ide2: local:iso/there.iso,media=cdrom\n"
				   "scsi0: local:102/vm-102-disk-0.qcow2,size=8G\n",
	    cfg, why, sizeof(why)));
	cr_assert_str_empty(why);
	cr_assert(
	    volumes_look("boot: order=scsi0\nide2: local:iso/gone.iso,media=cdrom\n", cfg,
		why, sizeof(why)));
	cr_assert_not_null(strstr(why, "qm set 102 --ide2 none,media=cdrom"), "%s", why);
	cr_assert(volumes_look(
	    "scsi1: local:102/vm-102-disk-9.raw,size=8G\n", cfg, why, sizeof(why)));
	cr_assert_not_null(strstr(why, "vm-102-disk-9.raw"), "%s", why);
	drop_storage(dir);
}

Test(host_volumes, does_not_judge_what_qm_finds_or_makes_in_its_own_way)
{
	static const char *const fine[] = {"ide2: none,media=cdrom\n",
	    "ide2: /srv/x.iso,media=cdrom\n", "ide2: cdrom,media=cdrom\n",
	    "scsi0: local-lvm:vm-102-disk-0\n", "ide2: unknown:iso/gone.iso\n",
	    "ide2: other:iso/gone.iso\n", "ide0: local:102/vm-102-cloudinit.qcow2\n",
	    "scsi0: local:9/base-9-disk-0.qcow2/102/vm-102-disk-0.qcow2\n",
	    "ide2: nas:iso/gone.iso\n", "net0: local:iso/gone.iso\n",
	    "[snap]\nide2: local:iso/gone.iso\n", ""};
	char dir[32], cfg[600], why[400];

	make_storage(dir, cfg, sizeof(cfg));
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		cr_assert_not(
		    volumes_look(fine[i], cfg, why, sizeof(why)), "%s", fine[i]);
	drop_storage(dir);
}

Test(host_volumes, looks_at_the_config_as_the_start_will_apply_it)
{
	char dir[32], cfg[600], why[400];

	make_storage(dir, cfg, sizeof(cfg));
	cr_assert_not(volumes_look("ide2: local:iso/gone.iso\n\n[PENDING]\n"
				   "ide2: none,media=cdrom\n",
	    cfg, why, sizeof(why)));
	cr_assert_not(volumes_look("ide2: local:iso/gone.iso\n\n[PENDING]\n"
				   "delete: net1,!ide2\n",
	    cfg, why, sizeof(why)));
	cr_assert(volumes_look("ide2: local:iso/gone.iso\n\n[PENDING]\n"
			       "delete: ide22\nmemory: 1\n",
	    cfg, why, sizeof(why)));
	cr_assert(volumes_look("ide2: none\n[PENDING]\nide2: local:iso/gone.iso\n[a]\n",
	    cfg, why, sizeof(why)));
	drop_storage(dir);
}
