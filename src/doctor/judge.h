/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * judge.h: what is made of what was seen, purely: facts in, a line out.
 *
 * A fail is a prerequisite that does not hold, or that lets somebody in who must not be;
 * a warn is one that holds in part, or is weaker or older than it should be.  Each says
 * what mends it.
 */
#ifndef DOCTOR_JUDGE_H
#define DOCTOR_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "doctor/said.h"

#define JUDGE_SKEW_WARN_MS 2000 /* beyond the error of the measurement */
#define JUDGE_SKEW_FAIL_MS 60000
#define JUDGE_DRILL_DAYS 30
#define JUDGE_STATUS_DAYS 30
#define JUDGE_FSYNC_WARN_MS 500 /* the engine calls a disk slow from there on */
#define JUDGE_FREE_WARN (100LL * 1024 * 1024)
#define JUDGE_FREE_FAIL (1024LL * 1024)
#define JUDGE_INODES_WARN 1000

/* How one run at a host ended. */
enum ran {
	RAN_NOT, /* it was never begun */
	RAN_EXITED,
	RAN_LOST,   /* with the connection, or by a signal; said has the words */
	RAN_REFUSED /* its sshd gave no channel or no process */
};

struct run_facts {
	enum ran ran;
	int exit;
	int64_t ms;
	bool late;	/* ended by our limit */
	char said[160]; /* the first line that it printed */
};

/* All that one connection to one host has shown.  Strings that are pointers: borrowed. */
struct host_facts {
	bool pve; /* else the devvm */
	const char *address, *user;
	long port;
	const char *data_dir;
	bool no_bootstrap;   /* it is not in data_dir: a pod has none */
	const char *version; /* ours */
	char here[64];	     /* our address on the way there; "" unknown */
	char no_key[320];    /* why there is no key to log in with; "" there is one */
	char key_path[256];

	int64_t tcp_ms, banner_ms, kex_ms, auth_ms; /* each from the one before; -1 */
	bool down, timed_out, refused;
	char why[480];

	bool was_known, pinned; /* a key was known, or is in the settings */
	bool changed;
	char no_known[320]; /* why none is compared, as another line says; "" */
	char trouble[320];  /* of the file of those learnt, as far as it is not read */
	char shown[80], known[80]; /* fingerprints; "" */

	char from[80]; /* our address as it sees it; "" */
	bool has_clock;
	int64_t skew_ms, error_ms;
	struct run_facts first; /* the devvm's echo, the PVE host's status */

	/* the devvm */
	struct run_facts probe;
	int64_t sudo_ms, write_ms; /* -1 */
	bool disk_full, read_only, disk_hung, sudo_refused;
	char probe_why[160];

	/* the PVE host */
	bool ours, old; /* marks came; the plain line of an old program came */
	char program[40];
	char status[40], startable_why[240], job[160];
	struct run_facts word, shell; /* the two requests that must be refused */
};

/*
 * Versions like 1.2.3: above 0 when a is the newer one, below when b is; 0 when they are
 * the same, or one of them is none.  1.2.3-rc1 and 1.2.3~rc1 come before 1.2.3.
 */
int judge_versions(const char *a, const char *b);

void judge_address(const struct host_facts *f, struct said *out);
void judge_connection(const struct host_facts *f, struct said *out);
void judge_hostkey(const struct host_facts *f, struct said *out);
void judge_login(const struct host_facts *f, struct said *out);
void judge_source(const struct host_facts *f, struct said *out);
void judge_exec(const struct host_facts *f, struct said *out);
void judge_clock(const struct host_facts *f, struct said *out);
void judge_sudo(const struct host_facts *f, struct said *out);
void judge_write(const struct host_facts *f, struct said *out);
void judge_program(const struct host_facts *f, struct said *out);
void judge_forced(const struct host_facts *f, struct said *out);

/* ---- this machine ---- */

struct disk_facts {
	const char *dir;    /* borrowed; in commands it is quoted */
	bool there;	    /* else the engine makes it: what is above it was looked at */
	int64_t free_bytes; /* for us, not for root */
	int64_t free_inodes; /* -1: this file system does not count them */
	int write_errno;     /* 0: a file was written, synced and removed */
	int64_t fsync_ms;
};

void judge_disk(const struct disk_facts *f, struct said *out);

struct terminal_facts {
	const char *term; /* TERM; "" unset */
	bool known;	  /* the terminal database has it */
	bool moves;	  /* and it can move its cursor and clear its screen */
	int colours;	  /* 0: none; -1: not said */
	bool utf8;	  /* of the locale as it is set */
	const char *locale;
	bool is_tty;
	int cols, rows; /* 0: it does not say */
};

void judge_terminal(const struct terminal_facts *f, struct said *out);

void judge_memory(int kind, int64_t limit_kb, struct said *out); /* enum locked_kind */
void judge_time(int state, struct said *out);			 /* adjtimex's */

/* ---- engine, agent, practice ---- */

struct engine_facts {
	bool there;
	char why[256]; /* it does not tell, or not all; "" it does, or none runs */
	bool hangs;    /* somebody listens, and does not answer */
	char version[40];
	long pid;
	char journal[16], journal_why[200]; /* "ok", "slow", "memory" */
	bool killed;
	bool kill_unread; /* it does not tell, and its journal cannot be read */
	char killed_by[64];
	bool weak;
};

void judge_engine(const struct engine_facts *f, const char *ours, struct said *out);
void judge_kill(const struct engine_facts *f, struct said *out);

/* words and open as the launcher has them, joined by ", "; "" nothing. */
void judge_sandbox(const char *words, const char *open, struct said *out);

struct claude_facts {
	const char *driver;	/* the setting */
	const char *configured; /* path of the settings; "" */
	const char *path;	/* what was found; NULL: nothing */
	const char *version;	/* NULL: it did not tell */
	const char *pinned;
	const char *why;   /* it does not run; "" */
	bool api;	   /* somebody else can answer */
	const char *fetch; /* the command that gets the pinned one */
};

void judge_claude(const struct claude_facts *f, struct said *out);

struct drill_facts {
	bool site;
	bool there;
	bool no_lab;	 /* nor a place to rehearse in */
	const char *why; /* the record cannot be read; "" */
	int64_t age_ms, total_ms;
	bool ok;
	const char *wedge;
};

void judge_drill(const struct drill_facts *f, struct said *out);

#define JUDGE_NEVER (-1)
#define JUDGE_NOT_KNOWN (-2) /* neither the engine nor the journal tells */

/* age_ms: or one of these two; now: one was answered in this run. */
void judge_status(int64_t age_ms, bool now, struct said *out);

#endif
