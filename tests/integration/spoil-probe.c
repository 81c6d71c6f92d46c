/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spoil-probe JOURNAL ROUNDS SEED: a journal that an engine has written is spoilt in
 * one way after another; exit 1 when one of them is not found.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "unit/spoil.h"

#define JOURNAL_MAX ((size_t)64 * 1024 * 1024)

int
main(int argc, char **argv)
{
	struct spoil_count counts[SPOIL_WAYS];
	unsigned missed = 0;
	struct err err;
	size_t len;
	char *data;

	if (argc != 4)
		return 99;
	data = fd_read_file(argv[1], JOURNAL_MAX, &len, &err);
	if (!data) {
		fprintf(stderr, "%s\n", err.words);
		return 99;
	}
	if (spoil_run(data, len, (unsigned)atoi(argv[2]), strtoull(argv[3], NULL, 10),
		counts) < 0)
		return 1;
	free(data);
	for (int w = 0; w < SPOIL_WAYS; w++) {
		printf("%u of %u %s found, %u told to the line, %u by their name\n",
		    counts[w].found, counts[w].tried, spoil_names[w], counts[w].placed,
		    counts[w].named);
		missed += counts[w].tried - counts[w].found;
	}
	return missed ? 1 : 0;
}
