/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vm.h: the latest `state` facts: the VM, the links, the agent and the rest of
 * what a status line tells.  Every string here is already clean.
 */
#ifndef MODEL_VM_H
#define MODEL_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "model/proof.h"
#include "wire/course.h"
#include "wire/json.h"

#define VM_STAGED_MAX 16

struct vm_staged {
	char key[48], from[64], to[64];
};

struct vm_link {
	bool known;
	char state[16], why[256], todo[256], key[16], fingerprint[128];
	int64_t ms;	  /* round trip; -1: not known */
	int64_t since;	  /* the engine's monotonic clock */
	int64_t told;	  /* the same: when the last fact about it came */
	int64_t retry_ms; /* from told on; -1: no try is planned */
	char step[16]; /* while it connects: "tcp", "greeting", "key exchange", "login" */
};

enum vm_host { VM_DEVVM, VM_PVE, VM_HOSTS };

/* A mutation whose end the record does not have; verb "": there is none. */
struct vm_unfinished {
	char verb[16], id[16], by[48], at[32], text[192];
	char now[192];	  /* what is true now, one sentence */
	char key[16];	  /* the one sensible next verb, or "" */
	char outcome[16]; /* unknown, running, done, failed, interrupted, never ran */
	int64_t since;	  /* the engine's clock when that was told */
};

/* How long a verb takes, by the last ones of earlier incidents; n 0: nobody knows. */
struct vm_usual {
	int64_t n, ms;			 /* ms: until the devvm is healthy, or off; -1 */
	int64_t stage_ms[COURSE_STAGES]; /* -1: it does not occur, as a rule */
};

struct vm {
	bool known; /* somebody has asked the host at least once */
	char status[32], qmp[16], lock[64], job[192], host_program[16];
	char lock_holder[160]; /* who holds the config's lock */
	char host_todo[320];   /* the command that installs our host program */
	bool cannot_start;     /* a start would fail: startable_why */
	bool ha;	       /* the HA manager runs this VM */
	char startable_why[192];
	int64_t status_ms, pid, checked;
	int staged_count; /* may be more than are kept */
	struct vm_staged staged[VM_STAGED_MAX];

	struct vm_link link[VM_HOSTS];

	struct {
		bool known;
		char state[16], driver[16], endpoint[48], model[48];
		char why[256], todo[256];
		char route[256];    /* why it is not the first choice; "": it is */
		char back[192];	    /* when and how the first choice comes back */
		char progress[128]; /* what the model does now, "" not known */
		int64_t turn, queued;
		int64_t told;	  /* the engine's clock when this was told */
		int64_t quiet_ms; /* no word from the model for so long, at told; 0 */
		int64_t retry_ms; /* it is asked again so long after told; -1 */
		int64_t attempt, attempts; /* of these tries; 0 not told */
	} agent;
	struct {
		char holder[48], verb[16]; /* holder "": free */
		int64_t since;
	} slot;
	struct {
		char state[16], path[192], why[192], todo[192];
	} journal;
	struct {
		int64_t in, out, turns;
		/* of the turn in hand or the last one; a maximum of 0 is no limit */
		int64_t turn_calls, turn_calls_max, turn_tokens, turn_tokens_max;
		int64_t turn_ms_max, turn_began; /* began 0: none is in hand */
		double cost_usd, cost_max_usd;
		int64_t verbs_hour, verbs_hour_max; /* -1: not told */
		char spent[32];			    /* the limit that was reached */
	} budget;
	char autonomy[16];
	struct {
		bool on;
		char by[48], at[40]; /* who pulled it, when (UTC) */
	} kill;
	struct {
		bool weak; /* told to hold keys that cannot be guarded */
		char key[8], text[256], why[256], todo[128];
	} custody;
	struct {
		char text[256]; /* what holds the agent's processes */
		char open[160]; /* what does not, joined by commas; "": nothing */
		int open_count;
	} sandbox;
	struct {
		int64_t open;
		char who[144]; /* their operators' names */
	} shells;
	struct proof proof;
	struct course course; /* of the mutating verb in hand, or the last one */
	struct vm_usual usual[VERBS];
	struct vm_unfinished unfinished;
};

extern const char *const vm_host_names[VM_HOSTS];

void vm_init(struct vm *vm);

/* Folds one `state` fact in (all but "here").  Unknown kinds change nothing. */
void vm_apply(struct vm *vm, const struct js *fact);

#endif
