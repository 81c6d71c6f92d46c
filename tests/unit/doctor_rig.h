/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * doctor_rig.h: what was said last of a prerequisite, for the tests of doctor's
 * judgements.  Each file that includes it has one of its own.
 */
#ifndef UNIT_DOCTOR_RIG_H
#define UNIT_DOCTOR_RIG_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "doctor/said.h"

#define UNUSED __attribute__((unused))

static struct said said;

UNUSED static bool
says(const char *what)
{
	if (strstr(said.seen, what) || strstr(said.mend, what))
		return true;
	fprintf(stderr, "%s / %s\n", said.seen, said.mend);
	return false;
}

UNUSED static void
fini(void)
{
	said_fini(&said);
}

#endif
