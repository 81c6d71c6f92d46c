/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * doctor.h: one look at everything that a recovery will need.
 *
 *   children, apart      what may hang: files, the engine, programs,
 *                        the endpoints with their files                (look_*.c, api.c)
 *   the loop             both hosts                                     (climb.c)
 *        facts  ------------>  judged, purely (judge_*.c)  ---->  sheet
 *
 * Nothing is changed by it, at home or at the hosts: no verb that mutates is sent, no
 * host key is learnt, no directory is made.  Of each host there is one connection, and
 * one try to make it.  Everything has an end; what has none by DOCTOR_MS is said so.
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/options.h"
#include "doctor/sheet.h"

#define DOCTOR_MS 28000 /* all of it, with everything dead */

struct doctor {
	const struct options *o;
	bool offline;
	struct sheet *sheet;
	uv_loop_t loop;
	uv_timer_t limit;
	int64_t begun_ms;
};

/* Where contrib/, agents/ and lab/ are. */
const char *doctor_data_dir(const struct options *o);
/* Where the launcher and the other programs are. */
const char *doctor_libexec_dir(const struct options *o);

/* Something is over: is all of it? */
void doctor_look(struct doctor *d);

#endif
