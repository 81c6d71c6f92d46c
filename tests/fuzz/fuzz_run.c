/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state files of a run, torn, overwritten or somebody else's. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "host/run.h"

static void
is_word(const char *word, size_t size)
{
	must(strnlen(word, size) < size && *word != '\0');
	must(strpbrk(word, " \t\n") == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), again[1024];
	struct run_last last, l;
	struct run_now now, n;

	if (run_now_parse(text, &now)) {
		is_word(now.id, sizeof(now.id));
		is_word(now.verb, sizeof(now.verb));
		is_word(now.phase, sizeof(now.phase));
		/* as run_now_write has it: what is read is what was written */
		snprintf(again, sizeof(again), "%s %s %s %lld %lld %lld\n", now.id,
		    now.verb, now.phase, now.pid, now.pid_start, now.at);
		must(run_now_parse(again, &n) && memcmp(&now, &n, sizeof(n)) == 0);
	} else
		must(now.id[0] == '\0' && now.pid == 0);
	if (run_last_parse(text, &last)) {
		is_word(last.id, sizeof(last.id));
		is_word(last.verb, sizeof(last.verb));
		is_word(last.state, sizeof(last.state));
		must(strnlen(last.why, sizeof(last.why)) < sizeof(last.why));
		must(strchr(last.why, '\n') == NULL);
	} else
		must(last.id[0] == '\0' && last.rc == 0);
	must(run_last_parse("a b c 1 2 3\nwhy\n", &l) && strcmp(l.why, "why") == 0);
	free(text);
	return 0;
}
