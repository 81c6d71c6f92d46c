/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What findings make of outputs, and the report: who proves it, who advises first. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/runbook/runbook_report.h"

#define HEAD "---\nname: x\ntitle: T\ndescription: D\n---\n"

static const char book[] = HEAD
    "```devvm space 5s reads\ndf\n```\n"
    "```devvm units 5s reads\nsystemctl\n```\n"
    "```devvm mem 5s reads\nfree\n```\n"
    "```finding full critical\nin space  ^(\\S+) +(\\d+)%$\nif $2 >= 95\neach 3\n"
    "say $1 is $2 % full\ndo `du -x $1`\n```\n"
    "```finding unit warning\nin units  ^failed (\\S+): (.*)$\neach 3\n"
    "say $1 failed: $2\ndo `systemctl restart $1`\noffer again\n```\n"
    "```finding both note\nin mem  low (\\d+)\nalso space  100%\nnot units  sshd\n"
    "say low $1\n```\n"
    "```finding hangs warning\nin space.failed  no end\nsay df hangs\ndo **F6 reset**\n```\n"
    "```finding cycle-it warning\nin units.exit  ^3$\nsay three\ndo **F7 cycle**\n```\n"
    "```finding bad-clock note\nin mem  clock (\\d+)\nif $1 < now - 60\nsay late\n```\n"
    "## Again\n```repair again 5s check=units\nsystemctl restart $1\n```\n";

static struct runbook *rb;
static struct step_result results[3];
static struct founds founds;

static void
begin(void)
{
	struct err err = {0};
	int line = 0;

	rb = runbook_parse("x.md", book, strlen(book), &line, &err);
	cr_assert_not_null(rb, "%d: %s", line, err.words);
	for (int i = 0; i < 3; i++)
		step_result_init(&results[i]);
}

static void
finish(void)
{
	for (int i = 0; i < 3; i++)
		step_result_fini(&results[i]);
	founds_fini(&founds);
	runbook_free(rb);
}

TestSuite(runbook_eval, .init = begin, .fini = finish);
TestSuite(runbook_report, .init = begin, .fini = finish);

static void
ran(int step, const char *out, size_t len, int exit)
{
	struct step_result *r = &results[step];

	r->state = RESULT_RAN;
	r->exit = exit;
	r->at_s = 1000;
	r->ms = 1200;
	cr_assert_eq(buf_add(&r->out, out, len), 0);
}

static void
eval(void)
{
	for (int i = 0; i < 3; i++)
		runbook_eval(rb, results, i, &founds);
}

static int
count(const char *id)
{
	int n = 0;

	for (size_t i = 0; i < founds.count; i++)
		n += strcmp(rb->findings[founds.all[i].finding].id, id) == 0;
	return n;
}

static char *
report(const struct verdict *v, bool asked, const char *silent)
{
	static char text[REPORT_MAX];
	struct buf out;

	buf_init(&out, REPORT_MAX);
	runbook_report(&(struct runbook_report){.rb = rb,
			   .results = results,
			   .founds = &founds,
			   .verdict = v,
			   .asked = asked,
			   .silent = silent,
			   .ms = 2500},
	    &out);
	snprintf(text, sizeof text, "%s", buf_str(&out));
	buf_fini(&out);
	return text;
}

static bool
has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

#define RAN(step, text, exit) ran(step, text, strlen(text), exit)

Test(runbook_eval, compares_numbers_and_takes_several)
{
	RAN(0, "/ 94%\n/srv 97%\n/var 100%\n/x 96%\n/y 99%\n/z many%\n", 0);
	eval();
	cr_assert_eq(count("full"), 3);
	cr_assert_str_eq(founds.all[0].group[1], "/srv");
	cr_assert_str_eq(founds.all[1].proof, "/var 100%");
}

Test(runbook_eval, other_patterns_must_agree)
{
	RAN(0, "/ 100%\n", 0);
	RAN(1, "fine\n", 0);
	RAN(2, "low 3\n", 0);
	eval();
	cr_assert_eq(count("both"), 1);
	founds.count = 0;
	buf_clear(&results[1].out);
	RAN(1, "sshd\n", 0);
	eval();
	cr_assert_eq(count("both"), 0);
}

Test(runbook_eval, what_did_not_run_is_not_known)
{
	RAN(0, "/ 100%\n", 0);
	RAN(2, "low 3\n", 0);
	results[1].state = RESULT_SKIPPED; /* "not units" is not known either */
	eval();
	cr_assert_eq(count("both"), 0);
	cr_assert_eq(count("cycle-it"), 0);
}

Test(runbook_eval, a_step_that_failed_has_a_reason_and_what_it_said)
{
	RAN(0, "/ 99%\n", 0);
	results[0].state = RESULT_FAILED;
	snprintf(results[0].failed, sizeof results[0].failed, "no end within 5 s");
	eval();
	cr_assert_eq(count("hangs"), 1);
	cr_assert_eq(count("full"), 1);
}

Test(runbook_eval, exit_status_and_the_time_now_are_looked_at)
{
	RAN(1, "", 3);
	RAN(2, "clock 900\n", 0);
	eval();
	cr_assert_eq(count("cycle-it"), 1);
	cr_assert_eq(count("bad-clock"), 1);
	founds.count = 0;
	buf_clear(&results[2].out);
	RAN(2, "clock 990\n", 0);
	eval();
	cr_assert_eq(count("bad-clock"), 0);
}

Test(runbook_eval, bytes_of_a_host_are_made_harmless)
{
	static const char out[] =
	    "failed a\x1b[2J\x07.service: \xe2\x80\xae evil\xff\x00 end\nfailed b: x\n";

	ran(1, out, sizeof out - 1, 0);
	eval();
	cr_assert_geq(count("unit"), 1);
	for (size_t i = 0; i < founds.count; i++) {
		cr_assert_not(has(founds.all[i].group[1], "\x1b"));
		cr_assert_not(has(founds.all[i].group[2], "\xe2\x80\xae"));
		cr_assert_not(has(founds.all[i].proof, "\x1b"));
	}
}

Test(runbook_eval, a_pattern_that_explodes_is_given_up_with_file_and_line)
{
	static const char bad[] = HEAD "```devvm a 5s reads\nx\n```\n"
				       "```finding f note\nin a ^(a|aa)+$\nsay x\n```\n"
				       "```finding g note\nin a a\nsay y\n```\n";
	struct err err;
	int line;
	struct runbook *b = runbook_parse("dir/x.md", bad, strlen(bad), &line, &err);
	struct step_result r;
	struct founds f = {0};

	step_result_init(&r);
	r.state = RESULT_RAN;
	for (int i = 0; i < 5000; i++)
		cr_assert_eq(buf_add(&r.out, "aaaaaaaaaa", 10), 0);
	runbook_eval(b, &r, 0, &f);
	cr_assert_eq(f.trouble_count, 1);
	cr_assert(has(f.trouble[0], "dir/x.md:10: the pattern tries too many ways"), "%s",
	    f.trouble[0]);
	cr_assert_eq(f.count, 1); /* the other finding */
	step_result_fini(&r);
	founds_fini(&f);
	runbook_free(b);
}

Test(runbook_eval, the_same_thing_is_known_again_by_its_name)
{
	struct founds after = {0};

	RAN(1, "failed a.service: one\nfailed b.service: two\n", 0);
	eval();
	buf_clear(&results[1].out);
	RAN(1, "failed b.service: three\n", 0);
	runbook_eval_one(rb, results, 1, &after);
	cr_assert_eq(after.count, 1);
	cr_assert_not(found_is_same(&founds.all[0], &after.all[0]));
	cr_assert(found_is_same(&founds.all[1], &after.all[0]));
	founds_fini(&after);
}

static char *
filled(const char *group, const char *text)
{
	struct found f = {.groups = 1};

	snprintf(f.group[1], sizeof f.group[1], "%s", group);
	return found_fill(&f, text, false);
}

Test(runbook_eval, what_is_filled_in_is_neither_markdown_nor_shell)
{
	static const struct {
		const char *group, *text, *want;
	} cases[] = {
	    {"a*b_c", "say $1", "say a\\*b\\_c"},
	    {"x.service", "`restart $1`", "`restart x.service`"},
	    {"x; rm -rf /", "`restart $1`", "`restart 'x; rm -rf /'`"},
	    {"it's", "`cat $1`", "`cat 'it'\\''s'`"},
	    {"a`b", "`cat $1`", "`cat 'a?b'`"},
	    {"$(id)", "`echo '$1'`", "`echo '??id?'`"},
	    {"x", "`awk '{print $$1}' $1`", "`awk '{print $1}' x`"},
	    {"x", "costs $2", "costs $2"},
	    {"", "`cat $1`", "`cat ''`"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *got = filled(cases[i].group, cases[i].text);

		cr_assert_str_eq(got, cases[i].want);
		free(got);
	}
}

Test(runbook_eval, a_repair_takes_plain_words_only)
{
	static const char *const bad[] = {
	    "", "-rf", "a b", "x;id", "$(id)", "a'b", "a\nb"};
	struct found f = {.groups = 1};
	char *got;

	strcpy(f.group[1], "app@2.service");
	got = found_command(&f, "systemctl restart $1; awk '$$1'");
	cr_assert_str_eq(got, "systemctl restart app@2.service; awk '$1'");
	free(got);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		strcpy(f.group[1], bad[i]);
		cr_assert_null(found_command(&f, "systemctl restart $1"), "%s", bad[i]);
	}
}

Test(runbook_report, says_that_nothing_was_found)
{
	RAN(0, "/ 12%\n", 0);
	eval();
	cr_assert(has(report(NULL, false, NULL), "**Found:** nothing wrong"));
	cr_assert(has(report(NULL, false, NULL), "1 command on the devvm in"));
	cr_assert(has(report(NULL, false, NULL), "nothing was changed"));
	cr_assert_not(has(report(NULL, false, NULL), "**Do:**"));
}

Test(runbook_report, orders_by_severity_and_shows_the_line_that_proves)
{
	char *text;

	RAN(0, "/ 100%\n", 0);
	RAN(1, "failed a.service: boom\n", 0);
	RAN(2, "low 3\n", 0);
	eval();
	text = report(NULL, false, NULL);
	cr_assert(strstr(text, "critical") < strstr(text, "warning"));
	cr_assert(strstr(text, "warning") < strstr(text, "note"));
	cr_assert(has(text, "  - space: `/ 100%`"));
	cr_assert(
	    has(text, "1. `du -x /`\n2. `systemctl restart a.service`"), "%s", text);
}

static struct verdict
stall(void)
{
	struct verdict v = {
	    .word = "stall", .advice = "cycle", .evidence_count = 1, .not_count = 1};

	strcpy(v.why, "QEMU holds requests");
	strcpy(v.evidence[0], "host: the disk queue holds 1");
	v.not_now[0] = (struct verdict_not){VERB_RESET, "it destroys the evidence"};
	return v;
}

Test(runbook_report, the_verdict_comes_first_and_its_not_is_kept)
{
	struct verdict v = stall();
	char *text;

	RAN(0, "/ 100%\n", 0);
	results[0].state = RESULT_FAILED;
	snprintf(results[0].failed, sizeof results[0].failed, "no end within 5 s");
	eval();
	cr_assert_eq(count("hangs"), 1); /* it advises F6 reset */
	text = report(&v, true, "no answer");
	cr_assert(strstr(text, "verdict **stall**") < strstr(text, "**critical**"));
	cr_assert(has(text, "1. **F7 cycle**"), "%s", text);
	cr_assert(has(text, "- not F6 reset: it destroys the evidence"));
	cr_assert_not(has(text, "**F6 reset**"), "%s", text);
	cr_assert(has(text, "the devvm does not answer (no answer)"));
	cr_assert(has(text, "`host: the disk queue holds 1`"));
}

Test(runbook_report, a_key_that_is_not_the_verdicts_is_not_advised)
{
	struct verdict v = {.word = "frozen", .advice = "start"};

	cr_assert_not(advice_may_be(VERB_CYCLE, &v));
	cr_assert(advice_may_be(VERB_START, &v));
	cr_assert(advice_may_be(VERB_FORENSICS, &v));
	v = (struct verdict){.word = "healthy", .advice = "none"};
	cr_assert(advice_may_be(VERB_CYCLE, &v));
	cr_assert(advice_may_be(VERB_CYCLE, NULL));
	v.not_count = 1;
	v.not_now[0] = (struct verdict_not){VERB_CYCLE, "x"};
	cr_assert_not(advice_may_be(VERB_CYCLE, &v));
}

Test(runbook_report, a_verdict_from_before_is_no_finding_of_this_run)
{
	struct verdict v = {.word = "healthy", .advice = "none", .partial = true};

	RAN(0, "/ 1%\n", 0);
	cr_assert(has(report(&v, false, NULL), "the last was healthy (F3"));
	v = stall();
	cr_assert_not(has(report(&v, false, NULL), "- verdict **stall**"));
	cr_assert(has(report(&v, false, NULL), "1. **F7 cycle**"));
}

Test(runbook_report, tells_what_was_not_answered_and_left_out)
{
	results[0].state = RESULT_FAILED;
	snprintf(results[0].failed, sizeof results[0].failed, "no TCP answer");
	results[1].state = results[2].state = RESULT_SKIPPED;
	cr_assert(has(
	    report(NULL, false, "no TCP answer"), "- space was not answered: no TCP"));
	cr_assert(has(
	    report(NULL, false, "no TCP answer"), "2 more commands for it were left"));
}

Test(runbook_report, silence_is_found_and_says_who_can_be_asked)
{
	char *text;

	results[0].state = RESULT_FAILED;
	snprintf(results[0].failed, sizeof results[0].failed, "no TCP answer");
	text = report(NULL, false, "no TCP answer");
	cr_assert(has(text, "**critical** the devvm does not answer"));
	cr_assert(has(text, "1. ask the PVE host what it sees: `/triage`"));
	cr_assert(has(report(NULL, false, NULL), "knows, in what was answered."));
}

Test(runbook_report, bounds_what_hostile_output_can_make_of_it)
{
	char line[400];

	for (int i = 0; i < 600; i++) {
		snprintf(line, sizeof line, "failed %d.service: %.*s\n", i, 300,
		    "``````````````````````````````````````````````````````````````````````");
		cr_assert_eq(buf_add(&results[1].out, line, strlen(line)), 0);
	}
	results[1].state = RESULT_RAN;
	eval();
	cr_assert_eq(count("unit"), 3);
	cr_assert_lt(strlen(report(NULL, false, NULL)), REPORT_MAX - 1);
}
