/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * thaw.c: file systems that somebody froze and went away from.
 *
 * A backup that is lost between freeze and thaw leaves every write of the guest
 * waiting.  The guest agent thaws them at once and nothing is lost, so that is
 * what "make it run" means for such a VM; who ends it all the same thaws first.
 */
#include <string.h>

#include "host/codes.h"
#include "host/forensics.h"
#include "host/job.h"
#include "host/power.h"
#include "host/qmp.h"

#define THAW_MS 5000

/* 0: the agent says that it is done. */
static int
ask(struct power *p)
{
	struct qmp q;
	int rc = -1;

	job_phase(p->j, "thaw", NULL);
	if (qga_open(&q, p->j->site->qga, THAW_MS) == QMP_OPEN_OK)
		rc = qmp_call(
		    &q, "{\"execute\":\"guest-fsfreeze-thaw\"}", THAW_MS, NULL, NULL);
	qmp_close(&q);
	out_fact(&p->j->out, "thawed", rc == 0 ? "yes" : "no");
	return rc;
}

void
thaw_before(struct power *p)
{
	if (strcmp(p->e.freeze, "frozen") != 0)
		return;
	out_text(&p->j->out,
	    ask(p) == 0 ? "the guest's file systems are thawed"
			: "the thaw was not answered; going on");
}

int
thaw_only(struct power *p)
{
	struct evidence e;

	memset(&e, 0, sizeof(e));
	if (ask(p) == 0)
		forensics_ask_agent(p->j->site, THAW_MS, &e);
	if (strcmp(e.freeze, "thawed") != 0)
		return job_fail(p->j, CODE_START_FAILED,
		    "the guest's file systems are frozen and its agent does not thaw them: "
		    "use reset");
	out_text(&p->j->out,
	    "the guest's file systems are thawed; what waited is being written");
	return CODE_OK;
}
