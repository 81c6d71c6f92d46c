/* SPDX-License-Identifier: GPL-3.0-or-later */
/* judge_local.c: what is made of this machine, its engine and its practice. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>

#include "base/clock.h"
#include "base/locked.h"
#include "doctor/judge.h"

#define DAY_MS (24LL * 3600 * 1000)

int
judge_versions(const char *a, const char *b)
{
	const char *const text[2] = {a, b};
	int n[2][3], at[2], rank[2];

	for (int i = 0; i < 2; i++) {
		if (sscanf(text[i], "%9d.%9d.%9d%n", &n[i][0], &n[i][1], &n[i][2],
			&at[i]) != 3)
			return 0;
		rank[i] = text[i][at[i]] == '\0'   ? 1
		    : strchr("-~", text[i][at[i]]) ? 0
						   : 2;
	}
	for (int i = 0; i < 3; i++)
		if (n[0][i] != n[1][i])
			return n[0][i] - n[1][i];
	return rank[0] != rank[1] ? rank[0] - rank[1] : strverscmp(a + at[0], b + at[1]);
}

static const char *
bytes(int64_t n, char out[32])
{
	if (n >= 10LL << 30)
		snprintf(out, 32, "%" PRId64 " GiB", n >> 30);
	else if (n >= 10LL << 20)
		snprintf(out, 32, "%" PRId64 " MiB", n >> 20);
	else
		snprintf(out, 32, "%" PRId64 " KiB", n >> 10);
	return out;
}

/* ---- the journal's disk ---- */

static void
free_disk(const struct disk_facts *f, struct said *out)
{
	char word[SAID_WORD_MAX];

	said_word(f->dir, word);
	said_run(out, "df -h %s; df -i %s; du -xsh %s/*", word, word, word);
}

void
judge_disk(const struct disk_facts *f, struct said *out)
{
	char room[32], word[SAID_WORD_MAX];

	bytes(f->free_bytes, room);
	if (f->write_errno) {
		said_fail(out,
		    "%s takes no file: %s. Recovery works, what happens is not kept",
		    f->dir, strerror(f->write_errno));
		if (strstr(out->seen, "No space"))
			free_disk(f, out);
		else if (strstr(out->seen, "Read-only"))
			said_do(out,
			    "look why it is read-only (dmesg | tail), or set sessions_dir to another disk");
		else
			said_run(out, "ls -ld %s; id", said_word(f->dir, word));
	} else if (f->free_bytes < JUDGE_FREE_FAIL) {
		said_fail(out, "%s: %s free", f->dir, room);
		free_disk(f, out);
	} else if (f->free_bytes < JUDGE_FREE_WARN) {
		said_warn(out, "%s: %s free, an incident can be larger", f->dir, room);
		free_disk(f, out);
	} else if (f->free_inodes >= 0 && f->free_inodes < JUDGE_INODES_WARN) {
		said_warn(
		    out, "%s: room for %" PRId64 " more files", f->dir, f->free_inodes);
		free_disk(f, out);
	} else if (f->there && f->fsync_ms > JUDGE_FSYNC_WARN_MS) {
		said_warn(out,
		    "%s: a sync took %" PRId64
		    " ms: the engine waits for no more than %d",
		    f->dir, f->fsync_ms, JUDGE_FSYNC_WARN_MS);
		said_do(
		    out, "set sessions_dir to a disk that is local and not overloaded");
	} else if (!f->there)
		said_pass(out, "%s: %s free", f->dir, room);
	else
		said_pass(out, "%s: %s free, a sync takes %" PRId64 " ms", f->dir, room,
		    f->fsync_ms);
	js_set_int(said_values(out), "free_bytes", f->free_bytes);
	if (f->free_inodes >= 0)
		js_set_int(out->values, "free_inodes", f->free_inodes);
	if (f->there && !f->write_errno)
		js_set_int(out->values, "fsync_ms", f->fsync_ms);
}

/* ---- this process and its terminal ---- */

void
judge_memory(int kind, int64_t limit_kb, struct said *out)
{
	const char *name = locked_kind_name((enum locked_kind)kind);

	if (kind == LOCKED_SECRETMEM)
		said_pass(out, "%s: not even root reads the key there", name);
	else if (kind == LOCKED_MLOCK)
		said_pass(out, "%s: the key is never swapped out", name);
	else {
		said_warn(out,
		    "none (ulimit -l is %" PRId64 " KiB): the key may be swapped out",
		    limit_kb);
		said_run(out, "ulimit -l 1024");
	}
	js_set_str(said_values(out), "memory", name);
}

void
judge_time(int state, struct said *out)
{
	if (state < 0)
		said_skip(out, "the kernel does not say whether its clock is kept");
	else if (state == TIME_ERROR) {
		said_warn(out, "the kernel's clock is kept by nobody: it drifts");
		said_run(out, "sudo timedatectl set-ntp true");
	} else
		said_pass(out, "the kernel's clock is kept");
}

void
judge_terminal(const struct terminal_facts *f, struct said *out)
{
	char size[32] = "size unknown", colours[32] = "no colours";

	if (f->cols > 0)
		snprintf(size, sizeof size, "%dx%d", f->cols, f->rows);
	if (f->colours > 0)
		snprintf(colours, sizeof colours, "%d colours", f->colours);
	if (!f->term[0]) {
		said_warn(out, "TERM is not set: the console guesses a vt100");
		said_run(out, "export TERM=xterm-256color");
	} else if (strcmp(f->term, "dumb") == 0 || strcmp(f->term, "emacs") == 0 ||
	    (f->known && !f->moves)) {
		said_warn(out,
		    "TERM=%s cannot move its cursor: the console comes as lines (linear mode), "
		    "F-keys do not work, their twins do",
		    f->term);
		said_run(out, "export TERM=xterm-256color");
	} else if (!f->known) {
		said_warn(out,
		    "TERM=%s is not in this machine's terminal database: the console guesses",
		    f->term);
		said_run(out, "export TERM=xterm-256color");
	} else if (!f->utf8) {
		said_warn(out, "TERM=%s, %s; the locale (%s) is no UTF-8", f->term,
		    colours, f->locale);
		said_run(out, "export LC_ALL=C.UTF-8");
	} else if (f->cols > 0 && (f->cols < 40 || f->rows < 15)) {
		said_warn(out, "TERM=%s, %s: the console needs 40x15", f->term, size);
		said_do(out, "make the window larger, or its letters smaller");
	} else
		said_pass(out, "TERM=%s, %s, UTF-8, %s%s", f->term, colours,
		    f->is_tty ? size : "no terminal here to measure",
		    f->is_tty ? "; every F-key has a twin: Esc and its digit" : "");
	js_set_str(said_values(out), "term", f->term);
	js_set_bool(out->values, "tty", f->is_tty);
	js_set_bool(out->values, "utf8", f->utf8);
	js_set_int(out->values, "colours", f->colours > 0 ? f->colours : 0);
	if (f->cols > 0) {
		js_set_int(out->values, "cols", f->cols);
		js_set_int(out->values, "rows", f->rows);
	}
}

/* ---- the engine ---- */

void
judge_engine(const struct engine_facts *f, const char *ours, struct said *out)
{
	if (f->why[0]) {
		said_fail(out, "%s", f->why);
		if (f->hangs)
			said_run(out, "breakglass engine --replace --now");
		else
			said_do(out, "breakglass ping says more");
		return;
	}
	if (!f->there) {
		said_pass(out, "none runs; the console and every verb start one");
		js_set_bool(said_values(out), "running", false);
		return;
	}
	if (f->weak) {
		said_warn(out,
		    "pid %ld, version %s, WEAK: it holds keys where others of its uid can read them",
		    f->pid, f->version);
		said_do(out, "start it without --weak (and without weak = yes)");
	} else if (strcmp(f->version, ours) != 0) {
		int newer = judge_versions(ours, f->version);

		said_warn(out, "pid %ld is version %s, this program is %s", f->pid,
		    f->version, ours);
		if (newer > 0)
			said_run(out, "breakglass engine --replace");
		else if (newer == 0)
			said_do(out,
			    "look which of the two is newer; where it is this program: "
			    "breakglass engine --replace");
		else
			said_do(out,
			    "upgrade this machine's breakglass: --replace would put an older "
			    "engine there");
	} else if (f->journal[0] && strcmp(f->journal, "ok") != 0) {
		said_warn(out, "pid %ld, version %s; its journal is %s: %s", f->pid,
		    f->version,
		    strcmp(f->journal, "memory") == 0 ? "in memory alone" : f->journal,
		    f->journal_why);
		said_run(out, "breakglass retry");
	} else
		said_pass(out, "pid %ld, version %s", f->pid, f->version);
	js_set_bool(said_values(out), "running", true);
	js_set_int(out->values, "pid", f->pid);
	js_set_str(out->values, "version", f->version);
}

void
judge_kill(const struct engine_facts *f, struct said *out)
{
	if (f->killed) {
		said_warn(out, "ON, by %s: the agent and the runbooks are refused%s",
		    f->killed_by[0] ? f->killed_by : "somebody",
		    f->there ? "" : "; the next engine keeps it");
		said_run(out, "breakglass kill off");
	} else if (f->kill_unread || f->why[0]) {
		said_skip(out, "%s",
		    f->kill_unread
			? "neither an engine nor its journal tells"
			: "the engine does not tell; in its journal it is off");
		return;
	} else
		said_pass(out, "off");
	js_set_bool(said_values(out), "on", f->killed);
}

/* ---- the agent ---- */

static void
sandbox_mend(const char *words, const char *open, struct said *out)
{
	if (!strstr(words, "Landlock "))
		said_do(out,
		    "this kernel has no Landlock: use Linux 6.12 or later with landlock among its "
		    "lsm= (cat /sys/kernel/security/lsm), or run agent-host as another uid "
		    "(agent_uid); docs/sandbox.md");
	else if (strstr(open, "system calls"))
		said_do(out,
		    "this kernel or container has no seccomp: allow it; docs/sandbox.md");
	else if (strstr(open, "signals") || strstr(open, "abstract sockets"))
		said_do(out,
		    "Linux 6.12 or later closes signals and abstract sockets; docs/sandbox.md");
	else if (strstr(open, "UNIX sockets"))
		said_do(out,
		    "let users make namespaces (sysctl kernel.unprivileged_userns_clone=1, "
		    "kernel.apparmor_restrict_unprivileged_userns=0), or run agent-host as another "
		    "uid (agent_uid); docs/sandbox.md");
	else
		said_do(out, "docs/sandbox.md says what closes it");
}

void
judge_sandbox(const char *words, const char *open, struct said *out)
{
	const char *held = words[0] ? words : "nothing";
	bool landlock = strstr(words, "Landlock ") != NULL;

	if (strstr(open, "files of this uid") || strstr(open, "everything"))
		said_fail(out,
		    "%s; open: %s. What the agent runs can read the SSH key's file", held,
		    open);
	else if (open[0])
		said_warn(out, "%s; open: %s", held, open);
	else if (!landlock)
		said_warn(out, "%s; no Landlock", held);
	else
		said_pass(out, "%s; nothing is open", held);
	if (out->result != RESULT_PASS && !landlock)
		said_more(
		    out, "%s", strstr(out->seen, "no Landlock") ? "" : "; no Landlock");
	if (out->result != RESULT_PASS)
		sandbox_mend(words, open, out);
	js_set_str(said_values(out), "words", words);
	js_set_str(out->values, "open", open);
}

void
judge_claude(const struct claude_facts *f, struct said *out)
{
	bool must = strcmp(f->driver, "cli") == 0;

	if (strcmp(f->driver, "api") == 0 || strcmp(f->driver, "runbook") == 0) {
		said_skip(out, "agent_driver is %s: no claude is started", f->driver);
		return;
	}
	if (f->version && strcmp(f->version, f->pinned) == 0)
		said_pass(out, "%s, version %s, the one this was tested with", f->path,
		    f->version);
	else if (f->version) {
		said_warn(out, "%s, version %s; tested with %s", f->path, f->version,
		    f->pinned);
		said_run(out, "%s", f->fetch);
	} else {
		said_warn(out, "%s%s", f->why,
		    f->api ? "; the API driver answers instead"
			   : "; the runbooks answer instead");
		if (must || f->configured[0])
			out->result = RESULT_FAIL;
		said_run(out, "%s", f->fetch);
	}
	if (f->version)
		js_set_str(said_values(out), "version", f->version);
	js_set_str(said_values(out), "pinned", f->pinned);
}

/* ---- practice ---- */

void
judge_drill(const struct drill_facts *f, struct said *out)
{
	const char *command = f->site ? "breakglass drill --site" : "breakglass drill";
	char age[32];

	clock_age(f->age_ms, age, sizeof age);
	if (f->why[0]) {
		said_warn(out, "the record of drills cannot be read: %s", f->why);
		said_do(out, "mend that file or move it away; then: %s", command);
		return;
	}
	if (!f->there && f->no_lab)
		said_skip(out,
		    "no lab is here to rehearse in: breakglass drill, on a workstation with "
		    "breakglass-lab");
	else if (!f->there)
		said_warn(out, "never");
	else if (!f->ok)
		said_warn(out, "%s ago, and it FAILED", age);
	else if (f->age_ms > JUDGE_DRILL_DAYS * DAY_MS)
		said_warn(out, "%s ago, longer than %d days", age, JUDGE_DRILL_DAYS);
	else
		said_pass(out, "%s ago", age);
	if (f->there && f->wedge[0])
		said_more(out, " (%s%s", f->wedge, f->total_ms >= 0 ? "" : ")");
	if (f->there && f->total_ms >= 0)
		said_more(out, "%s%" PRId64 " s)", f->wedge[0] ? ", " : " (",
		    (f->total_ms + 500) / 1000);
	if ((out->result == RESULT_WARN || out->result == RESULT_FAIL) && f->no_lab)
		said_do(out, "on a workstation with breakglass-lab: %s", command);
	else if (out->result == RESULT_WARN || out->result == RESULT_FAIL)
		said_run(out, "%s", command);
	if (f->there)
		js_set_int(said_values(out), "age_s", f->age_ms / 1000);
	js_set_bool(said_values(out), "ever", f->there);
	if (f->there)
		js_set_bool(out->values, "ok", f->ok);
}

void
judge_status(int64_t age_ms, bool now, struct said *out)
{
	char age[32] = "never before";

	if (age_ms >= 0) {
		clock_age(age_ms, age, sizeof age);
		strcat(age, " ago");
	} else if (age_ms == JUDGE_NOT_KNOWN)
		snprintf(age, sizeof age, "not readable");
	if (now)
		said_pass(out, "just now, by this run; on record: %s", age);
	else if (age_ms >= 0 && age_ms <= JUDGE_STATUS_DAYS * DAY_MS)
		said_pass(out, "%s", age);
	else if (age_ms == JUDGE_NOT_KNOWN) {
		said_warn(out, "not known: neither the engine nor its journal tells");
		said_do(out, "see journal disk and running engine above");
	} else {
		said_warn(out, "%s", age_ms < 0 ? "never" : age);
		said_run(out, "breakglass status");
	}
	if (age_ms >= 0)
		js_set_int(said_values(out), "age_s", age_ms / 1000);
	js_set_bool(said_values(out), "now", now);
}
