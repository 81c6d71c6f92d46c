/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * climb.h: one connection to one host, one try, and what may be asked over it.
 *
 *   devvm  tcp - greeting - key exchange - login - echo - sudo and write
 *   pve    tcp - greeting - key exchange - login - status - a word that is no verb - a
 * shell
 *
 * One step after the other, over one connection; what does not answer in its time ends
 * the climb.  No verb but status is ever sent.  The word and the shell must be refused
 * by the forced command; where there is none, the word is a command that does nothing
 * and the shell gets no input.
 */
#ifndef DOCTOR_CLIMB_H
#define DOCTOR_CLIMB_H

#include "doctor/doctor.h"
#include "engine/remote/hostkeys.h"
#include "engine/remote/secret.h"

#define CLIMB_MS 22000

struct climb;

struct climb_opts {
	bool pve;
	const struct secret *key; /* NULL: none; borrowed */
	const char *agent;	  /* the ssh-agent's socket instead, or NULL */
	const char *no_key;	  /* why there is neither; "" */
	struct hostkeys *known;	  /* only looked at; borrowed */
	const char *no_known;	  /* why this host's is not compared; "" */
	bool no_bootstrap;	  /* there is none here */
};

/* done comes once, from the loop, after all checks of the host are on the sheet. */
struct climb *climb_start(struct doctor *d, const struct climb_opts *opts,
    void (*done)(struct climb *c, void *arg), void *arg);
bool climb_answered(const struct climb *c); /* the PVE host's status came */

#endif
