/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which rows of a guest's screen matter: what real consoles write, and hostile ones. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/power/screen_says.h"
#include "wire/json.h"

static const struct {
	const char *row, *says; /* NULL: nothing */
} rows[] = {
    {"[   12.345678] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009",
	"panic"},
    {"[   12.3] ---[ end Kernel panic - not syncing: VFS: Unable to mount root fs ]---",
	"panic"},
    {"Kernel panic - not syncing: sysrq triggered crash", "panic"},
    {"watchdog: BUG: soft lockup - CPU#3 stuck for 23s! [kworker/3:1:4711]", "lockup"},
    {"NMI watchdog: Watchdog detected hard LOCKUP on cpu 2", "lockup"},
    {"rcu: INFO: rcu_sched self-detected stall on CPU", "lockup"},
    {"BUG: unable to handle page fault for address: ffffffffc0a0d000", "oops"},
    {"Oops: 0002 [#1] SMP PTI", "oops"},
    {"general protection fault, probably for non-canonical address: 0000 [#1]", "oops"},
    {"INFO: task jbd2/sda1-8:312 blocked for more than 120 seconds.", "hung-task"},
    {"Booting from Hard Disk...No bootable device.", "no-boot"},
    {"BdsDxe: failed to load Boot0001 \"UEFI QEMU HARDDISK\" from PciRoot(0x0): Not Found",
	"no-boot"},
    {"Boot failed: not a bootable disk", "no-boot"},
    {"grub rescue> ", "grub"},
    {"grub> ", "grub"},
    {"error: unknown filesystem.", "grub"},
    {"ALERT!  UUID=0f9d3c2e does not exist.  Dropping to a shell!", "initramfs"},
    {"(initramfs) _", "initramfs"},
    {"Gave up waiting for root file system device.  Common problems:", "initramfs"},
    {"dracut:/# ", "initramfs"},
    {"/dev/sda1: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.", "fsck"},
    {"Inode 42 ref count is 2, should be 1.  Fix<y>? ", "fsck"},
    {"You are in emergency mode. After logging in, type \"journalctl -xb\" to view",
	"emergency"},
    {"Give root password for maintenance", "emergency"},
    {"Please enter passphrase for disk data (luks-1234): ", "passphrase"},
    {"EXT4-fs (sda1): Remounting filesystem read-only", "disk-error"},
    {"blk_update_request: I/O error, dev sda, sector 2048 op 0x1:(WRITE)", "disk-error"},
    {"Out of memory: Killed process 4711 (java) total-vm:12345kB", "oom"},
    {"systemd-journal invoked oom-killer: gfp_mask=0x1100cca", "oom"},
    {"[  123.4] reboot: System halted", "halted"},
    {"[  ***] A start job is running for Network (1min 30s / no limit)", "job"},
    {"devvm login: ", "login"},
    {"Debian GNU/Linux 12 devvm tty1", NULL},
    {"Last login: Tue Nov 25 on tty1", NULL},
    {"error: could not open the file", NULL},
    {"[  OK  ] Started OpenBSD Secure Shell server.", NULL},
    {"the words panic and kernel in one row", NULL},
    {"", NULL},
};

static void
begin(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

TestSuite(screen_says, .init = begin);

static int
feed(struct screen_seen *s, const char *row, bool above)
{
	return screen_seen_row(s, row, strlen(row), above);
}

Test(screen_says, what_consoles_write_is_recognised)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int row = screen_says_row(rows[i].row);

		if (!rows[i].says) {
			cr_assert_lt(row, 0, "%s: %s", rows[i].row,
			    row < 0 ? "" : screen_says_name(row));
			continue;
		}
		cr_assert_geq(row, 0, "%s", rows[i].row);
		cr_assert_str_eq(screen_says_name(row), rows[i].says, "%s", rows[i].row);
		cr_assert_str_not_empty(screen_says_words(row));
	}
}

Test(screen_says, the_gravest_come_first_and_each_word_once)
{
	struct screen_seen s = {.count = 0};

	feed(&s, "Out of memory: Killed process 1 (a)", false);
	feed(&s, "Out of memory: Killed process 2 (b)", false);
	feed(&s, "Buffer I/O error on dev sda", false);
	feed(&s, "devvm login: ", false);
	feed(&s, "Kernel panic - not syncing: first", false);
	feed(&s, "---[ end Kernel panic - not syncing: first ]---", false);
	cr_assert_eq(s.count, 3);
	cr_assert_str_eq(s.line[0].text, "Kernel panic - not syncing: first");
	cr_assert_str_eq(s.line[1].text, "Buffer I/O error on dev sda");
	cr_assert_str_eq(s.line[2].text, "Out of memory: Killed process 1 (a)");
	cr_assert_str_eq(screen_says_name(screen_seen_now(&s)), "panic");
}

Test(screen_says, what_has_scrolled_away_is_not_what_is_there_now)
{
	struct screen_seen s = {.count = 0};

	feed(&s, "Kernel panic - not syncing: long ago", true);
	cr_assert_lt(screen_seen_now(&s), 0);
	feed(&s, "devvm login: ", false);
	cr_assert_str_eq(screen_says_name(screen_seen_now(&s)), "login");
	feed(&s, "Kernel panic - not syncing: now", false);
	cr_assert_str_eq(s.line[0].text, "Kernel panic - not syncing: now");
	cr_assert_not(s.line[0].above);
}

Test(screen_says, a_row_that_is_full_goes_on_in_the_next_one)
{
	struct screen_seen s = {.count = 0};

	feed(&s,
	    "[123456.789012] a very long prefix of a driver that nobody has asked for: Kernel p",
	    false);
	cr_assert_geq(feed(&s, "anic - not syncing: Fatal exception", false), 0);
	cr_assert(strstr(s.line[0].text, "Kernel panic - not syncing: Fatal"), "%s",
	    s.line[0].text);
	memset(&s, 0, sizeof s);
	feed(&s, "a short row that ends in Kernel p", false);
	cr_assert_lt(feed(&s, "anic - not syncing", false), 0);
}

Test(screen_says, what_is_on_the_screen_keeps_its_place_among_the_three)
{
	static const char *const old[] = {"Kernel panic - not syncing: old",
	    "watchdog: BUG: soft lockup - CPU#1 stuck for 22s!",
	    "kernel BUG at fs/inode.c:1",
	    "INFO: task a:1 blocked for more than 120 seconds."};
	struct screen_seen s = {.count = 0};

	feed(&s, "(initramfs) ", false);
	for (size_t i = 0; i < ARRAY_LEN(old); i++)
		feed(&s, old[i], true);
	cr_assert_eq(s.count, 3);
	cr_assert_str_eq(s.line[1].text, old[1]);
	cr_assert_str_eq(s.line[2].text, "(initramfs)");
	cr_assert_str_eq(screen_says_name(screen_seen_now(&s)), "initramfs");
	cr_assert(screen_seen_waits(&s));
	memset(&s, 0, sizeof s);
	for (size_t i = 0; i < ARRAY_LEN(old); i++)
		feed(&s, old[i], true);
	feed(&s, "devvm login: ", false);
	feed(&s, "(initramfs) ", false);
	cr_assert_eq(s.count, 3);
	cr_assert_str_eq(s.line[2].text, "(initramfs)", "the graver one of the screen");
	cr_assert_str_eq(screen_says_name(screen_seen_now(&s)), "initramfs");
}

Test(screen_says, a_login_prompt_below_it_ends_a_boot_that_waited)
{
	struct screen_seen s = {.count = 0};

	feed(&s, "devvm login: ", false);
	cr_assert_not(screen_seen_waits(&s));
	feed(&s, "ALERT!  UUID=0f9d does not exist.  Dropping to a shell!", false);
	cr_assert(screen_seen_waits(&s), "it went down behind the login");
	feed(&s, "devvm login: ", true);
	cr_assert(screen_seen_waits(&s), "what is above the screen is older");
	feed(&s, "Debian GNU/Linux 12 devvm ttyS0", false);
	feed(&s, "devvm login: ", false);
	cr_assert_not(screen_seen_waits(&s));
	feed(&s, "(initramfs) ", false);
	cr_assert(screen_seen_waits(&s), "and again");
	feed(&s, "Kernel panic - not syncing: now", false);
	cr_assert_not(screen_seen_waits(&s), "a panic is graver");
}

/* The corpus of hostile text, each alone and behind what matters: whole UTF-8, bounded.
 */
Test(screen_says, hostile_rows_stay_within_bounds)
{
	char line[8192], row[9000];
	FILE *f = fopen(FIXTURES_DIR "/hostile-terminal.jsonl", "r");
	struct err err;
	int n = 0;

	cr_assert_not_null(f);
	while (fgets(line, sizeof line, f)) {
		struct js *one = js_parse(line, strlen(line), &err);
		struct screen_seen s = {.count = 0};
		const char *hex = one ? js_str(one, "hex") : NULL;
		size_t len =
		    (size_t)snprintf(row, sizeof row, "Kernel panic - not syncing: ");
		unsigned byte;

		for (; hex && sscanf(hex, "%2x", &byte) == 1 && len < sizeof row - 1;
		     n++) {
			row[len++] = (char)byte;
			hex += 2;
		}
		screen_seen_row(&s, row, len, false);
		screen_seen_row(&s, row + 28, len - 28, true);
		for (int i = 0; i < s.count; i++) {
			cr_assert_leq(strlen(s.line[i].text), SCREEN_SEEN_LINE);
			cr_assert(text_is_utf8(s.line[i].text, strlen(s.line[i].text)));
		}
		js_free(one);
	}
	fclose(f);
	cr_assert_gt(n, 1000, "the corpus was read");
}
