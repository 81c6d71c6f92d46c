/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * journal_core: what a record costs until it is in the file, one figure a line.
 *
 *   journal-core DIR        NAME VALUE UNIT
 *
 * From emit to told, which is after the write in the thread pool; the same with a
 * sync before it; in turns with a bare write (and fdatasync) of as many bytes to a
 * file beside it.  Then what the loop itself spends: on a record, on the SHA-256 in
 * it, and on a flood of output.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/record/incident.h"
#include "engine/remote/run.h"
#include "wire/chain.h"

#define RECORDS 3000
#define SYNCS 400
#define ROUNDS 5
#define FLOOD_MIB 12
#define BLOCK (32 * 1024)

struct bench {
	uv_loop_t loop;
	struct incident *incident;
	struct runs *runs;
	bool ready, synced;
	uint64_t told;
	size_t len; /* of the last record */
};

static double
now_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The p99 is the median of those of some rounds: one hiccup is no figure of ours. */
static void
figures(const char *name, double *us, size_t n)
{
	double late[ROUNDS];
	size_t each = n / ROUNDS;

	for (size_t r = 0; r < ROUNDS; r++) {
		qsort(us + r * each, each, sizeof *us, by_value);
		late[r] = us[r * each + each * 99 / 100];
	}
	qsort(late, ROUNDS, sizeof *late, by_value);
	qsort(us, n, sizeof *us, by_value);
	printf("%s-p50 %.4f ms\n", name, us[n / 2] / 1e3);
	printf("%s-p99 %.4f ms\n", name, late[ROUNDS / 2] / 1e3);
}

static void
on_release(struct line *l, void *arg)
{
	struct bench *b = arg;

	if (l->seq)
		b->told = l->seq;
	b->len = l->len;
}

static void
on_found(const struct js *record, void *arg)
{
}

static void
on_ready(void *arg)
{
	((struct bench *)arg)->ready = true;
}

static void
on_sync(bool on_disk, const char *why, void *arg)
{
	((struct bench *)arg)->synced = on_disk;
	if (!on_disk) {
		fprintf(stderr, "journal-core: %s\n", why);
		exit(1);
	}
}

static const struct incident_events events = {on_release, on_found, on_ready, NULL};

static void
note(struct bench *b)
{
	struct js *f = incident_fact(FACT_NOTE, "anna");

	js_set_str(f, "text", "the host answers again, 12 s after its network came back");
	incident_emit(b->incident, FACT_NOTE, f);
}

/* One record (synced or not), then a bare one, and so on. */
static void
appends(struct bench *b, int fd, bool sync, size_t n)
{
	double *ours = mem_alloc(n * sizeof *ours), *bare = mem_alloc(n * sizeof *bare);
	char line[1024];

	memset(line, 'x', sizeof line);
	for (size_t i = 0; i < n; i++) {
		uint64_t want = b->told + 1;
		double t = now_us(CLOCK_MONOTONIC);

		note(b);
		b->synced = !sync;
		if (sync)
			incident_sync(b->incident, on_sync, b);
		while (b->told < want || !b->synced)
			uv_run(&b->loop, UV_RUN_ONCE);
		ours[i] = now_us(CLOCK_MONOTONIC) - t;
		t = now_us(CLOCK_MONOTONIC);
		if (write(fd, line, b->len) < 0 || (sync && fdatasync(fd) < 0))
			abort();
		bare[i] = now_us(CLOCK_MONOTONIC) - t;
	}
	figures(sync ? "synced" : "append", ours, n);
	figures(sync ? "bare-synced" : "bare-write", bare, n);
	free(ours);
	free(bare);
}

/* What the loop spends on its own CPU until a record is with the journal. */
static void
loop_cost(struct bench *b)
{
	char head[CHAIN_HEX + 1], *block = mem_alloc(BLOCK);
	double t = now_us(CLOCK_THREAD_CPUTIME_ID);

	for (int i = 0; i < RECORDS; i++)
		note(b);
	printf("loop-record %.3f us\n", (now_us(CLOCK_THREAD_CPUTIME_ID) - t) / RECORDS);
	while (incident_pressure(b->incident) > 0)
		uv_run(&b->loop, UV_RUN_ONCE);
	memset(block, 'x', BLOCK);
	chain_begin(head);
	t = now_us(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < RECORDS; i++)
		chain_next(head, block, b->len);
	printf("chain-record %.3f us\n", (now_us(CLOCK_THREAD_CPUTIME_ID) - t) / RECORDS);
	t = now_us(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < RECORDS; i++)
		chain_next(head, block, BLOCK);
	printf("chain-mib %.1f us\n",
	    (now_us(CLOCK_THREAD_CPUTIME_ID) - t) / ((double)RECORDS * BLOCK / 1048576));
	free(block);
}

static void
flood(struct bench *b)
{
	struct run *run = run_begin(b->runs,
	    &(struct run_info){.asked = "agent",
		.by = "agent",
		.host = "devvm",
		.what = "cat",
		.what_len = 3});
	char *block = mem_alloc(BLOCK);
	double cpu = 0, began = now_us(CLOCK_MONOTONIC);

	for (size_t i = 0; i < BLOCK; i++)
		block[i] = i % 80 ? (char)('a' + i % 26) : '\n';
	for (size_t sent = 0; sent < FLOOD_MIB * 1048576; sent += BLOCK) {
		double t = now_us(CLOCK_THREAD_CPUTIME_ID);

		run_output(run, 1, block, BLOCK);
		cpu += now_us(CLOCK_THREAD_CPUTIME_ID) - t;
		while (incident_pressure(b->incident) > 1048576)
			uv_run(&b->loop, UV_RUN_ONCE);
	}
	while (incident_pressure(b->incident) > 0)
		uv_run(&b->loop, UV_RUN_ONCE);
	printf("flood-loop-mib %.1f us\n", cpu / FLOOD_MIB);
	printf("flood-mib %.1f us\n", (now_us(CLOCK_MONOTONIC) - began) / FLOOD_MIB);
	run_exit(run, 0);
	free(block);
}

int
main(int argc, char **argv)
{
	struct bench b = {0};
	char path[512];
	int fd;

	if (argc != 2)
		return 64;
	uv_loop_init(&b.loop);
	b.incident = incident_new(&b.loop, argv[1], &events, &b);
	b.runs = runs_new(&b.loop, b.incident);
	incident_start(b.incident);
	while (!b.ready)
		uv_run(&b.loop, UV_RUN_ONCE);
	snprintf(path, sizeof path, "%s/bare", argv[1]);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return 1;
	note(&b);
	while (b.told < 2)
		uv_run(&b.loop, UV_RUN_ONCE);
	appends(&b, fd, false, RECORDS);
	appends(&b, fd, true, SYNCS);
	loop_cost(&b);
	flood(&b);
	close(fd);
	runs_free(b.runs);
	incident_free(b.incident, 2000);
	while (uv_run(&b.loop, UV_RUN_NOWAIT))
		continue;
	uv_loop_close(&b.loop);
	return 0;
}
