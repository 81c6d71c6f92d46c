/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The runbook parser: what it takes, and every refusal with its line. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/mem.h"
#include "engine/runbook/runbook.h"

#define HEAD "---\nname: x\ntitle: T\ndescription: D\n---\n"
#define STEP "```devvm a 5s reads\ntrue\n```\n"
#define FIND(lines) "```finding f warning\n" lines "```\n"

static struct runbook *
parse(const char *text, size_t len, int *line, struct err *err)
{
	return runbook_parse("dir/x.md", text, len, line, err);
}

static void
refuses(const char *text, int at, const char *words)
{
	struct err err;
	int line = 0;
	struct runbook *rb = parse(text, strlen(text), &line, &err);

	cr_assert_null(rb, "taken: %s", text);
	cr_assert_not_null(
	    strstr(err.words, words), "said: %s\nnot: %s", err.words, words);
	cr_assert_eq(line, at, "line %d, not %d: %s", line, at, err.words);
}

static struct runbook *
takes(const char *text)
{
	struct err err = {0};
	int line = 0;
	struct runbook *rb = parse(text, strlen(text), &line, &err);

	cr_assert_not_null(rb, "%d: %s", line, err.words);
	return rb;
}

Test(runbook, takes_prose_steps_findings_and_repairs)
{
	struct runbook *rb = takes(HEAD
	    "Prose with `code`.\n\n## Room\n\n"
	    "```devvm space 12s reads\ndf -P\ndf -i\n```\n"
	    "```pve st\nstatus\n```\n```verdict vm\nforensics\n```\n"
	    "```sh\nnot run\n```\n```\nnor this\n```\n"
	    "```finding full critical\nin space  ^(\\S+) +(\\d+)%\nalso vm.word  healthy\n"
	    "not st  stopped\nif $2 >= 95\nif $2 * 2 > 4\neach 3\nsay $1 is full\n"
	    "do **F7 cycle** or `rm`\noffer fix\n```\n"
	    "```devvm more 3s writes when=full\ntouch x\n```\n"
	    "## Mend it\n```repair fix 60s check=space\nfix $1\n```\n");

	cr_assert_eq(rb->step_count, 4);
	cr_assert_str_eq(rb->steps[0].command, "df -P\ndf -i");
	cr_assert_str_eq(rb->steps[0].title, "Room");
	cr_assert_eq(rb->steps[0].limit_s, 12);
	cr_assert(rb->steps[0].reads);
	cr_assert_eq(rb->steps[1].verb, VERB_STATUS);
	cr_assert_eq(rb->steps[2].kind, STEP_VERDICT);
	cr_assert_eq(rb->steps[3].when, 0);
	cr_assert_not(rb->steps[3].reads);
	cr_assert_eq(rb->finding_count, 1);
	cr_assert_eq(rb->findings[0].look_count, 3);
	cr_assert_eq(rb->findings[0].last, 2);
	cr_assert_eq(rb->findings[0].each, 3);
	cr_assert_eq(rb->findings[0].key, VERB_CYCLE);
	cr_assert_eq(rb->findings[0].repair, 0);
	cr_assert_eq(rb->repairs[0].check, 0);
	cr_assert_str_eq(rb->repairs[0].title, "Mend it");
	runbook_free(rb);
}

Test(runbook, takes_line_ends_of_another_system)
{
	struct runbook *rb =
	    takes("---\r\nname: x\r\ntitle: T\r\ndescription: D\r\n---\r\n"
		  "```devvm a 5s reads\r\ntrue\r\n```\r\n");

	cr_assert_str_eq(rb->steps[0].command, "true");
	runbook_free(rb);
}

Test(runbook, refuses_a_frontmatter_that_is_none)
{
	refuses("", 1, "the first line must be ---");
	refuses("# Title\n", 1, "the first line must be ---");
	refuses("---\nname: x\n", 2, "no end");
	refuses("---\nname: x\ntitel: T\n---\n", 3, "unknown word \"titel\"");
	refuses("---\nname: x\nname: x\n---\n", 3, "there twice");
	refuses("---\nname: x\ntitle: T\n---\n" STEP, 4, "no description");
	refuses("---\nname: X y\ntitle: T\ndescription: D\n---\n", 5, "lower case");
	refuses("---\nname: y\ntitle: T\ndescription: D\n---\n", 5, "must be the same");
	refuses("---\nname: x\njust words\n---\n", 3, "lines such as");
	refuses("---\nname: x\ntitle:\n---\n", 3, "title must have");
}

Test(runbook, refuses_what_has_nothing_to_run)
{
	refuses(HEAD "Prose.\n", 6, "nothing to run");
}

Test(runbook, refuses_blocks_that_it_does_not_know_and_says_which_there_are)
{
	refuses(HEAD "```devm a 5s reads\ntrue\n```\n", 6, "unknown word \"devm\"");
	refuses(HEAD "```devvm a 5s reads fast\ntrue\n```\n", 6, "unknown word \"fast\"");
	refuses(HEAD "```devvm A 5s reads\ntrue\n```\n", 6, "comes an id");
	refuses(HEAD "```devvm a reads\ntrue\n```\n", 6, "needs a time limit");
	refuses(HEAD "```devvm a 500s reads\ntrue\n```\n", 6, "no time limit");
	refuses(
	    HEAD "```devvm a 5s\ntrue\n```\n", 6, "reads (it changes nothing) or writes");
	refuses(HEAD "```devvm a 5s reads writes\ntrue\n```\n", 6, "reads");
	refuses(HEAD "```devvm a 5s reads\n\n```\n", 7, "the block is empty");
	refuses(
	    HEAD "```devvm a 5s reads check=a\ntrue\n```\n", 6, "belongs to a repair");
	refuses(HEAD "```pve a\ncycle\n```\n", 7, "one word: status or forensics");
	refuses(HEAD "```pve a\nstatus; id\n```\n", 7, "one word");
	refuses(HEAD "```verdict a\nstatus\n```\n", 7, "forensics");
	refuses(HEAD "```pve a 5s\nstatus\n```\n", 6, "no more");
}

Test(runbook, refuses_fences_that_do_not_end_or_do_not_begin_at_the_edge)
{
	refuses(HEAD "```devvm a 5s reads\ntrue\n", 6, "no end");
	refuses(HEAD "```devvm a 5s reads\ntrue\n```finding f warning\n```\n", 8,
	    "begins inside the one of line 6");
	refuses(HEAD STEP "  ```sh\nx\n  ```\n", 9, "left edge");
	refuses(HEAD STEP "~~~\nx\n~~~\n", 9, "left edge");
}

Test(runbook, refuses_findings_with_the_line_of_what_is_wrong)
{
	refuses(HEAD STEP FIND("say x\ndo `y`\n"), 9, "needs \"in BLOCK PATTERN\"");
	refuses(HEAD STEP FIND("in a x\ndo `y`\n"), 9, "needs a sentence");
	refuses(HEAD STEP FIND("in a x\nsay y\n"), 9, "needs an advice");
	refuses(HEAD STEP FIND("in a x\nsay y\ndo nothing\n"), 9, "no key");
	refuses(HEAD STEP FIND("in a x\nsay y\nlook z\n"), 12, "unknown word \"look\"");
	refuses(HEAD STEP FIND("in a x\nsay y\nsay z\n"), 12, "there twice");
	refuses(HEAD STEP FIND("in a (x\nsay y\ndo `z`\n"), 10, "does not compile");
	refuses(HEAD STEP FIND("in a\nsay y\n"), 10, "pattern is empty");
	refuses(HEAD STEP FIND("in b x\nsay y\ndo `z`\n"), 10, "no block \"b\"");
	refuses(HEAD STEP FIND("in a.word x\nsay y\ndo `z`\n"), 10, "of a verdict block");
	refuses(HEAD STEP FIND("in a.stdout x\nsay y\n"), 10, "unknown word \"stdout\"");
	refuses(HEAD STEP FIND("also a x\nsay y\n"), 10, "begins with \"in");
	refuses(HEAD STEP FIND("in a x\nin a y\nsay y\n"), 11, "further");
	refuses(HEAD STEP FIND("in a x\nsay $1 y\ndo `z`\n"), 9, "has 0 groups");
	refuses(HEAD STEP FIND("in a (x)\nif $1 => 3\nsay y\n"), 11, "a comparison is");
	refuses(HEAD STEP FIND("in a (x)\nif $1 > 3 4\nsay y\n"), 11, "a comparison is");
	refuses(HEAD STEP FIND("in a (x)\nif $2 > 3\nsay y\ndo `z`\n"), 9, "$2 is used");
	refuses(HEAD STEP FIND("in a x\neach 99\nsay y\n"), 11, "each takes");
	refuses(HEAD STEP FIND("in a x\nsay y\ndo F7 reset\n"), 9, "F7 is cycle");
	refuses(HEAD STEP FIND("in a x\nsay y\noffer z\n"), 9, "no repair of that name");
	refuses(HEAD STEP "```finding f fatal\nin a x\nsay y\n```\n", 9, "one of: note");
	refuses(HEAD STEP FIND("in a (1)(2)(3)(4)(5)(6)(7)(8)(9)(0)\nsay y\n"), 10,
	    "10 groups");
	refuses(HEAD STEP FIND("in a \\C\nsay y\n"), 10, "does not compile");
}

Test(runbook, refuses_names_that_are_there_twice)
{
	refuses(HEAD STEP STEP, 9, "line 6");
	refuses(HEAD STEP "```finding a note\nin a x\nsay y\n```\n", 9, "line 6");
}

Test(runbook, refuses_repairs_that_nobody_offers_or_checks)
{
	refuses(HEAD STEP "```repair r 5s check=a\nx\n```\n", 9, "no finding offers");
	refuses(HEAD STEP "```repair r 5s\nx\n```\n", 9, "check=ID");
	refuses(HEAD STEP "```repair r check=a\nx\n```\n", 9, "a time limit");
	refuses(
	    HEAD STEP FIND("in a x\nsay y\noffer r\n") "```repair r 5s check=b\nx\n```\n",
	    14, "no block of that name");
	refuses(HEAD STEP "```devvm w 5s writes\nx\n```\n" FIND(
		    "in w x\nsay y\noffer r\n") "```repair r 5s check=w\nx\n```\n",
	    17, "only reads");
	refuses(HEAD STEP "```devvm b 5s reads\nx\n```\n" FIND(
		    "in b x\nsay y\noffer r\n") "```repair r 5s check=a\nx\n```\n",
	    12, "does not look at");
	refuses(HEAD STEP FIND(
		    "in a x\nsay y\noffer r\n") "```repair r 5s check=a\nx $1\n```\n",
	    9, "uses $1");
}

Test(runbook, refuses_loops_and_says_their_way)
{
	/* a repair that checks itself by a repair */
	refuses(
	    HEAD STEP FIND("in a x\nsay y\noffer r\n") "```repair r 5s check=r\nx\n```\n",
	    14, "a loop");
	/* a block that waits for what itself shows */
	refuses(HEAD
	    "```devvm a 5s reads when=f\nx\n```\n" FIND("in a x\nsay y\ndo `z`\n"),
	    6, "a -> f -> a");
	/* two that wait for each other */
	refuses(HEAD
	    "```devvm a 5s reads when=f\nx\n```\n```devvm b 5s reads when=g\nx\n```\n"
	    "```finding f note\nin b x\nsay y\n```\n```finding g note\nin a x\nsay y\n```\n",
	    6, "a -> f -> b -> g -> a");
	/* one that waits for what comes later */
	refuses(HEAD "```devvm a 5s reads when=f\nx\n```\n```devvm b 5s reads\nx\n```\n"
		     "```finding f note\nin b x\nsay y\n```\n",
	    6, "put it first");
	refuses(
	    HEAD "```devvm a 5s reads when=f\nx\n```\n", 6, "no finding of that name");
}

Test(runbook, refuses_what_is_no_text_or_too_much)
{
	char *big = mem_alloc(RUNBOOK_MAX + 10);
	struct err err;
	int line;

	memset(big, 'x', RUNBOOK_MAX + 5);
	cr_assert_null(parse(big, RUNBOOK_MAX + 5, &line, &err));
	cr_assert_not_null(strstr(err.words, "too long"));
	cr_assert_null(parse("---\n\0---", 8, &line, &err));
	cr_assert_not_null(strstr(err.words, "control character (byte 0)"));
	cr_assert_null(parse("---\nname: \033[2J\n", 14, &line, &err));
	cr_assert_eq(line, 2);
	cr_assert_null(parse("---\n\xff\xfe\n", 7, &line, &err));
	cr_assert_not_null(strstr(err.words, "UTF-8"));
	strcpy(big, HEAD);
	for (int i = 0; i <= RUNBOOK_STEPS_MAX; i++)
		sprintf(big + strlen(big), "```devvm a%d 5s reads\nx\n```\n", i);
	cr_assert_null(parse(big, strlen(big), &line, &err));
	cr_assert_not_null(
	    strstr(err.words, "too long: at most 48 blocks"), "%s", err.words);
	cr_assert_eq(line, 5 + 3 * RUNBOOK_STEPS_MAX + 1);
	free(big);
}

Test(runbook, survives_every_cut_of_a_shipped_file)
{
	struct err err;
	int line;
	size_t len;
	char *text = fd_read_file(RUNBOOKS_DIR "/disk.md", RUNBOOK_MAX, &len, &err);

	cr_assert_not_null(text, "%s", err.words);
	for (size_t n = 0; n < len; n += 7) {
		struct runbook *rb = runbook_parse("disk.md", text, n, &line, &err);

		if (!rb)
			cr_assert(line > 0 && err.words[0]);
		runbook_free(rb);
	}
	/* a byte that is another one */
	for (size_t n = 0; n < len; n += 5) {
		char was = text[n];

		text[n] = (char)(was ^ 0x15);
		runbook_free(runbook_parse("disk.md", text, len, &line, &err));
		text[n] = was;
	}
	free(text);
}

Test(runbook, the_shipped_ones_are_taken_and_are_the_five_presets)
{
	static const char *const names[] = {
	    "triage", "memory", "disk", "services", "qemu"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *path = mem_printf("%s/%s.md", RUNBOOKS_DIR, names[i]);
		struct err err = {0};
		size_t len;
		int line = 0;
		char *text = fd_read_file(path, RUNBOOK_MAX, &len, &err);
		struct runbook *rb;

		cr_assert_not_null(text, "%s", err.words);
		rb = runbook_parse(path, text, len, &line, &err);
		cr_assert_not_null(rb, "%s:%d: %s", path, line, err.words);
		for (size_t k = 0; k < rb->step_count; k++) /* presets only look */
			cr_assert(rb->steps[k].reads, "%s: %s", path, rb->steps[k].id);
		runbook_free(rb);
		free(text);
		free(path);
	}
}
