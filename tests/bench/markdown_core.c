/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * markdown_core: what a streaming answer costs to render, one figure a line.
 *
 *   markdown-core        NAME VALUE UNIT
 *
 * Texts of 100 KB come in pieces of 20 bytes, each is rendered when it has come: CPU of
 * the whole, and the last tenth beside the first tenth (1: a word costs what it cost at
 * the start).  Then texts that were made to be slow, in pieces of 4 KB.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "console/draw/markdown.h"

#define SIZE (100 * 1024)
#define PIECE 20
#define WIDTH 80
#define ROUNDS 5

static double
cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_value);
	return v[n / 2];
}

struct cost {
	double all, first, last; /* ms: of the whole, of its first and last tenth */
};

static struct cost
stream(const char *text, size_t piece)
{
	struct cost c = {0};
	struct markdown m;
	struct lines l;

	lines_init(&l, WIDTH);
	markdown_start(&m, &l);
	for (size_t at = 0; at < SIZE;) {
		double before = cpu_ms(), took;

		at = at + piece < SIZE ? at + piece : SIZE;
		markdown_grow(&m, &l, text, at, true);
		took = cpu_ms() - before;
		c.all += took;
		if (at <= SIZE / 10)
			c.first += took;
		else if (at > SIZE - SIZE / 10)
			c.last += took;
	}
	lines_fini(&l);
	return c;
}

static const char answer[] =
    "## What I found\n\nThe disk of the devvm is **full**: `/dev/sda1` has 0 bytes left, "
    "so ssh.service cannot write its state and fails at each start.\n\n"
    "- the journal takes 38 GB\n- `/var/lib/docker` takes 19 GB\n"
    "  - most of it are old images\n  - none of them is in use\n- the rest is small\n\n"
    "| Unit | State | Since |\n|---|---|---|\n| ssh.service | failed | 03:12:07 |\n"
    "| docker.service | active | 2 days |\n| cron.service | failed | 03:14:55 |\n\n"
    "```bash\njournalctl --vacuum-size=1G\ndocker image prune -af\nsystemctl restart ssh\n"
    "```\n\nAfter that the login works again; see [the manual](https://example.org/a).\n\n"
    "1. First look how much it freed: `df -h /`.\n2. Then start what failed.\n\n"
    "> Nothing of this changes the VM itself.\n\n";

/* One fence that never closes: its second line opens it, as far as it is seen. */
static const char code[] = "```\necho 0123456789 abcdef\necho 0123456789 abcdefghijk\n"
			   "for i in 1 2 3; do echo $i; done\n";

static void
fill(char *text, const char *part)
{
	size_t len = strlen(part);

	for (size_t at = 0; at < SIZE; at++)
		text[at] = part[at % len];
	text[SIZE] = '\0';
}

static void
measure(const char *name, char *text, const char *part, size_t piece)
{
	double all[ROUNDS], ratio[ROUNDS];

	fill(text, part);
	for (int i = 0; i < ROUNDS; i++) {
		struct cost c = stream(text, piece);

		all[i] = c.all;
		ratio[i] = c.last / (c.first > 0 ? c.first : 1e-9);
	}
	printf("%s_100_kb %.1f ms\n", name, median(all, ROUNDS));
	printf("%s_last_to_first %.2f x\n", name, median(ratio, ROUNDS));
}

int
main(void)
{
	static const char *const slow[][2] = {{"brackets", "["}, {"stars", "*a _"},
	    {"ticks", "`a ``b "}, {"columns", "|"}, {"quotes", "> > > > > > "},
	    {"nested", "- - - - - - "}, {"links", "[a](b "}, {"angles", "<a "},
	    {"tildes", "~~a "}, {"at", "a@b."}, {"www", "www.a"},
	    {"cells", "|a|b|\n|-|-|\n"}, {"entities", "&a"}, {"images", "![["}};
	char *text = malloc(SIZE + 1), name[64];

	if (!text || !setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	measure("answer", text, answer, PIECE);
	measure("paragraph", text, "word ", PIECE);
	measure("list", text, "- an item of a list that goes on\n", PIECE);
	measure("code", text, code, PIECE);
	for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
		snprintf(name, sizeof name, "slow_%s", slow[i][0]);
		measure(name, text, slow[i][1], 4096);
	}
	free(text);
	return 0;
}
