/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A journal of any bytes: the reader lends the lines that are there, the check comes to
 * an end, and what is shown of it has no control character.  And a good journal that is
 * changed as the bytes say is never called intact.
 */
#include <locale.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "fuzz/fuzz.h"
#include "record/anchors.h"
#include "record/record.h"
#include "record/show_record.h"
#include "record/verify.h"
#include "wire/journal_file.h"
#include "wire/json.h"

#define RECORDS 8

/* --- any bytes --- */

static void
check_shown(const char *text, size_t len)
{
	must(text_is_utf8(text, len));
	for (size_t i = 0; i < len; i++)
		must(text[i] == '\n' || (unsigned char)text[i] >= 0x20);
	must(memchr(text, 0x7f, len) == NULL);
}

static void
show(const char *line, size_t len)
{
	struct err err;
	struct js *m = js_parse(line, len, &err);
	char *text = NULL;
	size_t n = 0;
	struct show s = {.columns = 40, .body_lines = 5, .body_bytes = 300};

	s.to = open_memstream(&text, &n);
	if (m)
		show_record(&s, m);
	else
		show_bad(&s, 1, line, len);
	fclose(s.to);
	check_shown(text, n);
	free(text);
	js_free(m);
}

static int
read_file(int fd, const char *data, size_t size)
{
	char path[64];
	struct anchors *anchors = anchors_new();
	struct verify v;
	struct err err;
	struct journal_file *f;
	const char *line;
	size_t len, at = 0;
	int rc;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	f = journal_file_open(path, &err);
	must(f != NULL);
	verify_init(&v, anchors, NULL);
	while ((rc = journal_file_next(f, &line, &len, &err)) > 0) {
		must(journal_file_began(f) == (int64_t)at);
		must(at + len < size && memcmp(line, data + at, len) == 0);
		must(data[at + len] == '\n' && memchr(line, '\n', len) == NULL);
		verify_line(&v, line, len, (int64_t)at);
		show(line, len);
		anchors_line(anchors, line, len); /* a mirrored journal is one, too */
		at += len + 1;
	}
	must(rc == 0 && memchr(data + at, '\n', size - at) == NULL);
	must(journal_file_torn(f) == (int64_t)(size - at));
	verify_finish(&v, (int64_t)size, journal_file_torn(f));
	rc = verify_exit(&v);
	must(rc == RECORD_OK || rc == RECORD_FAILED || rc == RECORD_UNPROVEN);
	must(v.damaged == (rc == RECORD_FAILED));
	must(v.count <= VERIFY_FINDINGS_MAX);
	verify_fini(&v);
	anchors_free(anchors);
	journal_file_close(f);
	return rc;
}

static int
run(const char *data, size_t size)
{
	int fd = memfd_create("journal", MFD_CLOEXEC), rc;

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	rc = read_file(fd, data, size);
	close(fd);
	return rc;
}

/* --- a good journal --- */

static size_t
good(char *out, size_t room)
{
	char head[CHAIN_HEX + 1];
	size_t len = 0;

	chain_begin(head);
	for (int i = 1; i <= RECORDS; i++) {
		const char *more = i == 1
		    ? "\"state\":\"opened\",\"id\":\"20260131T031201Z-9f3c\",\"v\":2"
		    : i == RECORDS ? "\"state\":\"closed\""
				   : "\"text\":\"a note\"";
		size_t began = len;

		len += (size_t)snprintf(out + len, room - len,
		    "{\"t\":\"%s\",\"seq\":%d,\"at\":\"2026-01-31T03:12:0%d.000Z\",\"mono_ms\":%d,\"by\":\"ann\",%s",
		    i == 1 || i == RECORDS ? "incident" : "note", i, i, i * 10, more);
		chain_next(head, out + began, len - began);
		len += (size_t)snprintf(out + len, room - len, ",\"h\":\"%s\"}\n", head);
	}
	return len;
}

/* Each three bytes are one change: what, and where. */
static size_t
change(char *text, size_t len, size_t room, const uint8_t *ops, size_t count)
{
	for (size_t i = 0; i + 3 <= count && len > 0; i += 3) {
		size_t at = (size_t)(ops[i + 1] << 8 | ops[i + 2]) % len;

		if (ops[i] < 250) {
			text[at] = (char)(text[at] ^ ops[i]);
		} else if (ops[i] < 252) {
			memmove(text + at, text + at + 1, len - at - 1);
			len--;
		} else if (ops[i] < 254 && len < room) {
			memmove(text + at + 1, text + at, len - at);
			len++;
		} else {
			len = at;
		}
	}
	return len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char was[8192], text[8192];
	static int once;
	size_t len, n;
	char *copy = fuzz_text(data, size);

	if (!once++)
		must(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
	run(copy, size);
	free(copy);
	len = good(was, sizeof was);
	memcpy(text, was, len);
	must(run(was, len) == RECORD_OK);
	n = change(text, len, sizeof text, data, size < 30 ? size : 30);
	if (n != len || memcmp(text, was, len) != 0)
		must(run(text, n) != RECORD_OK);
	return 0;
}
