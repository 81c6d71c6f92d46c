/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shim's command line, words cut at line ends: what is sent are two lines of
 * strict JSON, and the command in them is the words, byte for byte.
 */
#include <string.h>

#include "agent/shim_line.h"
#include "fuzz/fuzz.h"
#include "wire/json.h"

#define WORDS_MAX 64

static struct js *
parse(const char *line, size_t len)
{
	struct err err = {0};
	struct js *j = js_parse(line, len, &err);

	must(j);
	return j;
}

static void
check_line(const char *host, char *const *words, bool has_input)
{
	static char line[SHIM_LINE_MAX];
	size_t len = shim_line(host, words, has_input, line);
	const char *lf = memchr(line, '\n', len);
	struct buf got, want;
	struct js *j;

	must(len > 0 && len <= sizeof line && lf && line[len - 1] == '\n');
	for (size_t i = 0; i < len; i++)
		must(line[i] == '\n' || (line[i] >= 0x20 && line[i] < 0x7f));
	j = parse(line, (size_t)(lf - line));
	must(js_is(j, "t", "hello") && js_is(j, "role", "shim"));
	js_free(j);
	j = parse(lf + 1, len - (size_t)(lf + 1 - line) - 1);
	must(js_is(j, "t", "run") && js_is(j, "host", host));
	must(js_is_bool(j, "stdin") && js_bool(j, "stdin", false) == has_input);
	buf_init(&got, SHIM_COMMAND_MAX);
	buf_init(&want, SHIM_COMMAND_MAX);
	for (size_t i = 0; words[i]; i++)
		must((i == 0 || buf_add(&want, " ", 1) == 0) &&
		    buf_add_str(&want, words[i]) == 0);
	must(js_bytes(j, "command", &got) == 0 && got.len == want.len &&
	    memcmp(buf_str(&got), buf_str(&want), want.len) == 0);
	buf_fini(&got);
	buf_fini(&want);
	js_free(j);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *argv[WORDS_MAX + 1], name[] = "ssh";
	bool has_input = size && (data[size - 1] & 1);
	const char *wrong;
	int argc = 1;

	argv[0] = name;
	for (char *p = text; p && argc < WORDS_MAX;) {
		char *lf = strchr(p, '\n');

		argv[argc++] = p;
		p = lf ? lf + 1 : NULL;
		if (lf)
			*lf = '\0';
	}
	argv[argc] = NULL;
	must(shim_wrong(1, argv));
	wrong = shim_wrong(argc, argv);
	must(!wrong || wrong[0]);
	if (!wrong) {
		must(argc > 2);
		must(strcmp(argv[1], "devvm") == 0 || strcmp(argv[1], "pve") == 0);
		must(argv[2][0] != '-');
		check_line(argv[1], argv + 2, has_input);
	}
	check_line("devvm", argv + 1, has_input);
	free(text);
	return 0;
}
