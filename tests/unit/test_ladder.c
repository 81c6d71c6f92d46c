/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/power/guest_probe.h"

static struct ladder_seen seen;

/* Feeds lines, each a millisecond after the one before. */
static struct guest_reader
feed(const char *lines)
{
	struct guest_reader r = {.seen = &seen};
	const char *end;
	int64_t ms = 100;

	ladder_seen_init(&seen);
	for (int i = RUNG_TCP; i <= RUNG_AUTH; i++)
		seen.rung_ms[i] = 10 * i;
	for (; (end = strchr(lines, '\n')) != NULL; lines = end + 1)
		guest_reader_line(&r, lines, (size_t)(end - lines), ms++);
	return r;
}

#define GUEST                                                               \
	"#bg exec\n#bg guest boot_id=88ce26d5-e638-4eaa-9095-24ba65615fab " \
	"uptime=11901.85 load1=1.26 cpus=2 mem_total_kb=24684096 "          \
	"mem_avail_kb=23917696 swap_free_kb=0\n"

Test(ladder, a_probe_of_a_healthy_guest_reaches_the_top)
{
	struct guest_reader r = feed(GUEST
	    "#bg sudo ok\n#bg disk ok\n#bg units 2 ,nfs-mount.service,foo@1.service\n"
	    "#bg df Capacity\n#bg df 20%\n#bg df 71%\n#bg end\n");

	cr_assert_eq(ladder_stands_at(&seen), RUNGS);
	cr_assert_eq(seen.rung_ms[RUNG_EXEC], 100);
	cr_assert_eq(seen.rung_ms[RUNG_DISK], 103);
	cr_assert(r.ended);
	cr_assert_str_eq(seen.boot_id, "88ce26d5-e638-4eaa-9095-24ba65615fab");
	cr_assert_eq(seen.uptime_s, 11901);
	cr_assert_float_eq(seen.load1, 1.26, 0.001);
	cr_assert_eq(seen.cpus, 2);
	cr_assert_eq(seen.mem_avail_kb, 23917696);
	cr_assert_eq(seen.swap_free_kb, 0);
	cr_assert_eq(seen.failed_units, 2);
	cr_assert_str_eq(seen.failed, "nfs-mount.service,foo@1.service");
	cr_assert_eq(seen.root_used_pct, 71);
	cr_assert_str_eq(seen.why, "");
	cr_assert_not(seen.hung);
}

Test(ladder, what_the_guest_does_not_say_is_unknown)
{
	feed("#bg exec\n#bg guest boot_id= uptime= load1= cpus=0 mem_total_kb= "
	     "mem_avail_kb= swap_free_kb=\n#bg sudo ok\n#bg disk ok\n#bg end\n");
	cr_assert_str_eq(seen.boot_id, "");
	cr_assert_eq(seen.uptime_s, 0);
	cr_assert_lt(seen.load1, 0);
	cr_assert_eq(seen.cpus, -1);
	cr_assert_eq(seen.mem_total_kb, -1);
	cr_assert_eq(seen.failed_units, -1);
	cr_assert_eq(seen.root_used_pct, -1);
}

Test(ladder, other_lines_of_the_login_shell_are_passed_over)
{
	feed("Welcome!\n#bg\n\n #bg exec\nbg exec\n#bg sudo\n#bg disk\n#bg disk okay\n");
	cr_assert_eq(ladder_stands_at(&seen), RUNG_EXEC);
	cr_assert_str_eq(seen.boot_id, "");
}

Test(ladder, a_full_disk_is_told_apart)
{
	feed(GUEST
	    "#bg sudo ok\n#bg disk 1 dd: error writing /var/tmp/x: No space left on "
	    "device 0+1 records in\n#bg end\n");
	cr_assert_eq(ladder_stands_at(&seen), RUNG_DISK);
	cr_assert(seen.disk_full && !seen.read_only && !seen.disk_hung && !seen.hung);
	cr_assert(strstr(seen.why, "No space left"));
}

Test(ladder, a_read_only_disk_is_told_apart)
{
	feed(
	    GUEST "#bg sudo ok\n#bg disk 1 mktemp: failed to create file: Read-only file "
		  "system\n#bg end\n");
	cr_assert(seen.read_only && !seen.disk_full && !seen.disk_hung && !seen.hung);
}

Test(ladder, a_write_that_does_not_come_back_hangs)
{
	struct guest_reader r = feed(GUEST "#bg sudo ok\n#bg end\n");

	cr_assert_not(seen.hung);
	guest_reader_close(&r);
	cr_assert_eq(ladder_stands_at(&seen), RUNG_DISK);
	cr_assert(seen.hung && seen.disk_hung);
	cr_assert(strstr(seen.why, "fsync"));
}

Test(ladder, timeout_and_an_earlier_write_are_hangs_too)
{
	static const char *const words[] = {"124", "143", "143 Terminated", "busy"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		char lines[512];

		snprintf(lines, sizeof lines, GUEST "#bg sudo ok\n#bg disk %s\n#bg end\n",
		    words[i]);
		feed(lines);
		cr_assert(seen.hung && seen.disk_hung, "%s", words[i]);
	}
}

Test(ladder, a_refused_sudo_is_the_reason_whatever_the_disk_says)
{
	struct guest_reader r =
	    feed(GUEST "#bg disk 1 dd: No space left on device\n"
		       "#bg sudo 1 sudo: a password is required\n#bg end\n");

	guest_reader_close(&r);
	cr_assert_eq(ladder_stands_at(&seen), RUNG_SUDO);
	cr_assert(seen.sudo_refused && !seen.hung && seen.disk_full);
	cr_assert_str_eq(seen.why, "sudo: a password is required");
}

Test(ladder, sudo_that_hangs_with_the_disk_says_both)
{
	struct guest_reader r = feed(GUEST "#bg end\n");

	guest_reader_close(&r);
	cr_assert_eq(ladder_stands_at(&seen), RUNG_SUDO);
	cr_assert(seen.hung && seen.disk_hung && !seen.sudo_refused);
	cr_assert_str_eq(seen.why, "sudo did not come back");
}

Test(ladder, the_disk_was_first_and_sudo_came_after_all)
{
	feed(GUEST "#bg disk 1 dd: Read-only file system\n#bg sudo ok\n#bg end\n");
	cr_assert_eq(ladder_stands_at(&seen), RUNG_DISK);
	cr_assert_str_eq(seen.why, "dd: Read-only file system");
}

Test(ladder, bytes_of_the_guest_stay_harmless)
{
	feed(GUEST "#bg sudo 1 \x1b]0;x\x07\xff\n#bg units 1 ,a\x1b[2J.service\n");
	cr_assert_str_eq(seen.why, "?]0;x??");
	cr_assert_str_eq(seen.failed, "a?[2J.service");
}

Test(ladder, a_rung_is_reached_once)
{
	struct guest_reader r = feed("#bg exec\n#bg exec\n");

	cr_assert_eq(seen.rung_ms[RUNG_EXEC], 100);
	cr_assert_not(guest_reader_line(&r, "#bg exec", 8, 900));
}

/* Under the sanitizers this is where an overrun shows. */
Test(ladder, any_line_is_read_or_passed_over)
{
	static const char *const heads[] = {"#bg guest ", "#bg sudo ", "#bg disk ",
	    "#bg units ", "#bg df ", "#bg end", "#bg ", ""};
	static const char bytes[] = "0123456789 ,=%\"\\-abkx\x1b\xff#\r";
	static char line[GUEST_PROBE_LINE_MAX * 2];
	struct guest_reader r = {.seen = &seen};
	unsigned dice = 1;

	ladder_seen_init(&seen);
	for (int i = 0; i < 30000; i++) {
		size_t len = strlen(heads[i % 8]), more;

		memcpy(line, heads[i % 8], len);
		dice = dice * 1103515245u + 12345u;
		more = i % 100 ? dice / 65536 % 300 : sizeof line - len;
		for (; more > 0; more--) {
			dice = dice * 1103515245u + 12345u;
			line[len++] = bytes[dice / 65536 % (sizeof bytes - 1)];
		}
		guest_reader_line(&r, line, len, i);
		guest_reader_close(&r);
		cr_assert_lt(strlen(seen.why), sizeof seen.why);
		cr_assert_lt(strlen(seen.failed), sizeof seen.failed);
		cr_assert_leq(seen.root_used_pct, 100);
	}
}
