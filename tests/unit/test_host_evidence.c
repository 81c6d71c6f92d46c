/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What others say, read: pvestatd's rows, gdb's backtrace, query-pci, names of files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/gdb.h"
#include "host/look.h"
#include "host/out.h"
#include "host/pci.h"
#include "host/rrd.h"

static struct rrd rrd;

static int
parse(const char *text)
{
	return rrd_parse(text, strlen(text), &rrd);
}

#define ROW(t, rest) "{\"time\":" #t rest "},"
#define LIVE ",\"cpu\":0.1,\"mem\":5e9,\"netin\":10,\"netout\":\"3.5\""

Test(host_rrd, writes_of_zero_are_counted_back_to_the_first_of_them)
{
	cr_assert_eq(parse("[" ROW(1000, LIVE ",\"diskread\":1,\"diskwrite\":7") ROW(
			 1060, LIVE ",\"diskread\":0,\"diskwrite\":0") ROW(1120,
			 LIVE ",\"diskread\":0,\"diskwrite\":\"0\"") "{\"time\":1180}]"),
	    0);
	cr_assert_eq(rrd.n, 4);
	cr_assert_eq(rrd_zero_write_s(&rrd, 1200), 140);
	cr_assert_eq(rrd_silent_s(&rrd, 1200), 0);
}

Test(host_rrd, a_row_without_a_rate_is_a_qmp_that_gave_no_answer)
{
	cr_assert_eq(parse("[" ROW(1000, LIVE ",\"diskwrite\":7") ROW(1060, LIVE)
			     ROW(1120, LIVE ",\"diskwrite\":null") "{\"time\":1180}]"),
	    0);
	cr_assert_eq(rrd_silent_s(&rrd, 1200), 140);
	cr_assert_eq(rrd_zero_write_s(&rrd, 1200), -1);
}

Test(host_rrd, a_vm_that_writes_gives_zero_for_both)
{
	cr_assert_eq(parse("[" ROW(1000, LIVE) "{\"time\":1060,\"diskwrite\":3}]"), 0);
	cr_assert_eq(rrd_zero_write_s(&rrd, 1200), 0);
	cr_assert_eq(rrd_silent_s(&rrd, 1200), 0);
}

Test(host_rrd, rows_without_anything_say_nothing)
{
	cr_assert_eq(parse("[{\"time\":1},{\"time\":2}]"), 0);
	cr_assert_eq(rrd_zero_write_s(&rrd, 100), -1);
	cr_assert_eq(rrd_silent_s(&rrd, 100), -1);
	cr_assert_eq(parse("[]"), -1);
	cr_assert_eq(parse("no quorum"), -1);
	cr_assert_eq(parse("[{\"time\":1},{\"time\":"), -1);
	cr_assert_eq(parse("{\"0.time\":1e300,\"0.cpu\":1e999,\"-7.cpu\":1}"), 0);
}

Test(host_rrd, more_rows_than_fit_leave_the_youngest)
{
	static char text[64 * 1024] = "[";
	size_t n = 1;

	for (int i = 0; i < RRD_ROWS_MAX + 9; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "%s{\"time\":%d,\"diskwrite\":0}", i ? "," : "", 1000 + i * 60);
	snprintf(text + n, sizeof(text) - n, "]");
	cr_assert_eq(parse(text), 0);
	cr_assert_eq(rrd.n, RRD_ROWS_MAX);
	cr_assert_eq(rrd.row[0].at, 1000 + 9 * 60);
	cr_assert_eq(rrd.row[RRD_ROWS_MAX - 1].at, 1000 + (RRD_ROWS_MAX + 8) * 60);
}

Test(host_rrd, shows_half_an_hour_a_line_a_row)
{
	char text[4096] = "";
	struct out o;
	int fd[2];
	ssize_t len;

	cr_assert_eq(
	    parse("[" ROW(1000, LIVE) "{\"time\":86400,\"diskwrite\":2048}]"), 0);
	cr_assert_eq(pipe(fd), 0);
	out_init(&o, fd[1]);
	rrd_print(&o, &rrd);
	close(fd[1]);
	len = read(fd[0], text, sizeof(text) - 1);
	close(fd[0]);
	cr_assert_gt(len, 0);
	cr_assert_not_null(strstr(text, "  00:16:40Z  cpu 0.1"));
	cr_assert_not_null(strstr(text, "diskwrite -"));
	cr_assert_not_null(strstr(text, "  00:00:00Z  cpu -"));
	cr_assert_not_null(strstr(text, "diskwrite 2048 B/s"));
}

static const char *
waits_in(const char *text)
{
	static char name[64];

	gdb_main_waits_in(text, 42, name, sizeof(name));
	return name;
}

Test(host_gdb, names_what_the_main_thread_waits_in_and_not_how)
{
	cr_assert_str_eq(
	    waits_in("Thread 2 (Thread 0x7f (LWP 43) \"CPU 0/KVM\"):\n"
		     "#0  0x00007f in ioctl () from /lib/libc.so.6\n"
		     "\n"
		     "Thread 1 (Thread 0x7f (LWP 42) \"kvm\"):\n"
		     "#0  0x00007f in __ppoll () from /lib/libc.so.6\n"
		     "#1  0x000055 in ?? ()\n"
		     "#2  0x000055 in aio_poll (ctx=0x1, blocking=true) at aio.c:3\n"
		     "#3  0x000055 in bdrv_drain_all_begin ()\n"
		     "#4  0x000055 in qemu_cleanup ()\n"),
	    "bdrv_drain_all_begin");
	cr_assert_str_eq(waits_in("Thread 1 (process 42):\n"
				  "#0  main_loop_wait (nonblocking=0) at main.c:1\n"),
	    "main_loop_wait");
	cr_assert_str_eq(
	    waits_in("Thread 1 (LWP 42):\n#0  0x07 in __ppoll ()\n#1 0x8 in ?? ()\n"),
	    "__ppoll");
}

Test(host_gdb, a_backtrace_that_is_none_names_nothing)
{
	cr_assert_str_eq(waits_in(""), "");
	cr_assert_str_eq(waits_in("ptrace: Operation not permitted.\n"), "");
	cr_assert_str_eq(waits_in("Thread 1 (LWP 4):\n#0 f ()\n"), "");
	cr_assert_str_eq(waits_in("Thread 1 (LWP 42):\n#0  0x1"), "");
	cr_assert_str_eq(waits_in("Thread 1 (LWP 42):\n#"), "");
}

Test(host_gdb, is_safe_only_where_no_thread_is_stopped_or_waits_for_a_disk)
{
	struct qemu q = {.found = QEMU_OURS, .pid = 42, .threads = 4, .leader = 'S'};

	cr_assert(gdb_is_safe(&q));
	q.disk_wait = 1;
	cr_assert_not(gdb_is_safe(&q));
	q.disk_wait = 0;
	q.stopped = 1;
	cr_assert_not(gdb_is_safe(&q));
	q.stopped = 0;
	q.found = QEMU_UNPROVEN;
	cr_assert_not(gdb_is_safe(&q));
}

#define NET                                                                             \
	"{\"qdev_id\":\"net1\",\"class_info\":{\"class\":512},\"id\":{\"vendor\":6900," \
	"\"device\":4161},\"regions\":[{\"bar\":4,\"address\":4096},{\"bar\":0,"        \
	"\"address\":8}]}"

static struct pci pci;

static void
walk(const char *text)
{
	memset(&pci, 0, sizeof(pci));
	cr_assert_eq(jwalk(text, strlen(text), pci_on_value, &pci), 0);
}

Test(host_pci, finds_the_display_and_the_card_behind_a_bridge)
{
	walk("{\"return\":[{\"bus\":0,\"devices\":[{\"slot\":1,\"id\":{\"vendor\":4660,"
	     "\"device\":4369},\"class_info\":{\"class\":768,\"desc\":\"VGA\"}},"
	     "{\"pci_bridge\":{\"devices\":[" NET
	     "]},\"class_info\":{\"class\":1540}}]}]}");
	cr_assert_eq(pci.n, 3);
	cr_assert_not_null(pci_display(&pci));
	cr_assert(pci_may_draw(pci_display(&pci)));
	cr_assert_eq(pci_net_config_at(&pci), 4096 + 0x2000);
}

Test(host_pci, net0_comes_before_others_and_an_unmapped_card_is_none)
{
	walk("{\"return\":[{\"devices\":[" NET
	     ",{\"regions\":[{\"address\":65536,\"bar\":4}],\"qdev_id\":\"net0\",\"id\":{"
	     "\"device\":4096,\"vendor\":6900},\"class_info\":{\"class\":512}}]}]}");
	cr_assert_eq(pci_net_config_at(&pci), 65536 + 0x2000);
	walk("{\"return\":[{\"devices\":[{\"regions\":[{\"address\":-1,\"bar\":4}],"
	     "\"qdev_id\":\"net0\",\"id\":{\"device\":4096,\"vendor\":6900},"
	     "\"class_info\":{\"class\":512}}]}]}");
	cr_assert_eq(pci_net_config_at(&pci), 0);
	cr_assert_null(pci_display(&pci));
}

Test(host_pci, a_qxl_display_is_not_drawn)
{
	walk("{\"return\":[{\"devices\":[{\"id\":{\"vendor\":6966,\"device\":256},"
	     "\"class_info\":{\"class\":768}}]}]}");
	cr_assert_not(pci_may_draw(pci_display(&pci)));
}

Test(host_pci, more_devices_than_fit_are_left_out)
{
	static char text[16 * 1024] = "{\"return\":[{\"devices\":[{}";
	size_t n = strlen(text);

	for (int i = 0; i < PCI_DEVICES_MAX + 20; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    ",{\"qdev_id\":\"x\",\"regions\":[{\"bar\":1},0,0,0,0,0,0,0,0,{\"bar\":1}]}");
	snprintf(text + n, sizeof(text) - n, "]}]}");
	walk(text);
	cr_assert_eq(pci.n, PCI_DEVICES_MAX);
}

Test(host_look, a_file_of_a_file_system_is_not_a_device)
{
	cr_assert_eq(look_disk_kind("/dev/dm-6"), DISK_BLOCK);
	cr_assert_eq(look_disk_kind("/dev/zvol/rpool/vm-102-disk-0"), DISK_BLOCK);
	cr_assert_eq(look_disk_kind("/mnt/pve/nfs/images/102/disk.qcow2"), DISK_FILE);
	cr_assert_eq(
	    look_disk_kind("/var/lib/vz/images/102/vm-102-disk-0.raw"), DISK_FILE);
	cr_assert_eq(look_disk_kind("/srv/gone.img (deleted)"), DISK_FILE);
	cr_assert_eq(look_disk_kind("/memfd:x (deleted)"), DISK_OTHER);
	cr_assert_eq(look_disk_kind("socket:[123]"), DISK_OTHER);
	cr_assert_eq(look_disk_kind("anon_inode:[eventfd]"), DISK_OTHER);
	cr_assert_eq(look_disk_kind("/dev/net/tun"), DISK_OTHER);
	cr_assert_eq(look_disk_kind("/var/run/qemu-server/102.pid"), DISK_OTHER);
	cr_assert_eq(look_disk_kind(""), DISK_OTHER);
}
