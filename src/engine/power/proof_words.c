/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/proof_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

struct words {
	char *out;
	size_t size, n;
};

static void PRINTF_LIKE(2, 3) say(struct words *w, const char *fmt, ...)
{
	va_list ap;

	if (w->n && w->n + 3 < w->size)
		w->n += (size_t)snprintf(w->out + w->n, w->size - w->n, "; ");
	va_start(ap, fmt);
	w->n += (size_t)vsnprintf(w->out + w->n, w->size - w->n, fmt, ap);
	va_end(ap);
	if (w->n >= w->size)
		w->n = w->size - 1;
}

static void
say_qemu(const struct proof_case *c, struct words *w)
{
	if (c->after.pid <= 0)
		return;
	if (c->before.pid <= 0)
		say(w, "QEMU process %ld", c->after.pid);
	else if (c->before.pid != c->after.pid)
		say(w, "new QEMU process (pid %ld, was %ld)", c->after.pid,
		    c->before.pid);
	else
		say(w, "same QEMU process (pid %ld)", c->after.pid);
}

static void
say_boot(const struct proof_case *c, struct words *w)
{
	bool same = strcmp(c->before.boot_id, c->after.boot_id) == 0;

	if (!c->after.boot_id[0])
		return;
	if (!c->before.boot_id[0])
		say(w, "the guest has been up for %ld s", c->after.uptime_s);
	else if (!same)
		say(w, "the guest has booted anew");
	else
		say(w,
		    proof_wants_reboot(c) ? "the guest has NOT booted anew"
					  : "the guest has not booted anew");
}

static void
say_staged(const struct proof_case *c, struct words *w)
{
	if (c->after.staged > 0)
		say(w, "staged config still waits (%s)%s", c->after.staged_keys,
		    proof_wants_new_qemu(c) ? "" : ": only cycle (F7) applies it");
	else if (c->after.staged == 0 && c->before.staged > 0)
		say(w, "staged config is applied (%s)", c->before.staged_keys);
}

static void
say_units(const struct proof_case *c, struct words *w)
{
	if (c->after.failed_units > 0)
		say(w, "%d failed unit%s: %s", c->after.failed_units,
		    c->after.failed_units == 1 ? "" : "s", c->after.failed);
	else if (c->after.failed_units == 0)
		say(w, "no failed units");
}

/* "new QEMU process (pid 7, was 5); the guest has booted anew; …", or "". */
static void
changes(const struct proof_case *c, char *out, size_t size)
{
	struct words w = {out, size, 0};

	out[0] = '\0';
	say_qemu(c, &w);
	say_boot(c, &w);
	say_staged(c, &w);
	say_units(c, &w);
}

/* ---- the ends ---- */

static void
add(char *text, const char *words)
{
	size_t n = strlen(text);

	if (words[0] && n + 3 < PROOF_TEXT_MAX)
		snprintf(text + n, PROOF_TEXT_MAX - n, "%s%s", n ? "; " : "", words);
	text[text_cut(text, strlen(text))] = '\0';
}

/* "the cycle failed (exit 5)", or nothing of one that did not. */
static void
add_verb(const struct proof_case *c, char *text)
{
	const char *verb = verb_rows[c->verb].name;
	char words[64] = "";

	if (!c->known)
		snprintf(words, sizeof words, "how the %s ended is not known", verb);
	else if (c->exit != 0)
		snprintf(words, sizeof words, "the %s failed (exit %d)", verb, c->exit);
	add(text, words);
}

static void
add_old_host(const struct proof_case *c, const char *todo, char *text)
{
	char words[PROOF_TEXT_MAX];

	if (!c->old_host)
		return;
	add(text,
	    "the host program is old: it tells neither QEMU's pid nor what config waits");
	snprintf(words, sizeof words, "install ours: %s", todo ? todo : "");
	add(text, todo ? words : "");
}

void
proof_words_healthy(
    const struct proof_case *c, int64_t ms, const char *todo, char out[PROOF_TEXT_MAX])
{
	char words[PROOF_TEXT_MAX], age[16];

	out[0] = '\0';
	add_verb(c, out);
	if (out[0]) {
		add(out, "the devvm answers: ssh, sudo and disk work");
	} else if (c->unseen) {
		add(out, "the devvm is back: ssh, sudo and disk work");
	} else {
		snprintf(words, sizeof words,
		    "the devvm is back: ssh, sudo and disk work, %s after the %s was sent",
		    clock_age(ms, age, sizeof age), verb_rows[c->verb].name);
		add(out, words);
	}
	changes(c, words, sizeof words);
	add(out, words);
	add_old_host(c, todo, out);
}

void
proof_words_off(
    const struct proof_case *c, int64_t ms, const char *todo, char out[PROOF_TEXT_MAX])
{
	char age[16];

	snprintf(out, PROOF_TEXT_MAX,
	    "VM 102 is off, %s after the %s was sent: start (F4) brings it back",
	    clock_age(ms, age, sizeof age), verb_rows[c->verb].name);
	add_old_host(c, todo, out);
}

const char *
proof_words_rung(const struct ladder_seen *seen)
{
	static const char *const words[RUNGS] = {
	    [RUNG_TCP] = "the devvm takes no connection",
	    [RUNG_BANNER] = "the devvm takes the connection, but its sshd says nothing",
	    [RUNG_KEX] = "the devvm's sshd greets and then says nothing",
	    [RUNG_AUTH] = "the devvm's sshd does not let us in",
	    [RUNG_EXEC] = "the devvm takes the login but runs nothing",
	    [RUNG_SUDO] = "the devvm runs commands, but sudo does not work",
	    [RUNG_DISK] =
		"the devvm runs commands, but a write with fsync does not come back",
	};
	enum rung at = ladder_stands_at(seen);

	if (at == RUNG_DISK && seen->disk_full)
		return "the devvm's disk is full";
	if (at == RUNG_DISK && seen->read_only)
		return "the devvm's disk is read-only";
	if (at == RUNG_DISK && !seen->hung)
		return "the devvm runs commands, but a small write fails";
	return at < RUNGS ? words[at] : "";
}

void
proof_words_given_up(const struct proof_case *c, const struct ladder_seen *seen,
    const char *words, const char *todo, char out[PROOF_TEXT_MAX])
{
	enum rung at = ladder_stands_at(seen);
	char more[PROOF_TEXT_MAX];

	out[0] = '\0';
	add_verb(c, out);
	add(out, words);
	if (at < RUNGS && at > RUNG_TCP)
		add(out, seen->why);
	if (c->after.status[0] && strcmp(c->after.status, "running") != 0 &&
	    strcmp(c->after.status, "stopped") != 0) {
		snprintf(more, sizeof more, "VM 102 is %s", c->after.status);
		add(out, more);
	}
	changes(c, more, sizeof more);
	add(out, more);
	add_old_host(c, todo, out);
}
