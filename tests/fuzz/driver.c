/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * driver.c: runs a fuzz target where libFuzzer is missing.
 *
 *   TARGET [--ms N] [--seed N] [CORPUS]
 *
 * Every entry of the corpus first, as it is; then random changes of them until
 * the time is over.  The seed is fixed unless told, so a failure comes again.
 * What made it fail is written to TARGET.failed and shown as hex, in the form
 * of a corpus line.
 */
#include <ctype.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

#define ENTRIES_MAX 2048
#define INPUT_MAX 4096 /* bytes */
#define LINE_MAX_BYTES (INPUT_MAX * 2 + 64)
#define EACH_S 5 /* one input may not take longer */

struct entry {
	unsigned char *bytes;
	size_t len;
};

static struct entry entries[ENTRIES_MAX];
static size_t entry_count;
static unsigned char input[INPUT_MAX];
static size_t input_len;
static const char *program;
static uint64_t state;

/* xorshift64*: the same everywhere, which rand() is not. */
static uint64_t
next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dULL;
}

static size_t
below(size_t n)
{
	return n ? (size_t)(next() % n) : 0;
}

static void
tell(void)
{
	char path[512];
	FILE *f;

	fprintf(stderr, "%s: this input fails:\n", program);
	for (size_t i = 0; i < input_len; i++)
		fprintf(stderr, "%02x", input[i]);
	fprintf(stderr, "\n");
	snprintf(path, sizeof(path), "%s.failed", program);
	f = fopen(path, "wb");
	if (f != NULL) {
		fwrite(input, 1, input_len, f);
		fclose(f);
	}
}

static void
on_signal(int sig)
{
	signal(sig, SIG_DFL);
	tell();
	raise(sig);
}

/* AddressSanitizer's, where it is linked. */
void __sanitizer_set_death_callback(void (*fn)(void)) __attribute__((weak));

static void
run_one(void)
{
	/* of its exact size, so that a read past the end is seen */
	unsigned char *copy = malloc(input_len ? input_len : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, input, input_len);
	(void)LLVMFuzzerTestOneInput(copy, input_len);
	free(copy);
}

static void
add(const unsigned char *bytes, size_t len)
{
	if (entry_count == ENTRIES_MAX)
		return;
	entries[entry_count].bytes = malloc(len ? len : 1);
	if (entries[entry_count].bytes == NULL)
		abort();
	memcpy(entries[entry_count].bytes, bytes, len);
	entries[entry_count++].len = len;
}

static int
digit(int c)
{
	return isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
}

/* One entry a line, in hex; '#' begins a comment line. "-" is the empty one. */
static void
read_corpus(const char *path)
{
	static char line[LINE_MAX_BYTES];
	static unsigned char bytes[INPUT_MAX];
	FILE *f = fopen(path, "r");

	if (f == NULL) {
		perror(path);
		exit(99);
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		size_t n = 0;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		for (const char *p = line; digit((unsigned char)p[0]) >= 0 &&
		     digit((unsigned char)p[1]) >= 0 && n < sizeof(bytes);
		     p += 2)
			bytes[n++] = (unsigned char)(digit((unsigned char)p[0]) << 4 |
			    digit((unsigned char)p[1]));
		add(bytes, n);
	}
	fclose(f);
	if (entry_count == 0) {
		fprintf(stderr, "%s: no entry\n", path);
		exit(99);
	}
}

static void
insert(size_t at, const unsigned char *bytes, size_t len)
{
	if (len > INPUT_MAX - input_len)
		len = INPUT_MAX - input_len;
	memmove(input + at + len, input + at, input_len - at);
	memcpy(input + at, bytes, len);
	input_len += len;
}

static void
change(void)
{
	static const char *const words[] = {"\n", "\r\n", "\"", "\\", "\x1b[", "#bg ",
	    "%s%n", "\xc2\x9b", "{", "}", "[", "]", ":", ",", "=", " ",
	    "9223372036854775808", "-1", "status", "cycle", "102", "UPID:", "\xff"};
	unsigned char byte = (unsigned char)next();
	size_t at = below(input_len), len;
	const struct entry *other;
	const char *word;

	switch (below(8)) {
	case 0:
		if (input_len > 0)
			input[at] ^= (unsigned char)(1 << below(8));
		break;
	case 1:
		if (input_len > 0)
			input[at] = byte;
		break;
	case 2:
		insert(at, &byte, 1);
		break;
	case 3:
		len = input_len - at < 16 ? input_len - at : 1 + below(16);
		memmove(input + at, input + at + len, input_len - at - len);
		input_len -= len;
		break;
	case 4:
		input_len = at;
		break;
	case 5:
		word = words[below(sizeof(words) / sizeof(words[0]))];
		insert(at, (const unsigned char *)word, strlen(word));
		break;
	case 6:
		other = &entries[below(entry_count)];
		len = below(other->len + 1);
		insert(at, other->bytes + below(other->len - len + 1), len);
		break;
	default:
		for (size_t n = below(64); n > 0; n--)
			insert(at, &byte, 1);
		break;
	}
}

static void
load(const struct entry *e)
{
	memcpy(input, e->bytes, e->len);
	input_len = e->len;
}

static long
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
main(int argc, char **argv)
{
	const char *ms = getenv("FUZZ_MS"), *seed = getenv("FUZZ_SEED");
	const char *corpus = FUZZ_CORPUS;
	unsigned long runs = 0;
	long end;

	program = argv[0];
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--ms") == 0 && i + 1 < argc)
			ms = argv[++i];
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			seed = argv[++i];
		else
			corpus = argv[i];
	state = seed ? strtoull(seed, NULL, 10) : 1;
	state = state ? state : 1;
	signal(SIGABRT, on_signal);
	signal(SIGALRM, on_signal);
	signal(SIGPIPE, SIG_IGN);
	if (__sanitizer_set_death_callback != NULL)
		__sanitizer_set_death_callback(tell);
	read_corpus(corpus);
	for (size_t i = 0; i < entry_count; i++, runs++) {
		alarm(EACH_S);
		load(&entries[i]);
		run_one();
	}
	end = now_ms() + (ms ? atol(ms) : 1000);
	while (now_ms() < end)
		for (int i = 0; i < 50; i++, runs++) {
			alarm(EACH_S);
			load(&entries[below(entry_count)]);
			for (size_t n = 1 + below(6); n > 0; n--)
				change();
			run_one();
		}
	alarm(0);
	printf("%lu inputs from %zu entries\n", runs, entry_count);
	return 0;
}
