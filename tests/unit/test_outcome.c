/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "engine/power/outcome.h"

#define AT "2026-11-26T20:15:00.250Z"
#define AT_MS clock_from(AT)

static struct mutation m;
static struct hostjob j;
static const char *others;

static bool
is_others(const char *host_run, void *arg)
{
	return others && strcmp(others, host_run) == 0;
}

/* Our clock says 20:15:10; the host's is four hours ahead. */
static void
answer(void)
{
	hostjob_begin(&j);
	hostjob_run(&j, "20261127T001510Z-status-9");
	j.wall_ms = AT_MS + 9750;
	hostjob_fact(&j, "job", "none");
}

static void
init(void)
{
	m = (struct mutation){.id = "v1",
	    .verb = "cycle",
	    .by = "ann",
	    .asked = "operator",
	    .at = AT,
	    .at_ms = AT_MS};
	others = NULL;
	answer();
}

static struct outcome_of
now(void)
{
	return outcome_judge(&m, &j, j.wall_ms, is_others, NULL);
}

static void
job(const char *state, const char *id, const char *verb, const char *phase)
{
	hostjob_fact(&j, "job", state);
	hostjob_fact(&j, "job_id", id);
	hostjob_fact(&j, "job_verb", verb);
	hostjob_fact(&j, "job_phase", phase);
}

static void
last(const char *id, const char *verb, const char *rc)
{
	hostjob_fact(&j, "last_id", id);
	hostjob_fact(&j, "last_verb", verb);
	hostjob_fact(&j, "last_rc", rc);
	hostjob_fact(&j, "last_state", "running");
}

Test(clock, a_time_that_was_written_is_read_again)
{
	char at[CLOCK_AT_LEN];

	cr_assert_str_eq(clock_at(clock_from(AT), at), AT);
	cr_assert_eq(clock_from(""), -1);
	cr_assert_eq(clock_from("2026-11-26T20:15:00Z"), -1);
	cr_assert_eq(clock_from("2026-11-26T20:15:00.250Z "), -1);
}

Test(hostjob, two_hosts_clocks_are_never_compared, .init = init)
{
	cr_assert_eq(hostjob_began_ms(&j, "20261127T001501Z-cycle-7"), AT_MS + 750);
	cr_assert_eq(hostjob_began_ms(&j, "cycle-7"), -1);
	cr_assert_eq(hostjob_began_ms(&j, "20261127T001501"), -1);
	cr_assert_eq(hostjob_began_ms(&j, ""), -1);
}

Test(hostjob, what_is_no_word_does_not_get_through, .init = init)
{
	hostjob_fact(&j, "job_phase", "a\033[2J\n b\xc3");
	cr_assert_str_eq(j.phase, "a??2J??b?");
	hostjob_fact(&j, "job_verb", "a-word-that-is-longer-than-any-verb");
	cr_assert_eq(strlen(j.verb), sizeof j.verb - 1);
}

Test(outcome, a_run_with_its_name_is_that_run_whatever_its_time, .init = init)
{
	strcpy(m.host_run, "20261126T101010Z-cycle-5");
	job("running", "20261126T101010Z-cycle-5", "cycle", "stopping");
	cr_assert_eq(now().outcome, OUTCOME_RUNNING);
	cr_assert_not(now().final);
	job("interrupted", "20261126T101010Z-cycle-5", "cycle", "stopped");
	cr_assert_eq(now().outcome, OUTCOME_INTERRUPTED);
	cr_assert_str_eq(now().word, "stopped");
	answer();
	last("20261126T101010Z-cycle-5", "cycle", "0");
	cr_assert_eq(now().outcome, OUTCOME_DONE);
	last("20261126T101010Z-cycle-5", "cycle", "3");
	cr_assert_eq(now().outcome, OUTCOME_FAILED);
	cr_assert_eq(now().rc, 3);
	hostjob_fact(&j, "last_why", "qm start: no disk\033[2J; send start");
	cr_assert_str_eq(now().said, "qm start: no disk?[2J; send start");
	last("20261127T001501Z-cycle-6", "cycle", "0");
	cr_assert_eq(now().outcome, OUTCOME_UNKNOWN);
	cr_assert(now().final);
	cr_assert_str_eq(now().why, "the host has begun another verb since");
}

Test(outcome, a_run_without_a_name_is_known_by_verb_and_time, .init = init)
{
	job("running", "20261127T001501Z-cycle-7", "cycle", "stopping");
	cr_assert_eq(now().outcome, OUTCOME_RUNNING);
	cr_assert_str_eq(now().host_run, "20261127T001501Z-cycle-7");
	answer();
	last("20261127T001501Z-cycle-7", "cycle", "0");
	cr_assert_eq(now().outcome, OUTCOME_DONE);
}

Test(outcome, another_verb_another_time_or_anothers_run_is_not_it, .init = init)
{
	job("running", "20261127T001501Z-reset-7", "reset", "resetting");
	cr_assert_eq(now().outcome, OUTCOME_NEVER_RAN);
	job("running", "20261127T001450Z-cycle-7", "cycle", "stopping");
	cr_assert_eq(now().outcome, OUTCOME_NEVER_RAN);
	job("running", "20261127T001501Z-cycle-7", "cycle", "stopping");
	others = "20261127T001501Z-cycle-7";
	cr_assert_eq(now().outcome, OUTCOME_NEVER_RAN);
	others = NULL;
	answer();
	j.wall_ms += 120000;
	hostjob_run(&j, "20261127T001710Z-status-9");
	j.wall_ms = AT_MS + 129750;
	job("running", "20261127T001630Z-cycle-7", "cycle", "stopping");
	cr_assert_eq(now().outcome, OUTCOME_NEVER_RAN, "it began 90 s later");
}

Test(outcome, it_is_not_said_to_have_never_run_before_it_could_have_come, .init = init)
{
	struct outcome_of o = outcome_judge(&m, &j, AT_MS + 4000, is_others, NULL);

	cr_assert_eq(o.outcome, OUTCOME_UNKNOWN);
	cr_assert_not(o.final);
	cr_assert_eq(now().outcome, OUTCOME_NEVER_RAN);
	last("20261127T001508Z-start-8", "start", "0");
	cr_assert_eq(now().outcome, OUTCOME_UNKNOWN, "a later record hides it");
	cr_assert(now().final);
}

Test(outcome, a_host_that_keeps_no_record_leaves_it_open, .init = init)
{
	hostjob_begin(&j);
	cr_assert_eq(now().outcome, OUTCOME_UNKNOWN);
	cr_assert_not(now().final);
}

Test(outcome, the_key_is_what_makes_the_vm_run_and_never_a_repetition_of_what_runs,
    .init = init)
{
	static const struct {
		enum outcome outcome;
		const char *verb, *status, *key;
		bool settled;
	} rows[] = {
	    {OUTCOME_RUNNING, "cycle", "stopped", "", false},
	    {OUTCOME_DONE, "cycle", "running", "", true},
	    {OUTCOME_DONE, "cycle", "stopped", "start", false},
	    {OUTCOME_DONE, "stop", "stopped", "", true},
	    {OUTCOME_FAILED, "cycle", "stopped", "start", false},
	    {OUTCOME_FAILED, "cycle", "running", "forensics", false},
	    {OUTCOME_FAILED, "reset", "hung", "cycle", false},
	    {OUTCOME_INTERRUPTED, "cycle", "stopped", "start", false},
	    {OUTCOME_INTERRUPTED, "cycle", "running", "cycle", false},
	    {OUTCOME_INTERRUPTED, "stop", "stopped", "", false},
	    {OUTCOME_NEVER_RAN, "cycle", "running", "cycle", false},
	    {OUTCOME_NEVER_RAN, "start", "stopped", "start", false},
	    {OUTCOME_NEVER_RAN, "start", "running", "", true},
	    {OUTCOME_NEVER_RAN, "cycle", "unknown", "status", false},
	    {OUTCOME_UNKNOWN, "cycle", "running", "forensics", true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct outcome_of o = {.outcome = rows[i].outcome,
		    .final = rows[i].outcome != OUTCOME_RUNNING};

		strcpy(m.verb, rows[i].verb);
		cr_assert_str_eq(outcome_key(&m, &o, rows[i].status, AT_MS + 60000),
		    rows[i].key, "%zu", i);
		cr_assert_eq(outcome_is_settled(&m, &o, rows[i].status, AT_MS + 60000),
		    rows[i].settled, "%zu", i);
	}
}

Test(outcome, what_was_wanted_long_ago_is_not_asked_for_again, .init = init)
{
	struct outcome_of o = {.outcome = OUTCOME_NEVER_RAN, .final = true};

	cr_assert_str_eq(outcome_key(&m, &o, "running", AT_MS + 3600000), "forensics");
	cr_assert(outcome_is_settled(&m, &o, "running", AT_MS + 3600000));
	cr_assert_not(outcome_is_settled(&m, &o, "stopped", AT_MS + 3600000));
	o.outcome = OUTCOME_INTERRUPTED;
	cr_assert(outcome_is_settled(&m, &o, "running", AT_MS + 3600000));
}

Test(outcome, its_words_are_one_sentence, .init = init)
{
	struct outcome_of o = {.outcome = OUTCOME_FAILED, .final = true, .rc = 5};
	char text[320];

	outcome_words(&m, &o, text, sizeof text);
	cr_assert_str_eq(text,
	    "cycle by ann (20:15:00Z) failed at the host: exit 5, it is locked; nothing was stopped");
	strcpy(o.said, "VM 102's config is locked (backup) by nobody");
	outcome_words(&m, &o, text, sizeof text);
	cr_assert_str_eq(text,
	    "cycle by ann (20:15:00Z) failed at the host: exit 5: VM 102's config is locked "
	    "(backup) by nobody");
	m.id[0] = '\0';
	o.outcome = OUTCOME_RUNNING;
	strcpy(o.word, "stopping");
	outcome_words(&m, &o, text, sizeof text);
	cr_assert_str_eq(
	    text, "cycle by somebody else goes on at the host (phase stopping)");
}
