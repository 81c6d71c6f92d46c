/* SPDX-License-Identifier: GPL-3.0-or-later */
/* judge_host.c: what is made of a connection to a host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/judge.h"

#define REFUSED "rejected: " /* as both host programs begin */

static const char *
name_of(const struct host_facts *f)
{
	return f->pve ? "pve" : "devvm";
}

/* "DATA/contrib/bootstrap pve --to root@ADDRESS --port N"; who has none is told where. */
static const char *
bootstrap(const struct host_facts *f, char out[SAID_MAX])
{
	char program[SAID_WORD_MAX], port[24] = "";

	snprintf(out, SAID_MAX, "%s/contrib/bootstrap", f->data_dir);
	if (f->no_bootstrap)
		snprintf(program, sizeof program,
		    "on a machine with breakglass-bootstrap: breakglass-bootstrap");
	else
		said_word(out, program);
	if (f->port != 22)
		snprintf(port, sizeof port, " --port %ld", f->port);
	if (snprintf(out, SAID_MAX, "%s %s --to %s@%s%s", program, name_of(f),
		f->pve ? "root" : "YOU", f->address, port) >= SAID_MAX)
		out[SAID_MAX - 1] =
		    '\0'; /* cut: it fills the mend, as a long word does */
	return out;
}

/* The public half of the key, as bootstrap is given it. */
static const char *
public_half(const struct host_facts *f, char out[SAID_WORD_MAX])
{
	char path[SAID_MAX];

	if (strcmp(f->key_path, "agent") == 0)
		return "FILE.pub (ssh-add -L prints it)";
	if (f->no_bootstrap) /* it is given to another machine's */
		return "FILE.pub";
	snprintf(path, sizeof path, "%s.pub", f->key_path);
	return said_word(path, out);
}

void
judge_address(const struct host_facts *f, struct said *out)
{
	said_pass(out, "%s port %ld, user %s: a literal, no name is looked up%s%s",
	    f->address, f->port, f->user, f->here[0] ? "; from here " : "", f->here);
	js_set_str(said_values(out), "address", f->address);
	js_set_int(out->values, "port", f->port);
	if (f->here[0])
		js_set_str(out->values, "here", f->here);
}

/* ---- as far as the login ------------------------------------------------------------
 */

static void
steps(const struct host_facts *f, struct said *out)
{
	const struct {
		const char *word, *key;
		int64_t ms;
	} step[] = {{"tcp", "tcp_ms", f->tcp_ms}, {"greeting", "banner_ms", f->banner_ms},
	    {"key exchange", "kex_ms", f->kex_ms}};

	for (size_t i = 0; i < 3 && step[i].ms >= 0; i++) {
		said_more(out, "%s%s %lld ms", i ? ", " : "", step[i].word,
		    (long long)step[i].ms);
		js_set_int(said_values(out), step[i].key, step[i].ms);
	}
}

void
judge_connection(const struct host_facts *f, struct said *out)
{
	if (f->kex_ms >= 0) {
		said_pass(out, "%s", "");
		steps(f, out);
		return;
	}
	said_fail(out, "%s", f->why[0] ? f->why : "no answer in time");
	if (f->tcp_ms >= 0) {
		said_more(out, " (");
		steps(f, out);
		said_more(out, ")");
	}
	if (f->tcp_ms < 0 && f->pve)
		said_do(out,
		    "look whether %s is on and its port %ld open; when it is down for good "
		    "this is the cold case: breakglass help cold",
		    f->address, f->port);
	else if (f->tcp_ms < 0)
		said_do(out,
		    "look whether %s is on and its port %ld open; when VM 102 is wedged this is "
		    "what breakglass is for: breakglass verdict",
		    f->address, f->port);
	else
		said_do(out,
		    "%son its own console: systemctl restart ssh, and look at its log "
		    "(journalctl -u ssh)",
		    f->pve
			? ""
			: "breakglass verdict says whether VM 102 is wedged; if it is not, ");
}

static void
changed(const struct host_facts *f, struct said *out)
{
	if (f->pve)
		said_fail(out,
		    "CHANGED: it shows %s, known is %s; mutating verbs are refused",
		    f->shown, f->known);
	else
		said_warn(out,
		    "CHANGED: it shows %s, known is %s; the engine goes on, since a rebuild changes it",
		    f->shown, f->known);
	said_do(out,
	    "on the host's own console, ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub must "
	    "print the same; then: breakglass accept-key %s %s%s%s",
	    name_of(f), f->shown, f->pinned ? ", and put that key into the file of " : "",
	    f->pinned ? f->pve ? "pve_hostkey" : "devvm_hostkey" : "");
}

void
judge_hostkey(const struct host_facts *f, struct said *out)
{
	char command[SAID_MAX];

	if (f->kex_ms < 0)
		said_skip(out, "it has shown none");
	else if (f->no_known[0])
		said_skip(out, "%s, not compared: %s", f->shown, f->no_known);
	else if (f->trouble[0] && !f->was_known) {
		said_fail(out, "%s, not compared: %s", f->shown, f->trouble);
		said_do(out,
		    "mend that file (each line is a host's name, its key's type and the key), or "
		    "compare the key and accept it: as it is, the host counts as changed");
	} else if (f->changed)
		changed(f, out);
	else if (f->was_known)
		said_pass(out, "%s, %s", f->shown,
		    f->pinned ? "pinned by the settings" : "as learnt");
	else if (!f->pve)
		said_pass(out,
		    "%s, not known yet: the engine learns it at its first connection",
		    f->shown);
	else {
		said_warn(out,
		    "%s, not known yet: the engine believes whoever answers first",
		    f->shown);
		said_do(out,
		    "%s --pin FILE --apply writes it to FILE by your own ssh; pve_hostkey = FILE",
		    bootstrap(f, command));
	}
	js_set_str(said_values(out), "state",
	    f->kex_ms < 0	 ? "unseen"
		: f->no_known[0] ? "unknown"
		: f->changed	 ? "changed"
		: !f->was_known	 ? "unknown"
		: f->pinned	 ? "pinned"
				 : "learnt");
	if (f->shown[0])
		js_set_str(out->values, "fingerprint", f->shown);
	if (f->known[0])
		js_set_str(out->values, "known", f->known);
}

void
judge_login(const struct host_facts *f, struct said *out)
{
	char command[SAID_MAX], key[SAID_WORD_MAX];

	if (f->auth_ms >= 0) {
		said_pass(out, "user %s, %lld ms", f->user, (long long)f->auth_ms);
		js_set_int(said_values(out), "ms", f->auth_ms);
		return;
	}
	if (f->no_key[0]) {
		said_skip(out, "there is no key to log in with: %s", f->no_key);
		return;
	}
	if (f->kex_ms < 0) {
		said_skip(out, "it needs the connection");
		return;
	}
	said_fail(out, "%s", f->why[0] ? f->why : "no answer in time");
	if (!f->refused) {
		said_do(out,
		    "on the host's own console: look at its sshd's log (journalctl -u ssh) and at "
		    "free memory and processes");
		return;
	}
	said_fail(out,
	    "the key was refused for user %s. Likely from= in its authorized_keys does not "
	    "list the address that the host sees (from here %s, unless a NAT rewrites it; "
	    "its sshd's log names it); else the key is not in that file",
	    f->user, f->here[0] ? f->here : "unknown");
	said_do(out,
	    "%s --key %s --from LIST --apply, with LIST the address of each engine, this one's too",
	    bootstrap(f, command), public_half(f, key));
	js_set_bool(said_values(out), "refused", true);
}

/* ---- behind the login -----------------------------------------------------------------
 */

/* What did not come because something in front of it did not; true: said. */
static bool
is_without(const struct host_facts *f, const struct run_facts *run, struct said *out)
{
	if (f->auth_ms < 0) {
		said_skip(out, "it needs the login");
		return true;
	}
	if (run->ran == RAN_NOT && !run->late) {
		said_skip(out, "what is asked before it did not end");
		return true;
	}
	return false;
}

void
judge_source(const struct host_facts *f, struct said *out)
{
	if (is_without(f, &f->first, out))
		return;
	if (!f->from[0]) {
		said_skip(out, "%s%s%s",
		    f->pve
			? "the host program does not say; its log does, as from=. From here "
			: "it does not say. From here ",
		    f->here[0] ? f->here : "unknown", ", unless a NAT rewrites it");
		return;
	}
	said_pass(out, "%s: that is what from= must list", f->from);
	if (f->here[0] && strcmp(f->here, f->from) != 0)
		said_more(out, " (here it is %s: a NAT is on the way)", f->here);
	js_set_str(said_values(out), "from", f->from);
}

/* A run that did not end well by itself; true: said. */
static bool
is_cut(const struct run_facts *run, const char *what, struct said *out)
{
	if (run->ran == RAN_EXITED)
		return false;
	if (run->late)
		said_fail(out, "%s has not ended within %lld s", what,
		    (long long)run->ms / 1000);
	else
		said_fail(out, "%s %s: %s", what,
		    run->ran == RAN_REFUSED ? "was not begun" : "broke off", run->said);
	said_do(out,
	    "the host is ill or overloaded: look at it on its own console, then run doctor again");
	return true;
}

static void
judge_status_verb(const struct host_facts *f, struct said *out)
{
	if (f->first.exit != 0 && !f->ours && !f->old) {
		said_fail(out, "it answers with exit status %d: %s", f->first.exit,
		    f->first.said);
		said_do(out, "see the host program below");
		return;
	}
	if (f->startable_why[0]) {
		said_warn(out, "VM 102 %s; a start would fail: %s", f->status,
		    f->startable_why);
		said_do(out, "mend that on the PVE host, or no cycle can work");
	} else if (f->job[0]) {
		said_warn(out, "VM 102 %s; %s", f->status, f->job);
		said_do(
		    out, "breakglass status tells more, breakglass verdict what helps");
	} else if (strcmp(f->status, "running") != 0) {
		said_warn(out, "VM 102 %s, %lld ms", f->status, (long long)f->first.ms);
		said_do(out, "breakglass verdict says what helps");
	} else
		said_pass(out, "VM 102 %s, %lld ms", f->status, (long long)f->first.ms);
	js_set_str(said_values(out), "vm", f->status);
	js_set_int(out->values, "ms", f->first.ms);
}

void
judge_exec(const struct host_facts *f, struct said *out)
{
	if (is_without(f, &f->first, out) ||
	    is_cut(&f->first, f->pve ? "the verb" : "a command", out))
		return;
	if (f->pve) {
		judge_status_verb(f, out);
		return;
	}
	if (f->first.exit == 0) {
		said_pass(out, "%lld ms", (long long)f->first.ms);
		js_set_int(said_values(out), "ms", f->first.ms);
		return;
	}
	said_fail(out, "a command ends with status %d: %s", f->first.exit, f->first.said);
	said_do(out,
	    "give user %s a shell there: chsh -s /bin/sh %s, and no command= in its "
	    "authorized_keys",
	    f->user, f->user);
}

void
judge_clock(const struct host_facts *f, struct said *out)
{
	int64_t off = llabs(f->skew_ms);
	const char *way = f->skew_ms < 0 ? "behind" : "ahead";

	if (is_without(f, &f->first, out))
		return;
	if (!f->has_clock) {
		said_skip(out,
		    f->pve ? "the host program does not tell its clock"
			   : "it does not tell its clock");
		return;
	}
	if (off <= JUDGE_SKEW_WARN_MS + f->error_ms)
		said_pass(out, "%lld.%03lld s %s of ours, +-%lld ms",
		    (long long)off / 1000, (long long)off % 1000, way,
		    (long long)f->error_ms);
	else if (off <= JUDGE_SKEW_FAIL_MS + f->error_ms)
		said_warn(out,
		    "%lld.%lld s %s of ours: times of journal and logs do not meet",
		    (long long)off / 1000, (long long)off % 1000 / 100, way);
	else
		said_fail(out,
		    "%lld s %s of ours: times of journal and logs do not meet, and certificates may not be valid",
		    (long long)off / 1000, way);
	if (out->result != RESULT_PASS)
		said_do(out,
		    "on that host: timedatectl set-ntp true; where both hosts are off alike it is "
		    "this machine's clock: timedatectl set-ntp true here");
	js_set_int(said_values(out), "skew_ms", f->skew_ms);
	js_set_int(out->values, "error_ms", f->error_ms);
}

void
judge_sudo(const struct host_facts *f, struct said *out)
{
	char command[SAID_MAX];

	if (is_without(f, &f->probe, out))
		return;
	if (f->sudo_ms >= 0) {
		said_pass(out, "without a password");
		return;
	}
	said_fail(out, "%s",
	    f->sudo_refused && f->probe_why[0]	    ? f->probe_why
		: f->probe.late || !f->probe_why[0] ? "it does not answer"
						    : f->probe_why);
	said_do(out, "%s --apply gives user %s its sudo", bootstrap(f, command), f->user);
}

void
judge_write(const struct host_facts *f, struct said *out)
{
	if (is_without(f, &f->probe, out))
		return;
	if (f->write_ms >= 0) {
		said_pass(out, "written and synced");
		return;
	}
	if (f->disk_full) {
		said_fail(out, "its disk is full");
		said_do(out, "breakglass runbook disk finds what fills it");
	} else if (f->read_only) {
		said_fail(out, "its file system is read-only");
		said_do(out,
		    "breakglass runbook disk; behind an I/O error only a cycle helps");
	} else {
		said_fail(out, "%s",
		    f->disk_hung || f->probe.late || !f->probe_why[0]
			? "a write does not come back: QEMU's I/O may be stalled"
			: f->probe_why);
		said_do(out, "breakglass verdict says whether a cycle helps");
	}
}

/* ---- the host program ---- */

void
judge_program(const struct host_facts *f, struct said *out)
{
	char command[SAID_MAX];

	if (is_without(f, &f->first, out))
		return;
	if (f->ours && strcmp(f->program, f->version) == 0)
		said_pass(out, "breakglass-pve %s, as this program", f->program);
	else if (f->ours)
		said_warn(
		    out, "breakglass-pve %s, this program is %s", f->program, f->version);
	else if (f->old)
		said_warn(out,
		    "OLD: the script that breakglass-pve replaces. It can leave VM 102 off when "
		    "its client goes away in a cycle, and proves nothing");
	else
		said_fail(out, "what answers is no breakglass-pve: %s",
		    f->first.said[0] ? f->first.said : "it says nothing");
	/* bootstrap puts there what lies here, whichever is newer */
	if (f->ours && judge_versions(f->version, f->program) < 0)
		said_do(out, "upgrade this machine's breakglass, the host's is newer");
	else if (f->ours && out->result != RESULT_PASS &&
	    judge_versions(f->version, f->program) == 0)
		said_do(out,
		    "look which of the two is newer; where it is this machine's: %s --apply",
		    bootstrap(f, command));
	else if (out->result != RESULT_PASS && f->no_bootstrap)
		said_do(out, "%s --apply", bootstrap(f, command));
	else if (out->result != RESULT_PASS)
		said_run(out, "%s --apply", bootstrap(f, command));
	js_set_str(said_values(out), "program",
	    f->ours	 ? "ours"
		: f->old ? "old"
			 : "strange");
	if (f->program[0])
		js_set_str(out->values, "version", f->program);
	js_set_str(out->values, "ours", f->version);
}

/* Refused as the host program, or the script before it, refuses. */
static bool
is_refused(const struct run_facts *run)
{
	return run->ran == RAN_EXITED && run->exit == 2 &&
	    strncmp(run->said, REFUSED, strlen(REFUSED)) == 0;
}

void
judge_forced(const struct host_facts *f, struct said *out)
{
	const struct run_facts *bad = is_refused(&f->word) ? &f->shell : &f->word;
	const char *what = bad == &f->word ? "a command that is no verb" : "a shell";
	char command[SAID_MAX], key[SAID_WORD_MAX];

	if (is_without(f, &f->word, out))
		return;
	if (is_refused(&f->word) && is_refused(&f->shell)) {
		said_pass(out, "a shell and a command that is no verb were refused");
		return;
	}
	if (bad->ran != RAN_EXITED || bad->late) {
		said_warn(out, "what becomes of %s is not known: %s", what,
		    bad->late ? "no answer in time" : bad->said);
		said_do(out, "run doctor again when the host is well");
		return;
	}
	if (bad->exit == 2)
		said_fail(out, "%s was answered by something else: %s", what, bad->said);
	else
		said_fail(out,
		    "THE FORCED COMMAND IS MISSING: %s was let through (exit status %d). "
		    "Whoever has this key has a shell of user %s on the hypervisor",
		    what, bad->exit, f->user);
	said_do(out,
	    "take this key's line without command= out of authorized_keys on the host now; then "
	    "%s --key %s --from LIST --apply",
	    bootstrap(f, command), public_half(f, key));
}
