/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/screen_says.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* The gravest first: of a row that fits two, the first is meant. */
static const struct row {
	const char *name, *words;
	enum screen_group group;
	const char *has, *and; /* both, in any case of letters; and may be NULL */
	bool ends;	       /* has is what the row ends with */
} rows[] = {
#define PANIC "panic", "a kernel panic", SCREEN_KERNEL
    {PANIC, "kernel panic - not syncing", NULL, false},
    {PANIC, "end kernel panic", NULL, false},
    {PANIC, "guest crashed", "kernel panic", false},
#define LOCKUP "lockup", "a CPU that is stuck in the kernel", SCREEN_KERNEL
    {LOCKUP, "soft lockup - cpu", NULL, false},
    {LOCKUP, "watchdog detected hard lockup", NULL, false},
    {LOCKUP, "rcu", "self-detected stall", false},
    {LOCKUP, "rcu", "detected stalls on cpu", false},
#define OOPS "oops", "a fault in the guest's kernel", SCREEN_KERNEL
    {OOPS, "bug: unable to handle", NULL, false},
    {OOPS, "bug: kernel null pointer", NULL, false},
    {OOPS, "kernel bug at ", NULL, false},
    {OOPS, "general protection fault", NULL, false},
    {OOPS, "oops: ", " [#", false},
#define TASK "hung-task", "tasks that hang in the guest's kernel", SCREEN_KERNEL
    {TASK, "blocked for more than", "second", false},
#define NOBOOT "no-boot", "no disk to boot from", SCREEN_BOOT
    {NOBOOT, "no bootable device", NULL, false},
    {NOBOOT, "not a bootable disk", NULL, false},
    {NOBOOT, "boot failed: could not read", NULL, false},
    {NOBOOT, "no bootable option or device", NULL, false},
    {NOBOOT, "operating system not found", NULL, false},
    {NOBOOT, "missing operating system", NULL, false},
    {NOBOOT, "bdsdxe: failed to load boot", NULL, false},
    {NOBOOT, "uefi interactive shell", NULL, false},
#define GRUB "grub", "the boot loader waits for a person", SCREEN_BOOT
    {GRUB, "grub rescue>", NULL, false},
    {GRUB, "grub>", NULL, true},
    {GRUB, "error: ", "unknown filesystem", false},
    {GRUB, "error: no such ", NULL, false},
    {GRUB, "error: ", "you need to load the kernel first", false},
#define INITRAMFS "initramfs", "the boot has ended in the initramfs", SCREEN_BOOT
    {INITRAMFS, "(initramfs)", NULL, false},
    {INITRAMFS, "alert!", "does not exist", false},
    {INITRAMFS, "gave up waiting for root", NULL, false},
    {INITRAMFS, "dracut:/#", NULL, false},
    {INITRAMFS, "warning: /dev/", "does not exist", false},
    {INITRAMFS, "no init found", NULL, false},
#define FSCK "fsck", "a file system check waits for a person", SCREEN_BOOT
    {FSCK, "unexpected inconsistency", NULL, false},
    {FSCK, "run fsck manually", NULL, false},
    {FSCK, "fix<y>?", NULL, false},
    {FSCK, "clear<y>?", NULL, false},
    {FSCK, "manual fsck", NULL, false},
#define EMERGENCY "emergency", "the boot has ended in an emergency shell", SCREEN_BOOT
    {EMERGENCY, "you are in emergency mode", NULL, false},
    {EMERGENCY, "you are in rescue mode", NULL, false},
    {EMERGENCY, "entering emergency mode", NULL, false},
    {EMERGENCY, "root password for maintenance", NULL, false},
    {EMERGENCY, "press enter for maintenance", NULL, false},
    {EMERGENCY, "cannot open access to console", NULL, false},
#define PASSPHRASE "passphrase", "the boot waits for a disk's passphrase", SCREEN_BOOT
    {PASSPHRASE, "enter passphrase for", NULL, false},
    {PASSPHRASE, "please unlock disk", NULL, false},
#define DISK "disk-error", "errors of the guest's disk", SCREEN_TROUBLE
    {DISK, "remounting filesystem read-only", NULL, false},
    {DISK, "ext4-fs error", NULL, false},
    {DISK, "buffer i/o error", NULL, false},
    {DISK, "i/o error, dev ", NULL, false},
    {DISK, "metadata i/o error", NULL, false},
    {DISK, "corruption of in-memory data", NULL, false},
    {DISK, "no space left on device", NULL, false},
#define OOM "oom", "the OOM killer at work", SCREEN_TROUBLE
    {OOM, "out of memory: kill", NULL, false},
    {OOM, "invoked oom-killer", NULL, false},
    {OOM, "oom-kill:", NULL, false},
#define HALTED "halted", "a system that has been shut down", SCREEN_PROGRESS
    {HALTED, "reboot: system halted", NULL, false},
    {HALTED, "reboot: power down", NULL, false},
#define JOB "job", "systemd waits for a job", SCREEN_PROGRESS
    {JOB, "job is running for", NULL, false},
#define LOGIN "login", "a login prompt", SCREEN_LOGIN
    {LOGIN, "login:", NULL, true},
};

#undef PANIC
#undef LOCKUP
#undef OOPS
#undef TASK
#undef NOBOOT
#undef GRUB
#undef INITRAMFS
#undef FSCK
#undef EMERGENCY
#undef PASSPHRASE
#undef DISK
#undef OOM
#undef HALTED
#undef JOB
#undef LOGIN

static bool
ends_with(const char *text, const char *with)
{
	size_t len = strlen(text), n = strlen(with);

	while (len > 0 && text[len - 1] == ' ')
		len--;
	return len >= n && strncasecmp(text + len - n, with, n) == 0;
}

int
screen_says_row(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];

		if (r->ends ? ends_with(text, r->has) : strcasestr(text, r->has) != NULL)
			if (!r->and || strcasestr(text, r->and))
				return (int)i;
	}
	return -1;
}

const char *
screen_says_name(int row)
{
	return rows[row].name;
}

const char *
screen_says_words(int row)
{
	return rows[row].words;
}

enum screen_group
screen_says_group(int row)
{
	return rows[row].group;
}

/* --- a screen --- */

static bool
same_word(int a, int b)
{
	return strcmp(rows[a].name, rows[b].name) == 0;
}

static void
take_out(struct screen_seen *s, int at)
{
	memmove(&s->line[at], &s->line[at + 1],
	    (size_t)(--s->count - at) * sizeof s->line[0]);
}

/* Which one goes for a graver one: never the only one that is on the screen. */
static int
least(const struct screen_seen *s)
{
	int last = s->count - 1, now = 0;

	while (now < last && s->line[now].above)
		now++;
	return now == last && !s->line[last].above ? last - 1 : last;
}

/* What is on the screen speaks before what has left it; the first of a word is kept. */
static void
keep(struct screen_seen *s, int row, bool above, const char *text)
{
	size_t len = strlen(text);
	int at = 0;

	if (len > SCREEN_SEEN_LINE)
		len = text_cut(text, SCREEN_SEEN_LINE);
	for (int i = 0; i < s->count; i++) {
		if (!same_word(s->line[i].row, row))
			continue;
		if (above || !s->line[i].above)
			return;
		take_out(s, i);
		break;
	}
	if (s->count == SCREEN_SEEN_MAX) {
		bool is_now = !above && screen_seen_now(s) < 0;
		int goes = above ? least(s) : s->count - 1;

		if (!is_now && s->line[goes].row <= row)
			return;
		take_out(s, goes);
	}
	while (at < s->count && s->line[at].row <= row)
		at++;
	memmove(
	    &s->line[at + 1], &s->line[at], (size_t)(s->count - at) * sizeof s->line[0]);
	s->count++;
	s->line[at].row = row;
	s->line[at].above = above;
	memcpy(s->line[at].text, text, len);
	s->line[at].text[len] = '\0';
}

static void
see_boot(struct screen_seen *s, int row)
{
	if (screen_says_group(row) == SCREEN_BOOT)
		s->waits = true;
	else if (screen_says_group(row) == SCREEN_LOGIN)
		s->waits = false;
}

int
screen_seen_row(struct screen_seen *s, const char *text, size_t len, bool above)
{
	char row[sizeof s->before], both[2 * sizeof s->before];
	const char *use = row, *from = row;
	int found;

	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\r'))
		len--;
	if (len >= sizeof row)
		len = sizeof row - 1;
	memcpy(row, text, len);
	row[len] = '\0';
	found = screen_says_row(row);
	if (found < 0 && s->before[0]) {
		snprintf(both, sizeof both, "%s%s", s->before, row);
		found = screen_says_row(both);
		use = from = both;
	}
	snprintf(s->before, sizeof s->before, "%s", len >= SCREEN_WIDE ? row : "");
	if (found < 0 || !text_is_utf8(use, strlen(use)))
		return -1;
	while (*from == ' ')
		from++;
	keep(s, found, above, from);
	if (!above)
		see_boot(s, found);
	return found;
}

int
screen_seen_now(const struct screen_seen *s)
{
	for (int i = 0; i < s->count; i++)
		if (!s->line[i].above)
			return s->line[i].row;
	return -1;
}

bool
screen_seen_waits(const struct screen_seen *s)
{
	int row = screen_seen_now(s);

	return s->waits && row >= 0 && screen_says_group(row) == SCREEN_BOOT;
}
