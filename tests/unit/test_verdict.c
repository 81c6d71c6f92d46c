/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_verdict.c: one row a situation, the wedges of the lab first.
 *
 * host     "key=value" facts of a forensics; V:WORD:ADVICE is the host's verdict;
 *          S in front: they are of a status; "": the host has said nothing
 * ladder   how many rungs were reached, then ! (hung) or the failed rung's words
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/power/verdict.h"

#define WELL \
	"status=running qmp=alive qmp_ms=1 qemu=ours qemu_pid=4711 threads=6 gap_ms=3000 "
#define WRITES "rd_delta=2 wr_delta=8 idle_ms=100 vq_inuse=0 vq_used_delta=10 "
#define STILL "rd_delta=0 wr_delta=0 idle_ms=16000 "
#define ALIVE "agent=alive freeze=thawed "

struct row {
	const char *name, *host, *ladder;
	const char *word, *advice;
	const char *nots; /* verbs in the table's order */
	const char *line; /* part of a line of evidence, NULL: any */
	const char *todo; /* part of it, NULL: any */
	enum verdict_link pve, devvm;
};

static const struct row rows[] = {
    /* The wedges of the lab, by their numbers. */
    {"0 healthy", WELL WRITES ALIVE "V:healthy:none", "7", "healthy", "none", "start",
	"devvm: banner after 20 ms, login after 40 ms, write with sync after 70 ms", ""},
    {"1 QEMU stopped by a signal",
	"status=hung qmp=hung qmp_ms=3000 qemu_pid=4711 threads=6 threads_stopped=6 "
	"agent=silent V:hung:cycle",
	"1!", "hung", "cycle", "start reset", "6 of QEMU's 6 threads are stopped", ""},
    {"2 I/O stall, the queue tells",
	WELL STILL ALIVE "vq_inuse=1 vq_used_delta=0 V:stall:cycle", "6!", "stall",
	"cycle", "start reset", "queue holds 1 request, 0 finished in 3.0 s", ""},
    {"2 I/O stall behind a controller whose queue is silent",
	WELL STILL ALIVE "V:healthy:none", "6!", "stall", "cycle", "start reset",
	"devvm: banner after 20 ms, login after 40 ms, sudo after 60 ms, then a write with "
	"sync did not come back",
	""},
    {"2 I/O stall that holds even a command", WELL STILL ALIVE "V:healthy:none", "4!",
	"stall", "cycle", "start reset", "counters stood still for 3.0 s", ""},
    {"2 I/O stall, by a status alone",
	"S status=running qmp=alive status_ms=1 qemu_pid=4711 vq_inuse=3 idle_ms=16000",
	"6!", "stall", "forensics", "start reset", "queue holds 3 requests", ""},
    {"3 panic on the screen",
	WELL STILL "agent=silent vcpu_pct=100 screen=text screen_says=panic uptime_s=8 "
		   "V:guest-spin:reset",
	"1!", "panic", "reset", "start", "screen shows: panic", ""},
    {"3 panic with staged config",
	WELL STILL
	"agent=silent vcpu_pct=100 screen_says=panic staged=2 V:guest-spin:cycle",
	"1!", "panic", "cycle", "start reset", "2 staged config changes", ""},
    {"3 panic that QEMU was told of", WELL STILL "status=guest-panicked V:paused:cycle",
	"1!", "panic", "cycle", "reset", NULL, ""},
    {"3 an old panic's text on the screen of a guest that lives",
	WELL WRITES ALIVE "screen_says=panic V:healthy:none", "7", "healthy", "none",
	"start", NULL, ""},
    {"4a a process was killed for memory",
	WELL WRITES ALIVE "screen_says=oom V:healthy:none", "7", "healthy", "none",
	"start", NULL, ""},
    {"4b fork storm", WELL STILL "rd_delta=3 agent=silent vcpu_pct=99 V:guest-spin:reset",
	"1!", "guest-spin", "reset", "start", "uses 99 % of a core", ""},
    {"4c memory filled",
	WELL STILL "rd_delta=1897 agent=silent vcpu_pct=114 V:guest-spin:reset", "1!",
	"guest-spin", "reset", "start", "reads went on (+1897)", ""},
    {"4c memory filled, with swap: it writes",
	WELL WRITES "agent=silent vcpu_pct=110 V:healthy:none", "1!", "guest-spin",
	"reset", "start", NULL, ""},
    {"5 disk full", WELL WRITES ALIVE "V:healthy:none", "6No space left on device full",
	"disk-full", "none", "start reset cycle", "No space left", "make room by ssh"},
    {"5 disk full, and the small write went through", WELL WRITES ALIVE "V:healthy:none",
	"7used=100", "disk-full", "none", "start reset cycle", "100 % used", "make room"},
    {"6a sshd frozen", WELL WRITES ALIVE "V:healthy:none", "1!", "ssh-down", "reset",
	"start", "guest agent alive", "qm guest exec 102 -- systemctl restart ssh"},
    {"6b sshd dead", WELL WRITES ALIVE "V:healthy:none", "0Connection refused",
	"ssh-down", "none", "start reset cycle",
	"a TCP connection failed: Connection refused", "qm guest exec"},
    {"6b sshd dead behind a NAT", WELL WRITES ALIVE "V:healthy:none",
	"1the connection was closed", "ssh-down", "none", "start reset cycle", NULL,
	"qm guest exec"},
    {"6b sshd dead in an idle guest", WELL STILL ALIVE "vq_inuse=0 V:healthy:none",
	"0Connection refused", "ssh-down", "none", "start reset cycle", NULL,
	"qm guest exec"},
    {"7a the guest's network is down", WELL WRITES ALIVE "V:healthy:none", "0!",
	"net-down", "reset", "start", "a TCP connection did not come back",
	"ip link set"},
    {"7a no way to its address", WELL WRITES ALIVE "V:healthy:none", "0No route to host",
	"net-down", "reset", "start", "No route to host", "the way from here first"},
    {"7b the link is cut on the host", WELL WRITES ALIVE "link=down V:healthy:none", "0!",
	"net-down", "cycle", "start reset", "link is down", "link_down"},
    {"8 paused", WELL "status=paused agent=silent V:paused:start", "1!", "paused",
	"start", "reset", "status paused", ""},
    {"8 paused, by a status alone", "S status=paused qmp=alive", "1!", "paused", "start",
	"reset", NULL, ""},
    {"8 prelaunch, after a reset of a paused guest", "S status=prelaunch qmp=alive", "",
	"paused", "start", "reset", NULL, ""},
    {"9 staged config in a healthy guest", WELL WRITES ALIVE "staged=3 V:healthy:none",
	"7", "healthy", "none", "start reset", "3 staged config changes",
	"a cycle applies it"},
    {"10 powered off inside", "S status=shutdown qmp=alive", "", "paused", "cycle",
	"reset", NULL, ""},
    {"11 QEMU killed", "status=stopped qemu=none V:stopped:start", "0!", "stopped",
	"start", "stop reset", "no QEMU process", ""},
    {"11 stopped, by a status alone", "S status=stopped", "", "stopped", "start",
	"stop reset", NULL, ""},
    {"12 the host's storage hangs", WELL STILL ALIVE "threads_disk_wait=2 V:stall:cycle",
	"6!", "stall", "none", "start stop reset cycle", "2 of QEMU's 6 threads wait",
	"free the host's storage first"},
    {"12 and the main loop waits with it",
	"status=hung qmp=hung threads=6 threads_disk_wait=2 V:hung:cycle", "1!", "hung",
	"none", "start stop reset cycle", NULL, "goes on by itself"},
    {"12 and has taken the main thread", "status=hung qmp=hung threads=2 V:hung:none",
	"1!", "hung", "none", "start stop reset cycle", NULL, "free the storage"},
    {"13 the host's storage is full", WELL STILL "status=io-error V:nospace:none", "1!",
	"nospace", "none", "reset cycle", NULL, "make room on the host's storage"},
    {"13 by a status alone", "S status=io-error qmp=alive", "", "nospace", "none",
	"reset cycle", NULL, "then start"},
    {"14 a freeze was left on",
	WELL STILL "agent=alive freeze=frozen vq_inuse=0 V:frozen:start", "6!", "frozen",
	"start", "reset cycle", "file systems frozen", ""},
    {"14 with staged config",
	WELL STILL "agent=alive freeze=frozen vq_inuse=0 staged=1 V:frozen:start", "6!",
	"frozen", "start", "reset cycle", NULL, ""},
    {"14 a backup has frozen them",
	WELL STILL "agent=alive freeze=frozen lock=backup V:frozen:none", "6!", "frozen",
	"none", "start stop reset cycle", "config lock backup", "by itself"},
    {"14 without an agent that could say so",
	WELL STILL "agent=none vq_inuse=0 V:healthy:none", "6!", "frozen", "reset",
	"start", "holds 0 requests", "--unfreeze"},
    {"14 thawed meanwhile", WELL STILL "agent=alive freeze=frozen V:frozen:start", "7",
	"healthy", "none", "start", NULL, ""},

    /* Who answers at all. */
    {"both are silent", "", "0!", "cold-case", "none", "start stop reset cycle",
	"pve: the connection is down", "iDRAC", VERDICT_LINK_DOWN, VERDICT_LINK_DOWN},
    {"both links are down, nothing was climbed", "", "", "cold-case", "none",
	"start stop reset cycle", "devvm: the connection is down", "emergency",
	VERDICT_LINK_DOWN, VERDICT_LINK_DOWN},
    {"the PVE host is silent, the devvm is well", WELL "V:stall:cycle", "7",
	"host-silent", "none", "start stop reset cycle", NULL, "by ssh",
	VERDICT_LINK_DOWN, VERDICT_LINK_UP},
    {"the PVE host is silent, the devvm's write hangs", "", "6!", "host-silent", "none",
	"start stop reset cycle", "a write with sync did not come back",
	"this machine's way", VERDICT_LINK_DOWN, VERDICT_LINK_UP},
    {"the PVE host is silent, the devvm's disk is full", "", "6No space full",
	"disk-full", "none", "start stop reset cycle", NULL, "make room",
	VERDICT_LINK_DOWN, VERDICT_LINK_UP},
    {"no VM 102", "S status=unknown vm=missing startable=no", "0!", "missing", "none",
	"start stop reset cycle", "no config of VM 102", "other nodes"},

    {"VM 102 is stopped here, and its address answers", "S status=stopped", "7",
	"unknown", "none", "start stop reset cycle", "write with sync", "another node"},

    /* What keeps a verb from working. */
    {"locked by a backup while hung",
	"status=hung qmp=hung lock=backup lock_holder=vzdump-pid-812 V:hung:cycle", "1!",
	"hung", "none", "start stop reset cycle", "config lock backup",
	"held by vzdump-pid-812: wait for that task"},
    {"locked by nobody who lives",
	"status=hung qmp=hung lock=backup lock_holder=nobody V:hung:cycle", "1!", "hung",
	"none", "start stop reset cycle", NULL,
	"held by nobody: breakglass-pve --remove-lock"},
    {"suspended to disk: start takes the lock back", "S status=stopped lock=suspended",
	"", "stopped", "start", "stop reset", NULL, ""},
    {"no quorum while stopped", "S status=stopped startable=no startable_why=no-quorum",
	"", "stopped", "none", "start stop reset cycle", "would be refused: no-quorum",
	"then start"},
    {"no quorum while hung", "status=hung qmp=hung startable=no V:hung:cycle", "1!",
	"hung", "none", "start reset cycle", NULL, "then cycle"},
    {"no quorum, guest hang, staged config: a reset is left",
	WELL STILL "agent=silent vcpu_pct=99 staged=1 startable=no V:guest-spin:cycle",
	"1!", "guest-spin", "reset", "start cycle", NULL, "stays unapplied"},
    {"a verb runs at the host",
	"S status=hung qmp=hung job=running job_verb=cycle job_phase=killing", "", "hung",
	"none", "start stop reset cycle", NULL, "wait for its end"},

    /* The guest's own troubles. */
    {"an idle hang", WELL STILL "agent=silent vq_inuse=0 V:guest-idle:reset", "0!",
	"guest-idle", "reset", "start", "guest agent silent", ""},
    {"an idle hang with staged config",
	WELL STILL "agent=silent staged=1 V:guest-idle:cycle", "0!", "guest-idle",
	"cycle", "start reset", NULL, ""},
    {"a guest that is idle, whose agent is dead, and whose ssh works",
	WELL STILL "agent=silent vq_inuse=0 V:guest-idle:reset", "7", "healthy", "none",
	"start", "write with sync", ""},
    {"no agent, no ssh, no write", WELL STILL "agent=none vq_inuse=0 V:healthy:none",
	"0!", "guest-idle", "reset", "start", NULL, ""},
    {"the guest's kernel is stuck", WELL STILL ALIVE "vq_inuse=0 V:healthy:none", "6!",
	"guest-idle", "reset", "start", NULL, "look inside"},
    {"read-only after an I/O error", WELL WRITES ALIVE "V:healthy:none",
	"6Read-only file system, remounted", "read-only", "reset", "start", "Read-only",
	"remount,rw"},
    {"slow storage", WELL WRITES ALIVE "V:healthy:none", "6!", "crawling", "none",
	"start", "8 writes", "look inside"},
    {"short of memory", WELL WRITES ALIVE "V:healthy:none", "7mem=2", "crawling", "none",
	"start", "memory available", "look inside"},
    {"a load of six per CPU", WELL WRITES ALIVE "V:healthy:none", "7load=24", "healthy",
	"none", "start", "load 24.0 on 4 CPUs", ""},
    {"a load of six per CPU, and a login of two seconds",
	WELL WRITES ALIVE "V:healthy:none", "7load=24 late", "crawling", "none", "start",
	"load 24.0 on 4 CPUs", "look inside"},
    {"a login that takes nine seconds", WELL WRITES ALIVE "V:healthy:none", "7slow",
	"crawling", "none", "start", "login after 9.", "look inside"},
    {"units have failed", WELL WRITES ALIVE "V:healthy:none", "7units", "healthy", "none",
	"start", "2 failed units", "systemctl --failed"},
    {"the key is refused", WELL WRITES ALIVE "V:healthy:none", "3Permission denied",
	"ssh-down", "none", "start reset cycle", "the login failed: Permission denied",
	"bootstrap"},
    {"the key is refused by an idle guest without agent",
	WELL STILL "agent=silent V:guest-idle:reset", "3Permission denied", "ssh-down",
	"none", "start reset cycle", NULL, "bootstrap"},
    {"sudo is refused", WELL WRITES ALIVE "V:healthy:none", "5a password is required",
	"unknown", "none", "start", "sudo failed: a password is required", "look inside"},
    {"sudo hangs and the write does not", WELL WRITES ALIVE "V:healthy:none", "5!written",
	"crawling", "none", "start", "then sudo did not come back", "look inside"},
    {"a command hangs in a guest that writes", WELL WRITES ALIVE "V:healthy:none", "4!",
	"crawling", "none", "start", NULL, "look inside"},
    {"hung beside a guest that answers", "status=hung qmp=hung qmp_ms=3000 V:hung:cycle",
	"7", "hung", "cycle", "start reset", "write with sync", "save what can be saved"},

    /* Not enough is known. */
    {"the host has said nothing yet", "", "", "unknown", "forensics", "", NULL, ""},
    {"captured, and no climb yet", WELL WRITES ALIVE "V:healthy:none", "", "healthy",
	"none", "start", NULL, "", VERDICT_LINK_UP, VERDICT_LINK_UP},
    {"captured, no climb yet, ssh is down", WELL WRITES ALIVE "V:healthy:none", "",
	"unknown", "none", "start", "devvm: the connection is down", "", VERDICT_LINK_UP,
	VERDICT_LINK_DOWN},
    {"a status, and the devvm's link is up", "S status=running qmp=alive", "", "healthy",
	"none", "start", NULL, "", VERDICT_LINK_UP, VERDICT_LINK_UP},
    {"a status, and ssh does not answer", "S status=running qmp=alive", "1!", "unknown",
	"forensics", "start", NULL, ""},
    {"the monitor is somebody else's", "S status=running qmp=busy", "7", "healthy",
	"none", "start", NULL, ""},

    /* The old host program: a word and the time it took. */
    {"old: qm took three seconds", "O status=running ms=3100", "1!", "hung", "cycle",
	"start reset", "host program is old", ""},
    {"old: a write hangs", "O status=running ms=80", "6!", "stall", "cycle",
	"start reset", NULL, ""},
    {"old: nothing answers", "O status=running ms=80", "1!", "unknown", "cycle", "start",
	NULL, ""},
    {"old: stopped", "O status=stopped ms=80", "0!", "stopped", "start", "stop reset",
	NULL, ""},
    {"old: paused", "O status=paused ms=80", "1!", "paused", "cycle", "start reset", NULL,
	"qm resume 102"},
    {"old: no space", "O status=io-error ms=80", "1!", "nospace", "none",
	"start reset cycle", NULL, "then qm resume 102"},
    {"old: well", "O status=running ms=80", "7", "healthy", "none", "start", NULL, ""},
};

static void
feed(struct vmfacts *v, const char *line)
{
	vmfacts_line(v, line, strlen(line));
}

static void
make_host(struct vmfacts *v, const char *text, bool *captured)
{
	char copy[1024], line[1200], *save = NULL, word[32], advice[16];
	bool old = text[0] == 'O';

	vmfacts_begin(v);
	*captured = *text && text[0] != 'S' && !old;
	snprintf(copy, sizeof copy, "%s", text + (*text && !*captured ? 2 : 0));
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (old && strncmp(w, "ms=", 3) == 0) {
			v->status_ms = atol(w + 3);
			continue;
		}
		if (old)
			snprintf(line, sizeof line, "status: %s", strchr(w, '=') + 1);
		else if (sscanf(w, "V:%31[^:]:%15s", word, advice) == 2)
			snprintf(line, sizeof line,
			    "#bg verdict word=%s advice=%s why=\"the host's words\"",
			    word, advice);
		else
			snprintf(line, sizeof line, "#bg fact %s", w);
		feed(v, line);
	}
}

static const struct ladder_seen *
make_ladder(struct ladder_seen *l, const char *text)
{
	int reached = *text - '0';
	int more = strstr(text, "slow") ? 9000 : strstr(text, "late") ? 2000 : 0;

	if (!*text)
		return NULL;
	memset(l, 0, sizeof *l);
	for (int i = 0; i < RUNGS; i++)
		l->rung_ms[i] = i >= reached ? -1 : 10 * (i + 1) + (i ? more : 0);
	l->hung = text[1] == '!';
	if (strstr(text, "written"))
		l->rung_ms[RUNG_DISK] = 70;
	if (reached < RUNGS && !l->hung)
		snprintf(l->why, sizeof l->why, "%s", text + 1);
	l->load1 = strstr(text, "load=") ? atof(strstr(text, "load=") + 5) : 0.5;
	l->cpus = 4;
	l->mem_total_kb = 1000000;
	l->mem_avail_kb = strstr(text, "mem=") ? 20000 : 500000;
	l->swap_free_kb = -1;
	l->failed_units = strstr(text, "units") ? 2 : 0;
	snprintf(l->failed, sizeof l->failed, "%s", "app.service, web.service");
	l->root_used_pct = strstr(text, "used=") ? atoi(strstr(text, "used=") + 5) : 40;
	l->disk_full = strstr(text, "full") != NULL;
	l->read_only = strstr(text, "remounted") != NULL;
	return l;
}

static void
decide(const struct row *r, struct verdict *v)
{
	struct vmfacts host = {0};
	struct ladder_seen seen;
	struct verdict_in in = {.host = *r->host ? &host : NULL,
	    .pve = r->pve,
	    .devvm = r->devvm,
	    .pve_why = "no answer",
	    .devvm_why = "no answer"};

	make_host(&host, r->host, &in.captured);
	in.ladder = make_ladder(&seen, r->ladder);
	verdict_decide(&in, v);
	vmfacts_fini(&host);
}

static bool
has_line(const struct verdict *v, const char *part)
{
	for (size_t i = 0; i < v->evidence_count; i++)
		if (strstr(v->evidence[i], part))
			return true;
	return false;
}

static void
show(const struct row *r, const struct verdict *v, const char *nots)
{
	fprintf(stderr, "%s:\n  %s, advice %s, not: %s\n  why: %s\n  todo: %s\n", r->name,
	    v->word, v->advice, nots, v->why, v->todo);
	for (size_t i = 0; i < v->evidence_count; i++)
		fprintf(stderr, "  %s\n", v->evidence[i]);
}

static bool
row_holds(const struct row *r)
{
	char nots[64] = "";
	struct verdict v;
	bool ok;

	decide(r, &v);
	for (size_t i = 0; i < v.not_count; i++)
		snprintf(nots + strlen(nots), sizeof nots - strlen(nots), "%s%s",
		    i ? " " : "", verb_rows[v.not_now[i].verb].name);
	ok = strcmp(v.word, r->word) == 0 && strcmp(v.advice, r->advice) == 0 &&
	    strcmp(nots, r->nots) == 0 && (!r->line || has_line(&v, r->line)) &&
	    (!r->todo || (*r->todo ? strstr(v.todo, r->todo) != NULL : !v.todo[0])) &&
	    v.why[0] && !strstr(v.why, "seen_") && !strstr(v.todo, "seen_");
	for (size_t i = 0; i < v.evidence_count; i++)
		ok = ok &&
		    (strncmp(v.evidence[i], "host: ", 6) == 0 ||
			strncmp(v.evidence[i], "devvm: ", 7) == 0 ||
			strncmp(v.evidence[i], "pve: ", 5) == 0);
	for (size_t i = 0; i < v.not_count; i++)
		ok = ok && strcmp(verb_rows[v.not_now[i].verb].name, v.advice) != 0;
	if (!ok || getenv("SHOW"))
		show(r, &v, nots);
	return ok;
}

Test(verdict, each_situation_has_its_word_its_verb_and_what_must_not_be_done)
{
	int bad = 0;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		bad += !row_holds(&rows[i]);
	cr_assert_eq(bad, 0, "%d of %zu situations", bad, sizeof rows / sizeof rows[0]);
}
