/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the devvm says is alive there: names of runs and pids, whole only with its last
 * line, and the same however much follows that.
 */
#include <string.h>

#include "engine/remote/leash.h"
#include "fuzz/fuzz.h"

static void
on_alive(const char *run, long pid, void *arg)
{
	size_t n = strlen(run);

	(void)pid;
	must(
	    n > 0 && n <= 16 && strspn(run, "abcdefghijklmnopqrstuvwxyz0123456789") == n);
	++*(long *)arg;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char end[] = "\nleft end\n", more[] = "left r1. 1\n";
	char *text = malloc(size + sizeof end + sizeof more);
	long first = 0, second = 0;
	bool whole;

	must(text);
	memcpy(text, data, size);
	whole = leash_answer(text, size, on_alive, &first);
	must(first <= (long)((size + 1) / 8)); /* "left1.1" and a line end */
	memcpy(text + size, end, sizeof end - 1);
	memcpy(text + size + sizeof end - 1, more, sizeof more - 1);
	if (size + sizeof end + sizeof more <= LEASH_ANSWER_MAX &&
	    !memchr(data, 0, size)) {
		must(leash_answer(text, size + sizeof end - 1, on_alive, &second));
		must(second == first);
		second = 0;
		must(leash_answer(
		    text, size + sizeof end + sizeof more - 2, on_alive, &second));
		must(second == first);
		must(leash_answer(text, size, on_alive, &second) == whole);
	}
	free(text);
	return 0;
}
