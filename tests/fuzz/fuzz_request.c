/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The request check: the six literals and nothing else, whatever stands in argv.
 * Lines before the last are argv, the last is SSH_ORIGINAL_COMMAND.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "host/request.h"

static bool
is_literal(const char *text)
{
	static const char *const six[] = {
	    "status", "forensics", "start", "stop", "reset", "cycle"};

	for (size_t i = 0; i < sizeof(six) / sizeof(six[0]); i++)
		if (strcmp(six[i], text) == 0)
			return true;
	return false;
}

/* Only "--site FILE", any number of times, may stand beside a client's word. */
static bool
only_sites(int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2)
		if (strcmp(argv[i], "--site") != 0 || i + 1 == argc)
			return false;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *argv[16] = {(char *)(uintptr_t) "x"};
	char *word = text, *nl;
	struct request r;
	int argc = 1, verb;

	verb = request_verb(text);
	must((verb >= 0) == is_literal(text));
	must(verb < 0 || strcmp(verb_rows[verb].name, text) == 0);
	must(verb_by_name((const char *)data, size) < 0 || strlen(text) == size);
	while (argc < 15 && (nl = strchr(word, '\n')) != NULL) {
		*nl = '\0';
		argv[argc++] = word;
		word = nl + 1;
	}
	request_read(argc, argv, word, &r);
	must(r.kind == REQUEST_VERB || r.kind == REQUEST_REJECTED ||
	    r.kind == REQUEST_USAGE);
	if (r.kind == REQUEST_VERB) {
		must(is_literal(word) && strcmp(verb_rows[r.verb].name, word) == 0);
		must(only_sites(argc, argv));
	}
	request_read(argc, argv, NULL, &r);
	must(r.kind != REQUEST_VERB && r.kind < REQUEST_KINDS);
	if (r.kind == REQUEST_WORKER)
		must(verb_rows[r.verb].mutating && r.id != NULL);
	free(text);
	return 0;
}
