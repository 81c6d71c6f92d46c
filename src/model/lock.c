/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/lock.h"

#include <stdio.h>

void
lock_read(struct lock *l, const struct js *state)
{
	const char *text = js_str(state, "text");

	l->on = js_bool(state, "on", false);
	l->password = js_is(state, "how", "password");
	snprintf(l->text, sizeof l->text, "%s", text ? text : "");
}
