/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/guest_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/record/mark.h"

/*
 * Why it is as it is:
 *  - no quote, newline or "!" inside: it is one word to the login shell, csh too;
 *  - what is read of /proc is read by the shell itself: a machine short of memory
 *    may be unable to start anything;
 *  - one at a time for a user: a lock on the home directory needs no file, and the
 *    write that hangs keeps it, even when we and its shell are gone;
 *  - as the user and not as root: what is reserved for root hides a full disk;
 *  - fsync of that file and no sync: a sync waits for every disk and every share;
 *  - the shell does not wait for its parts, it looks at them: none may be reaped.
 */
#define PROBE_TELL                                                                   \
	"export LC_ALL=C; set -f; echo \"#bg exec\"; "                               \
	"read b </proc/sys/kernel/random/boot_id; read u x </proc/uptime; "          \
	"read l x </proc/loadavg; n=0; "                                             \
	"while read k x; do case $k in cpu) ;; cpu*) n=$((n+1));; *) break;; esac; " \
	"done </proc/stat; "                                                         \
	"while read k v x; do case $k in MemTotal:) m=$v;; MemAvailable:) a=$v;; "   \
	"SwapFree:) s=$v; break;; esac; done </proc/meminfo; "                       \
	"echo \"#bg guest boot_id=$b uptime=$u load1=$l cpus=$n mem_total_kb=$m "    \
	"mem_avail_kb=$a swap_free_kb=$s\"; "                                        \
	"has() { command -v $1 >/dev/null 2>&1; }; T=; has timeout && T=\"timeout 4\"; "

/* Not before "#bg guest": a process is started for it. */
#define PROBE_CLOCK "clock() { $T date \"+#bg clock %s.%N\" 2>/dev/null </dev/null; }; "

#define PROBE_UNITS                                                                  \
	"units() { has systemctl || return; "                                        \
	"o=$($T systemctl list-units --state=failed --plain --no-legend --no-pager " \
	"2>/dev/null </dev/null) || return; "                                        \
	"echo \"$o\" | { n=0; w=; "                                                  \
	"while read k l a x; do [ \"$a\" = failed ] || continue; "                   \
	"n=$((n+1)); [ $n -gt 20 ] || w=\"$w,$k\"; done; "                           \
	"echo \"#bg units $n $w\"; }; }; "                                           \
	"space() { $T df -P / /var /srv 2>/dev/null </dev/null | "                   \
	"while read d t u a p x; do echo \"#bg df $p\"; done; }; "

#define PROBE_SUDO                                                                \
	"root() { if has sudo; then o=$($T sudo -n true 2>&1 </dev/null); c=$?; " \
	"else [ \"$(id -u)\" = 0 ]; c=$?; o=\"there is no sudo\"; fi; "           \
	"if [ $c = 0 ]; then echo \"#bg sudo ok\"; else echo \"#bg sudo $c\" $o; fi; }; "

#define PROBE_DISK                                                                     \
	"disk() { if [ -d \"$HOME\" ] && has flock; then exec 9<\"$HOME\"; i=0; "      \
	"until flock -n 9 2>/dev/null || [ $? = 127 ]; do i=$((i+1)); "                \
	"[ $i -gt 40 ] && echo \"#bg disk busy\" && return; sleep 0.1; done; fi; "     \
	"for d in /var/tmp \"$HOME\" /srv /tmp; do [ -d \"$d\" ] || continue; "        \
	"case $(stat -f -c %T \"$d\" 2>/dev/null) in tmpfs|ramfs) continue;; esac; "   \
	"set +f; rm -f \"$d\"/.breakglass-probe-*; set -f; "                           \
	"f=$(mktemp \"$d/.breakglass-probe-XXXXXX\" 2>&1); c=$?; "                     \
	"if [ $c != 0 ]; then o=$f; case $o in *denied*) continue;; esac; else "       \
	"o=$(echo breakglass | $T dd of=\"$f\" conv=notrunc,fsync 2>&1); c=$?; "       \
	"rm -f \"$f\"; fi; "                                                           \
	"if [ $c = 0 ]; then echo \"#bg disk ok\"; else echo \"#bg disk $c\" $o; fi; " \
	"return; done; echo \"#bg disk 1 no place to write in: $o\"; }; "

/* 0.05 s a look; busybox may know whole seconds only. */
#define PROBE_WAIT                                                             \
	"i=0; while kill -0 $p 2>/dev/null && [ $i -lt 120 ]; do i=$((i+1)); " \
	"sleep 0.05 2>/dev/null || { sleep 1; i=$((i+19)); }; done; }; "

/* kill -0 of several fails when one is gone: one after the other, the slowest last. */
const char guest_probe_all[] =
    "/bin/sh -c '" PROBE_TELL PROBE_CLOCK PROBE_UNITS PROBE_SUDO PROBE_DISK
    "look() { " PROBE_WAIT "disk & d=$!; root & r=$!; "
    "{ clock; units; space; } & q=$!; i=0; "
    "for p in $r $q $d; do look; done; "
    "kill $r $q $d 2>/dev/null; echo \"#bg end\"'";

const char guest_probe_look[] = "/bin/sh -c '" PROBE_TELL PROBE_CLOCK PROBE_UNITS
				"clock; units; space; echo \"#bg end\"'";

/* ---- what it prints ---- */

static const char *
after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* Words of the guest: printable ASCII, spaces squeezed by its shell already. */
static void
keep_words(char *out, size_t size, const char *words)
{
	size_t n = 0;

	for (; *words && n + 1 < size; words++)
		out[n++] = (char)(*words >= ' ' && *words <= '~' ? *words : '?');
	out[n] = '\0';
}

static long
number(const struct mark *m, const char *key)
{
	const char *s = mark_get(m, key);

	return s && *s >= '0' && *s <= '9' ? strtol(s, NULL, 10) : -1;
}

static void
read_guest(struct ladder_seen *seen, const char *line, size_t len)
{
	struct mark m;
	const char *s;

	if (!mark_parse(&m, line, len))
		return;
	s = mark_get(&m, "boot_id");
	keep_words(seen->boot_id, sizeof seen->boot_id, s ? s : "");
	seen->uptime_s = number(&m, "uptime") > 0 ? number(&m, "uptime") : 0;
	s = mark_get(&m, "load1");
	seen->load1 = s && *s >= '0' && *s <= '9' ? strtod(s, NULL) : -1;
	seen->cpus = number(&m, "cpus") > 0 ? number(&m, "cpus") : -1;
	seen->mem_total_kb = number(&m, "mem_total_kb");
	seen->mem_avail_kb = number(&m, "mem_avail_kb");
	seen->swap_free_kb = number(&m, "swap_free_kb");
}

/* "124 words": timeout ended it (busybox: 143). */
static bool
was_ended(const char *words)
{
	return after(words, "124 ") || after(words, "143 ") ||
	    strcmp(words, "124") == 0 || strcmp(words, "143") == 0;
}

static const char *
past_code(const char *words)
{
	size_t n = strspn(words, "0123456789");

	return n && words[n] == ' ' ? words + n + 1 : words;
}

/* Why the climb does not go on; what is lower is told first. */
static void
say(struct guest_reader *r, enum rung rung, bool hung, const char *words)
{
	struct ladder_seen *seen = r->seen;
	enum rung at;

	keep_words(r->said[rung], sizeof r->said[rung], words);
	r->hung[rung] = hung;
	at = ladder_stands_at(seen);
	if (at >= RUNGS || !r->said[at][0])
		return;
	seen->hung = r->hung[at];
	strcpy(seen->why, r->said[at]);
}

static void
read_sudo(struct guest_reader *r, const char *words)
{
	if (was_ended(words)) {
		say(r, RUNG_SUDO, true, "sudo did not come back within 4 s");
		return;
	}
	r->seen->sudo_refused = true;
	words = past_code(words);
	say(r, RUNG_SUDO, false, *words ? words : "sudo refused without a word");
}

static void
disk_hangs(struct guest_reader *r, const char *words)
{
	r->seen->disk_hung = true;
	say(r, RUNG_DISK, true, words);
}

static void
read_disk(struct guest_reader *r, const char *words)
{
	if (strcmp(words, "busy") == 0) {
		disk_hangs(r, "the write of an earlier look still hangs");
		return;
	}
	if (was_ended(words)) {
		disk_hangs(r, "a small write with fsync did not come back within 4 s");
		return;
	}
	words = past_code(words);
	r->seen->disk_full = strstr(words, "No space left") != NULL;
	r->seen->read_only = strstr(words, "Read-only file system") != NULL;
	say(r, RUNG_DISK, false, *words ? words : "the write failed without a word");
}

static void
read_units(struct ladder_seen *seen, const char *words)
{
	char *rest;
	long n = strtol(words, &rest, 10);

	if (rest == words || n < 0 || n > 100000)
		return;
	seen->failed_units = (int)n;
	rest += strspn(rest, " ,");
	keep_words(seen->failed, sizeof seen->failed, rest);
	if (strlen(rest) >= sizeof seen->failed)
		strcpy(seen->failed + sizeof seen->failed - 4, "...");
}

static void
read_space(struct ladder_seen *seen, const char *words)
{
	char *rest;
	long pct = strtol(words, &rest, 10);

	if (rest != words && *rest == '%' && pct >= 0 && pct <= 100 &&
	    (int)pct > seen->root_used_pct)
		seen->root_used_pct = (int)pct;
}

static void
read_clock(struct ladder_seen *seen, const char *words)
{
	if (!seen->clock.host_ms && clock_reading_date(&seen->clock, words))
		seen->clock.heard_ms = clock_mono_ms();
}

void
guest_reader_close(struct guest_reader *r)
{
	if (r->seen->rung_ms[RUNG_EXEC] < 0)
		return;
	if (r->seen->rung_ms[RUNG_DISK] < 0 && !r->said[RUNG_DISK][0])
		disk_hangs(r, "a small write with fsync did not come back");
	if (r->seen->rung_ms[RUNG_SUDO] < 0 && !r->said[RUNG_SUDO][0])
		say(r, RUNG_SUDO, true, "sudo did not come back");
}

static bool
reader_rung(struct guest_reader *r, enum rung rung, int64_t ms)
{
	bool first = r->seen->rung_ms[rung] < 0;

	if (!first)
		return false;
	r->seen->rung_ms[rung] = ms;
	/* what the next one said has waited for this */
	if (rung == RUNG_SUDO && r->said[RUNG_DISK][0]) {
		r->seen->hung = r->hung[RUNG_DISK];
		strcpy(r->seen->why, r->said[RUNG_DISK]);
	}
	return true;
}

bool
guest_reader_line(struct guest_reader *r, const char *line, size_t len, int64_t ms)
{
	char text[GUEST_PROBE_LINE_MAX];
	const char *rest;

	if (len >= sizeof text)
		len = sizeof text - 1;
	memcpy(text, line, len);
	text[len] = '\0';
	text[strcspn(text, "\r")] = '\0';
	if (strcmp(text, "#bg exec") == 0)
		return reader_rung(r, RUNG_EXEC, ms);
	if (strcmp(text, "#bg sudo ok") == 0)
		return reader_rung(r, RUNG_SUDO, ms);
	if (strcmp(text, "#bg disk ok") == 0)
		return reader_rung(r, RUNG_DISK, ms);
	if (strcmp(text, "#bg end") == 0)
		r->ended = true;
	else if (after(text, "#bg guest "))
		read_guest(r->seen, text, strlen(text));
	else if ((rest = after(text, "#bg sudo ")) != NULL)
		read_sudo(r, rest);
	else if ((rest = after(text, "#bg disk ")) != NULL)
		read_disk(r, rest);
	else if ((rest = after(text, "#bg units ")) != NULL)
		read_units(r->seen, rest);
	else if ((rest = after(text, "#bg df ")) != NULL)
		read_space(r->seen, rest);
	else if ((rest = after(text, "#bg clock ")) != NULL)
		read_clock(r->seen, rest);
	return false;
}
