/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c: "breakglass doctor": its options, the order of things, and its end. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/locked.h"
#include "base/mem.h"
#include "doctor/climb.h"
#include "doctor/guard.h"
#include "doctor/judge.h"
#include "doctor/looks.h"
#include "doctor/terminal.h"
#include "engine/remote/custody.h"
#include "record/record.h"

#define EXIT_USAGE 64
#define THREADS "4"
#define SECRET_BYTES (20 * 1024) /* as much as a key takes */
#define WHY_MAX 320
#define TIMEDATECTL "/usr/bin/timedatectl"

/* What is only main's: the parts, and what of them is over. */
struct run {
	struct doctor d;
	struct apart *apart;
	struct climb *devvm, *pve;
	struct custody *custody;
	struct hostkeys *known;
	int waits;   /* looks that the climbs wait for */
	bool status; /* the look at the last status is over */
	bool pve_over;
	int guard; /* 1: it stands, 0: not asked for, -1: guard_err says why not */
	struct err guard_err;
	bool hardened;
	struct err harden_err;
	const char *codeset;
	bool utf8;
};

static struct option long_options[] = {
    {"json", no_argument, NULL, 'j'},
    {"offline", no_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

/* ---- what needs neither child nor host ---- */

static void
look_process(struct run *r)
{
	struct said said = {0};
	struct rlimit limit = {0};
	enum locked_kind kind = LOCKED_PLAIN;
	struct timex t = {0};
	struct err err;
	void *p;

	if (!r->hardened) {
		said_fail(&said, "%s", r->harden_err.words);
		said_do(&said,
		    "no key is read then: look at what forbids prctl here (a container's seccomp), or "
		    "accept it with weak = yes");
	} else if (r->d.o->weak > 0) {
		said_warn(&said,
		    "cores are off and nobody of this uid reads the process; weak = yes would let "
		    "it pass where that fails");
		said_do(&said, "take weak = yes out of the settings");
	} else
		said_pass(&said, "cores are off, nobody of this uid reads the process");
	sheet_put(r->d.sheet, CHECK_CUSTODY, &said);
	getrlimit(RLIMIT_MEMLOCK, &limit);
	p = locked_new(SECRET_BYTES, &kind, &err);
	locked_free(p, SECRET_BYTES);
	judge_memory(kind, (int64_t)limit.rlim_cur / 1024, &said);
	sheet_put(r->d.sheet, CHECK_MEMORY, &said);
	judge_time(adjtimex(&t), &said);
	if (said.command &&
	    access(TIMEDATECTL, X_OK) < 0) /* a pod's clock is its node's */
		said_do(&said,
		    "timedatectl set-ntp true, on the machine that this is a part of");
	sheet_put(r->d.sheet, CHECK_TIME, &said);
	terminal_look(r->utf8, r->codeset, &said);
	sheet_put(r->d.sheet, CHECK_TERMINAL, &said);
}

static void
leave_out(struct run *r)
{
	struct said said = {0};

	for (int c = 0; r->d.offline && c < CHECKS; c++) {
		if (!check_rows[c].out)
			continue;
		said_skip(&said, "%s", check_rows[c].out);
		sheet_put(r->d.sheet, (enum check)c, &said);
	}
	if (!r->d.offline)
		sheet_over(r->d.sheet, CHECK_CALLS);
}

/* ---- --offline's own line ---- */

static void
tell_calls(struct run *r)
{
	struct guard_asked asked[GUARD_ASKED_MAX];
	unsigned n = guard_asked(asked), refused = 0, let = 0;
	struct said said = {0};

	if (r->guard < 0) {
		said_warn(&said, "nobody watched, this kernel gives no way: %s",
		    r->guard_err.words);
		said_do(&said,
		    "nothing is wrong by that; Linux 5.5 or later without a filter of a container "
		    "shows more");
		sheet_put(r->d.sheet, CHECK_CALLS, &said);
		return;
	}
	said_pass(&said, "%s", "");
	for (unsigned i = 0; i < n; i++)
		if (asked[i].let)
			said_more(&said, "%s%s", let++ ? ", " : "", asked[i].text);
	said_more(&said, "%s", let ? "" : "nothing");
	for (unsigned i = 0; i < n; i++)
		if (!asked[i].let && strcmp(asked[i].text, "unix:") != 0)
			said_more(&said, "%s%s",
			    refused++ ? ", " : "; refused: ", asked[i].text);
	if (refused)
		said_more(&said, "; what is said above was seen without it");
	else
		said_more(&said,
		    " and nothing else; the kernel would have refused all else, name lookups too");
	js_set_int(said_values(&said), "let", let);
	js_set_int(said.values, "refused", refused);
	sheet_put(r->d.sheet, CHECK_CALLS, &said);
}

/* ---- the hosts ---- */

static void
tell_status(struct run *r)
{
	struct said said = {0};

	if (!r->status || !r->pve_over || sheet_is_over(r->d.sheet, CHECK_LAST_STATUS))
		return;
	judge_status(apart_note(r->apart, looks_by(look_status), JUDGE_NOT_KNOWN),
	    climb_answered(r->pve), &said);
	sheet_put(r->d.sheet, CHECK_LAST_STATUS, &said);
}

static void
on_climbed(struct climb *c, void *arg)
{
	struct run *r = arg;

	if (c == r->pve) {
		r->pve_over = true;
		tell_status(r);
	}
	if (r->d.offline && sheet_is_over(r->d.sheet, CHECK_DEVVM_DISK) &&
	    sheet_is_over(r->d.sheet, CHECK_PVE_FORCED))
		tell_calls(r);
}

/* Why the key that a host is known by is not compared; "" it is. */
static void
read_pin(struct run *r, const char *host, const char *file, char why[WHY_MAX])
{
	int64_t owner = apart_note(r->apart, looks_by(look_key), -1);
	struct err err;

	why[0] = '\0';
	if (file[0] && sheet_is_late(r->d.sheet, CHECK_CONFIG))
		snprintf(why, WHY_MAX, "the file that pins it does not answer");
	else if (file[0] && hostkeys_pin(r->known, host, file, &err) < 0)
		snprintf(why, WHY_MAX, "%.300s", err.words);
	else if (!file[0] && owner >= 0)
		snprintf(why, WHY_MAX,
		    "the engine of uid %lld knows the one that it has learnt",
		    (long long)owner);
	else if (!file[0] && sheet_is_late(r->d.sheet, CHECK_DISK))
		snprintf(why, WHY_MAX,
		    "which one is known stands on the journal's disk, which does not answer");
}

/* Only what was seen to be readable is read here: this process must not hang. */
static void
start_climbs(struct run *r)
{
	const struct options *o = r->d.o;
	struct climb_opts opts = {.no_key = "",
	    .no_bootstrap = !apart_note(r->apart, looks_by(look_config), false)};
	char why[WHY_MAX];

	if (sheet_result(r->d.sheet, CHECK_KEY) == RESULT_PASS) {
		r->custody = custody_new(&r->d.loop, o, getenv("SSH_AUTH_SOCK"));
		opts.key = custody_key(r->custody);
		opts.agent = custody_agent(r->custody);
		if (!opts.key && !opts.agent)
			opts.no_key = custody_why(r->custody);
	} else
		opts.no_key = "see the SSH key above";
	r->known =
	    hostkeys_new(sheet_is_late(r->d.sheet, CHECK_DISK) ? NULL : o->sessions_dir);
	hostkeys_only_look(r->known);
	opts.known = r->known;
	opts.no_known = why;
	read_pin(r, "devvm", o->devvm_hostkey, why);
	r->devvm = climb_start(&r->d, &opts, on_climbed, r);
	opts.pve = true;
	read_pin(r, "pve", o->pve_hostkey, why);
	r->pve = climb_start(&r->d, &opts, on_climbed, r);
}

static void
on_looked(const struct apart_look *look, void *arg)
{
	struct run *r = arg;

	if (look == looks_by(look_status)) {
		r->status = true;
		tell_status(r);
	}
	if ((look == looks_by(look_key) || look == looks_by(look_config) ||
		look == looks_by(look_disk)) &&
	    --r->waits == 0)
		start_climbs(r);
}

/* ---- beginning and end ---- */

static void
on_limit(uv_timer_t *timer)
{
	struct run *r = timer->data;
	struct said said = {0};

	if (r->d.offline && !sheet_is_over(r->d.sheet, CHECK_CALLS))
		tell_calls(r);
	for (int c = 0; c < CHECKS; c++) {
		if (sheet_is_over(r->d.sheet, (enum check)c))
			continue;
		said_fail(&said, "no answer within %d s", DOCTOR_MS / 1000);
		said_do(&said, "run doctor again; look at the lines above first");
		sheet_put(r->d.sheet, (enum check)c, &said);
	}
	uv_stop(&r->d.loop);
}

static int
run_all(struct run *r)
{
	const char *sock = getenv("SSH_AUTH_SOCK");
	struct guard_rules rules;
	const struct apart_look *looks;
	size_t count;
	int rc;

	r->d.begun_ms = clock_mono_ms();
	r->hardened = secret_harden_process(&r->harden_err) == 0;
	looks = looks_all(r->d.offline, &count);
	r->apart = apart_begin(looks, count, r->d.o, r->d.offline);
	if (r->d.offline) {
		guard_rules_of(&rules, r->d.o, sock);
		r->guard = guard_begin(&rules, &r->guard_err) == 0 ? 1 : -1;
	}
	uv_loop_init(&r->d.loop);
	uv_timer_init(&r->d.loop, &r->d.limit);
	r->d.limit.data = r;
	uv_timer_start(&r->d.limit, on_limit, DOCTOR_MS, 0);
	r->waits = 3;
	leave_out(r);
	look_process(r);
	apart_watch(r->apart, &r->d, on_looked, r);
	uv_run(&r->d.loop, UV_RUN_DEFAULT);
	rc = sheet_end(r->d.sheet, (long)(clock_mono_ms() - r->d.begun_ms));
	apart_end(r->apart);
	return rc;
}

/* Where the settings cannot be read there is nothing to look at by them. */
static int
only_config(struct run *r, const struct err *err)
{
	struct said said = {0};

	said_fail(&said, "%s", err->words);
	said_do(&said, "mend that line: man breakglass.conf names every setting");
	sheet_put(r->d.sheet, CHECK_CONFIG, &said);
	for (int c = CHECK_CONFIG + 1; c < CHECKS; c++) {
		said_skip(&said, "it needs the settings");
		if (c != CHECK_CALLS || r->d.offline)
			sheet_put(r->d.sheet, (enum check)c, &said);
		else
			sheet_over(r->d.sheet, (enum check)c);
	}
	return sheet_end(r->d.sheet, 0);
}

/* Three descriptors, whatever our starter has closed: no file of ours gets their number.
 */
static void
open_std(void)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd < 2)
		fd = open("/dev/null", O_RDWR);
	if (fd > 2)
		close(fd);
}

static int
usage(const char *word)
{
	struct err err;

	err_option(&err, word);
	fprintf(stderr,
	    "breakglass doctor: %s\nusage: breakglass doctor [--json] [--offline]\n",
	    err.words);
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	struct run r = {.d = {.o = NULL}};
	struct sheet_opts sheet = {.to = stdout, .version = PACKAGE_VERSION};
	struct options options;
	struct err err;
	int c, rc;

	open_std();
	signal(SIGPIPE, SIG_IGN);
	/* what the operator's locale says is judged; what is printed is UTF-8 */
	r.utf8 = setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	r.codeset = mem_dup(nl_langinfo(CODESET));
	if (!r.utf8)
		setlocale(LC_CTYPE, "C.UTF-8");
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'j')
			sheet.json = true;
		else if (c == 'o')
			r.d.offline = sheet.offline = true;
		else
			return usage(argv[optind - 1]);
	}
	if (optind < argc)
		return usage(argv[optind]);
	umask(077);
	setenv("UV_THREADPOOL_SIZE", THREADS, 0);
	sheet.columns = record_columns();
	r.d.sheet = sheet_new(&sheet);
	if (options_load(&options, &err) < 0)
		rc = only_config(&r, &err);
	else {
		r.d.o = &options;
		rc = run_all(&r);
	}
	if (fflush(stdout) != 0 && rc == 0)
		rc = 1; /* a full disk behind a redirection */
	/* a thread may wait for a disk or a server that does not answer: none is waited
	 * for */
	_exit(rc);
}
