/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "host/ha.h"
#include "wire/verbs.h"

/* One line: its words, and whether it opens a section (it is not indented). */
static const char *
next_line(const char *p)
{
	p = strchr(p, '\n');
	return p ? p + 1 : NULL;
}

static bool
line_is(const char *line, const char *want)
{
	size_t len = strcspn(line, "\r\n");

	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	return len == strlen(want) && memcmp(line, want, len) == 0;
}

bool
ha_manages(const char *text)
{
	bool inside = false, found = false;
	char want[16];

	snprintf(want, sizeof(want), "%d", VERB_VMID);
	for (const char *l = text; l != NULL; l = next_line(l)) {
		const char *word = l + strspn(l, " \t");

		if (word == l && *l != '\n' && *l != '\0') {
			/* Proxmox writes one space and reads any */
			inside = strncmp(l, "vm:", 3) == 0 &&
			    line_is(l + 3 + strspn(l + 3, " \t"), want);
			found |= inside;
		} else if (inside && strncmp(word, "state", 5) == 0 &&
		    (word[5] == ' ' || word[5] == '\t')) {
			word += 5;
			word += strspn(word, " \t");
			if (line_is(word, "ignored"))
				return false;
		}
	}
	return found;
}
