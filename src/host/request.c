/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host/request.h"
#include "wire/verbs.h"

int
request_verb(const char *original)
{
	if (original == NULL)
		return -1;
	return verb_by_name(original, strlen(original));
}
