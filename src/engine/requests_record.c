/* SPDX-License-Identifier: GPL-3.0-or-later */
/* requests_record.c: what an operator may want of the record, one function a request. */
#include "engine/engine_int.h"

/* Answered by state "journal", once the disk has answered. */
void
engine_on_journal(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;

	if (!engine_request_is(p, m, "retry"))
		return;
	if (!js_bool(m, "retry", false))
		peer_error(p, m, "journal", "retry is true: try the disk now", NULL);
	else
		incident_retry(e->incident);
}
