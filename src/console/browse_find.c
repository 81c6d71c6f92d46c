/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/browse_find.h"

#include "console/browse_int.h"

bool
browse_find_key(struct action_context *a, const struct input *in)
{
	return false;
}

void
browse_find_forget(struct screen *s)
{
	s->browse.find.typing = false;
	s->browse.find.what.count = 0;
}

void
browse_look_for(struct screen *s, const char *text)
{
}

bool
browse_work(struct screen *s)
{
	return false;
}
