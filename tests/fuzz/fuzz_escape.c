/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log escaper and the lines of a run: printable ASCII, within their size,
 * and never a mark that others wrote.  The first byte is the room that is given.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "host/escape.h"
#include "host/out.h"

static void
check(const char *out, size_t size, size_t n)
{
	must(n < size && out[n] == '\0' && strlen(out) == n);
	for (size_t i = 0; i < n; i++)
		must(out[i] >= 0x20 && out[i] < 0x7f);
}

static void
check_escapes(const uint8_t *data, size_t len, size_t size)
{
	char *out = malloc(size), *text = fuzz_text(data, len);
	size_t n;

	if (out == NULL)
		abort();
	n = escape_field(out, size, data, len, 64);
	check(out, size, n);
	must(n <= 64 * 4 + 3);
	n = escape_line(out, size, (const char *)data, len);
	check(out, size, n);
	must(n <= len * 4 + 3);
	n = escape_value(out, size, text);
	check(out, size, n);
	free(out);
	free(text);
}

/* Each line ends, is at most OUT_LINE_MAX long, and is a mark only when we said one. */
static void
check_lines(const uint8_t *data, size_t len)
{
	static char lines[256 * 1024];
	static int fd = -1;
	char *text = fuzz_text(data, len), *p = lines, *nl;
	struct out o;
	int marks = 0;
	ssize_t n;

	if (fd < 0)
		fd = memfd_create("lines", 0);
	must(fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	out_init(&o, fd);
	out_quote(&o, (const char *)data, len);
	out_fact(&o, "key", text);
	out_mark(&o, "phase=x why=%s", text);
	n = pread(fd, lines, sizeof(lines) - 1, 0);
	must(n > 0 && lines[n - 1] == '\n');
	lines[n] = '\0';
	for (; *p != '\0'; p = nl + 1) {
		nl = strchr(p, '\n');
		must(nl != NULL && nl - p < OUT_LINE_MAX);
		marks += strncmp(p, "#bg ", 4) == 0;
		must(*p == '#' || strncmp(p, "  ", 2) == 0);
		for (char *c = p; c < nl; c++)
			must(*c >= 0x20 && *c < 0x7f);
	}
	must(marks == 2 && strlen(lines) == (size_t)n);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	check_escapes(data + 1, size - 1, 1 + data[0] * 3u);
	check_lines(data + 1, size - 1);
	return 0;
}
